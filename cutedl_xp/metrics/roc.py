"""Area under the ROC curve."""

import math
from typing import Any

from array_api_compat import array_namespace

from cutedl_xp._typing import Array, Shape
from cutedl_xp.backends import Backend
from cutedl_xp.metrics import _sums
from cutedl_xp.metrics._metric import ThresholdMetric


class RocAuc(ThresholdMetric):
    """Area under the receiver operating characteristic of two classes, exact over the data set.

    The area depends on the order of all outputs. Therefore the state keeps a score, a label and a weight for each
    sample of the evaluation on the device, 12 bytes in float32 and 24 in float64. The result is computed on the host.
    Because the state grows, evaluations with this metric run in the plain loop; training steps stay compiled. The area
    is NaN if all samples belong to one class.

    Parameters
    ----------
    from_logits
        Whether outputs are logits; default None, the option of the session's loss. Has an effect with two outputs only:
        their score is the difference of the logits, or the second probability.
    name
        Name of the entry; default ``"roc_auc"``.

    Examples
    --------
    >>> import cutedl_xp as cdl
    >>> layer = cdl.layers.Dense(1, input_dim=1, activation="linear", weight_initializer="ones")  # y = x
    >>> model = cdl.Model([layer]).assemble("numpy")
    >>> loss, optimizer = cdl.losses.BinaryCrossentropy(), cdl.optimizers.Adam()
    >>> session = cdl.Session(model, loss, optimizer, metrics=[cdl.metrics.RocAuc()])
    >>> session.evaluate(([[-2.0], [0.5], [0.0], [2.0]], [[0.0], [0.0], [1.0], [1.0]]))["roc_auc"]
    0.75
    """

    compilable = False

    def __init__(self, from_logits: bool | None = None, name: str = "roc_auc") -> None:
        super().__init__(name, from_logits)

    def start(self, backend: Backend, dtype: Any, output_shape: Shape) -> Any:
        if tuple(output_shape) not in ((1,), (2,)):
            raise ValueError(f"RocAuc needs a model with one output or two; got the output shape {tuple(output_shape)}")
        return []

    def update(self, state: Any, y_true: Array, y_pred: Array, sample_weight: Array | None = None) -> Any:
        xp = array_namespace(y_pred)
        if y_pred.shape[-1] == 1:
            labels, score = _sums.same_shape("RocAuc", y_true, y_pred)[:, 0], y_pred[:, 0]
        else:
            numbers, _ = _sums.class_numbers("RocAuc", y_true, y_pred)
            labels = xp.astype(numbers, y_pred.dtype)
            score = y_pred[:, 1] if self.from_logits is False else y_pred[:, 1] - y_pred[:, 0]
        positive = xp.astype(labels > 0.5, y_pred.dtype)
        state.append(xp.stack([score, positive, _sums.spread(xp, sample_weight, positive)]))
        return state

    def result(self, state: Any) -> float:
        # The share of pairs of a positive and a negative sample whose scores are in order; ties count one half
        xp = array_namespace(state[0])
        score, positive, weight = xp.concat(state, axis=1).astype("float64")
        order = xp.argsort(score)
        score, positive, weight = score[order], positive[order], weight[order]
        gain, loss = positive * weight, (1 - positive) * weight
        below = xp.concat([xp.zeros(1), loss.cumsum()])
        in_order = below[xp.searchsorted(score, score)] + below[xp.searchsorted(score, score, side="right")]
        pairs = gain.sum() * loss.sum()
        return float((gain * in_order).sum() / 2 / pairs) if pairs > 0 else math.nan
