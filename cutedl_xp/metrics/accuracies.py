"""Shares of samples that are predicted correctly."""

from abc import abstractmethod
from typing import Any

from array_api_compat import array_namespace

from cutedl_xp import _checks
from cutedl_xp._typing import Array, Shape
from cutedl_xp.backends import Backend
from cutedl_xp.metrics import _sums
from cutedl_xp.metrics._metric import Metric, ThresholdMetric


class _Share(Metric):
    """Base class of weighted shares of hits."""

    def start(self, backend: Backend, dtype: Any, output_shape: Shape) -> Any:
        return {"hits": _sums.zero(backend, dtype), "weight": _sums.zero(backend, dtype)}

    def update(self, state: Any, y_true: Array, y_pred: Array, sample_weight: Array | None = None) -> Any:
        xp = array_namespace(y_pred)
        hits = xp.astype(self._hits(y_true, y_pred), y_pred.dtype)
        weight = _sums.spread(xp, sample_weight, hits)
        return {
            "hits": _sums.add(state["hits"], xp.sum(hits * weight)),
            "weight": _sums.add(state["weight"], xp.sum(weight)),
        }

    def result(self, state: Any) -> float:
        return float(_sums.read(state["hits"]) / _sums.read(state["weight"]))

    @abstractmethod
    def _hits(self, y_true: Array, y_pred: Array) -> Any:
        """Return a truth value for each sample or entry."""


class Accuracy(_Share):
    """Share of samples whose largest output belongs to their class.

    Labels are class numbers, or distributions such as one-hot labels. Of several equal largest outputs the first one
    counts.

    Parameters
    ----------
    name
        Name of the entry; default ``"accuracy"``.

    Examples
    --------
    >>> import numpy as np
    >>> import cutedl_xp as cdl
    >>> layer = cdl.layers.Dense(2, input_dim=2, activation="linear", weight_initializer="zeros")
    >>> model = cdl.Model([layer]).assemble("numpy")
    >>> metrics = [cdl.metrics.Accuracy(), cdl.metrics.ConfusionMatrix()]
    >>> session = cdl.Session(
    ...     model, cdl.losses.SparseCategoricalCrossentropy(), cdl.optimizers.Adam(), metrics=metrics
    ... )
    >>> results = session.evaluate(cdl.Dataset(np.eye(2), np.array([0, 1])))
    >>> results["accuracy"], results["confusion_matrix"].tolist()
    (0.5, [[1.0, 0.0], [1.0, 0.0]])
    """

    def __init__(self, name: str = "accuracy") -> None:
        super().__init__(name)

    def _hits(self, y_true: Array, y_pred: Array) -> Any:
        true, found = _sums.class_numbers("Accuracy", y_true, y_pred)
        return true == found


class TopKAccuracy(_Share):
    """Share of samples whose class is among the classes of the ``k`` largest outputs.

    Of equal outputs, the output with the smaller class number counts as larger.

    Parameters
    ----------
    k
        Number of classes, default 5, at least 1.
    name
        Name of the entry; default ``"top_k_accuracy"``.

    Examples
    --------
    >>> import numpy as np
    >>> import cutedl_xp as cdl
    >>> model = cdl.Model([cdl.layers.Dense(3, 3, "linear", lambda stream, shape: np.eye(*shape))]).assemble("numpy")
    >>> loss, optimizer = cdl.losses.SparseCategoricalCrossentropy(), cdl.optimizers.Adam()
    >>> session = cdl.Session(model, loss, optimizer, metrics=[cdl.metrics.TopKAccuracy(k=2)])
    >>> session.evaluate(([[3.0, 2.0, 1.0], [3.0, 2.0, 1.0]], [1, 2]))["top_k_accuracy"]
    0.5
    """

    def __init__(self, k: int = 5, name: str = "top_k_accuracy") -> None:
        super().__init__(name)
        self.k = _checks.check_integer("k", k, at_least=1)

    def _hits(self, y_true: Array, y_pred: Array) -> Any:
        xp = array_namespace(y_pred)
        true, _ = _sums.class_numbers("TopKAccuracy", y_true, y_pred)
        classes = y_pred.shape[-1]
        own = xp.where(_sums.one_hot(xp, true, classes), y_pred, xp.zeros_like(y_pred))
        score = xp.sum(own, axis=-1, keepdims=True)
        earlier = _sums.row_of_classes(xp, true, classes) < true[..., None]
        ahead = (y_pred > score) | ((y_pred == score) & earlier)
        is_number = xp.squeeze(score == score, axis=-1)  # NaN is not among the largest
        return (xp.sum(xp.astype(ahead, y_pred.dtype), axis=-1) < self.k) & is_number


class BinaryAccuracy(ThresholdMetric, _Share):
    """Share of entries that are above a threshold if the label is above 1/2, else at most equal to it.

    The threshold is 0 for logits and 1/2 for probabilities.

    Parameters
    ----------
    from_logits
        Whether outputs are logits; default None, the option of the session's loss.
    name
        Name of the entry; default ``"binary_accuracy"``.

    Examples
    --------
    >>> import cutedl_xp as cdl
    >>> layer = cdl.layers.Dense(1, input_dim=1, activation="linear", weight_initializer="ones")  # y = x
    >>> model = cdl.Model([layer]).assemble("numpy")
    >>> loss, optimizer = cdl.losses.BinaryCrossentropy(), cdl.optimizers.Adam()
    >>> session = cdl.Session(model, loss, optimizer, metrics=[cdl.metrics.BinaryAccuracy()])
    >>> session.evaluate(([[1.0], [1.0], [1.0], [-1.0]], [[1.0], [0.0], [0.0], [1.0]]))["binary_accuracy"]
    0.25
    """

    def __init__(self, from_logits: bool | None = None, name: str = "binary_accuracy") -> None:
        super().__init__(name, from_logits)

    def _hits(self, y_true: Array, y_pred: Array) -> Any:
        labels = _sums.same_shape("BinaryAccuracy", y_true, y_pred)
        return (y_pred > self.threshold) == (labels > 0.5)
