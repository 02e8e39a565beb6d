"""What a training run recorded: plain Python numbers, one entry a validation."""

from collections.abc import Mapping, Sequence


class History:
    """The figures of one call of ``Session.fit``, as lists with an entry a validation (or an epoch, without one).

    Parameters
    ----------
    metrics
        Names of the metrics that are recorded, such as ``"accuracy"``.
    validated
        Whether there is validation data; if not, ``val_loss`` and the metrics stay empty.

    Attributes
    ----------
    steps
        Training steps of the session when the entry was made.
    loss
        Mean training loss over the steps since the entry before.
    val_loss
        Mean loss over the validation data.
    val_accuracy, ...
        Mean of each metric over the validation data, as ``val_`` and its name.
    cost_time
        Seconds since ``fit`` began.
    stop_reason
        Why the training ended; None while it runs.

    Examples
    --------
    >>> from cutedl_xp.training.history import History
    >>> history = History(metrics=["accuracy"])
    >>> history.append(steps=938, cost_time=0.2, loss=0.5, val_loss=0.4, metrics={"accuracy": 0.9})
    >>> history.val_accuracy
    [0.9]
    """

    def __init__(self, metrics: Sequence[str] = (), *, validated: bool = True) -> None:
        self.steps: list[int] = []
        self.cost_time: list[float] = []
        self.loss: list[float] = []
        self.val_loss: list[float] = []
        self.stop_reason: str | None = None
        self._metrics: dict[str, list[float]] = {f"val_{name}": [] for name in metrics}
        self._validated = validated

    def __getattr__(self, name: str) -> list[float]:
        try:
            return self.__dict__["_metrics"][name]  # type: ignore[no-any-return]
        except KeyError:
            raise AttributeError(f"this history has no {name!r}") from None

    @property
    def recorded(self) -> tuple[str, ...]:
        """The names of the figures that get an entry each time, apart from ``steps`` and ``cost_time``."""
        return ("loss", *(("val_loss", *self._metrics) if self._validated else ()))

    def series(self, name: str) -> list[float]:
        """The entries of one figure by its name.

        Raises
        ------
        ValueError
            If it is not among :attr:`recorded`.
        """
        if name not in self.recorded:
            raise ValueError(
                f"{name!r} is not recorded here, only {', '.join(map(repr, self.recorded))}; "
                "give fit() its val_data and Session its metrics"
            )
        return getattr(self, name)  # type: ignore[no-any-return]

    def append(
        self,
        *,
        steps: int,
        cost_time: float,
        loss: float,
        val_loss: float | None = None,
        metrics: Mapping[str, float] | None = None,
    ) -> None:
        """Add one entry to every list."""
        self.steps.append(steps)
        self.cost_time.append(cost_time)
        self.loss.append(loss)
        if val_loss is not None:
            self.val_loss.append(val_loss)
        for name, value in (metrics or {}).items():
            self._metrics[f"val_{name}"].append(value)

    def __len__(self) -> int:
        return len(self.steps)

    def __repr__(self) -> str:
        last = "".join(f", {name}={self.series(name)[-1]:.4f}" for name in self.recorded if self.series(name))
        steps = self.steps[-1] if self.steps else 0
        return f"<History of {len(self)} entries: steps={steps}{last}, stop_reason={self.stop_reason!r}>"
