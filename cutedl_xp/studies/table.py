"""Tables as files: CSV for programs, Markdown for documents."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from cutedl_xp.files.atomic import write_atomically

Row: TypeAlias = Mapping[str, Any]
_DIGITS = 4


def run_rows(runs: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Return a row for each run: what it depends on, its figures, and why it ended."""
    return [
        {
            **{name: run[name] for name in ("data", "model", "optimizer", "seed", "purpose")},
            **{name: figure for name, figure in run["figures"].items() if name != "inactive_outputs"},
            "inactive_outputs": len(run["figures"]["inactive_outputs"]),
            "inactive_names": " ".join(run["figures"]["inactive_outputs"]),
            "stopped_by": run["stopped_by"],
            "stop_reason": run["stop_reason"],
        }
        for run in runs
    ]


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    """Write rows with all digits; the first row names the columns."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _as_cell(value) for name, value in row.items()} for row in rows)
    write_atomically(path, text.getvalue().encode())


def to_markdown(rows: Sequence[Row]) -> str:
    """Return a table whose numbers are rounded for reading."""
    if not rows:
        return ""
    columns = list(rows[0])
    right = [any(_is_number(row[name]) for row in rows) for name in columns]
    lines = [
        [name.replace("_", " ") for name in columns],
        ["---:" if each else "---" for each in right],
        *([format_cell(row[name]) for name in columns] for row in rows),
    ]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def format_cell(value: Any) -> str:
    """Return a value as it stands in a table for readers."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return _format_number(value)
    if isinstance(value, int):
        return f"{value:,}"
    return _as_text(value).replace("|", "\\|")


def _format_number(value: float) -> str:
    if not math.isfinite(value):
        return "not finite" if math.isnan(value) else "never"
    if value and (abs(value) >= 1000 or abs(value) < 10.0**-_DIGITS):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.2g}"
    return f"{value:.{_DIGITS}f}".rstrip("0").rstrip(".") or "0"


def _as_text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(format_cell, value))
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {format_cell(each)}" for name, each in value.items())
    return str(value)


def _as_cell(value: Any) -> Any:
    return value if isinstance(value, str | int | float) or value is None else _as_text(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
