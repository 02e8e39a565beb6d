"""The progress of the commands."""

from collections.abc import Callable
from typing import Any

import pytest

from cutedl_xp import Dataset, Session
from cutedl_xp.commands._progress import TrainingProgress
from cutedl_xp.listeners import TargetReached
from cutedl_xp.metrics import accuracy


@pytest.mark.parametrize("with_target", [False, True])
def test_the_bar_of_a_training_is_measured_against_the_earliest_stop(
    make_session: Callable[..., Session], clusters: Any, monkeypatch: pytest.MonkeyPatch, with_target: bool
) -> None:
    progress, shown = TrainingProgress(5), []
    monkeypatch.setattr(progress, "show", lambda line, completed, total, note: shown.append((completed, total)))
    listeners = [progress, *([TargetReached(target=-1.0, times=3)] if with_target else [])]
    data = Dataset(*clusters)
    make_session(metrics=[accuracy]).fit(data, 5, val_data=data, listeners=listeners)
    assert shown == ([(1, 3), (2, 3), (3, 3)] if with_target else [(each, 5) for each in range(1, 6)])
