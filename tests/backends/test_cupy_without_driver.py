"""The real CuPy wheel on a machine without an NVIDIA driver: exactly one clear error, in the library and its programs.

CuPy may be emulated in this process; each test therefore uses another process, without emulation.
"""

import ctypes
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SENTENCE = (
    "CuPy finds no NVIDIA driver: install it, so that nvidia-smi lists the GPU, "
    "or run on the CPU with the backend 'numpy'"
)
EXAMPLE = Path(__file__).parents[2] / "examples" / "mlp" / "mnist_recognize.py"
ASK_IN_EVERY_WAY = """
import json, os, sys
import cutedl_xp as cdl

def refusal(*name, **device):
    try:
        return repr(cdl.get_backend(*name, **device))
    except cdl.BackendUnavailable as error:
        return str(error)

answers = {
    "name": refusal("cupy"),
    "name and number": refusal("cupy:0"),
    "device": refusal(device="cuda"),
    "device and number": refusal(device="cuda:0"),
    "available": cdl.available_backends()["cupy"],
}
os.environ["CUTEDL_XP_BACKEND"] = "cupy"
environment, auto = refusal(), cdl.get_backend(device="auto").name
modules = [name for name in ("cupy", "cupy_on_cpu") if name in sys.modules]
print(json.dumps({"answers": answers, "environment": environment, "auto": auto, "modules": modules}))
"""


def driver_is_installed() -> bool:
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    return True


pytestmark = pytest.mark.skipif(driver_is_installed(), reason="there is an NVIDIA driver")


def run(folder: Path, *arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run Python with these arguments in an empty folder, with warnings as errors and only these variables for CuPy."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("CUPY_", "CUTEDL_XP"))}
    environment |= variables
    command = [sys.executable, "-W", "error", *map(str, arguments)]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def test_library_reports_it_once_for_every_request(tmp_path: Path) -> None:
    done = run(tmp_path, "-c", ASK_IN_EVERY_WAY)
    assert (done.returncode, done.stderr) == (0, "")
    said = json.loads(done.stdout)
    assert said["modules"] == ["cupy"]  # the real CuPy, not a substitute
    assert set(said["answers"].values()) == {SENTENCE}, said["answers"]
    assert said["environment"] == f"$CUTEDL_XP_BACKEND cannot be used: {SENTENCE}"
    assert said["auto"] == "numpy"


def test_folder_of_kernels_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = run(tmp_path, "-c", ASK_IN_EVERY_WAY, CUPY_CACHE_DIR=str(tmp_path / "file" / "kernels"))
    assert (done.returncode, done.stderr) == (0, "")
    said = json.loads(done.stdout)
    (sentence,) = set(said["answers"].values())
    assert sentence.startswith("CuPy cannot keep its kernels ([Errno ")
    assert "set $CUPY_CACHE_DIR to a folder that can be written to" in sentence
    assert said["auto"] == "numpy"


def test_info_shows_it(tmp_path: Path) -> None:
    done = run(tmp_path, "-m", "cutedl_xp", "info")
    assert (done.returncode, done.stderr) == (0, "")
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("cupy"))
    assert line.split(maxsplit=2) == ["cupy", "-", f"not usable: {SENTENCE}"]


@pytest.mark.parametrize(
    ("program", "arguments"),
    [
        ("mnist_recognize.py", (EXAMPLE, "--device", "cuda", "--data-dir", "nowhere")),
        ("mnist_recognize.py", (EXAMPLE, "--backend", "cupy", "--data-dir", "nowhere", "--jobs", 2, "--seeds", 2)),
        ("cutedl-xp", ("-m", "cutedl_xp", "selftest", "--device", "cuda")),
    ],
    ids=["example, device", "example, backend", "selftest"],
)
def test_program_ends_with_it_and_leaves_no_file(program: str, arguments: tuple[object, ...], tmp_path: Path) -> None:
    done = run(tmp_path, *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"{program}: error: {SENTENCE}\n")
    assert list(tmp_path.iterdir()) == []
