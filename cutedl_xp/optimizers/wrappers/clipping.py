"""Wrappers that limit gradients."""

from abc import abstractmethod
from typing import Any, ClassVar

from cutedl_xp._checks import check_positive
from cutedl_xp._options import option
from cutedl_xp._typing import Array, Namespace
from cutedl_xp.backends import Rule
from cutedl_xp.optimizers._optimizer import Optimizer
from cutedl_xp.optimizers._pure import State
from cutedl_xp.optimizers._tree import Tree, flatten, unflatten, zip_leaves
from cutedl_xp.optimizers._validation import namespace
from cutedl_xp.optimizers.wrappers.wrapper import OptimizerWrapper
from cutedl_xp.parameters import NamedArrays

_SMALLEST, _LARGEST = 1.2e-38, 3.4e38


def value_rule(xp: Namespace, g: Array, same: Array, limit: float) -> tuple[Array, ...]:
    """Limit the entries of a gradient; rules have two arrays first, which are the same gradient here."""
    return (xp.minimum(xp.maximum(g, -limit), limit),)


def norm_rule(xp: Namespace, g: Array, same: Array, scale: Array, squares: Array, limit: float) -> tuple[Array, ...]:
    """Limit a gradient; the norm of one or several gradients is ``scale`` times the root of ``squares``."""
    return (g * (limit / xp.maximum(scale * xp.sqrt(squares), limit)),)


def check_limit(argument: str, value: Any) -> float:
    """Return a limit as a float that float32 can represent."""
    limit = check_positive(argument, value)
    if not _SMALLEST <= limit <= _LARGEST:
        raise ValueError(f"`{argument}` must be representable in float32, {_SMALLEST} to {_LARGEST}; got {value!r}")
    return limit


class _Clipping(OptimizerWrapper):
    """Base class of wrappers that limit the gradients. The state is that of the wrapped optimizer."""

    rule: ClassVar[Rule]
    limit: float = option(check_limit)

    def __init__(self, optimizer: Optimizer, limit: float) -> None:
        super().__init__(optimizer)
        self.limit = limit

    @abstractmethod
    def gradient_scalars(self, grads: Tree) -> list[tuple[Any, ...]]:
        """Return the arguments of the rule after the gradient, for each leaf of ``grads``."""

    def apply(self, params: Tree, grads: Tree, state: State, scalars: Any, *, donate: bool) -> tuple[Tree, State]:
        clipped = self._clip(grads, donate=donate)
        return self.optimizer.apply(params, clipped, state, scalars, donate=donate)

    def _clip(self, grads: Tree, *, donate: bool) -> Tree:
        pairs = zip(zip_leaves(grads), self.gradient_scalars(grads), strict=True)
        clipped = [backend.apply_rule(self.rule, (g, g), own, donate=donate)[0] for (backend, g), own in pairs]
        return unflatten(grads, clipped)

    @property
    def state_keys(self) -> tuple[str, ...]:
        return self.optimizer.state_keys

    def init(self, params: Tree) -> State:
        return self.optimizer.init(params)

    def check_state(self, params: Tree, state: State) -> State:
        return self.optimizer.check_state(params, state)

    def next_scalars(self, state: State) -> Any:
        return self.optimizer.next_scalars(state)

    def scalar_tables(self, state: State, updates: int) -> Any:
        return self.optimizer.scalar_tables(state, updates)

    def read_scalars(self, state: State, tables: Any) -> Any:
        return self.optimizer.read_scalars(state, tables)

    def advance(self, state: State, updates: int) -> State | None:
        return self.optimizer.advance(state, updates)

    def flush_scalars(self, state: State) -> Any:
        return self.optimizer.flush_scalars(state)

    def apply_flush(self, params: Tree, state: State, scalars: Any, *, donate: bool) -> tuple[Tree, State]:
        return self.optimizer.apply_flush(params, state, scalars, donate=donate)

    def kept_state(self) -> State:
        return self.optimizer.kept_state() if self._assigned is None else self._assigned

    def keep_state(self, state: State) -> None:
        self.optimizer.keep_state(state)


