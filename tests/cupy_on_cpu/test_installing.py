"""The emulator: its errors, its start and its end."""

import contextlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cupy_on_cpu
from cupy_on_cpu import compiler
from cupy_on_cpu.errors import CompilerError, Unsupported

TESTS = Path(cupy_on_cpu.__file__).parents[1]


def python(program: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a separate process."""
    command = [sys.executable, "-W", "error", "-c", f"import sys; sys.path.insert(0, {str(TESTS)!r})\n{program}"]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_there_is_one_device(cupy: Any) -> None:
    assert cupy.is_available()
    assert cupy.cuda.runtime.getDeviceCount() == 1
    assert cupy.cuda.Device().compute_capability == "90"
    assert cupy.cuda.runtime.getDeviceProperties(0)["name"] == b"emulated on the CPU"


@pytest.mark.parametrize("name", ["default_rng", "rand", "normal", "permutation", "RandomState", "Generator", "seed"])
def test_random_numbers_are_refused(cupy: Any, refused: Callable[..., Any], name: str) -> None:
    with refused(Unsupported, r"^cupy\.random runs precompiled kernels, .*: draw on the host and move the array$"):
        getattr(cupy.random, name)(3)


@pytest.mark.parametrize("name", ["sort", "argsort", "unique", "median"])
def test_sorting_is_refused(cupy: Any, refused: Callable[..., Any], name: str) -> None:
    x = cupy.arange(5)
    with refused(Unsupported, "^sort, argsort, unique and the like run precompiled kernels of Thrust"):
        getattr(cupy, name)(x)


def test_other_entry_points_are_refused_by_name(cupy: Any, refused: Callable[..., Any]) -> None:
    with refused(Unsupported, r"^cupy_backends\.cuda\.api\.runtime\.mallocManaged cannot be emulated$"):
        cupy.cuda.malloc_managed(100)
    with refused(Unsupported, r"^cupy_backends\.cuda\.api\.runtime\.deviceGetLimit cannot be emulated$"):
        cupy.cuda.runtime.deviceGetLimit(0)
    with refused(Unsupported, "events measure no time"):
        cupy.cuda.get_elapsed_time(cupy.cuda.Event(), cupy.cuda.Event())


def test_kernel_that_prints_is_refused(cupy: Any, refused: Callable[..., Any]) -> None:
    kernel = cupy.RawKernel('extern "C" __global__ void talk() { printf("%d", 1); }', "talk")
    with refused(Unsupported, "^the PTX instruction `call.uni .*vprintf.*` cannot be emulated$"):
        kernel((1,), (1,), ())


def test_error_that_is_caught_is_still_recorded(cupy: Any) -> None:
    with contextlib.suppress(Exception):
        cupy.random.rand(3)
    (error,) = cupy_on_cpu.take_errors()
    assert "cupy.random" in str(error)
    assert not cupy_on_cpu.take_errors()


def test_it_must_come_before_cupy() -> None:
    result = python("import cupy, cupy_on_cpu; cupy_on_cpu.install()")
    assert result.stderr.endswith("RuntimeError: cupy_on_cpu.install() must come before the first import of cupy\n")


def test_process_ends_quietly_with_arrays_alive() -> None:
    result = python(
        "import cupy_on_cpu; cupy_on_cpu.install(); import cupy\n"
        "kept = [cupy.ones(1000) + number for number in range(5)]\n"
        "stream, event = cupy.cuda.Stream(), cupy.cuda.Event()\n"
        "print(float(kept[4][0])); raise SystemExit(3)"
    )
    assert (result.returncode, result.stdout, result.stderr) == (3, "5.0\n", "")


def test_another_version_of_a_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.version", lambda package: "1.2")
    assert (
        cupy_on_cpu.reason_against()
        == "cupy-cuda13x 14.2.0 is needed, 1.2 installed: pip install -r tests/cupy_on_cpu/requirements.txt"
    )
    with pytest.raises(RuntimeError, match=r"^CuPy cannot be emulated: cupy-cuda13x 14\.2\.0 is needed"):
        cupy_on_cpu.install()


@pytest.mark.parametrize(
    ("target", "value", "reason"),
    [
        ("sys.platform", "darwin", "the wheels are for Linux on x86_64 and aarch64, and this is darwin on "),
        ("platform.machine", lambda: "i686", "the wheels are for Linux on x86_64 and aarch64, and this is linux on i"),
        ("shutil.which", lambda name: None, "gcc is not installed"),
    ],
)  # fmt: skip
def test_machine_without_emulation_gets_the_reason(
    monkeypatch: pytest.MonkeyPatch, target: str, value: Any, reason: str
) -> None:
    monkeypatch.setattr(target, value)
    assert str(cupy_on_cpu.reason_against()).startswith(reason)


def test_program_is_compiled_once_and_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CUPY_ON_CPU_CACHE", str(tmp_path / "new"))
    source = '#include "device.h"\nint answer(void) { return 42; }'
    assert compiler.compile_c(source).answer() == 42
    (kept,) = (tmp_path / "new").iterdir()
    written = kept.stat().st_mtime_ns
    assert compiler.compile_c(source).answer() == 42
    assert kept.stat().st_mtime_ns == written
    monkeypatch.setattr(compiler, "_FLAGS", (*compiler._FLAGS, "-DOTHER"))
    compiler.compile_c(source)
    assert len(list((tmp_path / "new").iterdir())) == 2


def test_program_that_gcc_refuses_shows_the_message_of_gcc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CUPY_ON_CPU_CACHE", str(tmp_path))
    with pytest.raises(CompilerError, match=r"(?s)gcc refuses the C of a kernel:\n.*nonsense"):
        compiler.compile_c("nonsense")
    cupy_on_cpu.take_errors()
    assert not list(tmp_path.iterdir())


def test_folder_of_another_user_is_not_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CUPY_ON_CPU_CACHE", str(tmp_path))
    monkeypatch.setattr("os.getuid", lambda: tmp_path.stat().st_uid + 1)
    with pytest.raises(CompilerError, match="belongs to another user"):
        compiler.cache_folder()
    cupy_on_cpu.take_errors()


def test_memory_is_distinguished_by_its_address(cupy: Any) -> None:
    runtime, x, host = cupy.cuda.runtime, cupy.ones(3), np.ones(3)
    assert runtime.pointerGetAttributes(x.data.ptr).type == 2
    assert runtime.pointerGetAttributes(host.ctypes.data).type == 1
