"""A store contains each finished run once, and raises one sentence for damaged and foreign files."""

import json
import math

import pytest

from cutedl_xp import studies
from cutedl_xp.studies import store as stores
from cutedl_xp.studies.run import execute
from cutedl_xp.studies.store import Store, find_free_folder, read_run


@pytest.fixture
def plan(make_plan):
    return make_plan(optimizers=["adam(lr=0.01)"], seeds=[1])


@pytest.fixture
def spec(plan):
    return plan.runs(plan.tasks)[0]


@pytest.fixture
def stored(plan, spec, tmp_path):
    """Return a store with a plan and a finished run, and the run."""
    store = Store(tmp_path / "study")
    run = execute(spec)
    store.write_plan(plan, {spec.data: run["data_sha256"]})
    store.add(spec, run)
    return store, run


def read(store):
    plan, digests = store.read_plan()
    return list(store.read_runs(plan.settings, digests).values())


def test_stored_values_are_read(stored, plan, spec):
    store, run = stored
    assert store.read_plan() == (plan, {spec.data: run["data_sha256"]})
    assert read(store) == [run]
    assert [path.name for path in (store.folder / "runs").iterdir()] == [f"{spec.name}.json"]


def test_a_checkpoint_is_removed_with_its_run(stored, spec):
    store, run = stored
    store.checkpoint_path(spec).write_text("")
    assert store.add(spec, run) == run
    assert not store.checkpoint_path(spec).exists()


def test_numbers_that_are_not_finite_are_null_in_the_file_and_nan_when_read(stored, spec):
    store, run = stored
    run["history"]["val_loss"][-1] = math.nan
    run["history"]["metrics"]["accuracy"][0] = math.inf
    run["figures"] |= {"val_loss": math.nan, "test_loss": -math.inf, "seconds_to_target": None}
    added = store.add(spec, run)
    text = store.run_path(spec).read_text()
    assert "NaN" not in text
    assert "Infinity" not in text
    for each in (added, *read(store)):
        assert math.isnan(each["history"]["val_loss"][-1])
        assert math.isnan(each["history"]["metrics"]["accuracy"][0])
        assert math.isnan(each["figures"]["val_loss"])
        assert math.isnan(each["figures"]["test_loss"])
        assert each["figures"]["seconds_to_target"] is None
        assert each["figures"]["test_accuracy"] == run["figures"]["test_accuracy"]


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"3", b"null", b"{}", b"\xff\xfe", b"[" * 100_000, b'{"format": 1}', b'"data"']
)
def test_damaged_files_are_refused_in_one_sentence(stored, spec, content):
    store, _ = stored
    for path, read_file, remedy in (
        (store.run_path(spec), lambda: read(store), "remove it to make its run again"),
        (store.folder / "study.json", store.read_plan, "restore it"),
    ):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=remedy) as refusal:
            read_file()
        assert str(path) in str(refusal.value)
        assert "\n" not in str(refusal.value)
        assert len(str(refusal.value)) < 1000
        path.unlink()
        if path.name != "study.json":
            assert read(store) == []


@pytest.mark.parametrize(
    "damage",
    [
        {"format": 2},
        {"history": {}},
        {"history": None},
        {"figures": []},
        {"figures": {"loss": 1.0}},
        {"settings": {"epoch": 2}},
        {"settings": []},
        {"seed": [1]},
        {"optimizer": {}},
    ],
)
def test_damaged_runs_are_refused(stored, spec, damage):
    store, _ = stored
    path = store.run_path(spec)
    path.write_text(json.dumps(json.loads(path.read_text()) | damage))
    with pytest.raises(ValueError, match=r"is damaged .*; remove it to make its run again"):
        read_run(path)


def test_a_truncated_run_is_refused_at_every_length(stored, spec):
    store, _ = stored
    path = store.run_path(spec)
    content = path.read_bytes()
    for length in range(0, len(content) - 2, 97):
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match="is damaged"):
            read(store)


def test_a_plan_of_another_format_is_refused(stored):
    store, _ = stored
    path = store.folder / "study.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 2}))
    with pytest.raises(ValueError, match="its format is 2, not 1"):
        store.read_plan()


def test_runs_of_another_study_are_refused(stored, make_plan):
    store, _ = stored
    other = make_plan({"epochs": 1}, optimizers=["adam(lr=0.01)"], seeds=[1])
    spec = other.runs(other.tasks)[0]
    store.add(spec, execute(spec))
    with pytest.raises(ValueError, match=r"belongs to a study with other settings or data; remove it"):
        read(store)


def test_a_run_in_two_files_is_refused(stored, spec):
    store, _ = stored
    path = store.run_path(spec)
    path.with_name("copy.json").write_bytes(path.read_bytes())
    with pytest.raises(ValueError, match="another file in this folder holds as well; remove one"):
        read(store)


def test_other_files_are_left_alone(stored, spec):
    store, run = stored
    for name in ("notes.txt", ".hidden.json.cutedl_xp.tmp", "copy.json.bak"):
        (store.folder / "runs" / name).write_text("mine")
    assert read(store) == [run]


def test_a_folder_without_a_study_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"is not the folder of a study, since it has no study\.json"):
        studies.read(tmp_path)


def test_a_folder_that_cannot_be_made_is_refused(plan, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"file/study cannot be written.*name another folder"):
        Store(tmp_path / "file" / "study").write_plan(plan, {})


def test_a_full_disk_leaves_the_stored_run(stored, spec, monkeypatch):
    store, run = stored

    def refuse(path, content):
        raise OSError(28, "cannot be written: No space left on device", str(path))

    monkeypatch.setattr(stores, "write_atomically", refuse)
    with pytest.raises(OSError, match="No space left"):
        store.add(spec, run | {"seed": 9})
    assert read(store) == [run]


def test_the_first_free_folder_is_found(stored, tmp_path):
    assert find_free_folder(tmp_path / "new") == tmp_path / "new"
    assert find_free_folder(tmp_path / "study") == tmp_path / "study-2"
    (tmp_path / "study-2").mkdir()
    assert find_free_folder(tmp_path / "study") == tmp_path / "study-3"
