"""Tables and pictures of a study."""

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cutedl_xp._checks import missing_extra_error
from cutedl_xp.files.atomic import write_atomically
from cutedl_xp.studies import pictures, readable, summary, table


def check_installed() -> None:
    """Import the dependencies of :func:`write`, so that a missing one raises before the runs and not after them."""
    for module, package in (("scipy.stats", "scipy"), ("matplotlib.figure", "matplotlib")):
        try:
            importlib.import_module(module)
        except ImportError as error:
            raise missing_extra_error("a study", package, "cli") from error


def write(kind: str, runs: Sequence[dict[str, Any]], folder: Path) -> list[Path]:
    """Write the tables and pictures of finished runs, and return their paths.

    Parameters
    ----------
    kind
        ``"compare"`` or ``"sweep"``.
    runs
        Finished runs as plain values; without runs, no file is written.
    folder
        Folder to write into.
    """
    if not runs:
        return []
    paths = [folder / "results.csv"]
    table.write_csv(paths[0], table.run_rows(runs))
    for name, rows in summarise(kind, runs).items():
        if rows:
            paths.append(folder / f"{name}.csv")
            table.write_csv(paths[-1], rows)
    paths.append(folder / "results.md")
    warnings = dict.fromkeys(f"{run['data']}: {run['data_warning']}" for run in runs if run.get("data_warning"))
    sections = [f"**Warning**: {warning}.\n" for warning in warnings]
    sections += [each.to_markdown() for each in readable.make_tables(kind, runs)]
    write_atomically(paths[-1], "\n".join(["# Results\n", *sections]).encode())
    draw = pictures.draw_sweep if kind == "sweep" else pictures.draw_compare
    return [*paths, *draw(runs, folder)]


def summarise(kind: str, runs: Sequence[dict[str, Any]]) -> Mapping[str, Sequence[table.Row]]:
    """Return the rows of each CSV table of a study by the table's name."""
    final = [run for run in runs if run["purpose"] == "final"]
    if kind == "sweep":
        return {"rates": summary.rates(final), "usable-rates": summary.usable_rates(final)}
    tables = {"summary": summary.summarise(final), "differences": summary.differences(final)}
    tasks = {(run["data"], run["model"]) for run in final}
    return tables | ({"profile": summary.profile(final)} if len(tasks) > 1 else {})