class ClipByValue(_Clipping):
    """Limit every entry of the gradients to [-limit, limit].

    Parameters
    ----------
    optimizer
        Optimizer to wrap, whose state is also the state of the wrapper.
    limit
        Largest absolute value of an entry, greater than 0.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.optimizers import ClipByValue, Fixed
    >>> rule, w = ClipByValue(Fixed(lr=1.0), limit=0.5), np.array([0.0, 0.0])
    >>> w, state = rule.update(w, np.array([3.0, -0.25]), rule.init(w))
    >>> w
    array([-0.5 ,  0.25])
    """

    compilable = True
    rule = staticmethod(value_rule)

    def gradient_scalars(self, grads: Tree) -> list[tuple[Any, ...]]:
        return [(self.limit,) for _ in flatten(grads)]


class ClipByNorm(_Clipping):
    """Scale the gradient of each parameter whose norm, the root of the sum of squares, is above the limit.

    Parameters
    ----------
    optimizer
        Optimizer to wrap, whose state is also the state of the wrapper.
    limit
        Largest norm of a gradient, greater than 0.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.optimizers import ClipByNorm, Fixed
    >>> rule, w = ClipByNorm(Fixed(lr=1.0), limit=1.0), [np.zeros(2), np.zeros(1)]
    >>> w, state = rule.update(w, [np.array([3.0, -4.0]), np.array([0.5])], rule.init(w))
    >>> w
    [array([-0.6,  0.8]), array([-0.5])]
    """

    compilable = True
    rule = staticmethod(norm_rule)

    def gradient_scalars(self, grads: Tree) -> list[tuple[Any, ...]]:
        return [(*backend.scaled_squares([g]), self.limit) for backend, g in zip_leaves(grads)]

    def _clip(self, grads: Tree, *, donate: bool) -> Tree:
        if not isinstance(grads, NamedArrays):
            return super()._clip(grads, donate=donate)
        separate = grads.separate()
        clipped = super()._clip(separate, donate=donate)
        if separate is grads:
            return clipped
        return grads if donate else grads.filled_with(clipped.views)  # donated slices of a run are written in place


class ClipByGlobalNorm(_Clipping):
    """Scale all gradients by one factor if their joint norm is above the limit.

    The norm is the root of the sum of squares of all entries. Nothing is copied to the host.

    Parameters
    ----------
    optimizer
        Optimizer to wrap, whose state is also the state of the wrapper.
    limit
        Largest norm of all gradients, greater than 0.

    References
    ----------
    Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks", 2013, Algorithm 1; as in
    optax. PyTorch adds 1e-6 to the norm in the denominator.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.optimizers import ClipByGlobalNorm, Fixed
    >>> rule, w = ClipByGlobalNorm(Fixed(lr=1.0), limit=1.0), [np.zeros(1), np.zeros(1)]
    >>> w, state = rule.update(w, [np.array([3.0]), np.array([-4.0])], rule.init(w))
    >>> w
    [array([-0.6]), array([0.8])]
    """

    compilable = True
    rule = staticmethod(norm_rule)

    def gradient_scalars(self, grads: Tree) -> list[tuple[Any, ...]]:
        gradients = summed = flatten(grads)
        if not gradients:
            return []
        if isinstance(grads, NamedArrays) and not grads.backends[0].reduces_runs:
            summed = list(grads.views.values())  # in an order that does not depend on the runs
        by_dtype: dict[str, list[Array]] = {}
        for g in summed:
            by_dtype.setdefault(str(g.dtype), []).append(g)
        backend, xp = zip_leaves(grads)[0][0], namespace(summed[0])
        sums = [backend.scaled_squares(arrays) for arrays in by_dtype.values()]
        if len(sums) == 1:
            return [(*sums[0], self.limit) for _ in gradients]
        widest = xp.result_type(*[arrays[0].dtype for arrays in by_dtype.values()])
        norms = [xp.asarray(scale * xp.sqrt(squares), dtype=widest) for scale, squares in sums]
        total = backend.scaled_squares([xp.stack(norms)])
        return [(*[xp.asarray(number, dtype=g.dtype) for number in total], self.limit) for g in gradients]
