"""Layers, headers and files for tests of model files."""

import json

import numpy as np
import pytest
import safetensors.numpy

from cutedl_xp import Model
from cutedl_xp.layers import Dense, Dropout, Flatten, Layer, ParameterSpec

DAMAGED = "is not a whole safetensors file"
STRANGE = "has no header of cutedl_xp; it was written by something else"
UNFIT = "does not hold a model that can be made here"


class Scale(Layer):
    """A user's layer with a parameter without axes and a parameter without entries."""

    def __init__(self, start=2.0):
        self.start = start

    def output_shape(self, input_shape):
        return input_shape

    def parameter_specs(self, input_shape):
        def constant(stream, shape):
            return np.full(shape, self.start)

        return {"factor": ParameterSpec((), constant), "nothing": ParameterSpec((0, 3), constant)}

    def bind(self, parameters, backend, stream):
        self.factor = parameters["factor"]

    def forward(self, x, training):
        return x * self.factor.value, lambda gradient, input_gradient=True: gradient * self.factor.value

    def config(self):
        return {"start": self.start}


class Renamed(Scale):
    """Another user's layer."""


def every_kind():
    return [
        Flatten(), Dense(5, 12, "tanh", "he_normal", "ones"), Dropout(0.75), Dense(4, None, "sigmoid"), Scale(),
        Dense(3, activation="relu"), Dense(2, activation="linear"),
    ]  # fmt: skip


DENSE = {"class": "Dense", "config": {"units": 3, "input_dim": 4}}
HEADER = {"format": 1, "kind": "model", "dtype": "float32", "layers": [DENSE]}
ARRAYS = {"/1-Dense/weight": np.ones((4, 3), "float32"), "/1-Dense/bias": np.ones(3, "float32")}


def write(path, header, arrays):
    metadata = None if header is None else {"cutedl_xp": header if isinstance(header, str) else json.dumps(header)}
    path.write_bytes(safetensors.numpy.save(arrays, metadata))


def refused(path, words, error=ValueError, **arguments):
    """Check that loading fails with an error that begins with the file's name."""
    with pytest.raises(error) as refusal:
        Model.load(path, backend="numpy", **arguments)
    assert str(refusal.value).startswith(str(path))
    assert words in str(refusal.value)
