"""Listeners that stop a training."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cutedl_xp import _checks
from cutedl_xp._familiar import OF_EARLY_STOPPING, refuse_keywords
from cutedl_xp.listeners._plateau import NewEntries, Plateau, check_mode
from cutedl_xp.training.events import Event


@refuse_keywords(OF_EARLY_STOPPING)
@dataclass(frozen=True)
class EarlyStopping:
    """Stop a training when ``monitor`` has stopped improving.

    The training stops when the best of the last ``patience`` entries is not better than the best before them by more
    than ``min_delta``. The entries of all calls of ``Session.fit`` count, up to a stop by this listener.

    Parameters
    ----------
    monitor
        Figure to watch: ``"loss"``, ``"val_loss"`` (default) or a metric such as ``"val_accuracy"``.
    patience
        Number of entries to wait, default 20, at least 1.
    min_delta
        Smallest change that counts as an improvement, default 0.001, at least 0.
    mode
        ``"min"`` if less is better, ``"max"`` if more is better. Required for a metric; default ``"min"`` for losses.
    restore_best
        Whether the model gets the weights of the best entry so far (the first of several equal ones) when this
        listener stops the training, default False; the ``stop_reason`` of the history then says so. The state of the
        optimizer stays. A training that ends in another way keeps its last weights.

    Notes
    -----
    With ``restore_best`` the weights of the model are copied to the host at each entry that is better than all entries
    before it, when this listener is called. Therefore list this listener before one that exchanges the weights after a
    validation, such as with ``AverageWeights.swap``. The best weights are restored at the end of the stopped epoch.

    Examples
    --------
    >>> import cutedl_xp as cdl
    >>> cdl.listeners.EarlyStopping(patience=5)
    EarlyStopping(monitor='val_loss', patience=5, min_delta=0.001, mode='min', restore_best=False)
    """

    monitor: str = "val_loss"
    patience: int = 20
    min_delta: float = 1e-3
    mode: str | None = None
    restore_best: bool = False
    _entries: NewEntries = field(default_factory=NewEntries, init=False, repr=False, compare=False)
    _plateau: Plateau = field(init=False, repr=False, compare=False)
    _best_weights: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    _stopped: list[bool] = field(default_factory=list, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _checks.check_text("monitor", self.monitor)
        object.__setattr__(self, "patience", _checks.check_integer("patience", self.patience, at_least=1))
        object.__setattr__(self, "min_delta", _checks.check_not_negative("min_delta", self.min_delta))
        object.__setattr__(self, "mode", check_mode(self.monitor, self.mode))
        _checks.check_boolean("restore_best", self.restore_best)
        object.__setattr__(self, "_plateau", Plateau(str(self.mode), self.patience))

    def __call__(self, event: Event) -> None:
        """Read the new entries of the history, and stop the training if they do not improve."""
        new = self._entries.read(event.history, self.monitor)
        is_best = [self._plateau.add(entry) for entry in new]
        if self.restore_best and any(is_best):
            self._best_weights.update(event.session.model.weights())
        if new and self._plateau.is_reached(self.min_delta):
            why = f"{self.monitor} has not improved by more than {self.min_delta:g} in {self.patience} validations"
            event.stop(f"{why}; the best weights were restored" if self._best_weights else why)
            self._stopped.append(True)
        if event.name == "epoch_end" and self._stopped and self._best_weights:
            event.session.model.set_weights(self._best_weights)  # after every listener has had its "val_end"

    @property
    def entries_left(self) -> int:
        """Number of entries of the history to the earliest stop by this listener."""
        return self._plateau.entries_left(self.min_delta)

    def state_dict(self) -> dict[str, Any]:
        """Return the memory: the best of the older entries, the last entries, and the best weights."""
        own = {"watches": [self.monitor, self.mode], "unread": self._entries.unread, "stopped": bool(self._stopped)}
        return own | {"best_weights": dict(self._best_weights)} | self._plateau.state_dict()

    def load_state_dict(self, d: Mapping[str, Any]) -> None:
        """Restore the memory ``d`` from :meth:`state_dict`; an empty dict, or one of another figure, resets it."""
        d = d if d.get("watches") == [self.monitor, self.mode] else {}
        self._entries.reset(d.get("unread", 0))
        self._stopped[:] = [True] * d.get("stopped", False)
        self._plateau.load_state_dict(d or {"best": None, "last": []})
        self._best_weights.clear()
        self._best_weights.update(d.get("best_weights", {}))


@dataclass(frozen=True)
class TargetReached:
    """Stop a training when the last ``times`` entries of ``monitor`` are all above ``target``, or all below it.

    The entries of all calls of ``Session.fit`` count, up to a stop by this listener.

    Parameters
    ----------
    monitor
        Figure to watch, default ``"val_accuracy"``.
    target
        Value to exceed, or to fall below; default 0.91.
    times
        Number of entries in a row, default 20, at least 1.
    mode
        ``"above"`` (or ``"max"``) if the entries must be above the target, ``"below"`` (or ``"min"``) if they must be
        below it. The default None means ``"below"`` for losses, otherwise ``"above"``. NaN is neither.

    Examples
    --------
    >>> import cutedl_xp as cdl
    >>> cdl.listeners.TargetReached(target=0.95, times=3)
    TargetReached(monitor='val_accuracy', target=0.95, times=3, mode='above')
    >>> cdl.listeners.TargetReached("val_loss", target=0.1, times=1)
    TargetReached(monitor='val_loss', target=0.1, times=1, mode='below')
    """

    monitor: str = "val_accuracy"
    target: float = 0.91
    times: int = 20
    mode: str | None = None
    _entries: NewEntries = field(default_factory=NewEntries, init=False, repr=False, compare=False)
    _memory: dict[str, int] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _checks.check_text("monitor", self.monitor)
        object.__setattr__(self, "target", _checks.check_real("target", self.target))
        object.__setattr__(self, "times", _checks.check_integer("times", self.times, at_least=1))
        default = "below" if self.monitor.endswith("loss") else "above"
        given = default if self.mode is None else self.mode
        mode = _checks.check_one_of("mode", given, ("above", "below", "max", "min"))
        object.__setattr__(self, "mode", {"max": "above", "min": "below"}.get(mode, mode))
        self.load_state_dict({})

    def __call__(self, event: Event) -> None:
        """Read the new entries of the history, and stop the training if enough in a row have reached the target."""
        new = self._entries.read(event.history, self.monitor)
        for entry in new:
            reached = entry > self.target if self.mode == "above" else entry < self.target
            self._memory["in_a_row"] = self._memory["in_a_row"] + 1 if reached else 0
        if new and self._memory["in_a_row"] >= self.times:
            event.stop(f"{self.monitor} was {self.mode} {self.target:g} {self.times} times in a row")

    @property
    def entries_left(self) -> int:
        """Number of entries of the history to the earliest stop by this listener."""
        return max(0, self.times - self._memory["in_a_row"])

    def state_dict(self) -> dict[str, Any]:
        """Return the memory: the number of entries in a row that have reached the target."""
        return {"watches": [self.monitor, self.target, self.mode], "unread": self._entries.unread} | self._memory

    def load_state_dict(self, d: Mapping[str, Any]) -> None:
        """Restore the memory ``d`` from :meth:`state_dict`; an empty dict, or one of another figure, resets it."""
        d = d if d.get("watches") == [self.monitor, self.target, self.mode] else {}
        self._entries.reset(d.get("unread", 0))
        self._memory["in_a_row"] = d.get("in_a_row", 0)
