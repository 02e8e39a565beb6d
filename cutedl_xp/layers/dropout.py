"""Layer that sets a random part of its input to 0 in training."""

from collections.abc import Mapping
from typing import Any

from cutedl_xp._checks import check_probability, format_names
from cutedl_xp._familiar import OF_DROPOUT, refuse_keywords
from cutedl_xp._options import option
from cutedl_xp._random import Stream
from cutedl_xp._typing import Array, Shape
from cutedl_xp.backends import Backend
from cutedl_xp.layers._layer import Backward, Layer
from cutedl_xp.parameters import Parameter


@refuse_keywords(OF_DROPOUT)
class Dropout(Layer):
    """Inverted dropout: in training, keep each entry with probability p and divide it by p; set the others to 0.

    y = x m / p with a mask m of zeros and ones, so that the expected output equals the input; dL/dx = dL/dy m / p.
    Outside of training, y = x.

    Parameters
    ----------
    keep_prob
        Probability p to keep an entry, above 0 and at most 1. Keras and PyTorch take the probability 1 - p to drop it.

    Raises
    ------
    ValueError
        If ``keep_prob`` is 0 or less, or greater than 1.

    Notes
    -----
    The host draws the masks from the seed given to ``Model.assemble``, so that they are the same on every backend.

    References
    ----------
    Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, "Dropout: A Simple Way to Prevent Neural Networks
    from Overfitting", 2014. The paper multiplies weights by p at prediction; this layer, like Keras and PyTorch,
    divides by p in training.

    Examples
    --------
    >>> import cutedl_xp as cdl
    >>> cdl.layers.Dropout(0.8)
    Dropout(keep_prob=0.8)
    """

    compilable = True
    keep_prob: float = option(check_probability)

    def __init__(self, keep_prob: float) -> None:
        self.keep_prob = keep_prob
        self._backend: Backend
        self._stream: Stream

    def output_shape(self, input_shape: Shape | None) -> Shape | None:
        return input_shape

    def bind(self, parameters: Mapping[str, Parameter], backend: Backend, stream: Stream) -> None:
        self._backend = backend
        self._stream = stream

    def forward(self, x: Array, training: bool) -> tuple[Array, Backward]:
        if not training or self.keep_prob == 1.0:
            return x, _identity
        mask = self._backend.asarray(self._stream.keep_mask(tuple(x.shape), self.keep_prob))
        factor = self._backend.convert(mask, x.dtype, 1.0 / self.keep_prob)

        def backward(gradient: Array, input_gradient: bool = True) -> Array | None:
            return gradient * factor

        return x * factor, backward

    def config(self) -> dict[str, Any]:
        return {"keep_prob": self.keep_prob}

    def state_dict(self) -> dict[str, Any]:
        return {"stream": self._stream.state}

    def load_state_dict(self, d: Mapping[str, Any]) -> None:
        if set(d) != {"stream"}:
            raise ValueError(f"the state of Dropout is a dict with the key 'stream'; got the keys {format_names(d)}")
        self._stream.state = d["stream"]

    def __repr__(self) -> str:
        return f"Dropout(keep_prob={self.keep_prob})"


def _identity(gradient: Array, input_gradient: bool = True) -> Array | None:
    return gradient
