"""Kernels that CuPy compiles from elementwise functions."""

import functools
import re
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

from cutedl_xp.backends._rules import Elementwise, Rule, rule_outputs, with_decay


def cast_floats(arguments: Sequence[Any]) -> list[Any]:
    """Return the arguments with floats in the first array's dtype; CuPy computes with Python floats in float16."""
    dtype = arguments[0].dtype.type
    return [dtype(argument) if isinstance(argument, float) else argument for argument in arguments]


@functools.cache
def fuse_function(cupy: Any, function: Callable[..., Any]) -> Any:
    """Return an elementwise function as one kernel."""
    name = f"{function.__name__}_of_entries"  # a kernel cannot have the name of a function of CUDA, such as tanh
    return _make_kernel(cupy, name, lambda *arguments: function(_namespace(cupy), *arguments))


@functools.cache
def fuse_add_bias(cupy: Any, function: Elementwise) -> Any:
    """Return a function of the sum of two arrays as one kernel."""
    xp = _namespace(cupy)
    return _make_kernel(cupy, f"{function.__name__}_of_sum", lambda x, y: function(xp, x + y))


@functools.cache
def fuse_rule(cupy: Any, rule: Rule, arrays: int, decays: bool, in_place: bool) -> Any:
    """Return a rule of ``arrays`` arrays as a kernel that returns its results, or writes them over w and the state."""
    results = functools.partial(with_decay(rule, decays), _namespace(cupy))

    def write(*arguments: Any) -> None:
        for target, result in zip(rule_outputs(arguments[:arrays]), results(*arguments), strict=True):
            target[...] = result

    return _make_kernel(cupy, rule.__name__, write if in_place else results)


@functools.cache
def copy_kernel(cupy: Any, copies: int = 1, counts: bool = False) -> Any:
    """Return a kernel that copies up to 16 arrays of one shape to as many others, and can add 1 to an integer.

    CuPy's own copies of contiguous arrays do not use a kernel.
    """
    types = "ABCDEFGHIJKLMNOP"[:copies]
    inputs, outputs = (", ".join(f"{each} {name}_{each}" for each in types) for name in ("source", "target"))
    code = "".join(f"target_{each} = source_{each};" for each in types)
    if counts:
        outputs, code = f"{outputs}, Z number".lstrip(", "), f"{code}number += 1;"
    return cupy.ElementwiseKernel(inputs, outputs, code, "copy_and_count" if counts else "copy")


def _make_kernel(cupy: Any, name: str, function: Callable[..., Any]) -> Any:
    return cupy.fuse(kernel_name=re.sub(r"\W", "_", name, flags=re.ASCII))(function)


def _namespace(cupy: Any) -> SimpleNamespace:
    import array_api_compat.cupy as compatible

    return SimpleNamespace(**(vars(compatible) | {"sign": cupy.sign}))  # the sign of array_api_compat cannot be fused
