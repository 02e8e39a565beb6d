"""Trees of arrays: nested lists, tuples and dicts, or named arrays in contiguous runs."""

import operator
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias

from array_api_compat import array_namespace, is_array_api_obj

from cutedl_xp._typing import Array
from cutedl_xp.backends import Rule, backend_of
from cutedl_xp.parameters import NamedArrays

Tree: TypeAlias = Any
"""An array, a list, tuple or dict of trees, or :class:`NamedArrays`, whose leaves are its runs."""


_runs = operator.attrgetter("runs")


class StructureMismatch(ValueError):
    """Two trees have different structures."""


def flatten(tree: Tree) -> list[Array]:
    """Return the leaves of a tree in the order of its containers."""
    if isinstance(tree, NamedArrays):
        return tree.runs
    if isinstance(tree, dict):
        return [leaf for child in tree.values() for leaf in flatten(child)]
    if isinstance(tree, (list, tuple)):
        return [leaf for child in tree for leaf in flatten(child)]
    return [tree]


def unflatten(tree: Tree, leaves: Iterable[Any]) -> Tree:
    """Return a tree of the structure of ``tree`` with other leaves, in the order of :func:`flatten`."""
    if isinstance(tree, NamedArrays):
        return tree.with_runs(tuple(leaves))
    return _unflatten(tree, iter(leaves))


def _unflatten(tree: Tree, leaves: Iterator[Any]) -> Tree:
    if isinstance(tree, dict):
        return {key: _unflatten(child, leaves) for key, child in tree.items()}
    if isinstance(tree, (list, tuple)):
        return type(tree)(_unflatten(child, leaves) for child in tree)
    return next(leaves)


def zip_leaves(first: Tree, *trees: Tree) -> list[tuple[Any, ...]]:
    """Return for each leaf of a tree its backend, the leaf, and those of other trees of the same structure."""
    leaves = flatten(first)
    backends = first.backends if isinstance(first, NamedArrays) else map(backend_of, leaves)
    return list(zip(backends, leaves, *map(flatten, trees), strict=True))


def apply_rule(
    rule: Rule, trees: list[Tree], grads: Tree, scalars: Sequence[Any], decay: float = 0.0, *, donate: bool
) -> list[Tree]:
    """Run an elementwise rule on the leaves of trees ``[w, *state]``, and return these trees with the new leaves.

    The other arguments are those of :meth:`Backend.apply_rule`. What is written in place is returned as it is.
    """
    first = trees[0]
    if donate and type(first) is NamedArrays and first.in_place:
        for backend, *arrays in zip(first.backends, first.runs, grads.runs, *map(_runs, trees[1:])):  # noqa: B905 (time)
            backend.apply_rule(rule, arrays, scalars, decay, donate=True)
        return trees
    results = [
        backend.apply_rule(rule, arrays, scalars, decay, donate=donate)
        for backend, *arrays in zip_leaves(first, grads, *trees[1:])
    ]
    columns = list(zip(*results, strict=True)) if results else [()] * len(trees)
    return [unflatten(tree, column) for tree, column in zip(trees, columns, strict=True)]


def flatten_with_paths(argument: str, tree: Tree, path: str = "") -> list[tuple[str, Array]]:
    """Return the leaves with their paths, such as ``"['weights'][0]"``; an error names the ``argument``.

    Raises
    ------
    TypeError
        If a leaf is no array.
    """
    if type(tree) in (list, tuple, dict):
        children = tree.items() if isinstance(tree, dict) else enumerate(tree)
        return [pair for key, child in children for pair in flatten_with_paths(argument, child, f"{path}[{key!r}]")]
    if not is_array_api_obj(tree):
        raise TypeError(
            f"`{argument}`{path} must be an array, or a list, tuple or dict of arrays; got {type(tree).__name__}"
        )
    return [(path, tree)]


def flatten_like(tree: Tree, like: Tree) -> list[Array]:
    """Return the leaves of a tree in the order of another one, which must have the same structure.

    Raises
    ------
    StructureMismatch
        If it has another one.
    """
    if isinstance(like, dict):
        if not isinstance(tree, dict) or tree.keys() != like.keys():
            raise StructureMismatch
        return [leaf for key in like for leaf in flatten_like(tree[key], like[key])]
    if isinstance(like, (list, tuple)):
        if not isinstance(tree, (list, tuple)) or len(tree) != len(like):
            raise StructureMismatch
        return [leaf for pair in zip(tree, like, strict=True) for leaf in flatten_like(*pair)]
    if isinstance(tree, (list, tuple, dict)):
        raise StructureMismatch
    return [tree]


def names(tree: Tree, path: str = "", name: str = "") -> list[tuple[str, str]]:
    """Return the name and the path of each leaf: the keys and places on the way to it, joined by ``"/"``."""
    if not isinstance(tree, (list, tuple, dict)):
        return [(name, path)]
    children = tree.items() if isinstance(tree, dict) else enumerate(tree)
    parts = [names(child, f"{path}[{key!r}]", f"{name}/{key}" if path else str(key)) for key, child in children]
    return [pair for part in parts for pair in part]


def where(condition: Any, new: Tree, old: Tree) -> Any:
    """Return the first of two trees of arrays and numbers where a traced condition holds, else the second."""
    if isinstance(new, dict):
        return {key: where(condition, new[key], old[key]) for key in new}
    if isinstance(new, (list, tuple)):
        return type(new)(where(condition, *pair) for pair in zip(new, old, strict=True))
    return array_namespace(condition).where(condition, new, old)
