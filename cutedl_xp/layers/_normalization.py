"""Base class of the normalization layers."""

from collections.abc import Mapping
from typing import Any

from cutedl_xp._checks import check_integer, check_positive
from cutedl_xp._options import constant, option
from cutedl_xp._random import Stream
from cutedl_xp._typing import Array, Namespace, Shape
from cutedl_xp.backends import Backend
from cutedl_xp.layers._layer import Backward, Layer
from cutedl_xp.layers._specs import ParameterSpec
from cutedl_xp.layers._widths import known_shape
from cutedl_xp.parameters import Parameter


class Normalization(Layer):
    """Scale and shift of normalized features: y = gamma x̂ + beta, with a gamma and a beta for each feature.

    A subclass selects the axis along which the mean becomes 0 and the variance becomes 1.
    """

    eps: float = option(check_positive)
    input_dim: int | None = constant()

    def __init__(self, eps: float, input_dim: int | None) -> None:
        self.eps = eps
        self.input_dim = None if input_dim is None else check_integer("input_dim", input_dim, at_least=1)
        self._width: int | None = self.input_dim  # after `bind`, the length of gamma
        self._gamma: Parameter
        self._beta: Parameter
        self._backend: Backend

    def output_shape(self, input_shape: Shape | None) -> Shape:
        return known_shape(self, self.input_dim, self._width, input_shape)

    def parameter_specs(self, input_shape: Shape | None) -> dict[str, ParameterSpec]:
        width = self.output_shape(input_shape)[-1]
        return {"gamma": ParameterSpec((width,), "ones"), "beta": ParameterSpec((width,), "zeros")}

    def bind(self, parameters: Mapping[str, Parameter], backend: Backend, stream: Stream) -> None:
        self._gamma, self._beta, self._backend = parameters["gamma"], parameters["beta"], backend
        self._width = int(self._gamma.value.shape[0])

    def _rows(self, x: Array) -> Array:
        """Return an array with the features in its columns, shape ``(n, features)``."""
        if x.ndim < 2 or x.shape[-1] != self._width:
            raise ValueError(f"{self!r} takes inputs of width {self._width}; got an array of shape {tuple(x.shape)}")
        return x if x.ndim == 2 else self._backend.xp.reshape(x, (-1, x.shape[-1]))

    def _row_of(self, array: Array) -> Array:
        """Return one number for each feature as a row, because JAX can be set to refuse arrays of different ranks."""
        return self._backend.xp.reshape(array, (1, -1))

    def _moments(self, rows: Array, axis: int) -> tuple[Array, Array, Array]:
        """Return the mean along an axis, the difference from it, and the mean of the squared difference."""
        backend, count = self._backend, max(rows.shape[axis], 1)
        mean = backend.sum(rows, axis=axis, keepdims=True) / count
        centered = rows - mean
        return mean, centered, backend.sum(centered * centered, axis=axis, keepdims=True) / count

    def _transform(self, x: Array, centered: Array, variance: Array, axis: int | None) -> tuple[Array, Backward]:
        """Return the output for a batch, and its backward function.

        Parameters
        ----------
        x
            Batch.
        centered
            Rows of the batch minus the mean.
        variance
            Variance of the rows.
        axis
            Axis along which the mean and the variance were computed; None if they do not depend on the batch.
        """
        backend, gamma, beta = self._backend, self._gamma, self._beta
        factor = backend.elementwise(_inverse_root, variance, self.eps)
        arguments = centered, factor, self._row_of(gamma.value), self._row_of(beta.value)
        normalized, y = backend.elementwise(_scale_and_shift, *arguments)

        def backward(gradient: Array, input_gradient: bool = True) -> Array | None:
            rows = self._rows(gradient)
            beta.gradient = backend.sum(rows, axis=0, out=beta.gradient)
            gamma.gradient = backend.sum(rows * normalized, axis=0, out=gamma.gradient)
            if not input_gradient:
                return None
            upstream = rows * self._row_of(gamma.value)
            if axis is None:
                return backend.xp.reshape(upstream * factor, x.shape)
            count = max(rows.shape[axis], 1)
            mean = backend.sum(upstream, axis=axis, keepdims=True) / count
            slope = backend.sum(upstream * normalized, axis=axis, keepdims=True) / count
            dx = backend.elementwise(_input_gradient, upstream, normalized, factor, mean, slope)
            return backend.xp.reshape(dx, x.shape)

        return backend.xp.reshape(y, x.shape), backward

    def config(self) -> dict[str, Any]:
        return {"eps": self.eps, "input_dim": self.input_dim}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.config().items())})"


def _inverse_root(xp: Namespace, variance: Array, eps: float) -> Array:
    return 1.0 / xp.sqrt(variance + eps)


def _scale_and_shift(xp: Namespace, centered: Array, factor: Array, gamma: Array, beta: Array) -> tuple[Array, Array]:
    normalized = centered * factor
    return normalized, normalized * gamma + beta


def _input_gradient(
    xp: Namespace, upstream: Array, normalized: Array, factor: Array, mean: Array, slope: Array
) -> Array:
    return factor * (upstream - mean - normalized * slope)
