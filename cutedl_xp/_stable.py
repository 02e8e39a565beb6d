"""Functions of exponentials that neither overflow nor lose their small values, shared by activations and losses."""

from cutedl_xp._typing import Array, Namespace


def sigmoid(xp: Namespace, x: Array) -> Array:
    """1 / (1 + exp(-x)), from the exponential of -abs(x) alone, which cannot overflow."""
    small = xp.exp(-xp.abs(x))
    return xp.where(x >= 0, 1.0, small) / (small + 1.0)


def softplus_minus(xp: Namespace, x: Array, subtrahend: Array) -> Array:
    """log(1 + exp(x)) - subtrahend, with max(x, 0) + log(1 + exp(-abs(x))) for the former.

    The small logarithm is added last, since it would be lost beside a large x that the subtrahend takes away.
    """
    return (xp.maximum(x, 0.0) - subtrahend) + xp.log1p(xp.exp(-xp.abs(x)))


def softmax_and_its_log(xp: Namespace, x: Array) -> tuple[Array, Array]:
    """exp(x) / sum(exp(x)) over the last axis, and its logarithm x - log(sum(exp(x))).

    Both subtract the largest entry first, so that the greatest exponential is exp(0) and nothing large remains.
    """
    shifted = x - xp.max(x, axis=-1, keepdims=True)
    exponentials = xp.exp(shifted)
    total = xp.sum(exponentials, axis=-1, keepdims=True)
    return exponentials / total, shifted - xp.log(total)
