"""Placeholder until the pictures are merged."""

from pathlib import Path
from typing import Any


def draw_sweep(runs: Any, folder: Path) -> list[Path]:
    """Draw nothing."""
    return []


def draw_compare(runs: Any, folder: Path) -> list[Path]:
    """Draw nothing."""
    return []
