"""Tasks of a backend comparison: a training step, and an update by each optimizer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod

import numpy as np

from cutedl_xp import optimizers
from cutedl_xp.backends import Backend
from cutedl_xp.bench._steps import make_steps
from cutedl_xp.bench.floors import DTYPE, ITEMSIZE, Work, count_update_traffic, make_copy, make_products
from cutedl_xp.datasets import Dataset
from cutedl_xp.layers import Dense
from cutedl_xp.model import Model
from cutedl_xp.optimizers import ElementwiseOptimizer

STEP = "training step"
_SAMPLES = 60_000  # the size of MNIST, so that the samples of a batch come from memory and not from a cache
_MOST_BYTES = 2**28


@dataclass(frozen=True)
class Case:
    """Task on one backend.

    Attributes
    ----------
    backend
        Backend that computes.
    task
        ``"training step"``, or an optimizer's update, such as ``"update, Adam"``.
    batch_size
        Number of samples in a call; 0 for an update.
    work
        Function to time: ``work(count)`` runs ``count`` steps or updates.
    floor
        Least work of the task on the same backend: the matrix products of a step, or a copy that moves as many bytes
        as an update reads and writes.
    floor_amount
        Number of floating-point operations (of products) or bytes (of a copy) in one call of ``floor``.
    """

    backend: Backend
    task: str
    batch_size: int
    work: Callable[[int], object]
    floor: Work
    floor_amount: int

    @property
    def floor_unit(self) -> str:
        """Unit of ``floor_amount``: ``"FLOP"`` or ``"B"``."""
        return "FLOP" if self.batch_size else "B"


def make_cases(
    backend: Backend, widths: Sequence[int], batch_sizes: Sequence[int], compiled: bool | None = None
) -> list[Case]:
    """Return all tasks on one backend: a training step for each batch size, and an update by each optimizer.

    Parameters
    ----------
    backend
        Backend that computes.
    widths
        Widths of the model: inputs, hidden units, outputs.
    batch_sizes
        Batch sizes of the training steps.
    compiled
        Argument of ``Session.fit``.
    """
    model, random = _make_model(backend, widths), np.random.default_rng(0)
    for parameter in model.parameters:
        shape = tuple(parameter.value.shape)
        parameter.gradient = backend.asarray(random.normal(size=shape), dtype=DTYPE)
    steps = [_make_step_case(backend, widths, batch_size, compiled) for batch_size in batch_sizes]
    return steps + [_make_update_case(model, optimizer) for optimizer in list_optimizers()]


def list_optimizers() -> list[ElementwiseOptimizer]:
    """Return every public update rule with its defaults, in the order of their memory traffic.

    Examples
    --------
    >>> [type(optimizer).__name__ for optimizer in list_optimizers()]
    ['Fixed', 'Adagrad', 'Lion', 'Momentum', 'RMSProp', 'Adadelta', 'Adam', 'AdamW', 'Adamax', 'NAdam', 'RAdam']
    """
    named = [getattr(optimizers, name) for name in optimizers.__all__]
    rules = [each() for each in named if issubclass(each, ElementwiseOptimizer) and each is not ElementwiseOptimizer]
    return sorted(rules, key=lambda optimizer: len(optimizer.slots))


def _make_model(backend: Backend, widths: Sequence[int]) -> Model:
    """Return a dense model with relu between the layers and logits as outputs."""
    last = len(widths) - 2
    layers = [
        Dense(units, input_dim=inputs, activation="linear" if place == last else "relu")
        for place, (inputs, units) in enumerate(pairwise(widths))
    ]
    return Model(layers).assemble(backend=backend, dtype=DTYPE, seed=0)


def _make_step_case(backend: Backend, widths: Sequence[int], batch_size: int, compiled: bool | None) -> Case:
    steps = make_steps(_make_model(backend, widths), _make_images(widths, batch_size), compiled)
    products, operations = make_products(backend, widths, batch_size)
    return Case(backend, STEP, batch_size, steps, products, operations)


def _make_images(widths: Sequence[int], batch_size: int) -> Dataset:
    """Return random data of MNIST's form: 60,000 images with one byte for each pixel, and one-hot labels."""
    inputs, classes = widths[0], widths[-1]
    samples = max(batch_size, min(_SAMPLES, _MOST_BYTES // (inputs + classes * ITEMSIZE)))
    random = np.random.default_rng(0)
    images = random.integers(0, 256, size=(samples, inputs), dtype=np.uint8)
    labels = np.zeros((samples, classes), dtype=DTYPE)
    labels[np.arange(samples), random.integers(0, classes, size=samples)] = 1.0
    return Dataset(images, labels, batch_size=batch_size, drop_remainder=True, scale=1.0 / 255.0)


def _make_update_case(model: Model, optimizer: ElementwiseOptimizer) -> Case:
    parameters = model.parameters

    def update(count: int) -> None:
        for _ in range(count):
            optimizer.step(parameters)

    numbers = sum(prod(parameter.value.shape) for parameter in parameters)
    copy, moved = make_copy(parameters.backend, count_update_traffic(numbers, len(optimizer.slots)))
    return Case(parameters.backend, f"update, {type(optimizer).__name__}", 0, update, copy, moved)
