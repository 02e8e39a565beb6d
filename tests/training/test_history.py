"""The record of a training: plain lists by name."""

import copy
import csv
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cutedl_xp import Dataset, History, Session
from cutedl_xp.listeners import ReduceOnPlateau
from cutedl_xp.optimizers import Adam, ClipByValue, Fixed, Groups, Momentum
from cutedl_xp.schedules import Step
from cutedl_xp.training.history import record_stop

MakeSession = Callable[..., Session]
Clusters = tuple[np.ndarray, np.ndarray]


@pytest.fixture
def history() -> History:
    """Return two entries of a training with validation and two metrics."""
    history = History(metrics=["accuracy", "recall"])
    history.append(steps=3, cost_time=0.5, loss=2.0, val_loss=1.5, metrics={"accuracy": 0.5, "recall": 0.25})
    history.append(steps=6, cost_time=1.0, loss=1.0, val_loss=0.75, metrics={"accuracy": 1.0, "recall": 0.5})
    return history


def test_entries_are_lists_of_plain_numbers(history: History) -> None:
    assert history.steps == [3, 6]
    assert history.cost_time == [0.5, 1.0]
    assert history.loss == [2.0, 1.0]
    assert history.val_loss == [1.5, 0.75]
    assert history.val_accuracy == [0.5, 1.0]
    assert history.val_recall == [0.25, 0.5]
    assert len(history) == 2


def test_it_begins_empty_and_open() -> None:
    history = History(metrics=["accuracy"])
    assert history.steps == history.cost_time == history.loss == history.val_loss == history.val_accuracy == []
    assert len(history) == 0
    assert history.stop_reason is None


def test_series_gives_the_lists_by_name(history: History) -> None:
    assert history.recorded == ("loss", "val_loss", "val_accuracy", "val_recall")
    for name in history.recorded:
        assert history.series(name) is getattr(history, name)


@pytest.mark.parametrize("name", ["accuracy", "val_precision", "steps", "cost_time", "stop_reason", "", "_metrics"])
def test_series_refuses_names_that_are_not_recorded(history: History, name: str) -> None:
    with pytest.raises(ValueError, match=f"'{name}' is not recorded here, only 'loss', 'val_loss', 'val_accuracy'"):
        history.series(name)


def test_without_validation_its_figures_stay_empty() -> None:
    history = History(metrics=["accuracy"], validated=False)
    history.append(steps=1, cost_time=0.1, loss=1.0)
    assert history.recorded == ("loss",)
    assert history.val_loss == history.val_accuracy == []
    with pytest.raises(ValueError, match=r"'val_loss' is not recorded here, only 'loss'; give fit\(\) its val_data"):
        history.series("val_loss")


@pytest.mark.parametrize("name", ["accuracy", "val_precision", "losses"])
def test_a_name_that_it_does_not_have_is_an_attribute_error(history: History, name: str) -> None:
    with pytest.raises(AttributeError, match=f"this history has no '{name}'"):
        getattr(history, name)


def test_a_metric_that_was_not_announced_is_refused(history: History) -> None:
    with pytest.raises(KeyError):
        history.append(steps=9, cost_time=1.0, loss=1.0, val_loss=1.0, metrics={"precision": 1.0})


def test_copies_are_independent(history: History) -> None:
    copied = copy.deepcopy(history)
    copied.append(steps=9, cost_time=2.0, loss=0.5, val_loss=0.5, metrics={"accuracy": 1.0, "recall": 1.0})
    record_stop(copied, "listener", "enough")
    assert (len(history), len(history.val_recall), history.stop_reason) == (2, 2, None)
    assert (len(copied), len(copied.val_recall), copied.stop_reason) == (3, 3, "enough")


def test_repr_shows_the_last_entry(history: History) -> None:
    record_stop(history, "epochs", "all epochs done")
    assert repr(history).splitlines()[0] == (
        "<History of 2 entries: steps=6, loss=1.0000, val_loss=0.7500, val_accuracy=1.0000, val_recall=0.5000, "
        "stop_reason='all epochs done'>"
    )
    header, first, last = (line.split() for line in repr(history).splitlines()[1:])
    assert header[:4] == ["steps", "cost_time", "loss", "val_loss"]
    assert (first[0], last[0], last[2:4]) == (str(history.steps[0]), "6", ["1", "0.75"])
    assert repr(History()) == "<History of 0 entries: steps=0, stop_reason=None>"


def test_the_tables_are_short_and_escaped() -> None:
    history = History(["<b>"])
    for step in range(1, 101):
        history.append(steps=step * 1000, cost_time=0.5, loss=1.0, val_loss=2.0, metrics={"<b>": 0.25})
    lines = [line.split() for line in repr(history).splitlines()[2:]]
    assert [line[0] for line in lines] == ["1,000", "2,000", "3,000", "...", "98,000", "99,000", "100,000"]
    shown = history._repr_html_()
    assert (shown.count("<tr>"), shown.count("<td>")) == (8, 35)
    assert "val_&lt;b&gt;" in shown
    assert "<b>" not in shown


GROUPS = ("*/bias", "*")


def with_rates(groups: tuple[str, ...] | None = None) -> History:
    """Return three entries with learning rates and unusual numbers."""
    history = History(metrics=["accuracy"], groups=groups)
    for step, value in enumerate([0.1 + 0.2, math.nan, -math.inf], 1):
        lr = value if groups is None else dict.fromkeys(groups, value)
        history.append(steps=step, cost_time=step / 3, loss=value, val_loss=value, metrics={"accuracy": value}, lr=lr)
    record_stop(history, "not_finite", "loss is nan at step 2")
    return history


