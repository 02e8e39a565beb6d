"""Training steps as pure functions, and the trees of arrays that they take."""

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any, TypeAlias

from cutedl_xp._typing import Array

Tree: TypeAlias = Any
"""Nested dicts, lists and tuples of arrays."""

Step: TypeAlias = Callable[[Tree, Tree, Tree, Any], Tree]
"""``step(state, constants, inputs, k)`` returns the state after step ``k`` of a chunk; see :class:`StepFunction`."""


class NotCompilable(RuntimeError):
    """Error for a step that cannot be compiled; the message has the reason.

    Attributes
    ----------
    steps_done
        Number of steps of the chunk that ran before the failure; the state holds their result.

    Examples
    --------
    >>> from cutedl_xp.backends import NotCompilable
    >>> NotCompilable.because_of(MemoryError("out of memory"), "the graph cannot be made", steps_done=2)
    NotCompilable('the graph cannot be made (MemoryError: out of memory)')
    """

    def __init__(self, reason: str, steps_done: int = 0) -> None:
        super().__init__(reason)
        self.steps_done = steps_done

    @classmethod
    def because_of(cls, error: Exception, failure: str, steps_done: int = 0) -> "NotCompilable":
        """Return the error for a failure, with the first line of the library's own error.

        Parameters
        ----------
        error
            Error that the library raised.
        failure
            Beginning of the message, such as ``"CUDA cannot capture the step"``.
        steps_done
            Number of steps of the chunk that ran before the failure, default 0.
        """
        sentence = f"{type(error).__name__}: {error}".partition("\n")[0]
        return cls(f"{failure} ({sentence})", steps_done)


class StepFunction:
    """Pure training step, together with the result of its compilation.

    Parameters
    ----------
    function
        Function ``function(state, constants, inputs, k)`` that returns the new state, a tree of the same structure,
        shapes and dtypes. The function may write to the arrays of ``state`` if the library has views. ``k`` is the
        number of the step in its chunk, an integer or a 0-d integer array.
    signature
        Hashable value that is equal for functions that compute the same result from arguments of the same shapes, so
        that they can share a program. The default is None, which means that the function shares no program.

    Attributes
    ----------
    compiled
        Compiled programs of a backend for this function; None before the first chunk.

    Examples
    --------
    >>> import numpy as np
    >>> import cutedl_xp as cdl
    >>> from cutedl_xp.backends import StepFunction
    >>> step = StepFunction(lambda state, constants, inputs, k: {"sum": state["sum"] + inputs["x"][k]})
    >>> state, inputs = {"sum": np.zeros(())}, {"x": np.array([1.0, 2.0, 4.0])}
    >>> state, wait = cdl.get_backend("numpy").run_steps(step, state, {}, inputs, count=3)
    >>> wait()  # until the device has finished
    >>> float(state["sum"])
    7.0
    """

    def __init__(self, function: Step, signature: Hashable = None) -> None:
        self.function, self.signature = function, signature
        self.compiled: Any = None


def flatten(tree: Tree) -> list[Array]:
    """Return the leaves of a tree in the order of its containers.

    Parameters
    ----------
    tree
        Nested dicts, lists and tuples; anything else is a leaf.

    Examples
    --------
    >>> from cutedl_xp.backends import flatten
    >>> flatten({"a": [1, 2], "b": 3})
    [1, 2, 3]
    """
    if isinstance(tree, (dict, list, tuple)):
        return [leaf for child in (tree.values() if isinstance(tree, dict) else tree) for leaf in flatten(child)]
    return [tree]


def map_tree(function: Callable[[Any], Any], tree: Tree) -> Tree:
    """Return a tree in which a function has been applied to each leaf.

    Parameters
    ----------
    function
        Function of a leaf.
    tree
        Nested dicts, lists and tuples; anything else is a leaf.

    Examples
    --------
    >>> from cutedl_xp.backends import map_tree
    >>> map_tree(lambda leaf: 10 * leaf, {"a": [1, 2], "b": 3})
    {'a': [10, 20], 'b': 30}
    """
    return fill(tree, [function(leaf) for leaf in flatten(tree)])


def fill(tree: Tree, leaves: Iterable[Any]) -> Tree:
    """Return a tree of the structure of another tree with other leaves.

    Parameters
    ----------
    tree
        Tree that determines the structure: nested dicts, lists and tuples.
    leaves
        New leaves, in the order of :func:`flatten`.

    Examples
    --------
    >>> from cutedl_xp.backends import fill
    >>> fill({"a": [1, 2], "b": 3}, "xyz")
    {'a': ['x', 'y'], 'b': 'z'}
    """
    return _fill(tree, iter(leaves))


def _fill(tree: Tree, leaves: Iterator[Any]) -> Tree:
    if isinstance(tree, dict):
        return {key: _fill(child, leaves) for key, child in tree.items()}
    if isinstance(tree, (list, tuple)):
        return type(tree)(_fill(child, leaves) for child in tree)
    return next(leaves)
