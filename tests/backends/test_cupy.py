"""CuPy where it is not usable: each reason is one clear sentence, and nothing falls back silently.

A fake module replaces CuPy, so that these tests run in the same way with and without CuPy.
"""

import sys
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import array_api_compat
import pytest

from cutedl_xp import BackendUnavailable, available_backends, get_backend
from cutedl_xp.backends import cupy as cupy_backend

INSTALL = 'pip install "cutedl_xp[cuda13]" (or [cuda12], to match the NVIDIA driver)'
OR_CPU = "or run on the CPU with the backend 'numpy'"


class CUDARuntimeError(RuntimeError):
    """Substitute for the class of this name in CuPy."""

    def __init__(self, status: int) -> None:
        super().__init__("words of CUDA")
        self.status = status


class DynamicLibNotFoundError(RuntimeError):
    """Substitute for the class of this name in cuda.pathfinder."""


class StandIn(ModuleType):
    """The parts of CuPy that the backend uses before it computes."""

    def __init__(
        self,
        devices: int | Exception = 1,
        fault: Exception | None = None,
        fault_of_use: Exception | None = None,
        driver: int = 13020,
        needed: int = 13020,
    ) -> None:
        super().__init__("cupy")
        self.__version__ = "14.2.0"
        self.devices, self.fault = devices, fault
        self.used: list[int] = []
        self.entered: list[int] = []
        stand_in = self

        class Device:
            def __init__(self, number: int) -> None:
                self.id = number

            def use(self) -> None:
                if fault_of_use:
                    raise fault_of_use
                stand_in.used.append(self.id)

            def __enter__(self) -> None:
                stand_in.entered.append(self.id)

            def __exit__(self, *_: object) -> None:
                stand_in.entered.pop()

            def __eq__(self, other: object) -> bool:
                return isinstance(other, Device) and self.id == other.id

            __hash__ = None  # type: ignore[assignment]

        runtime = SimpleNamespace(
            getDeviceCount=self.get_device_count,
            getDevice=lambda: (self.used or [0])[-1],
            driverGetVersion=lambda: driver,
            runtimeGetVersion=lambda: needed,
            CUDARuntimeError=CUDARuntimeError,
        )
        self.cuda = SimpleNamespace(Device=Device, runtime=runtime)
        names = ("reduction_accelerators", "routine_accelerators")
        self._core = SimpleNamespace(
            **{f"get_{name}": list for name in names}, **{f"set_{name}": list for name in names}
        )

    def compute_once(self, device: int) -> None:
        assert self.entered == [device]
        if self.fault:
            raise self.fault

    def get_device_count(self) -> int:
        if isinstance(self.devices, Exception):
            raise self.devices
        return self.devices


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Callable[..., StandIn]:
    """Return a function that replaces CuPy by a fake module."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    def put(**options: Any) -> StandIn:
        cupy, namespace = StandIn(**options), ModuleType("array_api_compat.cupy")
        monkeypatch.setitem(sys.modules, "cupy", cupy)
        monkeypatch.setitem(sys.modules, "array_api_compat.cupy", namespace)
        monkeypatch.setattr(array_api_compat, "cupy", namespace, raising=False)
        monkeypatch.setattr(cupy_backend, "_compute_once", StandIn.compute_once)
        return cupy

    return put


def reason(name: str | None = None, **options: Any) -> str:
    with pytest.raises(BackendUnavailable) as caught:
        get_backend(name, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def assert_refused_everywhere(sentence: str) -> None:
    """Check that every request raises this sentence, except "auto", which falls back."""
    for options in ({"name": "cupy"}, {"name": "cupy:0"}, {"device": "cuda"}, {"device": "cuda:0"}):
        assert reason(**options) == sentence
    assert available_backends()["cupy"] == sentence
    assert get_backend(device="auto").name == "numpy"


def test_cupy_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)
    assert_refused_everywhere(f"CuPy is not installed: {INSTALL}")


def test_cupy_that_cannot_be_imported_gives_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
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
    install(devices=CUDARuntimeError(35), driver=0)
    assert_refused_everywhere(f"CuPy finds no NVIDIA driver: install it, so that nvidia-smi lists the GPU, {OR_CPU}")


@pytest.mark.parametrize(
    ("driver", "needed", "versions", "exchange"),
    [
        (12040, 13020, ("12.4", "13.0"), 'or pip uninstall cupy-cuda13x and pip install "cupy-cuda12x[ctk]", '),
        (11080, 13020, ("11.8", "13.0"), ""),  # no current wheel is for CUDA 11
        (11080, 12090, ("11.8", "12.0"), ""),
    ],
)
def test_driver_too_old(
    install: Callable[..., StandIn], driver: int, needed: int, versions: tuple[str, str], exchange: str
) -> None:
    install(devices=CUDARuntimeError(35), driver=driver, needed=needed)
    assert_refused_everywhere(
        f"CuPy cannot start, as the NVIDIA driver is for CUDA {versions[0]} and this CuPy needs CUDA {versions[1]} "
        f"or newer: update the driver, {exchange}{OR_CPU}"
    )


@pytest.mark.parametrize("devices", [0, CUDARuntimeError(100)])
def test_no_visible_device(install: Callable[..., StandIn], monkeypatch: pytest.MonkeyPatch, devices: Any) -> None:
    install(devices=devices)
    assert_refused_everywhere(f"CuPy sees no CUDA device: check that nvidia-smi lists one, {OR_CPU}")
    for chosen in ("", "-1"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", chosen)
        assert_refused_everywhere(
            f"CuPy sees no CUDA device with $CUDA_VISIBLE_DEVICES set to '{chosen}': "
            f"unset it or name a device that nvidia-smi lists, {OR_CPU}"
        )


@pytest.mark.parametrize("status", [803, 35])  # 35: the error with a driver that is new enough
def test_other_errors_of_the_driver_are_quoted(install: Callable[..., StandIn], status: int) -> None:
    install(devices=CUDARuntimeError(status))
    assert_refused_everywhere(
        f"CuPy reaches no CUDA device (words of CUDA): repair the driver until nvidia-smi works, {OR_CPU}"
    )


@pytest.mark.parametrize("wheel", [12, 13])
@pytest.mark.parametrize("kind", [DynamicLibNotFoundError, ImportError, OSError])
def test_missing_cuda_library_shows_at_once_and_not_in_the_first_step(
    install: Callable[..., StandIn], kind: type[Exception], wheel: int
) -> None:
    install(fault=kind('Failure finding "libnvrtc.so": not found\nsearched: many places\n'), needed=wheel * 1000 + 20)
    assert_refused_everywhere(
        'CuPy lacks a CUDA library (Failure finding "libnvrtc.so": not found): '
        f'pip install "cupy-cuda{wheel}x[ctk]", {OR_CPU}'
    )


@pytest.mark.parametrize("when", ["fault", "fault_of_use"])
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (CUDARuntimeError(46), "words of CUDA"),
        (MemoryError(), "MemoryError"),  # an error without a message is described by its class
    ],
)
def test_device_that_cannot_compute_is_not_reported_as_a_missing_library(
    install: Callable[..., StandIn], when: str, fault: Exception, words: str
) -> None:
    install(**{when: fault})
    assert_refused_everywhere(
        f"CuPy cannot compute on this GPU ({words}): check its state with nvidia-smi, "
        f'renew CuPy with pip install "cupy-cuda13x[ctk]", {OR_CPU}'
    )


SENTENCE_OF_FOLDER = (
    "CuPy cannot keep its kernels ([Errno 13] not writable: 'kernels'): "
    f"set $CUPY_CACHE_DIR to a folder that can be written to, {OR_CPU}"
)


@pytest.mark.parametrize("when", ["fault", "fault_of_use"])
def test_folder_of_kernels_that_cannot_be_written_to(install: Callable[..., StandIn], when: str) -> None:
    install(**{when: PermissionError(13, "not writable", "kernels")})
    assert_refused_everywhere(SENTENCE_OF_FOLDER)


def test_folder_of_kernels_that_cannot_be_made_at_the_import(monkeypatch: pytest.MonkeyPatch) -> None:
    class Unwritable:
        @staticmethod
        def find_spec(name: str, *_: Any) -> None:
            if name == "cupy":
                raise PermissionError(13, "not writable", "kernels")

    monkeypatch.delitem(sys.modules, "cupy", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Unwritable, *sys.meta_path])
    assert_refused_everywhere(SENTENCE_OF_FOLDER)


def test_device_that_was_chosen_stays_current(install: Callable[..., StandIn]) -> None:
    cupy = install(devices=2)
    get_backend("cupy:1")
    assert available_backends()["cupy"] is None
    assert get_backend(device="auto").device == cupy.cuda.Device(1)
    assert set(cupy.used) == {1}


def test_work_of_a_backend_is_on_its_device_whatever_is_current(install: Callable[..., StandIn]) -> None:
    cupy = install(devices=2)
    backend = get_backend("cupy:1")
    cupy.used.append(0)  # as in another thread
    with backend.active():
        assert cupy.entered == [1]
    assert cupy.entered == []


def test_device_that_cannot_compute_does_not_become_the_current_one(install: Callable[..., StandIn]) -> None:
    cupy = install(devices=2, fault=MemoryError())
    assert "cannot compute" in reason("cupy:1")
    assert cupy.used == cupy.entered == []


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
    assert reason().startswith("$CUTEDL_XP_BACKEND cannot be used: CuPy sees no CUDA device")


def test_available_backends_has_nothing_against_a_cupy_that_works(install: Callable[..., StandIn]) -> None:
    install()
    assert available_backends()["cupy"] is None
