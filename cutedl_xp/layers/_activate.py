"""Output and backward pass of an activation, which Dense and Activation share."""

from cutedl_xp import activations
from cutedl_xp._typing import Array
from cutedl_xp.activations import Activation
from cutedl_xp.backends import Backend


def activate(backend: Backend, activation: Activation, x: Array) -> tuple[Array, Array]:
    """Return the output for an input, and the array from which the activation computes its derivative.

    Parameters
    ----------
    backend
        Backend of the arrays.
    activation
        Activation, which receives rows of shape ``(samples, units)`` unless it is elementwise.
    x
        Input.
    """
    y = backend.elementwise(activation.function, x) if activation.elementwise else activation.function(backend.xp, x)
    return y, x if activation.of_input else y


def activate_backward(backend: Backend, activation: Activation, kept: Array, gradient: Array) -> Array:
    """Return the gradient of the input of :func:`activate`.

    Parameters
    ----------
    backend, activation
        As for :func:`activate`.
    kept
        Second result of :func:`activate`.
    gradient
        Gradient of the output.
    """
    if activation.backward is activations.linear_backward:  # a kernel that changes nothing still takes time
        return gradient
    if activation.elementwise:
        dx: Array = backend.elementwise(activation.backward, kept, gradient)
        return dx
    return activation.backward(backend.xp, kept, gradient)
