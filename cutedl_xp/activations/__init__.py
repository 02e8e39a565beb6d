"""Activation functions, each with its derivative.

Layers take a name in ``cutedl_xp.activations.ACTIVATIONS``, or an :class:`Activation` for a function of your own.
"""

from collections.abc import Mapping
from types import MappingProxyType

from cutedl_xp._checks import check_one_of
from cutedl_xp.activations._activation import Activation, Derivative, Function
from cutedl_xp.activations._rectifiers import (
    elu,
    elu_backward,
    gelu,
    gelu_backward,
    leaky_relu,
    leaky_relu_backward,
    silu,
    silu_backward,
    softplus,
    softplus_backward,
)
from cutedl_xp.activations._simple import (
    linear,
    linear_backward,
    relu,
    relu_backward,
    sigmoid,
    sigmoid_backward,
    tanh,
    tanh_backward,
)
from cutedl_xp.activations._softmax import softmax, softmax_backward

ACTIVATIONS: Mapping[str, Activation] = MappingProxyType(
    {
        "linear": Activation(linear, linear_backward),
        "relu": Activation(relu, relu_backward),
        "sigmoid": Activation(sigmoid, sigmoid_backward),
        "tanh": Activation(tanh, tanh_backward),
        "leaky_relu": Activation(leaky_relu, leaky_relu_backward),
        "elu": Activation(elu, elu_backward),
        "gelu": Activation(gelu, gelu_backward, of_input=True),
        "silu": Activation(silu, silu_backward, of_input=True),
        "softplus": Activation(softplus, softplus_backward),
        "softmax": Activation(softmax, softmax_backward, elementwise=False),
    }
)


def get(activation: str | Activation) -> Activation:
    """Return the activation with a name, or the given :class:`Activation` itself.

    Parameters
    ----------
    activation
        ``"linear"``, ``"relu"``, ``"sigmoid"``, ``"tanh"``, ``"leaky_relu"``, ``"elu"``, ``"gelu"``, ``"silu"``,
        ``"softplus"``, ``"softmax"``, or an :class:`Activation`.

    Raises
    ------
    TypeError, ValueError
        If ``activation`` is none of these.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp import activations
    >>> activations.get("relu").function(np, np.array([-1.0, 2.0]))
    array([0., 2.])
    """
    if isinstance(activation, Activation):
        return activation
    return ACTIVATIONS[check_one_of("activation", activation, tuple(ACTIVATIONS))]


__all__ = [
    "ACTIVATIONS",
    "Activation",
    "Derivative",
    "Function",
    "elu",
    "elu_backward",
    "gelu",
    "gelu_backward",
    "get",
    "leaky_relu",
    "leaky_relu_backward",
    "linear",
    "linear_backward",
    "relu",
    "relu_backward",
    "sigmoid",
    "sigmoid_backward",
    "silu",
    "silu_backward",
    "softmax",
    "softmax_backward",
    "softplus",
    "softplus_backward",
    "tanh",
    "tanh_backward",
]
