"""Return the path of a small model's file."""

import pytest

from cutedl_xp import Model
from cutedl_xp.layers import Dense


@pytest.fixture
def path(tmp_path):
    return tmp_path / "m.safetensors"


@pytest.fixture
def saved(path):
    """Return the bytes of a small model's file."""
    Model([Dense(3, input_dim=4, activation="relu")]).assemble("numpy", seed=1).save(path)
    return path


@pytest.fixture
def rounds(number_of):
    """Return the number of repetitions of tests with random moments."""
    return number_of(10, 100)
