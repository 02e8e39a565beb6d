"""Sessions in files: saving at any moment, and loading."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Self

from cutedl_xp.backends import Backend, get_backend
from cutedl_xp.files.finite import warn_of_non_finite
from cutedl_xp.optimizers import SkipNonFinite
from cutedl_xp.training import checkpoint
from cutedl_xp.training.description import known_with
from cutedl_xp.training.fit import Fit
from cutedl_xp.training.history import History
from cutedl_xp.training.log import TrainingLog
from cutedl_xp.training.record import FitRecord
from cutedl_xp.training.trainable import Trainable


class Persistent(Trainable):
    """A trainable with the record of its training, which can be written to a file and read from it."""

    history: History | None = None
    _running: tuple[Fit, TrainingLog, bool | None] | None = None
    _record: FitRecord | None = None  # of the last training, once it has ended

    def load_state_dict(self, d: Mapping[str, Any]) -> None:
        """Take over the state of a session with the same layers, dtype and classes of optimizers.

        Raises
        ------
        TypeError, ValueError, RuntimeError
            If it is not such a state, or a ``fit`` of this session is running; then nothing is changed.
        """
        super().load_state_dict(d)
        self._record = None  # a fit that was interrupted before is not the one of this state

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write everything that the rest of a training depends on to a file, whole or not at all.

        The file holds the model, loss, optimizer, regularizers and metrics by their names and options, the state of
        :meth:`state_dict`, the history, and how far a ``fit`` that runs or was interrupted has come. A listener may
        call this in the middle of a training, as the last of the listeners; see
        :class:`~cutedl_xp.listeners.Checkpoint`.

        Parameters
        ----------
        path
            File to write, in the safetensors format. An existing file is replaced once the new one is complete.

        Raises
        ------
        ImportError
            If safetensors is not installed.
        TypeError
            If a part cannot be described, such as a schedule that is a lambda.
        OSError
            If the file cannot be written; an existing file stays as it is.

        Warns
        -----
        RuntimeWarning
            If a parameter or a buffer is NaN or infinite; the warning names the first one.

        Examples
        --------
        >>> import tempfile, pathlib
        >>> import numpy as np
        >>> import cutedl_xp as cdl
        >>> model = cdl.Model([cdl.layers.Dense(1, input_dim=1, activation="linear")]).assemble("numpy")
        >>> session = cdl.Session(model, loss=cdl.losses.Mse(), optimizer=cdl.optimizers.Adam())
        >>> data = cdl.Dataset(np.ones((4, 1)), np.ones((4, 1)))
        >>> history = session.fit(data, epochs=3)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     session.save(pathlib.Path(folder) / "session.ckpt")
        ...     loaded = cdl.Session.load(pathlib.Path(folder) / "session.ckpt", backend="numpy")
        >>> loaded.epoch, loaded.optimizer.lr, loaded.evaluate(data) == session.evaluate(data)
        (3, 0.0001, True)
        """
        state = self.state_dict()
        warn_of_non_finite(state["parameters"], stacklevel=2)
        self._write(path, state)

    def save_if_finite(self, path: str | os.PathLike[str]) -> bool:
        """Write a file as :meth:`save` does, unless a parameter or the state of the optimizer is NaN or infinite.

        Returns
        -------
        bool
            Whether the file was written.
        """
        state = self.state_dict()
        skips = any(isinstance(each, SkipNonFinite) for each in self.optimizer.all)
        finite = checkpoint.is_finite(state, losses=not skips)
        if finite:
            self._write(path, state)
        return finite

    def _write(self, path: str | os.PathLike[str], state: dict[str, Any]) -> None:
        record = FitRecord.of(*self._running) if self._running else self._record
        checkpoint.write(path, self, state, record)

    @classmethod
    def load(
        cls, path: str | os.PathLike[str], backend: Backend | str | None = None, *, custom: Sequence[Any] = ()
    ) -> Self:
        """Return the session of a file, on any backend, for :meth:`resume`, :meth:`fit` or :meth:`evaluate`.

        Parameters
        ----------
        path
            File that :meth:`save` or a :class:`~cutedl_xp.listeners.Checkpoint` wrote.
        backend
            A backend or its name; default that of :func:`cutedl_xp.get_backend`.
        custom
            Classes of layers, losses, optimizers, regularizers and schedules of your own, and functions of your own
            that are metrics or schedules, which the file may name. No class and no function is taken from the file.

        Raises
        ------
        ValueError
            If it is no such file, is damaged, or names a class that is not known.
        """
        parts, state, record = checkpoint.read(path, get_backend(backend), known_with(custom))
        try:
            session = cls(parts.model, parts.loss, parts.optimizer, parts.regularizers, parts.metrics)
            session.load_state_dict(state)
        except Exception as error:
            raise checkpoint.unreadable(path, error) from error
        session._record, session.history = record, None if record is None else record.history
        return session

    @contextmanager
    def _recorded(self, fit: Fit, log: TrainingLog, compiled: bool | None) -> Iterator[None]:
        """Within the block the training can be saved; at its end keep how far it has come."""
        self._running, self._record = (fit, log, compiled), None
        try:
            yield
        finally:
            self._running = None
            with suppress(Exception):  # the error of the training is the one to raise
                self._record = FitRecord.of(fit, log, compiled)
