"""The files of one part: a page in Markdown, a CSV file and a figure."""

import datetime
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import pictures, tables
from benchmarks.contenders import CONTENDERS
from benchmarks.pages import Page
from cutedl_xp._machine import describe_machine, read_load
from cutedl_xp.files.atomic import write_atomically


@dataclass
class Circumstances:
    """Conditions of the measurement of a part.

    Attributes
    ----------
    rounds, seconds
        Number of rounds, and minimum seconds of a measurement (0: one run of a program).
    note
        Note for readers, at the beginning.
    clock
        ``"wall"``, or ``"cpu"`` for the time of the processors.
    about
        Libraries and threads of each contender.
    absent
        Contenders that were left out, with the reasons.
    load
        Load of the machine at the start of the part.
    """

    rounds: int
    seconds: float
    note: str = ""
    clock: str = "wall"
    about: dict[str, str] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    load: float | None = field(default_factory=read_load)


def write(folder: Path, part: str, page: Page, how: Circumstances) -> list[Path]:
    """Write ``<part>.csv``, ``<part>.png`` and ``<part>.md`` atomically, after all measurements."""
    contents = {
        ".csv": page.csv.encode(),
        ".png": pictures.png(page.picture),
        ".md": _markdown(part, page, how).encode(),
    }
    paths = [folder / f"{part}{suffix}" for suffix in contents]
    for path, content in zip(paths, contents.values(), strict=True):
        write_atomically(path, content)
    return paths


def _markdown(part: str, page: Page, how: Circumstances) -> str:
    sections = [
        f"<!-- written by tests/benchmarks: {part} -->",
        *([f"**{how.note}**"] if how.note else []),
        _measured(how),
        page.body,
        f"![The values of the tables as a figure]({part}.png)",
    ]
    if how.about:
        rows = [[name, CONTENDERS[name].about, about] for name, about in how.about.items()]
        sections += [tables.markdown(["", "how", "libraries and threads"], rows)]
    sections += [f"Left out: {what}: {_one_line(reason)}." for what, reason in how.absent.items()]
    return "\n\n".join(sections) + "\n"


def _measured(how: Circumstances) -> str:
    rounds = f"{how.rounds} round{'s' if how.rounds > 1 else ''}"
    length = f" of {how.seconds:g} seconds or more" if how.seconds else ""
    length += " of the processors" if how.clock == "cpu" else ""
    loads = [f"{load:.1f}" for load in (how.load, read_load()) if load is not None]
    busy = f", load {loads[0]} before and {loads[1]} after, including the measurement" if len(loads) == 2 else ""
    return f"Measured {datetime.date.today()}, {rounds}{length}: {describe_machine()}{busy}."


def _one_line(reason: str) -> str:
    """Return the last line, which is the error in a traceback."""
    return reason.strip().splitlines()[-1].rstrip(".")
