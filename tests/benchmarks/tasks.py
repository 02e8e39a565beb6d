"""Tasks of the measurement: training steps, updates, a step at growing sizes, and fits of estimators."""

from collections.abc import Sequence
from dataclasses import dataclass

OURS = ("cutedl_xp", "cutedl_xp-plain", "cutedl_xp-jax")
FLOOR = "floor"
RULES = {
    "Fixed": 0,
    "Momentum": 1,
    "Adagrad": 1,
    "RMSProp": 1,
    "Adadelta": 2,
    "Adam": 2,
    "AdamW": 2,
    "NAdam": 2,
    "RAdam": 2,
    "Adamax": 2,
    "Lion": 1,
}
"""Number of slots of each rule."""


@dataclass(frozen=True)
class Task:
    """A task for all contenders.

    Attributes
    ----------
    part
        Part of the report: ``"steps"``, ``"updates"``, or ``"scaling: ..."`` with the growing size.
    name
        Name in tables.
    size
        Value of the growing size.
    widths, batch_size
        Model of a training step (inputs, hidden units, outputs; empty for an update), and its batch size.
    rule, parameters
        Only for an update: the name of the optimizer, and the number of parameters.
    samples, epochs
        Only for the fit of an estimator: the name of its data, and the number of epochs.
    """

    part: str
    name: str
    size: int
    widths: tuple[int, ...] = ()
    batch_size: int = 0
    rule: str = ""
    parameters: int = 0
    samples: str = ""
    epochs: int = 0


def steps() -> list[Task]:
    """Return training steps of three models."""
    return [
        _step("steps", (784, 10), 64),
        _step("steps", (784, 128, 10), 64),
        _step("steps", (784, 512, 512, 10), 128),
    ]


def updates() -> list[Task]:
    """Return updates of each rule for three sizes."""
    return [
        Task("updates", f"{rule}, {parameters:,}", parameters, rule=rule, parameters=parameters)
        for rule in RULES
        for parameters in (10_000, 1_000_000, 10_000_000)
    ]


def scaling() -> list[Task]:
    """Return training steps in which one size grows."""
    by_batch = [_step("scaling: batch size", (784, 128, 10), size, size) for size in (16, 64, 256, 1024)]
    by_width = [_step("scaling: width", (784, size, 10), 64, size) for size in (16, 64, 256, 1024)]
    by_depth = [_step("scaling: hidden layers", (784, *[128] * size, 10), 64, size) for size in (1, 2, 4, 8)]
    return by_batch + by_width + by_depth


def estimators() -> list[Task]:
    """Return one fit on small data and one on large data."""
    return [
        Task("estimators", "digits, 64-100-10, batch 64", 0, (64, 100, 10), 64, samples="digits", epochs=10),
        Task("estimators", "MNIST, 784-128-10, batch 64", 0, (784, 128, 10), 64, samples="MNIST", epochs=1),
    ]


def _step(part: str, widths: Sequence[int], batch_size: int, size: int = 0) -> Task:
    name = f"{'-'.join(map(str, widths))}, batch {batch_size}"
    return Task(part, name, size, widths=tuple(widths), batch_size=batch_size)
