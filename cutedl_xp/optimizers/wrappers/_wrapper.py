"""What optimizers around another one share."""

from collections.abc import Sequence
from typing import Any

from cutedl_xp._checks import format_value
from cutedl_xp.optimizers._optimizer import Optimizer, Rated
from cutedl_xp.parameter import Parameter


class Around(Optimizer):
    """An optimizer that changes what another one is given, or does something with its steps."""

    def __init__(self, optimizer: Optimizer) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"`optimizer` must be an Optimizer; got {format_value(optimizer)}")
        self.optimizer = optimizer

    def attach(self, parameters: Sequence[Parameter]) -> None:
        self.optimizer.attach(parameters)

    def learning_rates(self) -> dict[str, float]:
        return self.optimizer.learning_rates()

    @property
    def rules(self) -> tuple[Rated, ...]:
        return self.optimizer.rules

    @property
    def lr(self) -> Any:
        """The other optimizer's."""
        return self.optimizer.lr  # type: ignore[attr-defined]

    @lr.setter
    def lr(self, lr: Any) -> None:
        self.optimizer.lr = lr  # type: ignore[attr-defined]
