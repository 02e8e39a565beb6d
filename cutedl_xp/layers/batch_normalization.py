"""Layer that normalizes each feature over the batch."""

from collections.abc import Mapping
from math import prod
from typing import Any

from cutedl_xp._checks import check_probability
from cutedl_xp._familiar import OF_NORMALIZATIONS, refuse_keywords
from cutedl_xp._options import option
from cutedl_xp._typing import Array, Namespace, Shape
from cutedl_xp.layers._layer import Backward
from cutedl_xp.layers._normalization import Normalization
from cutedl_xp.layers._specs import BufferSpec
from cutedl_xp.parameters import Buffer


@refuse_keywords(OF_NORMALIZATIONS)
class BatchNormalization(Normalization):
    """Batch normalization of each feature: y = gamma (x - mean) / √(variance + eps) + beta.

    In training, mean and variance are those of the batch, and each batch updates the running mean and variance: running
    = (1 - momentum) running + momentum batch. Outside training, the running values take their place. With x̂ the
    normalized input, h = gamma dL/dy and means over the batch, dL/dx = (h - mean(h) - x̂ mean(h x̂)) / √(variance +
    eps).

    Parameters
    ----------
    eps
        Number added to the variance, default 1e-5, above 0. PyTorch has the same default, Keras 1e-3.
    momentum
        Share of the new batch in the running mean and variance, default 0.1, above 0 and at most 1. The name, meaning
        and default are PyTorch's. Keras calls the share of the old value momentum: its 0.99 is 0.01 here.
    input_dim
        Number of features, at least 1. The default is None, the width of the previous layer's output; the first layer
        needs the number.

    Notes
    -----
    The parameters gamma and beta have the shape ``(features,)`` and start as ones and zeros. The buffers
    ``running_mean`` and ``running_variance`` start as zeros and ones; they are saved with the weights, and no optimizer
    trains them. Inputs of shape ``(n, ..., features)`` have one mean and variance for each feature, over all other
    axes. Regularizers leave gamma and beta out by default.

    The variance of a batch is divided by its count of values n where the batch is normalized, and by n - 1 for the
    running variance, as in PyTorch; Keras divides by n in both. A training batch with one value for each feature is
    refused, as in PyTorch: its normalized values would be 0 for every sample. ``Session.fit`` refuses data whose last
    batch has one sample before the first step.

    Weights of samples count in the loss and not in the mean and variance of a batch. The wrapper ``AverageWeights``
    averages parameters and not buffers. A batch with NaN or infinity makes the running values NaN, which ends a
    training, also with ``SkipNonFinite``, which only skips the update of the parameters.

    References
    ----------
    Ioffe and Szegedy, "Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate Shift",
    2015.

    Examples
    --------
    >>> import numpy as np
    >>> import cutedl_xp as cdl
    >>> model = cdl.Model([cdl.layers.BatchNormalization(momentum=1.0, input_dim=1)]).assemble("numpy")
    >>> y, backward = model.forward(np.array([[1.0], [3.0]], dtype="float32"), training=True)
    >>> y.round(3).tolist()
    [[-1.0], [1.0]]
    >>> [buffer.value.tolist() for buffer in model.buffers]
    [[2.0], [2.0]]
    """

    compilable = True
    momentum: float = option(check_probability)

    def __init__(self, *, eps: float = 1e-5, momentum: float = 0.1, input_dim: int | None = None) -> None:
        super().__init__(eps, input_dim)
        self.momentum = momentum
        self._running_mean: Buffer
        self._running_variance: Buffer

    def buffer_specs(self, input_shape: Shape | None) -> dict[str, BufferSpec]:
        width = self.output_shape(input_shape)[-1]
        return {"running_mean": BufferSpec((width,), "zeros"), "running_variance": BufferSpec((width,), "ones")}

    def bind_buffers(self, buffers: Mapping[str, Buffer]) -> None:
        self._running_mean, self._running_variance = buffers["running_mean"], buffers["running_variance"]

    def check_batch(self, shape: Shape) -> None:
        if prod(shape[:-1]) < 2:
            raise ValueError(
                f"{self!r} needs two values for each feature in a training batch; got a batch of shape {shape}: "
                "give larger batches, such as by another batch_size or drop_remainder=True of a Dataset"
            )

    def forward(self, x: Array, training: bool) -> tuple[Array, Backward]:
        rows = self._rows(x)
        if not training:
            centered = rows - self._row_of(self._running_mean.value)
            return self._transform(x, centered, self._row_of(self._running_variance.value), axis=None)
        self.check_batch(tuple(x.shape))
        mean, centered, variance = self._moments(rows, axis=0)
        count = rows.shape[0]
        self._renew(self._running_mean, mean, 1.0)
        self._renew(self._running_variance, variance, count / (count - 1))
        return self._transform(x, centered, variance, axis=0)

    def _renew(self, buffer: Buffer, new: Array, factor: float) -> None:
        """Move a running value towards that of a batch, which is multiplied by a factor."""
        numbers = 1.0 - self.momentum, self.momentum * factor
        new = self._backend.xp.reshape(new, (-1,))
        buffer.value = self._backend.elementwise(_weighted_sum, buffer.value, new, *numbers)

    def config(self) -> dict[str, Any]:
        return {"eps": self.eps, "momentum": self.momentum, "input_dim": self.input_dim}


def _weighted_sum(xp: Namespace, old: Array, new: Array, old_share: float, new_share: float) -> Array:
    return old * old_share + new * new_share
