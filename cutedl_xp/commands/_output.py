"""Text, tables and sentences on the standard streams; a closed pipe does not end a command."""

import os
import sys
from collections.abc import Sequence
from typing import Any, TextIO


def say(text: str, stream: TextIO | None = None) -> None:
    """Print a text, default to stdout, and go on if nobody reads it, as with ``| head``: the results are in files."""
    target = sys.stdout if stream is None else stream
    try:
        print(text, file=target, flush=True)
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, target.fileno())  # else Python complains when it closes the stream
        os.close(nowhere)


def note(text: str) -> None:
    """Print a line to stderr, which holds everything but the results."""
    say(" ".join(text.split()), sys.stderr)


def is_terminal() -> bool:
    """Return whether somebody watches stderr."""
    return sys.stderr is not None and sys.stderr.isatty()


def show_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], caption: str = "") -> None:
    """Print a table as wide as the terminal; the cells of its first column are wrapped, the others are numbers.

    Parameters
    ----------
    title
        Heading of the table.
    columns
        Headings of the columns.
    rows
        Cells of each row.
    caption
        Sentence below the table, default none.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    made = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold", pad_edge=False)
    for place, heading in enumerate(columns):
        made.add_column(Text(heading), justify="right" if place else "left", overflow="fold")
    for row in rows:
        made.add_row(*map(Text, row))  # not markup: a path may hold brackets
    show(made)
    if caption:
        show(Text(f"{caption}\n"))


def show(printable: Any) -> None:
    """Print what rich can print."""
    from rich.console import Console

    console = Console()
    with console.capture() as captured:
        console.print(printable)
    say(captured.get().rstrip("\n"))
