"""Incompatible arrays: two libraries or two devices in one call, and a dtype that promotes the others.

Each raises one sentence that names both arrays and the remedy, and changes no state.
"""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cutedl_xp import Backend, Dataset, Model, Parameter, Session, get_backend, losses, metrics, optimizers
from cutedl_xp.layers import Dense

Call = Callable[[Any, Any], Any]
"""Function of an array of the backend and an incompatible array of the same shape."""


@pytest.fixture
def model(backend: Backend) -> Model:
    return Model([Dense(2, input_dim=2, activation="linear")]).assemble(backend)


@pytest.fixture
def calls(model: Model) -> dict[str, Call]:
    """Calls that take two arrays and raise an error for incompatible ones."""
    rule = optimizers.Adam()

    def backward(own: Any, other: Any) -> None:
        model.forward(own, training=True)[1](other)

    return {
        "loss": losses.Mse(),
        "loss, the other way round": lambda own, other: losses.Mse()(other, own),
        "accuracy": metrics.accuracy,
        "binary_accuracy": metrics.binary_accuracy,
        "update": lambda own, other: rule.update(own, other, rule.init(own)),
        "update, a state from elsewhere": lambda own, other: rule.update(own, own, rule.init(other)),
        "forward": lambda own, other: model.forward(other, training=True),
        "backward": backward,
        "Parameter": lambda own, other: Parameter("w", own, other),
    }


OF_DTYPES = ("update", "update, a state from elsewhere", "forward", "backward", "Parameter")
ELSEWHERE = {"array_api_strict": "array_api_strict:device2", "torch": "torch:meta"}
OF_LIBRARIES = ("loss", "loss, the other way round", "accuracy", "binary_accuracy", *OF_DTYPES)


@pytest.fixture
def refusal(model: Model, calls: dict[str, Call], backend: Backend, to_numpy: Callable[[Any], np.ndarray]) -> Any:
    """Return a function that makes a call with an array of the backend and another array, and returns the error."""

    def make(call: str, other: Any) -> str:
        own = backend.asarray(np.ones((2, 2)), "float32")
        before = to_numpy(model.parameters.flat.value).copy()
        with pytest.raises(TypeError) as caught:
            calls[call](own, other)
        assert to_numpy(model.parameters.flat.value).tolist() == before.tolist()
        assert not to_numpy(model.parameters.flat.gradient).any()
        message = str(caught.value)
        assert "\n" not in message
        assert message.count(" array of dtype ") == 2
        return message

    return make


@pytest.mark.parametrize("call", OF_LIBRARIES)
def test_an_array_of_another_library(refusal: Callable[..., str], backend: Backend, call: str) -> None:
    elsewhere = get_backend("array_api_strict" if backend.name == "numpy" else "numpy")
    message = refusal(call, elsewhere.asarray(np.ones((2, 2), "float32")))
    assert f"{elsewhere.name} array" in message
    assert f"{backend.name} array" in message
    assert "backend.asarray()" in message


def test_an_array_of_another_device(refusal: Callable[..., str], backend: Backend) -> None:
    if backend.name not in ELSEWHERE:
        pytest.skip("this library has one device here")
    elsewhere = get_backend(ELSEWHERE[backend.name])
    other = elsewhere.xp.ones((2, 2), dtype=elsewhere.xp.float32, device=elsewhere.device)
    for call in OF_LIBRARIES:
        message = refusal(call, other)
        assert str(elsewhere.device) in message
        assert str(backend.device) in message
        assert "its own backend's to_numpy(), then backend.asarray()" in message


@pytest.mark.parametrize("call", OF_DTYPES)
def test_a_dtype_that_promotes(refusal: Callable[..., str], backend: Backend, call: str) -> None:
    message = refusal(call, backend.asarray(np.ones((2, 2))))
    assert "float64" in message
    assert re.search("convert it to float(32|64)$", message)


def test_a_gradient_of_another_shape_than_the_output(model: Model, backend: Backend) -> None:
    _, backward = model.forward(backend.asarray([[1.0, 2.0]]), training=True)
    with pytest.raises(ValueError, match=r"^`gradient` has shape \(2,\); the output has \(1, 2\)$"):
        backward(backend.asarray([1.0, 2.0]))


@pytest.mark.parametrize("part", ["data", "labels"])
def test_a_data_set_on_another_library(model: Model, backend: Backend, part: str) -> None:
    elsewhere = get_backend("array_api_strict")
    arrays = {name: np.ones((2, 2), "float32") for name in ("data", "labels")}
    data = Dataset(**(arrays | {part: elsewhere.asarray(arrays[part])}))
    session = Session(model, loss=losses.Mse(), optimizer=optimizers.Fixed())
    with pytest.raises(TypeError, match=r"^`train` does not fit: .* is an array_api_strict array") as caught:
        session.fit(data, epochs=1)
    assert repr(backend) in str(caught.value)
