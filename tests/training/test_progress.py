"""The progress bar of a training."""

import re
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import tqdm
import tqdm.auto

from cutedl_xp import Dataset, Session
from cutedl_xp.listeners import EarlyStopping, Event, FitListener, Progress, TargetReached
from cutedl_xp.metrics import accuracy
from cutedl_xp.training.history import History
from cutedl_xp.training.stopping import Stopping

MakeSession = Callable[..., Session]


class Bar(tqdm.tqdm):
    """A recorded bar with its number of updates."""

    made: list["Bar"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.made.append(self)
        self.moves: list[int] = []
        self.closed = False

    def update(self, n: float = 1) -> bool | None:
        self.moves.append(int(n))
        return super().update(n)

    def close(self) -> None:
        super().close()
        self.closed = True


@pytest.fixture
def bars(monkeypatch: pytest.MonkeyPatch) -> list[Bar]:
    """Return all created bars."""
    monkeypatch.setattr(Bar, "made", [], raising=False)
    monkeypatch.setattr(tqdm, "tqdm", Bar)
    return Bar.made


@pytest.fixture
def data(clusters: Any) -> Dataset:
    """Return a data set with three batches per epoch."""
    return Dataset(*clusters, batch_size=64)


def test_a_bar_from_the_first_step_to_the_last(
    make_session: MakeSession, data: Dataset, bars: list[Bar], capsys: pytest.CaptureFixture[str]
) -> None:
    session = make_session(metrics=[accuracy])
    history = session.fit(data, epochs=4, val_data=data, listeners=[Progress("adam", show=True)])
    [bar] = bars
    assert (bar.total, bar.n, bar.closed) == (12, 12, True)
    assert sum(bar.moves) == 12
    words = {"loss": "loss", "val_loss": "val loss", "val_accuracy": "acc"}
    last = ", ".join(f"{word} {history.series(name)[-1]:.4f}" for name, word in words.items())
    out, err = capsys.readouterr()
    assert out == ""
    assert err.endswith("\n")
    shown = err.splitlines()[-1].rpartition("\r")[2]
    assert re.fullmatch(rf"adam: 12 steps, [0-9,]+/s, {last} 100%\|█+\|", shown)


def shown_on(columns: int, monkeypatch: pytest.MonkeyPatch, description: str, steps: int) -> str:
    """Return the line on a terminal with a number of columns after a number of steps."""

    class Narrow(Bar):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **{**kwargs, "dynamic_ncols": False, "ncols": columns})
            now = self.start_t
            self.start_t -= 120.0
            self._time = lambda: now  # independent of the speed of the machine

    history = History(["accuracy"])
    progress = Progress(description, show=True)
    monkeypatch.setattr(progress, "_make_bar", Narrow)
    progress(Event("epoch_start", None, history, 0, 0, last_epoch=4999, epoch_steps=938, stopping=Stopping(history)))
    history.append(steps=steps, cost_time=1.0, loss=0.31415, val_loss=0.27182, metrics={"accuracy": 0.92431})
    progress(Event("val_end", None, history, 0, steps, last_epoch=4999, epoch_steps=938, stopping=Stopping(history)))
    [bar] = Narrow.made
    bar.close()
    return str(bar)


@pytest.mark.parametrize(
    ("columns", "steps", "shown"),
    [
        (80, 24_388, "adam, seed 1: 24,388 steps, 203/s, loss 0.3141, val loss 0.2718, acc 0.9243"),
        (80, 1_135_918, "adam, seed 1: 1,135,918 steps, 9,466/s, loss 0.3141, val loss 0.2718, acc 0.9243"),
        (110, 24_388, "adam, seed 1: 24,388 steps, 203/s, loss 0.3141, val loss 0.2718, acc 0.9243   1%|"),
        (40, 24_388, "adam, seed 1: 24,388 steps, 203/s, loss"),
    ],
)
@pytest.mark.usefixtures("bars")
def test_the_figures_come_before_the_bar(monkeypatch: pytest.MonkeyPatch, columns: int, steps: int, shown: str) -> None:
    line = shown_on(columns, monkeypatch, "adam, seed 1", steps)
    assert line.startswith(shown)
    assert len(line.rstrip()) <= columns
    assert ("%|" in line) == ("%|" in shown)


