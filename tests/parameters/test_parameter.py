"""Single parameters."""

import copy
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cutedl_xp import Backend, Parameter, get_backend

Array = Any


@pytest.fixture
def make(backend: Backend) -> Callable[..., Parameter]:
    """Return a function that makes a parameter filled with ones."""
    return lambda *shape, dtype="float32": Parameter("w", backend.asarray(np.ones(shape, dtype)))


def test_numpy_scalar_becomes_an_array_that_can_be_written_to() -> None:
    parameter = Parameter("w", np.float32(3.0))
    parameter.value = np.float32(4.0)
    assert isinstance(parameter.value, np.ndarray)
    assert parameter.value == 4.0


def test_parameter_has_the_array_it_was_given(backend: Backend) -> None:
    value, gradient = (backend.asarray(np.full((2, 3), number)) for number in (1.0, 2.0))
    parameter = Parameter("/1-Dense/weight", value, gradient)
    assert parameter.name == "/1-Dense/weight"
    assert parameter.backend == backend
    assert parameter.value is value
    assert parameter.gradient is gradient


@pytest.mark.parametrize("shape", [(), (0,), (3, 2)])
def test_gradient_starts_as_zeros_like_the_value(
    make: Callable[..., Parameter], to_numpy: Callable[[Array], np.ndarray], dtype: str, shape: tuple[int, ...]
) -> None:
    parameter = make(*shape, dtype=dtype)
    gradient = parameter.gradient
    assert (gradient.shape, gradient.dtype) == (shape, parameter.value.dtype)
    assert gradient.device == parameter.value.device
    assert not to_numpy(gradient).any()


SOURCES: dict[str, Callable[[Backend], Any]] = {
    "an array of the backend": lambda backend: backend.asarray([[1.5, 2.0, -3.0], [0.0, 4.0, 5.0]]),
    "one of another dtype": lambda backend: backend.asarray(np.array([[1.5, 2, -3], [0, 4, 5]], "float64")),
    "a NumPy array": lambda backend: np.array([[1.5, 2, -3], [0, 4, 5]], "float32"),
    "a NumPy array of another dtype": lambda backend: np.array([[1.5, 2, -3], [0, 4, 5]], "float64"),
    "a NumPy array read backwards": lambda backend: np.array([[5, 4, 0], [-3, 2, 1.5]])[::-1, ::-1],
    "nested lists": lambda backend: [[1.5, 2, -3], [0, 4, 5]],
}


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
@pytest.mark.parametrize("what", ["value", "gradient"])
@pytest.mark.views
def test_assigning_copies_into_place(
    backend: Backend,
    make: Callable[..., Parameter],
    to_numpy: Callable[[Array], np.ndarray],
    dtype: str,
    source: Callable[[Backend], Any],
    what: str,
) -> None:
    parameter = make(2, 3, dtype=dtype)
    array, given = getattr(parameter, what), source(backend)
    setattr(parameter, what, given)
    assert getattr(parameter, what) is array
    assert array.dtype == backend.dtype(dtype)
    np.testing.assert_array_equal(to_numpy(array), [[1.5, 2, -3], [0, 4, 5]])
    if not isinstance(given, list):
        given[...] = 7.0
    np.testing.assert_array_equal(to_numpy(array)[0], [1.5, 2, -3])  # a copy, not the memory of the source


