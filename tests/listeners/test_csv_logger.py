"""The CSV file that grows with the history."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cutedl_xp import Dataset, Session
from cutedl_xp.listeners import Checkpoint, CsvLogger, Event, FitListener
from cutedl_xp.metrics import accuracy

MakeSession = Callable[..., Session]


@pytest.fixture
def data(clusters: Any) -> Dataset:
    return Dataset(*clusters, batch_size=64)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.csv"


def steps_in(path: Path) -> list[int]:
    return [int(line.split(",")[0]) for line in path.read_text().splitlines()[1:]]


def test_the_file_is_that_of_the_history(make_session: MakeSession, data: Dataset, path: Path) -> None:
    history = make_session(metrics=[accuracy]).fit(data, 3, val_data=data, listeners=[CsvLogger(path)])
    history.to_csv(path.with_name("history.csv"))
    assert path.read_bytes() == path.with_name("history.csv").read_bytes()


def test_each_row_is_written_whole_at_its_entry(make_session: MakeSession, data: Dataset, path: Path) -> None:
    seen: list[str] = []
    look = FitListener("val_end", callback=lambda event: seen.append(path.read_text()))
    make_session().fit(data, 1, val_data=data, val_steps=1, listeners=[CsvLogger(path), look])
    assert [text.count("\n") for text in seen] == [2, 3, 4]
    assert all(text.endswith("\n") for text in seen)


def test_another_fit_continues_and_another_session_replaces(
    make_session: MakeSession, data: Dataset, path: Path
) -> None:
    session, listener = make_session(), CsvLogger(path)
    session.fit(data, 2, listeners=[listener])
    session.fit(data, 2, listeners=[listener])
    assert steps_in(path) == [3, 6, 9, 12]
    make_session().fit(data, 1, listeners=[CsvLogger(path)])
    assert steps_in(path) == [3]


def test_a_resumed_training_repeats_no_row(make_session: MakeSession, data: Dataset, path: Path) -> None:
    pytest.importorskip("safetensors")

    def fail(event: Event) -> None:
        if event.epoch == 3:
            raise LookupError("of the test")

    saved = path.with_suffix(".ckpt")
    session = make_session()
    checkpoint = Checkpoint(saved, every_epochs=2)
    with pytest.raises(LookupError):
        session.fit(data, 5, listeners=[CsvLogger(path), checkpoint, FitListener("epoch_end", callback=fail)])
    path.write_text(path.read_text() + "13,0.")  # an incomplete row after a crash
    loaded = Session.load(saved, backend=session.backend.name)
    history = loaded.resume(data, listeners=[CsvLogger(path)])
    assert steps_in(path) == history.steps == [3, 6, 9, 12, 15]


def test_other_figures_add_columns(make_session: MakeSession, data: Dataset, path: Path) -> None:
    session = make_session(metrics=[accuracy])
    session.fit(data, 1, listeners=[CsvLogger(path)], train_metrics=False)
    begun = path.read_text().splitlines()
    session.fit(data, 2, val_data=data, listeners=[CsvLogger(path)])
    header, *rows = [line.split(",") for line in path.read_text().splitlines()]
    names = begun[0].split(",")
    assert header == [*names, "val_loss", "val_accuracy"]
    assert rows[0] == [*begun[1].split(","), "", ""]
    history = session.history
    assert history is not None
    assert [float(row[-2]) for row in rows[1:]] == history.val_loss
    assert [float(row[header.index("loss")]) for row in rows[1:]] == history.loss
    session.fit(data, 1, listeners=[CsvLogger(path)], train_metrics=False)
    header, *rows = [line.split(",") for line in path.read_text().splitlines()]
    assert header == [*names, "val_loss", "val_accuracy"]
    assert [row[-2:] == ["", ""] for row in rows] == [True, False, False, True]
    assert steps_in(path) == [3, 6, 9, 12]


def test_a_new_session_drops_the_columns_of_the_one_before(
    make_session: MakeSession, data: Dataset, path: Path
) -> None:
    make_session().fit(data, 1, val_data=data, listeners=[CsvLogger(path)])
    history = make_session().fit(data, 1, listeners=[CsvLogger(path)])
    history.to_csv(path.with_name("history.csv"))
    assert path.read_bytes() == path.with_name("history.csv").read_bytes()


def test_files_and_folders_are_checked_before_the_first_step(
    make_session: MakeSession, data: Dataset, path: Path
) -> None:
    session = make_session()
    path.write_text("a letter\n")
    with pytest.raises(ValueError, match="must not replace"):
        session.fit(data, 1, listeners=[CsvLogger(path)])
    with pytest.raises(FileNotFoundError, match=r"existing folder; create '.*missing' first"):
        session.fit(data, 1, listeners=[CsvLogger(path.parent / "missing" / "run.csv")])
    assert session.step == 0
    assert path.read_text() == "a letter\n"
    with pytest.raises(TypeError, match="path"):
        CsvLogger(3)  # type: ignore[arg-type]
