"""What the tests share: the backend they run on (``pytest --backend NAME``) and its arrays."""

import os
from collections.abc import Callable
from typing import Any

import hypothesis
import numpy as np
import pytest

from cutedl_xp import Backend, get_backend

BACKENDS = {
    "numpy": "numpy",
    "array_api_strict": "array_api_strict:device1",  # this device refuses every implicit copy to the host
    "cupy": "cupy",
}

hypothesis.settings.register_profile("here", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "here")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--backend``."""
    parser.addoption(
        "--backend", choices=tuple(BACKENDS), default="numpy", help="the array library to test on (default: numpy)"
    )


def pytest_report_header(config: pytest.Config) -> str:
    """Say which backend is tested."""
    return f"backend: {BACKENDS[config.getoption('backend')]}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave tests that use no backend to the session with NumPy: elsewhere they would only run again."""
    if config.getoption("backend") == "numpy":
        return
    chosen, left_out = [], []
    for item in items:
        (chosen if "backend" in getattr(item, "fixturenames", ()) else left_out).append(item)
    config.hook.pytest_deselected(items=left_out)
    items[:] = chosen


@pytest.fixture(scope="session")
def backend(pytestconfig: pytest.Config) -> Backend:
    """The backend to test on."""
    return get_backend(BACKENDS[pytestconfig.getoption("backend")])


@pytest.fixture(scope="session")
def xp(backend: Backend) -> Any:
    """The namespace of the backend's library."""
    return backend.xp


@pytest.fixture(scope="session")
def device(backend: Backend) -> Any:
    """The device of the backend's arrays."""
    return backend.device


@pytest.fixture(scope="session", params=["float32", "float64"])
def dtype(request: pytest.FixtureRequest) -> str:
    """The name of a dtype to compute in; the library's own is ``backend.dtype(dtype)``."""
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def to_numpy(backend: Backend) -> Callable[[Any], np.ndarray]:
    """A function from an array of the backend to a NumPy array."""
    return backend.to_numpy


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep a backend chosen in the environment out of the tests."""
    monkeypatch.delenv("CUTEDL_XP_BACKEND", raising=False)
