"""Samples with labels and weights, and their copies on a device."""

from collections.abc import Iterator
from copy import copy
from math import prod
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from cutedl_xp._typing import Array, Shape
from cutedl_xp.backends import Backend, backend_of
from cutedl_xp.datasets._arrays import check_array, is_floating, is_in_file, move
from cutedl_xp.datasets._conversion import as_array
from cutedl_xp.datasets._weights import check_weights

_LABELS_AT_ONCE = 1 << 20
"""Number of label entries in a block, for labels that are read from a file."""


class Samples:
    """Samples with labels and optional weights.

    Parameters
    ----------
    data, labels, sample_weight
        As for :class:`Dataset`.
    """

    def __init__(self, data: Any, labels: Any, sample_weight: Any) -> None:
        data, labels = as_array("data", data), as_array("labels", labels)
        check_array("data", data)
        check_array("labels", labels)
        if data.shape[0] != labels.shape[0] or data.shape[0] == 0:
            raise ValueError(
                "`data` and `labels` must have one entry for each sample and at least one sample; "
                f"got shapes {tuple(data.shape)} and {tuple(labels.shape)}"
            )
        self.data: Array = data
        self.labels: Array = labels
        self.sample_weight: Array | None = None
        self._weights: NDArray[np.float64] | None = None
        if sample_weight is not None:
            weights = check_weights(sample_weight, int(data.shape[0]))
            vars(self)["sample_weight"], self._weights = weights
        self._moved: tuple[Backend, Any, tuple[Array, ...]] | None = None

    @property
    def size(self) -> int:
        """Number of samples."""
        return int(self.data.shape[0])

    @property
    def in_memory(self) -> bool:
        """Whether the arrays are moved to a device as a whole; False for memory-mapped arrays."""
        return not (is_in_file(self.data) or is_in_file(self.labels))

    @property
    def weighted(self) -> bool:
        """Whether the samples have weights."""
        return self.sample_weight is not None

    @property
    def sample_shape(self) -> Shape:
        """Shape of one sample."""
        return tuple(self.data.shape[1:])

    def weight_of(self, rows: NDArray[np.int64]) -> float:
        """Return the sum of the weights of the row numbers ``rows``, or their count if the data have no weights."""
        return len(rows) if self._weights is None else float(np.sum(self._weights[rows]))

    def reweighted(self, factors: Any) -> Self:
        """Return the same data with weights that are multiplied by factors.

        Parameters
        ----------
        factors
            Factor of each sample, shape ``(n,)``, at least 0. Without weights the factors become the weights.

        Examples
        --------
        >>> import numpy as np
        >>> import cutedl_xp as cdl
        >>> data = cdl.Dataset(np.zeros((2, 1)), np.zeros((2, 1)), sample_weight=[1.0, 2.0])
        >>> data.reweighted([1.0, 3.0]).sample_weight.tolist()
        [1.0, 6.0]
        """
        _, weights = check_weights(factors, self.size)
        if self._weights is not None:
            _, weights = check_weights(weights * self._weights, self.size)
        result = copy(self)
        result._weights = vars(result)["sample_weight"] = weights
        if self._moved is not None:  # the samples and labels on the device are shared
            backend, dtype, arrays = self._moved
            result._moved = backend, dtype, (*arrays[:2], backend.make_computable(backend.asarray(weights, dtype)))
        return result

    def _float_dtype(self) -> str:
        xp = backend_of(self.data).xp
        return "float64" if is_floating(self.data) and xp.finfo(self.data.dtype).bits >= 64 else "float32"

    def arrays_on(self, backend: Backend, dtype: Any) -> tuple[Array, Array]:
        """Return all unscaled samples and all labels on ``backend``, with the ``dtype`` of the batches."""
        data, labels = self._on(backend, backend.dtype(dtype))[:2]
        return data, labels

    def weights_on(self, backend: Backend, dtype: Any) -> Array | None:
        """Return the weights of all samples with the ``backend`` and ``dtype`` of the batches, None without weights."""
        return None if self.sample_weight is None else self._on(backend, backend.dtype(dtype))[2]

    def labels_on(self, backend: Backend, dtype: Any) -> Array:
        """Return all labels with the ``backend`` and ``dtype`` of the batches."""
        return self._on(backend, backend.dtype(dtype))[1]

    def label_blocks(self, backend: Backend, dtype: Any) -> Iterator[Array]:
        """Return an iterator over parts of the labels: one part, or several if they are memory-mapped.

        Parameters
        ----------
        backend, dtype
            Backend and dtype of the labels, except of memory-mapped ones, which are NumPy arrays of their own dtype.
        """
        if not is_in_file(self.labels):
            yield self.labels_on(backend, dtype)
            return
        rows = max(1, _LABELS_AT_ONCE // max(1, prod(self.labels.shape[1:])))
        for start in range(0, self.size, rows):
            yield np.asarray(self.labels[start : start + rows])

    def _on(self, backend: Backend, dtype: Any) -> tuple[Array, ...]:
        """Return data, labels and, if present, weights on a backend; memory-mapped arrays stay unchanged."""
        moved = self._moved  # read once: another thread may assign the arrays of another backend
        if moved is None or moved[:2] != (backend, dtype):
            data, labels = self.data, self.labels
            if not is_in_file(data):
                data = backend.make_computable(data) if backend.owns(data) else move(data, backend, dtype)
            if not is_in_file(labels):
                labels = move(labels, backend, dtype)
            arrays: tuple[Array, ...] = data, labels
            if self._weights is not None:
                arrays = *arrays, backend.make_computable(backend.asarray(self._weights, dtype))
            self._moved = moved = (backend, dtype, arrays)
        return moved[2]
