"""Learning-rate range test."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, NoReturn, Self

from cutedl_xp import _checks
from cutedl_xp.training.arguments import DataLike
from cutedl_xp.training.range_test import run_range_test
from cutedl_xp.training.session import Session

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_RECENT = 5  # batches whose mean loss decides whether the test has diverged
_RISE = 4.0  # rise of this mean that ends the test, in multiples of its first value
_WIDTH = 0.03  # width of the smoothing weights, as a fraction of the steps
_CEILING = 3.0  # limit of the losses before the smoothing, in multiples of their first mean
_NOISE = 2.0  # required fall of the curve, in mean distances of the batch losses from the curve


class LearningRateFinder:
    """Learning-rate range test: train a session for some steps with growing rates, and suggest a rate.

    The rate grows by the same factor at each step. The test ends early when the loss is not finite, or when the mean of
    the last 5 losses has risen by 4 times its first value. :meth:`run` restores the session: the weights, the state of
    the optimizer, its learning rates, random streams, history and position in the data.

    Parameters
    ----------
    lowest
        Rate of the first step, default 1e-6, greater than 0.
    highest
        Rate of the last step, default 10, greater than ``lowest``.
    steps
        Number of steps, default 100, at least 10. More steps reduce the noise.

    Attributes
    ----------
    rates
        Learning rate of each completed step.
    losses
        Smoothed loss of each step: a weighted average of the losses of the neighbouring steps. Losses above three times
        the mean of the first five are reduced to this limit. Unlike a moving average, the curve does not lag behind the
        rates.
    batch_losses
        Loss of the batch of each step before its update.
    suggestion
        Rate to begin with, where the smoothed loss falls fastest; None if it does not fall by more than the noise of
        the batches.

    Notes
    -----
    The steps run in the plain loop, and Ctrl-C ends the test with the session restored. The updates include the
    penalties of regularizers, and the losses do not. The rates of the test replace a schedule, and ``suggestion`` is
    then a candidate for its largest rate. With ``Groups``, the group with the largest rate has the rates of the test,
    and the other groups keep their ratios to it. ``Accumulate`` updates with the rate of the last batch of each update,
    and needs more steps.

    The suggestion is a starting point and no optimum. Look at the picture of :meth:`plot`: the curve should be flat at
    the left, fall, and rise at the right. Otherwise repeat the test with another range.

    References
    ----------
    Smith, "Cyclical learning rates for training neural networks", 2015, section 3.3. fastai and PyTorch Lightning also
    suggest the rate of the steepest descent; they smooth by an exponential moving average.

    Examples
    --------
    >>> import numpy as np
    >>> import cutedl_xp as cdl
    >>> x = np.random.default_rng(0).normal(size=(256, 4)).astype("float32")
    >>> data = cdl.Dataset(x, x.sum(axis=1, keepdims=True))
    >>> model = cdl.Model([cdl.layers.Dense(1, input_dim=4, activation="linear")]).assemble("numpy")
    >>> session = cdl.Session(model, loss=cdl.losses.Mse(), optimizer=cdl.optimizers.Fixed(lr=0.01))
    >>> finder = cdl.listeners.LearningRateFinder(lowest=1e-5, highest=10.0).run(session, data)
    >>> 0.01 < finder.suggestion < 1.0, session.optimizer.lr
    (True, 0.01)
    >>> session.optimizer.lr = finder.suggestion
    """

    def __init__(self, lowest: float = 1e-6, highest: float = 10.0, steps: int = 100) -> None:
        self.lowest = _checks.check_positive("lowest", lowest)
        self.highest = _checks.check_positive("highest", highest)
        self.steps = _checks.check_integer("steps", steps, at_least=10)
        if self.highest <= self.lowest:
            raise ValueError(f"`highest` must be greater than `lowest`; got lowest={lowest!r} and highest={highest!r}")
        self.rates: list[float] = []
        self.losses: list[float] = []
        self.batch_losses: list[float] = []
        self.suggestion: float | None = None

    def run(self, session: Session, train: DataLike, class_weight: Mapping[int, float] | None = None) -> Self:
        """Run the test, and restore the session.

        Parameters
        ----------
        session
            Session to test, before or after a training.
        train
            Training data, as for ``Session.fit``.
        class_weight
            Weight of each class, as for ``Session.fit``; default None.

        Returns
        -------
        LearningRateFinder
            This object, with the results.

        Raises
        ------
        TypeError, ValueError
            If the data do not fit the session, or the optimizer has no learning rate.
        RuntimeError
            If a ``fit`` of the session is running.
        """
        growth = math.log(self.highest / self.lowest) / (self.steps - 1)
        rates = [self.lowest * math.exp(growth * step) for step in range(self.steps)]
        self.batch_losses = run_range_test(session, train, class_weight, rates, _has_diverged)
        self.rates = rates[: len(self.batch_losses)]
        self.losses = _smooth(self.batch_losses, max(1.0, _WIDTH * self.steps))
        place = _find_steepest(self.losses, self.batch_losses)
        self.suggestion = None if place is None else self.rates[place]
        return self

    def plot(self, title: str = "") -> "Figure":
        """Draw the losses against the rates, with the suggestion; a notebook shows the picture.

        Parameters
        ----------
        title
            Title of the picture, default ``""``.

        Returns
        -------
        matplotlib.figure.Figure
            Picture of the test.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        RuntimeError
            Before the first :meth:`run`.
        """
        from cutedl_xp.plotting.range_test import range_test  # here, as the package imports matplotlib on demand

        if not self.rates:
            raise RuntimeError("there is no test to draw; call run(session, train) first")
        return range_test(self.rates, self.losses, self.batch_losses, self.suggestion, title)

    def check_session(self, session: Session) -> NoReturn:
        """Raise, as the test trains ``session`` with rates of its own and cannot be a listener of ``fit``."""
        raise TypeError(
            "LearningRateFinder cannot be a listener of `fit`; call finder.run(session, train) before `fit`"
        )

    def __repr__(self) -> str:
        found = "" if self.suggestion is None else f", suggestion={self.suggestion:.3g}"
        return f"<LearningRateFinder from {self.lowest:g} to {self.highest:g} in {self.steps} steps{found}>"


def _has_diverged(losses: list[float]) -> bool:
    """Return whether the loss has risen far above the smallest one so far.

    The rise is measured in multiples of the first loss, because multiples of the smallest loss would end the test of a
    model whose loss soon becomes small.
    """
    means = [math.fsum(losses[end - _RECENT : end]) / _RECENT for end in range(_RECENT, len(losses) + 1)]
    return bool(means) and means[-1] - min(means) > _RISE * abs(means[0])


def _smooth(losses: list[float], width: float) -> list[float]:
    """Return averages of the finite losses around each step, with Gaussian weights."""
    known = [(place, loss) for place, loss in enumerate(losses) if math.isfinite(loss)]
    begun = math.fsum(loss for _, loss in known[:_RECENT]) / max(1, len(known[:_RECENT]))
    ceiling = begun + (_CEILING - 1) * abs(begun)
    smoothed = []
    for step in range(len(losses)):
        weights = [math.exp(-(((place - step) / width) ** 2) / 2) for place, _ in known]
        total = math.fsum(weight * min(loss, ceiling) for weight, (_, loss) in zip(weights, known, strict=True))
        smoothed.append(total / math.fsum(weights) if known else math.nan)
    return smoothed


def _find_steepest(losses: list[float], batch_losses: list[float]) -> int | None:
    """Return the place before the smallest loss where the losses fall fastest; None for a fall within the noise."""
    lowest = min(range(len(losses)), key=losses.__getitem__)
    if lowest < 2:
        return None
    noise = math.fsum(abs(losses[place] - batch_losses[place]) for place in range(lowest)) / lowest
    if max(losses[:lowest]) - losses[lowest] <= _NOISE * noise:
        return None
    falls = [losses[place - 1] - losses[place + 1] for place in range(1, lowest)]
    return falls.index(max(falls)) + 1
