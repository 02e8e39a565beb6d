"""CuPy where it cannot work: each reason is one clear sentence, and nothing falls back silently.

A stand-in takes the place of CuPy, so that these tests run, and mean the same, with CuPy and without.
"""

import sys
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import array_api_compat
import numpy as np
import pytest

from cutedl_xp import BackendUnavailable, available_backends, get_backend

INSTALL = 'pip install "cutedl_xp[cuda13]" (or [cuda12], to match the NVIDIA driver)'


class CUDARuntimeError(RuntimeError):
    """The class of this name in CuPy."""


class StandIn(ModuleType):
    """As much of CuPy as the backend touches, with NumPy behind it."""

    def __init__(self, devices: int | Exception = 1, fault: Exception | None = None) -> None:
        super().__init__("cupy")
        self.__version__ = "14.2.0"
        self.devices, self.fault = devices, fault
        self.used: list[int] = []
        stand_in = self

        class Device:
            def __init__(self, number: int) -> None:
                self.id = number

            def use(self) -> None:
                stand_in.used.append(self.id)

            def __eq__(self, other: object) -> bool:
                return isinstance(other, Device) and self.id == other.id

            __hash__ = None  # type: ignore[assignment]

        class ndarray(np.ndarray):  # noqa: N801 - its name in CuPy
            def get(self) -> np.ndarray:
                return np.asarray(self)

        def ones(shape: Any, dtype: str) -> np.ndarray:
            if self.fault:
                raise self.fault
            return np.ones(shape, dtype).view(ndarray)

        self.ndarray, self.ones = ndarray, ones
        runtime = SimpleNamespace(getDeviceCount=self.get_device_count, CUDARuntimeError=CUDARuntimeError)
        self.cuda = SimpleNamespace(Device=Device, runtime=runtime)

    def get_device_count(self) -> int:
        if isinstance(self.devices, Exception):
            raise self.devices
        return self.devices


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Callable[..., StandIn]:
    """A function that puts a stand-in in the place of CuPy."""

    def put(**options: Any) -> StandIn:
        cupy, namespace = StandIn(**options), ModuleType("array_api_compat.cupy")
        monkeypatch.setitem(sys.modules, "cupy", cupy)
        monkeypatch.setitem(sys.modules, "array_api_compat.cupy", namespace)
        monkeypatch.setattr(array_api_compat, "cupy", namespace, raising=False)
        return cupy

    return put


def reason(name: str | None = None, **options: Any) -> str:
    with pytest.raises(BackendUnavailable) as caught:
        get_backend(name, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def assert_refused_everywhere(sentence: str) -> None:
    """Ask in every way: all give this sentence but "auto", which is the one that may choose."""
    for options in ({"name": "cupy"}, {"name": "cupy:0"}, {"device": "cuda"}, {"device": "cuda:0"}):
        assert reason(**options) == sentence
    assert available_backends()["cupy"] == sentence
    assert get_backend(device="auto").name == "numpy"


def test_cupy_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)
    assert_refused_everywhere(f"CuPy is not installed: {INSTALL}")


def test_cupy_that_cannot_be_imported_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        @staticmethod
        def find_spec(name: str, *_: Any) -> None:
            if name == "cupy":
                raise ImportError(
                    "\n====\nFailed to import CuPy.\n\nIf you installed CuPy via wheels, read on.\n====\n"
                )

    monkeypatch.delitem(sys.modules, "cupy", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Broken, *sys.meta_path])
    assert_refused_everywhere(f"CuPy cannot be imported (Failed to import CuPy.): {INSTALL}")


def test_no_driver(install: Callable[..., StandIn]) -> None:
    install(devices=CUDARuntimeError("cudaErrorInsufficientDriver: CUDA driver version is insufficient"))
    assert_refused_everywhere(
        "CuPy found no usable CUDA driver or device (cudaErrorInsufficientDriver: CUDA driver version is insufficient)"
        "; install or update the NVIDIA driver, or run on the CPU with the backend 'numpy'"
    )


def test_no_device(install: Callable[..., StandIn]) -> None:
    install(devices=0)
    assert_refused_everywhere(
        "CuPy sees no CUDA device; check nvidia-smi and $CUDA_VISIBLE_DEVICES, "
        "or run on the CPU with the backend 'numpy'"
    )


@pytest.mark.parametrize(
    "fault",
    [
        RuntimeError('Failure finding "libnvrtc.so": not found\nsearched: many places\n'),
        ImportError('Failure finding "libnvrtc.so": not found'),
        OSError('Failure finding "libnvrtc.so": not found'),
    ],
    ids=lambda fault: type(fault).__name__,
)
def test_missing_cuda_library_shows_at_once_and_not_in_the_first_step(
    install: Callable[..., StandIn], fault: Exception
) -> None:
    install(fault=fault)
    assert_refused_everywhere(f'CuPy cannot compute on this GPU (Failure finding "libnvrtc.so": not found): {INSTALL}')


def test_error_without_words_is_named_by_its_class(install: Callable[..., StandIn]) -> None:
    install(fault=MemoryError())
    assert "(MemoryError)" in reason("cupy")


@pytest.mark.parametrize("name", ["cupy:2", "cupy:-1", "cupy:first", "cupy:1.0"])
def test_device_that_does_not_exist_is_refused_with_those_that_do(install: Callable[..., StandIn], name: str) -> None:
    install(devices=2)
    device = name.partition(":")[2]
    with pytest.raises(ValueError, match=f"^CUDA device '{device}' does not exist; the devices here are 0 to 1$"):
        get_backend(name)
    with pytest.raises(ValueError, match=f"^CUDA device '{device}' does not exist; the devices here are 0 to 1$"):
        get_backend(device=f"cuda:{device}")


@pytest.mark.parametrize(
    ("options", "number"),
    [
        ({"name": "cupy"}, 0),
        ({"name": "cupy:1"}, 1),
        ({"device": "cuda"}, 0),
        ({"device": "cuda:1"}, 1),
        ({"device": "auto"}, 0),
    ],
)
def test_device_that_exists_is_used(install: Callable[..., StandIn], options: dict[str, str], number: int) -> None:
    cupy = install(devices=2)
    backend = get_backend(**options)
    assert backend.name == "cupy"
    assert backend.device == cupy.cuda.Device(number)
    assert backend.xp is sys.modules["array_api_compat.cupy"]
    assert cupy.used[-1] == number


def test_backend_chosen_in_the_environment_never_falls_back(
    install: Callable[..., StandIn], monkeypatch: pytest.MonkeyPatch
) -> None:
    install(devices=0)
    monkeypatch.setenv("CUTEDL_XP_BACKEND", "cupy")
    assert reason().startswith("$CUTEDL_XP_BACKEND cannot be followed: CuPy sees no CUDA device")


def test_available_backends_has_nothing_against_a_cupy_that_works(install: Callable[..., StandIn]) -> None:
    install()
    assert available_backends()["cupy"] is None
