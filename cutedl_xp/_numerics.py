"""Functions of exponentials that neither overflow nor lose their small values, entry by entry."""

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


def exponentials(xp: Namespace, x: Array, largest: Array) -> tuple[Array, Array]:
    """x - largest and exp(x - largest): the greatest exponential of a softmax is exp(0), and nothing large remains."""
    shifted = x - largest
    return shifted, xp.exp(shifted)


def crossentropy_terms(
    xp: Namespace, y: Array, shifted: Array, exponentials: Array, total: Array, weight: Array, scale: float
) -> tuple[Array, Array]:
    """y log p and (p * weight - y) * scale, with p = exponentials / total and log p = shifted - log(total)."""
    return y * (shifted - xp.log(total)), (exponentials / total * weight - y) * scale
