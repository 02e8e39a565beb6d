"""Checks that the numbers of a training are finite, and descriptions of the first number that is not."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cutedl_xp.datasets import Data, Dataset
from cutedl_xp.model import Model
from cutedl_xp.optimizers import Accumulate, Optimizer, SkipNonFinite
from cutedl_xp.parameters import Buffer, NamedArrays
from cutedl_xp.training.diagnosis import REMEDY, describe_overflow, explain_non_finite
from cutedl_xp.training.fit import Fit
from cutedl_xp.training.means import Reading
from cutedl_xp.training.position import Position


@dataclass(frozen=True)
class Fault:
    """Cause of the end of a training: the ``reason`` as a sentence, and an ``explanation`` with a remedy."""

    reason: str
    explanation: str


def count_skipped(optimizer: Optimizer) -> int | None:
    """Return the number of updates that ``optimizer`` has skipped so far, or None if it never skips updates."""
    counts = [each.kept_state()["skipped"] for each in optimizer.all if isinstance(each, SkipNonFinite)]
    return sum(counts) if counts else None


def sum_of_state(optimizer: Optimizer, buffers: Sequence[Buffer] = ()) -> Any:
    """Return the sum over the parameters and slots of ``optimizer`` and all ``buffers``, on the device.

    If the sum is finite, all entries are finite. An infinite or NaN entry always makes the sum infinite or NaN, and so
    does an overflow of the sum itself.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        sums = [
            backend.sum(run)
            for _, arrays in _arrays_of(optimizer)
            for backend, run in zip(arrays.backends, arrays.runs, strict=True)
        ]
        sums += [buffer.backend.sum(buffer.value) for buffer in buffers]
        return reduce(add, sums) if sums else 0.0


def check_before(model: Model) -> None:
    """Raise if ``model`` has parameters or buffers that are not finite.

    Raises
    ------
    ValueError
        The message names the first one.
    """
    backend = model.backend
    arrays = {each.name: each.value for each in (*model.parameters, *model.buffers)}
    if not arrays:
        return
    flags = backend.xp.stack([backend.xp.all(backend.xp.isfinite(array)) for array in arrays.values()])
    for name, finite in zip(arrays, backend.to_numpy(flags).tolist(), strict=True):
        if not finite:
            kind = "buffer" if any(buffer.name == name for buffer in model.buffers) else "parameter"
            raise ValueError(
                f"the {kind} {name!r} was not finite before this training; assemble the model again, or load a "
                "saved one"
            )


def find_fault(fit: Fit, loss: Reading, val_loss: float | None, state_sum: float) -> Fault | None:
    """Return the fault that ends a training at an entry of its history, or None if all required numbers are finite.

    Parameters
    ----------
    fit
        Training.
    loss
        Training loss since the last entry. With ``SkipNonFinite`` it need not be finite.
    val_loss
        Validation loss of the entry, or None without validation data.
    state_sum
        Result of :func:`sum_of_state`.
    """
    step, train, dtype = fit.position.step, fit.train, fit.model.dtype
    bad = None if math.isfinite(state_sum) else _find_bad_arrays(fit.optimizer, fit.model.buffers)
    if not math.isfinite(loss.value) and count_skipped(fit.optimizer) is None:
        first = step - max(loss.bad, 1) + 1
        explanation = explain_non_finite("train", train, dtype, _rows_used(train, fit.position, first))
        since = f"; since then {bad}" if bad else ""
        return Fault(f"loss is {loss.value} at step {first}", explanation + since)
    if bad:
        remedy = REMEDY if bad.parameter_is_bad else describe_overflow(dtype)
        rows = _rows_used(train, fit.position, step)
        return Fault(f"{bad} at step {step}", explain_non_finite("train", train, dtype, rows, otherwise=remedy))
    if val_loss is not None and not math.isfinite(val_loss):
        assert fit.plan.val_data is not None
        explanation = explain_non_finite("val_data", fit.plan.val_data, dtype)
        return Fault(f"val_loss is {val_loss} at step {step}", explanation)
    return None


@dataclass(frozen=True)
class _BadArrays:
    """Name of the first parameter whose value or slot is not finite, or of the first such buffer."""

    parameter: str
    parameter_is_bad: bool
    slot: str
    kind: str = "parameter"

    def __str__(self) -> str:
        if not self.slot:
            return f"the {self.kind} {self.parameter!r} is not finite"
        if not self.parameter_is_bad:
            return f"the slot {self.slot} for {self.parameter!r} is not finite"
        return f"the parameter {self.parameter!r} and its slot {self.slot} are not finite"


def _arrays_of(optimizer: Optimizer) -> Iterator[tuple[str, NamedArrays]]:
    """Yield the values of an optimizer's parameters, under ``""``, and its slots, such as ``"'s' of Adam"``."""
    optimizer.views.refresh()
    yield "", optimizer.views.values
    for each in optimizer.all:
        if isinstance(each, Accumulate) and count_skipped(each) is not None:
            continue  # the update with a mean that is not finite is skipped, and the mean is reset
        state = each.kept_state() if each.slots else {}
        for slot in each.slots:
            if isinstance(state.get(slot), NamedArrays):
                yield f"{slot!r} of {type(each).__name__}", state[slot]


def _find_bad_arrays(optimizer: Optimizer, buffers: Sequence[Buffer]) -> _BadArrays | None:
    """Return the first parameter or buffer with an entry that is not finite, or None: the sum may have overflowed."""
    found = [(name, kind, array) for kind, arrays in _arrays_of(optimizer) for name, array in arrays.views.items()]
    found += [(buffer.name, "", buffer.value) for buffer in buffers]
    backend = optimizer.views.values.backends[0]
    flags = backend.xp.stack([backend.xp.all(backend.xp.isfinite(array)) for _, _, array in found])
    finite = backend.to_numpy(flags).tolist()
    kinds: dict[str, list[str]] = {}
    for (name, kind, _), flag in zip(found, finite, strict=True):
        kinds.setdefault(name, []).extend([] if flag else [kind])
    for name, bad in kinds.items():
        if bad:
            kind = "buffer" if any(buffer.name == name for buffer in buffers) else "parameter"
            return _BadArrays(name, "" in bad, next(filter(None, bad), ""), kind)
    return None


def _rows_used(train: Data, position: Position, step: int) -> NDArray[np.int64] | None:
    """Return the rows of the data that a training has used up to a step, in their order; None for all rows."""
    epoch, batch = position.epoch, position.batch - (position.step - step)
    while batch <= 0:
        epoch, batch = epoch - 1, batch + len(train)
    if epoch != 0 or type(train) is not Dataset:
        return None  # an earlier epoch has used each row
    return train.row_numbers(epoch)[: batch * train.batch_size]
