"""A small data set in a file, and studies of it."""

import numpy as np
import pytest

from cutedl_xp import studies


@pytest.fixture(scope="session")
def small_data(tmp_path_factory):
    """Return the path of 200 samples of three classes with four features."""
    random = np.random.default_rng(5)
    y = np.arange(200) % 3
    x = random.normal(size=(200, 4)) + random.normal(size=(3, 4))[y]
    path = tmp_path_factory.mktemp("data") / "small.npz"
    np.savez(path, x=x, y=y)
    return str(path)


@pytest.fixture
def make_plan(small_data):
    """Return a function that makes a plan of two optimizers and two seeds, by default with two epochs."""

    def make(settings=None, **changes):
        plain = {"data": [small_data], "models": ["4-3"], "optimizers": ["adam(lr=0.01)", "momentum"], "seeds": [1, 2]}
        return studies.Plan(**plain | changes, settings=studies.Settings(**{"epochs": 2} | (settings or {})))

    return make


@pytest.fixture
def without_times():
    """Return a function from runs to their values that do not depend on the time and the machine."""

    def strip(runs):
        stripped = {}
        for run in runs:
            history = {name: values for name, values in run["history"].items() if name != "cost_time"}
            figures = {name: figure for name, figure in run["figures"].items() if not name.startswith("seconds")}
            key = run["data"], run["model"], run["optimizer"], run["seed"]
            assert key not in stripped
            stripped[key] = run | {"history": history, "figures": figures, "machine": None}
        return stripped

    return strip
