"""Studies make each missing run once, can be extended, and reject changes that make runs incomparable."""

import json
import math
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cutedl_xp import studies
from cutedl_xp.studies import executors
from cutedl_xp.studies.run import execute

pytest.importorskip("threadpoolctl")
pytest.importorskip("safetensors")


def names(folder):
    return sorted(path.name for path in (Path(folder) / "runs").iterdir())


def test_a_study_makes_each_run_once(make_plan, tmp_path):
    study = studies.Study(tmp_path / "study", make_plan())
    assert not study.folder.exists()
    assert len(study.missing) == 4
    seen = []
    assert study.run(jobs=1, ended=seen.append) == []
    assert [outcome.spec for outcome in seen] == make_plan().runs(make_plan().tasks)
    assert study.missing == []
    assert study.run(jobs=1, ended=seen.append) == []
    assert len(seen) == 4
    assert studies.read(study.folder) == sorted(study.runs, key=lambda run: names(study.folder).index(name_of(run)))
    assert list((study.folder / "checkpoints").iterdir()) == []


def name_of(run):
    spec = studies.Plan(
        data=[run["data"]],
        models=[run["model"]],
        optimizers=[run["optimizer"]],
        seeds=[run["seed"]],
        settings=studies.Settings.from_dict(run["settings"]),
    ).runs([(run["data"], run["model"])])[0]
    return f"{spec.name}.json"


def test_processes_give_the_same_bits(make_plan, without_times, tmp_path):
    pytest.importorskip("loky")
    one, two = (studies.Study(tmp_path / name, make_plan()) for name in ("one", "two"))
    assert one.run(jobs=1) == two.run(jobs=2) == []
    assert without_times(one.runs) == without_times(two.runs)
    assert names(one.folder) == names(two.folder)


def test_an_opened_study_is_the_same(make_plan, tmp_path):
    study = studies.Study(tmp_path, make_plan())
    study.run(jobs=1)
    for opened in (studies.Study(tmp_path), studies.Study(tmp_path, make_plan())):
        assert opened.runs == study.runs
        assert opened.plan == study.plan
        assert opened.missing == []


@pytest.mark.parametrize(
    "changes", [{"seeds": [2, 3]}, {"optimizers": ["lion", "momentum"]}, {"models": ["4-5-3"]}], ids=str
)
def test_a_study_grows(make_plan, tmp_path, changes):
    studies.Study(tmp_path, make_plan()).run(jobs=1)
    before = {name: (tmp_path / "runs" / name).stat().st_mtime_ns for name in names(tmp_path)}
    study = studies.Study(tmp_path, make_plan(**changes))
    new = [spec for spec in study.missing if f"{spec.name}.json" not in before]
    assert new == study.missing
    study.run(jobs=1)
    assert len(names(tmp_path)) == len(study.runs) == len(before) + len(new)
    assert all((tmp_path / "runs" / name).stat().st_mtime_ns == time for name, time in before.items())
    assert studies.Study(tmp_path).plan == study.plan


def test_a_study_grows_by_data(make_plan, small_data, tmp_path):
    arrays = dict(np.load(small_data))
    other = tmp_path / "ä other.npz"
    np.savez(other, x=arrays["x"][:, :2], y=arrays["y"])
    folder = tmp_path / "study"
    studies.Study(folder, make_plan(seeds=[1])).run(jobs=1)
    study = studies.Study(folder, make_plan(data=[str(other)], models=["2-3"]))
    study.run(jobs=1)
    assert {(run["data"], run["model"]) for run in study.runs} == {(small_data, "4-3"), (str(other), "2-3")}


def test_other_settings_are_refused_and_change_nothing(make_plan, tmp_path):
    studies.Study(tmp_path, make_plan(seeds=[1])).run(jobs=1)
    before = (tmp_path / "study.json").read_bytes()
    with pytest.raises(ValueError, match=r"epochs \(2, now 3\)"):
        studies.Study(tmp_path, make_plan({"epochs": 3}))
    assert (tmp_path / "study.json").read_bytes() == before


def test_new_begins_another_study(make_plan, tmp_path):
    first = studies.Study(tmp_path / "study", make_plan(seeds=[1]), new=True)
    first.run(jobs=1)
    second = studies.Study(tmp_path / "study", make_plan({"epochs": 1}, seeds=[1]), new=True)
    second.run(jobs=1)
    assert (first.folder, second.folder) == (tmp_path / "study", tmp_path / "study-2")
    assert len(names(first.folder)) == len(names(second.folder)) == 2


