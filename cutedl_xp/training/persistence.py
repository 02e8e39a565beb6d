"""Saving sessions to files at any moment, and loading them."""

import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Self

from cutedl_xp._familiar import OF_SESSION_FILES, refuse_keywords
from cutedl_xp.backends import Backend, get_backend
from cutedl_xp.files.finite import warn_of_non_finite
from cutedl_xp.optimizers import SkipNonFinite
from cutedl_xp.training import checkpoint
from cutedl_xp.training.arguments import DEFAULT_RELU
from cutedl_xp.training.description import known_with
from cutedl_xp.training.fit import Fit
from cutedl_xp.training.history import History
from cutedl_xp.training.log import TrainingLog
from cutedl_xp.training.record import FitRecord
from cutedl_xp.training.trainable import Trainable


class Persistent(Trainable):
    """Trainable that can be written to a file and read from it, with the record of its training.

    Parameters
    ----------
    model, loss, optimizer, regularizers, metrics
        As for :class:`Session`.
    """

    history: History | None = None
    _running: tuple[Fit, TrainingLog, bool | None] | None = None
    _record: FitRecord | None = None  # record of the last training after its end

    def load_state_dict(self, d: Mapping[str, Any]) -> None:
        """Replace the state of this session by ``d``, see :meth:`Session.state_dict`.

        The state must be of a session with the same layers, dtype and classes of optimizers.

        Raises
        ------
        TypeError, ValueError, RuntimeError
            If ``d`` is no such state, or a ``fit`` of this session is running; then nothing is changed.
        """
        super().load_state_dict(d)
        self._record = None  # an earlier interrupted fit does not belong to this state

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write everything that the rest of a training depends on to a file, atomically.

        The file holds the model, loss, optimizer, regularizers and metrics by their names and options, the state of
        :meth:`state_dict`, the history, and the progress of a running or interrupted ``fit``. A listener may call this
        in the middle of a training, as the last of the listeners; see :class:`~cutedl_xp.listeners.Checkpoint`.

        Parameters
        ----------
        path
            File to write, in the safetensors format. An existing file is replaced when the new one is complete.

        Raises
        ------
        ImportError
            If safetensors is not installed.
        TypeError
            If a part cannot be described, such as a schedule that is a lambda.
        OSError
            If the file cannot be written; an existing file stays unchanged.

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
        """Write the file ``path`` like :meth:`save`, unless a parameter or the optimizer's state is NaN or infinite.

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
    @refuse_keywords(OF_SESSION_FILES)
    def load(
        cls, path: str | os.PathLike[str], backend: Backend | str | None = None, *, custom: Sequence[Any] = ()
    ) -> Self:
        """Return the session of a file, on any backend, for :meth:`resume`, :meth:`fit` or :meth:`evaluate`.

        Parameters
        ----------
        path
            File that :meth:`save` or a :class:`~cutedl_xp.listeners.Checkpoint` wrote.
        backend
            A backend or its name; by default the result of :func:`cutedl_xp.get_backend`.
        custom
            Classes of layers, losses, optimizers, regularizers and schedules of your own, and functions of your own
            that are metrics or schedules, which the file may name; the file itself contains no code.

        Raises
        ------
        ValueError
            If the file holds no session, is damaged, or names an unknown class or function.
        """
        parts, state, record = checkpoint.read(path, get_backend(backend), known_with(custom))
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", DEFAULT_RELU)  # the saved session has already given this warning
                session = cls(parts.model, parts.loss, parts.optimizer, parts.regularizers, parts.metrics)
            session.load_state_dict(state)
        except Exception as error:
            raise checkpoint.unreadable(path, error) from error
        session._record, session.history = record, None if record is None else record.history
        return session

    @contextmanager
    def _recorded(self, fit: Fit, log: TrainingLog, compiled: bool | None) -> Iterator[None]:
        """Return a context in which the training can be saved; its end stores the progress of the training."""
        self._running, self._record = (fit, log, compiled), None
        try:
            yield
        finally:
            self._running = None
            with suppress(Exception):  # so that an error of the training itself is raised
                self._record = FitRecord.of(fit, log, compiled)
