"""The example program in a separate process, and data sets for it."""

import json
import os
import struct
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np

SCRIPT = Path(__file__).parents[1] / "examples" / "mlp" / "mnist_recognize.py"
BLAS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def environment(**more):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CUTEDL_XP") and name not in BLAS}
    quick = {"CUTEDL_XP_FUSED": "0"}  # importing numba takes longer than these short trainings
    return kept | quick | {"MPLCONFIGDIR": os.environ.get("MPLCONFIGDIR", ""), "CUDA_VISIBLE_DEVICES": ""} | more


def start(*arguments, **more):
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(**more),
        start_new_session=True,
    )  # fmt: skip


def finish(process, timeout=300):
    try:
        out, err = process.communicate(timeout=timeout)
    finally:
        process.kill()
    return process.returncode, out, err


def run(*arguments, **more):
    return finish(start(*arguments, **more))


def write_idx(path, array):
    path.write_bytes(struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes())


def write_images(folder, *, side=28, train=640, test=128):
    """Return images that a single layer can classify: a bright row for each digit, and noise."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name, number in (("train", train), ("t10k", test)):
        labels = rng.integers(0, 10, number).astype(np.uint8)
        pixels = rng.integers(0, 60, (number, side, side)).astype(np.uint8)
        pixels[np.arange(number), 2 * labels.astype(int) + 3] += 150
        write_idx(folder / f"{name}-images-idx3-ubyte", pixels)
        write_idx(folder / f"{name}-labels-idx1-ubyte", labels)
    return folder


def results(folder):
    """Return the finished runs of a folder, by optimizer and seed, without durations."""
    runs = [json.loads(path.read_text()) for path in (folder / "runs").glob("*.json")]
    for run in runs:
        del run["history"]["cost_time"], run["figures"]["seconds"], run["figures"]["seconds_to_target"], run["machine"]
    return {(run["optimizer"], run["seed"]): run for run in runs}


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def patched(tmp_path, patch):
    """Return environment variables that make every Python process first run ``patch`` with ``tmp_path`` as FOLDER."""
    folder = tmp_path / "patch"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(f"FOLDER = {str(tmp_path)!r}\n{textwrap.dedent(patch)}")
    return {"PYTHONPATH": os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))}
