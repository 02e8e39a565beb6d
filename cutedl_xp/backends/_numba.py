"""Loops compiled by numba: an optimizer's rule over its arrays, and what else takes NumPy several passes.

The formulas are those that NumPy runs, called with numbers in the place of arrays. numba keeps what it has compiled on
the disk, so that only the first start of all waits for its compiler.
"""

import functools
import hashlib
import inspect
import types
import warnings
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numba.np.unsafe.ndarray import to_fixed_tuple

from cutedl_xp import _numerics
from cutedl_xp.backends import _numba_namespace as xp
from cutedl_xp.backends._rules import add_decay, is_lasting

Function = TypeVar("Function", bound=Callable[..., Any])

_CHEAP = {"abs", "maximum", "minimum", "sqrt", "where"}


def _compiled(function: Function, cache: bool = False) -> Function:
    """A function that is compiled for the types it is called with; a number divided by 0 is infinite, as in NumPy."""
    compiler = functools.partial(numba.njit, function, error_model="numpy", nogil=True)
    try:
        return cast(Function, compiler(cache=cache))
    except RuntimeError:  # nothing can be written where its files would be
        return cast(Function, compiler())


def _fingerprint(*formulas: Callable[..., Any], count: int = 0) -> str:
    """Changes with what is compiled into a loop: numba itself would only notice a change of this file."""
    texts = [
        (_text(each.__code__), each.__defaults__, each.__kwdefaults__) for each in (*formulas, add_decay, xp._choice)
    ]
    return hashlib.sha256(repr((texts, count)).encode()).hexdigest()[:16]


def _text(code: types.CodeType) -> tuple[Any, ...]:
    """What a function does, without where it stands."""
    constants = [_text(each) if isinstance(each, types.CodeType) else each for each in code.co_consts]
    return code.co_code, constants, code.co_names, code.co_varnames


def _loop(template: Callable[..., Any], formula: Callable[..., Any], count: int = 0) -> Callable[..., Any]:
    """One of the loops below with a formula in it, compiled, and kept if the formula needs nothing from elsewhere."""
    copy = types.FunctionType(template.__code__, globals() | {"formula": _compiled(formula), "count": count})
    fingerprint = _fingerprint(formula, count=count)
    copy.__qualname__ = f"{template.__name__}_{formula.__name__}_{fingerprint}"  # its name on the disk
    return _compiled(copy, cache=not inspect.getclosurevars(formula).globals)


_add_decay: Callable[..., Any] = _compiled(add_decay)


@_compiled
def _gradient(w: Any, g: Any, decay: Any) -> Any:
    """With the weight decay, if there is any, added to it."""
    return _add_decay(w, g, decay) if decay else g


formula: Callable[..., Any] = NotImplemented  # in each copy of a loop below another one,
count = 0  # and how many scalars it takes


def _no_state(w: Any, g: Any, scalars: Any) -> None:
    numbers, decay = to_fixed_tuple(scalars, count), scalars[count]
    for i in range(w.size):
        (w[i],) = formula(xp, w[i], _gradient(w[i], g[i], decay), *numbers)


def _one_state(w: Any, g: Any, s: Any, scalars: Any) -> None:
    numbers, decay = to_fixed_tuple(scalars, count), scalars[count]
    for i in range(w.size):
        w[i], s[i] = formula(xp, w[i], _gradient(w[i], g[i], decay), s[i], *numbers)


def _two_states(w: Any, g: Any, r: Any, s: Any, scalars: Any) -> None:
    numbers, decay = to_fixed_tuple(scalars, count), scalars[count]
    for i in range(w.size):
        w[i], r[i], s[i] = formula(xp, w[i], _gradient(w[i], g[i], decay), r[i], s[i], *numbers)


def _three_states(w: Any, g: Any, q: Any, r: Any, s: Any, scalars: Any) -> None:
    numbers, decay = to_fixed_tuple(scalars, count), scalars[count]
    for i in range(w.size):
        w[i], q[i], r[i], s[i] = formula(xp, w[i], _gradient(w[i], g[i], decay), q[i], r[i], s[i], *numbers)


_OF_RULES = (_no_state, _one_state, _two_states, _three_states)


