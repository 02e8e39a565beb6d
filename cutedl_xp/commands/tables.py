"""Tables of a study in the terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from cutedl_xp.commands._output import say_wrapped, show_table
from cutedl_xp.studies import readable


def show(kind: str, runs: Sequence[Mapping[str, Any]]) -> None:
    """Print the tables of a study's finished runs, sorted by data set and model."""
    for each in readable.make_tables(kind, runs):
        if each.rows:
            show_table(*each)
        else:
            say_wrapped(each.title, each.caption)


def show_run(run: Mapping[str, Any]) -> None:
    """Print the figures of one run."""
    show_table(*readable.tabulate_run(run))
