"""Records of calls of ``Session.fit``, from which an interrupted call is resumed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from cutedl_xp._checks import check_boolean, check_integer, check_real, check_sequence, check_text
from cutedl_xp.datasets import Data
from cutedl_xp.training.events import Listener
from cutedl_xp.training.fingerprint import fingerprint
from cutedl_xp.training.fit import Fit, Start
from cutedl_xp.training.history import History
from cutedl_xp.training.listener_memory import names_with_memory
from cutedl_xp.training.log import TrainingLog
from cutedl_xp.training.plan import ValidationPlan

_COUNTS = ("last_epoch", "val_epochs", "val_steps", "val_batches", "step")


@dataclass(frozen=True)
class FitRecord:
    """Plan and progress of a call of ``Session.fit``, in addition to the state of the session.

    Attributes
    ----------
    last_epoch, val_epochs, val_steps, val_batches
        Plan of the training, see :class:`ValidationPlan`.
    compiled
        Argument of the call.
    step, seconds, open_epoch, step_open
        See :class:`Start`.
    train, val_data
        Fingerprints of the data; None without validation data, and after the end of the training.
    listeners
        Names of the listeners with a memory, with their options.
    history
        History of the training.
    """

    last_epoch: int
    val_epochs: int
    val_steps: int
    val_batches: int
    compiled: bool | None
    step: int
    seconds: float
    open_epoch: int | None
    step_open: bool
    train: dict[str, Any] | None
    val_data: dict[str, Any] | None
    listeners: list[str]
    history: History

    @classmethod
    def of(cls, fit: Fit, log: TrainingLog, compiled: bool | None) -> "FitRecord":
        """Return the record of the training ``fit`` with its ``log`` and its argument ``compiled``."""
        plan, ended = fit.plan, _is_finished(fit.history, log.open_epoch)
        return cls(
            plan.last_epoch,
            plan.val_epochs,
            plan.val_steps,
            plan.val_batches,
            compiled,
            fit.start.step,
            log.seconds,
            log.open_epoch,
            log.step_open,
            None if ended else fingerprint(fit.train),
            None if ended or plan.val_data is None else fingerprint(plan.val_data),
            names_with_memory(fit.memory.listeners),
            fit.history,
        )

    @property
    def start(self) -> Start:
        """Start of the resumed training."""
        reason = self.history.stop_reason if self.history.stopped_by == "listener" else None
        return Start(self.step, self.seconds, self.open_epoch, self.step_open, reason)

    @property
    def finished(self) -> bool:
        """Whether the training is complete, so that nothing remains to resume."""
        return _is_finished(self.history, self.open_epoch)

    def plan(self, train: Data, val_data: Data | None) -> ValidationPlan:
        """Return the plan of the training for the data ``train`` and ``val_data``."""
        own = self.val_epochs, self.val_steps, self.val_batches, bool(self.history.to_dict()["train_metrics"])
        return ValidationPlan(self.last_epoch, len(train), val_data, *own)

    def check(self, train: Data, val_data: Data | None, listeners: Sequence[Listener]) -> None:
        """Raise unless the data and the listeners with a memory are the same as in the interrupted training.

        Parameters
        ----------
        train, val_data
            Training data, and validation data or None.
        listeners
            Listeners of the resumed training.
        """
        _check_same("train", self.train, fingerprint(train))
        _check_same("val_data", self.val_data, None if val_data is None else fingerprint(val_data))
        given = names_with_memory(listeners)
        if given != self.listeners:
            raise ValueError(
                f"`listeners` must have the listeners with a memory of the interrupted training, "
                f"{_format(self.listeners)}; got {_format(given)}"
            )

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain values."""
        return {each.name: getattr(self, each.name) for each in fields(self)} | {"history": self.history.to_dict()}

    @classmethod
    def from_dict(cls, d: Mapping[str, Any]) -> "FitRecord":
        """Return the record whose :meth:`to_dict` has returned ``d``.

        Raises
        ------
        KeyError, TypeError, ValueError
            If ``d`` is not such a dict.
        """
        last_epoch, val_epochs, val_steps, val_batches, step = (
            check_integer(name, d[name], at_least=0) for name in _COUNTS
        )
        return cls(
            last_epoch,
            val_epochs,
            val_steps,
            val_batches,
            None if d["compiled"] is None else check_boolean("compiled", d["compiled"]),
            step,
            check_real("seconds", d["seconds"]),
            None if d["open_epoch"] is None else check_integer("open_epoch", d["open_epoch"], at_least=0),
            check_boolean("step_open", d["step_open"]),
            None if d["train"] is None else dict(d["train"]),
            None if d["val_data"] is None else dict(d["val_data"]),
            [check_text("listeners", name) for name in check_sequence("listeners", d["listeners"])],
            History.from_dict(d["history"]),
        )


def _is_finished(history: History, open_epoch: int | None) -> bool:
    """Return whether a training is complete; listeners may change the weights at the end of its last epoch."""
    return history.stopped_by in ("epochs", "not_finite") or (history.stopped_by == "listener" and open_epoch is None)


def _check_same(argument: str, recorded: dict[str, Any] | None, given: dict[str, Any] | None) -> None:
    """Raise if a data set has another fingerprint than the recorded one."""
    if recorded is None or given is None:
        if recorded is not given:
            wanted, got = ("None", "a Dataset") if recorded is None else ("the Dataset of the checkpoint", "None")
            raise ValueError(f"`{argument}` must be {wanted}, as in the interrupted training; got {got}")
        return
    if recorded.get("weights") != given.get("weights"):
        raise ValueError(
            f"`{argument}` must have the weights of the interrupted training; give resume() the same `sample_weight` "
            "and `class_weight`"
        )
    for name, value in recorded.items():
        if given.get(name) != value:
            what = "other values" if name == "sha256" else f"{name} {given.get(name)!r}, and {value!r} before"
            raise ValueError(f"`{argument}` must be the data set of the interrupted training; got one with {what}")


def _format(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"
