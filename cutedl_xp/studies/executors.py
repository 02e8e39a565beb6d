"""Executors of runs: processes of this machine, or the workers of a Dask cluster."""

import importlib
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from cutedl_xp import _checks
from cutedl_xp.studies.run import RunSpec, execute
from cutedl_xp.training.events import Listener

_ATTEMPTS_ALONE = 2
_IDLE_SECONDS = 10  # time after which a process without a task ends
_WATCH_SECONDS = 0.2
# Sums by several threads may differ in the last bits, and threads of several processes compete for the cores.
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


@dataclass(frozen=True)
class Task:
    """Run to execute; ``checkpoint`` is the file of its checkpoints, or None."""

    spec: RunSpec
    checkpoint: Path | None = None
    checkpoint_every: int = 0


@dataclass(frozen=True)
class Outcome:
    """Result of a run.

    Attributes
    ----------
    spec, run, error
        Specification of the run, its result as plain values (None for a failed run), and the reason of a failure.
    """

    spec: RunSpec
    run: dict[str, Any] | None
    error: str | None = None


Work: TypeAlias = Callable[[Task], Outcome]


def attempt(task: Task, followers: Sequence[Listener] = ()) -> Outcome:
    """Execute a run, which the followers observe; an exception becomes the reason of its failure."""
    try:
        return Outcome(task.spec, execute(task.spec, followers, task.checkpoint, task.checkpoint_every))
    except Exception as error:  # any exception, as the other runs must continue
        return Outcome(task.spec, None, f"{type(error).__name__}: {_checks.format_reason(error)}")


def limit_threads() -> AbstractContextManager[object]:
    """Return a context in which BLAS uses one thread in this process.

    Raises
    ------
    ImportError
        If threadpoolctl is not installed.
    """
    limits: AbstractContextManager[object] = _import("threadpoolctl", "a study", "cli").threadpool_limits(1)
    return limits


def run_in_this_process(
    tasks: Sequence[Task], follow: Callable[[RunSpec], Sequence[Listener]]
) -> Generator[Outcome, None, None]:
    """Yield the outcomes of tasks that run one after the other in this process, with one thread.

    Parameters
    ----------
    tasks
        Runs to execute.
    follow
        Function that returns the listeners that observe a run.

    Raises
    ------
    ImportError
        If threadpoolctl is not installed.
    """
    for task in tasks:
        with limit_threads():
            outcome = attempt(task, follow(task.spec))
        yield outcome


def run_on_this_machine(tasks: Sequence[Task], jobs: int, work: Work = attempt) -> Generator[Outcome, None, None]:
    """Yield the outcomes of tasks that run in loky's processes with one thread each, in the order of their ends.

    After the death of a process, its tasks and the other running tasks run again, one at a time; a task that ends its
    process twice more fails.

    Parameters
    ----------
    tasks
        Runs to execute.
    jobs
        Number of processes, at least 1.
    work
        Function that executes a run, default :func:`attempt`.

    Raises
    ------
    ImportError
        If loky is not installed.
    """
    loky = _import("loky", "a study", "cli")
    waiting, suspects = deque(tasks), deque[Task]()
    try:
        while waiting:
            yield from _run_side_by_side(loky, waiting, suspects, jobs, work)
        for task in suspects:
            yield _run_alone(loky, task, work)
    except BaseException:  # after Ctrl-C, or a stop of the consumer, the processes must end too
        _executor(loky, jobs).shutdown(wait=False, kill_workers=True)
        raise


def _run_side_by_side(
    loky: Any, waiting: deque[Task], suspects: deque[Task], jobs: int, work: Work
) -> Generator[Outcome, None, None]:
    """Run all waiting tasks and yield their outcomes; if a process dies, the running tasks become suspects."""
    executor = _executor(loky, jobs)
    running: dict[Future[Outcome], Task] = {}
    while waiting or running:
        while waiting and len(running) < jobs:
            task = waiting.popleft()
            with _without_ctrl_c():
                running[executor.submit(work, task)] = task
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            try:
                outcome = future.result()
            except loky.process_executor.BrokenProcessPool:
                suspects.extend(running.values())
                return
            del running[future]
            yield outcome


def _run_alone(loky: Any, task: Task, work: Work) -> Outcome:
    for _ in range(_ATTEMPTS_ALONE):
        lost = deque[Task]()
        for outcome in _run_side_by_side(loky, deque([task]), lost, 1, work):
            return outcome
    return Outcome(task.spec, None, "its process was killed three times, possibly for lack of memory")


def _executor(loky: Any, jobs: int) -> Any:
    environment = dict.fromkeys(_THREADS, "1")
    return loky.get_reusable_executor(
        jobs, timeout=_IDLE_SECONDS, env=environment, initializer=_follow_coordinator, initargs=(os.getpid(),)
    )


@contextmanager
def _without_ctrl_c() -> Iterator[None]:
    """Return a context in which new processes ignore Ctrl-C; this process receives it afterwards and ends them."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    in_main_thread = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGINT)
    if in_main_thread and handler is not None:  # Python cannot restore a handler that it has not installed (None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        if in_main_thread and handler is not None:
            signal.signal(signal.SIGINT, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _follow_coordinator(coordinator: int) -> None:
    """Ignore Ctrl-C in this process, and end it after the death of its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # loky starts some processes outside of the context above

    def watch() -> None:
        while os.getppid() == coordinator:
            time.sleep(_WATCH_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def run_on_dask(tasks: Sequence[Task], address: str, work: Work = attempt) -> Generator[Outcome, None, None]:
    """Yield the outcomes of tasks that the workers of a Dask cluster run, in the order of their ends.

    Dask runs the task of a worker that died on another worker.

    Parameters
    ----------
    tasks
        Runs to execute. The workers need this package, and the data under the same names.
    address
        Address of the scheduler, such as ``"tcp://10.0.0.1:8786"``.
    work
        Function that executes a run, default :func:`attempt`.

    Raises
    ------
    ImportError
        If Dask is not installed.
    OSError
        If the scheduler does not answer.
    """
    distributed = _import("distributed", "a study on a cluster", "dask")
    try:
        client = distributed.Client(address, timeout="10s", set_as_default=False)
    except (OSError, TypeError, ValueError) as error:
        raise OSError(
            f"the Dask scheduler {address!r} does not answer ({_checks.format_reason(error)}); start one with "
            "`dask scheduler`, or leave out --scheduler"
        ) from error
    with client:
        specs = {}
        for task in tasks:
            specs[client.submit(work, task, pure=False)] = task.spec
        try:
            ended = distributed.as_completed(list(specs), loop=client.loop, with_results=True, raise_errors=False)
            for future, result in ended:
                yield _outcome_of(future, result, specs.pop(future))
        finally:
            client.cancel(list(specs))


def _outcome_of(future: Any, result: Any, spec: RunSpec) -> Outcome:
    """Return the outcome of a finished task of the cluster; ``result`` of an error is its type, value and traceback."""
    if future.status == "finished":
        outcome: Outcome = result
        return outcome
    return Outcome(spec, None, _checks.format_reason(result[1]) if future.status == "error" else future.status)


def _import(module: str, purpose: str, extra: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise _checks.missing_extra_error(purpose, module, extra) from error
