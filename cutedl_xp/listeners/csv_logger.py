"""Listener that writes each entry of the history to a CSV file."""

import csv
import os
from pathlib import Path

from cutedl_xp.files.arrays import check_path
from cutedl_xp.files.atomic import write_atomically
from cutedl_xp.training.events import Event
from cutedl_xp.training.history import History
from cutedl_xp.training.tables import columns_of, csv_lines


class CsvLogger:
    """Write each entry of the history to a CSV file as soon as it is recorded.

    The columns are the ones of ``History.to_csv``. At the first entry of a training, the rows of earlier steps are kept
    and the other rows are dropped: another ``fit`` of the session and a resumed training continue the file, and the
    training of a new session replaces it. A training that records further figures,
    such as a ``fit`` with ``val_data`` after one without, adds their columns at the right. A missing figure is an empty
    cell.

    Parameters
    ----------
    path
        File to write. Its folder must exist.

    Raises
    ------
    OSError
        When a row is written, if the file cannot be written.
    ValueError
        Before the first step, if the existing file is not the table of a training; the file stays unchanged.

    Examples
    --------
    >>> import numpy as np
    >>> import cutedl_xp as cdl
    >>> model = cdl.Model([cdl.layers.Dense(1, input_dim=1, activation="linear")]).assemble("numpy")
    >>> session = cdl.Session(model, loss=cdl.losses.Mse(), optimizer=cdl.optimizers.Fixed(0.1))
    >>> data = cdl.Dataset(np.ones((4, 1)), np.ones((4, 1)))
    >>> history = session.fit(data, epochs=2, listeners=[cdl.listeners.CsvLogger("run.csv")])
    >>> from pathlib import Path
    >>> [line.split(",")[0] for line in Path("run.csv").read_text().splitlines()]
    ['steps', '1', '2']
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(os.path.abspath(check_path(path)))  # also after a change of the working directory
        self._history: History | None = None
        self._start = self._last = 0  # steps before the training, and step of the last row of the file
        self._begun = False
        self._names: list[str] = []  # columns of the file

    def check_session(self, session: object) -> None:
        """Raise before the first step of ``session`` if the folder is missing or the file is no table of a training."""
        if not self.path.parent.is_dir():
            folder = str(self.path.parent)
            raise FileNotFoundError(f"`path` of CsvLogger must be in an existing folder; create {folder!r} first")
        self._read()

    def __call__(self, event: Event) -> None:
        """Write the rows of the entries since the last call."""
        if event.history is not self._history:
            self._history, self._start, self._begun = event.history, event.step, False
        if event.name not in ("val_end", "epoch_end") or not event.history.steps:
            return
        columns = columns_of(event.history)
        if not self._begun:
            self._begin(list(columns))
        cells = [columns.get(name, [""] * len(event.history)) for name in self._names]
        rows = [row for row in zip(*cells, strict=True) if row[0] > self._last]
        if rows:
            self._append(csv_lines(rows))
            self._last = int(rows[-1][0])

    def _begin(self, names: list[str]) -> None:
        """Keep the rows of the training so far, and write a header with their columns and the new ones."""
        header, rows = self._read()
        kept = [row for row in rows if int(row[0]) <= self._start]
        before = header if kept else []
        self._names = [*before, *[name for name in names if name not in before]]
        filled = [row + [""] * (len(self._names) - len(row)) for row in kept]
        write_atomically(self.path, csv_lines([self._names, *filled]).encode())
        self._last, self._begun = int(kept[-1][0]) if kept else 0, True

    def _append(self, lines: str) -> None:
        with self.path.open("ab", buffering=0) as file:  # a single write, so that other programs read whole lines
            file.write(lines.encode())

    def _read(self) -> tuple[list[str], list[list[str]]]:
        """Return the header and the whole rows of the file, without a last line that a crash has cut off."""
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return [], []
        header, *rows = list(csv.reader(text[: text.rfind("\n") + 1].splitlines())) or [["steps"]]
        if header[:1] != ["steps"] or not all(row and row[0].isdecimal() for row in rows):
            raise ValueError(f"CsvLogger must not replace {str(self.path)!r}, which is no table of a training")
        return header, rows
