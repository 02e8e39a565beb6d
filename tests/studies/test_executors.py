"""Executors run every task once, survive the end of their processes and leave none running."""

import os
import sys
import time
from dataclasses import replace

import pytest
import work_of_studies

from cutedl_xp.studies.executors import Outcome, Task, attempt, run_on_this_machine
from cutedl_xp.studies.run import RunSpec
from cutedl_xp.studies.settings import Settings

pytest.importorskip("loky")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kills processes and looks for them in /proc")
SPEC = RunSpec(data="digits", model="64-10", optimizer="adam", seed=1, settings=Settings(epochs=1))


def tasks(number, checkpoint=None):
    return [Task(replace(SPEC, seed=seed), checkpoint) for seed in range(1, number + 1)]


def seeds(outcomes):
    return sorted(outcome.spec.seed for outcome in outcomes)


@pytest.mark.parametrize("jobs", [1, 2])
def test_each_task_runs_once_in_another_process_with_one_thread(jobs):
    outcomes = list(run_on_this_machine(tasks(5), jobs, work_of_studies.succeed))
    assert seeds(outcomes) == [1, 2, 3, 4, 5]
    assert {outcome.run["threads"] for outcome in outcomes} == {"1"}
    assert all(outcome.run["ignores Ctrl-C"] for outcome in outcomes)
    processes = {outcome.run["process"] for outcome in outcomes}
    assert os.getpid() not in processes
    assert len(processes) <= jobs


def test_a_task_whose_process_dies_runs_again(tmp_path):
    outcomes = list(run_on_this_machine(tasks(6, tmp_path / "begun"), 2, work_of_studies.die_once))
    assert seeds(outcomes) == [1, 2, 3, 4, 5, 6]
    assert all(outcome.error is None for outcome in outcomes)


def test_a_task_that_always_ends_its_process_fails_alone():
    outcomes = list(run_on_this_machine(tasks(4), 2, work_of_studies.always_die))
    assert seeds(outcomes) == [1, 2, 3, 4]
    (failed,) = [outcome for outcome in outcomes if outcome.error is not None]
    assert failed.spec.seed == 1
    assert "killed three times" in failed.error


def test_a_consumer_that_stops_ends_the_processes(tmp_path):
    outcomes = run_on_this_machine(tasks(4, tmp_path / "process"), 2, work_of_studies.note_and_wait)
    assert next(outcomes).spec.seed == 1
    note = tmp_path / "process-2"
    while not note.exists():
        time.sleep(0.02)
    outcomes.close()
    deadline = time.monotonic() + 10.0
    while is_alive(int(note.read_text())):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{process}/stat") as file:
        return file.read().rpartition(")")[2].split()[0] != "Z"


def test_an_exception_is_the_reason_of_a_failure():
    outcome = attempt(Task(replace(SPEC, model="63-10")))
    assert isinstance(outcome, Outcome)
    assert outcome.run is None
    assert outcome.error.startswith("ValueError: ")
    assert "\n" not in outcome.error
