"""Fixtures of all tests: the backend they run on (``pytest --backend NAME``) and its arrays."""

import contextlib
import ctypes
import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import hypothesis
import numpy as np
import pytest
from parameter_tools import values

from cutedl_xp import Backend, Model, Session, get_backend, layers, losses, optimizers

BACKENDS = {
    "numpy": "numpy",
    "array_api_strict": "array_api_strict:device1",  # this device refuses every implicit copy to the host
    "torch": "torch",
    "jax": "jax",
    "cupy": "cupy",
}

_HERE = Path(__file__).parent
EMULATOR = _HERE / "cupy_on_cpu"
_SUBJECTS = ("budgets", "graph_budgets", "kernels", "without_driver")
EMULATED = tuple(_HERE / "backends" / f"test_cupy_{subject}.py" for subject in _SUBJECTS)
FOR_CUPY = tuple(
    _HERE / "backends" / f"test_{subject}.py" for subject in ("cublas", "cupy_reductions", "graph_sessions", "graphs")
)
_AMOUNT = "CUTEDL_XP_DURABILITY"
_HOW = pytest.StashKey[str]()  # how CuPy finds a device


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--backend``."""
    parser.addoption(
        "--backend", choices=tuple(BACKENDS), default="numpy", help="the array library to test on (default: numpy)"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Set the numbers of random examples, and emulate a device for CuPy without a GPU, before CuPy is imported.

    On an emulated device every training runs as CUDA graphs.
    """
    examples = 8 if config.getoption("backend") == "jax" else 25  # JAX compiles for every shape
    on_ci = bool(os.environ.get("CI"))
    hypothesis.settings.register_profile(
        "tests", deadline=None, max_examples=examples, derandomize=on_ci, print_blob=on_ci
    )
    hypothesis.settings.load_profile("tests")
    if config.getoption("backend") == "jax":  # CuPy compiles for nearly every test, and tests need no fast kernels
        flags = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
        os.environ.setdefault("XLA_FLAGS", flags)
    if config.getoption("backend") != "cupy" or _cuda_devices():
        return
    emulator = _import_emulator()
    reason = emulator.reason_against()
    if reason is None:
        emulator.install()
        os.environ.setdefault("CUTEDL_XP_GRAPHS", "1")
    config.stash[_HOW] = f" (no CUDA device, and no emulation: {reason})" if reason else " (emulated on the CPU)"


def pytest_report_header(config: pytest.Config) -> str:
    """Return the line that names the tested backend."""
    return f"backend: {BACKENDS[config.getoption('backend')]}{config.stash.get(_HOW, '')}"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Ignore tests of CuPy for other backends, and tests of the emulator or the wheel if CuPy is not emulated."""
    if collection_path in FOR_CUPY and config.getoption("backend") != "cupy":
        return True
    return True if _is_for_emulation(collection_path) and not _emulator() else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect tests without a backend except on NumPy, and tests of views for libraries without views."""
    name = config.getoption("backend")
    if name == "numpy":
        return
    chosen, left_out = [], []
    for item in items:
        wanted = "backend" in getattr(item, "fixturenames", ()) or _is_for_emulation(item.path)
        needs_views = item.get_closest_marker("views") is not None
        (chosen if wanted and not (needs_views and name == "jax") else left_out).append(item)
    config.hook.pytest_deselected(items=left_out)
    items[:] = chosen


def _is_for_emulation(path: Path) -> bool:
    return path in EMULATED or path.is_relative_to(EMULATOR)


def _cuda_devices() -> int:
    """Return the number of devices that the NVIDIA driver finds, or 0 without a driver."""
    try:
        driver = ctypes.CDLL("nvcuda.dll" if os.name == "nt" else "libcuda.so.1")
    except OSError:
        return 0
    count = ctypes.c_int()
    return 0 if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)) else count.value


