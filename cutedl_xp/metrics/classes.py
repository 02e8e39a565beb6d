"""Metrics of classes: precision, recall, F1 and the confusion matrix."""

from abc import abstractmethod
from typing import Any

from array_api_compat import array_namespace

from cutedl_xp import _checks
from cutedl_xp._typing import Array, Shape
from cutedl_xp.backends import Backend, backend_of
from cutedl_xp.metrics import _sums
from cutedl_xp.metrics._metric import ThresholdMetric

_AVERAGES = ("auto", "macro", "micro", "none")


class _OfClasses(ThresholdMetric):
    """Base class of metrics that compare true with predicted classes; a single output means the classes 0 and 1."""

    def _indicators(self, y_true: Array, y_pred: Array) -> tuple[Array, Array]:
        """Return the true and the predicted classes as zeros and ones, of shape ``(samples, ..., classes)``."""
        xp: Any = array_namespace(y_pred)
        if y_pred.ndim == 2 and y_pred.shape[-1] == 1:
            labels: Any = _sums.same_shape(type(self).__name__, y_true, y_pred)
            pairs = (xp.concat([xp.logical_not(yes), yes], axis=-1) for yes in (labels > 0.5, y_pred > self.threshold))
        else:
            numbers = _sums.class_numbers(type(self).__name__, y_true, y_pred)
            pairs = (_sums.one_hot(xp, each, y_pred.shape[-1]) for each in numbers)
        true, found = (xp.astype(each, y_pred.dtype) for each in pairs)
        return true, found


def _count_classes(output_shape: Shape) -> int:
    return max(2, output_shape[-1] if output_shape else 0)


