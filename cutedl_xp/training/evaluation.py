"""The mean loss and metrics of a model over a data set."""

from collections.abc import Sequence
from itertools import islice
from typing import Any

import array_api_compat

from cutedl_xp._checks import format_value
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
    loss, metrics
        The functions.
    """

    def __init__(self, model: Model, loss: Loss, metrics: Sequence[Metric]) -> None:
        for metric in metrics:
            if getattr(metric, "__name__", None) is None or not callable(metric):
                raise TypeError(
                    f"`metrics` must be functions with a __name__, such as accuracy; got {format_value(metric)}"
                )
        self.names = ("loss", *(metric.__name__ for metric in metrics))
        if len(set(self.names)) < len(self.names):
            raise ValueError(f"`metrics` must have different names, none of them 'loss'; got {self.names[1:]!r}")
        self.loss, self.metrics = loss, tuple(metrics)
        self._model = model

    def means(self, data: Dataset, batches: int = 0) -> list[Array]:
        """The mean of each over all samples, as 0-d arrays that stay on the device.

        Parameters
        ----------
        data
            What to evaluate on.
        batches
            If not 0, only the first so many batches are used.
        """
        backend = self._model.backend
        totals: list[Any] = [0.0] * len(self.names)
        count = 0
        with backend.ignore_underflow():
            for x, y in islice(data.batches(0, backend, self._model.dtype), batches or None):
                output, _ = self._model.forward(x, training=False)
                self.loss.check_shape(tuple(y.shape), tuple(output.shape))
                loss, _ = self.loss.value_and_gradient(backend, y, output)
                values = [loss, *(metric(y, output) for metric in self.metrics)]
                if not count:
                    for name, value in zip(self.names, values, strict=True):
                        _check_number(name, value)
                totals = [total + value * x.shape[0] for total, value in zip(totals, values, strict=True)]
                count += x.shape[0]
        return [total / count for total in totals]

    def read(self, values: Sequence[Array]) -> list[float]:
        """0-d arrays as Python floats, in one copy from the device."""
        backend, xp = self._model.backend, self._model.backend.xp
        arrays = [xp.asarray(value, device=backend.device) for value in values]  # a metric may return a Python float
        return [float(value) for value in backend.to_numpy(xp.stack(arrays))]


def _check_number(name: str, value: Any) -> None:
    """Refuse what cannot be averaged over the batches: a mean is a float or a 0-d floating-point array."""
    if isinstance(value, float):
        return
    if not array_api_compat.is_array_api_obj(value):
        raise TypeError(f"the metric {name!r} must return a number; got {format_value(value)}")
    if tuple(value.shape) != ():
        raise ValueError(f"{name!r} must return one number a batch; got one of shape {tuple(value.shape)}")
    if not array_api_compat.array_namespace(value).isdtype(value.dtype, "real floating"):
        raise TypeError(f"the metric {name!r} must return a floating-point mean; got one of dtype {value.dtype}")