@pytest.mark.parametrize(
    ("settings", "changes"),
    [
        ({}, {"data": ["no/such/file.npz"]}),
        ({}, {"models": ["5-3"]}),
        ({}, {"models": ["4-3", "9-3"]}),
        ({"target_column": "y"}, {}),
        ({"schedule": "cosine(warmup=1000)"}, {}),
    ],
)
def test_impossible_settings_are_refused_at_once(make_plan, tmp_path, settings, changes):
    with pytest.raises((OSError, ValueError)) as refusal:
        studies.Study(tmp_path / "study", make_plan(settings, **changes))
    assert "\n" not in str(refusal.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("settings", [{"backend": "cupy:9"}, {"backend": "nympy"}, {"device": "cuda:9"}])
def test_an_absent_backend_is_refused_before_anything_is_written(make_plan, tmp_path, settings):
    study = studies.Study(tmp_path / "study", make_plan(settings))
    with pytest.raises((ImportError, RuntimeError, ValueError)) as refusal:
        study.run()
    assert "\n" not in str(refusal.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "error"),
    [({"jobs": 0}, ValueError), ({"jobs": 1.5}, TypeError), ({"checkpoint_every": -1}, ValueError)],
)
def test_wrong_arguments_are_refused_before_anything_is_written(make_plan, tmp_path, arguments, error):
    with pytest.raises(error, match=next(iter(arguments))):
        studies.Study(tmp_path / "study", make_plan()).run(**arguments)
    assert list(tmp_path.iterdir()) == []


def test_the_device_auto_is_resolved_once(make_plan, tmp_path):
    study = studies.Study(tmp_path, make_plan({"device": "auto"}, seeds=[1]))
    assert study.plan.settings.device in ("cpu", "cuda")
    study.run(jobs=1)
    assert studies.Study(tmp_path, make_plan({"device": "auto"})).plan.settings == study.plan.settings
    assert json.loads((tmp_path / "study.json").read_text())["plan"]["settings"]["device"] != "auto"


def test_changed_data_is_refused(make_plan, small_data, tmp_path):
    path, arrays = tmp_path / "data.npz", dict(np.load(small_data))
    np.savez(path, **arrays)
    folder = tmp_path / "study"
    studies.Study(folder, make_plan(data=[str(path)], seeds=[1])).run(jobs=1)
    arrays["x"][0, 0] += 1.0
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match="has changed since this study began"):
        studies.Study(folder)
    path.unlink()
    with pytest.raises(FileNotFoundError, match="no file has this path"):
        studies.Study(folder)
    assert len(studies.read(folder)) == 2


def test_data_that_changes_meanwhile_fails_the_runs_that_follow(make_plan, small_data, tmp_path):
    path, arrays = tmp_path / "data.npz", dict(np.load(small_data))
    np.savez(path, **arrays)
    study = studies.Study(tmp_path / "study", make_plan(data=[str(path)]))

    def change(outcome):
        np.savez(path, x=arrays["x"] + 1.0, y=arrays["y"])

    failed = study.run(jobs=1, ended=change)
    assert len(failed) == 3
    assert all("have another digest" in outcome.error for outcome in failed)
    assert len(study.runs) == 1


def test_failed_runs_are_made_again(make_plan, tmp_path, monkeypatch):
    study = studies.Study(tmp_path, make_plan())
    monkeypatch.setattr(executors, "execute", fail_for(lambda spec: spec.optimizer == "momentum"))
    failed = study.run(jobs=1)
    assert [str(outcome.spec) for outcome in failed] == ["momentum, seed 1", "momentum, seed 2"]
    assert {outcome.error for outcome in failed} == {"RuntimeError: a fault"}
    monkeypatch.undo()
    assert study.run(jobs=1) == []
    assert len(study.runs) == 4


def fail_for(is_faulty):
    """Return a function that makes runs and raises an error for some."""

    def execute_or_fail(spec, *arguments):
        if is_faulty(spec):
            raise RuntimeError("a fault")
        return execute(spec, *arguments)

    return execute_or_fail


def test_ctrl_c_keeps_finished_runs_and_the_others_continue(make_plan, without_times, tmp_path):
    undisturbed = studies.Study(tmp_path / "undisturbed", make_plan({"epochs": 5}))
    undisturbed.run(jobs=1)
    study = studies.Study(tmp_path / "study", make_plan({"epochs": 5}))
    events = []

    def interrupt(event):
        events.append(event.name)
        if event.name == "epoch_end" and events.count("epoch_end") == 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        study.run(jobs=1, checkpoint_every=1, follow=lambda spec: [interrupt])
    assert len(studies.read(study.folder)) == 1
    assert len(list((study.folder / "checkpoints").iterdir())) == 1
    again = studies.Study(study.folder)
    assert again.run(jobs=1, checkpoint_every=1) == []
    assert without_times(again.runs) == without_times(undisturbed.runs)
    assert list((study.folder / "checkpoints").iterdir()) == []


