"""Chunks of training steps as one program of XLA."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, cast

import jax

from cutedl_xp.backends._steps import NotCompilable, StepFunction, Tree

_MOST_SHARED = 128
_shared: OrderedDict[Hashable, Any] = OrderedDict()
"""Programs of steps with a signature, which sessions with the same model and optimizer share."""


def compile_chunk(step: StepFunction, arguments: tuple[Tree, ...], device: Any) -> Callable[..., tuple[Tree, Any]]:
    """Return a program ``(state, constants, inputs, count) -> (state, token)`` for arguments of these shapes.

    The number of steps is an argument, so that one program runs chunks of any length, with bitwise equal results.

    Raises
    ------
    NotCompilable
        If the step cannot be traced.
    """
    leaves, structure = jax.tree.flatten(arguments)
    setting = jax.config.jax_default_matmul_precision  # read by matrix products when they are traced
    shapes = structure, tuple((leaf.shape, leaf.dtype) for leaf in leaves), device, setting
    if step.compiled is None:
        step.compiled = {}
    program = step.compiled.get(shapes) or _find_shared(step, shapes)
    if program is None:
        program = _compile(step, arguments)
        if step.signature is not None:
            _share((step.signature, shapes), program)
    step.compiled[shapes] = program
    return cast(Callable[..., tuple[Tree, Any]], program)


def _find_shared(step: StepFunction, shapes: Hashable) -> Any:
    return None if step.signature is None else _shared.get((step.signature, shapes))


def _share(key: Hashable, program: Any) -> None:
    _shared[key] = program
    while len(_shared) > _MOST_SHARED:
        _shared.popitem(last=False)


def _compile(step: StepFunction, arguments: tuple[Tree, ...]) -> Any:
    def run(state: Tree, constants: Tree, inputs: Tree, count: Any) -> tuple[Tree, Any]:
        def body(k: Any, state: Tree) -> Tree:
            return jax.tree.map(_with_type, step.function(state, constants, inputs, k), state)

        return jax.lax.fori_loop(0, count, body, state), count + 1  # available when the loop has ended

    try:
        return jax.jit(run, donate_argnums=0).lower(*arguments).compile()
    except Exception as error:  # a user's functions in the step may raise any error
        raise NotCompilable.because_of(error, "JAX cannot compile the step") from error


def _with_type(new: Any, old: Any) -> Any:
    """Return an array in the dtype that the loop carries."""
    alike = new.dtype == old.dtype and new.weak_type == old.weak_type
    return new if alike else jax.lax.convert_element_type(new, old.dtype)
