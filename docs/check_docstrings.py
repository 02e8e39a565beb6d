"""Check the docstrings of the package's public names with numpydoc: python docs/check_docstrings.py

The names that the package and its public subpackages export are checked, and the public methods and properties of
their classes. These rules hold beside numpydoc's own:

- The summary of a function begins with a verb.
- A parameter is documented by an entry, or by its name in double backticks in the text.
- A summary that begins with "Return" or "Yield" describes the result. Without parameters no section has to do so.
- A method that overrides a documented one may have no docstring, or one that leaves out parameters and result.
- Exported classes and functions have an example.
"""

import functools
import importlib
import inspect
import pkgutil
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any, NamedTuple

from numpydoc import validate
from numpydoc.docscrape import NumpyDocString, get_doc_object

PACKAGE = "cutedl_xp"
EXEMPT_PARTS = {"__main__": "runs the commands", "commands": "the page of the command line describes the commands"}
EXEMPT_CODES = {
    "PR01": "undocumented_parameters() also accepts parameters that the text names",
    "PR04": "the signature has the types",
    "ES01": "one sentence often suffices",
    "SA01": "the reference pages group related names",
}
EXEMPT_PARAMETERS = {"xp": "the namespace of the arrays, in each function that has it"}
STATE = "State"  # a section of the optimizers, which docs/conf.py declares too
NO_VERBS = {"A", "An", "It", "One", "That", "The", "These", "This", "Those", "What", "Where", "Whether", "Which"}

validate.ALLOWED_SECTIONS.insert(validate.ALLOWED_SECTIONS.index("Returns"), STATE)
NumpyDocString.sections = {**NumpyDocString.sections, STATE: []}


class Named(NamedTuple):
    """A class, function or property, and which rules hold for it."""

    name: str
    value: Any
    is_exported: bool = False
    is_override: bool = False


def public_objects() -> Iterator[Named]:
    """Yield the classes and functions that the package and its subpackages export, and the members of the classes."""
    package = importlib.import_module(PACKAGE)
    yield from objects_of(package)
    for part in (found.name for found in pkgutil.iter_modules(package.__path__)):
        if part.startswith("_") or part in EXEMPT_PARTS:
            continue
        module = importlib.import_module(f"{PACKAGE}.{part}")
        yield from objects_of(module)
        if not hasattr(module, "__all__") and hasattr(module, "__path__"):
            for found in pkgutil.iter_modules(module.__path__, f"{module.__name__}."):
                if not found.name.rpartition(".")[2].startswith("_"):
                    yield from objects_of(importlib.import_module(found.name), is_exported=False)


def objects_of(module: ModuleType, is_exported: bool = True) -> Iterator[Named]:
    """Yield the classes and functions of ``__all__``, else those that a module defines, and the classes' members."""
    defined = [name for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__]
    for name in getattr(module, "__all__", defined):
        value = getattr(module, name)
        if name.startswith("_"):
            continue
        if inspect.ismodule(value) and module.__name__ != PACKAGE:
            yield from objects_of(value)
        if inspect.isclass(value) or inspect.isfunction(value):
            yield Named(f"{module.__name__}.{name}", value, is_exported)
        if inspect.isclass(value):
            yield from members(value)


def members(kind: type) -> Iterator[Named]:
    """Yield the public methods and properties of a class and its bases, unless they inherit their docstrings."""
    for base in kind.__mro__:
        for name, value in vars(base).items() if base.__module__.startswith(PACKAGE) else ():
            member = value.__func__ if isinstance(value, classmethod | staticmethod) else value
            is_own = getattr(member, "__qualname__", base.__qualname__).startswith(base.__qualname__)
            is_member = inspect.isfunction(member) or isinstance(member, property | functools.cached_property)
            if name.startswith("_") or not is_own or not is_member:
                continue
            is_override = any(getattr(vars(other).get(name), "__doc__", None) for other in base.__mro__[1:])
            if member.__doc__ or not is_override:
                yield Named(f"{base.__module__}.{base.__qualname__}.{name}", member, is_override=is_override)


def faults(named: Named) -> Iterator[str]:
    """Yield a sentence for each fault of a docstring."""
    doc = validate.Validator(get_doc_object(named.value))
    found = [error for error in validate.validate(doc.doc)["errors"] if error[0] not in EXEMPT_CODES]
    first = doc.summary.split(" ")[0].rstrip(",")
    if doc.is_function_or_method and first in NO_VERBS:
        found.append(("SS05", f'Summary must start with a verb, not with "{first}"'))
    if doc.raw_doc and not named.is_override and (parameters := undocumented_parameters(doc)):
        found.append(("PR01", f"Parameters {', '.join(parameters)} not documented"))
    yield from (f"{named.name}: {code} {message}" for code, message in found if not is_excused(code, named, doc))


def is_excused(code: str, named: Named, doc: validate.Validator) -> bool:
    """Return whether one of the project's own rules allows a fault."""
    if code in ("RT01", "YD01"):
        return named.is_override or doc.summary.startswith(("Return", "Yield")) or not doc.signature_parameters
    return code == "EX01" and (not named.is_exported or has_no_parameters(named.value))


def undocumented_parameters(doc: validate.Validator) -> list[str]:
    """Return the parameters that have neither an entry nor a name in double backticks."""
    if has_no_parameters(doc.obj):
        return []
    entries = [name for section in ("Parameters", "Attributes") for name, _, _ in doc.doc[section]]
    documented = {part for names in entries for part in names.split(", ")} | EXEMPT_PARAMETERS.keys()
    names = [name for name in doc.signature_parameters if f"``{name}``" not in doc.raw_doc]
    return [name for name in names if name not in documented]


def has_no_parameters(value: Any) -> bool:
    """Return whether a class is a protocol or an exception, whose parameters are not its own."""
    return inspect.isclass(value) and (issubclass(value, BaseException) or getattr(value, "_is_protocol", False))


def main() -> int:
    """Return 1 if a docstring has a fault, else 0."""
    objects = {id(named.value): named for named in reversed([*public_objects()])}  # under the first of its names
    found = [fault for named in reversed(objects.values()) for fault in faults(named)]
    print("\n".join(found) or f"the docstrings of {len(objects)} public names have no fault")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
