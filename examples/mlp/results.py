"""The folder that a program's results go to: pictures, tables, and the histories for whoever wants to plot them."""

import json
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import article
import table
from runs import RunResult

from cutedl_xp import History, plotting

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SERIES = ("steps", "loss", "val_loss", "val_accuracy", "cost_time")


def check_folder(folder: Path) -> None:
    """Make the folder and write to it, so that it fails now rather than after hours; and matplotlib likewise."""
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"--out {folder} is a file; name a folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".{os.getpid()}.tmp"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise OSError(f"--out {folder} cannot be written: {error.strerror}; name another folder") from error
    plotting.comparison({})


def write(folder: Path, results: Sequence[RunResult], *, data: str, warning: str, caption: str) -> list[Path]:
    """Everything, each file whole or not at all; the numbers first, as they cannot be made again from the pictures.

    ``data`` says in one word which images were used, ``warning`` what is to be known about them.
    """
    described = f"{data}: {warning}" if warning else data
    texts = {
        "histories.json": _as_json(results, described),
        "results.csv": table.as_csv(results, described),
        "results.md": table.as_markdown(results, caption),
    }
    for name, text in texts.items():
        _write_text(folder / name, text)
    names = list(texts)
    for result in results:
        names.append(f"{result.optimizer}-seed{result.seed}.png")
        title = f"{article.EXPERIMENTS[result.optimizer].title}, seed {result.seed}, {data}"
        plotting.save(plotting.report(result.history, _titled(title, warning)), folder / names[-1])
    if len(results) > 1:
        names.append("comparison.png")
        plotting.save(_comparison(results, data, warning), folder / names[-1])
    return [folder / name for name in names]


def read(path: Path) -> list[RunResult]:
    """The runs of a ``histories.json``; a number that was not finite comes back as NaN."""
    return [_from_plain(run) for run in json.loads(path.read_text(encoding="utf-8"))["runs"]]


def _comparison(results: Sequence[RunResult], data: str, warning: str) -> "Figure":
    groups: dict[str, list[History]] = {}
    for result in results:
        groups.setdefault(article.EXPERIMENTS[result.optimizer].title, []).append(result.history)
    seeds = sorted({result.seed for result in results})
    title = f"{data}, seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}"
    return plotting.comparison(groups, _titled(title, warning))


def _titled(title: str, warning: str) -> str:
    return f"{title}\n{warning}" if warning else title


def _as_json(results: Sequence[RunResult], described: str) -> str:
    plain = {"data": described, "runs": [_to_plain(result) for result in results]}
    return json.dumps(plain, allow_nan=False, indent=1) + "\n"


def _to_plain(result: RunResult) -> dict[str, Any]:
    history = result.history
    return {
        "optimizer": result.optimizer,
        "seed": result.seed,
        "dead_outputs": result.dead_outputs,
        "stop_reason": history.stop_reason,
        # JSON has no word for a number that is not finite
        **{name: [value if math.isfinite(value) else None for value in getattr(history, name)] for name in _SERIES},
    }


def _from_plain(plain: dict[str, Any]) -> RunResult:
    history = History(metrics=["accuracy"])
    history.stop_reason = plain["stop_reason"]
    for name in _SERIES:
        getattr(history, name).extend(math.nan if value is None else value for value in plain[name])
    return RunResult(plain["optimizer"], plain["seed"], history, plain["dead_outputs"])


def _write_text(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise OSError(f"{path} cannot be written: {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)
