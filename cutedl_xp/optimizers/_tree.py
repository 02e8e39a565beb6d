"""Trees of arrays: nested lists, tuples and dicts, or named arrays in contiguous runs."""

import operator
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from array_api_compat import array_namespace, is_array_api_obj

from cutedl_xp._typing import Array
from cutedl_xp.backends import Rule, backend_of, check_class, fill
from cutedl_xp.parameters import NamedArrays

Tree: TypeAlias = Any
"""Array, list, tuple or dict of trees, or :class:`NamedArrays`, whose leaves are its runs."""

_runs = operator.attrgetter("runs")


def flatten(tree: Tree) -> list[Array]:
    """Return the leaves of a tree in the order of its containers."""
    if isinstance(tree, NamedArrays):
        return tree.runs
    if isinstance(tree, (dict, list, tuple)):
        return [leaf for child in (tree.values() if isinstance(tree, dict) else tree) for leaf in flatten(child)]
    return [tree]


def unflatten(tree: Tree, leaves: Iterable[Any]) -> Tree:
    """Return a tree of the structure of ``tree`` with other leaves, in the order of :func:`flatten`."""
    if isinstance(tree, NamedArrays):
        return tree.with_runs(tuple(leaves))
    return fill(tree, leaves)


def zip_leaves(tree: Tree) -> list[tuple[Any, Array]]:
    """Return each leaf with its backend."""
    leaves = flatten(tree)
    return list(zip(tree.backends if isinstance(tree, NamedArrays) else map(backend_of, leaves), leaves, strict=True))


def apply_rule(
    rule: Rule, trees: list[Tree], grads: Tree, scalars: Sequence[Any], decay: float = 0.0, *, donate: bool
) -> list[Tree]:
    """Run an elementwise rule on the leaves of trees ``[w, *state]``, and return these trees with the new leaves.

    The other arguments are the same as for :meth:`Backend.apply_rule`. Trees written in place are returned as they are.
    """
    first = trees[0]
    if donate and type(first) is NamedArrays and first.in_place:
        for backend, *arrays in zip(first.backends, first.runs, grads.runs, *map(_runs, trees[1:])):  # noqa: B905 (time)
            backend.apply_rule(rule, arrays, scalars, decay, donate=True)
        return trees
    leaves = zip(zip_leaves(first), flatten(grads), *map(flatten, trees[1:]), strict=True)
    results = [backend.apply_rule(rule, [w, *rest], scalars, decay, donate=donate) for (backend, w), *rest in leaves]
    columns = list(zip(*results, strict=True)) if results else [()] * len(trees)
    return [unflatten(tree, column) for tree, column in zip(trees, columns, strict=True)]


def leaves_by_keys(argument: str, tree: Tree, keys: tuple[Any, ...] = ()) -> dict[tuple[Any, ...], Array]:
    """Return the leaves by their paths, tuples of keys and indices; an error names the ``argument``.

    Raises
    ------
    TypeError
        If a leaf is not an array.
    """
    if type(tree) in (list, tuple, dict):
        children = tree.items() if isinstance(tree, dict) else enumerate(tree)
        parts = [leaves_by_keys(argument, child, (*keys, key)) for key, child in children]
        return {place: leaf for part in parts for place, leaf in part.items()}
    check_class(f"`{argument}`{format_path(keys)}", tree)
    if not is_array_api_obj(tree):
        wanted = f"`{argument}`{format_path(keys)} must be an array, or a list, tuple or dict of arrays"
        raise TypeError(f"{wanted}; got {type(tree).__name__}")
    return {keys: tree}


def format_path(keys: tuple[Any, ...]) -> str:
    """Return the path of a leaf as text, such as ``"['weights'][0]"``."""
    return "".join(f"[{key!r}]" for key in keys)


def where(condition: Any, new: Tree, old: Tree) -> Any:
    """Return the tree ``new`` if a traced condition is true, else ``old``."""
    if isinstance(new, dict):
        return {key: where(condition, new[key], old[key]) for key in new}
    if isinstance(new, (list, tuple)):
        return type(new)(where(condition, *pair) for pair in zip(new, old, strict=True))
    if isinstance(new, NamedArrays):
        return new.with_runs([where(condition, *pair) for pair in zip(new.runs, old.runs, strict=True)])
    return array_namespace(condition).where(condition, new, old)