@pytest.mark.usefixtures("bars")
def test_the_longest_run_fits_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    line = shown_on(80, monkeypatch, "fixed-small, seed 1", 1_135_918)
    assert line == "fixed-small, seed 1: 1,135,918 steps, 9,466/s, loss 0.314, val 0.272, acc 0.924"


@pytest.mark.usefixtures("bars")
def test_a_description_may_have_braces(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown_on(110, monkeypatch, "{adam} 0", 938).startswith("{adam} 0: 938 steps, ")


def test_without_val_data_it_shows_the_loss(make_session: MakeSession, data: Dataset, bars: list[Bar]) -> None:
    history = make_session().fit(data, epochs=2, listeners=[Progress(show=True)])
    [bar] = bars
    assert (bar.total, bar.n, bar.closed) == (6, 6, True)
    assert f"/s, loss {history.loss[-1]:.4f} 100%|" in str(bar)


def test_each_validation_is_shown_at_once(make_session: MakeSession, data: Dataset, bars: list[Bar]) -> None:
    shown: list[tuple[str, int]] = []
    note = FitListener("val_end", callback=lambda event: shown.append((str(bars[0]), bars[0].n)))
    history = make_session().fit(data, 1, val_data=data, val_steps=1, listeners=[Progress(show=True), note])
    for (line, moved), loss, val_loss, step in zip(shown, history.loss, history.val_loss, history.steps, strict=True):
        assert f"{step} steps, " in line
        assert f"/s, loss {loss:.4f}, val loss {val_loss:.4f} " in line
        assert moved == step


def test_each_fit_has_its_own_bar(make_session: MakeSession, data: Dataset, bars: list[Bar]) -> None:
    session, progress = make_session(), Progress(show=True)
    session.fit(data, epochs=2, listeners=[progress])
    session.fit(data, epochs=3, val_data=data, val_steps=2, listeners=[progress])
    assert [(bar.total, bar.n, bar.closed) for bar in bars] == [(6, 6, True), (9, 9, True)]


@pytest.mark.parametrize("progress_first", [True, False])
@pytest.mark.parametrize(("val_steps", "steps"), [(0, 6), (2, 4)])
def test_it_is_closed_where_the_training_is_stopped(
    make_session: MakeSession, data: Dataset, bars: list[Bar], progress_first: bool, val_steps: int, steps: int
) -> None:
    session = make_session()
    listeners: list[Any] = [Progress(show=True), EarlyStopping(patience=1, min_delta=100.0)]
    session.fit(data, 9, val_data=data, val_steps=val_steps, listeners=listeners if progress_first else listeners[::-1])
    [bar] = bars
    assert session.step == steps
    assert (bar.total, bar.n, bar.closed) == (steps, steps, True)


def test_the_bar_is_measured_against_the_earliest_stop(
    make_session: MakeSession, data: Dataset, bars: list[Bar]
) -> None:
    totals: list[tuple[int, int]] = []
    note = FitListener("epoch_start", "val_end", callback=lambda event: totals.append((bars[0].n, bars[0].total)))
    stop = EarlyStopping("val_accuracy", patience=4, min_delta=100.0, mode="max")
    target = TargetReached(target=-1.0, times=3)
    session = make_session(metrics=[accuracy])
    session.fit(data, 5000, val_data=data, listeners=[stop, Progress(show=True), note])
    assert [total for _, total in totals] == [15] * 10  # the first entry and four more, of three steps each
    assert session.step == 15
    session.fit(data, 2, val_data=data, listeners=[stop, target, Progress(show=True)])
    assert bars[1].total == 6  # all epochs, which are fewer


def test_an_entry_that_is_better_moves_the_earliest_stop_away(
    make_session: MakeSession, data: Dataset, bars: list[Bar]
) -> None:
    stop, totals = EarlyStopping(patience=2, min_delta=0.0), []
    note = FitListener("val_end", callback=lambda event: totals.append(bars[0].total))
    make_session().fit(data, 6, val_data=data, val_steps=2, listeners=[stop, Progress(show=True), note])
    assert totals[:3] == [6, 8, 10]


def test_a_fit_after_one_that_failed_closes_its_bar(make_session: MakeSession, data: Dataset, bars: list[Bar]) -> None:
    def fail(event: Any) -> None:
        raise LookupError("of the listener's own")

    session, progress = make_session(), Progress(show=True)
    with pytest.raises(LookupError):
        session.fit(data, epochs=2, listeners=[progress, FitListener("epoch_end", callback=fail)])
    assert not bars[0].closed
    session.fit(data, epochs=2, listeners=[progress])
    assert [bar.closed for bar in bars] == [True, True]


@pytest.mark.parametrize(("is_terminal", "show", "count"), [(False, None, 0), (True, None, 1), (True, False, 0)])
def test_it_is_shown_on_terminals(
    make_session: MakeSession,
    data: Dataset,
    bars: list[Bar],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    is_terminal: bool,
    show: bool | None,
    count: int,
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)
    make_session().fit(data, epochs=2, listeners=[Progress(show=show)])
    assert len(bars) == count
    assert (capsys.readouterr().err == "") == (count == 0)


def test_the_line_of_the_bar_can_be_chosen(make_session: MakeSession, data: Dataset, bars: list[Bar]) -> None:
    make_session().fit(data, epochs=1, listeners=[Progress(position=2, show=True)])
    assert bars[0].pos == -2


def test_without_tqdm_the_error_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)
    with pytest.raises(ImportError, match=r'^Progress needs tqdm, .*: pip install "cutedl_xp\[progress\]"$'):
        Progress()


