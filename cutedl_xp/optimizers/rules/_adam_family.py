"""Base class of Adam's relatives, and the bias corrections."""

import math
from dataclasses import dataclass
from typing import Any

from array_api_compat import array_namespace

from cutedl_xp._checks import check_fraction, check_not_negative, check_positive
from cutedl_xp.optimizers._elementwise import ElementwiseOptimizer, hyperparameter
from cutedl_xp.schedules._schedule import Schedule, check_rate


@dataclass(eq=False)
class AdamRelative(ElementwiseOptimizer):
    """Hyper-parameters of Adam's relatives, with the defaults that most of them have."""

    lr: float | Schedule = hyperparameter(1e-3, check_rate)
    beta1: float = hyperparameter(0.9, check_fraction)
    beta2: float = hyperparameter(0.999, check_fraction)
    eps: float = hyperparameter(1e-8, check_positive, kw_only=True)
    weight_decay: float = hyperparameter(0.0, check_not_negative, kw_only=True)


def corrections(t: Any, beta1: float, beta2: float) -> tuple[Any, Any]:
    """Return the factors of Adam's step and of its eps that correct means with initial value 0 after ``t`` updates.

    With v̂ = v / (1 - beta1^t) and √ŝ = √s / root, where root = √(1 - beta2^t), the step v̂ / (√ŝ + eps) is
    root / (1 - beta1^t) times v / (√s + root eps): the corrections are numbers and need no pass over the arrays.
    """
    root = complement(beta2, t) ** 0.5
    return root / complement(beta1, t), root


def complement(beta: float, t: Any) -> Any:
    """Return 1 - beta^t; for an array, whose precision may be low, without subtracting nearly equal numbers."""
    return 1.0 - beta**t if isinstance(t, int) else -array_namespace(t).expm1(t * math.log(beta))
