"""Loops that numba compiles for computations that take NumPy several passes, such as the rule of an optimizer.

The formulas are the same functions that NumPy runs, called with numbers instead of arrays. The compiled loops are kept
on disk, so that only the first program that needs a loop waits for the compiler.

Loops write to arrays that their callers allocate, and return a number or None, because numba calls a Python function to
return an array, and an interrupt in this function becomes a SystemError.
"""

import functools
import hashlib
import inspect
import types
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np
from numba.extending import overload
from numba.np.unsafe.ndarray import to_fixed_tuple

from cutedl_xp import _numerics
from cutedl_xp.backends import _numba_namespace as xp
from cutedl_xp.backends._numba_cache import keep_on_disk
from cutedl_xp.backends._rules import add_decay, is_module_level

Function = TypeVar("Function", bound=Callable[..., Any])

_CHEAP = {"abs", "maximum", "minimum", "sqrt", "where"}


def compile_function(function: Function, cache: bool = False) -> Function:
    """Return a function that is compiled for the types of its arguments; a number divided by 0 is infinite."""
    compiled: Function = numba.njit(function, error_model="numpy", nogil=True)
    if cache:
        keep_on_disk(compiled)
    return compiled


def _fingerprint(*formulas: Callable[..., Any], count: int = 0) -> str:
    """Return a text that changes with the formulas of a loop, because numba detects changes of this file only."""
    texts = [
        (_text(each.__code__), each.__defaults__, each.__kwdefaults__) for each in (*formulas, add_decay, xp._choice)
    ]
    return hashlib.sha256(repr((texts, count)).encode()).hexdigest()[:16]


def _text(code: types.CodeType) -> tuple[Any, ...]:
    """Return the instructions of a function, without its file and lines."""
    constants = [_text(each) if isinstance(each, types.CodeType) else each for each in code.co_consts]
    return code.co_code, constants, code.co_names, code.co_varnames


def _loop(template: Callable[..., Any], formula: Callable[..., Any], count: int = 0) -> Callable[..., Any]:
    """Return one of the loops below with a formula, compiled, and kept on disk if the formula uses no global names."""
    copy = types.FunctionType(template.__code__, globals() | {"formula": compile_function(formula), "count": count})
    fingerprint = _fingerprint(formula, count=count)
    copy.__qualname__ = f"{template.__name__}_{formula.__name__}_{fingerprint}"  # determines the name of the file
    return compile_function(copy, cache=not inspect.getclosurevars(formula).globals)


_add_decay: Callable[..., Any] = compile_function(add_decay)


@compile_function
def _gradient(w: Any, g: Any, decay: Any) -> Any:
    """Return the gradient with the weight decay added, unless the decay is 0."""
    return _add_decay(w, g, decay) if decay else g


formula: Callable[..., Any] = NotImplemented  # each copy of a loop below has a formula of its own,
count = 0  # and the number of the formula's scalars


def _read(arrays: Any, i: Any) -> Any:
    """Return entry i of each array of a tuple."""


def _write(arrays: Any, i: Any, values: Any) -> Any:
    """Write values over entry i of each array of a tuple."""


@overload(_read, inline="always", strict=False)  # type: ignore[untyped-decorator]
def _read_overload(arrays: Any, i: Any) -> Callable[..., Any]:
    """Unroll the loop over a tuple: tuples have a fixed length in numba, and a loop over them is not vectorized."""
    if not len(arrays):
        return lambda arrays, i: ()
    return lambda arrays, i: (arrays[0][i], *_read(arrays[1:], i))


@overload(_write, inline="always", strict=False)  # type: ignore[untyped-decorator]
def _write_overload(arrays: Any, i: Any, values: Any) -> Callable[..., Any]:
    def write(arrays: Any, i: Any, values: Any) -> None:
        arrays[0][i] = values[0]
        _write(arrays[1:], i, values[1:])

    return write if len(arrays) else lambda arrays, i, values: None


def _of_rule(w: Any, g: Any, states: Any, scalars: Any) -> None:
    numbers, decay = to_fixed_tuple(scalars, count), scalars[count]
    for i in range(w.size):
        results = formula(xp, w[i], _gradient(w[i], g[i], decay), *(_read(states, i) + numbers))
        w[i] = results[0]
        _write(states, i, results[1:])


LOOPS: dict[tuple[Any, ...], Callable[..., None] | None] = {}
"""Loops of the rules used so far, by the arguments of :func:`loop_over`; None for a rule that is not compiled."""


