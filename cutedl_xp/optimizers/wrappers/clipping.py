"""Optimizers that limit the gradients for another one."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from cutedl_xp._checks import check_positive
from cutedl_xp._typing import Array, Namespace
from cutedl_xp.backends import Rule, backend_of
from cutedl_xp.optimizers._kept import targets_of
from cutedl_xp.optimizers._optimizer import Optimizer, State
from cutedl_xp.optimizers._tree import Tree, rebuild
from cutedl_xp.optimizers._validation import floating
from cutedl_xp.optimizers.wrappers._wrapper import Around
from cutedl_xp.parameter import Parameter

_SMALLEST, _LARGEST = 1.2e-38, 3.4e38


def value_rule(xp: Namespace, g: Array, same: Array, limit: float) -> tuple[Array, ...]:
    """A gradient within its limits, element by element; a rule takes what it renews and a gradient, here the same."""
    return (xp.minimum(xp.maximum(g, -limit), limit),)


def norm_rule(xp: Namespace, g: Array, same: Array, squares: Array, limit: float) -> tuple[Array, ...]:
    """A gradient not longer than its limit, from a sum of squares that may be one of more than its own."""
    return (g * (limit / xp.maximum(xp.sqrt(squares), limit)),)


class _Clipping(Around):
    """Another optimizer that gets limited gradients. Its state is the other one's."""

    rule: ClassVar[Rule]

    def __init__(self, optimizer: Optimizer, limit: float) -> None:
        super().__init__(optimizer)
        self.limit = check_positive("limit", limit)
        if not _SMALLEST <= self.limit <= _LARGEST:
            raise ValueError(f"`limit` must be a number that float32 has, {_SMALLEST} to {_LARGEST}; got {limit!r}")

    @abstractmethod
    def _scalars(self, gradients: Sequence[Array]) -> list[tuple[Any, ...]]:
        """What the rule takes after the gradient, for each of them."""

    def _targets(self, parameters: Sequence[Parameter]) -> Sequence[Parameter]:
        return targets_of(parameters)

    def init(self, params: Tree) -> State:
        return self.optimizer.init(params)

    def update(self, params: Tree, grads: Tree, state: State) -> tuple[Tree, State]:
        arrays = floating("grads", grads)
        clipped = {
            path: backend_of(g).rule_results(self.rule, [g, g], scalars)[0]
            for (path, g), scalars in zip(arrays.items(), self._scalars(list(arrays.values())), strict=True)
        }
        return self.optimizer.update(params, rebuild(grads, clipped), state)

    def step(self, parameters: Sequence[Parameter]) -> None:
        self.attach(parameters)
        targets = self._targets(parameters)
        for target, scalars in zip(targets, self._scalars([each.gradient for each in targets]), strict=True):
            (target.gradient,) = target.backend.apply_rule(self.rule, [target.gradient, target.gradient], scalars)
        self.optimizer.step(parameters)

    @property
    def state(self) -> State:
        return self.optimizer.state

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.optimizer!r}, limit={self.limit!r})"


class ClipByValue(_Clipping):
    """Keeps every entry of the gradients between -limit and limit.

    Parameters
    ----------
    optimizer
        Any other one; its state is this one's as well.
    limit
        Greater than 0.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.optimizers import ClipByValue, Fixed
    >>> rule, w = ClipByValue(Fixed(lr=1.0), limit=0.5), np.array([0.0, 0.0])
    >>> w, state = rule.update(w, np.array([3.0, -0.25]), rule.init(w))
    >>> w
    array([-0.5 ,  0.25])
    """

    rule = staticmethod(value_rule)

    def _scalars(self, gradients: Sequence[Array]) -> list[tuple[Any, ...]]:
        return [(self.limit,) for _ in gradients]


class ClipByNorm(_Clipping):
    """Shortens the gradient of each parameter whose norm, the root of its sum of squares, is above limit.

    Parameters
    ----------
    optimizer
        Any other one; its state is this one's as well.
    limit
        Greater than 0: the norm that such a gradient gets.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.optimizers import ClipByNorm, Fixed
    >>> rule, w = ClipByNorm(Fixed(lr=1.0), limit=1.0), [np.zeros(2), np.zeros(1)]
    >>> w, state = rule.update(w, [np.array([3.0, -4.0]), np.array([0.5])], rule.init(w))
    >>> w
    [array([-0.6,  0.8]), array([-0.5])]
    """

    rule = staticmethod(norm_rule)

    def _scalars(self, gradients: Sequence[Array]) -> list[tuple[Any, ...]]:
        return [(backend_of(g).sum_of_squares(g), self.limit) for g in gradients]

    def _targets(self, parameters: Sequence[Parameter]) -> Sequence[Parameter]:
        return parameters


class ClipByGlobalNorm(_Clipping):
    """Shortens all gradients by the same factor where the norm of all together is above limit.

    The norm is the root of the sum of squares of all entries. Nothing is copied to the host for it.

    Parameters
    ----------
    optimizer
        Any other one; its state is this one's as well.
    limit
        Greater than 0: the norm that such gradients get.

    References
    ----------
    Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks", 2013, Algorithm 1; as in
    optax. PyTorch adds 1e-6 to the norm that it divides by.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.optimizers import ClipByGlobalNorm, Fixed
    >>> rule, w = ClipByGlobalNorm(Fixed(lr=1.0), limit=1.0), [np.zeros(1), np.zeros(1)]
    >>> w, state = rule.update(w, [np.array([3.0]), np.array([-4.0])], rule.init(w))
    >>> w
    [array([-0.6]), array([0.8])]
    """

    rule = staticmethod(norm_rule)

    def _scalars(self, gradients: Sequence[Array]) -> list[tuple[Any, ...]]:
        squares = [backend_of(g).sum_of_squares(g) for g in gradients]
        total: Any = sum(squares[1:], *squares[:1])
        return [(backend_of(g).xp.asarray(total, dtype=g.dtype), self.limit) for g in gradients]
