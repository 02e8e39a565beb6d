"""Entries of a history as the columns and rows of a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cutedl_xp.training.history import History


def columns_of(history: History) -> dict[str, Sequence[float]]:
    """Return the lists of a history that have entries by their names; the rates of groups are ``lr[pattern]``."""
    columns: dict[str, Sequence[float]] = {name: getattr(history, name) for name in ("steps", "cost_time", "loss")}
    metrics = history.to_dict()["metrics"]
    columns |= {"val_loss": history.val_loss, **{f"val_{name}": values for name, values in metrics.items()}}
    columns["skipped"] = history.skipped
    rates = history.lr if isinstance(history.lr, dict) else {"": history.lr}
    columns |= {f"lr[{pattern}]" if pattern else "lr": values for pattern, values in rates.items()}
    return {name: values for name, values in columns.items() if values or name == "steps"}


def csv_lines(rows: Iterable[Iterable[object]]) -> str:
    """Return rows as lines of a CSV file; numbers have all their digits."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