def test_learning_rates_of_one_rule_and_of_groups() -> None:
    assert repr(with_rates().lr) == "[0.30000000000000004, nan, -inf]"
    assert repr(with_rates(GROUPS).lr) == repr({pattern: [0.1 + 0.2, math.nan, -math.inf] for pattern in GROUPS})
    assert History().lr == []
    assert History(groups=()).lr == {}


def is_plain(value: Any) -> bool:
    if type(value) is dict:
        return all(type(key) is str and is_plain(each) for key, each in value.items())
    return all(map(is_plain, value)) if type(value) is list else type(value) in (int, float, bool, str, type(None))


@pytest.mark.parametrize("groups", [None, GROUPS, ()])
@pytest.mark.parametrize("validated", [True, False])
def test_a_dict_is_plain_and_comes_back(groups: tuple[str, ...] | None, validated: bool) -> None:
    histories = [with_rates(groups), History(metrics=["accuracy"], validated=validated, groups=groups)]
    for history in histories:
        d = history.to_dict()
        assert is_plain(d)
        back = History.from_dict(json.loads(json.dumps(d)))
        assert repr(back.to_dict()) == repr(d)
        assert (back.stopped_by, back.stop_reason, back.recorded) == (
            history.stopped_by,
            history.stop_reason,
            history.recorded,
        )
        d["steps"].append(9)
        assert len(back) == len(history) == len(d["steps"]) - 1


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        (None, TypeError, "`d` must be a dict such as history.to_dict"),
        ({"more": 1}, ValueError, "`d` must have the keys 'steps', .*; got .*'more'"),
        ({"steps": 3}, TypeError, "`steps` must be a list or tuple; got 3"),
        ({"loss": ["0.1"]}, TypeError, "`loss` must be a list of numbers; got '0.1'"),
        ({"metrics": []}, TypeError, "`metrics` must be a dict of lists"),
        ({"metrics": {"accuracy": [True]}}, TypeError, r"`metrics\['accuracy'\]` must be a list of numbers; got True"),
        ({"lr": {"*": [None]}}, TypeError, r"`lr\['\*'\]` must be a list of numbers; got None"),
        ({"validated": 1}, TypeError, "`validated` must be True or False"),
        ({"stopped_by": "me"}, ValueError, "`stopped_by` must be one of 'epochs', 'listener'"),
        ({"stop_reason": 3}, TypeError, "`stop_reason` must be a string"),
    ],
)
def test_from_dict_refuses(change: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        History.from_dict(change if change is None else with_rates().to_dict() | change)


def test_a_csv_file_has_every_digit(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    path.write_text("former")
    with_rates().to_csv(path)
    rows = list(csv.reader(path.read_text().splitlines()))
    assert rows[0] == ["steps", "cost_time", "loss", "val_loss", "val_accuracy", "lr"]
    assert [float(row[2]) for row in rows[1:2]] == [0.1 + 0.2]
    assert rows[2][1:4] == ["0.6666666666666666", "nan", "nan"]
    assert rows[3][-1] == "-inf"
    assert [file.name for file in tmp_path.iterdir()] == ["history.csv"]


def test_a_csv_file_has_a_column_for_each_group_and_none_for_an_empty_list(tmp_path: Path) -> None:
    history = History(metrics=["accuracy"], validated=False, groups=GROUPS)
    history.append(steps=1, cost_time=0.5, loss=1.0, lr={"*/bias": 0.1, "*": 0.2})
    history.to_csv(tmp_path / "history.csv")
    assert (tmp_path / "history.csv").read_text() == "steps,cost_time,loss,lr[*/bias],lr[*]\n1,0.5,1.0,0.1,0.2\n"
    History().to_csv(tmp_path / "empty.csv")
    assert (tmp_path / "empty.csv").read_text() == "steps\n"


def test_updates_that_were_skipped() -> None:
    history = with_rates()
    assert history.skipped == []
    history.append(steps=4, cost_time=2.0, loss=1.0, skipped=3)
    assert history.skipped == [3]
    assert History.from_dict(history.to_dict()).skipped == [3]
    former = {name: value for name, value in history.to_dict().items() if name != "skipped"}
    assert History.from_dict(former).skipped == []
    with pytest.raises(TypeError, match="`skipped` must be a list of numbers; got '3'"):
        History.from_dict(former | {"skipped": ["3"]})


def test_a_csv_file_has_a_column_of_skipped_updates(tmp_path: Path) -> None:
    history = History(validated=False)
    history.append(steps=1, cost_time=0.5, loss=1.0, lr=0.1, skipped=2)
    history.to_csv(tmp_path / "history.csv")
    assert (tmp_path / "history.csv").read_text() == "steps,cost_time,loss,skipped,lr\n1,0.5,1.0,2,0.1\n"


def test_a_csv_file_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="cannot be written"):
        with_rates().to_csv(tmp_path / "missing" / "history.csv")


def test_fit_records_the_rate_of_the_last_update(make_session: MakeSession, clusters: Clusters) -> None:
    train = Dataset(*clusters, batch_size=64)  # three updates per epoch
    session = make_session(optimizer=Adam(Step(0.5, every=3, factor=0.5)))
    assert session.fit(train, 3).lr == [0.5, 0.25, 0.125]
    reduce = ReduceOnPlateau("loss", factor=0.5, patience=1, min_delta=1e9)
    assert make_session(optimizer=Adam(0.5)).fit(train, 4, listeners=[reduce]).lr == [0.5, 0.5, 0.25, 0.125]
    groups = Groups({"*/bias": Fixed(0.1), "*": ClipByValue(Momentum(0.2), 1.0)})
    assert make_session(optimizer=groups).fit(train, 2).lr == {"*/bias": [0.1, 0.1], "*": [0.2, 0.2]}