class _OfCounts(_OfClasses):
    """Base class of quotients of counts of each class; :class:`Precision` explains the options."""

    def __init__(
        self,
        average: str = "auto",
        of_class: int | None = None,
        from_logits: bool | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(type(self).__name__.lower() if name is None else name, from_logits)
        self.average = _checks.check_one_of("average", average, _AVERAGES)
        self.of_class = None if of_class is None else _checks.check_integer("of_class", of_class, at_least=0)
        if of_class is not None and average != "auto":
            raise ValueError(f"`of_class` cannot be combined with `average`; got average={average!r}: give one of them")
        self.scalar = average != "none"

    def start(self, backend: Backend, dtype: Any, output_shape: Shape) -> Any:
        classes = _count_classes(output_shape)
        if self.of_class is not None and self.of_class >= classes:
            raise ValueError(f"`of_class` must be below the number of classes, {classes}; got {self.of_class}")
        single = backend.xp.asarray(float(tuple(output_shape)[-1:] == (1,)), dtype=dtype, device=backend.device)
        counts = {name: _sums.zero(backend, dtype, (classes,)) for name in ("hits", "actual", "predicted")}
        return {**counts, "single": single}

    def update(self, state: Any, y_true: Array, y_pred: Array, sample_weight: Array | None = None) -> Any:
        xp: Any = array_namespace(y_pred)
        true, found = self._indicators(y_true, y_pred)
        weight, axes = _sums.spread(xp, sample_weight, true), tuple(range(true.ndim - 1))
        batch = {"hits": true * found * weight, "actual": true * weight, "predicted": found * weight}
        counts = {name: _sums.add(state[name], xp.sum(each, axis=axes)) for name, each in batch.items()}
        return {**counts, "single": state["single"]}

    def result(self, state: Any) -> Any:
        hits, actual, predicted = (_sums.read(state[name]) for name in ("hits", "actual", "predicted"))
        if self.average == "micro":
            return float(_divide(hits.sum(), self._denominator(actual.sum(), predicted.sum())))
        shares = _divide(hits, self._denominator(actual, predicted))
        if self.average == "none":
            return shares
        of_class = 1 if self.average == "auto" and state["single"] else None
        of_class = of_class if self.of_class is None else self.of_class
        return float(shares[actual + predicted > 0].mean() if of_class is None else shares[of_class])

    @abstractmethod
    def _denominator(self, actual: Any, predicted: Any) -> Any:
        """Return the divisor of the number of correctly predicted samples of a class."""


def _divide(hits: Any, counts: Any) -> Any:
    return hits / (counts + (counts == 0))


class Precision(_OfCounts):
    """Share of the samples predicted as a class that belong to this class.

    With several outputs a sample belongs to one class; labels of several classes at once are not supported.

    Parameters
    ----------
    average
        ``"macro"``, the mean over the classes that occur, ``"micro"``, the quotient of the sums over all classes, or
        ``"none"``, an array with an entry for each class, which only ``Session.evaluate`` returns. Default ``"auto"``:
        the value of class 1 with a single output, else ``"macro"``. A quotient with the denominator 0 counts as 0.
    of_class
        Number of a class, at least 0, to report the value of this class only; default None. Cannot be combined with
        ``average``.
    from_logits
        Whether outputs are logits; default None, the option of the session's loss. Has an effect with a single output
        only.
    name
        Name of the entry; default ``"precision"``.

    Examples
    --------
    >>> import cutedl_xp as cdl
    >>> layer = cdl.layers.Dense(1, input_dim=1, activation="linear", weight_initializer="ones")  # y = x
    >>> model = cdl.Model([layer]).assemble("numpy")
    >>> loss, optimizer = cdl.losses.BinaryCrossentropy(), cdl.optimizers.Adam()
    >>> session = cdl.Session(model, loss, optimizer, metrics=[cdl.metrics.Precision()])
    >>> round(session.evaluate(([[1.0], [1.0], [1.0], [-1.0]], [[1.0], [0.0], [0.0], [1.0]]))["precision"], 3)
    0.333
    """

    def _denominator(self, actual: Any, predicted: Any) -> Any:
        return predicted


class Recall(_OfCounts):
    """Share of the samples of a class that are predicted as this class.

    With several outputs a sample belongs to one class; labels of several classes at once are not supported.

    Parameters
    ----------
    average
        ``"macro"``, the mean over the classes that occur, ``"micro"``, the quotient of the sums over all classes, or
        ``"none"``, an array with an entry for each class, which only ``Session.evaluate`` returns. Default ``"auto"``:
        the value of class 1 with a single output, else ``"macro"``. A quotient with the denominator 0 counts as 0.
    of_class
        Number of a class, at least 0, to report the value of this class only; default None. Cannot be combined with
        ``average``.
    from_logits
        Whether outputs are logits; default None, the option of the session's loss. Has an effect with a single output
        only.
    name
        Name of the entry; default ``"recall"``.

    Examples
    --------
    >>> import cutedl_xp as cdl
    >>> layer = cdl.layers.Dense(1, input_dim=1, activation="linear", weight_initializer="ones")  # y = x
    >>> model = cdl.Model([layer]).assemble("numpy")
    >>> loss, optimizer = cdl.losses.BinaryCrossentropy(), cdl.optimizers.Adam()
    >>> session = cdl.Session(model, loss, optimizer, metrics=[cdl.metrics.Recall()])
    >>> round(session.evaluate(([[1.0], [1.0], [1.0], [-1.0]], [[1.0], [0.0], [0.0], [1.0]]))["recall"], 3)
    0.5
    """

    def _denominator(self, actual: Any, predicted: Any) -> Any:
        return actual


class F1(_OfCounts):
    """Harmonic mean of precision and recall.

    With several outputs a sample belongs to one class; labels of several classes at once are not supported.

    Parameters
    ----------
    average
        ``"macro"``, the mean over the classes that occur, ``"micro"``, the quotient of the sums over all classes, or
        ``"none"``, an array with an entry for each class, which only ``Session.evaluate`` returns. Default ``"auto"``:
        the value of class 1 with a single output, else ``"macro"``. A quotient with the denominator 0 counts as 0.
    of_class
        Number of a class, at least 0, to report the value of this class only; default None. Cannot be combined with
        ``average``.
    from_logits
        Whether outputs are logits; default None, the option of the session's loss. Has an effect with a single output
        only.
    name
        Name of the entry; default ``"f1"``.

    Examples
    --------
    >>> import cutedl_xp as cdl
    >>> layer = cdl.layers.Dense(1, input_dim=1, activation="linear", weight_initializer="ones")  # y = x
    >>> model = cdl.Model([layer]).assemble("numpy")
    >>> loss, optimizer = cdl.losses.BinaryCrossentropy(), cdl.optimizers.Adam()
    >>> session = cdl.Session(model, loss, optimizer, metrics=[cdl.metrics.F1()])
    >>> round(session.evaluate(([[1.0], [1.0], [1.0], [-1.0]], [[1.0], [0.0], [0.0], [1.0]]))["f1"], 3)
    0.4
    """

    def _denominator(self, actual: Any, predicted: Any) -> Any:
        return (actual + predicted) / 2


class ConfusionMatrix(_OfClasses):
    """Number of samples of each true class, in rows, by predicted class, in columns.

    ``Session.evaluate`` returns the matrix as a NumPy array of float64; ``Session.fit`` does not compute it. The state
    has ``2 * classes**2`` numbers, and a batch needs temporary arrays of ``samples * classes`` numbers.

    Parameters
    ----------
    from_logits
        Whether outputs are logits; default None, the option of the session's loss. Has an effect with a single output
        only.
    name
        Name of the entry; default ``"confusion_matrix"``.

    Examples
    --------
    >>> import cutedl_xp as cdl
    >>> layer = cdl.layers.Dense(1, input_dim=1, activation="linear", weight_initializer="ones")  # y = x
    >>> model = cdl.Model([layer]).assemble("numpy")
    >>> loss, optimizer = cdl.losses.BinaryCrossentropy(), cdl.optimizers.Adam()
    >>> session = cdl.Session(model, loss, optimizer, metrics=[cdl.metrics.ConfusionMatrix()])
    >>> session.evaluate(([[1.0], [1.0], [1.0], [-1.0]], [[1.0], [0.0], [0.0], [1.0]]))["confusion_matrix"].tolist()
    [[0.0, 2.0], [1.0, 1.0]]
    """

    scalar = False

    def __init__(self, from_logits: bool | None = None, name: str = "confusion_matrix") -> None:
        super().__init__(name, from_logits)

    def start(self, backend: Backend, dtype: Any, output_shape: Shape) -> Any:
        classes = _count_classes(output_shape)
        return {"counts": _sums.zero(backend, dtype, (classes, classes))}

    def update(self, state: Any, y_true: Array, y_pred: Array, sample_weight: Array | None = None) -> Any:
        xp: Any = array_namespace(y_pred)
        true, found = self._indicators(y_true, y_pred)
        classes = (-1, true.shape[-1])
        true, found = (xp.reshape(each, classes) for each in (true * _sums.spread(xp, sample_weight, true), found))
        return {"counts": _sums.add(state["counts"], backend_of(true).matmul(true.T, found))}

    def result(self, state: Any) -> Any:
        return _sums.read(state["counts"])
