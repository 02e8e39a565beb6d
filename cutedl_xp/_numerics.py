"""Elementwise functions of exponentials without overflow and cancellation, also for infinite arguments."""

from math import inf

from cutedl_xp._typing import Array, Namespace


def sigmoid(xp: Namespace, x: Array) -> Array:
    """Return 1 / (1 + exp(-x)), computed from exp(-abs(x)), which cannot overflow."""
    small = xp.exp(-xp.abs(x))
    return xp.where(x >= 0, 1.0, small) / (small + 1.0)


def softplus_minus_product(xp: Namespace, x: Array, y: Array) -> Array:
    """Return log(1 + exp(x)) - x y for y in [0, 1], as abs(x) times 1 - y or y, plus log(1 + exp(-abs(x))).

    Where y is the limit of the sigmoid for an infinite x, the factor is 0 and so is the product.
    """
    size, factor = xp.abs(x), xp.where(x >= 0, 1.0 - y, y)
    return factor * xp.where(factor == 0, factor, size) + xp.log1p(xp.exp(-size))


def shift(xp: Namespace, x: Array, largest: Array) -> Array:
    """Return x - largest, with the largest x of a softmax; 0 where x is infinite, as the difference would be NaN."""
    return xp.where(x == inf, 0.0, x - largest)


def exponentials(xp: Namespace, x: Array, largest: Array) -> tuple[Array, Array]:
    """Return x - largest and exp(x - largest), whose maximum is exp(0), so that no exponential overflows."""
    shifted = shift(xp, x, largest)
    return shifted, xp.exp(shifted)


def finite_exponentials(xp: Namespace, x: Array, largest: Array) -> tuple[Array, Array]:
    """Return :func:`exponentials` of finite x, in fewer operations."""
    shifted = x - largest
    return shifted, xp.exp(shifted)


def log_likelihood(xp: Namespace, y: Array, shifted: Array, total: Array) -> Array:
    """Return y log p with log p = shifted - log(total); 0 where y is 0, also for p = 0."""
    return y * xp.where(y == 0, y, shifted - xp.log(total))


def finite_log_likelihood(xp: Namespace, y: Array, shifted: Array, total: Array) -> Array:
    """Return :func:`log_likelihood` of finite x, in fewer operations."""
    return y * (shifted - xp.log(total))


def softmax_gradient(xp: Namespace, y: Array, exponentials: Array, total: Array, weight: Array, scale: float) -> Array:
    """Return (p * weight - y) * scale with p = exponentials / total."""
    return (exponentials / total * weight - y) * scale


def crossentropy_terms(
    xp: Namespace, y: Array, shifted: Array, exponentials: Array, total: Array, weight: Array, scale: float
) -> tuple[Array, Array]:
    """Return the terms of a cross-entropy of softmax, and the gradient."""
    return log_likelihood(xp, y, shifted, total), softmax_gradient(xp, y, exponentials, total, weight, scale)


def finite_crossentropy_terms(
    xp: Namespace, y: Array, shifted: Array, exponentials: Array, total: Array, weight: Array, scale: float
) -> tuple[Array, Array]:
    """Return :func:`crossentropy_terms` of finite logits, in fewer operations."""
    return finite_log_likelihood(xp, y, shifted, total), softmax_gradient(xp, y, exponentials, total, weight, scale)
