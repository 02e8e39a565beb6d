"""Functions of CuPy's compiled modules, replaced by Python functions.

CuPy's compiled modules call the CUDA runtime and driver through those of ``cupy_backends.cuda.api``, whose addresses
they find in the capsules of ``__pyx_capi__`` when they are imported. A few lines of C at these addresses call Python;
CuPy receives an exception that is raised there like one of its own.
"""

import atexit
import ctypes
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from cupy_on_cpu.compiler import compile_c
from cupy_on_cpu.errors import Unsupported

_SIGNATURE = re.compile(r"(?P<result>.*?)\s*\((?P<arguments>.*)\)$")
_FORMATS = {
    "int": "i",
    "cudaMemcpyKind": "i",
    "CUdevice": "i",
    "unsigned int": "I",
    "size_t": "n",
    "intptr_t": "n",
    "uintmax_t": "K",
    "PyObject *": "O",
}
"""Format of an argument for Py_BuildValue, by its type in C."""

_RESULTS = {
    "int": ("PyLong_AsLong", -1),
    "unsigned int": ("PyLong_AsUnsignedLong", 0),
    "intptr_t": ("PyLong_AsSsize_t", 0),
    "size_t": ("PyLong_AsSize_t", 0),
    "uintmax_t": ("PyLong_AsUnsignedLongLong", 0),
    "float": ("PyFloat_AsDouble", 0),
}
"""Conversion of a Python object to a result, and the result that makes CuPy check for an exception."""

_OPTIONAL = frozenset({"streamBeginCapture"})
"""Functions with an optional last argument, an int, that their Python functions need."""

_PROLOGUE = """
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
typedef struct _object PyObject;
typedef int CUdevice, cudaMemcpyKind;
extern PyObject *PyObject_CallFunction(PyObject *, const char *, ...);
extern PyObject *PyErr_Occurred(void);
extern void Py_IncRef(PyObject *), Py_DecRef(PyObject *);
extern long PyLong_AsLong(PyObject *);
extern unsigned long PyLong_AsUnsignedLong(PyObject *);
extern ssize_t PyLong_AsSsize_t(PyObject *);
extern size_t PyLong_AsSize_t(PyObject *);
extern unsigned long long PyLong_AsUnsignedLongLong(PyObject *);
extern double PyFloat_AsDouble(PyObject *);
struct optional { int count, value; };
PyObject *none;
int ended; /* Python is shutting down, and CuPy frees what it still has: there is nobody left to ask */
"""

_kept: list[Any] = []  # CuPy holds addresses inside these


@dataclass(frozen=True)
class _EntryPoint:
    """A function of a compiled module, by the signature that its capsule carries."""

    name: str
    result: str
    arguments: tuple[str, ...]

    @classmethod
    def of(cls, name: str, signature: str) -> "_EntryPoint | None":
        """Return an entry point, or None for a function that only works on C structures and cannot reach a device."""
        found = _SIGNATURE.match(signature)
        if not found:
            return None
        arguments = tuple(part.strip() for part in found["arguments"].split(",") if part.strip() != "void")
        of_pointer = "PyObject *" if found["result"].startswith("struct") else found["result"]
        known = of_pointer == "PyObject *" or of_pointer in _RESULTS
        own = [argument for argument in arguments if "__pyx_" not in argument]
        return cls(name, of_pointer, arguments) if known and all(each in _FORMATS for each in own) else None

    def c_source(self) -> str:
        """Return the function in C that calls the Python function ``answer_NAME``."""
        declared = [
            f"void *hidden_{i}" if "struct" in a else a.split(" __pyx_")[0] for i, a in enumerate(self.arguments)
        ]
        declared = [each if "hidden" in each else f"{each} a{i}" for i, each in enumerate(declared)]
        handed = [i for i, argument in enumerate(self.arguments) if "__pyx_" not in argument]
        formats = "".join(_FORMATS[self.arguments[i]] for i in handed)
        values = "".join(f", a{i}" for i in handed)
        choice = f'"({formats})"'
        if self.name in _OPTIONAL:
            optional = f"((struct optional *)hidden_{len(self.arguments) - 1})"
            choice = f'{optional} && {optional}->count ? "({formats}i)" : {choice}'
            values += f", {optional} ? {optional}->value : 0"
        return (
            f"PyObject *answer_{self.name};\n"
            f"{self.result} entry_{self.name}({', '.join(declared) or 'void'}) {{\n"
            f"{self._when_ended()}\n"
            f"PyObject *answer = PyObject_CallFunction(answer_{self.name}, {choice}{values});\n"
            f"{self._convert()}\n}}\n"
        )

    def _when_ended(self) -> str:
        return "if (ended) { Py_IncRef(none); return none; }" if self.result == "PyObject *" else "if (ended) return 0;"

    def _convert(self) -> str:
        if self.result == "PyObject *":
            return "return answer;"
        function, of_error = _RESULTS[self.result]
        return (
            f"if (!answer) return {of_error};\n"
            f"{self.result} result = {function}(answer);\nPy_DecRef(answer);\nreturn result;"
        )


def replace_all(module: ModuleType, answers: Mapping[str, Callable[..., Any]], keep: frozenset[str]) -> None:
    """Replace functions of a compiled module by Python functions; those neither given nor kept raise an error.

    Parameters
    ----------
    module
        A module of CuPy from which nothing has been imported yet.
    answers
        Python functions by the names of the functions that they replace.
    keep
        Names of functions that stay unchanged.
    """
    capsules = module.__pyx_capi__
    missing = answers.keys() - capsules.keys()
    if missing:
        raise RuntimeError(f"{module.__name__} has no {', '.join(sorted(missing))}; is this another version of CuPy?")
    points = [
        point
        for name, capsule in capsules.items()
        if name not in keep and (point := _EntryPoint.of(name, _capsule_name(capsule).decode())) is not None
    ]
    library = compile_c(_PROLOGUE + "".join(point.c_source() for point in points))
    ctypes.c_void_p.in_dll(library, "none").value = id(None)
    for point in points:
        answer = answers.get(point.name) or _refusal(module, point.name)
        _kept.append(answer)
        ctypes.c_void_p.in_dll(library, f"answer_{point.name}").value = id(answer)
        _redirect(capsules[point.name], library, f"entry_{point.name}")
        setattr(module, point.name, answer)
    _kept.append(library)
    ended = ctypes.c_int.in_dll(library, "ended")
    atexit.register(setattr, ended, "value", 1)


def _refusal(module: ModuleType, name: str) -> Callable[..., Any]:
    def refuse(*_: Any, **__: Any) -> Any:
        raise Unsupported(f"{module.__name__}.{name} cannot be emulated")

    return refuse


def _capsule_name(capsule: Any) -> bytes:
    name = ctypes.pythonapi.PyCapsule_GetName
    name.argtypes, name.restype = [ctypes.py_object], ctypes.c_char_p
    found: bytes = name(capsule)
    return found


def _redirect(capsule: Any, library: ctypes.CDLL, function: str) -> None:
    set_pointer = ctypes.pythonapi.PyCapsule_SetPointer
    set_pointer.argtypes, set_pointer.restype = [ctypes.py_object, ctypes.c_void_p], ctypes.c_int
    set_pointer(capsule, ctypes.cast(getattr(library, function), ctypes.c_void_p))
