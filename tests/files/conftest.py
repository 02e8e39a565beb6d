"""A path of a model file, and a small model's file there."""

import pytest

from cutedl_xp import Model
from cutedl_xp.layers import Dense


@pytest.fixture
def path(tmp_path):
    return tmp_path / "m.safetensors"


@pytest.fixture
def saved(path):
    """A small model's file."""
    Model([Dense(3, input_dim=4, activation="relu")]).assemble("numpy", seed=1).save(path)
    return path


@pytest.fixture
def rounds(number_of):
    """How often tests with random moments repeat."""
    return number_of(10, 100)
