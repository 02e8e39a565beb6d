"""Base class of optimizers that wrap another optimizer."""

from collections.abc import Mapping
from typing import Any

from cutedl_xp._checks import format_value
from cutedl_xp._options import constant
from cutedl_xp.optimizers._optimizer import Optimizer


class OptimizerWrapper(Optimizer):
    """Base class of optimizers that change the gradients of another optimizer, or use its updates.

    Parameters
    ----------
    optimizer
        Optimizer to wrap.
    """

    optimizer: Optimizer = constant()  # attached to the parameters together with the wrapper

    def __init__(self, optimizer: Optimizer) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"`optimizer` must be an Optimizer; got {format_value(optimizer)}")
        self.optimizer = optimizer

    @property
    def children(self) -> Mapping[str, Optimizer]:
        return {"optimizer": self.optimizer}

    @property
    def lr(self) -> Any:
        """Learning rate of the wrapped optimizer."""
        return self.optimizer.lr

    @lr.setter
    def lr(self, lr: Any) -> None:
        self.optimizer.lr = lr

    def __repr__(self) -> str:
        options = {name: value for name, value in vars(self).items() if name[0] != "_" and name != "optimizer"}
        return (
            f"{type(self).__name__}({', '.join([repr(self.optimizer), *(f'{k}={v!r}' for k, v in options.items())])})"
        )
