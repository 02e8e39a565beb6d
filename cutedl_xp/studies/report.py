"""Tables and pictures of a study."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cutedl_xp.files.atomic import write_atomically
from cutedl_xp.studies import pictures, summary, table


def write(kind: str, runs: Sequence[dict[str, Any]], folder: Path) -> list[Path]:
    """Write the tables and pictures of finished runs, and return their paths.

    Parameters
    ----------
    kind
        ``"compare"`` or ``"sweep"``.
    runs
        Finished runs as plain values; none writes nothing.
    folder
        Folder to write into.
    """
    if not runs:
        return []
    paths = [folder / "results.csv"]
    table.write_csv(paths[0], table.run_rows(runs))
    tables = {name: rows for name, rows in make_tables(kind, runs).items() if rows}
    for name, rows in tables.items():
        paths.append(folder / f"{name}.csv")
        table.write_csv(paths[-1], rows)
    sections = [f"## {name.capitalize()}\n\n{table.to_markdown(rows)}" for name, rows in tables.items()]
    paths.append(folder / "results.md")
    write_atomically(paths[-1], "\n".join(["# Results\n", *sections]).encode())
    draw = pictures.draw_sweep if kind == "sweep" else pictures.draw_compare
    return [*paths, *draw(runs, folder)]


def make_tables(kind: str, runs: Sequence[dict[str, Any]]) -> Mapping[str, Sequence[table.Row]]:
    """Return the rows of each table of a study, by the table's name."""
    final = [run for run in runs if run["purpose"] == "final"]
    if kind == "sweep":
        return {"rates": summary.rates(final), "summary": summary.summarise(final)}
    return {"summary": summary.summarise(final), "differences": summary.differences(final)}
