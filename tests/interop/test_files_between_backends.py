"""A model saved on one backend loads on every other, with equal predictions and equal further training."""

from collections.abc import Callable
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest

from cutedl_xp import Dataset, Model, Session, get_backend, losses, optimizers
from cutedl_xp.layers import Dense, Dropout, Flatten

pytest.importorskip("torch")
pytest.importorskip("jax")

BACKENDS = ("numpy", "array_api_strict:device1", "torch", "jax")
TOLERANCE = {"float32": 2e-6, "float64": 1e-13}
RANDOM = np.random.default_rng(0)
IMAGES, CLASSES = RANDOM.normal(size=(60, 4, 2)), RANDOM.integers(0, 3, 60)


def train(model: Model) -> None:
    session = Session(model, loss=losses.SparseCategoricalCrossentropy(), optimizer=optimizers.Adam(0.01))
    session.fit(Dataset(IMAGES, CLASSES, batch_size=20), epochs=1)


def outputs(model: Model) -> np.ndarray:
    return model.backend.to_numpy(model.predict(IMAGES))


@pytest.fixture
def saved(tmp_path: Path) -> Callable[[str, str], tuple[Model, Path]]:
    """Return a function that trains a model on a backend and saves it."""

    def make(backend: str, dtype: str) -> tuple[Model, Path]:
        layers = [Flatten(), Dense(6, input_dim=8, activation="tanh"), Dropout(0.8), Dense(3, activation="sigmoid")]
        model = Model(layers).assemble(backend, dtype)
        train(model)
        model.save(tmp_path / "model.safetensors")
        return model, tmp_path / "model.safetensors"

    return make


@pytest.mark.parametrize(("source", "target"), [*permutations(BACKENDS, 2)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_file_of_one_backend_on_another(
    saved: Callable[[str, str], tuple[Model, Path]], source: str, target: str, dtype: str
) -> None:
    model, path = saved(source, dtype)
    loaded = Model.load(path, backend=target)
    assert loaded.backend == get_backend(target)
    for here, there in zip(model.parameters, loaded.parameters, strict=True):
        np.testing.assert_array_equal(model.backend.to_numpy(here.value), loaded.backend.to_numpy(there.value))
    np.testing.assert_allclose(outputs(loaded), outputs(model), rtol=0, atol=TOLERANCE[dtype])

    again = Model.load(path, backend=source)
    for each in (loaded, again):
        train(each)
    np.testing.assert_allclose(outputs(loaded), outputs(again), rtol=0, atol=10 * TOLERANCE[dtype])
