"""Mistakes in a user's layer raise an error in the first training step that names the layer."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cutedl_xp import Dataset, Session
from cutedl_xp.backends import Backend
from cutedl_xp.layers import Dense, Layer, ParameterSpec
from cutedl_xp.losses import Mse
from cutedl_xp.metrics import MeanAbsoluteError
from cutedl_xp.optimizers import Adam

MakeSession = Callable[..., Session]
DATA = Dataset(np.linspace(-1.0, 1.0, 24, dtype="float32").reshape(8, 3), np.ones((8, 1), "float32"), batch_size=4)


class Scale(Layer):
    """A correct layer, which computes the gradients of a factor and an offset in two ways."""

    compilable = True

    def output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def parameter_specs(self, input_shape: Any) -> Any:
        return {"factor": ParameterSpec(input_shape, "ones"), "offset": ParameterSpec(input_shape, "zeros")}

    def bind(self, parameters: Any, backend: Any, stream: Any) -> None:
        self._factor, self._offset, self._backend = parameters["factor"], parameters["offset"], backend

    def forward(self, x: Any, training: bool) -> Any:
        def backward(gradient: Any, input_gradient: bool = True) -> Any:
            self._factor.gradient = self._backend.sum(gradient * x, axis=0)
            self._offset.gradient = self._backend.sum(gradient, axis=0, out=self._offset.gradient)
            return gradient * self._factor.value if input_gradient else None

        return x * self._factor.value + self._offset.value, backward

    def config(self) -> dict[str, Any]:
        return {}


class ReturnsOutputAlone(Scale):
    compilable = True

    def forward(self, x: Any, training: bool) -> Any:
        return super().forward(x, training)[0]


class ReturnsGradient(Scale):
    compilable = True

    def forward(self, x: Any, training: bool) -> Any:
        return x * self._factor.value, self._factor.value


class TakesGradientAlone(Scale):
    compilable = True

    def forward(self, x: Any, training: bool) -> Any:
        y, backward = super().forward(x, training)

        def own_backward(gradient: Any) -> Any:
            return backward(gradient)

        return y, own_backward


class ReturnsNone(Scale):
    compilable = True

    def forward(self, x: Any, training: bool) -> Any:
        y, backward = super().forward(x, training)
        return y, lambda gradient, input_gradient: backward(gradient, False)


class ReturnsRow(Scale):
    compilable = True

    def forward(self, x: Any, training: bool) -> Any:
        y, backward = super().forward(x, training)
        return y, lambda gradient, input_gradient: backward(gradient)[0, :]


class Forgets(Scale):
    compilable = True

    def forward(self, x: Any, training: bool) -> Any:
        def backward(gradient: Any, input_gradient: bool = True) -> Any:
            self._offset.gradient = self._backend.sum(gradient, axis=0)
            return gradient * self._factor.value

        return x * self._factor.value + self._offset.value, backward


MISTAKES: dict[type[Layer], tuple[type[Exception], str]] = {
    ReturnsOutputAlone: (
        TypeError,
        r"^`forward` of the layer '/2-ReturnsOutputAlone' must return the tuple \(y, backward\) of its output and its "
        r"backward function; got an array of dtype .*float32 and shape \(4, 5\)",
    ),
    ReturnsGradient: (TypeError, r"^`forward` of the layer '/2-ReturnsGradient' must return the tuple \(y, backward\)"),
    TakesGradientAlone: (
        TypeError,
        r"^the backward function of the layer '/2-TakesGradientAlone' must take \(gradient, input_gradient=True\); its "
        r"parameters are \(gradient: .*\)",
    ),
    ReturnsNone: (
        ValueError,
        r"^the backward function of the layer '/2-ReturnsNone' must return the gradient of its input, an array of "
        r"shape \(4, 5\); got None",
    ),
    ReturnsRow: (ValueError, r"'/2-ReturnsRow' must return .* shape \(4, 5\); got an array of dtype .* shape \(5,\)"),
    Forgets: (
        ValueError,
        r"^the backward function of the layer '/2-Forgets' must set the gradient of each parameter; it left out "
        r"'/2-Forgets/factor': assign to `gradient` of the parameter in every call$",
    ),
}


@pytest.fixture
def session_with(make_session: MakeSession) -> Callable[..., Session]:
    """Return a function that makes a session with a layer between two others."""

    def make(layer: Layer, **options: Any) -> Session:
        layers = Dense(5, input_dim=3, activation="tanh"), layer, Dense(1, activation="linear")
        return make_session(*layers, loss=Mse(), optimizer=Adam(0.05), **options)

    return make


@pytest.mark.parametrize("compiled", [None, False])
@pytest.mark.parametrize("kind", MISTAKES)
def test_a_mistake_names_the_layer_before_the_first_update(
    backend: Backend, session_with: Callable[..., Session], kind: type[Layer], compiled: bool | None
) -> None:
    session = session_with(kind())
    before = session.model.weights()
    error, words = MISTAKES[kind]
    with pytest.raises(error, match=words):
        session.fit(DATA, 2, compiled=compiled)
    assert session.step == 0
    after = session.model.weights()
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_a_pass_of_the_metrics_names_the_layer_too(backend: Backend, session_with: Callable[..., Session]) -> None:
    session = session_with(ReturnsOutputAlone(), metrics=[MeanAbsoluteError()])
    for call in (lambda: session.fit(DATA, 1), lambda: session.evaluate(DATA), lambda: session.model.predict(DATA)):
        with pytest.raises(TypeError, match="'/2-ReturnsOutputAlone' must return the tuple"):
            call()


@pytest.mark.parametrize("compiled", [None, False])
def test_a_right_layer_trains_and_is_left_alone_afterwards(
    backend: Backend, session_with: Callable[..., Session], compiled: bool | None
) -> None:
    session = session_with(Scale())
    classes = {type(each) for each in session.model.parameters}
    history = session.fit(DATA, 30, compiled=compiled)
    assert history.loss[-1] < history.loss[0]
    assert {type(each) for each in session.model.parameters} == classes
    assert session.model._checked_layers == ()


@pytest.mark.parametrize("compiled", [None, False])
def test_the_check_changes_no_bit(
    backend: Backend, session_with: Callable[..., Session], monkeypatch: pytest.MonkeyPatch, compiled: bool | None
) -> None:
    checked = session_with(Scale())
    checked.fit(DATA, 3, compiled=compiled)
    monkeypatch.setattr("cutedl_xp.model.chain.is_own", lambda layer: True)
    unchecked = session_with(Scale())
    unchecked.fit(DATA, 3, compiled=compiled)
    one, other = checked.model.weights(), unchecked.model.weights()
    assert all(np.array_equal(one[name], other[name]) for name in one)
