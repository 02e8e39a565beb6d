"""Checks of the estimators' parameters, and objects for scikit-learn's names."""

from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from types import MappingProxyType
from typing import Any

import numpy as np

from cutedl_xp import optimizers
from cutedl_xp._checks import check_boolean, check_integer, check_one_of, check_positive, format_value
from cutedl_xp.optimizers import Optimizer

_RULES: Mapping[str, tuple[Callable[..., Optimizer], float]] = MappingProxyType(
    {
        "adam": (lambda lr: optimizers.Adam(lr, beta2=0.999), 1e-3),
        "adamw": (lambda lr: optimizers.AdamW(lr), 1e-3),
        "nadam": (lambda lr: optimizers.NAdam(lr), 1e-3),
        "radam": (lambda lr: optimizers.RAdam(lr), 1e-3),
        "adamax": (lambda lr: optimizers.Adamax(lr), 1e-3),
        "lion": (lambda lr: optimizers.Lion(lr), 1e-3),
        "fixed": (lambda lr: optimizers.Fixed(lr), 0.05),
        "momentum": (lambda lr: optimizers.Momentum(lr, momentum=0.9), 0.01),
        "adagrad": (lambda lr: optimizers.Adagrad(lr), 0.01),
        "rmsprop": (lambda lr: optimizers.RMSProp(lr), 1e-3),
        "adadelta": (lambda lr: optimizers.Adadelta(lr=lr, eps_inside_sqrt=True), 1.0),
    }
)
"""Update rule and default learning rate by name."""

OPTIMIZER_NAMES = tuple(_RULES)
"""Names that the parameter ``optimizer`` accepts."""

_ACTIVATIONS = MappingProxyType({"identity": "linear", "logistic": "sigmoid"})


def make_optimizer(optimizer: Any, learning_rate: Any) -> Optimizer:
    """Return a new optimizer.

    Parameters
    ----------
    optimizer
        Name of a rule, or an optimizer, which is copied.
    learning_rate
        Learning rate; None for the default of the name or the rate of the object.
    """
    if isinstance(optimizer, Optimizer):
        if learning_rate is not None:
            raise ValueError("`learning_rate` must be None for an optimizer object, which has its own rate")
        return deepcopy(optimizer)
    if not isinstance(optimizer, str):
        raise TypeError(f"`optimizer` must be a name or an optimizer; got {format_value(optimizer)}")
    if optimizer.lower() == "sgd":
        raise ValueError(f"`optimizer` must be a name here; got {optimizer!r}: use 'fixed', or 'momentum' for momentum")
    make, default = _RULES[check_one_of("optimizer", optimizer, OPTIMIZER_NAMES)]
    return make(default if learning_rate is None else check_positive("learning_rate", learning_rate))


def check_flag(argument: str, value: Any) -> bool:
    """Return a boolean as Python's bool; a search over an array of parameters sets NumPy's."""
    return check_boolean(argument, bool(value) if isinstance(value, np.bool_) else value)


def check_hidden(hidden_layer_sizes: Any) -> tuple[int, ...]:
    """Return the sizes of the hidden layers; an integer means one layer."""
    if not isinstance(hidden_layer_sizes, Iterable) or isinstance(hidden_layer_sizes, str):
        hidden_layer_sizes = (hidden_layer_sizes,)
    return tuple(check_integer("hidden_layer_sizes", units, at_least=1) for units in hidden_layer_sizes)


def library_activation(activation: Any) -> Any:
    """Return the library's name of an activation; scikit-learn's names are accepted as well."""
    return _ACTIVATIONS.get(activation, activation) if isinstance(activation, str) else activation
