"""Layer that normalizes each sample."""

from cutedl_xp._familiar import OF_NORMALIZATIONS, refuse_keywords
from cutedl_xp._typing import Array
from cutedl_xp.layers._layer import Backward
from cutedl_xp.layers._normalization import Normalization


@refuse_keywords(OF_NORMALIZATIONS)
class LayerNormalization(Normalization):
    """Layer normalization over the last axis: y = gamma (x - mean) / √(variance + eps) + beta.

    Mean and variance are those of the features of each sample, in training and outside it. With x̂ the normalized
    input, h = gamma dL/dy and means over the features, dL/dx = (h - mean(h) - x̂ mean(h x̂)) / √(variance + eps).

    Parameters
    ----------
    eps
        Number added to the variance, default 1e-5, above 0. PyTorch has the same default, Keras 1e-3.
    input_dim
        Number of features, at least 1. The default is None, the width of the previous layer's output; the first layer
        needs the number.

    Notes
    -----
    The parameters gamma and beta have the shape ``(features,)`` and start as ones and zeros. The variance is divided by
    the number of features, as in PyTorch and Keras. Inputs of shape ``(n, ..., features)`` have a mean and a variance
    for each place of the axes before the last one. Regularizers leave gamma and beta out by default.

    References
    ----------
    Ba, Kiros and Hinton, "Layer Normalization", 2016.

    Examples
    --------
    >>> import numpy as np
    >>> import cutedl_xp as cdl
    >>> model = cdl.Model([cdl.layers.LayerNormalization(input_dim=2)]).assemble("numpy")
    >>> model.predict(np.array([[1.0, 3.0], [10.0, 10.0]])).round(3).tolist()
    [[-1.0, 1.0], [0.0, 0.0]]
    """

    compilable = True

    def __init__(self, *, eps: float = 1e-5, input_dim: int | None = None) -> None:
        super().__init__(eps, input_dim)

    def forward(self, x: Array, training: bool) -> tuple[Array, Backward]:
        _, centered, variance = self._moments(self._rows(x), axis=1)
        return self._transform(x, centered, variance, axis=1)
