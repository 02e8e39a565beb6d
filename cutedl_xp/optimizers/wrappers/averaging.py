"""An optimizer that keeps an average of the weights beside them."""

from collections.abc import Sequence

from cutedl_xp._checks import check_fraction
from cutedl_xp._typing import Array, Namespace
from cutedl_xp.backends import backend_of
from cutedl_xp.optimizers._kept import Kept
from cutedl_xp.optimizers._optimizer import Optimizer, State
from cutedl_xp.optimizers._tree import Tree, rebuild
from cutedl_xp.optimizers._validation import check_keys, floating, matched
from cutedl_xp.optimizers.wrappers._wrapper import Around
from cutedl_xp.parameter import Parameter


def average_rule(xp: Namespace, average: Array, w: Array, decay: float, one_minus_decay: float) -> tuple[Array, ...]:
    """One set of weights more, element by element."""
    average = decay * average + one_minus_decay * w
    return (average,)


class AverageWeights(Around):
    """Keeps an exponential average of the weights that another optimizer makes::

        a = decay a + (1 - decay) w

    Training goes on with the weights themselves. :meth:`swap` puts the average in their place and back again, such as
    for each validation: ``FitListener("val_start", "val_end", callback=lambda event: averaged.swap())``.

    Parameters
    ----------
    optimizer
        Any other one.
    decay
        How much of the average is kept at each update, between 0 and 1: it is over about 1 / (1 - decay) updates.

    State
    -----
    optimizer : the other one's state.
    average : a, of w's shape and dtype, at first w.

    References
    ----------
    Polyak and Juditsky, "Acceleration of Stochastic Approximation by Averaging", 1992, with exponential weights. The
    average begins with w before the first update; Keras's ``use_ema`` and PyTorch's ``AveragedModel`` begin with w
    after it, optax's with 0, corrected.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.optimizers import AverageWeights, Fixed
    >>> rule, w = AverageWeights(Fixed(lr=1.0), decay=0.75), np.array([0.0])
    >>> w, state = rule.update(w, np.array([-4.0]), rule.init(w))
    >>> w, state["average"]
    (array([4.]), array([1.]))
    """

    def __init__(self, optimizer: Optimizer, decay: float = 0.999) -> None:
        super().__init__(optimizer)
        self.decay = check_fraction("decay", decay)
        self._kept: Kept | None = None

    def init(self, params: Tree) -> State:
        copies = {path: _copied(w) for path, w in floating("params", params).items()}
        return {"optimizer": self.optimizer.init(params), "average": rebuild(params, copies)}

    def update(self, params: Tree, grads: Tree, state: State) -> tuple[Tree, State]:
        check_keys(self, state, ("optimizer", "average"))
        averages = matched("average", state["average"], floating("params", params))
        params, inner = self.optimizer.update(params, grads, state["optimizer"])
        for path, w in floating("params", params).items():
            (averages[path],) = backend_of(w).rule_results(average_rule, [averages[path], w], self._shares())
        return params, {"optimizer": inner, "average": rebuild(params, averages)}

    def attach(self, parameters: Sequence[Parameter]) -> None:
        super().attach(parameters)
        if self._kept is None:
            self._kept = Kept("AverageWeights", parameters, [_copied])
        self._kept.check_same(parameters)

    def step(self, parameters: Sequence[Parameter]) -> None:
        self.attach(parameters)
        assert self._kept is not None
        self.optimizer.step(parameters)
        for target, kept in self._kept.pairs():
            kept[:] = target.backend.apply_rule(average_rule, [kept[0], target.value], self._shares())

    def swap(self) -> None:
        """Exchange the parameters' values with the average; a second time gives each its own back.

        Raises
        ------
        RuntimeError
            Before the first step or training, as there are no parameters yet.
        """
        if self._kept is None:
            raise RuntimeError("there are no weights to swap yet; attach() the parameters, or train first")
        for target, kept in self._kept.pairs():
            (average,) = kept
            kept[:] = [_copied(target.value)]
            target.value = average

    def _shares(self) -> tuple[float, float]:
        return self.decay, 1.0 - self.decay

    @property
    def state(self) -> State:
        average = self._kept.by_name(0) if self._kept else {}
        return {"optimizer": self.optimizer.state, "average": average}

    def __repr__(self) -> str:
        return f"AverageWeights({self.optimizer!r}, decay={self.decay!r})"


def _copied(array: Array) -> Array:
    return backend_of(array).copy(array)
