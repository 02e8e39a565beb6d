"""Listeners that end a training."""

from dataclasses import dataclass

from cutedl_xp import _checks
from cutedl_xp.listeners._plateau import checked_mode, stalled
from cutedl_xp.training.events import Event


@dataclass(frozen=True)
class EarlyStopping:
    """Stops when ``monitor`` has not become smaller for a while.

    It stops when the best of the last ``patience`` entries is not better than the best before them by more than
    ``min_delta``.

    Parameters
    ----------
    monitor
        What is watched: ``"loss"``, ``"val_loss"`` or a metric such as ``"val_accuracy"``.
    patience
        How many entries it waits, at least 1.
    min_delta
        What counts as better, at least 0.
    mode
        ``"min"`` if less is better, ``"max"`` if more is. It must be said for a metric; losses are ``"min"``.

    Examples
    --------
    >>> import cutedl_xp as cdl
    >>> cdl.listeners.EarlyStopping(patience=5)
    EarlyStopping(monitor='val_loss', patience=5, min_delta=0.001, mode='min')
    """

    monitor: str = "val_loss"
    patience: int = 20
    min_delta: float = 1e-3
    mode: str | None = None

    def __post_init__(self) -> None:
        _checks.check_text("monitor", self.monitor)
        object.__setattr__(self, "patience", _checks.check_integer("patience", self.patience, at_least=1))
        object.__setattr__(self, "min_delta", _checks.check_not_negative("min_delta", self.min_delta))
        object.__setattr__(self, "mode", checked_mode(self.monitor, self.mode))

    def __call__(self, event: Event) -> None:
        """Look at the history, and stop the training if it is time."""
        if stalled(event.history.series(self.monitor), self.mode, self.patience, self.min_delta):
            event.stop(
                f"{self.monitor} has not improved by more than {self.min_delta:g} in {self.patience} validations"
            )


@dataclass(frozen=True)
class TargetReached:
    """Stops when the last ``times`` entries of ``monitor`` are all above ``target``.

    Parameters
    ----------
    monitor
        What is watched, such as ``"val_accuracy"``.
    target
        The value to pass.
    times
        How many entries in a row, at least 1.

    Examples
    --------
    >>> import cutedl_xp as cdl
    >>> cdl.listeners.TargetReached(target=0.95, times=3)
    TargetReached(monitor='val_accuracy', target=0.95, times=3)
    """

    monitor: str = "val_accuracy"
    target: float = 0.91
    times: int = 20

    def __post_init__(self) -> None:
        _checks.check_text("monitor", self.monitor)
        object.__setattr__(self, "target", _checks.check_real("target", self.target))
        object.__setattr__(self, "times", _checks.check_integer("times", self.times, at_least=1))

    def __call__(self, event: Event) -> None:
        """Look at the history, and stop the training if it is time."""
        last = event.history.series(self.monitor)[-self.times :]
        if len(last) == self.times and all(entry > self.target for entry in last):
            event.stop(f"{self.monitor} was above {self.target:g} {self.times} times in a row")
