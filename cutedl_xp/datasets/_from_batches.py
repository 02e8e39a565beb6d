"""Batches from a user's function, for data that do not fit in memory."""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from copy import copy
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from cutedl_xp import _checks
from cutedl_xp._typing import Array, Shape
from cutedl_xp.backends import Backend
from cutedl_xp.datasets._arrays import move
from cutedl_xp.datasets._given import Given, located, read_given, takes_epoch_of
from cutedl_xp.datasets._weights import Batch, check_weights

BatchFactory = Callable[..., Iterable[Any]] | Iterable[Any]
"""Function that returns a new iterable of batches for each epoch, or an object that can be iterated repeatedly."""

_END = object()


class Batches:
    """Data that a function makes batch by batch, for ``fit``, ``resume``, ``evaluate`` and ``predict``.

    ``Dataset.from_batches`` returns such an object. Use it for data that do not fit in memory, and for samples that
    change in every epoch. The batches can have different numbers of samples. Before the training, the first
    batch is made once or twice more, to check that model, loss and metrics accept it. Every batch is checked before it
    is used.

    Parameters
    ----------
    factory
        Generator function, or another function that returns an iterable of batches. The function is called for each
        epoch, with the number of the epoch as ``epoch=`` if it has a parameter of this name. An iterable that can be
        used repeatedly, such as a list, is also accepted. A batch is a tuple ``(x, y)`` or ``(x, y, sample_weight)`` of
        arrays, lists, or pandas DataFrames and Series. NumPy arrays are moved to the device of the model.
    steps_per_epoch
        Number of batches in an epoch, at least 1. Further batches are not used; fewer batches are an error.
    scale
        Factor of the samples, such as ``1 / 255`` for images of uint8; default None, which leaves them unchanged.

    Attributes
    ----------
    in_memory
        False: only the current batch and the first one are kept.

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type or value.

    Notes
    -----
    An evaluation uses the batches of epoch 0. A ``fit`` or ``resume`` that starts in the middle of an epoch skips the
    batches that were used before: the factory makes them again. The resumed training gives the same bits as an
    uninterrupted one if the factory is deterministic, which means that its batches depend on the epoch alone.

    The training steps run in the plain loop, on every backend; ``session.compiled`` is false and states the reason.

    Examples
    --------
    >>> import numpy as np
    >>> import cutedl_xp as cdl
    >>> def read(epoch):
    ...     random = np.random.default_rng(epoch)
    ...     for _ in range(10):
    ...         x = random.normal(size=(32, 1)).astype("float32")
    ...         yield x, 3.0 * x
    >>> model = cdl.Model([cdl.layers.Dense(1, input_dim=1, activation="linear")]).assemble()
    >>> session = cdl.Session(model, loss=cdl.losses.Mse(), optimizer=cdl.optimizers.Fixed(lr=0.2))
    >>> history = session.fit(cdl.Dataset.from_batches(read, steps_per_epoch=10), epochs=5)
    >>> history.loss[-1] < 1e-3
    True
    """

    in_memory = False

    def __init__(self, factory: BatchFactory, steps_per_epoch: int, scale: float | None = None) -> None:
        self._takes_epoch = takes_epoch_of(factory)
        self.factory = factory
        self.steps_per_epoch = _checks.check_integer("steps_per_epoch", steps_per_epoch, at_least=1)
        self.scale = None if scale is None else _checks.check_real("scale", scale)
        self.class_weight: dict[int, float] = {}
        self._factors: Callable[[Array], NDArray[np.float64]] | None = None
        self._checks: tuple[Callable[[Array, Array], None], ...] = ()
        self._kept: Given | None = None

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        return self.steps_per_epoch

    @property
    def sample_shape(self) -> Shape:
        """Shape of one sample of the first batch."""
        return tuple(self._first[0].shape[1:])

    @property
    def label_shape(self) -> Shape:
        """Shape of the labels of one sample of the first batch."""
        return tuple(self._first[1].shape[1:])

    @property
    def weighted(self) -> bool:
        """Whether the samples have weights."""
        return self._first[2] is not None or self._factors is not None

    def weighted_batches(self, epoch: int, backend: Backend, dtype: Any, start: int = 0) -> Iterator[Batch]:
        """Return an iterator over the batches of one epoch.

        Parameters
        ----------
        epoch
            Number of the epoch, from 0.
        backend, dtype
            Backend of the batches, and the dtype of the samples and of labels that are not integers.
        start
            Number of batches at the start of the epoch to skip, default 0. The factory makes them again.

        Raises
        ------
        TypeError, ValueError
            If there are too few batches, one of them is no batch, or its shapes differ from those of the first batch.
        """
        batches = self._begin(epoch)
        with closing(batches):
            for number in range(len(self)):
                given = next(batches, _END)
                if given is _END:
                    raise ValueError(
                        f"`factory` must give {len(self)} batches in every epoch (`steps_per_epoch`); epoch {epoch} "
                        f"ended after {number}"
                    )
                if number >= start:
                    where = f"batch {number} of epoch {epoch}"
                    yield self._convert(read_given(given, where), where, backend, dtype)

    def check_first(self, backend: Backend, dtype: Any) -> None:
        """Raise if :meth:`weighted_batches` with ``backend`` and ``dtype`` would raise for the first batch."""
        self._convert(self._first, "the first batch", backend, dtype)

    def with_checks(self, check: Callable[[Array, Array], None]) -> Self:
        """Return the same batches with the function ``check``, which raises for samples and labels that do not fit.

        Earlier functions still apply.
        """
        result = copy(self)
        result._checks = (*self._checks, check)
        return result

    def with_class_weight(
        self, class_weight: dict[int, float], factors: Callable[[Array], NDArray[np.float64]]
    ) -> Self:
        """Return the same batches with the weights of classes.

        Parameters
        ----------
        class_weight
            Weights by class.
        factors
            Function that returns the factor of each sample from the labels of a batch.
        """
        result = copy(self)
        result.class_weight, result._factors = class_weight, factors
        return result

    @property
    def _first(self) -> Given:
        """First batch of epoch 0, which is made once more than the others."""
        if self._kept is None:
            with closing(self._begin(0)) as batches:
                given = next(batches, _END)
            if given is _END:
                raise ValueError("`factory` must give batches; got none")
            self._kept = read_given(given, "the first batch")
        return self._kept

    def _begin(self, epoch: int) -> Generator[Any]:
        """Return the batches of an epoch as a generator, which can be closed."""
        if not callable(self.factory):
            batches = self.factory
        else:
            batches = self.factory(epoch=epoch) if self._takes_epoch else self.factory()
        if not isinstance(batches, Iterable):
            raise TypeError(f"`factory` must return an iterable of batches; got {_checks.format_value(batches)}")
        yield from batches

    def _convert(self, given: Given, where: str, backend: Backend, dtype: Any) -> Batch:
        x, y, weight = given
        shapes = tuple(x.shape[1:]), tuple(y.shape[1:])
        if shapes != (self.sample_shape, self.label_shape):
            raise ValueError(
                f"{where} must have samples and labels of the shapes of the first batch, "
                f"{self.sample_shape} and {self.label_shape}; got {shapes[0]} and {shapes[1]}"
            )
        if (weight is None) is not (self._first[2] is None):
            raise ValueError(f"{where} must have weights of its samples if and only if the first batch has them")
        try:
            for check in self._checks:
                check(x, y)
            size, own = self._weigh(y, weight)
            x, y = move(x, backend, dtype), move(y, backend, dtype)
        except (TypeError, ValueError) as error:
            raise located(error, where) from error
        on_device = None if own is None else backend.make_computable(backend.asarray(own, dtype))
        return Batch(backend.convert(x, dtype, self.scale), y, on_device, size)

    def _weigh(self, y: Array, weight: Array | None) -> tuple[float, NDArray[np.float64] | None]:
        """Return the sum of the weights of a batch, and the weights on the host, None without any."""
        own: NDArray[np.float64] | None = None
        if weight is not None:
            _, own = check_weights(weight, int(y.shape[0]), of_a_batch=True)
        if self._factors is not None:
            factors = self._factors(y)
            own = factors if own is None else own * factors
        return (int(y.shape[0]) if own is None else float(np.sum(own))), own

    def __repr__(self) -> str:
        source = getattr(self.factory, "__qualname__", type(self.factory).__name__)
        return f"<{type(self).__name__} of {source}, {len(self)} in an epoch>"
