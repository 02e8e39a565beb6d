"""The example as a program in a separate process, on a small data set in MNIST's format."""

import contextlib
import csv
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from mlp_program import SCRIPT, environment, finish, names, patched, results, run, start, write_images

for module in ("loky", "matplotlib", "scipy", "sklearn", "threadpoolctl", "tqdm"):
    pytest.importorskip(module)

NAMES = ["fixed-small", "fixed-large", "fixed", "momentum", "adagrad", "rmsprop", "adadelta", "adam"]
ADAM = "adam(lr=0.0001, beta1=0.9, beta2=0.99)"
TABLES = {"results.csv", "summary.csv", "results.md", "study.json"}


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return write_images(tmp_path_factory.mktemp("data") / "idx")


def test_one_run(images, tmp_path):
    folder = tmp_path / "new" / "folder"
    code, out, err = run("--epochs", 3, "--data-dir", images, "--out", folder)
    assert code == 0, err
    ((key, recorded),) = results(folder).items()
    assert key == (ADAM, 1)
    assert recorded["history"]["steps"] == [10, 20, 30]
    assert recorded["history"]["loss"][2] < recorded["history"]["loss"][0]
    assert set(names(folder)) >= TABLES
    assert (folder / "curves.png").read_bytes().startswith(b"\x89PNG")
    (row,) = csv.DictReader((folder / "results.csv").read_text().splitlines())
    assert row["steps"] == "30"
    assert float(row["best_val_accuracy"]) == max(recorded["history"]["metrics"]["accuracy"])
    assert float(row["val_loss"]) == recorded["history"]["val_loss"][-1]
    assert f"{ADAM}, seed 1: 30 steps in" in err
    lines = out.splitlines()
    figures = lines[lines.index(f"adam: {ADAM}") + 1]
    assert figures.split()[:3] == ["1", "run", "30"]
    assert "25,326" in figures
    assert "0.9243" in figures
    assert figures.endswith(f" {bool(recorded['figures']['inactive_outputs']):d} of 1")


def test_all_the_same_bits_for_any_number_of_jobs(images, tmp_path):
    common = ("--optimizer", "all", "--epochs", 2, "--data-dir", images)
    alone = start(*common, "--seed", 4, "--jobs", 1, "--out", tmp_path / "alone")
    code, out, err = run(*common, "--seed", 3, "--seeds", 2, "--jobs", 2, "--out", tmp_path / "beside")
    assert code == 0, err
    named = [line.split(": ") for line in out.splitlines() if ": " in line and "(" in line]
    assert [name for name, _ in named] == NAMES
    with (tmp_path / "beside" / "summary.csv").open() as file:
        assert [text for _, text in named] == [row["optimizer"] for row in csv.DictReader(file)]
    assert {f"  {name}: {text}" for name, text in named} <= set(run("--help")[1].splitlines())
    beside = results(tmp_path / "beside")
    assert {seed for _, seed in beside} == {3, 4}
    assert len(beside) == 16
    code, _, err = finish(alone)
    assert code == 0, err
    assert results(tmp_path / "alone") == {key: each for key, each in beside.items() if key[1] == 4}


def test_finished_runs_are_not_repeated_and_others_are_added(images, tmp_path):
    common = ("--epochs", 1, "--data-dir", images, "--out", tmp_path)
    assert run(*common)[0] == 0
    (before,) = [path.stat().st_mtime_ns for path in (tmp_path / "runs").iterdir()]
    code, out, _ = run(*common)
    assert code == 0
    assert "had finished before" in out
    code, _, err = run(*common, "--seeds", 2)
    assert code == 0, err
    assert f"{ADAM}, seed 2" in err
    assert f"{ADAM}, seed 1" not in err
    assert sorted(seed for _, seed in results(tmp_path)) == [1, 2]
    assert before in [path.stat().st_mtime_ns for path in (tmp_path / "runs").iterdir()]


def test_other_settings_are_refused_and_make_another_folder(images, tmp_path):
    common = ("--data-dir", images, "--out", tmp_path / "out")
    assert run("--epochs", 1, *common)[0] == 0
    code, out, err = run("--epochs", 2, *common)
    assert (code, out) == (2, "")
    assert "epochs (1, now 2)" in err
    assert run("--epochs", 2, "--new", *common)[0] == 0
    assert results(tmp_path / "out-2")[ADAM, 1]["history"]["steps"] == [10, 20]


@pytest.mark.skipif(os.name == "nt", reason="uses a shell")
@pytest.mark.parametrize("end", ["| true", "2>&1 | true", ">/dev/full"])
def test_output_that_cannot_be_written(end, images, tmp_path):
    command = [sys.executable, SCRIPT, "--epochs", 1, "--data-dir", images, "--out", tmp_path / "out"]
    shell = ["bash", "-c", f"set -o pipefail; {shlex.join(map(str, command))} {end}"]
    done = subprocess.run(shell, capture_output=True, text=True, env=environment(), check=False)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr
    assert set(names(tmp_path / "out")) >= TABLES


def test_other_images_are_named_as_such(images, tmp_path):
    for number, more in enumerate([{"CUTEDL_XP_DATA": str(images)}, {}]):
        place = () if more else ("--data-dir", images)
        code, _, err = run("--epochs", 1, *place, "--out", tmp_path / str(number), **more)
        assert code == 0, err
        (warning,) = [line for line in err.splitlines() if line.startswith("WARNING: ")]
        assert "not MNIST's own" in warning
        assert "cannot be compared with the article's" in warning


def test_the_help_fits_60_columns():
    code, out, _ = run("--help", COLUMNS="60")
    assert code == 0
    assert max(map(len, out.splitlines())) <= 60
    listed = [line.split(": ")[0].strip() for line in out.splitlines() if re.fullmatch(r"  \S+: \w+\(.*\)", line)]
    assert listed == NAMES


