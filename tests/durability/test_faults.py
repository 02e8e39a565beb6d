"""System calls that fail while a training writes checkpoints."""

import errno
import os
import shutil
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cutedl_xp import Backend, Session
from cutedl_xp.listeners import Checkpoint
from durability import workloads

_CASE = 9  # all wrappers, nested
_OS_FUNCTIONS = {"fsync": "os.fsync", "rename": "os.replace", "write": "cutedl_xp.files.atomic._write"}


class Faults:
    """Fault injector for calls of one function."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, function: str) -> None:
        monkeypatch.setattr(function, self._call)
        self._own = _originals[function]
        self.calls, self.first, self.last, self.number = 0, 0, 0, 0

    def fail(self, calls: range, number: int) -> None:
        """Make the calls with these numbers, from 1, fail with an error number."""
        self.calls, self.first, self.last, self.number = 0, calls.start, calls.stop, number

    def _call(self, *arguments: Any) -> Any:
        self.calls += 1
        if self.first <= self.calls < self.last:
            raise OSError(self.number, os.strerror(self.number))
        return self._own(*arguments)


def _original(name: str) -> Callable[..., Any]:
    module, _, function = name.rpartition(".")
    if module == "os":
        return getattr(os, function)  # type: ignore[no-any-return]
    from cutedl_xp.files import atomic

    return getattr(atomic, function)  # type: ignore[no-any-return]


_originals = {name: _original(name) for name in _OS_FUNCTIONS.values()}


@pytest.fixture(scope="module")
def undisturbed(backend: Backend) -> dict[str, str]:
    """Return the final state of the training without checkpoints."""
    return workloads.describe(workloads.train(_CASE, backend.name, None))


@pytest.fixture
def train(backend: Backend, tmp_path: Path) -> Callable[..., tuple[Session, list[str]]]:
    """Return a function that trains with checkpoints and returns the session and the warnings."""

    def run(*listeners: Any) -> tuple[Session, list[str]]:
        session = workloads.make_session(_CASE, backend.name)
        own = [Checkpoint(tmp_path / "run.ckpt", every_steps=7), *listeners, *workloads.make_listeners(_CASE)]
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            session.fit(workloads.TRAIN, workloads.EPOCHS, workloads.VALIDATION, val_steps=4, listeners=own)
        return session, [str(each.message) for each in caught]

    return run


class Watch:
    """A listener that loads the checkpoint in each call, after Checkpoint, and records its number of steps."""

    called_last, events = True, ("step_end",)

    def __init__(self, path: Path, backend: Backend) -> None:
        self.steps: list[int] = []
        self._path, self._backend = path, backend

    def __call__(self, event: Any) -> None:
        if event.name == "step_end" and self._path.exists() and event.step % 7 == 0:
            self.steps.append(Session.load(self._path, self._backend).step)


@pytest.fixture
def watch(backend: Backend, tmp_path: Path) -> Watch:
    return Watch(tmp_path / "run.ckpt", backend)


@pytest.mark.parametrize("function", _OS_FUNCTIONS)
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EDQUOT])
def test_a_failed_write_leaves_the_old_checkpoint_and_the_training_continues(
    train: Callable[..., tuple[Session, list[str]]],
    watch: Watch,
    undisturbed: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    backend: Backend,
    function: str,
    number: int,
) -> None:
    faults = Faults(monkeypatch, _OS_FUNCTIONS[function])
    faults.fail(range(5, 12), number)
    session, messages = train(watch)
    assert faults.calls > 12
    assert len(messages) == 1
    assert "no checkpoint was written" in messages[0]
    assert os.strerror(number) in messages[0]
    assert workloads.describe(session) == undisturbed
    assert sorted(watch.steps) == watch.steps  # a complete file each time
    assert len(set(watch.steps)) > 3
    assert Session.load(tmp_path / "run.ckpt", backend).step == session.step
    assert [path.name for path in tmp_path.iterdir()] == ["run.ckpt"]


def test_after_a_failure_at_the_end_the_session_can_still_be_saved(
    train: Callable[..., tuple[Session, list[str]]],
    undisturbed: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    backend: Backend,
) -> None:
    faults = Faults(monkeypatch, "os.replace")
    faults.fail(range(3, 1000), errno.ENOSPC)
    session, messages = train()
    assert len(messages) == 1
    assert Session.load(tmp_path / "run.ckpt", backend).step < session.step
    with pytest.raises(OSError, match="No space left"):
        session.save(tmp_path / "run.ckpt")
    faults.fail(range(0), 0)
    session.save(tmp_path / "run.ckpt")
    assert workloads.describe(Session.load(tmp_path / "run.ckpt", backend)) == undisturbed


def test_a_folder_that_is_removed_and_comes_back(
    train: Callable[..., tuple[Session, list[str]]],
    undisturbed: dict[str, str],
    tmp_path: Path,
    backend: Backend,
) -> None:
    def remove(event: Any) -> None:
        if event.name == "epoch_end" and event.epoch == 2:
            shutil.rmtree(tmp_path)
        if event.name == "epoch_end" and event.epoch == 5:
            tmp_path.mkdir()

    session, messages = train(remove)
    assert len(messages) == 1
    assert f"{tmp_path} does not exist; make the folder first" in messages[0]
    assert workloads.describe(session) == undisturbed
    assert Session.load(tmp_path / "run.ckpt", backend).step == session.step


@pytest.fixture
def _files_of_one_kilobyte() -> Iterator[None]:
    """Limit the size of files within the test; the system then reports EFBIG."""
    resource, signal = pytest.importorskip("resource"), pytest.importorskip("signal")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    former = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, former)


@pytest.mark.usefixtures("_files_of_one_kilobyte")
def test_a_limit_of_the_system_ends_no_training(
    train: Callable[..., tuple[Session, list[str]]], undisturbed: dict[str, str], tmp_path: Path
) -> None:
    session, messages = train()
    assert len(messages) == 1
    assert os.strerror(errno.EFBIG) in messages[0]
    assert workloads.describe(session) == undisturbed
    assert list(tmp_path.iterdir()) == []
