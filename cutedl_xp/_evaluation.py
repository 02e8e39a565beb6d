"""The mean loss and metrics of a model over a data set."""

from collections.abc import Sequence
from itertools import islice
from typing import Any

from cutedl_xp._typing import Array
from cutedl_xp.datasets import Dataset
from cutedl_xp.losses import Loss
from cutedl_xp.metrics import Metric
from cutedl_xp.model import Model


class Evaluation:
    """What a model is judged by.

    Attributes
    ----------
    names
        ``"loss"`` and the metrics' names.
    """

    def __init__(self, model: Model, loss: Loss, metrics: Sequence[Metric]) -> None:
        for metric in metrics:
            if getattr(metric, "__name__", None) is None or not callable(metric):
                raise TypeError(f"`metrics` must be functions such as metrics.accuracy; got {metric!r}")
        self.names = ("loss", *(metric.__name__ for metric in metrics))
        if len(set(self.names)) < len(self.names):
            raise ValueError(f"`metrics` must have different names, none of them 'loss'; got {self.names[1:]!r}")
        self._model, self._loss, self._metrics = model, loss, tuple(metrics)

    def means(self, data: Dataset, batches: int = 0) -> list[Array]:
        """The mean of each over all samples, as 0-d arrays that stay on the device.

        Parameters
        ----------
        data
            What to evaluate on.
        batches
            If not 0, only the first so many batches are used.
        """
        totals: list[Any] = [0.0] * len(self.names)
        count = 0
        for x, y in islice(data.batches(0, self._model.backend, self._model.dtype), batches or None):
            output, _ = self._model.forward(x, training=False)
            values = [self._loss(y, output)[0], *(metric(y, output) for metric in self._metrics)]
            for name, value in zip(self.names, values, strict=True):
                if getattr(value, "shape", ()) != ():
                    raise ValueError(f"{name!r} must return one number a batch; got one of shape {tuple(value.shape)}")
            totals = [total + value * x.shape[0] for total, value in zip(totals, values, strict=True)]
            count += x.shape[0]
        return [total / count for total in totals]

    def read(self, values: Sequence[Array]) -> list[float]:
        """0-d arrays as Python floats, in one copy from the device."""
        backend, xp = self._model.backend, self._model.backend.xp
        arrays = [xp.asarray(value, device=backend.device) for value in values]  # a metric may return a Python float
        return [float(value) for value in backend.to_numpy(xp.stack(arrays))]