def loop_over(rule: Callable[..., Any], arrays: int, scalars: int, dtype: Any) -> Callable[..., None] | None:
    """Return the loop ``(w, g, states, scalars)`` that writes a rule's results over w and the states, of shape (n,).

    The states are a tuple of arrays. The scalars are an array of the same dtype, with the weight decay as the last
    entry. Return None for rules that are not compiled: closures, and rules that numba refuses, with a warning.
    """
    if not is_module_level(rule) or np.dtype(dtype).kind != "f":
        return None
    key = rule, arrays, scalars, dtype
    if key not in LOOPS:
        LOOPS[key] = _compile_rule(*key)  # assigned when complete, because a thread or an interrupt may intervene
    return LOOPS[key]


def _compile_rule(rule: Callable[..., Any], arrays: int, scalars: int, dtype: Any) -> Callable[..., None] | None:
    try:
        if len(rule(np, *[np.ones(1, dtype)] * arrays, *[1.0] * scalars)) != arrays - 1:
            return None  # NumPy raises the error
        loop = _loop(_of_rule, rule, scalars)
        empty = np.empty(0, dtype)
        loop(empty, empty, (empty,) * (arrays - 2), np.ones(scalars + 1, dtype))
    except Exception as error:  # classes of numba, and others for unknown names
        why = (str(error).strip() or type(error).__name__).splitlines()[-1]
        warnings.warn(f"numba cannot compile {rule.__qualname__} ({why}), so it runs in NumPy", stacklevel=5)
        return None
    return loop


def _of_sums(x: Any, row: Any) -> None:
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            x[i, j] = formula(xp, x[i, j] + row[j])


def _of_pairs(x: Any, y: Any, out: Any, total: Any) -> None:
    total[:] = 0.0
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            out[i, j] = formula(xp, x[i, j], y[i, j])
            total[j] += out[i, j]


@functools.cache
def loop_over_sums(function: Callable[..., Any], dtype: Any) -> Callable[..., None] | None:
    """Return the loop ``(x, row)`` that writes ``function(xp, x + row)`` over x, of shape (n, m).

    Return None if NumPy is as fast.
    """
    return _loop_if_it_pays(_of_sums, function, np.empty((0, 0), dtype), np.empty(0, dtype))


@functools.cache
def loop_over_pairs(function: Callable[..., Any], dtype: Any) -> Callable[..., None] | None:
    """Return the loop ``(x, y, out, total)`` that writes ``function(xp, x, y)``, of shape (n, m), over ``out``.

    The loop writes the sum over n over ``total``, of shape (m,). Return None if NumPy is as fast.
    """
    nothing = np.empty((0, 0), dtype)
    return _loop_if_it_pays(_of_pairs, function, nothing, nothing, nothing, np.empty(0, dtype))


def _loop_if_it_pays(
    template: Callable[..., Any], function: Callable[..., Any], *arguments: Any
) -> Callable[..., Any] | None:
    """Return the loop if it is faster than NumPy, which a loop with exponentials is not."""
    if inspect.getclosurevars(function).globals:
        return None
    if not _CHEAP.issuperset(function.__code__.co_names):
        return None
    try:
        loop = _loop(template, function)
        loop(*arguments)
    except Exception:  # such as for a function that returns two arrays
        return None
    return loop


@functools.partial(compile_function, cache=True)
def scale_into(array: Any, scale: Any, out: Any) -> None:
    """Write ``array`` times ``scale`` over ``out``, both of shape (n,), computed in the dtype of ``out``."""
    for i in range(out.size):
        out[i] = array[i]
        out[i] *= scale


def softmax_crossentropy(y_true: Any, logits: Any, scale: Any, gradient: Any) -> Any:
    """Return the value of the backend's method of this name, and write its gradient to ``gradient`` unless it is None.

    Arrays have the shape (samples, classes). The loop is compiled for both types of ``gradient``.
    """
    value, zero = 0.0, 0 * scale
    shifted, exponentials = np.empty_like(logits[0]), np.empty_like(logits[0])
    for i in range(logits.shape[0]):
        y, z = y_true[i], logits[i]
        largest, total, weight = z[0], zero, zero
        for c in range(1, z.size):
            largest = max(largest, z[c])
        for c in range(z.size):
            shifted[c] = _shift(xp, z[c], largest)
            exponentials[c] = np.exp(shifted[c])
            total += exponentials[c]
            weight += y[c]
        for c in range(z.size):
            value += _log_likelihood(xp, y[c], shifted[c], total)
            if gradient is not None:
                gradient[i, c] = _softmax_gradient(xp, y[c], exponentials[c], total, weight, scale)
    return value * -scale


_shift: Callable[..., Any] = compile_function(_numerics.shift)
_log_likelihood: Callable[..., Any] = compile_function(_numerics.log_likelihood)
_softmax_gradient: Callable[..., Any] = compile_function(_numerics.softmax_gradient)
softmax_crossentropy.__qualname__ += (
    f"_{_fingerprint(_numerics.shift, _numerics.log_likelihood, _numerics.softmax_gradient)}"
)
softmax_crossentropy = compile_function(softmax_crossentropy, cache=True)
