"""Samples and their labels, handed out in shuffled batches."""

from collections.abc import Iterator
from math import prod
from typing import Any

import array_api_compat

from cutedl_xp import _checks
from cutedl_xp._random import Stream, check_seed
from cutedl_xp._typing import Array, Shape
from cutedl_xp.backends import Backend, backend_of, describe, dtype_name

_AT_ONCE = 1 << 20
"""Entries that are gathered in one go: several small batches, since each call costs more than the batch, or one."""


class Dataset:
    """Samples with labels, in batches whose order depends on the seed and the epoch alone.

    Parameters
    ----------
    data
        Samples, shape ``(n, ...)``: a NumPy array, or an array of the backend that will train on it. A NumPy array
        is moved to the device once, when it is first needed there.
    labels
        One entry for each sample, shape ``(n, ...)``, likewise.
    batch_size
        Samples a batch.
    shuffle
        Whether every epoch has an order of its own.
    drop_remainder
        Whether a last batch that is not full is left out.
    seed
        An integer of at least 0: epoch k is shuffled by (seed, k).
    scale
        What a batch is multiplied by as it is gathered, such as ``1 / 255`` for images kept as uint8.

    Raises
    ------
    TypeError, ValueError
        If ``data`` and ``labels`` are no arrays, are empty, or differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> import cutedl_xp as cdl
    >>> data = cdl.Dataset(np.arange(6.0).reshape(3, 2), np.array([0, 1, 0]), batch_size=2, shuffle=False)
    >>> [x.shape for x, y in data.batches(epoch=0)]
    [(2, 2), (1, 2)]
    """

    def __init__(
        self,
        data: Array,
        labels: Array,
        batch_size: int = 64,
        shuffle: bool = True,
        drop_remainder: bool = False,
        seed: int = 0,
        scale: float | None = None,
    ) -> None:
        _check_array("data", data)
        _check_array("labels", labels)
        if data.shape[0] != labels.shape[0] or data.shape[0] == 0:
            raise ValueError(
                "`data` and `labels` must have one entry for each sample and at least one sample; "
                f"got shapes {tuple(data.shape)} and {tuple(labels.shape)}"
            )
        self.data = data
        self.labels = labels
        self.batch_size = _checks.check_integer("batch_size", batch_size, at_least=1)
        self.shuffle = _checks.check_boolean("shuffle", shuffle)
        self.drop_remainder = _checks.check_boolean("drop_remainder", drop_remainder)
        self.seed = check_seed(seed)
        self.scale = None if scale is None else _checks.check_real("scale", scale)
        if len(self) == 0:
            raise ValueError(
                f"`batch_size` is {batch_size} and there are {data.shape[0]} samples: with drop_remainder=True "
                "no batch is left; take a smaller batch_size"
            )
        self._moved: tuple[Backend, Any, Array, Array] | None = None

    @property
    def size(self) -> int:
        """The number of samples."""
        return int(self.data.shape[0])

    @property
    def sample_shape(self) -> Shape:
        """The shape of one sample."""
        return tuple(self.data.shape[1:])

    def __len__(self) -> int:
        """The number of batches in an epoch."""
        whole, rest = divmod(self.size, self.batch_size)
        return whole if self.drop_remainder or not rest else whole + 1

    def batches(
        self, epoch: int, backend: Backend | None = None, dtype: Any = None, start: int = 0
    ) -> Iterator[tuple[Array, Array]]:
        """Return the batches of one epoch.

        Parameters
        ----------
        epoch
            Its number, from 0.
        backend
            Where the batches are wanted; by default where the data are.
        dtype
            The floating-point dtype of the samples and of labels that are not integers; by default that of the
            data if it is floating-point, else float32.
        start
            Number of batches to skip, the first ones, default 0. They are not gathered.

        Returns
        -------
        pairs of arrays
            Samples of shape ``(batch_size, ...)`` times the scale, and their labels.

        Raises
        ------
        TypeError, ValueError
            If an argument is none of these, or the data are arrays of another backend.
        """
        epoch = _checks.check_integer("epoch", epoch, at_least=0)
        first = _checks.check_integer("start", start, at_least=0) * self.batch_size
        backend = backend_of(self.data) if backend is None else backend
        dtype = backend.dtype(self._float_dtype() if dtype is None else dtype)
        return self._batches(epoch, backend, dtype, first, *self._on(backend, dtype))

    def _batches(
        self, epoch: int, backend: Backend, dtype: Any, first: int, data: Array, labels: Array
    ) -> Iterator[tuple[Array, Array]]:
        stop = min(len(self) * self.batch_size, self.size)
        if not self.shuffle:
            if first < stop:
                yield from self._slices(backend, dtype, data[first:stop, ...], labels[first:stop, ...])
            return
        order = backend.asarray(Stream(self.seed, "shuffle", epoch).permutation(self.size))
        entries = self.batch_size * prod(data.shape[1:]), self.batch_size * prod(labels.shape[1:])
        batches = max(1, _AT_ONCE // max(*entries, 1)) if backend.has_views else 1  # a slice may be a copy elsewhere
        rows_at_once = self.batch_size * batches
        for start in range(first, stop, rows_at_once):
            rows = order[start : min(start + rows_at_once, stop)]
            yield from self._slices(backend, dtype, *(backend.xp.take(array, rows, axis=0) for array in (data, labels)))

    def _slices(self, backend: Backend, dtype: Any, data: Array, labels: Array) -> Iterator[tuple[Array, Array]]:
        count = data.shape[0]
        if count <= self.batch_size:
            yield backend.convert(data, dtype, self.scale), labels
            return
        for start in range(0, count, self.batch_size):
            batch = slice(start, min(start + self.batch_size, count))
            yield backend.convert(data[batch, ...], dtype, self.scale), labels[batch, ...]

    def _float_dtype(self) -> str:
        floating = backend_of(self.data).xp.isdtype(self.data.dtype, "real floating")
        return dtype_name(self.data.dtype) if floating else "float32"

    def labels_on(self, backend: Backend, dtype: Any) -> Array:
        """All labels as the batches will have them."""
        return self._on(backend, backend.dtype(dtype))[1]

    def _on(self, backend: Backend, dtype: Any) -> tuple[Array, Array]:
        if self._moved is None or self._moved[:2] != (backend, dtype):
            data = self.data if backend.owns(self.data) else _moved(self.data, backend, dtype)
            self._moved = (backend, dtype, data, _moved(self.labels, backend, dtype))
        return self._moved[2:]

    def __repr__(self) -> str:
        return f"<Dataset of {self.size} samples of shape {self.sample_shape} in {len(self)} batches>"


def _moved(array: Array, backend: Backend, dtype: Any) -> Array:
    """The array on the backend, with the dtype if it is a floating-point one."""
    floating = backend_of(array).xp.isdtype(array.dtype, "real floating")
    return backend.asarray(array, dtype if floating else None)


def _check_array(argument: str, array: Any) -> None:
    if not array_api_compat.is_array_api_obj(array):
        raise TypeError(f"`{argument}` must be an array of shape (n, ...); got {type(array).__name__}")
    if not backend_of(array).xp.isdtype(array.dtype, ("bool", "integral", "real floating")):
        raise TypeError(f"`{argument}` must be an array of real numbers; got {describe(array)}")
    if not array.shape:
        raise ValueError(f"`{argument}` must have a first axis of samples; got an array of shape ()")
