"""Every optimizer with every option: its equations for single numbers, and other libraries with the same formula.

A test fails for each public optimizer that is missing here. The references are written from the papers and the
docstrings; they share no code with the package.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from cutedl_xp import optimizers
from cutedl_xp.optimizers import Optimizer

Reference: TypeAlias = Callable[..., dict[str, float]]


def fixed(w: float, gradients: Sequence[float], lr: float, weight_decay: float = 0.0) -> dict[str, float]:
    for g in gradients:
        w -= lr * (g + weight_decay * w)
    return {"w": w}


def momentum(
    w: float,
    gradients: Sequence[float],
    lr: float,
    momentum: float,
    nesterov: bool = False,
    weight_decay: float = 0.0,
) -> dict[str, float]:
    v = 0.0
    for g in gradients:
        g += weight_decay * w
        v = momentum * v + lr * g
        w -= momentum * v + lr * g if nesterov else v
    return {"w": w, "v": v}


def root(square: float, eps: float, inside: bool) -> float:
    return math.sqrt(square + eps) if inside else math.sqrt(square) + eps


def adagrad(
    w: float,
    gradients: Sequence[float],
    lr: float,
    eps: float,
    eps_inside_sqrt: bool = False,
    initial_accumulator: float = 0.0,
    weight_decay: float = 0.0,
) -> dict[str, float]:
    s = initial_accumulator
    for g in gradients:
        g += weight_decay * w
        s += g**2
        w -= lr * g / root(s, eps, eps_inside_sqrt)
    return {"w": w, "s": s}


def rmsprop(
    w: float,
    gradients: Sequence[float],
    lr: float,
    rho: float,
    eps: float,
    eps_inside_sqrt: bool = False,
    centered: bool = False,
    momentum: float = 0.0,
    weight_decay: float = 0.0,
) -> dict[str, float]:
    s = m = v = 0.0
    for g in gradients:
        g += weight_decay * w
        s = rho * s + (1 - rho) * g**2
        m = rho * m + (1 - rho) * g
        v = momentum * v + g / root(abs(s - m**2) if centered else s, eps, eps_inside_sqrt)
        w -= lr * v
    return {"w": w, "s": s} | ({"m": m} if centered else {}) | ({"v": v} if momentum else {})


def adadelta(
    w: float,
    gradients: Sequence[float],
    rho: float,
    eps: float,
    lr: float = 1.0,
    eps_inside_sqrt: bool = False,
    weight_decay: float = 0.0,
) -> dict[str, float]:
    s = d = 0.0
    for g in gradients:
        g += weight_decay * w
        s = rho * s + (1 - rho) * g**2
        delta = root(d, eps, eps_inside_sqrt) / root(s, eps, eps_inside_sqrt) * g
        d = rho * d + (1 - rho) * delta**2
        w -= lr * delta
    return {"w": w, "s": s, "d": d}


def adam(
    w: float,
    gradients: Sequence[float],
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    eps_hat: bool = False,
    amsgrad: bool = False,
    weight_decay: float = 0.0,
) -> dict[str, float]:
    v = s = s_max = 0.0
    for t, g in enumerate(gradients, start=1):
        g += weight_decay * w
        v = beta1 * v + (1 - beta1) * g
        s = beta2 * s + (1 - beta2) * g**2
        s_max = max(s_max, s)
        used, start = s_max if amsgrad else s, math.sqrt(1 - beta2**t)
        divisor = (math.sqrt(used) + eps) / start if eps_hat else math.sqrt(used) / start + eps
        w -= lr * v / (1 - beta1**t) / divisor
    return {"w": w, "v": v, "s": s} | ({"s_max": s_max} if amsgrad else {})


def adamw(
    w: float, gradients: Sequence[float], lr: float, beta1: float, beta2: float, eps: float, weight_decay: float
) -> dict[str, float]:
    v = s = 0.0
    for t, g in enumerate(gradients, start=1):
        v = beta1 * v + (1 - beta1) * g
        s = beta2 * s + (1 - beta2) * g**2
        w -= lr * weight_decay * w + lr * v / (1 - beta1**t) / (math.sqrt(s / (1 - beta2**t)) + eps)
    return {"w": w, "v": v, "s": s}


def nadam(
    w: float,
    gradients: Sequence[float],
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float = 0.0,
) -> dict[str, float]:
    v = s = 0.0
    for t, g in enumerate(gradients, start=1):
        g += weight_decay * w
        v = beta1 * v + (1 - beta1) * g
        s = beta2 * s + (1 - beta2) * g**2
        ahead = beta1 * v / (1 - beta1 ** (t + 1)) + (1 - beta1) * g / (1 - beta1**t)
        w -= lr * ahead / (math.sqrt(s / (1 - beta2**t)) + eps)
    return {"w": w, "v": v, "s": s}


def radam(
    w: float,
    gradients: Sequence[float],
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float = 0.0,
) -> dict[str, float]:
    v = s = 0.0
    longest = 2 / (1 - beta2) - 1
    for t, g in enumerate(gradients, start=1):
        g += weight_decay * w
        v = beta1 * v + (1 - beta1) * g
        s = beta2 * s + (1 - beta2) * g**2
        step, n = v / (1 - beta1**t), longest - 2 * t * beta2**t / (1 - beta2**t)
        if n > 5:
            r = math.sqrt((n - 4) * (n - 2) * longest / ((longest - 4) * (longest - 2) * n))
            step *= r / (math.sqrt(s / (1 - beta2**t)) + eps)
        w -= lr * step
    return {"w": w, "v": v, "s": s}


def adamax(
    w: float,
    gradients: Sequence[float],
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float = 0.0,
) -> dict[str, float]:
    v = u = 0.0
    for t, g in enumerate(gradients, start=1):
        g += weight_decay * w
        v = beta1 * v + (1 - beta1) * g
        u = max(beta2 * u, abs(g) + eps)
        w -= lr * v / (1 - beta1**t) / u
    return {"w": w, "v": v, "u": u}


def lion(
    w: float, gradients: Sequence[float], lr: float, beta1: float, beta2: float, weight_decay: float = 0.0
) -> dict[str, float]:
    v = 0.0
    for g in gradients:
        mixed = beta1 * v + (1 - beta1) * g
        w -= lr * ((mixed > 0) - (mixed < 0) + weight_decay * w)
        v = beta2 * v + (1 - beta2) * g
    return {"w": w, "v": v}


REFERENCES: dict[type[Optimizer], Reference] = {
    optimizers.Fixed: fixed,
    optimizers.Momentum: momentum,
    optimizers.Adagrad: adagrad,
    optimizers.RMSProp: rmsprop,
    optimizers.Adadelta: adadelta,
    optimizers.Adam: adam,
    optimizers.AdamW: adamw,
    optimizers.NAdam: nadam,
    optimizers.RAdam: radam,
    optimizers.Adamax: adamax,
    optimizers.Lion: lion,
}


@dataclass(frozen=True)
class Variant:
    """An optimizer with some options, and other libraries with its formula: functions from a module to an optimizer.

    The function of PyTorch also takes the parameters.
    """

    kind: type[Optimizer]
    options: dict[str, Any] = field(default_factory=dict)
    torch: Callable[[Any, Any], Any] | None = None
    optax: Callable[[Any], Any] | None = None
    keras: Callable[[Any], Any] | None = None

    def make(self) -> Optimizer:
        return self.kind(**self.options)

    @property
    def reference(self) -> Reference:
        return REFERENCES[self.kind]

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """Return all arguments of the reference."""
        made = self.make()
        return {each.name: getattr(made, each.name) for each in dataclasses.fields(self.kind)}  # type: ignore[arg-type]

    def __str__(self) -> str:
        return f"{self.kind.__name__}({', '.join(f'{name}={value}' for name, value in self.options.items())})"


_ADAM = {"lr": 0.02, "beta1": 0.8, "beta2": 0.98, "eps": 0.01}
_TORCH_ADAM = {"lr": 0.02, "betas": (0.8, 0.98), "eps": 0.01}
_OPTAX_ADAM = {"learning_rate": 0.02, "b1": 0.8, "b2": 0.98, "eps": 0.01}
_KERAS_ADAM = {"learning_rate": 0.02, "beta_1": 0.8, "beta_2": 0.98, "epsilon": 0.01}
_MEAN = {"lr": 0.02, "rho": 0.95, "eps": 0.01}
_TORCH_MEAN = {"lr": 0.02, "alpha": 0.95, "eps": 0.01}
_KERAS_MEAN = {"learning_rate": 0.02, "rho": 0.95, "epsilon": 0.01}
_OPTAX_MEAN = {"learning_rate": 0.02, "decay": 0.95, "eps": 0.01}

VARIANTS = [
    Variant(optimizers.Fixed),
    Variant(
        optimizers.Fixed,
        {"lr": 0.03},
        torch=lambda torch, p: torch.optim.SGD(p, lr=0.03),
        optax=lambda optax: optax.sgd(0.03),
        keras=lambda keras: keras.optimizers.SGD(0.03),
    ),
    Variant(
        optimizers.Fixed,
        {"lr": 0.03, "weight_decay": 0.1},
        torch=lambda torch, p: torch.optim.SGD(p, lr=0.03, weight_decay=0.1),
        optax=lambda optax: optax.chain(optax.add_decayed_weights(0.1), optax.sgd(0.03)),
    ),
    Variant(optimizers.Momentum),
    Variant(
        optimizers.Momentum,
        {"lr": 0.03, "momentum": 0.8},
        torch=lambda torch, p: torch.optim.SGD(p, lr=0.03, momentum=0.8),
        optax=lambda optax: optax.sgd(0.03, momentum=0.8),
        keras=lambda keras: keras.optimizers.SGD(0.03, momentum=0.8),
    ),
    Variant(
        optimizers.Momentum,
        {"lr": 0.03, "momentum": 0.8, "nesterov": True},
        torch=lambda torch, p: torch.optim.SGD(p, lr=0.03, momentum=0.8, nesterov=True),
        optax=lambda optax: optax.sgd(0.03, momentum=0.8, nesterov=True),
        keras=lambda keras: keras.optimizers.SGD(0.03, momentum=0.8, nesterov=True),
    ),
    Variant(
        optimizers.Momentum,
        {"lr": 0.03, "momentum": 0.8, "nesterov": True, "weight_decay": 0.1},
        torch=lambda torch, p: torch.optim.SGD(p, lr=0.03, momentum=0.8, nesterov=True, weight_decay=0.1),
    ),
    Variant(optimizers.Adagrad),
    Variant(
        optimizers.Adagrad,
        {"lr": 0.1, "eps": 0.3, "initial_accumulator": 0.5, "weight_decay": 0.1},
        torch=lambda torch, p: torch.optim.Adagrad(p, lr=0.1, eps=0.3, initial_accumulator_value=0.5, weight_decay=0.1),
    ),
    Variant(
        optimizers.Adagrad,
        {"lr": 0.2, "eps": 0.3, "eps_inside_sqrt": True, "initial_accumulator": 0.1},
        optax=lambda optax: optax.adagrad(0.2, initial_accumulator_value=0.1, eps=0.3),
        keras=lambda keras: keras.optimizers.Adagrad(0.2, initial_accumulator_value=0.1, epsilon=0.3),
    ),
    Variant(optimizers.RMSProp),
    Variant(
        optimizers.RMSProp,
        _MEAN | {"weight_decay": 0.1},
        torch=lambda torch, p: torch.optim.RMSprop(p, **_TORCH_MEAN, weight_decay=0.1),
    ),
    Variant(
        optimizers.RMSProp,
        _MEAN | {"eps_inside_sqrt": True},
        optax=lambda optax: optax.rmsprop(**_OPTAX_MEAN),
        keras=lambda keras: keras.optimizers.RMSprop(**_KERAS_MEAN),
    ),
    Variant(
        optimizers.RMSProp,
        _MEAN | {"centered": True},
        torch=lambda torch, p: torch.optim.RMSprop(p, **_TORCH_MEAN, centered=True),
    ),
    Variant(
        optimizers.RMSProp,
        _MEAN | {"momentum": 0.7},
        torch=lambda torch, p: torch.optim.RMSprop(p, **_TORCH_MEAN, momentum=0.7),
    ),
    Variant(
        optimizers.RMSProp,
        _MEAN | {"centered": True, "momentum": 0.7},
        torch=lambda torch, p: torch.optim.RMSprop(p, **_TORCH_MEAN, centered=True, momentum=0.7),
    ),
    Variant(
        optimizers.RMSProp,
        _MEAN | {"eps_inside_sqrt": True, "centered": True, "momentum": 0.7},
        optax=lambda optax: optax.rmsprop(**_OPTAX_MEAN, centered=True, momentum=0.7),
        keras=lambda keras: keras.optimizers.RMSprop(**_KERAS_MEAN, centered=True, momentum=0.7),
    ),
    Variant(optimizers.Adadelta),
    Variant(
        optimizers.Adadelta,
        {"rho": 0.95, "eps": 0.01, "eps_inside_sqrt": True},
        torch=lambda torch, p: torch.optim.Adadelta(p, lr=1.0, rho=0.95, eps=0.01),
        optax=lambda optax: optax.adadelta(1.0, rho=0.95, eps=0.01),
        keras=lambda keras: keras.optimizers.Adadelta(1.0, rho=0.95, epsilon=0.01),
    ),
    Variant(
        optimizers.Adadelta,
        {"rho": 0.95, "lr": 0.5, "eps": 0.01, "eps_inside_sqrt": True, "weight_decay": 0.1},
        torch=lambda torch, p: torch.optim.Adadelta(p, lr=0.5, rho=0.95, eps=0.01, weight_decay=0.1),
    ),
    Variant(optimizers.Adam),
    Variant(
        optimizers.Adam,
        _ADAM,
        torch=lambda torch, p: torch.optim.Adam(p, **_TORCH_ADAM),
        optax=lambda optax: optax.adam(**_OPTAX_ADAM),
    ),
    Variant(
        optimizers.Adam,
        _ADAM | {"weight_decay": 0.1},
        torch=lambda torch, p: torch.optim.Adam(p, **_TORCH_ADAM, weight_decay=0.1),
    ),
    Variant(
        optimizers.Adam,
        _ADAM | {"eps_hat": True},
        keras=lambda keras: keras.optimizers.Adam(**_KERAS_ADAM),
    ),
    Variant(
        optimizers.Adam,
        _ADAM | {"amsgrad": True},
        torch=lambda torch, p: torch.optim.Adam(p, **_TORCH_ADAM, amsgrad=True),
    ),
    Variant(
        optimizers.Adam,
        _ADAM | {"amsgrad": True, "eps_hat": True},
        keras=lambda keras: keras.optimizers.Adam(**_KERAS_ADAM, amsgrad=True),
    ),
    Variant(optimizers.AdamW),
    Variant(
        optimizers.AdamW,
        _ADAM | {"weight_decay": 0.1},
        torch=lambda torch, p: torch.optim.AdamW(p, **_TORCH_ADAM, weight_decay=0.1),
        optax=lambda optax: optax.adamw(**_OPTAX_ADAM, weight_decay=0.1),
    ),
    Variant(optimizers.NAdam),
    Variant(optimizers.NAdam, _ADAM, optax=lambda optax: optax.nadam(**_OPTAX_ADAM)),
    Variant(
        optimizers.NAdam,
        _ADAM | {"weight_decay": 0.1},
        optax=lambda optax: optax.chain(optax.add_decayed_weights(0.1), optax.nadam(**_OPTAX_ADAM)),
    ),
    Variant(optimizers.RAdam),
    Variant(optimizers.RAdam, _ADAM, optax=lambda optax: optax.radam(**_OPTAX_ADAM)),
    Variant(
        optimizers.RAdam,
        _ADAM | {"weight_decay": 0.1},
        optax=lambda optax: optax.chain(optax.add_decayed_weights(0.1), optax.radam(**_OPTAX_ADAM)),
    ),
    Variant(optimizers.RAdam, _ADAM | {"beta2": 0.6}),
    Variant(optimizers.Adamax),
    Variant(
        optimizers.Adamax,
        _ADAM | {"weight_decay": 0.1},
        torch=lambda torch, p: torch.optim.Adamax(p, **_TORCH_ADAM, weight_decay=0.1),
    ),
    Variant(optimizers.Adamax, _ADAM, optax=lambda optax: optax.adamax(**_OPTAX_ADAM)),
    Variant(optimizers.Lion),
    Variant(
        optimizers.Lion,
        {"lr": 0.02, "beta1": 0.8, "beta2": 0.95, "weight_decay": 0.1},
        optax=lambda optax: optax.lion(0.02, b1=0.8, b2=0.95, weight_decay=0.1),
    ),
    Variant(
        optimizers.Lion,
        {"lr": 0.02, "beta1": 0.8, "beta2": 0.95},
        keras=lambda keras: keras.optimizers.Lion(0.02, beta_1=0.8, beta_2=0.95),
    ),
]
"""Each rule with its defaults, and each option of each at least once."""

AROUND: dict[str, Callable[[], Optimizer]] = {
    "Accumulate": lambda: optimizers.Accumulate(optimizers.Adam(0.1), 3),
    "AverageWeights": lambda: optimizers.AverageWeights(optimizers.Adam(0.1), 0.8),
    "ClipByGlobalNorm": lambda: optimizers.ClipByGlobalNorm(optimizers.Momentum(0.1), 0.5),
    "ClipByNorm": lambda: optimizers.ClipByNorm(optimizers.Momentum(0.1), 0.5),
    "ClipByValue": lambda: optimizers.ClipByValue(optimizers.Momentum(0.1), 0.5),
    "Frozen": optimizers.Frozen,
    "Groups": lambda: optimizers.Groups(
        {"*/bias": optimizers.Momentum(0.1), "/2-*": optimizers.Frozen(), "*": optimizers.AdamW(0.1)}
    ),
    "SkipNonFinite": lambda: optimizers.SkipNonFinite(optimizers.RMSProp(0.1)),
    "several": lambda: optimizers.AverageWeights(
        optimizers.ClipByGlobalNorm(
            optimizers.Groups(
                {
                    "*/weight": optimizers.SkipNonFinite(optimizers.Accumulate(optimizers.NAdam(0.1), 2)),
                    "*": optimizers.ClipByValue(optimizers.Lion(0.01), 0.1),
                }
            ),
            5.0,
        )
    ),
}
"""Every wrapper by its name, and several nested wrappers."""
