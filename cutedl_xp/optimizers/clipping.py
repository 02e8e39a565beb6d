"""Optimizers that limit the gradients for another one."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from cutedl_xp._checks import positive
from cutedl_xp._typing import Array, Namespace
from cutedl_xp.backends import Elementwise, backend_of
from cutedl_xp.optimizers._arguments import floating
from cutedl_xp.optimizers._around import Around
from cutedl_xp.optimizers._kept import targets_of
from cutedl_xp.optimizers._optimizer import Optimizer, State
from cutedl_xp.optimizers._tree import Tree, rebuild
from cutedl_xp.parameter import Parameter


class _Clipping(Around):
    """Another optimizer that gets limited gradients. Its state is the other one's."""

    def __init__(self, optimizer: Optimizer, limit: float) -> None:
        super().__init__(optimizer)
        self.limit = positive("limit", limit)

    @abstractmethod
    def _clipped(self, gradients: dict[str, Array]) -> dict[str, Array]:
        """The limited gradients, by the same names."""

    def _targets(self, parameters: Sequence[Parameter]) -> Sequence[Parameter]:
        return targets_of(parameters)

    def init(self, params: Tree) -> State:
        return self.optimizer.init(params)

    def update(self, params: Tree, grads: Tree, state: State) -> tuple[Tree, State]:
        return self.optimizer.update(params, rebuild(grads, self._clipped(floating("grads", grads))), state)

    def step(self, parameters: Sequence[Parameter]) -> None:
        self.attach(parameters)
        targets = self._targets(parameters)
        clipped = self._clipped({target.name: target.gradient for target in targets})
        for target in targets:
            target.gradient = clipped[target.name]
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

    def _clipped(self, gradients: dict[str, Array]) -> dict[str, Array]:
        return {name: _computed(_within, g, self.limit) for name, g in gradients.items()}


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

    def _clipped(self, gradients: dict[str, Array]) -> dict[str, Array]:
        return {name: _shortened(g, _sum_of_squares(g), self.limit) for name, g in gradients.items()}

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

    def _clipped(self, gradients: dict[str, Array]) -> dict[str, Array]:
        squares = [_sum_of_squares(g) for g in gradients.values()]
        total: Any = sum(squares[1:], squares[0]) if squares else 0.0
        return {name: _shortened(g, total, self.limit) for name, g in gradients.items()}


def _sum_of_squares(g: Array) -> Array:
    return backend_of(g).sum(_computed(_square, g))


def _shortened(g: Array, squares: Any, limit: float) -> Array:
    return _computed(_times_factor, g, backend_of(g).xp.asarray(squares, dtype=g.dtype), limit)


def _computed(function: Elementwise, g: Array, *arguments: Any) -> Array:
    """What a function makes of arrays, as an array also where they have no axes: NumPy makes numbers of those."""
    backend = backend_of(g)
    return backend.xp.asarray(backend.elementwise(function, g, *arguments))


def _square(xp: Namespace, g: Array) -> Array:
    return g * g


def _within(xp: Namespace, g: Array, limit: float) -> Array:
    return xp.minimum(xp.maximum(g, -limit), limit)


def _times_factor(xp: Namespace, g: Array, squares: Array, limit: float) -> Array:
    return g * (limit / xp.maximum(xp.sqrt(squares), limit))
