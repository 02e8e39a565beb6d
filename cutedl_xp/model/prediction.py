"""Predictions for many samples, computed in batches of bounded memory."""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from array_api_compat import array_namespace, is_numpy_array

from cutedl_xp._typing import Array, Shape
from cutedl_xp.backends import Backend, check_class, describe
from cutedl_xp.datasets import Batches
from cutedl_xp.datasets._conversion import as_array
from cutedl_xp.layers import Layer

_ENTRIES = 1 << 20
"""Number of entries of the widest layer's output in one batch: 4 MB in float32; a forward pass holds a few of these."""


def as_source(backend: Backend, x: Any) -> Any:
    """Return samples as an array of the backend, or as a NumPy array, whose batches are moved to the backend."""
    x = as_array("x", x)
    check_class("`x`", x)
    if is_numpy_array(x) and x.dtype.kind in "biuf":
        array = array_namespace(x).asarray(x)  # a plain array of the same memory if it is memory-mapped
    else:
        try:
            array = x if backend.owns(x) else backend.asarray(x)
        except (TypeError, ValueError) as error:
            raise type(error)(str(error).replace("`obj`", "`x`")) from error
        if not backend.xp.isdtype(array.dtype, ("bool", "integral", "real floating")):
            raise TypeError(f"`x` must be an array of real numbers; got {describe(array)}")
    if not array.shape:
        raise ValueError("`x` must have a first axis of samples; got an array of shape ()")
    return array


def is_integral(backend: Backend, source: Any) -> bool:
    """Return whether samples are integers or booleans."""
    if is_numpy_array(source):
        return source.dtype.kind in "biu"
    return bool(backend.xp.isdtype(source.dtype, ("bool", "integral")))


def count_rows(layers: Sequence[Layer], sample_shape: Shape, given: Shape | None = None) -> int:
    """Return the default number of samples in a batch, after a check that the samples fit the layers.

    Parameters
    ----------
    layers
        Layers of the model.
    sample_shape
        Shape of one sample.
    given
        Shape of the array of all samples, default None; the error names a remedy if this is the shape of one sample.
    """
    try:
        return max(1, _ENTRIES // _widest(layers, sample_shape))
    except ValueError as error:
        if given is not None and _takes(layers, given):
            raise ValueError(f"{error}; for a single sample add an axis: x[None]") from error
        raise


def _widest(layers: Sequence[Layer], sample_shape: Shape) -> int:
    shape: Shape | None = sample_shape
    widest = max(1, prod(sample_shape))
    for layer in layers:
        shape = layer.output_shape(shape)
        widest = max(widest, prod(shape or ()))
    return widest


def _takes(layers: Sequence[Layer], sample_shape: Shape) -> bool:
    try:
        return _widest(layers, sample_shape) > 0
    except ValueError:
        return False


def predict_batches(
    forward: Callable[[Array], Array], backend: Backend, dtype: Any, source: Any, scale: float | None, rows: int
) -> Array:
    """Return the outputs for all samples, computed for ``rows`` samples at a time.

    Parameters
    ----------
    forward
        Function that maps a batch to its output.
    backend, dtype
        Backend and dtype of the batches.
    source
        Samples that :func:`as_source` returned.
    scale
        Factor of the samples; None leaves them unchanged.
    rows
        Number of samples in a batch.
    """

    def compute(start: int, stop: int) -> Array:
        batch = source if stop - start == count else source[start:stop, ...]
        own = batch if backend.owns(batch) else backend.asarray(batch, dtype)
        return forward(backend.convert(own, dtype, scale))

    count = int(source.shape[0])
    if count <= rows:
        return compute(0, count)
    first = compute(0, rows)
    outputs = backend.xp.empty((count, *first.shape[1:]), dtype=first.dtype, device=backend.device)
    outputs = backend.write_rows(outputs, first, 0)
    for start in range(rows, count, rows):
        outputs = backend.write_rows(outputs, compute(start, min(start + rows, count)), start)
    return outputs


def predict_given(forward: Callable[[Array], Array], backend: Backend, dtype: Any, data: Batches, rows: int) -> Array:
    """Return the outputs for batches that a function makes; all outputs and the result are in memory at once.

    Parameters
    ----------
    forward, backend, dtype
        As for :func:`predict_batches`.
    data
        Data, of which the batches of epoch 0 are used.
    rows
        Number of samples to compute at once.
    """
    outputs = [
        predict_batches(forward, backend, dtype, x, None, rows) for x, *_ in data.weighted_batches(0, backend, dtype)
    ]
    return outputs[0] if len(outputs) == 1 else backend.xp.concat(outputs, axis=0)
