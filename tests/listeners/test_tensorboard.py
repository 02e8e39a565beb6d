"""The event files that TensorBoard reads."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cutedl_xp import Dataset, Session
from cutedl_xp.listeners import FitListener, TensorBoard
from cutedl_xp.metrics import accuracy

MakeSession = Callable[..., Session]


@pytest.fixture
def data(clusters: Any) -> Dataset:
    return Dataset(*clusters, batch_size=64)


def read(folder: Path) -> dict[str, list[tuple[int, float]]]:
    accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    accumulator = accumulators.EventAccumulator(str(folder))
    accumulator.Reload()
    return {
        name: [(each.step, each.tensor_proto.float_val[0]) for each in accumulator.Tensors(name)]
        for name in accumulator.Tags()["tensors"]
    }


@pytest.mark.filterwarnings("default")  # TensorBoard's own
def test_the_files_hold_the_history(make_session: MakeSession, data: Dataset, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    session, listener = make_session(metrics=[accuracy]), TensorBoard(tmp_path / "run")
    seen: list[int] = []
    look = FitListener("epoch_end", callback=lambda event: seen.append(len(read(tmp_path / "run")["loss"])))
    histories = [session.fit(data, 2, val_data=data, listeners=[listener, look]) for _ in range(2)]
    shown = read(tmp_path / "run")
    assert seen == [1, 2, 3, 4]  # entries are readable while the training runs
    assert set(shown) == {"loss", "val_loss", "val_accuracy", "lr"}
    for name, points in shown.items():
        values = [value for history in histories for value in getattr(history, name)]
        assert [step for step, _ in points] == [3, 6, 9, 12]
        assert [value for _, value in points] == pytest.approx(values, rel=1e-6)


def test_without_tensorboard_it_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard.summary", None)
    with pytest.raises(ImportError, match=r"^TensorBoard needs tensorboard, .*\[tensorboard\]"):
        TensorBoard("run")
