"""Measure the convergence of every optimizer on four problems, for more-optimizers.md.

    python docs/convergence.py              # writes docs/convergence.md

Each rule has the best rate for the problem, of 1e-4, 3e-4, ... 1. MNIST is read from the folder that the environment
variable CUTEDL_XP_DATA names, else from the cache, or downloaded.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import cutedl_xp as cdl

RATES = [rate * 10.0**exponent for exponent in range(-4, 0) for rate in (1.0, 3.0)] + [1.0]
RULES: dict[str, Callable[[float], Any]] = {
    "Fixed": cdl.optimizers.Fixed,
    "Momentum": cdl.optimizers.Momentum,
    "Momentum, nesterov": lambda lr: cdl.optimizers.Momentum(lr, nesterov=True),
    "Adagrad": cdl.optimizers.Adagrad,
    "RMSProp": cdl.optimizers.RMSProp,
    "RMSProp, centered, momentum=0.9": lambda lr: cdl.optimizers.RMSProp(lr, centered=True, momentum=0.9),
    "Adadelta, eps_inside_sqrt": lambda lr: cdl.optimizers.Adadelta(lr=lr, eps_inside_sqrt=True),
    "Adam": cdl.optimizers.Adam,
    "Adam, amsgrad": lambda lr: cdl.optimizers.Adam(lr, amsgrad=True),
    "AdamW": cdl.optimizers.AdamW,
    "NAdam": cdl.optimizers.NAdam,
    "RAdam": cdl.optimizers.RAdam,
    "Adamax": cdl.optimizers.Adamax,
    "Lion": cdl.optimizers.Lion,
}
MOST = 5_000
DIMENSIONS, SEEDS = 20, 10


def updates_until(rule: Any, w: np.ndarray, gradient: Callable[[np.ndarray], np.ndarray], done: Any) -> float:
    """Return the number of updates until ``done``, or infinity."""
    state = rule.init(w)
    for number in range(1, MOST + 1):
        w, state = rule.update(w, gradient(w), state)
        if not np.isfinite(w).all():
            return np.inf
        if done(w):
            return number
    return np.inf


def parabola(rule: Any) -> float:
    """Return the updates until (x² + 30 y²) / 2 is below 1e-6, from (1.0037, 0.7041)."""
    h = np.array([1.0, 30.0])
    return updates_until(rule, np.array([1.0037, 0.7041]), lambda w: h * w, lambda w: (h * w * w).sum() < 2e-6)


def rosenbrock(rule: Any) -> float:
    """Return the updates until (1 - x)² + 100 (y - x²)² is below 1e-4, from (-1.2, 1)."""

    def gradient(w: np.ndarray) -> np.ndarray:
        x, y = w
        return np.array([2 * (x - 1) - 400 * x * (y - x * x), 200 * (y - x * x)])

    return updates_until(
        rule, np.array([-1.2, 1.0]), gradient, lambda w: (1 - w[0]) ** 2 + 100 * (w[1] - w[0] ** 2) ** 2 < 1e-4
    )


def noisy_quadratic(rule: Any) -> float:
    """Return the mean loss of the last 100 of 2,000 updates: curvatures from 0.1 to 10, gradient noise of size 1."""
    curvature = np.geomspace(0.1, 10.0, DIMENSIONS)[:, None]
    random = np.random.default_rng(0)
    w, total = np.ones((DIMENSIONS, SEEDS)), 0.0
    state = rule.init(w)
    for number in range(2_000):
        w, state = rule.update(w, curvature * w + random.normal(size=w.shape), state)
        if number >= 1_900:
            total += float((curvature * w * w).sum() / 2 / SEEDS)
    return total / 100 if np.isfinite(total) else np.inf


def mnist(rule: Any) -> float:
    """Return the validation loss after five epochs of a dense layer with logits (no inactive units), seed 1."""
    train, test = cdl.datasets.mnist.load(batch_size=64, seed=1)
    model = cdl.Model([cdl.layers.Dense(10, input_dim=784, activation="linear")]).assemble("numpy", seed=1)
    session = cdl.Session(model, loss=cdl.losses.CategoricalCrossentropy(), optimizer=rule)
    history = session.fit(train, 5, val_data=test, val_epochs=5)
    return history.val_loss[-1] if np.isfinite(history.val_loss[-1]) else np.inf


def best(make: Callable[[float], Any], problem: Callable[[Any], float]) -> str:
    """Return the smallest result over the rates, with the rate."""
    with np.errstate(all="ignore"):
        found = [(problem(make(lr)), lr) for lr in RATES]
    figure, lr = min(found)
    if figure == np.inf:
        return "not reached"
    return f"{figure:,.0f} ({lr:g})" if figure >= 5 else f"{figure:.3g} ({lr:g})"


def table(problems: Sequence[tuple[str, Callable[[Any], float]]]) -> str:
    """Return the table in Markdown."""
    lines = [f"| | {' | '.join(title for title, _ in problems)} |", f"|---|{'---:|' * len(problems)}"]
    for name, make in RULES.items():
        lines.append(f"| {name} | {' | '.join(best(make, problem) for _, problem in problems)} |")
        print(lines[-1], flush=True)
    return "\n".join(lines) + "\n"


def main() -> None:
    problems: list[tuple[str, Callable[[Any], float]]] = [
        ("parabola: updates", parabola),
        ("Rosenbrock: updates", rosenbrock),
        ("noisy quadratic: loss", noisy_quadratic),
        ("MNIST: validation loss", mnist),
    ]
    Path(__file__).with_name("convergence.md").write_text(table(problems), encoding="utf-8")


if __name__ == "__main__":
    main()