@pytest.mark.skipif(os.name == "nt", reason="opens a terminal")
def test_the_warning_and_the_table_fit_60_columns(images, tmp_path):
    ours, theirs = os.openpty()
    command = [sys.executable, SCRIPT, "--epochs", 1, "--data-dir", images, "--out", tmp_path / "out"]
    process = subprocess.Popen(
        [*map(str, command)], stdin=theirs, stdout=theirs, stderr=theirs, env=environment(COLUMNS="60")
    )
    os.close(theirs)
    text = b""
    with contextlib.suppress(OSError):  # Linux raises it at the end
        while part := os.read(ours, 4096):
            text += part
    os.close(ours)
    assert process.wait(60) == 0
    lines = text.decode().replace("\r\n", "\n").split("\n")
    plain = [line.split("\r")[-1] for line in lines]  # progress is drawn over
    begin = next(place for place, line in enumerate(plain) if "WARNING: " in line)
    assert "not MNIST's own" in " ".join(plain[begin : begin + 3])
    table = plain.index(f"adam: {ADAM}")
    widths = [len(line) for line in plain[begin : table + 2] if str(tmp_path) not in line]
    assert 40 < max(widths) <= 60


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--backend", "nonsense"], "'nonsense'"),
        (["--device", "tpu"], "'cpu', 'cuda', 'cuda:N' or 'auto'; got 'tpu'"),
        (["--device", "cuda"], "CuPy"),
        (["--backend", "numpy", "--device", "cpu"], "give --device or --backend, not both"),
        (["--optimizer", "nonsense"], "'nonsense'"),
        (["--epochs", "0"], "`epochs` must be 1 or greater; got 0"),
        (["--jobs", "-1"], "`jobs` must be 1 or greater; got -1"),
        (["--seeds", "two"], "--seeds"),
        (["--seeds", "0"], "--seeds must be 1 or greater; got 0"),
        (["--checkpoint-every", "-1"], "`checkpoint_every` must be 0 or greater; got -1"),
        (["--seed", "-1"], "`seed` must be 0 or greater"),
        (["--data-dir", "nowhere"], "nowhere"),
        (["--data-dir", "broken"], "is not an IDX file"),
        (["--data-dir", "large"], "must have 1024 inputs"),
        (["--out", "a-file"], "a-file"),
        (["--out", "a-file/folder"], "--out a-file/folder cannot be written"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_use_is_one_sentence(arguments, words, images, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a-file").touch()
    if "broken" in arguments:
        write_images(Path("broken"))
        Path("broken/t10k-labels-idx1-ubyte").write_bytes(b"These are no labels.")
    if "large" in arguments:
        write_images(Path("large"), side=32, train=64, test=64)
    code, out, err = run(*([] if "--data-dir" in arguments else ["--data-dir", images]), *arguments)
    assert (code, out) == (2, ""), err
    assert "Traceback" not in err
    (sentence,) = [line for line in err.splitlines() if line.startswith("mnist_recognize.py: error: ")]
    assert words in sentence
    assert not any(path.suffix in (".png", ".csv", ".json") for path in Path().rglob("*"))


@pytest.mark.parametrize("module", ["matplotlib", "scipy", "tqdm"])
def test_missing_packages_are_reported_before_the_training(module, images, tmp_path):
    patch = f"import sys\nsys.modules[{module!r}] = None"
    code, out, err = run("--data-dir", images, "--out", tmp_path / "out", **patched(tmp_path, patch))
    assert (code, out) != (0, "")
    assert f"needs {module}, which is not installed: pip install" in err
    assert "Traceback" not in err
    assert not (tmp_path / "out" / "results.csv").exists()


LONG = ("--seeds", 4, "--epochs", 60, "--checkpoint-every", 5)


@pytest.fixture(scope="module")
def undisturbed(images, tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    code, _, err = run(*LONG, "--jobs", 2, "--data-dir", images, "--out", folder)
    assert code == 0, err
    return results(folder)


@pytest.mark.skipif(os.name == "nt", reason="sends signals")
@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda sent: sent.name)
def test_an_interrupted_program_continues(jobs, sent, images, undisturbed, tmp_path):
    common = (*LONG, "--jobs", jobs, "--data-dir", images)
    folder = tmp_path / "out"
    process = start(*common, "--out", folder)
    deadline = time.monotonic() + 60
    while not list(folder.glob("runs/*.json")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(process.pid, sent)
    code, _, err = finish(process, 30)
    assert code == (-sent if sent == signal.SIGKILL else 130), err
    assert "Traceback" not in err
    assert 1 <= len(results(folder)) < 4

    code, _, err = run(*common, "--out", folder)
    assert code == 0, err
    assert not any((folder / "checkpoints").iterdir())
    assert results(folder) == undisturbed


def test_a_run_that_fails_leaves_the_others(images, tmp_path):
    patch = """
        import cutedl_xp.model, os
        real = cutedl_xp.model.Model.assemble
        def assemble(self, *args, seed, **more):
            if seed == 3:
                raise MemoryError("no memory\\nleft")
            return real(self, *args, seed=seed, **more)
        cutedl_xp.model.Model.assemble = assemble
    """
    common = ("--epochs", 1, "--data-dir", images, "--jobs", 2, "--seeds", 4, "--out", tmp_path / "out")
    code, _, err = run(*common, **patched(tmp_path, patch))
    assert code == 1, err
    assert f"{ADAM}, seed 3 failed: MemoryError: no memory left" in err.splitlines()
    assert "Traceback" not in err
    assert sorted(seed for _, seed in results(tmp_path / "out")) == [1, 2, 4]
