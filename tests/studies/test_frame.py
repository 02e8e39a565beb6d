"""A study as a DataFrame."""

import sys

import pytest

from cutedl_xp import studies


@pytest.fixture
def folder(make_plan, tmp_path):
    pytest.importorskip("threadpoolctl")
    studies.Study(tmp_path, make_plan()).run(jobs=1, checkpoint_every=0)
    return tmp_path


def test_a_frame_has_a_row_for_each_run(folder):
    pytest.importorskip("pandas")
    frame = studies.to_frame(folder)
    assert len(frame) == 4
    medians = frame.groupby("optimizer")["test_accuracy"].median()
    assert set(medians.index) == {"adam(lr=0.01)", "momentum"}
    runs = {(run["optimizer"], run["seed"]): run["figures"] for run in studies.read(folder)}
    for row in frame.to_dict("records"):
        assert row["val_loss"] == runs[row["optimizer"], row["seed"]]["val_loss"]


def test_pandas_is_named_if_missing(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="a DataFrame needs pandas, which is not installed"):
        studies.to_frame(folder)
