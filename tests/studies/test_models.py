"""Dense models from texts."""

import numpy as np
import pytest

from cutedl_xp.backends import Backend
from cutedl_xp.studies import models


def test_model_has_the_layers_that_its_text_names() -> None:
    model = models.make("5-4-3-2", activation="tanh", output_activation="sigmoid", initializer="ones")
    assert [layer.config() for layer in model.layers] == [
        {
            "units": units,
            "input_dim": inputs,
            "activation": activation,
            "weight_initializer": "ones",
            "bias_initializer": "zeros",
        }
        for inputs, units, activation in ((5, 4, "tanh"), (4, 3, "tanh"), (3, 2, "sigmoid"))
    ]


def test_model_without_a_hidden_layer_has_the_output_activation(backend: Backend) -> None:
    model = models.make("3-2", activation="relu", output_activation="linear", initializer="ones").assemble(backend)
    output = model.predict(np.array([[-1.0, -2.0, -3.0]], dtype=np.float32))
    assert backend.to_numpy(output).tolist() == [[-6.0, -6.0]]


def test_text_is_read_with_spaces_around() -> None:
    assert models.parse(" 784-128-10\n") == (784, 128, 10)
    assert models.canonical(" 784-128-10\n") == "784-128-10"


@pytest.mark.parametrize("text", ["784", "0-10", "784--10", "784-x", "-784-10", "784-10-", "08-1", "1234567-1", "٣-٤"])
def test_refused_text_is_explained_with_an_example(text: str) -> None:
    with pytest.raises(
        ValueError,
        match=r"^a model must be the widths of its input, its hidden layers and its output, joined by hyphens",
    ) as caught:
        models.parse(text)
    assert str(caught.value).endswith(f", each from 1 to 999,999, such as '784-128-10'; got {text!r}")


def test_text_must_be_a_string() -> None:
    with pytest.raises(TypeError, match=r"^`model` must be a string; got 784 \(int\)$"):
        models.parse(784)  # type: ignore[arg-type]


@pytest.mark.parametrize("argument", ["activation", "output_activation", "initializer"])
def test_unknown_name_is_refused_with_the_choices(argument: str) -> None:
    with pytest.raises(ValueError, match=f"^`{argument}` must be one of 'linear|zeros', .*; got 'none'$"):
        models.make("3-2", **{argument: "none"})