def test_gradient_that_is_there_already_is_not_copied(
    make: Callable[..., Parameter], backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    parameter, written = make(2), []
    monkeypatch.setattr(type(backend), "write", lambda self, target, source: written.append(source) or target)
    parameter.gradient = parameter.gradient  # result of a product that was written into its memory
    assert not written
    parameter.gradient = np.ones(2)
    assert len(written) == 1


@pytest.mark.parametrize("what", ["value", "gradient"])
@pytest.mark.parametrize("shape", [(), (3,), (1, 3), (3, 2), (2, 3, 1)])
def test_assigning_another_shape_is_refused_even_where_it_would_broadcast(
    make: Callable[..., Parameter], what: str, shape: tuple[int, ...]
) -> None:
    parameter = make(2, 3)
    words = f"the {what} of 'w' has shape (2, 3); got one of shape {shape}"
    with pytest.raises(ValueError, match=f"^{re.escape(words)}$"):
        setattr(parameter, what, np.zeros(shape, "float32"))


@pytest.mark.parametrize("what", ["value", "gradient"])
def test_assigning_an_array_of_another_device_is_refused(make: Callable[..., Parameter], what: str) -> None:
    other = get_backend("array_api_strict:device2")
    with pytest.raises(TypeError, match=r"`obj` is an array_api_strict array of .* on .*device2"):
        setattr(make(2), what, other.asarray(np.zeros(2)))


@pytest.mark.views
def test_assigning_a_part_in_place_works(
    make: Callable[..., Parameter], to_numpy: Callable[[Array], np.ndarray]
) -> None:
    parameter = make(2, 2)
    parameter.value[0, :] = 3.0
    assert to_numpy(parameter.value).tolist() == [[3.0, 3.0], [1.0, 1.0]]
    parameter.value += 1.0
    assert to_numpy(parameter.value).tolist() == [[4.0, 4.0], [2.0, 2.0]]


@pytest.mark.parametrize("dtype", ["int64", "uint8", "bool"])
def test_value_that_is_not_a_float_is_refused(make: Callable[..., Parameter], dtype: str) -> None:
    with pytest.raises(
        TypeError, match=rf"`value` of 'w' must be an array of float32 or float64; got .*{dtype}.* shape \(2,\)"
    ):
        make(2, dtype=dtype)


@pytest.mark.parametrize("value", [1.0, [1.0, 2.0], None, "w"])
def test_value_that_is_not_an_array_is_refused(value: Any) -> None:
    with pytest.raises(TypeError) as caught:
        Parameter("w", value)
    assert str(caught.value).endswith(f" is needed; got {type(value).__name__}")


@pytest.mark.parametrize("gradient", [[0.0, 0.0, 0.0], 0.0])
def test_gradient_that_is_not_an_array_is_refused(gradient: Any) -> None:
    with pytest.raises(TypeError, match=r"`gradient` of 'w' must be an array like its value, a numpy array .*; got "):
        Parameter("w", np.zeros(3, "float32"), gradient)


def test_gradient_of_another_shape_is_refused(backend: Backend) -> None:
    value, gradient = (backend.asarray(np.zeros(shape, "float32")) for shape in ((2, 3), (3,)))
    with pytest.raises(ValueError, match=r"`gradient` of 'w' has shape \(3,\); its value has \(2, 3\)"):
        Parameter("w", value, gradient)


def test_parameter_takes_no_other_attributes(make: Callable[..., Parameter]) -> None:
    with pytest.raises(AttributeError):
        make(2).valeu = 3.0  # type: ignore[attr-defined]


def test_parameter_has_name_shape_and_dtype(make: Callable[..., Parameter], backend: Backend, dtype: str) -> None:
    assert repr(make(2, 3, dtype=dtype)) == f"Parameter('w', shape=(2, 3), dtype={make(dtype=dtype).value.dtype})"


def test_value_that_cannot_be_written_to_is_refused() -> None:
    array = np.zeros(2, "float32")
    array.flags.writeable = False
    with pytest.raises(ValueError, match="`value` of 'w' cannot be written to; give a copy of it"):
        Parameter("w", array)
    with pytest.raises(ValueError, match="`gradient` of 'w' cannot be written to; give a copy of it"):
        Parameter("w", array.copy(), array)


def test_copy_of_a_single_parameter_is_apart(make: Callable[..., Parameter], to_numpy: Any) -> None:
    parameter = make(2)
    again = copy.deepcopy(parameter)
    again.value = np.zeros(2)
    assert again.name == parameter.name
    assert (to_numpy(parameter.value) == 1.0).all()
