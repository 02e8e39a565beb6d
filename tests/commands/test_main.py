"""The command line: the output and files of each command, and its errors."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from cutedl_xp import Backend, __version__, bench
from cutedl_xp.__main__ import main
from optimizer_table import REFERENCES

QUICK = ["--model", "6-3", "--batch-sizes", "2", "--rounds", "2", "--block-seconds", "0"]


def test_without_a_command_there_is_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    printed = capsys.readouterr().out
    assert printed.lstrip().lower().startswith("usage: cutedl-xp")
    assert all(command in printed for command in ("info", "bench"))


def test_as_a_module() -> None:
    command = [sys.executable, "-m", "cutedl_xp"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (2, "")
    assert done.stdout.lstrip().lower().startswith("usage: cutedl-xp")


def test_version_as_a_module() -> None:
    command = [sys.executable, "-m", "cutedl_xp", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == f"cutedl-xp {__version__}\n"


def test_version_needs_only_the_required_dependencies() -> None:
    optional = "cupy", "jax", "matplotlib", "numba", "pooch", "safetensors", "torch", "tqdm"
    program = f"import sys\nfor name in {optional}: sys.modules[name] = None\n"
    program += "from cutedl_xp.__main__ import main\nmain(['--version'])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"cutedl-xp {__version__}\n", "")


def test_info_names_every_backend(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:2] == ["backend", "version"]
    assert {line.split()[0] for line in lines[1:]} == {"numpy", "cupy", "torch", "jax", "array_api_strict"}
    assert next(line for line in lines if line.startswith("numpy")).endswith("cpu")


def test_info_shows_how_each_backend_multiplies_float32(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NVIDIA_TF32_OVERRIDE", raising=False)
    main(["info"])
    lines = capsys.readouterr().out.splitlines()
    usable = {line.split()[0] for line in lines[1:] if "not usable" not in line}
    shown = [line.split()[0] for line in lines if "  float32 products: " in line]
    assert set(shown) == usable
    assert len(shown) == len(usable)
    monkeypatch.setenv("NVIDIA_TF32_OVERRIDE", "0")
    main(["info"])
    assert capsys.readouterr().out.splitlines() == [*lines, "NVIDIA_TF32_OVERRIDE=0"]


PROBES = {
    "info": "from cutedl_xp.commands import info\ninfo.available_backends = probe\n",
    "bench": "from cutedl_xp import bench\nbench.choose_backends = probe\n",
}


@pytest.mark.parametrize("command", PROBES)
@pytest.mark.parametrize(("chosen", "expected"), [(None, "false"), ("true", "true")])
def test_jax_leaves_memory_of_the_gpu_to_the_other_libraries(
    command: str, chosen: str | None, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "XLA_PYTHON_CLIENT_PREALLOCATE"
    if chosen is None:
        monkeypatch.delenv(name, raising=False)
    else:
        monkeypatch.setenv(name, chosen)
    program = f"import os, sys\nfrom cutedl_xp.__main__ import main\nprint(os.environ.get('{name}'))\n"
    program += "def probe(*_):\n"
    program += f"    print(os.environ.get('{name}'), 'jax' in sys.modules)\n    raise ValueError('enough')\n"
    program += PROBES[command] + f"assert main(['{command}']) == 2"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == (f"{chosen}\n{expected} False\n", "cutedl-xp: error: enough\n")


def spec(backend: Backend) -> str:
    return "array_api_strict:device1" if backend.name == "array_api_strict" else backend.name


def test_bench(backend: Backend, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    folder = tmp_path / "new"
    assert main(["bench", "--backends", spec(backend), *QUICK, "--out", str(folder)]) == 0
    printed = capsys.readouterr().out
    for words in (
        f"{backend.name} {backend.version} on ",
        f"float32 products: {backend.float32_products}",
        "training step, batch 2",
        "update, Adam",
        "x fastest",
        "6-3",
    ):
        assert words in printed
    assert "left out" not in printed
    with (folder / "bench.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 1 + len(REFERENCES)
    assert {(row["backend"], row["model"], row["rounds"]) for row in rows} == {(backend.name, "6-3", "2")}
    assert (folder / "bench.png").read_bytes().startswith(b"\x89PNG")


def test_bench_says_what_it_leaves_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib")
    numpy, _ = bench.choose_backends(["numpy"])
    monkeypatch.setattr(bench, "choose_backends", lambda names, device: (numpy, {"cupy": "no driver"}))
    assert main(["bench", *QUICK, "--out", str(tmp_path)]) == 0
    assert "left out: cupy: no driver\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--model", "784"], "`widths` must be inputs and outputs at least"),
        (["--model", "784-ten"], "--model takes whole numbers with '-' between them; got '784-ten'"),
        (["--model", "784--10"], "--model takes whole numbers"),
        (["--batch-sizes", "64,"], "--batch-sizes takes whole numbers with ',' between them; got '64,'"),
        (["--batch-sizes", "0"], "`batch_sizes` must be 1 or greater; got 0"),
        (["--rounds", "1"], "`rounds` must be 2 or greater; got 1"),
        (["--block-seconds", "nan"], "`block_seconds` must be finite; got nan"),
        (["--backends", "nonsense"], "there is no backend 'nonsense'"),
        (["--backends", "numpy,"], "there is no backend ''"),
        (["--backends", "numpy,numpy"], "each backend once"),
        (["--device", "gpu"], "`device` must be 'cpu', 'cuda', 'cuda:N' or 'auto'; got 'gpu'"),
        (["--backends", "numpy", "--device", "cuda"], "the backend 'numpy' has no device 'cuda'"),
        (["--backends", "numpy", "--out", f"{__file__}/below"], "cannot be a folder"),
    ],
)
def test_wrong_use_is_one_sentence_before_any_work(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "compare", lambda *_: pytest.fail("work was done"))
    assert main(["bench", *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("cutedl-xp: error: ")
    assert words in printed.err
    assert len(printed.err.splitlines()) == 1


@pytest.mark.parametrize("arguments", [["nonsense"], ["bench", "--rounds", "many"], ["bench", "--nonsense"]])
def test_unknown_words_are_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "error: " in capsys.readouterr().err
