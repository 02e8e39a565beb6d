"""Record of a training: plain Python numbers, one entry for each validation."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cutedl_xp.files.atomic import write_atomically
from cutedl_xp.training.ending import Ending, StopKind
from cutedl_xp.training.history_fields import NUMBERS, checked_fields
from cutedl_xp.training.tables import columns_of, csv_lines, html_of, table_of, text_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class History(Ending):
    """Record of one call of ``Session.fit``: lists with one entry for each validation.

    Without validation data, one entry is recorded for each epoch. Changes of a history do not affect the training.

    Each metric is an attribute too: ``history.val_accuracy`` has the values of the metric ``"accuracy"`` over the
    validation data, and ``history.train_accuracy`` the values over the training data if ``train_metrics`` names it.

    Parameters
    ----------
    metrics
        Names of the recorded metrics, such as ``"accuracy"``; default ``()``.
    validated
        Whether validation data is given, default True. Without it ``val_loss`` and the ``val_`` metrics stay empty.
    groups
        Patterns of the optimizer's groups, each with a learning rate of its own; default None for a single rate.
    train_metrics
        Names of the metrics that are recorded on the training data; default ``()``.

    Attributes
    ----------
    steps : list[int]
        Number of training steps of the session at the entry.
    loss : list[float]
        Mean training loss of the samples since the previous entry; NaN or infinite if the loss of a batch was, which
        ends the training except with ``SkipNonFinite``.
    val_loss : list[float]
        Mean loss of the validation data.
    lr : list[float] | dict[str, list[float]]
        Learning rate of the last update before the entry; with ``groups``, a dict with a list for each pattern.
    skipped : list[int]
        Number of updates that ``SkipNonFinite`` has skipped in the session so far; empty without that wrapper.
    cost_time : list[float]
        Seconds since the start of ``fit``.

    Examples
    --------
    >>> from cutedl_xp.training.history import History
    >>> history = History(metrics=["accuracy"])
    >>> history.append(steps=938, cost_time=0.2, loss=0.5, val_loss=0.4, metrics={"accuracy": 0.9}, lr=0.01)
    >>> history.val_accuracy, history.lr
    ([0.9], [0.01])
    >>> History.from_dict(history.to_dict()).val_loss
    [0.4]
    """

    def __init__(
        self,
        metrics: Sequence[str] = (),
        *,
        validated: bool = True,
        groups: Sequence[str] | None = None,
        train_metrics: Sequence[str] = (),
    ) -> None:
        self.steps: list[int] = []
        self.cost_time: list[float] = []
        self.loss: list[float] = []
        self.val_loss: list[float] = []
        self.lr: list[float] | dict[str, list[float]] = [] if groups is None else {pattern: [] for pattern in groups}
        self.skipped: list[int] = []
        super().__init__()
        self._metrics: dict[str, list[float]] = {f"val_{name}": [] for name in metrics}
        self._train_metrics: dict[str, list[float]] = {f"train_{name}": [] for name in train_metrics}
        self._validated = validated

    def __getattr__(self, name: str) -> list[float]:
        try:
            return {**self.__dict__["_metrics"], **self.__dict__["_train_metrics"]}[name]  # type: ignore[no-any-return]
        except KeyError:
            remedy = "; use history.loss for history.history['loss']" if name == "history" else ""
            raise AttributeError(f"this history has no {name!r}{remedy}") from None

    @property
    def recorded(self) -> tuple[str, ...]:
        """Names of the losses and metrics that each entry has."""
        return ("loss", *(("val_loss", *self._metrics) if self._validated else ()), *self._train_metrics)

    def series(self, name: str) -> list[float]:
        """Return the entries of the loss or metric ``name``.

        Raises
        ------
        ValueError
            If the name is not among :attr:`recorded`.
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
        lr: float | Mapping[str, float] | None = None,
        skipped: int | None = None,
        train_metrics: Mapping[str, float] | None = None,
    ) -> None:
        """Add an entry: ``steps``, ``cost_time``, ``loss``, and optional values of the other lists.

        The values are ``val_loss``, ``metrics`` and ``train_metrics`` by name, ``lr`` and ``skipped``; None adds none.
        """
        self.steps.append(steps)
        self.cost_time.append(cost_time)
        self.loss.append(loss)
        if val_loss is not None:
            self.val_loss.append(val_loss)
        if skipped is not None:
            self.skipped.append(skipped)
        for name, value in (metrics or {}).items():
            self._metrics[f"val_{name}"].append(value)
        for name, value in (train_metrics or {}).items():
            self._train_metrics[f"train_{name}"].append(value)
        if isinstance(self.lr, dict):
            for pattern, rate in (lr if isinstance(lr, Mapping) else {}).items():
                self.lr[pattern].append(rate)
        elif isinstance(lr, int | float):
            self.lr.append(lr)

    def to_dict(self) -> dict[str, Any]:
        """Return the whole record as new dicts and lists of plain Python values."""
        return {
            "steps": list(self.steps),
            "cost_time": list(self.cost_time),
            "loss": list(self.loss),
            "val_loss": list(self.val_loss),
            "metrics": {name.removeprefix("val_"): list(values) for name, values in self._metrics.items()},
            "lr": {key: list(rates) for key, rates in self.lr.items()} if isinstance(self.lr, dict) else list(self.lr),
            "skipped": list(self.skipped),
            "train_metrics": {name.removeprefix("train_"): list(own) for name, own in self._train_metrics.items()},
            "validated": self._validated,
            "stopped_by": self._stopped_by,
            "stop_reason": self._stop_reason,
        }

    @classmethod
    def from_dict(cls, d: Mapping[str, Any]) -> "History":
        """Return the history whose :meth:`to_dict` has returned ``d``.

        Raises
        ------
        TypeError, ValueError
            If ``d`` is not such a dict.
        """
        d = checked_fields(d)
        groups = list(d["lr"]) if isinstance(d["lr"], dict) else None
        history = cls(validated=d["validated"], groups=groups)
        for name in NUMBERS:
            setattr(history, name, d[name])
        history._metrics = {f"val_{name}": values for name, values in d["metrics"].items()}
        history._train_metrics = {f"train_{name}": values for name, values in d["train_metrics"].items()}
        history._stopped_by, history._stop_reason = d["stopped_by"], d["stop_reason"]
        return history

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write the entries to the CSV file ``path`` with a column for each list, atomically.

        The numbers are written with all their digits. A list without entries has no column; the learning rates of
        groups have a column ``lr[pattern]`` each.

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        columns = columns_of(self)
        text = csv_lines([columns, *zip(*columns.values(), strict=True)])
        write_atomically(Path(path), text.encode())

    if not TYPE_CHECKING:  # a type checker finds the error by itself

        def __getitem__(self, name: Any) -> None:
            raise TypeError(f"a History has no entries in brackets; got [{name!r}]; use history.loss and the like")

    def __len__(self) -> int:
        return len(self.steps)

    def plot(self, title: str = "") -> "Figure":
        """Draw the losses and the metrics; a notebook shows the picture as the last value of a cell.

        Parameters
        ----------
        title
            Title of the picture, default ``""``.

        Returns
        -------
        matplotlib.figure.Figure
            Picture of ``plotting.report``.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        from cutedl_xp.plotting.runs import report  # here, as plotting is a higher layer and imports matplotlib

        return report(self, title)

    def __repr__(self) -> str:
        return self._headline() + ("\n" + text_of(table_of(self)) if self.steps else "")

    def _repr_html_(self) -> str:
        return html_of(table_of(self), self._headline().strip("<>"))

    def _headline(self) -> str:
        last = "".join(f", {name}={self.series(name)[-1]:.4f}" for name in self.recorded if self.series(name))
        steps = self.steps[-1] if self.steps else 0
        return f"<History of {len(self)} entries: steps={steps}{last}, stop_reason={self.stop_reason!r}>"


def record_stop(history: History, kind: StopKind, why: str) -> None:
    """Record the ``kind`` of the end of a training and the reason ``why`` in ``history``, for this package alone."""
    history._stopped_by, history._stop_reason = kind, why


def continue_history(history: History) -> None:
    """Remove the reason of the interruption from ``history`` as the training is resumed, for this package alone."""
    history._stopped_by = history._stop_reason = None
    history._resumed_at = len(history)
