"""Work for the processes of an executor, which import this module."""

import os
import signal
import time
from pathlib import Path

from cutedl_xp.studies.executors import Outcome


def succeed(task):
    ignores_ctrl_c = signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    run = {"threads": os.environ["OMP_NUM_THREADS"], "process": os.getpid(), "ignores Ctrl-C": ignores_ctrl_c}
    return Outcome(task.spec, run)


def die_once(task):
    """End this process in the first attempt at the run of seed 1; the file in `checkpoint` records the attempt."""
    if task.spec.seed == 1 and not task.checkpoint.exists():
        task.checkpoint.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.05)
    return succeed(task)


def always_die(task):
    if task.spec.seed == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return succeed(task)


def note_and_wait(task):
    Path(f"{task.checkpoint}-{task.spec.seed}").write_text(str(os.getpid()))
    if task.spec.seed > 1:
        time.sleep(60.0)
    return succeed(task)
