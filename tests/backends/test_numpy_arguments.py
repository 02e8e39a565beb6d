"""Arguments of incompatible shapes: no reads beyond their end, on NumPy with and without compiled loops."""

from typing import Any

import numpy as np
import pytest

from cutedl_xp import Backend, activations, get_backend
from cutedl_xp.optimizers import Adam


@pytest.fixture(params=["1", "0"], ids=["fused", "unfused"])
def numpy_backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Backend:
    monkeypatch.setenv("CUTEDL_XP_FUSED", request.param)
    return get_backend("numpy")


@pytest.mark.parametrize("donate", [True, False])
@pytest.mark.parametrize("place", [0, 1, 2, 3])
@pytest.mark.parametrize("shape", [(1,), (7,), (2, 4), ()], ids=str)
def test_the_arrays_of_a_rule_have_one_shape(
    numpy_backend: Backend, donate: bool, place: int, shape: tuple[int, ...]
) -> None:
    arrays: list[Any] = [np.ones(8) for _ in range(4)]
    arrays[place] = np.ones(shape)
    adam = Adam()
    with pytest.raises(
        ValueError, match=r"^`arrays` must have one shape, that of the parameter; got the shapes \(.*\)$"
    ):
        numpy_backend.apply_rule(adam.rule, arrays, adam.scalars(1), donate=donate)
    assert all((array == 1.0).all() for array in arrays)


@pytest.mark.parametrize("dtype", ["float64", "int32", ">f4", "float16"])
def test_a_gradient_of_another_dtype_is_converted(numpy_backend: Backend, dtype: str) -> None:
    adam, w = Adam(lr=0.5), np.ones(3, "float32")
    arrays = [w, np.ones(3, dtype), np.zeros(3, "float32"), np.zeros(3, "float32")]
    numpy_backend.apply_rule(adam.rule, arrays, adam.scalars(1), donate=True)
    np.testing.assert_allclose(w, 0.5, rtol=1e-6 if dtype != "float16" else 1e-3)
    assert w.dtype == "float32"


@pytest.mark.parametrize(
    "bias", [np.ones(3, ">f4"), np.ones((2, 3), "f4"), np.float32(1.0), np.ones(1, "f4")], ids=repr
)
def test_a_bias_of_another_kind_is_broadcast_as_numpy_does(numpy_backend: Backend, bias: Any) -> None:
    found = numpy_backend.add_bias(np.full((2, 3), -3.0, "f4"), bias, activations.relu)
    np.testing.assert_array_equal(found, np.zeros((2, 3)))
    solid = numpy_backend.add_bias(np.full((4, 2, 3), 1.0, "f4"), bias, activations.relu)
    np.testing.assert_array_equal(solid, np.full((4, 2, 3), 2.0))


def test_a_bias_that_is_too_short_is_refused(numpy_backend: Backend) -> None:
    with pytest.raises(ValueError, match="broadcast"):
        numpy_backend.add_bias(np.ones((2, 6), "f4"), np.ones(4, "f4"), activations.relu)


def test_labels_of_another_dtype_are_converted(numpy_backend: Backend) -> None:
    logits, labels = np.zeros((2, 2), "f4"), np.eye(2)
    expected, _ = numpy_backend.softmax_crossentropy(labels.astype("f4"), logits, 0.5)
    for dtype in (">f4", "float64", "int64", "bool"):
        found, gradient = numpy_backend.softmax_crossentropy(labels.astype(dtype), logits, 0.5)
        np.testing.assert_allclose(found, expected, rtol=1e-6)
        np.testing.assert_allclose(gradient, [[-0.25, 0.25], [0.25, -0.25]], rtol=1e-6)
