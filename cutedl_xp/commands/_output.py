"""Output of texts and tables to the standard streams, where a closed pipe does not end a command."""

import os
import shutil
import sys
import textwrap
from collections.abc import Sequence
from typing import TextIO

_GAP = 2  # characters between two columns of a table


def say(text: str, stream: TextIO | None = None) -> None:
    """Print a text, by default to stdout; ignore a closed pipe, as with ``| head``, as the results are in files."""
    target = sys.stdout if stream is None else stream
    try:
        print(text, file=target, flush=True)
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, target.fileno())  # otherwise Python reports an error when it closes the stream
        os.close(nowhere)


def note(text: str) -> None:
    """Print a line to stderr, the stream for everything except results."""
    say(" ".join(text.split()), sys.stderr)


def is_terminal() -> bool:
    """Return whether stderr is a terminal."""
    return sys.stderr is not None and sys.stderr.isatty()


def show_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], caption: str = "") -> None:
    """Print a table that is no wider than the terminal, with an empty line below.

    Parameters
    ----------
    title
        Heading of the table.
    columns
        Headings of the columns.
    rows
        Cells of each row. The first cell is a name, which is wrapped between its words only; the others are numbers.
    caption
        Sentences below the table; default ``""``.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    made = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    widths = _choose_widths(list(zip(columns, *rows, strict=True)), console.width)
    for place, (heading, width) in enumerate(zip(columns, widths, strict=True)):
        made.add_column(Text(heading), justify="right" if place else "left", width=width, overflow="fold")
    for row in rows:
        made.add_row(*map(Text, row))  # without markup, as a path may contain brackets
    with console.capture() as captured:
        console.print(Text(title, style="bold"), made, *[Text(caption, style="dim")] * bool(caption), sep="\n")
    say("\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n")


def say_wrapped(title: str, text: str) -> None:
    """Print a heading and sentences no wider than the terminal, with an empty line below."""
    width = shutil.get_terminal_size().columns
    say("\n".join([title, *textwrap.wrap(text, width)]) + "\n")


def _choose_widths(columns: Sequence[Sequence[str]], room: int) -> list[int]:
    """Return widths with which all columns fit: cells break between words, and if necessary within a word."""
    widths = [max(map(len, cells)) for cells in columns]
    words = [max(len(word) for cell in cells for word in ["", *cell.split()]) for cells in columns]
    while sum(widths) + _GAP * len(widths) - 1 > room and max(widths) > 1:
        spare = [width - word for width, word in zip(widths, words, strict=True)]
        measure = spare if max(spare) > 0 else widths
        widths[measure.index(max(measure))] -= 1
    return widths
