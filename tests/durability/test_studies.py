"""Studies whose process is killed at random moments, and that are restarted until all their runs exist."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cutedl_xp import studies
from durability.study_program import make_plan

for _package in ("loky", "safetensors", "threadpoolctl"):
    pytest.importorskip(_package)
pytestmark = pytest.mark.skipif(not hasattr(os, "killpg"), reason="finds the processes of a study by their group")

Runs = dict[tuple[str, int], dict[str, Any]]
_ROOT = Path(__file__).parents[2]
_MOST_SECONDS = 15.0  # by which a process may outlive its parent


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the path of 1,000 samples of three classes."""
    path = tmp_path_factory.mktemp("data") / "data.npz"
    random_numbers = np.random.default_rng(3)
    y = np.arange(1000) % 3
    np.savez(path, x=random_numbers.normal(size=(1000, 8)) + random_numbers.normal(size=(3, 8))[y], y=y)
    return str(path)


def start(folder: Path, data: str, jobs: int) -> "subprocess.Popen[str]":
    """Start the program in its own process group, and return its process once it makes runs."""
    paths = [str(_ROOT / "tests"), str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    process = subprocess.Popen(
        [sys.executable, "-m", "durability.study_program", str(folder), data, str(jobs)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    return process


def wait_for_group(process: "subprocess.Popen[str]") -> None:
    """Wait until all processes that a program started have ended."""
    deadline = time.monotonic() + _MOST_SECONDS
    while True:
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return
        assert time.monotonic() < deadline, "processes of a killed study continue"
        time.sleep(0.02)


def describe(runs: list[dict[str, Any]]) -> Runs:
    """Return the runs without times by optimizer and seed, after a check that each exists once."""
    described = {}
    for run in runs:
        history = {name: values for name, values in run["history"].items() if name != "cost_time"}
        figures = {name: figure for name, figure in run["figures"].items() if not name.startswith("seconds")}
        described[run["optimizer"], run["seed"]] = run | {"history": history, "figures": figures, "machine": None}
    assert len(described) == len(runs)
    return described


@pytest.fixture(scope="module")
def undisturbed(data: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Runs, float]:
    """Return the runs of an undisturbed study, and their seconds."""
    study = studies.Study(tmp_path_factory.mktemp("undisturbed"), make_plan(data))
    begun = time.monotonic()
    assert study.run(jobs=1, checkpoint_every=3) == []
    return describe(study.runs), time.monotonic() - begun


def test_killed_studies_end_as_an_undisturbed_one(
    data: str,
    undisturbed: tuple[Runs, float],
    number_of: Callable[[int, int], int],
    record_property: Callable[..., None],
    tmp_path: Path,
) -> None:
    """Every run exists once, with the same bits; worker processes end with the killed process and leave no file."""
    random_numbers = random.Random(int(os.environ.get("CUTEDL_XP_DURABILITY_SEED", "0")))
    expected, seconds = undisturbed
    kills, killed, ended, found, left = number_of(4, 40), 0, 0, 0, 0
    while killed < kills or not ended:
        folder = tmp_path / str(ended)
        process = start(folder, data, jobs=random_numbers.choice([1, 2]))
        if killed < kills:
            time.sleep(random_numbers.uniform(0.0, 1.5 * seconds))
            process.kill()
        _, errors = process.communicate()
        wait_for_group(process)
        runs = describe(studies.read(folder)) if (folder / "study.json").exists() else {}
        assert runs.items() <= expected.items()
        if process.returncode == -signal.SIGKILL:
            killed += 1
            found += len(runs)
            left += len(list((folder / "checkpoints").glob("*.ckpt")))
            continue
        assert (process.returncode, errors) == (0, "")
        assert runs == expected
        assert {path.suffix for path in (folder / "runs").iterdir()} == {".json"}
        assert list((folder / "checkpoints").iterdir()) == []
        ended += 1
    record_property("figures", {"kills": killed, "studies": ended, "runs found": found, "checkpoints found": left})


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("to_group", [True, False])
def test_ctrl_c_ends_a_study_without_traces(
    data: str,
    undisturbed: tuple[Runs, float],
    number_of: Callable[[int, int], int],
    tmp_path: Path,
    jobs: int,
    to_group: bool,
) -> None:
    """Ctrl-C, which a terminal sends to all processes, raises once, keeps finished runs and leaves no process."""
    random_numbers = random.Random(int(os.environ.get("CUTEDL_XP_DURABILITY_SEED", "0")))
    for _ in range(number_of(1, 10)):
        process = start(tmp_path / "study", data, jobs)
        time.sleep(random_numbers.uniform(0.0, 2.0))
        (os.killpg if to_group else os.kill)(process.pid, signal.SIGINT)
        _, errors = process.communicate()
        wait_for_group(process)
        if process.returncode == 0:
            break
        assert errors.count("Traceback") == 1
        assert "\nKeyboardInterrupt\n" in errors  # a warning of loky about a semaphore may follow
        if (tmp_path / "study" / "study.json").exists():
            assert describe(studies.read(tmp_path / "study")).items() <= undisturbed[0].items()
