"""Listener that writes TensorBoard's event files."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cutedl_xp import _checks
from cutedl_xp.files.arrays import check_path
from cutedl_xp.training.events import Event
from cutedl_xp.training.history import History


def import_writer(purpose: str) -> Any:
    """Return TensorBoard's class for event files.

    Raises
    ------
    ImportError
        If tensorboard is not installed; the message names the purpose.
    """
    try:
        from tensorboard.summary import Writer
    except ImportError as error:
        raise _checks.missing_extra_error(purpose, "tensorboard", "tensorboard") from error
    return Writer


def write_scalars(writer: Any, steps: Sequence[int], series: Mapping[str, Sequence[float]], begin: int = 0) -> None:
    """Write the entries of each series from the position ``begin`` on, each at its step."""
    for name, values in series.items():
        for step, value in zip(steps[begin:], values[begin:], strict=True):
            writer.add_scalar(name, value, step=step)


class TensorBoard:
    """Write the losses, the metrics and the learning rates for TensorBoard when they are recorded.

    A training that is resumed from a checkpoint adds a file to the folder; entries between the checkpoint and the end
    of the earlier process are in both files, with the same values.

    Parameters
    ----------
    folder
        Folder of the event files of one run, which is created if it does not exist.

    Raises
    ------
    ImportError
        If tensorboard is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> import cutedl_xp as cdl
    >>> model = cdl.Model([cdl.layers.Dense(1, input_dim=1, activation="linear")]).assemble("numpy")
    >>> session = cdl.Session(model, loss=cdl.losses.Mse(), optimizer=cdl.optimizers.Fixed(0.1))
    >>> data = cdl.Dataset(np.ones((4, 1)), np.ones((4, 1)))
    >>> history = session.fit(data, epochs=2, listeners=[cdl.listeners.TensorBoard("run")])  # doctest: +SKIP
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(os.path.abspath(check_path(folder)))  # also after a change of the working directory
        self._make_writer = import_writer("TensorBoard")
        self._writer: Any = None
        self._history: History | None = None
        self._written = 0

    def __call__(self, event: Event) -> None:
        """Write the entries since the last call, and close the file at the end of the training."""
        history = event.history
        if history is not self._history:
            self._close()
            self._history, self._written = history, history.resumed_at
        if event.name in ("val_end", "epoch_end") and len(history) > self._written:
            self._write(history)
        ended = event.stopping.requested or event.epoch == event.last_epoch
        if event.name == "epoch_end" and ended:
            self._close()

    def _write(self, history: History) -> None:
        if self._writer is None:
            self._writer = self._make_writer(str(self.folder))
        rates = history.lr if isinstance(history.lr, dict) else {"": history.lr}
        series = {name: history.series(name) for name in history.recorded}
        series |= {f"lr[{pattern}]" if pattern else "lr": values for pattern, values in rates.items() if values}
        write_scalars(self._writer, history.steps, series, self._written)
        self._writer.flush()
        self._written = len(history)

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None
