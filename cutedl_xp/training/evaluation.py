"""Mean loss and metrics of a model over a data set."""

from collections.abc import Callable, Sequence
from itertools import islice
from math import prod
from typing import Any

import array_api_compat

from cutedl_xp import metrics as library
from cutedl_xp._checks import format_value, why_not_callable_with
from cutedl_xp._familiar import suggest_object
from cutedl_xp._typing import Array, Shape
from cutedl_xp.datasets import Data
from cutedl_xp.losses import Loss
from cutedl_xp.losses._loss import share_of
from cutedl_xp.metrics import Accuracy, BinaryAccuracy, Metric, MetricFunction, accuracy, binary_accuracy
from cutedl_xp.metrics.functions import count_binary_hits, count_hits
from cutedl_xp.model import Model
from cutedl_xp.training.means import RunningMean
from cutedl_xp.training.tally import Figure, Tally


class EvaluationStopped(Exception):
    """Exception that ends an evaluation before its last batch."""


def never() -> bool:
    """Return False."""
    return False


class Evaluation:
    """Loss and metrics of a model.

    Parameters
    ----------
    model, loss, metrics
        Parts of the session.

    Attributes
    ----------
    names
        ``"loss"`` and the names of the metrics.
    recorded
        Names of the metrics that are floats.
    """

    def __init__(self, model: Model, loss: Loss, metrics: Sequence[Metric | MetricFunction]) -> None:
        self.names = ("loss", *map(_name_of, metrics))
        if len(set(self.names)) < len(self.names):
            raise ValueError(f"`metrics` must have different names, none of them 'loss'; got {self.names[1:]!r}")
        self.loss, self.metrics = loss, tuple(metrics)
        self.model = model
        self.recorded = tuple(_name_of(each) for each in metrics if getattr(each, "scalar", True))
        self.from_logits = _are_logits(model, loss)
        self._bound = [each.with_logits(self.from_logits) if isinstance(each, Metric) else each for each in metrics]
        objects: dict[Any, Metric] = {accuracy: Accuracy(), binary_accuracy: BinaryAccuracy(self.from_logits)}
        self._weighted = [each if isinstance(each, Metric) else objects.get(each, each) for each in self._bound]

    def without_arrays(self) -> "Evaluation":
        """Return the evaluation of the loss and the metrics that are floats."""
        return Evaluation(self.model, self.loss, [each for each in self.metrics if _name_of(each) in self.recorded])

    def means(self, data: Data, batches: int = 0, stopped: Callable[[], bool] = never) -> list[Figure]:
        """Return the mean loss and metrics over all samples; their sums stay on the device.

        Parameters
        ----------
        data
            Data set to evaluate on.
        batches
            Number of first batches to use; default 0 for all batches.
        stopped
            Function that is called before each batch and returns whether to stop.

        Raises
        ------
        EvaluationStopped
            If the function returns True.
        """
        backend, dtype = self.model.backend, self.model.dtype
        means = self.start(data.weighted)
        with backend.ignore_underflow():
            for x, y, weight, size in islice(data.weighted_batches(0, backend, dtype), batches or None):
                if stopped():
                    raise EvaluationStopped
                self.add_batch(means, x, y, weight, size)
        return means

    def start(self, weighted: bool = False) -> list[Figure]:
        """Return an empty mean for the loss and for each function, and an empty tally for each metric object.

        If the data are ``weighted``, tallies of the corresponding metric objects replace the library's functions.
        """
        backend, dtype = self.model.backend, self.model.dtype
        return [
            Tally(each, backend, dtype) if isinstance(each, Metric) else RunningMean(backend, dtype)
            for each in (None, *(self._weighted if weighted else self._bound))
        ]

    @property
    def compilable(self) -> bool:
        """Whether every metric object can be part of a compiled program."""
        return all(getattr(metric, "compilable", True) for metric in self.metrics)

    def can_weigh(self, data: Data) -> bool:
        """Return whether every metric takes the weights of the samples of ``data``, if they have weights."""
        return not data.weighted or all(isinstance(metric, Metric) for metric in self._weighted)

    def check_weights(self, data: Data) -> None:
        """Raise if ``data`` have weights of samples and a metric is a function, which takes no weights."""
        if not self.can_weigh(data):
            named = zip(self.names[1:], self._weighted, strict=True)
            functions = [name for name, metric in named if not isinstance(metric, Metric)]
            raise ValueError(
                f"the metric {functions[0]!r} is a function, which takes no weights of samples or classes; use a class "
                "of cutedl_xp.metrics, or data without weights"
            )

    def add_batch(
        self, means: Sequence[Figure], x: Array, y: Array, weight: Array | None = None, size: Any = 0.0
    ) -> None:
        """Add a batch to the means of the loss and the metrics.

        Parameters
        ----------
        means
            Result of :meth:`start`.
        x, y, weight
            Samples, labels and weights of the batch; default None for no weights.
        size
            Sum of the weights.
        """
        output, _ = self.model.forward(x, training=False)
        y = self.loss.expand_labels(y, tuple(output.shape))
        self.loss.check_shape(tuple(y.shape), tuple(output.shape))
        backend = self.model.backend
        own = means[0]
        assert isinstance(own, RunningMean)
        sizes = self.sizes(tuple(output.shape))
        if weight is None:
            own.add_mean(_check_number("loss", self.loss.value(backend, y, output)), sizes[0])
        else:
            own.add_mean(self.loss.weighted_value_and_gradient(backend, y, output, share_of(backend, weight))[0], size)
        for metric, mean, count in zip(self.metrics, means[1:], sizes[1:], strict=True):
            if isinstance(mean, Tally):
                mean.add_batch(y, output, weight)
            elif metric is accuracy:
                mean.add_sum(count_hits(y, output)[0], count)
            elif metric is binary_accuracy:
                mean.add_sum(count_binary_hits(y, output, from_logits=self.from_logits)[0], count)
            elif not isinstance(metric, Metric):
                mean.add_mean(_check_number(metric.__name__, metric(y, output)), count)

    def sizes(self, predicted: Shape, weight: float | None = None) -> list[float]:
        """Return the number of samples that the loss and each metric count in a batch.

        Accuracies are summed as numbers of hits, which are exact, and other metrics as means of batches.

        Parameters
        ----------
        predicted
            Shape of the outputs.
        weight
            Sum of the weights, which the loss counts; default None for no weights.
        """
        counted: dict[Any, Shape] = {accuracy: predicted[:-1], binary_accuracy: predicted}
        first = predicted[0] if weight is None else weight
        return [first, *[prod(counted.get(metric, predicted[:1])) for metric in self.metrics]]


