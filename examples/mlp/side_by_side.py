"""Runs in processes of their own, side by side, each pinned to a processor core."""

import ctypes
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

import article
import stopping
from runs import Failure, Plan, RunResult, describe, run

import cutedl_xp as cdl

_PATIENCE = 0.2  # seconds: on Windows, Ctrl-C is seen between two waits only


@dataclass(frozen=True)
class _Running:
    plan: Plan
    process: BaseProcess
    slot: int


def run_side_by_side(plans: Sequence[Plan], jobs: int, ended: Callable[[RunResult | Failure], None]) -> bool:
    """Like runs.run_in_turn, with ``jobs`` runs at a time, and the longest first so that none is left over alone.

    Ctrl-C ends each run at its next event, the end of an epoch or sooner.
    """
    # spawn: a forked process would share this one's threads' locks, and CUDA does not survive a fork
    context = multiprocessing.get_context("spawn")
    # A shared byte rather than an Event: no lock that a signal handler or a killed process could leave taken
    stop = context.RawValue(ctypes.c_bool, False)
    screen_lock = context.RLock()
    waiting = deque(sorted(plans, key=lambda plan: article.EXPERIMENTS[plan.optimizer].published.steps, reverse=True))
    free = list(range(jobs))[::-1]
    running: dict[Connection, _Running] = {}
    with _interrupt_sets(stop):
        while running or (waiting and not stop.value):
            while waiting and free and not stop.value:
                plan, slot = waiting.popleft(), free.pop()
                receiver, sender = context.Pipe(duplex=False)
                process = context.Process(target=_work, args=(plan, slot, sender, stop, screen_lock), daemon=True)
                with stopping.kept_from_children():
                    process.start()
                sender.close()  # the worker has its own end: once it is gone, the receiver reads an end of file
                running[receiver] = _Running(plan, process, slot)
            ready = wait(list(running), _PATIENCE)
            for receiver in [receiver for receiver in running if receiver in ready]:
                done = running.pop(receiver)
                outcome = _outcome(receiver, done)
                free.append(done.slot)
                if outcome is not None:
                    ended(outcome)
    return not stop.value


def _outcome(receiver: Connection, done: _Running) -> RunResult | Failure | None:
    try:
        outcome: RunResult | Failure | None = receiver.recv()
    except EOFError:
        done.process.join()
        return Failure(done.plan, f"its process ended with exit code {done.process.exitcode}")
    receiver.close()
    done.process.join()
    return outcome


def _work(plan: Plan, slot: int, sender: Connection, stop: Any, screen_lock: Any) -> None:
    """One run, in the worker process."""
    stopping.leave_to_parent()
    _pin_to_core(slot)
    parent = multiprocessing.parent_process()

    def stop_if_told(event: cdl.listeners.Event) -> None:
        if stop.value or (parent is not None and not parent.is_alive()):
            event.stopping.stop("interrupt", "interrupted")  # unlike event.stop(), this can be resumed

    outcome: RunResult | Failure | None
    try:
        from tqdm import tqdm

        tqdm.set_lock(screen_lock)
        progress = cdl.listeners.Progress(description=str(plan), position=slot)
        outcome = None if stop.value else run(plan, [stop_if_told, progress])
    except Exception as error:  # of whatever kind: it is reported, and the other runs go on
        outcome = Failure(plan, describe(error))
    with suppress(BrokenPipeError):  # nobody is left to hear of it
        sender.send(outcome)


def _pin_to_core(slot: int) -> None:
    """Keep this process on one core, where the operating system can: it stays in that core's cache."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        with suppress(OSError):
            os.sched_setaffinity(0, {cores[slot % len(cores)]})


@contextmanager
def _interrupt_sets(stop: Any) -> Iterator[None]:
    """Within the block the first Ctrl-C sets ``stop``, and the second raises KeyboardInterrupt.

    Whatever is raised, no other process outlives the block: they do not see Ctrl-C themselves.
    """

    def interrupt(*_: object) -> None:
        if stop.value:
            raise KeyboardInterrupt
        stop.value = True

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        for process in multiprocessing.active_children():
            process.kill()
        signal.signal(signal.SIGINT, before)