@pytest.mark.parametrize(
    ("is_terminal", "verbose", "count"), [(True, None, 1), (True, False, 0), (False, None, 0), (False, True, 1)]
)
def test_fit_and_resume_show_it_where_it_can_be_seen(
    make_session: MakeSession,
    data: Dataset,
    bars: list[Bar],
    monkeypatch: pytest.MonkeyPatch,
    is_terminal: bool,
    verbose: bool | None,
    count: int,
) -> None:
    def interrupt(event: Event) -> None:
        if event.epoch == 0:
            raise KeyboardInterrupt

    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)
    session = make_session()
    with pytest.raises(KeyboardInterrupt):
        session.fit(data, 2, listeners=[FitListener("epoch_end", callback=interrupt)], verbose=verbose)
    assert len(bars) == count
    session.resume(data, verbose=verbose)
    assert [bar.closed for bar in bars][count:] == [True] * count


@pytest.mark.usefixtures("bars")
def test_fit_adds_none_to_one_that_is_listed(make_session: MakeSession, data: Dataset) -> None:
    make_session().fit(data, 1, listeners=[Progress(show=True)], verbose=True)
    assert len(Bar.made) == 1


def test_verbose_needs_tqdm_only_if_it_is_true(
    make_session: MakeSession, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setitem(sys.modules, "tqdm", None)
    session = make_session()
    session.fit(data, 1)
    with pytest.raises(ImportError, match="Progress needs tqdm"):
        session.fit(data, 1, verbose=True)
    with pytest.raises(TypeError, match="`verbose` must be True, False or None; got 2"):
        session.fit(data, 1, verbose=2)  # type: ignore[arg-type]
    assert session.epoch == 1


def test_notebooks_get_the_bar_of_tqdm_auto(monkeypatch: pytest.MonkeyPatch) -> None:
    class ZMQInteractiveShell:
        pass

    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=ZMQInteractiveShell))
    monkeypatch.setattr(tqdm.auto, "tqdm", Bar)
    progress = Progress()
    assert progress.show
    assert progress._make_bar is Bar


@pytest.mark.usefixtures("bars")
def test_the_speed_leaves_out_the_time_before_the_first_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("cutedl_xp.training.progress.time.perf_counter", lambda: now[0])
    history, progress = History(), Progress(show=True)
    moments = ("epoch_start", 0, 0.0), ("val_end", 10, 100.0), ("epoch_end", 10, 110.0), ("val_end", 30, 120.0)
    for name, step, seconds in moments:
        now[0] = seconds
        progress(Event(name, None, history, 0, step, 9, 10, Stopping(history)))
    assert ": 30 steps, 2/s" in f": {Bar.made[0]}"
