"""The example program killed or interrupted, and gone on with: its files are those of an undisturbed one."""

import json
import os
import shutil
import signal

import pytest
from mlp_program import finish, histories, names, patched, run, start, write_images

pytest.importorskip("matplotlib")
pytest.importorskip("safetensors")
pytest.importorskip("tqdm")
pytestmark = pytest.mark.skipif(os.name == "nt", reason="kills processes by signals")

# Where the variable MOMENT says, a process sends SIGNAL to its group, or with ALONE to the process that started it.
# The clock is frozen, so that equal trainings make equal files, and `trace` gets a line for each validation. The file
# of a picture holds the figures that it shows, which is faster to write.
PATCH = """
    import json, os, pathlib, signal, time
    from cutedl_xp import listeners, model, plotting
    from cutedl_xp.training import log

    def reach(moment):
        if moment == os.environ.get("MOMENT") and not pathlib.Path(FOLDER, moment).exists():
            pathlib.Path(FOLDER, moment).touch()
            number = int(os.environ["SIGNAL"])
            os.kill(os.getppid(), number) if "ALONE" in os.environ else os.killpg(os.getpgrp(), number)
            time.sleep(1.0)  # in a worker: until the program has received it

    def progress(self, event, real=listeners.Progress.__call__):
        real(self, event)
        if event.name == "val_end":
            with open(pathlib.Path(FOLDER, "trace"), "a") as file:
                file.write(f"{self.description}, {event.step}\\n")
            reach(f"{self.description}, {event.step}")
        if event.name == "epoch_start" and event.step == 0:
            reach("a training begins")

    def predict(*args, real=model.Model.predict, **more):
        reach("dead outputs are counted")
        return real(*args, **more)

    def report(history, *args, **more):
        reach("a picture is drawn")
        drawn = history.steps, history.loss, history.val_loss, history.val_accuracy, history.stop_reason
        return json.dumps([*drawn, *args])

    def save(figure, path, real=plotting.save):
        path.write_text(figure) if isinstance(figure, str) else real(figure, path)

    def unlink(self, *args, real=pathlib.Path.unlink, **more):
        if self.suffix == ".ckpt":
            reach("a checkpoint is removed")
        real(self, *args, **more)

    listeners.Progress.__call__, model.Model.predict = progress, predict
    plotting.report, plotting.save, pathlib.Path.unlink = report, save, unlink
    log.TrainingLog.seconds = property(lambda self: 0.0)
"""
ALL = ("--optimizer", "all", "--epochs", 6, "--checkpoint-every", 2)  # ten steps an epoch
TWO = ("--seeds", 2, "--epochs", 4, "--checkpoint-every", 2)


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return write_images(tmp_path_factory.mktemp("data") / "idx")


@pytest.fixture(scope="module")
def make_undisturbed(images, tmp_path_factory):
    """A function that returns the folder of an undisturbed program."""
    made = {}

    def make(arguments):
        if arguments not in made:
            folder = tmp_path_factory.mktemp("undisturbed")
            code, _, err = run(*arguments, "--data-dir", images, "--out", folder / "out", **patched(folder, PATCH))
            assert code == 0, err
            made[arguments] = folder / "out"
        return made[arguments]

    return make


@pytest.fixture
def disturb(images, tmp_path):
    """A function that starts a program, and ends it by a signal at a moment."""
    variables = patched(tmp_path, PATCH)

    def end(arguments, moment, sent, alone=False, jobs=1):
        (tmp_path / "trace").unlink(missing_ok=True)
        place = () if "--resume" in arguments else ("--data-dir", images, "--out", tmp_path / "out")
        told = {"MOMENT": moment, "SIGNAL": str(int(sent)), **({"ALONE": "1"} if alone else {})}
        code, _, err = finish(start(*arguments, *place, "--jobs", jobs, **variables, **told))
        assert code == (-sent if sent == signal.SIGKILL else 130), err
        assert "Traceback" not in err
        return err

    def resume(jobs=1, more=()):
        (tmp_path / "trace").unlink(missing_ok=True)
        code, out, err = run("--resume", tmp_path / "out", "--jobs", jobs, *more, **variables)
        assert code == 0, err
        lines = (tmp_path / "trace").read_text().splitlines() if (tmp_path / "trace").exists() else []
        return out, [line.rsplit(", ", 1) for line in lines]

    end.resume = resume
    return end


def files(folder):
    """Return the contents of the files, without the number of jobs."""
    contents = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    contents["results.md"] = contents["results.md"].replace(b"runs at a time: 2", b"runs at a time: 1")
    return contents


def assert_undisturbed(folder, undisturbed):
    made, expected = files(folder), files(undisturbed)
    assert sorted(made) == sorted(expected)
    assert not (folder / "checkpoints").exists()
    assert [name for name in expected if made[name] != expected[name]] == []


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_killed_program_goes_on(jobs, disturb, make_undisturbed, tmp_path):
    disturb(ALL, "rmsprop, seed 1, 50", signal.SIGKILL, jobs=jobs)
    finished = {f"{each['optimizer']}, seed 1" for each in histories(tmp_path / "out")}
    assert finished
    assert "rmsprop, seed 1" not in finished
    assert (tmp_path / "out" / "checkpoints" / "rmsprop-seed1.ckpt").exists()

    _, trace = disturb.resume(jobs)
    assert not finished & {run for run, _ in trace}
    assert min(int(step) for run, step in trace if run == "rmsprop, seed 1") > 40
    assert_undisturbed(tmp_path / "out", make_undisturbed(ALL))


