"""The commands train, compare and sweep: from the options to the files in the folder."""

import contextlib
import csv
import json
import os
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cutedl_xp import Backend, Model
from cutedl_xp.__main__ import main

for package in ("typer", "scipy", "matplotlib", "safetensors", "threadpoolctl", "loky"):
    pytest.importorskip(package)
OPTIMIZERS = ("--optimizer", "adam(lr=0.01)", "--optimizer", "momentum(lr=0.02, momentum=0.8)")


@pytest.fixture
def data(tmp_path: Path) -> str:
    """File with 120 samples of three classes that a linear model separates."""
    rng = np.random.default_rng(0)
    y = np.arange(120) % 3
    x = rng.normal(size=(120, 4)) + 3.0 * np.eye(3, 4)[y]
    np.savez(tmp_path / "three.npz", x=x.astype(np.float32), y=y)
    return str(tmp_path / "three.npz")


def spec(backend: Backend) -> str:
    return "array_api_strict:device1" if backend.name == "array_api_strict" else backend.name


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_train(backend: Backend, data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "trained"
    arguments = ["train", "--data", data, "--model", "4-8-3", "--optimizer", "adam(lr=0.05)", "--epochs", "3"]
    assert main([*arguments, "--backend", spec(backend), "--seed", "4", "--out", str(out)]) == 0
    assert sorted(path.name for path in out.iterdir()) == ["history.csv", "model.safetensors", "report.png", "run.json"]
    run = json.loads((out / "run.json").read_text())
    assert (run["optimizer"], run["seed"], run["model"], run["settings"]["epochs"]) == ("adam(lr=0.05)", 4, "4-8-3", 3)
    assert len(read_rows(out / "history.csv")) == 3
    assert Model.load(out / "model.safetensors").predict(np.zeros((2, 4), "float32")).shape == (2, 3)
    printed = capsys.readouterr()
    assert f"{run['figures']['test_accuracy']:.4f}" in printed.out
    assert printed.err.count("epoch ") == 3


def test_train_keeps_earlier_results(data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["train", "--data", data, "--epochs", "1", "--out", str(tmp_path / "a")]
    assert main(arguments) == 0
    before = (tmp_path / "a" / "run.json").read_bytes()
    capsys.readouterr()
    assert main(arguments) == 2
    assert "already holds results (run.json); name another folder with --out, or add --new" in capsys.readouterr().err
    assert main([*arguments, "--new", "--seed", "2"]) == 0
    assert (tmp_path / "a" / "run.json").read_bytes() == before
    assert json.loads((tmp_path / "a-2" / "run.json").read_text())["seed"] == 2


def test_the_default_model_is_one_layer(data: str, tmp_path: Path) -> None:
    assert main(["train", "--data", data, "--epochs", "1", "--out", str(tmp_path / "a")]) == 0
    assert json.loads((tmp_path / "a" / "run.json").read_text())["model"] == "4-3"


def test_compare(data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "study"
    arguments = ["compare", *OPTIMIZERS, "--data", data, "--seeds", "2", "--epochs", "2", "--jobs", "1"]
    assert main([*arguments, "--target", "0.5", "--out", str(out)]) == 0
    printed = capsys.readouterr()
    assert "4 runs to make, 0 finished before" in printed.err
    assert printed.err.count("stopped: ") == 4
    assert "adam(lr=0.01)" in printed.out
    assert "2 common seeds cannot show a difference" in " ".join(printed.out.split())
    assert len(list((out / "runs").glob("*.json"))) == 4
    rows = read_rows(out / "results.csv")
    assert {(row["optimizer"], row["seed"]) for row in rows} == {
        (optimizer, seed) for optimizer in OPTIMIZERS[1::2] for seed in "12"
    }
    assert list(out.glob("*.png"))


def test_a_study_continues_with_its_own_options(data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = ["--jobs", "1", "--out", str(tmp_path / "study")]
    assert main(["compare", *OPTIMIZERS, "--data", data, "--seeds", "1", "--epochs", "1", *out]) == 0
    capsys.readouterr()
    assert main(["compare", *out]) == 0
    assert "0 runs to make, 2 finished before" in capsys.readouterr().err
    assert main(["compare", "--seeds", "1,3", *out]) == 0
    assert "2 runs to make, 2 finished before" in capsys.readouterr().err
    assert main(["compare", "--epochs", "2", *out]) == 2
    assert "epochs (1, now 2)" in capsys.readouterr().err
    assert main(["sweep", *out]) == 2
    assert "holds a study of `compare`; name another folder with --out" in capsys.readouterr().err
    assert main(["compare", "--new", "--data", data, "--seeds", "1", "--epochs", "2", *OPTIMIZERS, *out]) == 0
    assert (tmp_path / "study-2" / "study.json").exists()


def test_options_take_precedence_over_the_file(data: str, tmp_path: Path) -> None:
    saved = tmp_path / "study.toml"
    arguments = ["compare", *OPTIMIZERS, "--data", data, "--epochs", "1", "--batch-size", "16", "--seeds", "1"]
    assert main([*arguments, "--jobs", "1", "--out", str(tmp_path / "a"), "--save-config", str(saved)]) == 0
    config = tomllib.loads(saved.read_text())
    assert config["optimizers"] == list(OPTIMIZERS[1::2])
    assert (config["seeds"], config["settings"]["batch_size"]) == ([1], 16)
    other = ["compare", str(saved), "--epochs", "2", "--jobs", "1", "--out", str(tmp_path / "b")]
    assert main(other) == 0
    plan = json.loads((tmp_path / "b" / "study.json").read_text())["plan"]
    assert (plan["settings"]["epochs"], plan["settings"]["batch_size"]) == (2, 16)
    assert plan["optimizers"] == list(OPTIMIZERS[1::2])


def test_sweep(data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "sweep"
    arguments = ["sweep", "--optimizer", "adam", "--optimizer", "adadelta", "--data", data, "--seeds", "1"]
    rates = ["--rates", "0.01,0.1", "--rates", "adadelta=1:100:3"]
    assert main([*arguments, *rates, "--epochs", "2", "--jobs", "1", "--out", str(out)]) == 0
    expected = {"adam(lr=0.01)", "adam(lr=0.1)", "adadelta(lr=1.0)", "adadelta(lr=10.0)", "adadelta(lr=100.0)"}
    assert {row["optimizer"] for row in read_rows(out / "results.csv")} == expected
    assert "usable learning rates" in " ".join(capsys.readouterr().out.split())
    assert list(out.glob("*.png"))


def test_a_sweep_with_a_grid_of_one_rule_is_extended(data: str, tmp_path: Path) -> None:
    common = ["--jobs", "1", "--out", str(tmp_path)]
    begin = ["sweep", "--optimizer", "adam", "--optimizer", "adadelta", "--data", data, "--seeds", "1", "--epochs", "1"]
    assert main([*begin, "--rates", "0.1", "--rates", "adadelta=1", *common]) == 0
    assert main(["sweep", "--optimizer", "lion", *common]) == 0
    assert main(["sweep", "--rates", "adadelta=2", *common]) == 0
    expected = {"adam(lr=0.1)", "adadelta(lr=1.0)", "adadelta(lr=2.0)", "lion(lr=0.1)"}
    assert {row["optimizer"] for row in read_rows(tmp_path / "results.csv")} == expected


def test_a_run_that_fails_is_reported(
    data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from cutedl_xp.studies import run as runs

    train = runs.train

    def fail_with_momentum(spec, *arguments):
        if spec.optimizer.startswith("momentum"):
            raise RuntimeError("no memory")
        return train(spec, *arguments)

    monkeypatch.setattr(runs, "train", fail_with_momentum)
    arguments = ["compare", *OPTIMIZERS, "--data", data, "--seeds", "1", "--epochs", "1", "--jobs", "1"]
    assert main([*arguments, "--out", str(tmp_path / "a")]) == 1
    printed = capsys.readouterr().err
    assert "momentum(lr=0.02, momentum=0.8), seed 1 failed: RuntimeError: no memory" in printed
    assert "1 run failed; the same command makes them again" in printed
    assert len(read_rows(tmp_path / "a" / "results.csv")) == 1


WRONG = [
    ["compare", "--optimizer", 'adam(lr=__import__("os").getpid())'],
    ["compare", "--optimizer", "nonsense"],
    ["compare", "--seeds", "0"],
    ["compare", "--data", "absent.csv"],
    ["compare", "absent.toml"],
    ["compare", "--model", "64"],
    ["compare", "--jobs", "0"],
    ["compare", "--checkpoint-every", "-1"],
    ["compare", "--validation", "some"],
    ["compare", "--schedule", "nonsense"],
    ["compare", "--activation", "nonsense"],
    ["compare", "--activation", "tanh", "--model", "4-3"],
    ["compare", "--min-delta", "0.1"],
    ["compare", "--target", "2"],
    ["compare", "--tune", "-1"],
    ["compare", "--backend", "nonsense"],
    ["compare", "--backend", "numpy", "--device", "cpu"],
    ["compare", "--jobs", "2", "--scheduler", "tcp://127.0.0.1:1"],
    ["compare", "--checkpoint-every", "5", "--scheduler", "tcp://127.0.0.1:1"],
    ["compare", "--tune", "2", "--validation", "test"],
    ["compare", "--save-config", "three.npz/study.toml"],
    ["train", "--save-config", "three.npz/study.toml"],
    ["sweep", "--rates", "nonsense"],
    ["train", *OPTIMIZERS],
    ["train", "--checkpoint-every", "-1"],
]


@pytest.mark.parametrize("arguments", WRONG, ids=" ".join)
def test_wrong_use_is_one_sentence_before_any_work(
    arguments: list[str], data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given = arguments if "--data" in arguments else [*arguments, "--data", data]
    assert main(given) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("cutedl-xp: error: ")
    assert len(printed.err.splitlines()) == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("command", "option", "package"),
    [
        ("train", "--tensorboard", "tensorboard.summary"),
        ("compare", "--tensorboard", "tensorboard.summary"),
        ("train", "--new", "safetensors.numpy"),
        ("train", "--new", "matplotlib.figure"),
        ("compare", "--new", "matplotlib.figure"),
    ],
)
def test_a_missing_package_is_named_before_any_work(
    command: str,
    option: str,
    package: str,
    data: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    assert main([command, option, "--data", data, "--epochs", "1", "--out", str(tmp_path / "out")]) == 2
    assert f"needs {package.partition('.')[0]}, which is not installed" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_train_keeps_the_checkpoint_of_another_run(data: str, tmp_path: Path) -> None:
    other = tmp_path / "a" / "checkpoints" / "other.ckpt"
    other.parent.mkdir(parents=True)
    other.write_text("of another run")
    assert main(["train", "--data", data, "--epochs", "1", "--out", str(tmp_path / "a")]) == 0
    assert other.exists()


@pytest.mark.parametrize("arguments", [["compare", "--nonsense"], ["train", "--epochs", "many"], ["sweep", "a", "b"]])
def test_usage_errors_are_one_sentence(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    printed = capsys.readouterr().err
    assert printed.startswith("cutedl-xp: error: ")
    assert len(printed.splitlines()) == 1


def test_the_help_imports_nothing_large() -> None:
    program = "import sys\nfrom cutedl_xp.__main__ import main\nassert main(['compare', '--help']) == 0\n"
    large = ("scipy", "sklearn", "matplotlib", "loky", "distributed", "pandas", "tensorboard")
    program += f"loaded = [name for name in {large!r} if name in sys.modules]\nassert not loaded, loaded\n"
    environment = {**os.environ, "COLUMNS": "60"}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert max(map(len, done.stdout.splitlines())) <= 60
    for words in ("--optimizer", "--save-config", "examples:", "Stop rules"):
        assert words in done.stdout


@pytest.mark.parametrize("command", ["train", "compare", "sweep"])
def test_ctrl_c_before_the_first_result_leaves_no_folder(
    command: str, data: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(plan: Any) -> None:
        assert (tmp_path / "new" / "out").exists()
        raise KeyboardInterrupt

    monkeypatch.setattr("cutedl_xp.commands.resolution.warn_about_data", interrupt)
    with contextlib.suppress(KeyboardInterrupt):
        assert main([command, "--data", data, "--epochs", "1", "--out", str(tmp_path / "new" / "out")]) == 130
    assert not (tmp_path / "new").exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM that a program can handle")
@pytest.mark.parametrize("command", ["train", "compare"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_command_continues(command: str, number: int, data: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = [sys.executable, "-m", "cutedl_xp", command, "--data", data, "--optimizer", "adam", "--out", str(out)]
    arguments += ["--epochs", "30000", *(["--seeds", "1", "--jobs", "1"] if command == "compare" else [])]
    process = subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60.0
    while not list(out.glob("checkpoints/*.ckpt")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(number)
    _, printed = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in printed
    assert "interrupted; the same command" in printed
    assert len(list(out.glob("checkpoints/*.ckpt"))) == 1