def _name_of(metric: Any) -> str:
    """Return the name of a metric; raise for an object that is no metric."""
    if isinstance(metric, Metric):
        return metric.name
    if isinstance(metric, type) or getattr(metric, "__name__", None) is None or not callable(metric):
        raise TypeError(
            f"`metrics` must be objects such as Precision(), or functions with a __name__; "
            f"got {format_value(metric)}{suggest_object(metric, library)}"
        )
    if found := why_not_callable_with(metric, 2):
        raise TypeError(f"a metric function is called as metric(y_true, y_pred) and returns a number; got {found}")
    name: str = metric.__name__
    return name


def _are_logits(model: Model, loss: Loss) -> bool:
    """Return the option ``from_logits`` of the loss, else whether the last activation gives no probabilities."""
    stated = getattr(loss, "from_logits", None)
    return getattr(model.layers[-1], "activation", None) not in ("sigmoid", "softmax") if stated is None else stated


def _check_number(name: str, value: Any) -> Any:
    """Return a value that can be averaged over the batches, a float or a 0-d floating-point array; else raise."""
    if isinstance(value, float):
        return value
    if not array_api_compat.is_array_api_obj(value):
        raise TypeError(f"the metric {name!r} must return a number; got {format_value(value)}")
    if tuple(value.shape) != ():
        raise ValueError(f"{name!r} must return one number a batch; got one of shape {tuple(value.shape)}")
    if not array_api_compat.array_namespace(value).isdtype(value.dtype, "real floating"):
        raise TypeError(f"the metric {name!r} must return a floating-point mean; got one of dtype {value.dtype}")
    return value
