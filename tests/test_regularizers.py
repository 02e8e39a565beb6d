"""Regularizers: the gradient of their penalty, on the parameters that their pattern names."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from cutedl_xp import Model
from cutedl_xp.layers import Dense
from cutedl_xp.regularizers import L1, L2, Regularizer

PENALTIES = {
    L1: lambda xp, w: 0.3 * xp.sum(xp.abs(w)),
    L2: lambda xp, w: 0.3 / 2 * xp.sum(w * w),
}
GRADIENTS = {L1: np.sign, L2: lambda w: w}

either = pytest.mark.parametrize("kind", [L1, L2])
both_ways = pytest.mark.parametrize(
    "add",
    [lambda penalty, parameters: penalty(parameters), lambda penalty, parameters: penalty.bind(parameters)()],
    ids=["called", "bound"],
)


@pytest.fixture
def model(backend, dtype):
    model = Model([Dense(3, input_dim=2, bias_initializer="ones"), Dense(2)]).assemble(backend, dtype, seed=1)
    for parameter in model.parameters:
        parameter.gradient = np.full(parameter.value.shape, 0.5)
    return model


@either
def test_the_gradient_is_that_of_the_penalty_by_finite_differences(kind, xp, backend, to_numpy, finite_differences):
    w = np.asarray([[-2.0, 0.5, 3.0], [1.5, -0.25, 100.0]])
    expected = finite_differences(lambda point: PENALTIES[kind](xp, point), w)
    np.testing.assert_allclose(to_numpy(kind(0.3).penalty_gradient(backend.asarray(w))), expected, rtol=1e-6)


WEIGHTS = st.floats(-1000, 1000, width=32, allow_subnormal=False)  # on a GPU a subnormal number has the sign 0


@either
@given(
    w=arrays(np.float64, array_shapes(min_dims=0, max_dims=3, min_side=0), elements=WEIGHTS),
    damping=st.floats(0, 10, width=32),
)
def test_the_gradient_has_the_weights_shape_and_dtype(kind, backend, to_numpy, dtype, w, damping):
    value = backend.asarray(w, dtype)
    gradient = kind(damping).penalty_gradient(value)
    assert gradient.shape == w.shape
    assert gradient.dtype == value.dtype
    np.testing.assert_allclose(to_numpy(gradient), damping * GRADIENTS[kind](w), rtol=1e-6, atol=1e-37)


@both_ways
@either
def test_it_is_added_to_the_weights_gradients_alone(kind, add, model, to_numpy):
    add(kind(0.3), model.parameters)
    for parameter in model.parameters:
        penalty = 0.3 * GRADIENTS[kind](to_numpy(parameter.value)) if parameter.name.endswith("/weight") else 0.0
        np.testing.assert_allclose(to_numpy(parameter.gradient), 0.5 + penalty, rtol=1e-6)


@both_ways
@either
def test_the_values_stay_and_the_flat_buffer_has_the_new_gradients(kind, add, model, to_numpy, unchanged):
    with unchanged(model.parameters.flat.value):
        add(kind(0.3), model.parameters)
    in_memory = [*model.parameters[::2], *model.parameters[1::2]]  # all weights, then all biases
    parts = [to_numpy(parameter.gradient).ravel() for parameter in in_memory]
    assert np.array_equal(to_numpy(model.parameters.flat.gradient), np.concatenate(parts))
    assert not np.all(to_numpy(model.parameters.flat.gradient) == 0.5)


@both_ways
@pytest.mark.parametrize(
    ("pattern", "touched"),
    [
        ("*", ["/1-Dense/weight", "/1-Dense/bias", "/2-Dense/weight", "/2-Dense/bias"]),
        ("/2-*/weight", ["/2-Dense/weight"]),
        ("*/bias", ["/1-Dense/bias", "/2-Dense/bias"]),
        ("*/WEIGHT", []),
        ("weight", []),
    ],
)
def test_the_pattern_chooses_the_parameters(add, backend, to_numpy, pattern, touched):
    model = Model([Dense(3, input_dim=2, bias_initializer="ones"), Dense(2, bias_initializer="ones")])
    parameters = model.assemble(backend).parameters
    add(L2(1.0, pattern=pattern), parameters)
    assert [parameter.name for parameter in parameters if np.any(to_numpy(parameter.gradient))] == touched


@either
def test_no_damping_changes_nothing(kind, model, to_numpy):
    kind(0)(model.parameters)
    assert np.all(to_numpy(model.parameters.flat.gradient) == 0.5)


@either
@pytest.mark.parametrize(
    ("damping", "error", "words"),
    [
        (-0.1, ValueError, r"`damping` must be 0 or greater; got -0\.1"),
        (float("nan"), ValueError, "`damping` must be finite; got nan"),
        (float("inf"), ValueError, "`damping` must be finite; got inf"),
        ("0.1", TypeError, r"`damping` must be a number; got '0\.1' \(str\)"),
        (None, TypeError, r"`damping` must be a number; got None"),
        (True, TypeError, r"`damping` must be a number; got True \(bool\)"),
    ],
)
def test_a_bad_damping_is_refused_when_constructed(kind, damping, error, words):
    with pytest.raises(error, match=words):
        kind(damping)


def test_a_pattern_is_given_by_name():
    with pytest.raises(TypeError):
        L1(0.1, "*")


def test_a_numpy_number_does_not_promote(backend):
    value = backend.asarray([1.0, 2.0], "float32")
    assert L2(np.float64(0.5)).penalty_gradient(value).dtype == value.dtype


def test_two_with_equal_arguments_are_equal():
    assert L1(0.5) == L1(0.5) != L1(0.25)
    assert L1(0.5) != L2(0.5)


@both_ways
def test_ones_own_penalty_fits_in(add, model, to_numpy):
    class Shift(Regularizer):
        def penalty_gradient(self, w):
            return w * 0 + self.damping

    add(Shift(2.0, pattern="/1-Dense/bias"), model.parameters)
    assert to_numpy(model.parameters[1].gradient).tolist() == [2.5] * 3


@both_ways
@either
def test_a_subclass_with_another_gradient_keeps_it(kind, add, model, to_numpy):
    class Half(kind):
        def penalty_gradient(self, w):
            return super().penalty_gradient(w) / 2

    add(Half(0.3), model.parameters)
    w = to_numpy(model.parameters[0].value)
    np.testing.assert_allclose(to_numpy(model.parameters[0].gradient), 0.5 + 0.15 * GRADIENTS[kind](w), rtol=1e-6)


@both_ways
@either
def test_a_subclass_with_another_call_keeps_it(kind, add, model, to_numpy):
    class Nothing(kind):
        def __call__(self, parameters):
            pass

    add(Nothing(0.3), model.parameters)
    assert np.all(to_numpy(model.parameters.flat.gradient) == 0.5)


@pytest.mark.parametrize("pattern", ["weight", "/1-dense/*", "*/scale"])
def test_a_pattern_that_fits_no_parameter_is_refused_by_the_session(make_session, pattern):
    with pytest.raises(ValueError, match=r"`pattern` '.*' fits none of the parameters '/1-Dense/weight', '/1-Dense/b"):
        make_session(regularizers=[L2(0.1, pattern=pattern)])


@pytest.mark.parametrize("pattern", [None, 3])
def test_a_pattern_that_is_not_text_is_refused(pattern):
    with pytest.raises(TypeError, match="`pattern` must be a string; got "):
        L2(0.1, pattern=pattern)
