"""The base class of optimizers that wrap another one."""

from collections.abc import Mapping
from typing import Any

from cutedl_xp._checks import format_value
from cutedl_xp.optimizers._optimizer import Optimizer, State
from cutedl_xp.optimizers._tree import Tree


class OptimizerWrapper(Optimizer):
    """An optimizer that changes the gradients of another one, or does something with its updates.

    Parameters
    ----------
    optimizer
        Optimizer to wrap.
    """

    def __init__(self, optimizer: Optimizer) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"`optimizer` must be an Optimizer; got {format_value(optimizer)}")
        self.optimizer = optimizer

    @property
    def children(self) -> Mapping[str, Optimizer]:
        return {"optimizer": self.optimizer}

    @property
    def rules(self) -> tuple[Optimizer, ...]:
        return self.optimizer.rules

    @property
    def lr(self) -> Any:
        """The learning rate of the wrapped optimizer."""
        return self.optimizer.lr

    @lr.setter
    def lr(self, lr: Any) -> None:
        self.optimizer.lr = lr

    def next_scalars(self, state: State) -> Any:
        return self.optimizer.next_scalars(state["optimizer"])

    def flush(self, params: Tree, state: State, *, donate: bool = False) -> tuple[Tree, State]:
        params, inner = self.optimizer.flush(params, state["optimizer"], donate=donate)
        return params, state if inner is state["optimizer"] else state | {"optimizer": inner}

    def learning_rates(self) -> dict[str, float]:
        return self.optimizer.learning_rates()
