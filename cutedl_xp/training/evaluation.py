"""The mean loss and metrics of a model over a data set."""

from collections.abc import Callable, Sequence
from itertools import islice
from math import prod
from typing import Any

import array_api_compat

from cutedl_xp._checks import format_value
from cutedl_xp._typing import Array, Shape
from cutedl_xp.datasets import Dataset
from cutedl_xp.losses import Loss
from cutedl_xp.losses._loss import share_of
from cutedl_xp.metrics import Metric, accuracy, binary_accuracy, count_binary_hits, count_hits
from cutedl_xp.model import Model
from cutedl_xp.training.means import RunningMean


class EvaluationStopped(Exception):
    """An evaluation was stopped before its end."""


def never() -> bool:
    """Return False."""
    return False


class Evaluation:
    """Loss and metrics of a model.

    Attributes
    ----------
    names
        ``"loss"`` and the metrics' names.
    model, loss, metrics
        Model, and the functions.
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
        self.model = model

    def means(self, data: Dataset, batches: int = 0, stopped: Callable[[], bool] = never) -> list[RunningMean]:
        """Return the mean loss and metrics over all samples; their sums stay on the device.

        Parameters
        ----------
        data
            Data set to evaluate on.
        batches
            Number of batches to use, the first ones; default 0, all.
        stopped
            Function that is asked between batches whether to stop.

        Raises
        ------
        EvaluationStopped
            If the function returns True.
        """
        backend, dtype = self.model.backend, self.model.dtype
        means = [RunningMean(backend, dtype) for _ in self.names]
        with backend.ignore_underflow():
            for x, y, weight, size in islice(data.weighted_batches(0, backend, dtype), batches or None):
                if stopped():
                    raise EvaluationStopped
                self.add_batch(means, x, y, weight, size)
        return means

    def check_weights(self, data: Dataset) -> None:
        """Refuse weights of samples if a metric is a function, which takes none."""
        if data.sample_weight is not None and self.metrics:
            raise ValueError(
                f"the metric {self.names[1]!r} takes no sample weights; evaluate without metrics, or on data without "
                "`sample_weight`"
            )

    def add_batch(
        self, means: Sequence[RunningMean], x: Array, y: Array, weight: Array | None = None, size: Any = 0.0
    ) -> None:
        """Add a batch, whose weights have the sum ``size``, to the means of the loss and the metrics."""
        output, _ = self.model.forward(x, training=False)
        self.loss.check_shape(tuple(y.shape), tuple(output.shape))
        if weight is not None:
            backend = self.model.backend
            loss, _ = self.loss.weighted_value_and_gradient(backend, y, output, share_of(backend, weight))
            means[0].add_mean(loss, size)
            return
        loss = self.loss.value(self.model.backend, y, output)
        sizes = self.sizes(tuple(output.shape))
        means[0].add_mean(_check_number("loss", loss), sizes[0])
        for metric, mean, size in zip(self.metrics, means[1:], sizes[1:], strict=True):
            if metric is accuracy:
                mean.add_sum(count_hits(y, output)[0], size)
            elif metric is binary_accuracy:
                from_logits = getattr(self.loss, "from_logits", True)
                mean.add_sum(count_binary_hits(y, output, from_logits=from_logits)[0], size)
            else:
                mean.add_mean(_check_number(metric.__name__, metric(y, output)), size)

    def sizes(self, predicted: Shape, weight: float | None = None) -> list[float]:
        """Return the number of samples that the loss and each metric count in a batch with outputs of a shape.

        With weights the loss counts their sum.
        Accuracies are summed as numbers of hits, which are exact, and other metrics as means of batches.
        """
        if weight is not None:
            return [weight]
        counted: dict[Metric, Shape] = {accuracy: predicted[:-1], binary_accuracy: predicted}
        return [predicted[0], *[prod(counted.get(metric, predicted[:1])) for metric in self.metrics]]


def _check_number(name: str, value: Any) -> Any:
    """Return what can be averaged over the batches: a float or a 0-d floating-point array."""
    if isinstance(value, float):
        return value
    if not array_api_compat.is_array_api_obj(value):
        raise TypeError(f"the metric {name!r} must return a number; got {format_value(value)}")
    if tuple(value.shape) != ():
        raise ValueError(f"{name!r} must return one number a batch; got one of shape {tuple(value.shape)}")
    if not array_api_compat.array_namespace(value).isdtype(value.dtype, "real floating"):
        raise TypeError(f"the metric {name!r} must return a floating-point mean; got one of dtype {value.dtype}")
    return value
