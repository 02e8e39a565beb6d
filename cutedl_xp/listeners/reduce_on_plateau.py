"""The listener that makes the learning rate smaller."""

from dataclasses import dataclass, field
from numbers import Real

from cutedl_xp import _checks
from cutedl_xp._checks import format_value
from cutedl_xp.listeners._plateau import checked_mode, stalled
from cutedl_xp.training.events import Event


@dataclass
class ReduceOnPlateau:
    """Multiplies the learning rate, of all groups, when ``monitor`` has not become smaller for a while.

    It does so when the best of the last ``patience`` entries is not better than the best before them by more than
    ``min_delta``, at the earliest ``patience`` entries after it did so before.

    Parameters
    ----------
    monitor
        What is watched: ``"loss"``, ``"val_loss"`` or a metric such as ``"val_accuracy"``.
    factor
        What the rate is multiplied by, between 0 and 1.
    patience
        How many entries it waits, at least 1.
    min_delta
        What counts as better, at least 0.
    min_lr
        The rate does not become smaller than this; at least 0.
    mode
        ``"min"`` if less is better, ``"max"`` if more is. It must be said for a metric; losses are ``"min"``.

    Raises
    ------
    TypeError
        When the training starts, if the optimizer has no learning rate that is a number.

    Notes
    -----
    Keras and PyTorch have something like it under this name. PyTorch waits for one entry more and takes ``threshold``
    as a share of the best; both have a cooldown beside it.

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
    _reduced: int = field(default=0, init=False, repr=False)  # entries that there were when it last did something,
    _seen: int = field(default=0, init=False, repr=False)  # and when it was last called

    def __post_init__(self) -> None:
        _checks.check_text("monitor", self.monitor)
        self.factor = _checks.check_fraction("factor", self.factor)
        self.patience = _checks.check_integer("patience", self.patience, at_least=1)
        self.min_delta = _checks.check_not_negative("min_delta", self.min_delta)
        self.min_lr = _checks.check_not_negative("min_lr", self.min_lr)
        self.mode = checked_mode(self.monitor, self.mode)

    def __call__(self, event: Event) -> None:
        """Look at the history, and make the rate smaller if it is time."""
        rules = event.session.optimizer.rules
        if not rules:
            raise TypeError(f"ReduceOnPlateau needs an optimizer with a learning rate; got {event.session.optimizer!r}")
        for lr in [rule.lr for rule in rules]:
            if isinstance(lr, bool) or not isinstance(lr, Real):
                raise TypeError(f"ReduceOnPlateau needs an optimizer whose `lr` is a number; got {format_value(lr)}")
        entries = event.history.series(self.monitor)
        if len(entries) < self._seen:  # another fit has begun
            self._reduced = 0
        fresh, self._seen = len(entries) != self._seen, len(entries)
        waited = len(entries) - self._reduced >= self.patience
        if fresh and waited and stalled(entries, self.mode, self.patience, self.min_delta):
            for rule in rules:
                rule.lr = max(float(rule.lr) * self.factor, min(float(rule.lr), self.min_lr))
            self._reduced = len(entries)
