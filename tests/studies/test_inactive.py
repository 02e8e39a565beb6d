"""Inactive outputs are those that are 0 for all samples of their own class."""

import numpy as np
import pytest

from cutedl_xp import Dataset, Model, layers
from cutedl_xp.studies.inactive import find_inactive_outputs

NAMES = ("first", "second", "third")
IDENTITY = np.eye(3)


@pytest.fixture
def find(backend):
    """Return a function that finds the inactive outputs of a model whose output is its input plus a bias."""

    def find(bias, classes):
        model = Model([layers.Dense(3, input_dim=3, activation="relu")]).assemble(backend=backend)
        model.set_weights({"/1-Dense/weight": IDENTITY, "/1-Dense/bias": np.array(bias)})
        x = IDENTITY[classes].astype("float32")
        return find_inactive_outputs(model, Dataset(x, x, batch_size=2, shuffle=False), NAMES)

    return find


def test_all_outputs_are_active(find):
    assert find([0.0, 0.0, 0.0], [0, 1, 2, 0, 1]) == []


def test_an_output_without_its_own_samples_is_inactive(find):
    assert find([0.0, -1.0, 0.0], [0, 1, 2, 0, 1]) == ["second"]
    assert find([-1.0, -1.0, -2.0], [0, 1, 2]) == ["first", "second", "third"]


def test_a_single_sample_keeps_an_output_active(find, backend):
    model = Model([layers.Dense(3, input_dim=3, activation="relu")]).assemble(backend=backend)
    model.set_weights({"/1-Dense/weight": IDENTITY, "/1-Dense/bias": np.zeros(3)})
    x = np.array([[0, 0, 9], [0, 0, 9], [1, 0, 0], [0, 1, 0], [0, 0, 1]], dtype="float32")
    y = IDENTITY[[0, 0, 0, 1, 2]].astype("float32")
    assert find_inactive_outputs(model, Dataset(x, y, batch_size=2, shuffle=False), NAMES) == []
    assert find_inactive_outputs(model, Dataset(x[:2], y[:2], shuffle=False), NAMES) == ["first"]


def test_a_class_without_samples_is_not_counted(find):
    assert find([0.0, -1.0, 0.0], [0, 2]) == []