@functools.cache
def loop_over(rule: Callable[..., Any], arrays: int, scalars: int, dtype: Any) -> Callable[..., None] | None:
    """The loop ``(w, g, *state, scalars)`` that writes a rule's results over w and the state, all of shape (n,).

    The scalars come as an array of the same dtype, with the weight decay at its end. None for what is not compiled:
    functions within others, of more than three states, and those that numba refuses, which a warning names.
    """
    if not is_lasting(rule) or np.dtype(dtype).kind != "f" or arrays - 2 >= len(_OF_RULES):
        return None
    try:
        loop = _loop(_OF_RULES[arrays - 2], rule, scalars)
        loop(*[np.empty(0, dtype)] * arrays, np.ones(scalars + 1, dtype))
    except Exception as error:  # of numba's own classes, and others for names that it does not find
        why = (str(error).strip() or type(error).__name__).splitlines()[-1]
        warnings.warn(f"numba cannot compile {rule.__qualname__} ({why}), so it runs in NumPy", stacklevel=4)
        return None
    return loop


def _of_sums(x: Any, row: Any) -> None:
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            x[i, j] = formula(xp, x[i, j] + row[j])


def _of_pairs(x: Any, y: Any, total: Any) -> Any:
    out = np.empty_like(x)
    total[:] = 0.0
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            out[i, j] = formula(xp, x[i, j], y[i, j])
            total[j] += out[i, j]
    return out


@functools.cache
def loop_over_sums(function: Callable[..., Any], dtype: Any) -> Callable[..., None] | None:
    """The loop ``(x, row)`` that writes ``function(xp, x + row)`` over x, of shape (n, m); None if it does not pay."""
    return _loop_if_it_pays(_of_sums, function, np.empty((0, 0), dtype), np.empty(0, dtype))


@functools.cache
def loop_over_pairs(function: Callable[..., Any], dtype: Any) -> Callable[..., Any] | None:
    """The loop ``(x, y, total)`` that returns ``function(xp, x, y)``, all of shape (n, m), and writes its sum over n.

    None if it does not pay.
    """
    nothing = np.empty((0, 0), dtype)
    return _loop_if_it_pays(_of_pairs, function, nothing, nothing, np.empty(0, dtype))


def _loop_if_it_pays(
    template: Callable[..., Any], function: Callable[..., Any], *arguments: Any
) -> Callable[..., Any] | None:
    """The loop, if numba makes of the function something faster than NumPy's passes, as it does not of exponentials."""
    if function.__closure__ or inspect.getclosurevars(function).globals:
        return None
    if not _CHEAP.issuperset(function.__code__.co_names):
        return None
    try:
        loop = _loop(template, function)
        loop(*arguments)
    except Exception:  # it returns two arrays, say
        return None
    return loop


@functools.partial(_compiled, cache=True)
def scale_into(array: Any, scale: Any, out: Any) -> None:
    """Write ``array`` times ``scale`` over ``out``, both of shape (n,), computed in the dtype of ``out``."""
    for i in range(out.size):
        out[i] = array[i]
        out[i] *= scale


def softmax_crossentropy(y_true: Any, logits: Any, scale: Any) -> tuple[float, Any]:
    """As the backend's method of this name, in one pass; both of shape (samples, classes)."""
    gradient, value, zero = np.empty_like(logits), 0.0, 0 * scale
    for i in range(logits.shape[0]):
        y, z, g = y_true[i], logits[i], gradient[i]
        largest, total, weight = z[0], zero, zero
        for c in range(1, z.size):
            largest = max(largest, z[c])
        for c in range(z.size):
            _, g[c] = _exponentials(xp, z[c], largest)
            total += g[c]
            weight += y[c]
        for c in range(z.size):
            term, g[c] = _crossentropy_terms(xp, y[c], z[c] - largest, g[c], total, weight, scale)
            value += term
    return value * -scale, gradient


_exponentials: Callable[..., Any] = _compiled(_numerics.exponentials)
_crossentropy_terms: Callable[..., Any] = _compiled(_numerics.crossentropy_terms)
softmax_crossentropy.__qualname__ += f"_{_fingerprint(_numerics.exponentials, _numerics.crossentropy_terms)}"
softmax_crossentropy = _compiled(softmax_crossentropy, cache=True)
