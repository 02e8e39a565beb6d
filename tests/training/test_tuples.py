"""Tuples as data are scaled as `Model.predict` scales, and metrics know which outputs are probabilities."""

import numpy as np
import pytest

from cutedl_xp import Dataset, Model, Session
from cutedl_xp.layers import Dense
from cutedl_xp.losses import Mse, SparseCategoricalCrossentropy
from cutedl_xp.metrics import BinaryAccuracy, TopKAccuracy
from cutedl_xp.optimizers import Adam

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (40, 6)).astype("uint8")
CLASSES = (IMAGES[:, 0] > 127).astype("int64")


def test_integers_in_a_tuple_have_the_scale_of_the_model(backend):
    model = Model([Dense(2, 6, "linear")]).assemble(backend, seed=0)
    session = Session(model, SparseCategoricalCrossentropy(), Adam(lr=0.01))
    data = Dataset(IMAGES, CLASSES, scale=1 / 255)
    history = session.fit(data, 2, val_data=(IMAGES, CLASSES))
    assert history.val_loss[-1] == pytest.approx(session.evaluate(data)["loss"], rel=1e-5)
    assert session.evaluate((IMAGES, CLASSES)) == pytest.approx(session.evaluate(data), rel=1e-5)
    scaled = (IMAGES / 255).astype("float32")
    assert session.evaluate((scaled, CLASSES)) == pytest.approx(session.evaluate(data), rel=1e-5)


def test_probabilities_under_a_loss_that_does_not_name_them(backend):
    layer = Dense(
        1, 6, "sigmoid", weight_initializer="zeros", bias_initializer=lambda stream, shape: np.full(shape, -1.0)
    )
    session = Session(Model([layer]).assemble(backend), Mse(), Adam(), metrics=[BinaryAccuracy()])
    data = Dataset(IMAGES.astype("float32"), np.zeros((40, 1), "float32"))
    assert session.evaluate(data)["binary_accuracy"] == 1.0


def test_outputs_that_are_not_numbers_are_no_hits(backend):
    model = Model([Dense(3, 6, "linear")]).assemble(backend, seed=0)
    model.set_weights({name: np.full_like(value, np.nan) for name, value in model.weights().items()})
    session = Session(model, SparseCategoricalCrossentropy(), Adam(), metrics=[TopKAccuracy(k=2)])
    assert session.evaluate(Dataset(IMAGES.astype("float32"), CLASSES))["top_k_accuracy"] == 0.0
