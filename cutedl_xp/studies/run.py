"""Run: one training as a function of plain values."""

import functools
import hashlib
import json
import platform
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from cutedl_xp import _checks, listeners, losses, metrics
from cutedl_xp._machine import describe_machine
from cutedl_xp._version import __version__
from cutedl_xp.backends import Backend, get_backend
from cutedl_xp.datasets import Dataset
from cutedl_xp.studies import data, models, optimizer_text
from cutedl_xp.studies.figures import measure
from cutedl_xp.studies.inactive import find_inactive_outputs
from cutedl_xp.studies.settings import Settings
from cutedl_xp.training.history import History
from cutedl_xp.training.session import Session

FORMAT = 1
_EVALUATION_BATCH = 1000  # samples; smaller batches need more time for each sample
_LONGEST_NAME = 80


@dataclass(frozen=True, kw_only=True)
class RunSpec:
    """Specification of a run: all values that its result depends on.

    Parameters
    ----------
    data, model, optimizer
        Texts such as ``"mnist"``, ``"784-10"`` and ``"adam(lr=0.001)"``.
    seed
        Seed of the initial weights and of the order of the batches.
    settings
        Settings that all runs of a study share.
    purpose
        ``"final"``, the default, or ``"trial"`` for a trial of a tuning, which never uses the test samples.
    data_sha256
        Digest of the samples, which a worker on another machine compares with its own; default None for no comparison.
    """

    data: str
    model: str
    optimizer: str
    seed: int
    settings: Settings
    purpose: str = "final"
    data_sha256: str | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return f"{self.optimizer}, seed {self.seed}"

    @property
    def name(self) -> str:
        """Readable name of the run's files, with a digest of all values that the run depends on at its end."""
        values = [self.data, self.model, self.optimizer, self.seed, self.purpose, self.settings.to_dict()]
        digest = hashlib.sha256(json.dumps(values).encode()).hexdigest()[:10]
        parts = (Path(self.data).stem, self.model, f"seed{self.seed}", self.optimizer)
        readable = re.sub(r"[^A-Za-z0-9.=]+", "-", "-".join(parts))[:_LONGEST_NAME].strip("-.")
        return f"{readable}-{digest}"


def execute(
    spec: RunSpec,
    followers: Sequence[listeners.Listener] = (),
    checkpoint: Path | None = None,
    checkpoint_every: int = 0,
) -> dict[str, Any]:
    """Train as specified, or resume the training of a checkpoint, and return the result as plain values.

    Parameters
    ----------
    spec
        Specification of the run.
    followers
        Listeners that observe the training.
    checkpoint
        File for checkpoints, default None for no checkpoints.
    checkpoint_every
        Number of epochs between two checkpoints, default 0 for no checkpoints.

    Raises
    ------
    ImportError, OSError, TypeError, ValueError
        If a part of the specification is wrong, or the data has another digest.
    KeyboardInterrupt
        After Ctrl-C, when a checkpoint of the current step has been written.
    """
    return finish(spec, train(spec, followers, checkpoint, checkpoint_every))


def train(
    spec: RunSpec,
    followers: Sequence[listeners.Listener] = (),
    checkpoint: Path | None = None,
    checkpoint_every: int = 0,
) -> Session:
    """Return the session of a run after its training; the arguments are the ones of :func:`execute`."""
    settings = spec.settings
    backend = get_backend(settings.backend, device=settings.device)
    parts = load_data(spec)
    training = _make_dataset(parts, parts.train, settings.batch_size, seed=spec.seed)
    validation = _make_dataset(parts, parts.validation, _EVALUATION_BATCH)
    together = [*_make_stop_rules(settings), *followers]
    session = None
    if checkpoint_every and checkpoint is not None:
        session = _load(checkpoint, backend)
        together.append(listeners.Checkpoint(checkpoint, every_epochs=checkpoint_every))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the result has the reason of a stop for non-finite numbers
        if session is not None:
            session.resume(training, validation, together)
        else:
            _compile(replace(spec, seed=0, data_sha256=None), len(training))
            session = _begin(spec, backend, len(training))
            session.fit(training, settings.epochs, validation, listeners=together, verbose=False)
    return session