@pytest.mark.parametrize("existed", [False, True])
def test_a_start_that_fails_leaves_no_empty_folder(make_plan, tmp_path, monkeypatch, existed):
    folder = tmp_path / "new" / "study"
    if existed:
        folder.mkdir(parents=True)
    study = studies.Study(folder, make_plan())

    def interrupt(*arguments):
        assert (folder / "study.json").exists()
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(study, "_execute", interrupt)
        with pytest.raises(KeyboardInterrupt):
            study.run(jobs=1)
    assert [*tmp_path.iterdir()] == ([tmp_path / "new"] if existed else [])
    assert not existed or [*folder.iterdir()] == []
    study.run(jobs=1)
    with monkeypatch.context() as patched:
        patched.setattr(studies.Study, "_execute", interrupt)
        with pytest.raises(KeyboardInterrupt):
            studies.Study(folder, make_plan(seeds=[7])).run(jobs=1)
    assert len(studies.read(folder)) == len(study.runs)  # the folder of an earlier study stays


def test_a_folder_that_another_program_has_taken_over_stays(make_plan, tmp_path, monkeypatch):
    one = studies.Study(tmp_path / "study", make_plan())

    def interrupt(*arguments):
        studies.Study(tmp_path / "study", make_plan()).prepare()
        raise KeyboardInterrupt

    monkeypatch.setattr(one, "_execute", interrupt)
    with pytest.raises(KeyboardInterrupt):
        one.run(jobs=1)
    assert studies.read(tmp_path / "study") == []
    assert (tmp_path / "study" / "runs").is_dir()


def test_files_of_killed_processes_are_removed(make_plan, tmp_path):
    study = studies.Study(tmp_path, make_plan())
    study.run(jobs=1)
    for name in (f"{study.plan.runs(study.plan.tasks)[0].name}.ckpt", ".some.ckpt.cutedl_xp.tmp"):
        (tmp_path / "checkpoints" / name).write_text("left")
    studies.Study(tmp_path).run()
    assert list((tmp_path / "checkpoints").iterdir()) == []


def test_a_checkpoint_of_other_settings_is_not_used(make_plan, without_times, tmp_path):
    first, second = make_plan(seeds=[1]), make_plan({"epochs": 3}, seeds=[1])
    undisturbed = studies.Study(tmp_path / "undisturbed", second)
    undisturbed.run(jobs=1)
    interrupted = studies.Study(tmp_path / "study", first)

    def interrupt(event):
        if event.name == "epoch_end" and event.epoch == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted.run(jobs=1, checkpoint_every=1, follow=lambda spec: [interrupt])
    assert len([*(tmp_path / "study" / "checkpoints").iterdir()]) == 1
    (tmp_path / "study" / "study.json").unlink()
    study = studies.Study(tmp_path / "study", second)
    study.run(jobs=1, checkpoint_every=1)
    assert without_times(study.runs) == without_times(undisturbed.runs)


def test_two_coordinators_in_one_folder_give_whole_runs(make_plan, without_times, tmp_path):
    one, two = (studies.Study(tmp_path, make_plan()) for _ in range(2))
    others = []
    one.run(jobs=1, checkpoint_every=1, ended=lambda outcome: others or others.extend(two.run(jobs=1) or [True]))
    assert without_times(one.runs) == without_times(two.runs) == without_times(studies.read(tmp_path))
    assert len(names(tmp_path)) == 4


def test_a_divergence_is_kept_and_not_made_again(make_plan, tmp_path):
    study = studies.Study(tmp_path, make_plan(optimizers=["fixed(lr=1e300)"], seeds=[1]))
    assert study.run(jobs=1) == []
    (run,) = studies.Study(tmp_path).runs
    assert run["stopped_by"] == "not_finite"
    assert math.isnan(run["figures"]["test_loss"])
    assert studies.Study(tmp_path).missing == []


@pytest.mark.parametrize("kind", ["compare", "sweep"])
def test_results_of_divergences_alone_are_written(make_plan, tmp_path, kind):
    for package in ("matplotlib", "scipy"):
        pytest.importorskip(package)
    rates = {"rates": {"": [1e150, 1e250]}} if kind == "sweep" else {}
    study = studies.Study(tmp_path, make_plan(kind=kind, optimizers=["fixed(lr=1e200)", "momentum(lr=1e200)"], **rates))
    assert study.run(jobs=1) == []
    written = study.write()
    assert {path.name for path in written} >= {"results.csv", "results.md"}
    assert {path.suffix for path in written} >= {".csv", ".png"}
    assert all(path.stat().st_size for path in written)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="permissions do not hold the superuser back")
