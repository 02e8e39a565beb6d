"""Checkpoints: files of a session, from which a training can be resumed."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from cutedl_xp._checks import check_integer, check_one_of, format_reason
from cutedl_xp._version import __version__
from cutedl_xp.backends import Backend, dtype_name
from cutedl_xp.files import arrays as files
from cutedl_xp.files.model_file import DTYPES, check_arrays
from cutedl_xp.files.tree import decode, encode
from cutedl_xp.losses import Loss
from cutedl_xp.metrics import Metric, MetricFunction
from cutedl_xp.model import Model
from cutedl_xp.optimizers import Optimizer
from cutedl_xp.regularizers import Regularizer
from cutedl_xp.training.description import Known, describe, rebuild
from cutedl_xp.training.record import FitRecord

_FORMAT = 2


class Described(Protocol):
    """Session, or its parts."""

    @property
    def model(self) -> Model:
        """Model."""

    @property
    def loss(self) -> Loss:
        """Loss."""

    @property
    def optimizer(self) -> Optimizer:
        """Optimizer."""

    @property
    def regularizers(self) -> Sequence[Regularizer]:
        """Regularizers."""

    @property
    def metrics(self) -> Sequence[Metric | MetricFunction]:
        """Metrics."""


@dataclass(frozen=True)
class Parts:
    """Arguments of the constructor of a session.

    Attributes
    ----------
    model, loss, optimizer, regularizers, metrics
        As for :class:`Session`.
    """

    model: Model
    loss: Loss
    optimizer: Optimizer
    regularizers: Sequence[Regularizer]
    metrics: Sequence[Metric | MetricFunction]


def describe_parts(session: Described) -> dict[str, Any]:
    """Return the parts of ``session`` as plain values.

    Raises
    ------
    TypeError
        If a part cannot be described; the message names the part and the remedy.
    """
    return {
        "dtype": dtype_name(session.model.dtype),
        "layers": describe("model.layers", session.model.layers),
        "scale": session.model.scale,
        "loss": describe("loss", session.loss),
        "optimizer": describe("optimizer", session.optimizer),
        "regularizers": describe("regularizers", list(session.regularizers)),
        "metrics": describe("metrics", list(session.metrics)),
    }


def write(path: str | os.PathLike[str], session: Described, state: dict[str, Any], record: FitRecord | None) -> None:
    """Write a session to a file atomically.

    Parameters
    ----------
    path
        File to write.
    session, state
        Session, and its state.
    record
        Record of its last training; None before the first.
    """
    header = {"format": _FORMAT, "kind": "session", "library": __version__} | describe_parts(session)
    plain_state, arrays = encode(state, "state")
    fit, own = encode(None if record is None else record.to_dict(), "fit")
    files.write(path, arrays | own, header | {"state": plain_state, "fit": fit})


def read(
    path: str | os.PathLike[str], backend: Backend, known: Known
) -> tuple[Parts, dict[str, Any], FitRecord | None]:
    """Return the parts of the session in a file, its state, and the record of its training.

    Parameters
    ----------
    path
        File that :func:`write` made.
    backend
        Backend on which the model is assembled.
    known
        Classes and functions that the file may name.

    Raises
    ------
    ValueError
        If the file is no checkpoint, or is damaged. No code of the file is run, and no memory beyond its size is
        allocated.
    """
    arrays, header = files.read(path)
    try:
        _check_kind(header)
        parts, record = _rebuild_parts(header, known), decode(header["fit"], arrays)
        state = decode(header["state"], arrays)
        dtype = check_one_of("dtype", header["dtype"], DTYPES)
        check_arrays(state["parameters"], parts.model.weight_shapes(), dtype)
        parts.model.assemble(backend, dtype)
        return parts, state, None if record is None else FitRecord.from_dict(record)
    except Exception as error:  # constructors that receive values of a file may raise any exception
        raise unreadable(path, error) from error


def is_finite(state: dict[str, Any], *, losses: bool) -> bool:
    """Return whether the parameters and slots in ``state`` are finite, and with ``losses`` also the losses."""
    sums = state["losses"]
    bad_losses = sums["host_bad"] or any(sums["device_sums"][3:])
    return not (losses and bad_losses) and _all_finite(state["parameters"]) and _all_finite(state["optimizer"]["state"])


def _all_finite(tree: Any) -> bool:
    if isinstance(tree, dict):
        return all(map(_all_finite, tree.values()))
    return bool(np.isfinite(tree).all())


def check_writable(path: Path) -> None:
    """Raise if no file can be written to ``path``.

    Raises
    ------
    ImportError, OSError
        If safetensors is not installed, or the folder does not exist or cannot be written to.
    """
    files.import_safetensors()
    folder = path.parent
    if not folder.is_dir():
        raise FileNotFoundError(f"`path` is {path}, and its folder does not exist; make the folder first")
    if path.exists() and not path.is_file():
        kind = "a folder" if path.is_dir() else "no regular file"
        raise FileExistsError(f"`path` is {path}, which is {kind}; give the path of a file")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(f"`path` is {path}, and its folder cannot be written to; choose another folder")


def step_of(path: Path) -> int | None:
    """Return the number of steps of the checkpoint in the file ``path``; None if it holds no whole checkpoint."""
    try:
        _, header = files.read(path)
        return check_integer("step", header["state"]["step"], at_least=0)
    except (KeyError, OSError, TypeError, ValueError):
        return None


def unreadable(path: str | os.PathLike[str], error: Exception) -> ValueError:
    """Return the error for the file ``path``, whose content causes ``error`` when the session is made."""
    why = format_reason(error)
    if isinstance(error, KeyError):
        why = f"it lacks {why}"
    return ValueError(f"{os.fspath(path)} does not hold a session that can be made here: {why}")


def _check_kind(header: dict[str, Any]) -> None:
    kind, number = header.get("kind"), header.get("format")
    if kind == "model":
        raise ValueError("it holds a model without a training; load it with Model.load")
    if kind != "session" or type(number) is not int or number < _FORMAT:
        raise ValueError(f"it has format {number!r}, kind {kind!r}, not format {_FORMAT}, kind 'session'")
    if number > _FORMAT:
        raise ValueError(
            f"it has format {number}, written by version {header.get('library')} of cutedl_xp, and this version "
            f"({__version__}) reads formats up to {_FORMAT}; update cutedl_xp"
        )


def _rebuild_parts(header: dict[str, Any], known: Known) -> Parts:
    layers, loss, optimizer, regularizers, metrics = (
        rebuild(header[name], known) for name in ("layers", "loss", "optimizer", "regularizers", "metrics")
    )
    model = Model(layers)
    model.scale = header.get("scale")  # absent from files of earlier versions
    return Parts(model, loss, optimizer, regularizers, metrics)
