"""Base classes of metrics over a whole data set."""

import copy
from abc import ABC, abstractmethod
from typing import Any, ClassVar, TypeVar

from cutedl_xp import _checks
from cutedl_xp._typing import Array, Shape
from cutedl_xp.backends import Backend

Own = TypeVar("Own", bound="Metric")


class Metric(ABC):
    """Base class of metrics over a whole data set, whose state stays on the device.

    A session calls :meth:`start` once for a data set, :meth:`update` for each batch and :meth:`result` at the end.

    Parameters
    ----------
    name
        Name of the entry in the history and in the result of ``Session.evaluate``.

    Attributes
    ----------
    scalar
        Whether the result is a float, default True. ``Session.fit`` computes scalar metrics only, ``evaluate`` all
        metrics.
    compilable
        Whether the arrays of the state keep their shapes and :meth:`update` reads no values of arrays, default True.
        If False, evaluations run in the plain loop.

    Examples
    --------
    The largest absolute error of a data set:

    >>> import numpy as np
    >>> from array_api_compat import array_namespace
    >>> import cutedl_xp as cdl
    >>> class LargestError(cdl.metrics.Metric):
    ...     def __init__(self):
    ...         super().__init__("largest_error")
    ...
    ...     def start(self, backend, dtype, output_shape):
    ...         return {"largest": backend.xp.zeros((), dtype=dtype, device=backend.device)}
    ...
    ...     def update(self, state, y_true, y_pred, sample_weight=None):
    ...         xp = array_namespace(y_pred)
    ...         return {"largest": xp.maximum(state["largest"], xp.max(xp.abs(y_pred - y_true)))}
    ...
    ...     def result(self, state):
    ...         return float(state["largest"])
    >>> x = np.array([[1.0], [2.0], [4.0]], dtype="float32")
    >>> layer = cdl.layers.Dense(1, input_dim=1, activation="linear", weight_initializer="zeros")
    >>> session = cdl.Session(
    ...     cdl.Model([layer]).assemble("numpy"), cdl.losses.Mse(), cdl.optimizers.Adam(), metrics=[LargestError()]
    ... )
    >>> session.evaluate(cdl.Dataset(x, x, batch_size=2))["largest_error"]
    4.0
    """

    scalar: bool = True
    compilable: ClassVar[bool] = True

    def __init__(self, name: str) -> None:
        self.name = _checks.check_text("name", name)

    @abstractmethod
    def start(self, backend: Backend, dtype: Any, output_shape: Shape) -> Any:
        """Return the state before the first batch: a dict, list or tuple of arrays on the device.

        Parameters
        ----------
        backend
            Backend of the model.
        dtype
            Dtype of the outputs.
        output_shape
            Shape of the output for one sample.
        """

    @abstractmethod
    def update(self, state: Any, y_true: Array, y_pred: Array, sample_weight: Array | None = None) -> Any:
        """Return the state after a batch, as new arrays.

        Parameters
        ----------
        state
            State before the batch.
        y_true
            Labels of the batch.
        y_pred
            Outputs of the batch.
        sample_weight
            Weight of each sample, shape ``(samples,)``; default None, equal weights.
        """

    @abstractmethod
    def result(self, state: Any) -> Any:
        """Return the metric from a state.

        Parameters
        ----------
        state
            State after the last batch, with its arrays as NumPy arrays on the host.

        Returns
        -------
        float or numpy.ndarray
            Value of the metric; a float if ``scalar`` is True.
        """

    def with_logits(self: Own, from_logits: bool) -> Own:
        """Return the metric to use with a loss; by default this metric itself.

        Parameters
        ----------
        from_logits
            Whether outputs are logits, which is the option of the session's loss.
        """
        return self


class ThresholdMetric(Metric):
    """Base class of metrics that depend on whether outputs are logits or probabilities.

    Parameters
    ----------
    name
        Name of the entry.
    from_logits
        Whether outputs are logits; None for the option of the session's loss.
    """

    def __init__(self, name: str, from_logits: bool | None) -> None:
        super().__init__(name)
        self.from_logits = None if from_logits is None else _checks.check_boolean("from_logits", from_logits)

    def with_logits(self: Own, from_logits: bool) -> Own:
        """Return a copy with the option of the loss, unless ``from_logits`` was given to the constructor."""
        bound = copy.copy(self)
        if bound.from_logits is None:  # type: ignore[attr-defined]
            bound.from_logits = from_logits  # type: ignore[attr-defined]
        return bound

    @property
    def threshold(self) -> float:
        """Output above which a sample belongs to class 1."""
        return 0.5 if self.from_logits is False else 0.0
