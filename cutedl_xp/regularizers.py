"""Penalties on large weights, added to the gradients before each update.

The reported losses do not include the penalties.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import partial
from typing import ClassVar

from cutedl_xp._checks import check_not_negative, check_text, format_names
from cutedl_xp._typing import Array, Namespace
from cutedl_xp.backends import Backend, Rule, backend_of
from cutedl_xp.parameters import Layout, Parameter, Parameters, ParameterViews


@dataclass(frozen=True)
class Regularizer(ABC):
    """Base class of penalties: add the gradient of a penalty to the parameters whose names match a pattern.

    Parameters
    ----------
    damping
        Constant that multiplies the penalty, at least 0.
    pattern
        Shell-style pattern of parameter names. The default ``"*/weight"`` selects the weights and not the biases.

    Raises
    ------
    TypeError, ValueError
        If an argument has another type, or ``damping`` is negative or not finite.

    Examples
    --------
    A penalty on the fourth powers of the weights, damping * sum(w⁴):

    >>> import numpy as np
    >>> from cutedl_xp.regularizers import Regularizer
    >>> class FourthPowers(Regularizer):
    ...     def penalty_gradient(self, w):
    ...         return 4.0 * self.damping * w**3
    >>> FourthPowers(0.5).penalty_gradient(np.array([-1.0, 2.0])).tolist()
    [-2.0, 16.0]
    """

    damping: float
    pattern: str = field(default="*/weight", kw_only=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "damping", check_not_negative("damping", self.damping))
        check_text("pattern", self.pattern)

    def check_names(self, names: Sequence[str]) -> None:
        """Refuse a model in which no parameter matches the pattern.

        Parameters
        ----------
        names
            Names of the model's parameters.

        Raises
        ------
        ValueError
            If there are names and none of them matches the pattern.
        """
        if names and not any(fnmatchcase(name, self.pattern) for name in names):
            raise ValueError(f"`pattern` {self.pattern!r} fits none of the parameters {format_names(names)}")

    def __call__(self, parameters: Sequence[Parameter]) -> None:
        """Add the gradient of the penalty to the gradients of the parameters that match the pattern.

        Parameters
        ----------
        parameters
            Parameters of a model after a backward pass.
        """
        for each in self._matching(parameters):
            each.gradient = each.gradient + self.penalty_gradient(each.value)

    def bind(self, parameters: Sequence[Parameter]) -> Callable[[], None]:
        """Return a function that is equivalent to a call with these parameters; a training step calls it each time.

        Parameters
        ----------
        parameters
            Parameters of a model.
        """
        return partial(self, parameters)

    def _matching(self, parameters: Sequence[Parameter]) -> list[Parameter]:
        return [each for each in parameters if fnmatchcase(each.name, self.pattern)]

    @abstractmethod
    def penalty_gradient(self, w: Array) -> Array:
        """Return the gradient of the penalty with respect to a parameter.

        Parameters
        ----------
        w
            Value of the parameter, an array of any backend.

        Returns
        -------
        Array
            Gradient of the shape and dtype of ``w``.
        """


class _Elementwise(Regularizer):
    """Penalty whose gradient a rule adds in one pass: ``rule(xp, gradient, w, damping)`` returns the sum."""

    rule: ClassVar[Rule]

    def penalty_gradient(self, w: Array) -> Array:
        backend = backend_of(w)
        return backend.apply_rule(self.rule, (backend.xp.zeros_like(w), w), (self.damping,))[0]

    def __call__(self, parameters: Sequence[Parameter]) -> None:
        if not self._has_own_gradient():
            super().__call__(parameters)
            return
        for each in self._matching(parameters):
            each.gradient = self._add(each.backend, each.gradient, each.value)

    def bind(self, parameters: Sequence[Parameter]) -> Callable[[], None]:
        own = self._has_own_gradient() and type(self).__call__ is _Elementwise.__call__
        if not (own and isinstance(parameters, Parameters) and parameters.backend.has_views):
            return super().bind(parameters)
        views = ParameterViews(parameters, Layout({each.name: each.value.shape for each in self._matching(parameters)}))
        return partial(self._add_to_runs, parameters.backend, views.gradients.runs, views.values.runs)

    def _has_own_gradient(self) -> bool:
        """Return whether the rule is the gradient, and no subclass has another one."""
        return type(self).penalty_gradient is _Elementwise.penalty_gradient

    def _add_to_runs(self, backend: Backend, gradients: Sequence[Array], values: Sequence[Array]) -> None:
        for gradient, w in zip(gradients, values, strict=True):
            self._add(backend, gradient, w)

    def _add(self, backend: Backend, gradient: Array, w: Array) -> Array:
        """Return the sum of both gradients, in the memory of ``gradient`` where it can be written to."""
        return backend.apply_rule(self.rule, (gradient, w), (self.damping,), donate=True)[0]


def _add_sign(xp: Namespace, gradient: Array, w: Array, damping: float) -> tuple[Array]:
    return (gradient + damping * xp.sign(w),)


def _add_multiple(xp: Namespace, gradient: Array, w: Array, damping: float) -> tuple[Array]:
    return (gradient + damping * w,)


class L1(_Elementwise):
    """L1 penalty damping * sum(abs(w)), with the gradient damping * sign(w), which drives weights to exactly 0.

    Parameters
    ----------
    damping
        Constant that multiplies the penalty, at least 0.
    pattern
        Shell-style pattern of parameter names. The default ``"*/weight"`` selects the weights and not the biases.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.regularizers import L1
    >>> L1(0.5).penalty_gradient(np.array([-2.0, 0.0, 4.0])).tolist()
    [-0.5, 0.0, 0.5]
    """

    rule = staticmethod(_add_sign)


class L2(_Elementwise):
    """L2 penalty damping / 2 * sum(w²), with the gradient damping * w, which keeps weights small.

    Parameters
    ----------
    damping
        Constant that multiplies the penalty, at least 0.
    pattern
        Shell-style pattern of parameter names. The default ``"*/weight"`` selects the weights and not the biases.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.regularizers import L2
    >>> L2(0.5).penalty_gradient(np.array([-2.0, 4.0])).tolist()
    [-1.0, 2.0]
    """

    rule = staticmethod(_add_multiple)
