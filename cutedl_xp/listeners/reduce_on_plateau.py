"""Listener that reduces the learning rate."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

from cutedl_xp import _checks
from cutedl_xp._checks import format_value
from cutedl_xp.listeners._plateau import NewEntries, Plateau, check_mode
from cutedl_xp.training.events import Event


@dataclass(frozen=True)
class ReduceOnPlateau:
    """Multiply the learning rates of all groups by ``factor`` when ``monitor`` has stopped improving.

    The rates are reduced when the best of the last ``patience`` entries is not better than the best before them by more
    than ``min_delta``, at the earliest ``patience`` entries after the last reduction. The entries of all calls of
    ``Session.fit`` count.

    Parameters
    ----------
    monitor
        Figure to watch: ``"loss"``, ``"val_loss"`` (default) or a metric such as ``"val_accuracy"``.
    factor
        Factor of a reduction, default 0.1, between 0 and 1.
    patience
        Number of entries to wait, default 10, at least 1.
    min_delta
        Smallest change that counts as an improvement, default 0.001, at least 0.
    min_lr
        Lower limit of reduced learning rates, default 0, at least 0. Rates always stay greater than 0.
    mode
        ``"min"`` if less is better, ``"max"`` if more is better. Required for a metric; default ``"min"`` for losses.

    Raises
    ------
    TypeError
        When the training starts, if the optimizer has no learning rate that is a number.

    Notes
    -----
    Keras and PyTorch have a callback of this name. PyTorch waits for one more entry, and its ``threshold`` is a
    fraction of the best entry; both also have a cooldown.

    Examples
    --------
    >>> import cutedl_xp as cdl
    >>> cdl.listeners.ReduceOnPlateau(factor=0.5, patience=5)
    ReduceOnPlateau(monitor='val_loss', factor=0.5, patience=5, min_delta=0.001, min_lr=0.0, mode='min')
    """

    monitor: str = "val_loss"
    factor: float = 0.1
    patience: int = 10
    min_delta: float = 1e-3
    min_lr: float = 0.0
    mode: str | None = None
    _entries: NewEntries = field(default_factory=NewEntries, init=False, repr=False, compare=False)
    _plateau: Plateau = field(init=False, repr=False, compare=False)
    _memory: dict[str, int] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _checks.check_text("monitor", self.monitor)
        checked: dict[str, Any] = {
            "factor": _checks.check_fraction("factor", self.factor),
            "patience": _checks.check_integer("patience", self.patience, at_least=1),
            "min_delta": _checks.check_not_negative("min_delta", self.min_delta),
            "min_lr": _checks.check_not_negative("min_lr", self.min_lr),
            "mode": check_mode(self.monitor, self.mode),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)
        object.__setattr__(self, "_plateau", Plateau(checked["mode"], checked["patience"]))
        self.load_state_dict({})

    def __call__(self, event: Event) -> None:
        """Read the new entries of the history, and reduce the learning rates if they do not improve."""
        rules = event.session.optimizer.rules
        if not rules:
            raise TypeError(f"ReduceOnPlateau needs an optimizer with a learning rate; got {event.session.optimizer!r}")
        for lr in [rule.lr for rule in rules]:
            if isinstance(lr, bool) or not isinstance(lr, Real):
                raise TypeError(f"ReduceOnPlateau needs an optimizer whose `lr` is a number; got {format_value(lr)}")
        new = self._entries.read(event.history, self.monitor)
        for entry in new:
            self._plateau.add(entry)
        waited = self._memory["waited"] = min(self._memory["waited"] + len(new), self.patience)
        if new and waited == self.patience and self._plateau.is_reached(self.min_delta):
            for rule in rules:
                reduced = max(float(rule.lr) * self.factor, min(float(rule.lr), self.min_lr))
                rule.lr = reduced or rule.lr  # the product of tiny numbers is 0, which is no learning rate
            self._memory["waited"] = 0

    def state_dict(self) -> dict[str, Any]:
        """Return the memory: the best of the older entries, the last entries, and the entries since a reduction."""
        own = {"watches": [self.monitor, self.mode], "unread": self._entries.unread, "waited": self._memory["waited"]}
        return own | self._plateau.state_dict()

    def load_state_dict(self, d: Mapping[str, Any]) -> None:
        """Restore the memory ``d`` from :meth:`state_dict`; an empty dict, or one of another figure, resets it."""
        d = d if d.get("watches") == [self.monitor, self.mode] else {}
        self._entries.reset(d.get("unread", 0))
        self._plateau.load_state_dict(d or {"best": None, "last": []})
        self._memory["waited"] = d.get("waited", 0)  # entries since a reduction, up to patience
