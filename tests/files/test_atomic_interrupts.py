"""Ctrl-C at any moment of a save leaves the old or the new file, no temporary file and no open descriptor."""

import os
import signal
import sys
import warnings

import pytest

from cutedl_xp.files import atomic, temporary
from cutedl_xp.files.atomic import write_atomically

OWN = {atomic.__file__, temporary.__file__}
WHOLE = [b"old" * 100, b"new" * 200]


class Interruption:
    """A tracer that raises KeyboardInterrupt at the event of this number, or counts the events."""

    def __init__(self, number, kinds):
        self.number, self.kinds, self.count = number, kinds, 0

    def __call__(self, frame, event, argument):
        code = frame.f_code
        # A signal cannot come between the head of the loop that opens the folder and `try`; a tracer can.
        impossible = event == "line" and code.co_name == "_sync_folder"
        if event in self.kinds and code.co_filename in OWN and not impossible:
            self.count += 1
            if self.count == self.number:
                raise KeyboardInterrupt
        return self


def open_descriptors():
    return sorted(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else []


def save(path, setter, tracer):
    before = getattr(sys, setter.replace("set", "get"))()
    getattr(sys, setter)(tracer)
    try:
        write_atomically(path, [b"new" * 100, b"new" * 100])
    except KeyboardInterrupt:
        return True
    finally:
        getattr(sys, setter)(before)
    return False


@pytest.mark.parametrize("setter", ["settrace", "setprofile"])  # before every line; after every call, as signals arrive
@pytest.mark.parametrize("kind", ["a new file", "an old file", "an abandoned temporary file"])
def test_an_interrupt_at_any_point(path, setter, kind):
    kinds = {"line"} if setter == "settrace" else {"call", "c_return"}
    number, whole = 0, set()
    while True:
        number += 1
        path.unlink(missing_ok=True)
        if kind != "a new file":
            path.write_bytes(WHOLE[0])
            path.chmod(0o400)
        if kind == "an abandoned temporary file":
            temporary.name_temporary(path).write_bytes(b"left")
        before = open_descriptors()
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", ResourceWarning
            )  # files that are closed by garbage collection count as closed
            interrupted = save(path, setter, Interruption(number, kinds))
        assert open_descriptors() == before, number
        whole.add(path.read_bytes() if path.exists() else b"")
        left = [file for file in path.parent.iterdir() if file != path]
        assert not left or (interrupted and kind == "an abandoned temporary file"), number
        assert all(file.read_bytes() == b"left" for file in left), number  # the interrupt came before its removal
        if not interrupted:
            break
    assert number > 20
    assert whole == {b"" if kind == "a new file" else WHOLE[0], WHOLE[1]}


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="timers are POSIX's")
def test_real_signals(path, rounds):
    def interrupt(*_):
        raise KeyboardInterrupt

    path.write_bytes(WHOLE[0])
    before, descriptors, interruptions = signal.signal(signal.SIGALRM, interrupt), open_descriptors(), 0
    try:
        for number in range(20 * rounds):
            try:
                signal.setitimer(signal.ITIMER_REAL, 1e-5 + number % 100 * 1e-5)
                write_atomically(path, [b"new" * 100, b"new" * 100])
                signal.setitimer(signal.ITIMER_REAL, 0)
            except KeyboardInterrupt:
                interruptions += 1
            assert path.read_bytes() in WHOLE
            assert list(path.parent.iterdir()) == [path]
            assert open_descriptors() == descriptors
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert interruptions
