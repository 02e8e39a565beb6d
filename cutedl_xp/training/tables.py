"""Tables of the entries of a history."""

from __future__ import annotations

import csv
import html
import io
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cutedl_xp.training.history import History


def columns_of(history: History) -> dict[str, Sequence[float]]:
    """Return the lists of ``history`` that have entries, by name; the rates of groups are ``lr[pattern]``."""
    columns: dict[str, Sequence[float]] = {name: getattr(history, name) for name in ("steps", "cost_time", "loss")}
    recorded = history.to_dict()
    columns["val_loss"] = history.val_loss
    columns |= {f"val_{name}": values for name, values in recorded["metrics"].items()}
    columns |= {f"train_{name}": values for name, values in recorded["train_metrics"].items()}
    columns["skipped"] = history.skipped
    rates = history.lr if isinstance(history.lr, dict) else {"": history.lr}
    columns |= {f"lr[{pattern}]" if pattern else "lr": values for pattern, values in rates.items()}
    return {name: values for name, values in columns.items() if values or name == "steps"}


def csv_lines(rows: Iterable[Iterable[object]]) -> str:
    """Return ``rows`` as lines of a CSV file; numbers have all their digits."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def table_of(history: History, most: int = 6) -> list[list[str]]:
    """Return the header and the entries of ``history`` as texts; of more than ``most`` entries, the first and last."""
    columns = columns_of(history)
    entries = zip(*columns.values(), strict=False)  # a user may have changed one of the lists
    rows = [[_format(name, value) for name, value in zip(columns, entry, strict=True)] for entry in entries]
    if len(rows) > most:
        half = most // 2
        rows = [*rows[:half], ["..."] * len(columns), *rows[-half:]]
    return [list(columns), *rows]


def text_of(table: Sequence[Sequence[str]]) -> str:
    """Return ``table`` as lines of right-aligned columns."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "\n".join("  ".join(map(str.rjust, row, widths)) for row in table)


def html_of(table: Sequence[Sequence[str]], caption: str) -> str:
    """Return ``table`` as HTML with a ``caption``."""
    head, *body = [[html.escape(cell) for cell in row] for row in table]
    rows = "".join(f"<tr><td>{'</td><td>'.join(row)}</td></tr>" for row in body)
    header = f"<thead><tr><th>{'</th><th>'.join(head)}</th></tr></thead>"
    return f"<table><caption>{html.escape(caption)}</caption>{header}<tbody>{rows}</tbody></table>"


def _format(name: str, value: float) -> str:
    if name in ("steps", "skipped"):
        return f"{value:,}"
    return f"{value:.2f}" if name == "cost_time" else f"{value:.4g}"
