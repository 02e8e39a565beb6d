"""Kind and reason of the end of a training."""

from typing import Literal, TypeAlias, get_args

StopKind: TypeAlias = Literal["epochs", "listener", "interrupt", "not_finite", "error"]
STOP_KINDS: tuple[StopKind, ...] = get_args(StopKind)


class Ending:
    """End of a training, as a part of its history."""

    def __init__(self) -> None:
        self._stopped_by: StopKind | None = None
        self._stop_reason: str | None = None
        self._resumed_at = 0

    @property
    def stop_reason(self) -> str | None:
        """Reason for the end of the training, as a sentence; None while it runs."""
        return self._stop_reason

    @property
    def stopped_by(self) -> StopKind | None:
        """Kind of the end of the training; None while it runs.

        ``"epochs"`` when all epochs were completed, ``"listener"``, ``"interrupt"`` (Ctrl-C), ``"not_finite"`` (a loss,
        a parameter or an array of the optimizer that is NaN or infinite) or ``"error"`` (an exception).
        """
        return self._stopped_by

    @property
    def resumed_at(self) -> int:
        """Number of entries before the training was resumed; 0 if it was not resumed."""
        return self._resumed_at
