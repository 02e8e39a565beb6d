"""Metrics of regression."""

from abc import abstractmethod
from typing import Any

from array_api_compat import array_namespace

from cutedl_xp._typing import Array, Shape
from cutedl_xp.backends import Backend
from cutedl_xp.metrics import _sums
from cutedl_xp.metrics._metric import Metric


class _Error(Metric):
    """Base class of means of errors for each output."""

    def start(self, backend: Backend, dtype: Any, output_shape: Shape) -> Any:
        return {name: _sums.zero(backend, dtype, tuple(output_shape)) for name in ("error", "weight")}

    def update(self, state: Any, y_true: Array, y_pred: Array, sample_weight: Array | None = None) -> Any:
        xp = array_namespace(y_pred)
        error = self._error(y_pred - _sums.same_shape(type(self).__name__, y_true, y_pred))
        weight = _sums.spread(xp, sample_weight, error)
        return {
            "error": _sums.add(state["error"], xp.sum(error * weight, axis=0)),
            "weight": _sums.add(state["weight"], xp.sum(weight, axis=0)),
        }

    @abstractmethod
    def _error(self, difference: Array) -> Array:
        """Return the error of a difference."""


class MeanAbsoluteError(_Error):
    """Mean of the absolute errors of all outputs.

    Parameters
    ----------
    name
        Name of the entry; default ``"mean_absolute_error"``.

    Examples
    --------
    >>> import cutedl_xp as cdl
    >>> layer = cdl.layers.Dense(1, input_dim=1, activation="linear", weight_initializer="ones")  # y = x
    >>> model = cdl.Model([layer]).assemble("numpy")
    >>> loss, optimizer = cdl.losses.Mse(), cdl.optimizers.Adam()
    >>> session = cdl.Session(model, loss, optimizer, metrics=[cdl.metrics.MeanAbsoluteError()])
    >>> round(session.evaluate(([[0.0], [1.0]], [[3.0], [5.0]]))["mean_absolute_error"], 3)
    3.5
    """

    def __init__(self, name: str = "mean_absolute_error") -> None:
        super().__init__(name)

    def _error(self, difference: Array) -> Array:
        return abs(difference)

    def result(self, state: Any) -> float:
        return float((_sums.read(state["error"]) / _sums.read(state["weight"])).mean())


class RMSE(_Error):
    """Root of the mean squared error; with several outputs the mean of their roots, as in scikit-learn.

    Parameters
    ----------
    name
        Name of the entry; default ``"rmse"``.

    Examples
    --------
    >>> import cutedl_xp as cdl
    >>> layer = cdl.layers.Dense(1, input_dim=1, activation="linear", weight_initializer="ones")  # y = x
    >>> model = cdl.Model([layer]).assemble("numpy")
    >>> loss, optimizer = cdl.losses.Mse(), cdl.optimizers.Adam()
    >>> session = cdl.Session(model, loss, optimizer, metrics=[cdl.metrics.RMSE()])
    >>> round(session.evaluate(([[0.0], [1.0]], [[3.0], [5.0]]))["rmse"], 3)
    3.536
    """

    def __init__(self, name: str = "rmse") -> None:
        super().__init__(name)

    def _error(self, difference: Array) -> Array:
        return difference * difference

    def result(self, state: Any) -> float:
        return float(((_sums.read(state["error"]) / _sums.read(state["weight"])) ** 0.5).mean())


class R2(Metric):
    """Coefficient of determination; with several outputs the mean of their coefficients.

    If all labels are equal, the coefficient is 1 if the outputs equal them, else 0, as in scikit-learn. The sums are
    computed from differences from the first label, so that a large mean of the labels costs no precision.

    Parameters
    ----------
    name
        Name of the entry; default ``"r2"``.

    Examples
    --------
    >>> import cutedl_xp as cdl
    >>> layer = cdl.layers.Dense(1, input_dim=1, activation="linear", weight_initializer="ones")  # y = x
    >>> model = cdl.Model([layer]).assemble("numpy")
    >>> loss, optimizer = cdl.losses.Mse(), cdl.optimizers.Adam()
    >>> session = cdl.Session(model, loss, optimizer, metrics=[cdl.metrics.R2()])
    >>> round(session.evaluate(([[0.0], [1.0], [2.0]], [[0.0], [1.0], [4.0]]))["r2"], 3)
    0.538
    """

    def __init__(self, name: str = "r2") -> None:
        super().__init__(name)

    def start(self, backend: Backend, dtype: Any, output_shape: Shape) -> Any:
        shape = tuple(output_shape)
        sums = {name: _sums.zero(backend, dtype, shape) for name in ("error", "weight", "label", "square")}
        begun = backend.xp.zeros(shape, dtype=dtype, device=backend.device)
        return {**sums, "origin": _sums.zero(backend, dtype, shape)[0], "begun": begun}

    def update(self, state: Any, y_true: Array, y_pred: Array, sample_weight: Array | None = None) -> Any:
        xp = array_namespace(y_pred)
        labels = _sums.same_shape("R2", y_true, y_pred)
        weight = _sums.spread(xp, sample_weight, labels)
        origin = xp.where(state["begun"] > 0, state["origin"], labels[0, ...])
        error, label = y_pred - labels, labels - origin[None, ...]
        batch = {"error": weight * error * error, "weight": weight, "label": weight * label}
        batch["square"] = batch["label"] * label
        sums = {name: _sums.add(state[name], xp.sum(each, axis=0)) for name, each in batch.items()}
        return {**sums, "origin": origin, "begun": xp.ones_like(state["begun"])}

    def result(self, state: Any) -> float:
        error, weight, label, square = (_sums.read(state[name]) for name in ("error", "weight", "label", "square"))
        spread = square - label * label / weight
        constant = spread <= 0
        coefficients = 1 - error / (spread * ~constant + constant)
        coefficients = coefficients * ~constant + (constant & (error == 0))
        return float(coefficients.mean())
