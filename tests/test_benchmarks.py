"""The benchmarks of other libraries measure, count and report; speed is not tested."""

import importlib
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

TESTS = Path(__file__).parent


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Return a function that imports a module of the benchmarks, which are not on the search path."""
    monkeypatch.syspath_prepend(str(TESTS))
    return lambda name: importlib.import_module(f"benchmarks.{name}")


@pytest.fixture
def measurements(load: Callable[[str], Any]) -> list[Any]:
    """Return measurements in which ours takes half of the floor's best and a third of its median."""
    task = load("tasks").Task("steps", "4-3, batch 6000", 0, widths=(4, 3), batch_size=6000)
    make = load("measurement").Measurement
    return [make(task, "floor", 10, (2e-6, 6e-6, 7e-6)), make(task, "cutedl_xp", 10, (1e-6, 2e-6, 3e-6))]


def test_ratios_are_ours_by_theirs(load: Callable[[str], Any], measurements: list[Any]) -> None:
    assert load("tables").ratios(measurements).splitlines() == [
        "|  | ours | to floor |",
        "|---|---:|---:|",
        "| 4-3, batch 6000 | cutedl_xp | 0.50 (0.33) |",
    ]


def test_times_are_best_and_median(load: Callable[[str], Any], measurements: list[Any]) -> None:
    assert load("tables").microseconds(measurements).splitlines()[2] == "| 4-3, batch 6000 | 2.0 (6.0) | 1.0 (2.0) |"


def test_a_report_is_three_files(load: Callable[[str], Any], measurements: list[Any], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    absent = {"thinc": "thinc is not installed"}
    how = load("report").Circumstances(3, 0.2, note="Provisional", clock="cpu", absent=absent)
    load("report").write(tmp_path, "steps", load("pages").of_steps(measurements), how)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["steps.csv", "steps.md", "steps.png"]
    page = (tmp_path / "steps.md").read_text()
    for told in (
        "**Provisional**",
        "3 rounds of 0.2 seconds or more of the processors",
        "Left out: thinc: thinc is not installed.",
    ):
        assert told in page


@pytest.mark.parametrize("name", ["floor", "cutedl_xp-plain", "cutedl_xp-jax"])
def test_contenders_take_turns(load: Callable[[str], Any], measurements: list[Any], name: str) -> None:
    if load("contenders").missing_library(name):
        pytest.skip(f"{load('contenders').missing_library(name)} is not installed")
    task = measurements[0].task
    with load("turns").Field([name], {}, print) as field:
        (found,) = field.measure(task, 2, 1e-6)
        assert "numba" not in field.about[name]
        assert ("jax" in field.about[name]) == (name == "cutedl_xp-jax")
    assert (found.task, found.contender, len(found.seconds)) == (task, name, 2)
    assert found.best > 0.0


@pytest.mark.parametrize(("name", "clock"), [("cutedl_xp-plain", "wall"), ("sklearn", "cpu")])
def test_estimators_take_turns_at_a_fit(load: Callable[[str], Any], name: str, clock: str) -> None:
    pytest.importorskip("sklearn")
    task = load("tasks").Task("estimators", "digits", 0, (64, 5, 10), 600, samples="digits", epochs=2)
    with load("turns").Field([name, "floor"], {}, print, clock) as field:
        (found,) = field.measure(task, 1, 1e-6)
    assert (found.contender, found.steps) == (name, 6)  # three batches per epoch
    assert load("pages").of_estimators([found]).csv.splitlines()[1].startswith(f"estimators,digits,{name},6,")


def test_a_contender_that_fails_is_reported_and_the_others_continue(
    load: Callable[[str], Any], measurements: list[Any]
) -> None:
    absent: dict[str, str] = {}
    task = load("tasks").Task("updates", "Nonsense", 10, rule="Nonsense", parameters=10_000)
    with load("turns").Field(["floor", "cutedl_xp-plain"], absent, print) as field:
        assert field.measure(task, 1, 1e-6) == []
        assert len(field.measure(measurements[0].task, 1, 1e-6)) == 2
    assert absent["floor at Nonsense"] == "KeyError: 'Nonsense'"
    assert absent["cutedl_xp-plain at Nonsense"].startswith("AttributeError: ")


def test_a_contender_whose_process_ends_is_reported(load: Callable[[str], Any]) -> None:
    process = load("processes").Process(load("contenders").Contender("nobody", "", "nobody", ()))
    with pytest.raises(load("processes").WorkerFailedError, match=r"ended with 1\n(.*\n)*KeyError: 'nobody'"):
        process.ask(about=True)
    assert process.ended
    process.close()


def test_a_contender_that_is_not_installed_is_left_out(
    load: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    contenders, absent = load("contenders"), {}
    absentee = contenders.Contender("absentee", "", "absentee", ("no_such_library",))
    monkeypatch.setitem(contenders.CONTENDERS, "absentee", absentee)
    with load("turns").Field(["absentee"], absent, print):
        assert absent == {"absentee": "no_such_library is not installed"}


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (["--contenders", "floor,nobody"], "--contenders nobody: there are floor, cutedl_xp, "),
        (["--clock", "cpu"], "--clock cpu is for one part"),
        (["--rounds", "0"], "--rounds must be 1 or more"),
        (["--out", __file__], "cannot be a folder"),
    ],
)
def test_wrong_use_is_refused_in_a_sentence(wrong: list[str], told: str) -> None:
    command = [sys.executable, str(TESTS / "benchmarks"), *wrong]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 2
    assert told in ended.stderr


def test_work_of_other_processes_does_not_count_on_the_clock_of_the_processors(load: Callable[[str], Any]) -> None:
    worker, work = load("worker"), load("work").Work(lambda: time.sleep(0.05), steps=2)
    module = SimpleNamespace(step=lambda widths, batch_size: work)
    task = {"samples": "", "rule": "", "widths": [1, 1], "batch_size": 1}
    taken = {}
    for clock in worker.CLOCKS:
        measured = worker.Worker(module)
        measured.prepare(task, 0.0, clock)
        taken[clock] = measured.measure()
    assert taken["wall"] > 0.02
    assert taken["cpu"] < taken["wall"] / 2