def finish(spec: RunSpec, session: Session) -> dict[str, Any]:
    """Return the result of a run from its trained session, as plain values."""
    parts, settings = load_data(spec), spec.settings
    history = session.history
    assert history is not None
    test = None
    if spec.purpose == "final":
        test = session.evaluate(_make_dataset(parts, parts.test, _EVALUATION_BATCH))
    inactive: list[str] = []
    if settings.output_activation == "relu" and history.stopped_by != "not_finite":
        training = _make_dataset(parts, parts.train, _EVALUATION_BATCH)
        inactive = find_inactive_outputs(session.model, training, parts.class_names)
    return {
        "format": FORMAT,
        "data": spec.data,
        "model": spec.model,
        "optimizer": spec.optimizer,
        "seed": spec.seed,
        "purpose": spec.purpose,
        "settings": settings.to_dict(),
        "figures": measure(history, settings.target, test) | {"inactive_outputs": inactive},
        "stopped_by": history.stopped_by,
        "stop_reason": history.stop_reason,
        "history": history.to_dict(),
        "classes": len(parts.class_names),
        "data_sha256": parts.sha256,
        "data_warning": parts.warning,
        "versions": _versions(session.backend),
        "machine": describe_machine(),
    }


def read_history(run: dict[str, Any]) -> History:
    """Return the history of a run from its plain values."""
    return History.from_dict(run["history"])


def load_data(spec: RunSpec) -> data.Parts:
    """Return the data of a run.

    Raises
    ------
    ValueError
        If the data have another digest than in the specification.
    """
    parts = data.load(spec.data, validation=spec.settings.validation, target_column=spec.settings.target_column)
    if spec.data_sha256 not in (None, parts.sha256):
        raise ValueError(
            f"the data {spec.data!r} must be the same on all machines and in all runs of a study; here the samples "
            "have another digest, so copy the files of the first machine, or begin another study with --new"
        )
    return parts


def _make_dataset(parts: data.Parts, part: tuple[Any, Any], batch_size: int, seed: int | None = None) -> Dataset:
    """Return a part as a data set, shuffled if a seed is given."""
    return Dataset(*part, batch_size=batch_size, shuffle=seed is not None, seed=seed or 0, scale=parts.scale)


def _make_stop_rules(settings: Settings) -> list[listeners.Listener]:
    rules: list[listeners.Listener] = []
    if settings.patience:
        rules.append(listeners.EarlyStopping("val_loss", patience=settings.patience, min_delta=settings.min_delta))
    if settings.target is not None and settings.target_times:
        rules.append(listeners.TargetReached("val_accuracy", target=settings.target, times=settings.target_times))
    return rules


def _begin(spec: RunSpec, backend: Backend, epoch_steps: int) -> Session:
    settings = spec.settings
    model = models.make(spec.model, settings.activation, settings.output_activation, settings.initializer)
    return Session(
        model.assemble(backend=backend, dtype=settings.dtype, seed=spec.seed),
        loss=losses.CategoricalCrossentropy(from_logits=True),
        optimizer=optimizer_text.make(spec.optimizer, settings.schedule, settings.epochs * epoch_steps),
        metrics=[metrics.accuracy],
    )


@functools.lru_cache(maxsize=64)
def _compile(spec: RunSpec, epoch_steps: int) -> None:
    """Train for one step, so that the seconds of a run do not include the compilation in this process."""
    parts, settings = load_data(spec), spec.settings
    x, y = parts.train
    batch = _make_dataset(parts, (x[: settings.batch_size], y[: settings.batch_size]), settings.batch_size)
    _begin(spec, get_backend(settings.backend, device=settings.device), epoch_steps).fit(batch, 1, batch, verbose=False)


def _load(checkpoint: Path, backend: Backend) -> Session | None:
    """Return the session of a checkpoint, or None if the file does not exist."""
    try:
        session = Session.load(checkpoint, backend)
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise ValueError(f"{_checks.format_reason(error)}; remove the file to restart this run") from error
    if session.history is None:
        raise ValueError(f"{checkpoint} holds a session without a training; remove the file to restart this run")
    return session


def _versions(backend: Backend) -> dict[str, str]:
    own = {"cutedl_xp": __version__, "python": platform.python_version(), "numpy": np.__version__}
    return own | {backend.name: backend.version}
