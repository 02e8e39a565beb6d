"""Listener that writes checkpoints."""

import math
import os
import re
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from cutedl_xp import _checks
from cutedl_xp._familiar import OF_CHECKPOINTS, refuse_keywords
from cutedl_xp._options import constant, option
from cutedl_xp.files.arrays import check_path
from cutedl_xp.files.atomic import write_atomically
from cutedl_xp.listeners._plateau import NewEntries, check_mode, signed
from cutedl_xp.training import checkpoint
from cutedl_xp.training.events import Event


@refuse_keywords(OF_CHECKPOINTS)
class Checkpoint:
    """Write a session to a file regularly, so that a killed training can be resumed.

    A checkpoint is written after every ``every_epochs`` epochs, after every ``every_steps`` steps, at the end of the
    training, and when Ctrl-C or SIGTERM ends it. All other listeners of the same event are called before. Load the
    checkpoint with ``Session.load(path)`` and continue the training with ``resume``.

    Parameters
    ----------
    path
        File of the latest checkpoint, with any suffix. Its folder must exist.
    every_epochs
        Number of epochs between two checkpoints, default 1; 0 for none after epochs.
    every_steps
        Number of steps of the session between two checkpoints, default 0; 0 for none after steps.
    keep
        Number of checkpoints to keep, default 1, at least 1: the latest as ``path``, and earlier ones in the same
        folder with the number of their steps in the name, such as ``run-9380.ckpt`` for ``run.ckpt``.
    best
        Figure such as ``"val_loss"`` or ``"val_accuracy"``. The checkpoint with the best entry of the training is kept
        as well, in a file with ``-best`` in its name, such as ``run-best.ckpt``. The default None keeps no such file.
    mode
        ``"min"`` if less of ``best`` is better, ``"max"`` if more is better. The default None means ``"min"`` for
        losses and ``"max"`` for accuracies; other metrics require a mode.

    Raises
    ------
    ImportError, OSError, TypeError
        When the training starts, if safetensors is not installed, the folder does not exist or cannot be written to,
        or the session has a part that no file can describe, such as a schedule that is a lambda.

    Warns
    -----
    RuntimeWarning
        Once, if a checkpoint cannot be written, such as on a full disk. The training continues, and the previous
        checkpoint remains.

    Notes
    -----
    No checkpoint is written while a parameter, the state of the optimizer or a loss is NaN or infinite: the last finite
    checkpoint remains. With ``AverageWeights.swap`` around validations, the best checkpoint holds the weights of the
    training, and not the average that was validated.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import numpy as np
    >>> import cutedl_xp as cdl
    >>> model = cdl.Model([cdl.layers.Dense(1, input_dim=1, activation="linear")]).assemble("numpy")
    >>> session = cdl.Session(model, loss=cdl.losses.Mse(), optimizer=cdl.optimizers.Adam())
    >>> data = cdl.Dataset(np.ones((4, 1)), np.ones((4, 1)))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "run.ckpt"
    ...     history = session.fit(data, epochs=3, listeners=[cdl.listeners.Checkpoint(path)])
    ...     cdl.Session.load(path, backend="numpy").resume(data).steps
    [1, 2, 3]
    """

    called_last = True
    path: Path = constant()
    every_epochs: int = option(partial(_checks.check_integer, at_least=0))
    every_steps: int = constant()
    events: tuple[str, ...] = constant()
    keep: int = option(partial(_checks.check_integer, at_least=1))
    best: str | None = constant()

    def __init__(
        self,
        path: str | os.PathLike[str],
        every_epochs: int = 1,
        every_steps: int = 0,
        keep: int = 1,
        best: str | None = None,
        mode: str | None = None,
    ) -> None:
        self.path = Path(os.path.abspath(check_path(path)))  # also after a change of the working directory
        self.every_epochs = every_epochs
        self.every_steps = _checks.check_integer("every_steps", every_steps, at_least=0)
        self.events = ("step_end",) if self.every_steps else ()
        self.keep = keep
        self.best = None if best is None else _checks.check_text("best", best)
        if best is None and mode is not None:
            raise ValueError(f"`mode` belongs to `best`, which is None; got mode={mode!r}")
        self.mode = mode
        if best is not None:
            self.mode = check_mode(best, "max" if mode is None and best.endswith("accuracy") else mode)
        self._entries, self._best_entry = NewEntries(), math.inf
        self._history: Any = None
        self._written: int | None = None  # step of the checkpoint in `path`
        self._numbered: list[int] = []  # steps of the earlier checkpoints
        self._warned = False

    def check_session(self, session: Any) -> None:
        """Raise if a file cannot describe ``session``, or the folder cannot be written to."""
        checkpoint.check_writable(self.path)
        checkpoint.describe_parts(session)

    def __call__(self, event: Event) -> None:
        """Write a checkpoint if one is due."""
        if event.history is not self._history:
            self._begin(event)
        if self.best is not None and event.name in ("val_end", "epoch_end"):
            self._write_best(event, self.best)
        if self._is_due(event) and event.stopping.kind != "not_finite":
            self._write(event, lambda: self._replace(event.session))

    def _begin(self, event: Event) -> None:
        """Start with another training; the earlier checkpoints of a resumed training stay on the disk."""
        self._history = event.history
        if self.keep > 1:
            self._numbered = [*filter(self._has_written, self._numbers_beside(event.step))]
        if self.best is not None:
            before = event.history.series(self.best)[: event.history.resumed_at]
            self._entries.reset()
            self._best_entry = min([self._best_entry, *[signed(entry, str(self.mode)) for entry in before]])

    def _is_due(self, event: Event) -> bool:
        if event.name == "step_end":
            ends = event.batch == event.epoch_steps or event.stopping.requested
            return not ends  # otherwise after "epoch_end", which comes next: its listeners may change the weights
        if event.name != "epoch_end":
            return False
        ended = event.batch == event.epoch_steps
        by_epochs = ended and self.every_epochs > 0 and (event.epoch + 1) % self.every_epochs == 0
        by_steps = bool(self.events) and event.step % self.every_steps == 0
        return by_epochs or by_steps or event.stopping.requested or (ended and event.epoch == event.last_epoch)

    def _write_best(self, event: Event, best: str) -> None:
        """Write the best checkpoint if the last of the new entries is better than all entries before it."""
        entries = [signed(entry, str(self.mode)) for entry in self._entries.read(event.history, best)]
        is_best = entries and entries[-1] < self._best_entry
        if is_best and self._write(event, lambda: event.session.save_if_finite(self._beside("best"))):
            self._best_entry = entries[-1]

    def _write(self, event: Event, write: Callable[[], bool]) -> bool:
        """Write a file and return whether it was written; the first failure causes a warning."""
        try:
            return write()
        except (OSError, TypeError, ValueError) as error:  # the latter two for callback memory that no file can hold
            if not self._warned:
                self._warned = True
                warnings.warn(
                    f"no checkpoint was written after step {event.step} ({error}); the training continues, and the "
                    "previous checkpoint remains",
                    RuntimeWarning,
                    stacklevel=2,
                )
            return False

    def _replace(self, session: Any) -> bool:
        """Write the latest checkpoint, after the previous one has got its numbered name."""
        before = self._keep_previous(session.step) if self.keep > 1 and self.path.exists() else None
        written: bool = False
        try:
            written = session.save_if_finite(self.path)
        finally:
            if before is not None and not written:
                self._beside(str(before)).unlink(missing_ok=True)
        if written:
            self._written = session.step
            self._numbered += [] if before is None else [before]
            self._remove_old()
        return written

    def _keep_previous(self, step: int) -> int | None:
        """Give the latest checkpoint its numbered name as well, and return its number if it is of another step."""
        before = self._written if self._written is not None else checkpoint.step_of(self.path)
        if before is None or before == step:
            return None
        _copy(Path(os.path.realpath(self.path)), self._beside(str(before)))
        return before

    def _remove_old(self) -> None:
        """Remove the oldest numbered checkpoints, so that with the latest no more than ``keep`` remain."""
        self._numbered = sorted(set(self._numbered) - {self._written})
        while len(self._numbered) >= self.keep:
            with suppress(OSError):  # a file that cannot be removed is no failure to write one
                self._beside(str(self._numbered.pop(0))).unlink()

    def _numbers_beside(self, step: int) -> list[int]:
        """Return the numbers, up to a step, in the names of files that are named like numbered checkpoints."""
        name = re.compile(re.escape(f"{self.path.stem}-") + "([0-9]+)" + re.escape(self.path.suffix))
        found = [name.fullmatch(each.name) for each in self.path.parent.iterdir()]
        return [int(each[1]) for each in found if each and int(each[1]) <= step]

    def _has_written(self, number: int) -> bool:
        """Return whether a numbered file holds a checkpoint of this step, and not one of another training."""
        return checkpoint.step_of(self._beside(str(number))) == number

    def _beside(self, word: str) -> Path:
        return self.path.with_name(f"{self.path.stem}-{word}{self.path.suffix}")


def _copy(source: Path, target: Path) -> None:
    """Give a file a second name, which remains when the first one is replaced."""
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links
        write_atomically(target, source.read_bytes())
