"""C programs as functions of this process: gcc, and a folder for compiled programs."""

import ctypes
import functools
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from cupy_on_cpu.errors import CompilerError

_HERE = Path(__file__).parent
_FLAGS = (
    "-std=gnu11",
    "-O1",  # more optimization takes longer than it saves
    "-w",
    "-fPIC",
    "-shared",
    "-ffp-contract=off",  # no fused operations except those of NVIDIA's compiler
    "-fwrapv",  # integers wrap around
    "-fno-strict-aliasing",
)


def find_compiler() -> str | None:
    """Return the path of gcc, or None if it is missing."""
    return shutil.which("gcc")


def cache_folder() -> Path:
    """Return the folder of compiled programs: ``$CUPY_ON_CPU_CACHE``, or one of this user in the folder for temporary
    files.

    Raises
    ------
    CompilerError
        If the folder belongs to another user, whose programs would be run.
    """
    given = os.environ.get("CUPY_ON_CPU_CACHE")
    folder = Path(given) if given else Path(tempfile.gettempdir()) / f"cupy_on_cpu-{os.getuid()}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise CompilerError(f"{folder} belongs to another user; set $CUPY_ON_CPU_CACHE to a folder of your own")
    return folder


def compile_c(source: str) -> ctypes.PyDLL:
    """Return the functions of a C program, which may include ``device.h``; it is compiled once and stored.

    The functions hold Python's lock while they run: kernels of two threads would overwrite each other's shared memory.

    Raises
    ------
    CompilerError
        If gcc cannot compile the program.
    """
    library = cache_folder() / f"{_fingerprint(source)}.so"
    if not library.exists():
        _compile(source, library)
    return ctypes.PyDLL(str(library))


def _compile(source: str, library: Path) -> None:
    with tempfile.TemporaryDirectory(dir=library.parent) as folder:
        program, made = Path(folder) / "program.c", Path(folder) / "program.so"
        program.write_text(source, encoding="utf-8")
        command = [find_compiler() or "gcc", *_FLAGS, f"-I{_HERE}", str(program), "-o", str(made), "-lm"]
        try:
            result = subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError as error:
            raise CompilerError(f"gcc cannot be started: {error}") from error
        if result.returncode:
            raise CompilerError(f"gcc refuses the C of a kernel:\n{result.stderr[:3000]}")
        made.replace(library)  # atomically, so that another process never loads an incomplete file


def _fingerprint(source: str) -> str:
    parts = (source, _device_header(), *_FLAGS, _compiler_version())
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


@functools.cache
def _device_header() -> str:
    return (_HERE / "device.h").read_text(encoding="utf-8")


@functools.cache
def _compiler_version() -> str:
    compiler = find_compiler()
    if compiler is None:
        raise CompilerError("gcc is not installed, and the emulator compiles kernels with it")
    command = [compiler, "-dumpfullversion", "-dumpmachine"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
