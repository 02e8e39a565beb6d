"""Event files have the histories of all runs, once, with NaN where a loss was not finite."""

import math
import sys

import pytest

from cutedl_xp.studies.run import execute
from cutedl_xp.studies.tensorboard import write_events


@pytest.fixture
def runs(make_plan):
    plan = make_plan(optimizers=["adam(lr=0.01)", "fixed(lr=0.1)"], seeds=[1])
    return [execute(spec) for spec in plan.runs(plan.tasks)]


def read_scalars(folder):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    events = accumulator.EventAccumulator(str(folder))
    events.Reload()
    return {
        name: [(event.step, event.tensor_proto.float_val[0]) for event in events.Tensors(name)]
        for name in events.Tags()["tensors"]
    }


@pytest.mark.filterwarnings("default")  # warnings of TensorBoard
def test_histories_are_written_once(runs, tmp_path):
    pytest.importorskip("tensorboard")
    runs[1]["history"]["val_loss"][-1] = math.nan
    for _ in range(2):
        assert write_events(runs, tmp_path) == tmp_path / "tensorboard"
    folders = sorted((tmp_path / "tensorboard").iterdir())
    assert [len(list(folder.iterdir())) for folder in folders] == [1, 1]
    for folder, run in zip(folders, runs, strict=True):
        scalars = read_scalars(folder)
        assert scalars.keys() == {"loss", "val_loss", "val_accuracy"}
        assert [step for step, _ in scalars["val_loss"]] == run["history"]["steps"]
        written = [value for _, value in scalars["val_loss"]]
        assert written == pytest.approx(run["history"]["val_loss"], rel=1e-6, nan_ok=True)


def test_data_with_long_paths_has_a_folder(runs, tmp_path):
    pytest.importorskip("tensorboard")
    runs = [run | {"data": f"{'x' * 200}/" * 3 + "data.npz"} for run in runs]
    write_events(runs, tmp_path)
    assert len(list((tmp_path / "tensorboard").iterdir())) == 2


def test_tensorboard_is_named_if_missing(runs, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard.summary", None)
    with pytest.raises(ImportError, match="needs tensorboard, which is not installed"):
        write_events(runs, tmp_path)
    assert list(tmp_path.iterdir()) == []
