"""CSV tables: rows of plain values."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from cutedl_xp.files.atomic import write_atomically

Row: TypeAlias = Mapping[str, Any]


def run_rows(runs: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Return a row for each run: its specification, its figures, and the reason for its end."""
    return [
        {
            **{name: run[name] for name in ("data", "model", "optimizer", "seed", "purpose")},
            **{name: figure for name, figure in run["figures"].items() if name != "inactive_outputs"},
            "inactive_outputs": len(run["figures"]["inactive_outputs"]),
            "inactive_names": " ".join(run["figures"]["inactive_outputs"]),
            "stopped_by": run["stopped_by"],
            "stop_reason": run["stop_reason"],
            "data_warning": run.get("data_warning", ""),
        }
        for run in runs
    ]


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    """Write rows with all digits; the keys of the first row are the columns."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _as_cell(value) for name, value in row.items()} for row in rows)
    write_atomically(path, text.getvalue().encode())


def _as_cell(value: Any) -> Any:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else value
