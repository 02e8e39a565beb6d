"""Arrays of classes with their own arithmetic raise an error in every public function."""

import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cutedl_xp import Backend, Dataset, Model, Parameter, Session, losses, metrics, optimizers
from cutedl_xp.layers import Dense

PLAIN = np.ones((3, 2), "float32")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # NumPy deprecates matrices
    MATRIX = np.asmatrix(PLAIN)

CLASSES = {
    "masked": np.ma.masked_array(PLAIN, mask=[[True, False]] * 3),
    "masked without a mask": np.ma.masked_array(PLAIN),
    "matrix": MATRIX,
    "recarray": PLAIN.view(np.recarray),
}
every_class = pytest.mark.parametrize("name", CLASSES)

RULE = optimizers.Momentum()


def parameter_on(backend: Backend) -> Parameter:
    return Parameter("w", backend.asarray(PLAIN.copy()))


OF_HOST_ARRAYS: dict[str, Callable[[Model, Any], Any]] = {
    "Dataset, data": lambda model, array: Dataset(array, PLAIN),
    "Dataset, labels": lambda model, array: Dataset(PLAIN, array),
    "asarray": lambda model, array: model.backend.asarray(array),
    "asarray with a dtype": lambda model, array: model.backend.asarray(array, "float64"),
    "predict": lambda model, array: model.predict(array),
    "assign a value": lambda model, array: setattr(parameter_on(model.backend), "value", array),
}
OF_OWN_ARRAYS: dict[str, Callable[[Model, Any], Any]] = {
    "forward": lambda model, array: model.forward(array, training=True),
    "backward": lambda model, array: model.forward(PLAIN, training=True)[1](array),
    "loss, labels": lambda model, array: losses.Mse()(array, PLAIN),
    "loss, outputs": lambda model, array: losses.Mse()(PLAIN, array),
    "accuracy, labels": lambda model, array: metrics.accuracy(array, PLAIN),
    "accuracy, outputs": lambda model, array: metrics.accuracy(PLAIN, array),
    "binary accuracy": lambda model, array: metrics.binary_accuracy(PLAIN, array),
    "Parameter": lambda model, array: Parameter("w", array),
    "Parameter, gradient": lambda model, array: Parameter("w", PLAIN.copy(), array),
    "init": lambda model, array: RULE.init({"w": [array]}),
    "update, params": lambda model, array: RULE.update(array, PLAIN, RULE.init(PLAIN)),
    "update, grads": lambda model, array: RULE.update(PLAIN, array, RULE.init(PLAIN)),
    "update, state": lambda model, array: RULE.update(PLAIN, PLAIN, {"t": 1, "v": array}),
}


@pytest.fixture
def model(backend: Backend) -> Model:
    return Model([Dense(2, input_dim=2, activation="linear")]).assemble(backend)


def refusal(call: Callable[[], Any]) -> str:
    with pytest.raises(TypeError) as caught:
        call()
    return str(caught.value)


@every_class
@pytest.mark.parametrize("entrance", OF_HOST_ARRAYS)
def test_on_the_way_to_every_backend(model: Model, name: str, entrance: str) -> None:
    message = refusal(lambda: OF_HOST_ARRAYS[entrance](model, CLASSES[name]))
    assert ("masked array" if "masked" in name else f"plain array; got a {name}") in message
    assert re.search(r"leave the masked samples out|convert it with numpy\.asarray\(\)$", message)


@every_class
@pytest.mark.parametrize("entrance", OF_OWN_ARRAYS)
def test_where_numpy_arrays_are_the_backends(name: str, entrance: str) -> None:
    model = Model([Dense(2, input_dim=2, activation="linear")]).assemble("numpy")
    message = refusal(lambda: OF_OWN_ARRAYS[entrance](model, CLASSES[name]))
    assert ("masked array" if "masked" in name else f"plain array; got a {name}") in message


def test_a_masked_tensor(backend: Backend) -> None:
    if backend.name != "torch":
        pytest.skip("of PyTorch alone")
    import torch

    with pytest.warns(UserWarning, match="prototype"):
        masked = torch.masked.masked_tensor(torch.ones(3, 2), torch.tensor([[True, False]] * 3))
    own = torch.ones(3, 2)
    model = Model([Dense(2, input_dim=2, activation="linear")]).assemble(backend)
    for call in (
        lambda: Dataset(masked, own),
        lambda: backend.asarray(masked),
        lambda: model.predict(masked),
        lambda: model.forward(masked, training=True),
        lambda: losses.Mse()(masked, own),
        lambda: Parameter("w", masked),
        lambda: RULE.init(masked),
    ):
        assert "masked array (MaskedTensor)" in refusal(call)


def test_arrays_in_files_are_plain_arrays(model: Model, tmp_path: Path) -> None:
    data = np.memmap(tmp_path / "data", "float32", "w+", shape=(3, 2))
    data[...] = PLAIN
    np.testing.assert_array_equal(model.backend.to_numpy(model.backend.asarray(data)), PLAIN)
    session = Session(model, loss=losses.Mse(), optimizer=optimizers.Fixed())
    expected = session.evaluate(Dataset(PLAIN, PLAIN))
    assert session.evaluate(Dataset(data, data)) == expected
    assert session.fit(Dataset(data, PLAIN), 1).loss == [expected["loss"]]
