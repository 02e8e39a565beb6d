"""The listener that writes checkpoints."""

import math
import os
import stat
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cutedl_xp import Dataset, Session
from cutedl_xp.layers import Dense
from cutedl_xp.listeners import Checkpoint, FitListener
from cutedl_xp.losses import Mse
from cutedl_xp.optimizers import Fixed

X = np.linspace(-1.0, 1.0, 24).reshape(12, 2)
TRAIN = Dataset(X, X[:, :1], batch_size=4)  # three steps per epoch


@pytest.fixture
def session(make_session: Callable[..., Session]) -> Session:
    """Return a session of a small model."""
    return make_session(Dense(1, input_dim=2, activation="linear"), loss=Mse())


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Return the name and the step of each file that is written."""
    found: list[tuple[str, int]] = []
    save = Session.save_if_finite

    def note(self: Session, path: Path) -> bool:
        found.append((Path(path).name, self.step))
        return save(self, path)

    monkeypatch.setattr(Session, "save_if_finite", note)
    return found


def steps_of(path: Path) -> int:
    return Session.load(path, "numpy").step


@pytest.mark.parametrize(
    ("options", "steps"),
    [
        ({}, [3, 6, 9, 12, 15]),
        ({"every_epochs": 2}, [6, 12, 15]),
        ({"every_epochs": 0}, [15]),
        ({"every_epochs": 0, "every_steps": 4}, [4, 8, 12, 15]),
        ({"every_epochs": 0, "every_steps": 3}, [3, 6, 9, 12, 15]),
        ({"every_epochs": 3, "every_steps": 5}, [5, 9, 10, 15]),
    ],
)
def test_the_moments_of_checkpoints(
    session: Session, written: list[tuple[str, int]], tmp_path: Path, options: dict[str, int], steps: list[int]
) -> None:
    session.fit(TRAIN, 5, listeners=[Checkpoint(tmp_path / "run.ckpt", **options)])
    assert written == [("run.ckpt", step) for step in steps]
    assert os.listdir(tmp_path) == ["run.ckpt"]
    assert steps_of(tmp_path / "run.ckpt") == 15


def test_the_steps_between_are_made_without_a_call(session: Session, tmp_path: Path) -> None:
    calls: list[int] = []
    note = FitListener("step_end", callback=lambda event: calls.append(event.step), every_steps=4)
    session.fit(TRAIN, 3, listeners=[note, Checkpoint(tmp_path / "run.ckpt", every_steps=6)])
    assert calls == [4, 8]


def test_a_stop_is_written_with_its_reason(session: Session, tmp_path: Path) -> None:
    stop = FitListener("step_end", callback=lambda event: event.step == 4 and event.stop("enough"))
    session.fit(TRAIN, 5, listeners=[Checkpoint(tmp_path / "run", every_epochs=9), stop])
    loaded = Session.load(tmp_path / "run", "numpy")
    assert loaded.history is not None
    assert (loaded.step, loaded.history.stop_reason) == (4, "enough")


def test_it_is_called_after_all_others(session: Session, tmp_path: Path) -> None:
    order: list[str] = []

    class Ordered(Checkpoint):
        def __call__(self, event: Any) -> None:
            order.append("checkpoint")

    first = Ordered(tmp_path / "run")
    session.fit(TRAIN, 1, listeners=[first, FitListener("epoch_end", callback=lambda event: order.append("other"))])
    assert order == ["checkpoint", "other", "checkpoint"]  # at the start and at the end of the epoch


def test_the_latest_and_the_ones_before_are_kept(session: Session, tmp_path: Path) -> None:
    session.fit(TRAIN, 5, listeners=[Checkpoint(tmp_path / "run.ckpt", keep=3)])
    names = {path.name: steps_of(path) for path in tmp_path.iterdir()}
    assert names == {"run.ckpt": 15, "run-12.ckpt": 12, "run-9.ckpt": 9}
    for path in tmp_path.iterdir():
        assert stat.S_ISREG(path.lstat().st_mode)


def test_a_later_training_keeps_the_ones_before_as_well(session: Session, tmp_path: Path) -> None:
    other = tmp_path / "run-x.ckpt"
    other.write_text("not a checkpoint of this name")
    session.fit(TRAIN, 2, listeners=[Checkpoint(tmp_path / "run.ckpt", keep=2)])
    session.fit(TRAIN, 1, listeners=[Checkpoint(tmp_path / "run.ckpt", keep=2)])
    other.unlink()
    assert {path.name: steps_of(path) for path in tmp_path.iterdir()} == {"run.ckpt": 9, "run-6.ckpt": 6}


@pytest.mark.parametrize(("best", "mode"), [("val_loss", None), ("val_loss", "max"), ("loss", None)])
def test_the_best_one_is_kept(session: Session, tmp_path: Path, best: str, mode: str | None) -> None:
    session.optimizer.lr = 1.2  # too large: the loss rises after a while
    warm = FitListener("epoch_start", callback=lambda event: setattr(event.session.optimizer, "lr", rates[event.epoch]))
    rates = [0.1, 0.1, 1.5, 1.5, 0.01]
    data = TRAIN if best == "val_loss" else None
    history = session.fit(
        TRAIN, 5, val_data=data, listeners=[warm, Checkpoint(tmp_path / "run.ckpt", best=best, mode=mode)]
    )
    entries = history.series(best)
    place = entries.index(max(entries) if mode == "max" else min(entries))
    assert steps_of(tmp_path / "run-best.ckpt") == history.steps[place]
    assert steps_of(tmp_path / "run.ckpt") == 15


def test_a_resumed_training_keeps_the_best_one_of_before(session: Session, tmp_path: Path) -> None:
    def listeners() -> list[Any]:
        worse = FitListener("val_start", callback=lambda event: event.epoch > 1 and spoil(event.session))
        return [worse, Checkpoint(tmp_path / "run", best="val_loss")]

    def spoil(session: Session) -> None:
        session.model.set_weights({name: value + 9.0 for name, value in session.model.weights().items()})

    stop = FitListener("epoch_start", callback=lambda event: event.epoch == 2 and 1 / 0)
    with pytest.raises(ZeroDivisionError):
        session.fit(TRAIN, 4, val_data=TRAIN, listeners=[*listeners(), stop])
    best = steps_of(tmp_path / "run-best")
    Session.load(tmp_path / "run", session.backend).resume(TRAIN, TRAIN, listeners=listeners())
    assert steps_of(tmp_path / "run-best") == best == 6


class NotFiniteAt(Mse):
    """A loss that is not finite in a step of a given number, from 1."""

    def __init__(self, step: int) -> None:
        self.step, self._calls = step, 0

    def value_and_gradient(self, backend: Any, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
        value, gradient = super().value_and_gradient(backend, y_true, y_pred)
        self._calls += 1
        return value * (math.nan if self._calls == self.step else 1.0), gradient


def test_a_training_that_is_not_finite_keeps_the_last_finite_one(
    make_session: Callable[..., Session], tmp_path: Path
) -> None:
    session = make_session(Dense(1, input_dim=2, activation="linear"), loss=NotFiniteAt(8))
    with pytest.warns(RuntimeWarning, match="the training stopped"):
        history = session.fit(TRAIN, 5, listeners=[Checkpoint(tmp_path / "run")])
    assert (history.stopped_by, session.step) == ("not_finite", 9)
    assert Session.load(tmp_path / "run", "numpy", custom=[NotFiniteAt]).step == 6


def test_a_failure_is_one_warning_and_the_training_continues(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    checkpoint = Checkpoint(tmp_path / "run")
    session.fit(TRAIN, 1, listeners=[checkpoint])
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.warns(RuntimeWarning, match="no checkpoint was written after step 6 .*No space left") as caught:
            history = session.fit(TRAIN, 3, listeners=[checkpoint])
    assert len(caught) == 1
    assert (history.stopped_by, session.step) == ("epochs", 12)
    assert steps_of(tmp_path / "run") == 3
    assert os.listdir(tmp_path) == ["run"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        session.fit(TRAIN, 1, listeners=[Checkpoint(tmp_path / "run")])
    assert steps_of(tmp_path / "run") == 15


def test_a_session_that_cannot_be_described_is_refused_before_any_step(
    make_session: Callable[..., Session], tmp_path: Path
) -> None:
    session = make_session(Dense(1, input_dim=2, activation="relu"), loss=Mse(), optimizer=Fixed(lr=lambda update: 0.1))
    with pytest.raises(TypeError, match=r"`optimizer\.lr` is .*<lambda>"):
        session.fit(TRAIN, 1, listeners=[Checkpoint(tmp_path / "run")])
    assert (session.step, os.listdir(tmp_path)) == (0, [])


def test_a_missing_folder_is_refused_before_any_step(session: Session, tmp_path: Path) -> None:
    for path, message in ((tmp_path / "absent" / "run", "folder"), (tmp_path, "folder|directory")):
        with pytest.raises(OSError, match=message):
            session.fit(TRAIN, 1, listeners=[Checkpoint(path)])
    assert (session.step, os.listdir(tmp_path)) == (0, [])


def test_an_unknown_figure_is_refused_before_any_step(session: Session, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'val_loss' is not recorded here"):
        session.fit(TRAIN, 1, listeners=[Checkpoint(tmp_path / "run", best="val_loss")])
    assert session.step == 0


def test_a_relative_path_is_that_of_its_construction(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path)
    checkpoint = Checkpoint("run.ckpt")
    monkeypatch.chdir(tmp_path / "other")
    session.fit(TRAIN, 1, listeners=[checkpoint])
    assert steps_of(tmp_path / "run.ckpt") == 3


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"path": 3}, TypeError, "`path` must be a path"),
        ({"every_epochs": -1}, ValueError, "`every_epochs`"),
        ({"every_steps": 1.5}, TypeError, "`every_steps`"),
        ({"keep": 0}, ValueError, "`keep` must be 1 or greater"),
        ({"best": ""}, ValueError, "`best`"),
        ({"best": "val_f1"}, ValueError, "`mode` must be 'min' or 'max'"),
        ({"mode": "max"}, ValueError, "`mode` belongs to `best`"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Checkpoint(**({"path": "run"} | options))


def test_a_numbered_file_of_another_training_stays(make_session: Callable[..., Session], tmp_path: Path) -> None:
    make_session().save(tmp_path / "run-1.ckpt")
    x = np.ones((8, 2))
    make_session().fit(
        Dataset(x, np.zeros(8, int), batch_size=4), 4, listeners=[Checkpoint(tmp_path / "run.ckpt", keep=2)]
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run-1.ckpt", "run-6.ckpt", "run.ckpt"]


def test_a_best_checkpoint_that_could_not_be_written_is_tried_again(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save, failures = Session.save_if_finite, ["run-best"]

    def fail_once(self: Session, path: Path) -> bool:
        if Path(path).name in failures:
            failures.clear()
            raise OSError(28, "No space left on device")
        return save(self, path)

    monkeypatch.setattr(Session, "save_if_finite", fail_once)
    checkpoint = Checkpoint(tmp_path / "run", best="loss")
    with pytest.warns(RuntimeWarning, match="No space left"):
        session.fit(TRAIN, 3, listeners=[checkpoint])
    assert steps_of(tmp_path / "run-best") == 9


def test_no_checkpoint_between_entries_holds_numbers_that_are_not_finite(session: Session, tmp_path: Path) -> None:
    spoiled = X.copy()
    spoiled[7, 0] = np.nan
    train = Dataset(spoiled, X[:, :1], batch_size=1, shuffle=False)  # reached in step 8
    with pytest.warns(RuntimeWarning, match="row 7"):
        session.fit(train, 2, listeners=[Checkpoint(tmp_path / "run", every_steps=3, keep=2, best="loss")])
    assert {path.name: steps_of(path) for path in tmp_path.iterdir()} == {"run": 6, "run-3": 3}


def test_numbered_files_of_other_trainings_are_kept(session: Session, tmp_path: Path) -> None:
    for number in (1, 2, 30):
        session.save(tmp_path / f"run-{number}.ckpt")  # of step 0
    session.fit(TRAIN, 4, listeners=[Checkpoint(tmp_path / "run.ckpt", keep=2)])
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"run.ckpt", "run-9.ckpt", "run-1.ckpt", "run-2.ckpt", "run-30.ckpt"}


def test_the_best_of_several_fits_is_kept(session: Session, tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "run", best="loss")
    session.fit(TRAIN, 5, listeners=[checkpoint])
    best = steps_of(tmp_path / "run-best")
    session.model.set_weights({name: value + 9.0 for name, value in session.model.weights().items()})
    session.fit(TRAIN, 1, listeners=[checkpoint])
    assert (steps_of(tmp_path / "run-best"), steps_of(tmp_path / "run")) == (best, 18)


def test_a_memory_that_no_file_can_hold_is_a_warning(session: Session, tmp_path: Path) -> None:
    class Remembering:
        def __call__(self, event: Any) -> None:
            """Do nothing."""

        def state_dict(self) -> dict[str, Any]:
            return {"seen": {1, 2}}

        def load_state_dict(self, d: dict[str, Any]) -> None:
            """Drop the memory."""

    with pytest.warns(RuntimeWarning, match="no checkpoint was written after step 3 .*Remembering") as caught:
        session.fit(TRAIN, 3, listeners=[Remembering(), Checkpoint(tmp_path / "run")])
    assert (session.step, len(caught)) == (9, 1)


@pytest.mark.parametrize(("name", "value"), [("keep", 0), ("keep", "x"), ("every_epochs", -1)])
def test_options_are_checked_when_they_are_assigned(name: str, value: Any) -> None:
    checkpoint = Checkpoint("run")
    with pytest.raises((TypeError, ValueError), match=f"`{name}` must be"):
        setattr(checkpoint, name, value)


@pytest.mark.parametrize("name", ["path", "every_steps", "best"])
def test_other_options_cannot_be_assigned(name: str) -> None:
    with pytest.raises(AttributeError, match=f"`{name}` of Checkpoint cannot be assigned"):
        setattr(Checkpoint("run"), name, None)
