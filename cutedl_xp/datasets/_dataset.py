"""Samples and their labels, in shuffled batches."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cutedl_xp import _checks
from cutedl_xp._familiar import OF_DATASETS, refuse_keywords
from cutedl_xp._random import Stream, check_seed
from cutedl_xp._typing import Array
from cutedl_xp.backends import Backend, backend_of
from cutedl_xp.datasets._arrays import take_rows
from cutedl_xp.datasets._batches import iterate
from cutedl_xp.datasets._classes import class_numbers
from cutedl_xp.datasets._from_batches import Batches, BatchFactory
from cutedl_xp.datasets._samples import Samples
from cutedl_xp.datasets._split import count_of, split_rows
from cutedl_xp.datasets._weights import Batch

_FIXED = frozenset({"data", "labels", "batch_size", "shuffle", "drop_remainder", "seed", "scale", "sample_weight"})
"""Attributes that cannot be assigned: an assignment would pass no check and miss the arrays moved to a device."""


@refuse_keywords(OF_DATASETS)
class Dataset(Samples):
    """Samples with labels, in batches whose order depends on the seed and the epoch alone.

    Parameters
    ----------
    data
        Samples, shape ``(n, ...)``: an array of the backend that will train on it, or a NumPy array, list, or pandas
        DataFrame or Series of numbers, moved to the device once, when first needed; later changes of its entries may
        have no effect. A memory-mapped array (``np.memmap``, ``np.load(path, mmap_mode="r")``) is read batch by batch,
        is never in memory as a whole, and requires the plain loop. ``np.array`` loads such an array.
    labels
        Labels, shape ``(n, ...)`` with one entry for each sample, of the types that ``data`` can have.
    batch_size
        Number of samples in a batch, at least 1. The default is 64.
    shuffle
        Whether every epoch has its own order. The default is True.
    drop_remainder
        Whether to drop an incomplete last batch. The default is False.
    seed
        Seed of the shuffling, an integer of at least 0. Epoch k is shuffled by (seed, k). The default is 0.
    scale
        Factor that batches are multiplied by, such as ``1 / 255`` for images kept as uint8. The default is None, which
        leaves them unchanged. After a training, ``Model.predict`` multiplies arrays of integers by the scale, but not
        arrays of floating-point numbers; give raw ones in a Dataset with the same scale.
    sample_weight
        Weight of each sample in losses, shape ``(n,)``: finite, at least 0, not all 0. A weight of 2 equals a sample
        given twice. A batch whose weights are all 0 has the loss 0. The default is None, where all samples count alike.

    Raises
    ------
    TypeError, ValueError
        If ``data`` or ``labels`` do not hold numbers, are empty, or differ in length.

    Notes
    -----
    Each parameter is an attribute of the same name, such as the arrays ``data`` and ``labels``, and cannot be assigned.
    ``size`` is the number of samples, and ``len(dataset)`` the number of batches in an epoch.

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
        data: Any,
        labels: Any,
        batch_size: int = 64,
        shuffle: bool = True,
        drop_remainder: bool = False,
        seed: int = 0,
        scale: float | None = None,
        sample_weight: Any = None,
    ) -> None:
        super().__init__(data, labels, sample_weight)
        self.batch_size = _checks.check_integer("batch_size", batch_size, at_least=1)
        self.shuffle = _checks.check_boolean("shuffle", shuffle)
        self.drop_remainder = _checks.check_boolean("drop_remainder", drop_remainder)
        self.seed = check_seed(seed)
        self.scale = None if scale is None else _checks.check_real("scale", scale)
        if len(self) == 0:
            raise ValueError(
                f"`batch_size` is {batch_size} and there are {self.size} samples: with drop_remainder=True no batch is "
                "left; take a smaller batch_size"
            )

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _FIXED and name in vars(self):
            raise AttributeError(f"`{name}` of a Dataset cannot be assigned; make a new Dataset")
        super().__setattr__(name, value)

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        whole, rest = divmod(self.size, self.batch_size)
        return whole if self.drop_remainder or not rest else whole + 1

    def batches(
        self, epoch: int, backend: Backend | None = None, dtype: Any = None, start: int = 0
    ) -> Iterator[tuple[Array, Array]]:
        """Return an iterator over the batches of one epoch.

        Parameters
        ----------
        epoch
            Number of the epoch, from 0.
        backend
            Backend of the batches; by default the backend of the data.
        dtype
            Floating-point dtype of the samples and of labels that are not integers. The default is float64 for data
            of that dtype, else float32.
        start
            Number of batches at the start of the epoch to skip, default 0. They are not gathered.

        Returns
        -------
        pairs of arrays
            Samples of shape ``(batch_size, ...)`` times the scale, and their labels.

        Raises
        ------
        TypeError, ValueError
            If an argument has a wrong type or value, or the data are arrays of another backend.
        """
        epoch = _checks.check_integer("epoch", epoch, at_least=0)
        first = _checks.check_integer("start", start, at_least=0) * self.batch_size
        backend = backend_of(self.data) if backend is None else backend
        dtype = backend.dtype(self._float_dtype() if dtype is None else dtype)
        return self._batches(epoch, backend, dtype, first, self._on(backend, dtype)[:2])

    def weighted_batches(
        self, epoch: int, backend: Backend | None = None, dtype: Any = None, start: int = 0
    ) -> Iterator[Batch]:
        """Return an iterator over the batches of one epoch, with the weights of their samples.

        Parameters
        ----------
        epoch, backend, dtype, start
            As for :meth:`batches`.

        Raises
        ------
        ValueError
            If the data have weights, and a subclass replaces :meth:`batches` alone.
        """
        if self.sample_weight is None:
            for x, y in self.batches(epoch, backend, dtype, start):
                yield Batch(x, y, None, int(x.shape[0]))
            return
        if type(self).batches is not Dataset.batches:
            raise ValueError(
                f"a data set with `sample_weight` must have batches with weights; {type(self).__name__} replaces "
                "`batches`: replace `weighted_batches` too"
            )
        backend = backend_of(self.data) if backend is None else backend
        dtype = backend.dtype(self._float_dtype() if dtype is None else dtype)
        rows, first = self.row_numbers(epoch), start * self.batch_size
        for x, y, weight in self._batches(epoch, backend, dtype, first, self._on(backend, dtype)):
            last = first + x.shape[0]
            yield Batch(x, y, weight, self.weight_of(rows[first:last]))
            first = last

    @staticmethod
    def from_batches(factory: BatchFactory, steps_per_epoch: int, scale: float | None = None) -> Batches:
        """Return :class:`Batches` from a function that makes the data batch by batch, such as data that exceed memory.

        Parameters
        ----------
        factory
            Generator function, or another function or object that gives an iterable of batches for each epoch.
        steps_per_epoch
            Number of batches in an epoch, at least 1.
        scale
            Factor of the samples, default None, which leaves them unchanged.
        """
        return Batches(factory, steps_per_epoch, scale)

    def split(self, part: float, seed: int = 0, stratify: bool = False) -> tuple["Dataset", "Dataset"]:
        """Return two data sets with random disjoint parts of the samples, each in the order of this data set.

        Both have the options of this data set and the weights of their samples.

        Parameters
        ----------
        part
            Size of the first data set: a fraction of the samples as a float between 0 and 1, or their number as an int.
        seed
            Seed of the choice, default 0.
        stratify
            Whether both parts have the same proportions of classes, as far as whole samples allow; default False. The
            labels are class numbers, or rows with a single 1.

        Raises
        ------
        TypeError, ValueError
            If an argument has a wrong type or value, the arrays are memory-mapped, or the class is a derived one.

        Examples
        --------
        >>> import numpy as np
        >>> import cutedl_xp as cdl
        >>> data = cdl.Dataset(np.zeros((10, 1)), np.array([0, 1] * 5))
        >>> train, test = data.split(0.8, stratify=True)
        >>> train.size, sorted(test.labels.tolist())
        (8, [0, 1])
        """
        if type(self) is not Dataset:
            raise TypeError(f"only a Dataset itself can be split; split it before you make a {type(self).__name__}")
        if not self.in_memory:
            raise TypeError(
                "memory-mapped arrays cannot be split, which would load them; make Datasets of slices of them, "
                "such as data[:1000] and labels[:1000]"
            )
        count, seed = count_of(part, self.size), check_seed(seed)
        stratified = _checks.check_boolean("stratify", stratify)
        classes = class_numbers(self.labels, "`stratify`") if stratified else None
        first, second = split_rows(count, self.size, seed, classes)
        return self._taken(first), self._taken(second)

    def _taken(self, rows: NDArray[np.int64]) -> "Dataset":
        data, labels = (take_rows(array, rows) for array in (self.data, self.labels))
        weights = None if self._weights is None else self._weights[rows]
        options = self.batch_size, self.shuffle, self.drop_remainder, self.seed, self.scale
        return Dataset(data, labels, *options, weights)

    def _batches(
        self, epoch: int, backend: Backend, dtype: Any, first: int, arrays: tuple[Array, ...]
    ) -> Iterator[tuple[Any, ...]]:
        stop = min(len(self) * self.batch_size, self.size)
        order = self.row_numbers(epoch) if self.shuffle else None
        return iterate(arrays, order, first, stop, self.batch_size, backend, dtype, self.scale)

    def row_numbers(self, epoch: int) -> NDArray[np.int64]:
        """Return the numbers of all samples in the order of the epoch number ``epoch``."""
        if self.shuffle:
            return Stream(self.seed, "shuffle", epoch).permutation(self.size)
        return np.arange(self.size)

    def __repr__(self) -> str:
        return f"<Dataset of {self.size} samples of shape {self.sample_shape} in {len(self)} batches>"
