"""Elementwise functions of exponentials that neither overflow nor lose small values, also for infinite arguments."""

from math import inf

from cutedl_xp._typing import Array, Namespace


def sigmoid(xp: Namespace, x: Array) -> Array:
    """1 / (1 + exp(-x)), from the exponential of -abs(x) alone, which cannot overflow."""
    small = xp.exp(-xp.abs(x))
    return xp.where(x >= 0, 1.0, small) / (small + 1.0)


def softplus_minus_product(xp: Namespace, x: Array, y: Array) -> Array:
    """log(1 + exp(x)) - x y for y in [0, 1], as abs(x) times 1 - y or y, plus log(1 + exp(-abs(x))).

    Where y is the limit of the sigmoid for an infinite x, the factor is 0 and so is the product.
    """
    size, factor = xp.abs(x), xp.where(x >= 0, 1.0 - y, y)
    return factor * xp.where(factor == 0, factor, size) + xp.log1p(xp.exp(-size))


def shift(xp: Namespace, x: Array, largest: Array) -> Array:
    """x - largest, with the largest x of a softmax; 0 where x is infinite, as the difference would be NaN."""
    return xp.where(x == inf, 0.0, x - largest)


def exponentials(xp: Namespace, x: Array, largest: Array) -> tuple[Array, Array]:
    """x - largest and exp(x - largest): the largest exponential of a softmax is exp(0), and no other overflows."""
    shifted = shift(xp, x, largest)
    return shifted, xp.exp(shifted)


def crossentropy_terms(
    xp: Namespace, y: Array, shifted: Array, exponentials: Array, total: Array, weight: Array, scale: float
) -> tuple[Array, Array]:
    """y log p and (p * weight - y) * scale, with p = exponentials / total and log p = shifted - log(total).

    Where y is 0 the first is 0, also for p = 0.
    """
    return y * xp.where(y == 0, y, shifted - xp.log(total)), (exponentials / total * weight - y) * scale
