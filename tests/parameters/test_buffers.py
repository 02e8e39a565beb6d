"""Buffers: single ones, held separately during a step, and stored at its end."""

import contextlib
import copy

import numpy as np
import pytest

from cutedl_xp import Model
from cutedl_xp.layers import BufferSpec, Layer, ParameterSpec
from cutedl_xp.parameters import Buffers


class Counter(Layer):
    """A user's layer that counts its training batches."""

    compilable = True

    def __init__(self, name="count"):
        self.name = name

    def output_shape(self, input_shape):
        return input_shape

    def parameter_specs(self, input_shape):
        return {"factor": ParameterSpec((), "ones")}

    def buffer_specs(self, input_shape):
        return {self.name: BufferSpec(())}

    def bind(self, parameters, backend, stream):
        self.factor = parameters["factor"]

    def bind_buffers(self, buffers):
        self.count = buffers[self.name]

    def forward(self, x, training):
        if training:
            self.count.value = self.count.value + 1.0
        return x * self.factor.value, lambda gradient, input_gradient=True: gradient * self.factor.value

    def config(self):
        return {"name": self.name}


@pytest.fixture
def buffers(backend):
    return Buffers(backend, "float64", {"/1/mean": (2,), "/2/count": ()})


def read(backend, buffers):
    return [backend.to_numpy(array).tolist() for array in buffers.values]


def test_they_are_a_sequence_of_named_zeros(backend, buffers):
    assert [buffer.name for buffer in buffers] == ["/1/mean", "/2/count"]
    assert (len(buffers), buffers[1].name, len(buffers[:1])) == (2, "/2/count", 1)
    assert read(backend, buffers) == [[0.0, 0.0], 0.0]
    assert repr(buffers) == "Buffers('/1/mean', '/2/count')"
    assert repr(buffers[0]).startswith("Buffer('/1/mean', shape=(2,), dtype=")


def test_an_assigned_array_is_converted_and_copied(backend, buffers):
    before = buffers[0].value
    buffers[0].value = np.array([1, 2], "int32")
    assert read(backend, buffers) == [[1.0, 2.0], 0.0]
    assert buffers[0].value.dtype == backend.dtype("float64")
    assert (buffers[0].value is before) is backend.has_views
    with pytest.raises(ValueError, match=r"the value of '/1/mean' has shape \(2,\); got one of shape \(3,\)"):
        buffers[0].value = np.ones(3)


def test_held_arrays_are_replaced_and_nothing_is_written(backend, buffers, unchanged):
    held = [backend.asarray(np.full(shape, 5.0)) for shape in ((2,), ())]
    own = buffers.values
    with unchanged(*held, *own):
        with buffers.holding(held):
            assert read(backend, buffers) == [[5.0, 5.0], 5.0]
            buffers[0].value = np.array([7.0, 8.0])
            assert read(backend, buffers) == [[7.0, 8.0], 5.0]
        assert read(backend, buffers) == [[0.0, 0.0], 0.0]


def test_an_update_is_taken_over_at_its_end_unless_it_fails(backend, buffers):
    with buffers.updating():
        buffers[1].value = np.array(3.0)
    assert read(backend, buffers) == [[0.0, 0.0], 3.0]
    with contextlib.suppress(ZeroDivisionError), buffers.updating():
        buffers[1].value = np.array(9.0)
        _ = 1 / 0
    assert read(backend, buffers) == [[0.0, 0.0], 3.0]
    buffers[1].value = np.array(4.0)
    assert read(backend, buffers) == [[0.0, 0.0], 4.0]


def test_a_users_layer_has_buffers(backend, dtype):
    model = Model([Counter(), Counter()]).assemble(backend, dtype)
    assert list(model.weights()) == [
        "/1-Counter/factor", "/2-Counter/factor", "/1-Counter/count", "/2-Counter/count",
    ]  # fmt: skip
    x = backend.asarray(np.ones((2, 2)), dtype)
    model.forward(x, training=True)
    model.forward(x, training=False)
    assert {name: float(array) for name, array in model.weights().items() if "count" in name} == {
        "/1-Counter/count": 1.0, "/2-Counter/count": 1.0,
    }  # fmt: skip
    assert all(buffer.value.dtype == backend.dtype(dtype) for buffer in model.buffers)
    model.assemble(backend, dtype)
    assert not any(float(backend.to_numpy(array)) for array in model.buffers.values)


def test_copies_of_a_model_have_their_own_buffers(backend):
    model = Model([Counter()]).assemble(backend, "float64")
    x = backend.asarray(np.ones((2, 2)))
    model.forward(x, training=True)
    twin = copy.deepcopy(model)
    twin.forward(x, training=True)
    counts = [float(backend.to_numpy(each.buffers[0].value)) for each in (model, twin)]
    assert counts == [1.0, 2.0]


def test_weights_with_a_missing_buffer_are_refused(backend):
    model = Model([Counter()]).assemble(backend)
    with pytest.raises(ValueError, match="`w` must have the names '/1-Counter/factor', '/1-Counter/count'; got"):
        model.set_weights({"/1-Counter/factor": np.ones(())})


def test_a_name_that_a_parameter_has_is_refused(backend):
    with pytest.raises(ValueError, match="parameters and buffers must have different names; got '/1-Counter/factor'"):
        Model([Counter("factor")]).assemble(backend)


def test_a_model_that_is_not_assembled_has_none(backend):
    with pytest.raises(RuntimeError, match="the model is not assembled yet"):
        _ = Model([Counter()]).buffers
