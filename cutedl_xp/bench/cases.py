"""What a comparison of backends times: a training step and each optimizer's update, and the least work in each."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, count, pairwise
from math import prod
from typing import TypeAlias

import numpy as np

from cutedl_xp import optimizers
from cutedl_xp._typing import Array
from cutedl_xp.backends import Backend
from cutedl_xp.datasets import Dataset
from cutedl_xp.layers import Dense
from cutedl_xp.losses import CategoricalCrossentropy
from cutedl_xp.model import Model
from cutedl_xp.optimizers import Adam, ElementwiseOptimizer
from cutedl_xp.training.step import TrainingStep

Work: TypeAlias = Callable[[], object]
"""Does something once; what it returns is kept until the device is done with it."""

DTYPE = "float32"
STEP = "training step"
_ITEMSIZE = 4
_SAMPLES = 60_000  # as many as MNIST trains on, so that a batch is gathered from memory and not from a cache
_MOST_BYTES = 2**28


@dataclass(frozen=True)
class Case:
    """Something to time on one backend.

    Attributes
    ----------
    backend
        Where it runs.
    task
        ``"training step"``, or an optimizer's update, such as ``"update, Adam"``.
    batch_size
        Samples in a call; 0 for an update.
    work
        What is timed.
    floor
        The least that the work contains, by the same backend: the matrix products of a step at its shapes, or a copy
        that moves as many bytes as an update reads and writes.
    floor_amount
        Floating-point operations (of products) or bytes (of a copy) in one call of ``floor``.
    """

    backend: Backend
    task: str
    batch_size: int
    work: Work
    floor: Work
    floor_amount: int

    @property
    def floor_unit(self) -> str:
        """What ``floor_amount`` counts: ``"FLOP"`` or ``"B"``."""
        return "FLOP" if self.batch_size else "B"


def make_cases(backend: Backend, widths: Sequence[int], batch_sizes: Sequence[int]) -> list[Case]:
    """All that is timed on one backend: a training step of each batch size, and an update by each optimizer.

    Parameters
    ----------
    backend
        Where it runs.
    widths
        The model's: inputs, hidden units, outputs.
    batch_sizes
        Those of the training steps.
    """
    model, random = _model(backend, widths), np.random.default_rng(0)
    for parameter in model.parameters:
        shape = tuple(parameter.value.shape)
        parameter.gradient = backend.asarray(random.normal(size=shape), dtype=DTYPE)
    steps = [_training_step(backend, widths, batch_size) for batch_size in batch_sizes]
    return steps + [_update(model, optimizer) for optimizer in all_optimizers()]


def all_optimizers() -> list[ElementwiseOptimizer]:
    """Every public update rule with its defaults, the one that moves the fewest bytes first.

    Examples
    --------
    >>> [type(optimizer).__name__ for optimizer in all_optimizers()]
    ['Fixed', 'Adagrad', 'Lion', 'Momentum', 'RMSProp', 'Adadelta', 'Adam', 'AdamW', 'Adamax', 'NAdam', 'RAdam']
    """
    named = [getattr(optimizers, name) for name in optimizers.__all__]
    rules = [each() for each in named if issubclass(each, ElementwiseOptimizer) and each is not ElementwiseOptimizer]
    return sorted(rules, key=lambda optimizer: len(optimizer.slots))


def _model(backend: Backend, widths: Sequence[int]) -> Model:
    """Relu between the layers, logits at the end."""
    last = len(widths) - 2
    layers = [
        Dense(units, input_dim=inputs, activation="linear" if place == last else "relu")
        for place, (inputs, units) in enumerate(pairwise(widths))
    ]
    return Model(layers).assemble(backend=backend, dtype=DTYPE, seed=0)


def _training_step(backend: Backend, widths: Sequence[int], batch_size: int) -> Case:
    model = _model(backend, widths)
    train = TrainingStep(model, CategoricalCrossentropy(), Adam())
    batches = _endless_batches(model, _random_images(widths, batch_size))

    def step() -> Array:
        return train(*next(batches))

    products, operations = matrix_products(backend, widths, batch_size)
    return Case(backend, STEP, batch_size, step, products, operations)


def _endless_batches(model: Model, data: Dataset) -> Iterator[tuple[Array, Array]]:
    """Return the batches of epoch after epoch, as ``Session.fit`` takes them."""
    return chain.from_iterable(data.batches(epoch, model.backend, model.dtype) for epoch in count())


def _random_images(widths: Sequence[int], batch_size: int) -> Dataset:
    """Random numbers as MNIST comes: 60,000 images of one byte a pixel, and one-hot labels."""
    inputs, classes = widths[0], widths[-1]
    samples = max(batch_size, min(_SAMPLES, _MOST_BYTES // (inputs + classes * _ITEMSIZE)))
    random = np.random.default_rng(0)
    images = random.integers(0, 256, size=(samples, inputs), dtype=np.uint8)
    labels = np.zeros((samples, classes), dtype=DTYPE)
    labels[np.arange(samples), random.integers(0, classes, size=samples)] = 1.0
    return Dataset(images, labels, batch_size=batch_size, drop_remainder=True, scale=1.0 / 255.0)


def matrix_products(backend: Backend, widths: Sequence[int], batch_size: int) -> tuple[Work, int]:
    """The matrix products of one training step, and nothing else of it.

    Parameters
    ----------
    backend, widths, batch_size
        Those of the step.

    Returns
    -------
    callable, int
        What computes them, into arrays that are there already where the library can, and how many floating-point
        operations that takes.

    Examples
    --------
    >>> from cutedl_xp.backends import get_backend
    >>> run, operations = matrix_products(get_backend("numpy"), (4, 3, 2), batch_size=5)
    >>> [product.shape for product in run()]  # x W and xᵀ dz of each layer, and dz Wᵀ of all but the first
    [(5, 3), (4, 3), (5, 2), (3, 2), (5, 3)]
    >>> operations == 2 * 5 * (4 * 3 + 4 * 3 + 3 * 2 + 3 * 2 + 3 * 2)
    True
    """
    random = np.random.default_rng(0)
    pairs: list[tuple[Array, Array]] = []
    operations = 0
    for layer, (inputs, units) in enumerate(pairwise(widths)):
        shapes = ((batch_size, inputs), (inputs, units), (batch_size, units))
        x, weight, dz = (backend.asarray(random.normal(size=shape), dtype=DTYPE) for shape in shapes)
        own = [(x, weight), (x.T, dz), (dz, weight.T)][: 3 if layer else 2]  # nobody asks for the images' gradient
        pairs += own
        operations += len(own) * 2 * batch_size * inputs * units
    targets = [backend.matmul(a, b) for a, b in pairs]

    def multiply() -> list[Array]:
        return [backend.matmul(a, b, out=target) for (a, b), target in zip(pairs, targets, strict=True)]

    return multiply, operations


def _update(model: Model, optimizer: ElementwiseOptimizer) -> Case:
    parameters = model.parameters

    def update() -> None:
        optimizer.step(parameters)

    numbers = sum(prod(parameter.value.shape) for parameter in parameters)
    arrays = 3 + 2 * len(optimizer.slots)  # w and each state are read and written, the gradient is read
    copy, moved = copying(parameters.backend, arrays * numbers)
    return Case(parameters.backend, f"update, {type(optimizer).__name__}", 0, update, copy, moved)


def copying(backend: Backend, numbers: int) -> tuple[Work, int]:
    """A copy of an array that reads and writes so many numbers together, and how many bytes these are.

    Examples
    --------
    >>> from cutedl_xp.backends import get_backend
    >>> run, moved = copying(get_backend("numpy"), numbers=6)
    >>> run().size, moved  # three numbers are read and three are written
    (3, 24)
    """
    size = -(-numbers // 2)
    source = backend.asarray(np.random.default_rng(0).normal(size=size), dtype=DTYPE)
    target = backend.xp.zeros_like(source)

    def copy() -> Array:
        if backend.has_views:
            return backend.write(target, source)
        return backend.copy(source)

    return copy, 2 * size * _ITEMSIZE