def test_workers_end_after_the_program_was_killed(disturb, make_undisturbed, tmp_path):
    disturb(TWO, "adam, seed 1, 30", signal.SIGKILL, alone=True, jobs=2)
    assert "adam, seed 1, 40" not in (tmp_path / "trace").read_text()
    disturb.resume(jobs=2)
    assert_undisturbed(tmp_path / "out", make_undisturbed(TWO))


@pytest.mark.parametrize(("jobs", "sent"), [(1, signal.SIGINT), (2, signal.SIGTERM)])
def test_an_interrupted_program_goes_on(jobs, sent, disturb, make_undisturbed, tmp_path):
    out = tmp_path / "out"
    disturb(TWO, "adam, seed 1, 30", sent, jobs=jobs)
    assert histories(out)[0]["stopped_by"] == "interrupt"
    assert histories(out)[0]["steps"] == [10, 20, 30]
    interrupted = (out / "adam-seed1.png").read_bytes()

    disturb(("--resume", out), "a picture is drawn", signal.SIGKILL, jobs=jobs)
    disturb.resume(jobs)
    assert_undisturbed(out, make_undisturbed(TWO))
    assert (out / "adam-seed1.png").read_bytes() != interrupted


def test_an_interruption_before_the_first_validation(disturb, make_undisturbed, tmp_path):
    err = disturb(TWO, "a training begins", signal.SIGINT)
    assert f"go on with --resume {tmp_path / 'out'}" in " ".join(err.split())
    assert not (tmp_path / "out" / "histories.json").exists()
    disturb.resume()
    assert_undisturbed(tmp_path / "out", make_undisturbed(TWO))


@pytest.mark.parametrize("moment", ["a checkpoint is removed", "a picture is drawn"])
def test_a_run_whose_result_is_written_is_not_made_again(moment, disturb, make_undisturbed, tmp_path):
    disturb(TWO, moment, signal.SIGKILL)
    assert names(tmp_path / "out" / "checkpoints") == ["adam-seed1.ckpt"]
    _, trace = disturb.resume()
    assert trace == [["adam, seed 2", str(step)] for step in (10, 20, 30, 40)]
    assert_undisturbed(tmp_path / "out", make_undisturbed(TWO))


def test_dead_outputs_are_counted_after_an_interruption(disturb, make_undisturbed, tmp_path):
    disturb(TWO, "dead outputs are counted", signal.SIGINT)
    assert histories(tmp_path / "out")[0]["dead_outputs"] is None
    _, trace = disturb.resume()
    assert {run for run, _ in trace} == {"adam, seed 2"}
    assert_undisturbed(tmp_path / "out", make_undisturbed(TWO))


def test_with_nothing_left_the_table_is_shown_again(images, disturb, make_undisturbed, tmp_path):
    shutil.copytree(make_undisturbed(TWO), tmp_path / "out")
    shutil.copytree(images, tmp_path / "moved")
    out, trace = disturb.resume(more=("--data-dir", tmp_path / "moved"))
    assert trace == []
    assert "adam          2     40" in out
    assert f"all runs of {tmp_path / 'out'} had ended before; nothing was trained" in out
    assert_undisturbed(tmp_path / "out", make_undisturbed(TWO))


@pytest.mark.parametrize(
    ("arguments", "change", "words"),
    [
        (["--seed", 2, "--epochs", 9], None, "goes on with the options of the call that began; leave out --seed, --ep"),
        ([], lambda out: (out / "settings.json").unlink(), "has no settings.json; name another folder"),
        ([], lambda out: (out / "settings.json").write_text("{"), "settings.json is damaged"),
        ([], lambda out: (out / "settings.json").write_text('{"seed": 1}'), "settings.json is damaged"),
        ([], lambda out: alter(out, seeds="two"), "settings.json is damaged (seeds cannot be 'two')"),
        ([], lambda out: alter(out, sha256="0" * 64), "others were found (Other images in /"),
        ([], lambda out: alter(out, data_dir="nowhere"), "nowhere, named by --data-dir, is no folder"),
        ([], lambda out: alter(out, seeds=1), "histories.json has runs that settings.json does not plan"),
        ([], lambda out: (out / "histories.json").write_text('{"runs": 5}'), "histories.json is damaged"),
        ([], lambda out: replace_text(out / "histories.json", '"dead_outputs": ', '"dead_outputs": 0.'), "is damaged"),
        ([], lambda out: replace_text(out / "histories.json", '"val_loss": [', '"val_loss": [0.5,'), "is damaged"),
        ([], lambda out: damage_checkpoint(out), "remove the file to begin this run anew"),
    ],
)
def test_refusals(arguments, change, words, make_undisturbed, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(make_undisturbed(TWO), out)
    if change is not None:
        change(out)
    before = names(out)
    code, printed, err = run("--resume", out, *arguments)
    assert (code, printed) == (2, "")
    assert err.startswith("mnist_recognize.py: error: ")
    assert err.count("\n") == 1
    assert words in err
    assert names(out) == before


def alter(out, **changes):
    path = out / "settings.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def replace_text(path, old, new):
    path.write_text(path.read_text().replace(old, new, 1))


def damage_checkpoint(out):
    (out / "histories.json").unlink()
    (out / "checkpoints").mkdir()
    (out / "checkpoints" / "adam-seed2.ckpt").write_bytes(b"no checkpoint")


def test_a_new_program_does_not_begin_in_the_folder_of_an_earlier_one(images, make_undisturbed, tmp_path):
    (tmp_path / "out").mkdir()
    shutil.copy(make_undisturbed(TWO) / "settings.json", tmp_path / "out")
    code, _, err = run("--data-dir", images, "--out", tmp_path / "out")
    assert code == 2
    assert f"go on there with --resume {tmp_path / 'out'}, or name another folder" in err
