"""Several processes and threads that write to one folder or one path, and resume one checkpoint."""

import multiprocessing
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from cutedl_xp import Session
from cutedl_xp.listeners import Checkpoint
from durability import workloads

_STARTS = [each for each in ("fork", "spawn") if each in multiprocessing.get_all_start_methods()]


def run_all(start: str, processes: list[tuple[Callable[..., None], tuple[object, ...]]]) -> None:
    """Run functions in processes at the same time, and check that each ends without an error."""
    context = multiprocessing.get_context(start)
    running = [context.Process(target=function, args=arguments) for function, arguments in processes]
    for process in running:
        process.start()
    for process in running:
        process.join(timeout=300)
    assert [process.exitcode for process in running] == [0] * len(running)


@pytest.mark.parametrize("start", _STARTS)
def test_processes_train_into_one_folder(start: str, number_of: Callable[[int, int], int], tmp_path: Path) -> None:
    cases = range(3, 3 + number_of(3, 12))
    run_all(start, [(workloads.train, (case, "numpy", tmp_path / f"{case}.ckpt")) for case in cases])
    for case in cases:
        undisturbed = workloads.describe(workloads.train(case, "numpy", None))
        session = Session.load(tmp_path / f"{case}.ckpt", "numpy")
        session.resume(workloads.TRAIN, workloads.VALIDATION, listeners=workloads.make_listeners(case))
        assert workloads.describe(session) == undisturbed
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("start", _STARTS)
def test_processes_train_into_one_path(start: str, number_of: Callable[[int, int], int], tmp_path: Path) -> None:
    """The last writer wins; the file is the complete file of one of them at all times."""
    path, processes, loaded = tmp_path / "run.ckpt", number_of(3, 12), 0
    workloads.make_small_session().save(path)
    context = multiprocessing.get_context(start)
    running = [context.Process(target=workloads.train_small, args=(path,)) for _ in range(processes)]
    for process in running:
        process.start()
    while any(process.is_alive() for process in running):
        loaded += Session.load(path, "numpy").step >= 0
    assert [process.exitcode for process in running] == [0] * processes
    assert loaded > 0
    session = Session.load(path, "numpy")
    assert session.step == 60
    session.resume(workloads.TRAIN)  # after the end of the training
    assert workloads.describe(session) == workloads.describe(workloads.train_small(tmp_path / "alone.ckpt"))
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("start", _STARTS)
def test_processes_resume_one_checkpoint(start: str, number_of: Callable[[int, int], int], tmp_path: Path) -> None:
    number, path = 9, tmp_path / "run.ckpt"
    session = workloads.make_session(number, "numpy")
    stop = workloads.Stop(at=20)
    with pytest.raises(workloads.Stopped):
        session.fit(
            workloads.TRAIN,
            workloads.EPOCHS,
            workloads.VALIDATION,
            val_steps=4,
            listeners=[*workloads.make_listeners(number), Checkpoint(path, every_steps=20), stop],
        )
    results = [tmp_path / f"{each}.ckpt" for each in range(number_of(2, 8))]
    run_all(start, [(workloads.resume, (number, path, result)) for result in results])
    undisturbed = workloads.describe(workloads.train(number, "numpy", None))
    for result in results:
        assert workloads.describe(Session.load(result, "numpy")) == undisturbed


def test_threads_train_at_the_same_time(number_of: Callable[[int, int], int], tmp_path: Path) -> None:
    cases = range(5, 5 + number_of(3, 22))
    undisturbed = {case: workloads.describe(workloads.train(case, "numpy", None)) for case in cases}
    found: dict[int, dict[str, str]] = {}

    def run(case: int) -> None:
        found[case] = workloads.describe(workloads.train(case, "numpy", tmp_path / f"{case}.ckpt"))

    threads = [threading.Thread(target=run, args=(case,)) for case in cases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=300)
    assert found == undisturbed
    assert not list(tmp_path.glob(".*"))
