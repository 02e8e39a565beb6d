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

from cutedl_xp import _stable

Function = TypeVar("Function", bound=Callable[..., Any])


def _compiled(function: Function, cache: bool = False) -> Function:
    """A function that is compiled for the types it is called with; a number divided by 0 is infinite, as in NumPy."""
    compiler = functools.partial(numba.njit, function, error_model="numpy", nogil=True)
    try:
        return cast(Function, compiler(cache=cache))
    except RuntimeError:  # nothing can be written where its files would be
        return cast(Function, compiler())


def _kept(*formulas: Callable[..., Any]) -> Callable[[Function], Function]:
    """Compile a function that calls formulas of other modules; at the next start it is read from the disk.

    Its name there changes with the formulas: numba itself would only notice a change of this file.
    """
    texts = [(code.co_code, code.co_consts, code.co_names) for code in (formula.__code__ for formula in formulas)]
    fingerprint = hashlib.sha256(repr(texts).encode()).hexdigest()[:16]
    self_contained = not any(inspect.getclosurevars(formula).globals for formula in formulas)

    def compiled(function: Function) -> Function:
        names = [function.__name__, *(formula.__name__ for formula in formulas), fingerprint]
        function.__qualname__ = "_".join(names)
        return _compiled(function, cache=self_contained)

    return compiled


_exponentials: Callable[..., Any] = _compiled(_stable.exponentials)
_crossentropy_terms: Callable[..., Any] = _compiled(_stable.crossentropy_terms)

rule: Callable[..., Any] = NotImplemented  # in each copy of a loop below another one,
count = 0  # and how many scalars it takes


def _no_state(w: Any, g: Any, scalars: Any) -> None:
    numbers = to_fixed_tuple(scalars, count)
    for i in range(w.size):
        (w[i],) = rule(np, w[i], g[i], *numbers)


def _one_state(w: Any, g: Any, s: Any, scalars: Any) -> None:
    numbers = to_fixed_tuple(scalars, count)
    for i in range(w.size):
        w[i], s[i] = rule(np, w[i], g[i], s[i], *numbers)


def _two_states(w: Any, g: Any, r: Any, s: Any, scalars: Any) -> None:
    numbers = to_fixed_tuple(scalars, count)
    for i in range(w.size):
        w[i], r[i], s[i] = rule(np, w[i], g[i], r[i], s[i], *numbers)


def _three_states(w: Any, g: Any, q: Any, r: Any, s: Any, scalars: Any) -> None:
    numbers = to_fixed_tuple(scalars, count)
    for i in range(w.size):
        w[i], q[i], r[i], s[i] = rule(np, w[i], g[i], q[i], r[i], s[i], *numbers)


_LOOPS = (_no_state, _one_state, _two_states, _three_states)


@functools.cache
def loop_over(rule: Callable[..., Any], arrays: int, scalars: int, dtype: Any) -> Callable[..., None] | None:
    """The loop ``(w, g, *state, scalars)`` that writes a rule's results over w and the state, all of shape (n,).

    The scalars come as an array of the same dtype. None for what is not compiled: functions within others, and those
    that numba refuses.
    """
    if not isinstance(rule, types.FunctionType) or "<" in rule.__qualname__ or arrays - 2 >= len(_LOOPS):
        return None
    template = _LOOPS[arrays - 2]
    copy = types.FunctionType(template.__code__, globals() | {"rule": _compiled(rule), "count": scalars})
    loop: Callable[..., None] = _kept(rule)(copy)
    try:
        loop(*[np.empty(0, dtype)] * arrays, np.ones(scalars, dtype))
    except numba.core.errors.NumbaError as error:
        why = str(error).strip().splitlines()[-1]
        warnings.warn(f"numba cannot compile {rule.__qualname__} ({why}), so it runs in NumPy", stacklevel=4)
        return None
    return loop


@_kept()
def scale_into(array: Any, scale: Any, out: Any) -> None:
    """Write ``array`` times ``scale`` over ``out``, both of shape (n,), computed in the dtype of ``out``."""
    for i in range(out.size):
        out[i] = array[i]
        out[i] *= scale


@_kept(_stable.exponentials, _stable.crossentropy_terms)
def softmax_crossentropy(y_true: Any, logits: Any, scale: Any) -> tuple[float, Any]:
    """As the backend's method of this name, in one pass; both of shape (samples, classes)."""
    gradient, value, zero = np.empty_like(logits), 0.0, 0 * scale
    for i in range(logits.shape[0]):
        y, z, g = y_true[i], logits[i], gradient[i]
        largest, total, weight = z[0], zero, zero
        for c in range(1, z.size):
            largest = max(largest, z[c])
        for c in range(z.size):
            _, g[c] = _exponentials(np, z[c], largest)
            total += g[c]
            weight += y[c]
        for c in range(z.size):
            term, g[c] = _crossentropy_terms(np, y[c], z[c] - largest, g[c], total, weight, scale)
            value += term
    return value * -scale, gradient
