"""Functions of exponentials that neither overflow nor lose their small values, shared by activations and losses."""

from cutedl_xp._typing import Array, Namespace


def sigmoid(xp: Namespace, x: Array) -> Array:
    """1 / (1 + exp(-x)), from the exponential of -abs(x) alone, which cannot overflow."""
    small = xp.exp(-xp.abs(x))
    return xp.where(x >= 0, 1.0, small) / (small + 1.0)


def softplus(xp: Namespace, x: Array) -> Array:
    """log(1 + exp(x)) = max(x, 0) + log(1 + exp(-abs(x)))."""
    return xp.maximum(x, 0.0) + xp.log1p(xp.exp(-xp.abs(x)))


def softmax_and_log_sum_exp(xp: Namespace, x: Array) -> tuple[Array, Array]:
    """exp(x) / sum(exp(x)) and log(sum(exp(x))) over the last axis; the latter keeps that axis with length 1.

    Both subtract the largest entry first, so the greatest exponential is exp(0).
    """
    largest = xp.max(x, axis=-1, keepdims=True)
    exponentials = xp.exp(x - largest)
    total = xp.sum(exponentials, axis=-1, keepdims=True)
    return exponentials / total, xp.log(total) + largest