def test_a_folder_that_cannot_be_written_is_refused(make_plan, tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OSError, match="cannot be written"):
        studies.Study(tmp_path / "study", make_plan()).run(jobs=1)
    tmp_path.chmod(0o700)


def test_a_full_disk_ends_a_study_and_keeps_its_runs(make_plan, tmp_path, monkeypatch):
    from cutedl_xp.studies import store

    study = studies.Study(tmp_path, make_plan())
    written = []
    write = store.write_atomically

    def write_until_full(path, content):
        if len(written) == 3:
            raise OSError(28, "cannot be written: No space left on device", str(path))
        write(path, content)
        written.append(path)

    monkeypatch.setattr(store, "write_atomically", write_until_full)
    with pytest.raises(OSError, match="No space left"):
        study.run(jobs=1)
    monkeypatch.undo()
    assert len(studies.read(tmp_path)) == 2
    again = studies.Study(tmp_path)
    assert again.run(jobs=1) == []
    assert len(again.runs) == 4


def test_a_tuned_study_runs_the_best_trials_on_other_seeds(make_plan, tmp_path):
    pytest.importorskip("scipy")
    study = studies.Study(tmp_path, make_plan(tune=3, tuning_seeds=[7, 8]))
    assert [spec.purpose for spec in study.missing] == ["trial"] * 12
    assert study.run(jobs=1) == []
    assert study.missing == []
    purposes = [run["purpose"] for run in study.runs]
    assert (purposes.count("trial"), purposes.count("final")) == (12, 4)
    tried = {run["optimizer"] for run in study.runs if run["purpose"] == "trial"}
    chosen = {run["optimizer"] for run in study.runs if run["purpose"] == "final"}
    assert chosen < tried
    assert {text.partition("(")[0] for text in chosen} == {"adam", "momentum"}
    assert {run["seed"] for run in study.runs if run["purpose"] == "final"} == {1, 2}


def test_nothing_is_chosen_before_all_trials_are_finished(make_plan, tmp_path, monkeypatch):
    pytest.importorskip("scipy")
    study = studies.Study(tmp_path, make_plan(tune=2, optimizers=["adam"]))
    faulty = study.missing[1].optimizer
    monkeypatch.setattr(executors, "execute", fail_for(lambda spec: spec.optimizer == faulty))
    assert len(study.run(jobs=1)) == 1
    assert {run["purpose"] for run in study.runs} == {"trial"}
    assert [spec.optimizer for spec in study.missing] == [faulty]
    monkeypatch.undo()
    assert study.run(jobs=1) == []
    assert len(study.runs) == 2 + 2
    extended = studies.Study(tmp_path, make_plan(tune=2, optimizers=["lion"], seeds=[5]))
    assert len(extended.runs) == 2 + 2  # also before the trials of the new rule
    assert extended.run(jobs=1) == []
    assert len(extended.runs) == 4 + 2 * 3


@pytest.mark.parametrize("backend_name", ["array_api_strict", "torch"])
def test_other_backends(make_plan, without_times, tmp_path, backend_name):
    pytest.importorskip(backend_name)
    pytest.importorskip("loky")
    plan = make_plan({"backend": backend_name}, optimizers=["adam(lr=0.01)"])
    alone, together = (studies.Study(tmp_path / str(jobs), plan) for jobs in (1, 2))
    assert alone.run(jobs=1) == together.run(jobs=2) == []
    assert without_times(alone.runs) == without_times(together.runs)


def test_optimizers_with_long_texts_and_extreme_options(make_plan, tmp_path):
    digits = "0.001234567890123456"
    text = f"adam(lr={digits}, beta1=0.9123456789012345, beta2=0.9912345678901234, eps=1.2345678901234567e-08)"
    study = studies.Study(tmp_path, make_plan(optimizers=[text, text.replace("e-08", "e-07")], seeds=[2**63, 0]))
    assert study.run(jobs=1) == []
    assert studies.Study(tmp_path).missing == []
    assert len(names(tmp_path)) == 4


def test_missing_runs_name_the_data_of_this_machine(make_plan, tmp_path):
    study = studies.Study(tmp_path, make_plan())
    assert all(len(spec.data_sha256) == 64 for spec in study.missing)
    assert study.missing[0] == replace(study.missing[0], data_sha256=None)
