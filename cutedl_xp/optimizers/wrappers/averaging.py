"""Wrapper that keeps an average of the weights."""

from typing import Any

from cutedl_xp._checks import check_fraction
from cutedl_xp._options import option
from cutedl_xp._typing import Array, Namespace
from cutedl_xp.backends import backend_of
from cutedl_xp.optimizers._optimizer import Optimizer
from cutedl_xp.optimizers._pure import State
from cutedl_xp.optimizers._tree import Tree, apply_rule
from cutedl_xp.optimizers.wrappers.wrapper import OptimizerWrapper


def average_rule(xp: Namespace, average: Array, w: Array, decay: float, one_minus_decay: float) -> tuple[Array, ...]:
    """Add weights to the average, element by element."""
    average = decay * average + one_minus_decay * w
    return (average,)


class AverageWeights(OptimizerWrapper):
    """Keep an exponential moving average of the weights of another optimizer.

    After each update the average is::

        a = decay a + (1 - decay) w

    Training continues with the weights. :meth:`swap` exchanges the weights with the average and back, for instance
    around each validation: ``FitListener("val_start", "val_end", callback=lambda event: averaged.swap())``.

    Parameters
    ----------
    optimizer
        Optimizer to wrap.
    decay
        Decay rate of the exponential moving average over about 1 / (1 - decay) updates, between 0 and 1. The default is
        0.999.

    State
    -----
    optimizer : the state of the wrapped optimizer.
    average : a, of w's shape and dtype, initially w.

    References
    ----------
    Polyak and Juditsky, "Acceleration of Stochastic Approximation by Averaging", 1992, with exponential weights. The
    average starts with w before the first update; Keras's ``use_ema`` and PyTorch's ``AveragedModel`` start with w
    after the first update, and optax starts with 0 and a bias correction.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.optimizers import AverageWeights, Fixed
    >>> rule, w = AverageWeights(Fixed(lr=1.0), decay=0.75), np.array([0.0])
    >>> w, state = rule.update(w, np.array([-4.0]), rule.init(w))
    >>> w, state["average"]
    (array([4.]), array([1.]))
    """

    compilable = True
    slots = ("average",)

    decay: float = option(check_fraction)

    def __init__(self, optimizer: Optimizer, decay: float = 0.999) -> None:
        super().__init__(optimizer)
        self.decay = decay

    def initial_slot(self, slot: str, w: Array) -> Array:
        return backend_of(w).copy(w)

    def apply(self, params: Tree, grads: Tree, state: State, scalars: Any, *, donate: bool) -> tuple[Tree, State]:
        params, inner = self.optimizer.apply(params, grads, state["optimizer"], scalars["optimizer"], donate=donate)
        return params, {"optimizer": inner, "average": self._average(params, state["average"], donate=donate)}

    def apply_flush(self, params: Tree, state: State, scalars: Any, *, donate: bool) -> tuple[Tree, State]:
        params, flushed = super().apply_flush(params, state, scalars, donate=donate)
        if flushed is not state:
            flushed["average"] = self._average(params, state["average"], donate=donate)
        return params, flushed

    def swap(self) -> None:
        """Exchange the values of the parameters with the average; a second call exchanges them back.

        Raises
        ------
        RuntimeError
            If no parameters are known, before the first step or training.
        """
        if self._views is None or self._own is None:
            raise RuntimeError("there are no weights to swap yet; attach() the parameters, or train first")
        self._views.refresh()
        average = self._own["average"]
        copied = average.filled_with(self._views.values.views)
        self._views.assign(average)
        self._own["average"] = average.overwritten_with(copied)

    def _average(self, params: Tree, average: Tree, *, donate: bool) -> Tree:
        return apply_rule(average_rule, [average], params, (self.decay, 1.0 - self.decay), donate=donate)[0]
