"""Chunks of training steps, which a backend runs by itself."""

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any, TypeAlias

from cutedl_xp._typing import Array

Tree: TypeAlias = Any
"""Nested dicts, lists and tuples of arrays."""

Step: TypeAlias = Callable[[Tree, Tree, Tree, Any], Tree]
"""``step(state, constants, inputs, k)`` returns the state after step ``k`` of a chunk; see :class:`StepFunction`."""


class NotCompilable(RuntimeError):
    """A step cannot be compiled; the message is the reason as a sentence.

    Attributes
    ----------
    steps_done
        Steps of the chunk that were run before the failure; the state holds their result.
    """

    def __init__(self, reason: str, steps_done: int = 0) -> None:
        super().__init__(reason)
        self.steps_done = steps_done

    @classmethod
    def because_of(cls, error: Exception, failure: str, steps_done: int = 0) -> "NotCompilable":
        """Return the error for a failure, with the first line of the library's own error."""
        sentence = f"{type(error).__name__}: {error}".partition("\n")[0]
        return cls(f"{failure} ({sentence})", steps_done)


class StepFunction:
    """A pure training step, together with the result of its compilation.

    Parameters
    ----------
    function
        ``function(state, constants, inputs, k)`` returns the new state, a tree of the same structure, shapes and
        dtypes. It may write into the arrays of ``state`` where the library has views. ``k`` is the number of the step
        in its chunk, an integer or an integer array of no axes.
    signature
        Hashable value that is equal for functions which compute the same from arguments of the same shapes, so that one
        program may serve all of them. Default None: the programs are the function's own.

    Attributes
    ----------
    compiled
        Programs that a backend has made of the function; None before the first chunk. They end with this object.
    """

    def __init__(self, function: Step, signature: Hashable = None) -> None:
        self.function, self.signature = function, signature
        self.compiled: Any = None


def flatten(tree: Tree) -> list[Array]:
    """Return the arrays of a tree in the order of its containers."""
    if isinstance(tree, (dict, list, tuple)):
        return [leaf for child in (tree.values() if isinstance(tree, dict) else tree) for leaf in flatten(child)]
    return [tree]


def map_tree(function: Callable[[Any], Any], tree: Tree) -> Tree:
    """Return a tree with the results of a function of each array."""
    return fill(tree, [function(leaf) for leaf in flatten(tree)])


def fill(tree: Tree, leaves: Iterable[Any]) -> Tree:
    """Return a tree of the structure of ``tree`` with other leaves, in the order of :func:`flatten`."""
    return _fill(tree, iter(leaves))


def _fill(tree: Tree, leaves: Iterator[Any]) -> Tree:
    if isinstance(tree, dict):
        return {key: _fill(child, leaves) for key, child in tree.items()}
    if isinstance(tree, (list, tuple)):
        return type(tree)(_fill(child, leaves) for child in tree)
    return next(leaves)