def _import_emulator() -> ModuleType:
    """Return the package ``cupy_on_cpu`` next to this file, which is not on the search path of modules."""
    spec = importlib.util.spec_from_file_location(EMULATOR.name, EMULATOR / "__init__.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[EMULATOR.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _emulator() -> ModuleType | None:
    """Return the emulator if CuPy is emulated, else None."""
    module = sys.modules.get(EMULATOR.name)
    return module if module is not None and module.is_installed() else None


@pytest.fixture(autouse=True)
def _no_errors_of_the_emulator() -> Iterator[None]:
    """Fail a test after an error of the emulator, even if the test caught it, and a test that leaves a capture."""
    yield
    emulator = _emulator()
    assert emulator is None or not emulator.take_errors()
    assert emulator is None or not emulator.is_capturing()


@pytest.fixture(scope="session")
def number_of() -> Callable[[int, int], int]:
    """Return a function that returns the first of two numbers, or the second with CUTEDL_XP_DURABILITY=large."""
    size = os.environ.get(_AMOUNT, "small")
    if size not in ("small", "large"):
        raise ValueError(f"${_AMOUNT} must be 'small' or 'large'; got {size!r}")
    return lambda small, large: large if size == "large" else small


@pytest.fixture(scope="session")
def backend(pytestconfig: pytest.Config) -> Backend:
    """Return the tested backend; JAX computes in float64 only if the user enables it."""
    if pytestconfig.getoption("backend") == "jax":
        import jax

        jax.config.update("jax_enable_x64", True)
    return get_backend(BACKENDS[pytestconfig.getoption("backend")])


@pytest.fixture(scope="session")
def xp(backend: Backend) -> Any:
    """Return the namespace of the backend's library."""
    return backend.xp


@pytest.fixture(scope="session")
def device(backend: Backend) -> Any:
    """Return the device of the backend's arrays."""
    return backend.device


@pytest.fixture(scope="session", params=["float32", "float64"])
def dtype(request: pytest.FixtureRequest) -> str:
    """Return the name of a dtype to compute in; ``backend.dtype(dtype)`` is the library's dtype."""
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def to_numpy(backend: Backend) -> Callable[[Any], np.ndarray]:
    """Return a function from an array of the backend to a NumPy array."""
    return backend.to_numpy


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ignore a backend that is chosen in the environment."""
    monkeypatch.delenv("CUTEDL_XP_BACKEND", raising=False)


@pytest.fixture
def _comparable_to_the_bit(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compute without fused kernels on NumPy for comparison with array_api_strict, so that every bit is the same."""
    if backend.name == "array_api_strict":
        monkeypatch.setenv("CUTEDL_XP_FUSED", "0")


@pytest.fixture(scope="session")
def clusters() -> tuple[np.ndarray, np.ndarray]:
    """Return 150 samples of three classes around three centres in the plane (float64), and their class numbers."""
    random = np.random.default_rng(7)
    classes = np.arange(150) % 3
    samples = np.array([[2.0, 0.0], [-1.0, 2.0], [-1.0, -2.0]])[classes] + random.normal(0.0, 0.7, (150, 2))
    samples.flags.writeable = classes.flags.writeable = False  # training does not change its data
    return samples, classes


@pytest.fixture
def make_session(backend: Backend) -> Callable[..., Session]:
    """Return a function that makes a session, by default for the three classes of ``clusters``."""

    def make(
        *model_layers: layers.Layer, on: Backend = backend, dtype: str = "float32", seed: int = 0, **options: Any
    ) -> Session:
        model = Model(model_layers or [layers.Dense(3, input_dim=2, activation="linear")])
        options.setdefault("loss", losses.SparseCategoricalCrossentropy())
        options.setdefault("optimizer", optimizers.Adam(lr=0.05))
        return Session(model.assemble(backend=on, dtype=dtype, seed=seed), **options)

    return make


@pytest.fixture
def weights_of() -> Callable[[Session], dict[str, np.ndarray]]:
    """Return a function from a session to copies of its parameters on the host, by name."""

    return lambda session: values(session.model.parameters)


@pytest.fixture(scope="session")
def finite_differences(backend: Backend) -> Callable[..., np.ndarray]:
    """Return a function ``(function, x)`` for the gradient of a number by central differences, in float64."""

    def gradient(function: Callable[[Any], Any], x: np.ndarray, step: float = 1e-5) -> np.ndarray:
        def value(point: np.ndarray) -> float:
            return float(backend.to_numpy(function(backend.asarray(point))))

        result = np.zeros(np.shape(x))
        for place in np.ndindex(result.shape):
            above, below = np.array(x, np.float64), np.array(x, np.float64)
            above[place] += step
            below[place] -= step
            result[place] = (value(above) - value(below)) / (2 * step)
        return result

    return gradient


@pytest.fixture(scope="session")
def unchanged(backend: Backend) -> Callable[..., Any]:
    """Return a context in which the given arrays must keep every bit; NumPy arrays are also read-only."""

    @contextlib.contextmanager
    def watch(*arrays: Any) -> Iterator[None]:
        before = [backend.to_numpy(array).tobytes() for array in arrays]
        on_host = [array for array in arrays if isinstance(array, np.ndarray) and array.flags.writeable]
        for array in on_host:
            array.flags.writeable = False
        yield
        for array in on_host:
            array.flags.writeable = True
        assert [backend.to_numpy(array).tobytes() for array in arrays] == before

    return watch
