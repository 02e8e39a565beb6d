"""What every optimizer answers: a pure interface on anybody's arrays, and a step in place on parameters."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias

from cutedl_xp.optimizers._tree import Tree
from cutedl_xp.parameter import Parameter

State: TypeAlias = dict[str, Any]


class Rated(Protocol):
    """What has a learning rate."""

    lr: Any


class Optimizer(ABC):
    """Something that turns gradients into steps. It can be used in two ways:

    - :meth:`init` and :meth:`update` change nothing: state goes in and comes out. They take arrays of any library.
    - :meth:`step` updates :class:`~cutedl_xp.Parameter` objects in place and keeps the state itself.
    """

    @abstractmethod
    def init(self, params: Tree) -> State:
        """The state before the first update.

        Parameters
        ----------
        params
            A floating-point array, or nested lists, tuples and dicts of them, of any supported library.

        Returns
        -------
        dict
            Of a rule ``"t"``: 0, the number of updates so far; and under each of its slots arrays like ``params``.

        Raises
        ------
        TypeError
            If a leaf is not a floating-point array.
        """

    @abstractmethod
    def update(self, params: Tree, grads: Tree, state: State) -> tuple[Tree, State]:
        """One update; nothing that is handed in changes.

        Parameters
        ----------
        params, grads
            Parameters and their gradients: the same structure, shapes, dtypes and library.
        state
            What :meth:`init` or the update before returned.

        Returns
        -------
        params, state
            The new ones, in the structure, shapes and dtypes of the old.

        Raises
        ------
        TypeError
            If a gradient has another dtype or library than its parameter.
        ValueError
            If structures or shapes differ, or ``state`` is not one of this rule.
        """

    @abstractmethod
    def attach(self, parameters: Sequence[Parameter]) -> None:
        """Make parameters those that :meth:`step` updates; the first step does so by itself.

        Raises
        ------
        TypeError, ValueError
            If they are no parameters with different names, or this optimizer belongs to others.
        """

    @abstractmethod
    def step(self, parameters: Sequence[Parameter]) -> None:
        """Update parameters in place from their gradients.

        Parameters
        ----------
        parameters
            ``model.parameters``, updated in one call over its flat buffers where the library has views, or any
            sequence of parameters with different names. The first one that is given is the one this optimizer
            belongs to.

        Notes
        -----
        It makes the same as :meth:`update`, but for numbers of the state that are too small to be normal ones of their
        dtype: now and then those become 0, as processors take long to compute with them.

        Raises
        ------
        ValueError
            If they are not the parameters of the first call.
        """

    @property
    @abstractmethod
    def state(self) -> State:
        """The state that :meth:`step` keeps: of a rule ``"t"``, and for each slot the arrays by parameters' names."""

    @property
    @abstractmethod
    def rules(self) -> tuple[Rated, ...]:
        """The update rules in it, each with its learning rate ``lr``."""

    def finish(self, parameters: Sequence[Parameter]) -> None:
        """Make up for what is left at the end of a training; by default nothing is."""

    def learning_rates(self) -> dict[str, float]:
        """Return the learning rate of the last update."""
        return {}
