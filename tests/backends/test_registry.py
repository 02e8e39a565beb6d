"""Backends by names, devices and arrays."""

import subprocess
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import array_api_strict
import numpy as np
import pytest

import cutedl_xp as cdl
from cutedl_xp import Backend, BackendUnavailable, available_backends, get_backend
from cutedl_xp.backends import _registry, backend_of


@pytest.fixture
def no_cupy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every import of CuPy fail, as if it were not installed."""
    monkeypatch.setitem(sys.modules, "cupy", None)


@pytest.mark.parametrize(
    ("spec", "name", "device"),
    [
        ("numpy", "numpy", "cpu"),
        ("numpy:cpu", "numpy", "cpu"),
        ("array_api_strict", "array_api_strict", array_api_strict.Device("CPU_DEVICE")),
        ("array_api_strict:device1", "array_api_strict", array_api_strict.Device("device1")),
        ("array_api_strict:device2", "array_api_strict", array_api_strict.Device("device2")),
    ],
)
def test_backend_of_a_name(spec: str, name: str, device: Any) -> None:
    backend = get_backend(spec)
    assert (backend.name, backend.device) == (name, device)


def test_numpy_is_the_default() -> None:
    assert get_backend().name == "numpy"
    assert get_backend(None, device=None).name == "numpy"


def test_cpu_is_numpy() -> None:
    assert get_backend(device="cpu").name == "numpy"


def test_variable_names_the_default_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUTEDL_XP_BACKEND", "array_api_strict:device1")
    assert get_backend() == get_backend("array_api_strict:device1")
    assert get_backend("numpy").name == "numpy"
    assert get_backend(device="cpu").name == "numpy"
    monkeypatch.setenv("CUTEDL_XP_BACKEND", "")
    assert get_backend().name == "numpy"
    monkeypatch.setenv("CUTEDL_XP_BACKEND", "nonsense")
    with pytest.raises(ValueError, match="nonsense"):
        get_backend()


def test_backend_is_returned_unchanged(backend: Backend) -> None:
    assert get_backend(backend) is backend


def test_backends_are_equal_where_library_and_device_are() -> None:
    specs = ["numpy", "array_api_strict", "array_api_strict:device1"]
    assert len({get_backend(spec) for spec in specs + specs}) == 3
    assert get_backend("numpy") != "numpy"
    assert get_backend("array_api_strict") != get_backend("array_api_strict:device1")
    assert get_backend("array_api_strict:CPU_DEVICE") == get_backend("array_api_strict")


def test_backend_has_a_name_and_a_device() -> None:
    assert repr(get_backend("numpy")) == "<backend numpy on cpu>"
    assert "device1" in repr(get_backend("array_api_strict:device1"))


MISUSES: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "unknown name": (
        lambda: get_backend("nunpy"),
        ValueError,
        "there is no backend 'nunpy'; the backends are 'numpy', 'cupy', 'torch', 'jax', 'array_api_strict'",
    ),
    "unknown name with a device": (
        lambda: get_backend("gpu:0"),
        ValueError,
        "there is no backend 'gpu'; the backends are 'numpy', 'cupy', 'torch', 'jax', 'array_api_strict'",
    ),
    "capitals": (
        lambda: get_backend("NumPy"),
        ValueError,
        "there is no backend 'NumPy'; the backends are 'numpy', 'cupy', 'torch', 'jax', 'array_api_strict'",
    ),
    "number for a name": (
        lambda: get_backend(3),  # type: ignore[arg-type]
        TypeError,
        "`name` must be a backend's name such as 'numpy'; got 3 (int)",
    ),
    "device that NumPy has not": (
        lambda: get_backend("numpy:1"),
        ValueError,
        "the backend 'numpy' has no device '1'; it runs on 'cpu': use 'numpy'",
    ),
    "device that array-api-strict has not": (
        lambda: get_backend("array_api_strict:device9"),
        ValueError,
        "the backend 'array_api_strict' has no device 'device9'; it has 'CPU_DEVICE', 'device1', 'device2'",
    ),
    "unknown device": (
        lambda: get_backend(device="tpu"),
        ValueError,
        "`device` must be 'cpu', 'cuda', 'cuda:N' or 'auto'; got 'tpu'",
    ),
    "number for a device": (
        lambda: get_backend(device=0),  # type: ignore[arg-type]
        TypeError,
        "`device` must be 'cpu', 'cuda', 'cuda:N' or 'auto'; got 0 (int)",
    ),
    "name and device": (
        lambda: get_backend("numpy", device="cpu"),
        ValueError,
        "give `name` or `device`, not both; got 'numpy' and 'cpu'",
    ),
    "backend and device": (
        lambda: get_backend(get_backend("numpy"), device="cuda"),
        ValueError,
        "give `name` or `device`, not both; got <backend numpy on cpu> and 'cuda'",
    ),
}


@pytest.mark.parametrize(("call", "error", "message"), MISUSES.values(), ids=MISUSES)
def test_misuse_is_one_clear_sentence(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == message


@pytest.mark.usefixtures("no_cupy")
def test_available_backends_gives_none_or_the_reason() -> None:
    found = available_backends()
    assert list(found) == ["numpy", "cupy", "torch", "jax", "array_api_strict"]
    assert found["numpy"] is None
    assert found["array_api_strict"] is None
    assert "not installed" in str(found["cupy"])


def test_library_that_is_not_installed_is_named_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "cutedl_xp.backends.array_api_strict", raising=False)
    monkeypatch.setitem(sys.modules, "array_api_strict", None)
    with pytest.raises(BackendUnavailable) as caught:
        get_backend("array_api_strict")
    assert str(caught.value) == "array-api-strict is not installed: pip install array-api-strict"
    assert available_backends()["array_api_strict"] == str(caught.value)


def test_unavailable_backend_is_a_runtime_error() -> None:
    assert issubclass(BackendUnavailable, RuntimeError)
    assert cdl.BackendUnavailable is BackendUnavailable


def test_every_name_has_a_class_of_that_name() -> None:
    for name in ("numpy", "array_api_strict", "cupy"):
        assert _registry._backend_class(name).name == name
    assert list(_registry._CLASSES) == list(available_backends())


@pytest.mark.parametrize("spec", ["numpy", "array_api_strict", "array_api_strict:device1", "array_api_strict:device2"])
def test_backend_of_an_array_is_that_of_its_library_and_device(spec: str) -> None:
    backend = get_backend(spec)
    assert backend_of(backend.asarray(np.zeros(3))) == backend


def test_backend_of_other_objects_than_arrays_is_refused() -> None:
    with pytest.raises(TypeError) as caught:
        backend_of([1.0, 2.0])
    assert str(caught.value) == "an array of a backend (numpy, cupy, torch, jax, array_api_strict) is needed; got list"


def test_library_whose_namespace_is_also_called_numpy_is_not_numpy() -> None:
    class OfAnotherLibrary:
        dtype, shape, device = "float32", (3,), "cpu"

        def __array_namespace__(self, api_version: str | None = None) -> ModuleType:
            return ModuleType("another.numpy")

    with pytest.raises(TypeError, match=r"is needed; got a .* array of dtype float32 and shape \(3,\) on cpu$"):
        backend_of(OfAnotherLibrary())


def test_importing_the_package_imports_no_library_that_is_not_needed() -> None:
    program = "import cutedl_xp, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    imported = {name.partition(".")[0] for name in done.stdout.split()}
    assert {"cutedl_xp", "numpy"} <= imported
    heavy = {"cupy", "torch", "jax", "array_api_strict", "matplotlib", "numba", "pooch", "safetensors", "tqdm", "rich"}
    assert not imported & heavy
