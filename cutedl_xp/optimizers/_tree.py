"""Nested lists, tuples and dicts of arrays."""

from collections.abc import Mapping
from typing import Any, TypeAlias

from array_api_compat import array_namespace, is_array_api_obj

from cutedl_xp.backends import check_class

Tree: TypeAlias = Any
"""An array, or a list, tuple or dict of trees."""


def leaves(argument: str, tree: Tree, path: str = "") -> dict[str, Any]:
    """The arrays of a tree by their path in it, such as ``"['weights'][0]"``; an error names the ``argument``.

    Raises
    ------
    TypeError
        If a leaf is no array.
    """
    if type(tree) in (list, tuple, dict):
        children = tree.items() if isinstance(tree, dict) else enumerate(tree)
        parts = (leaves(argument, child, f"{path}[{key!r}]") for key, child in children)
        return {place: leaf for part in parts for place, leaf in part.items()}
    check_class(f"`{argument}`{path}", tree)
    if not is_array_api_obj(tree):
        raise TypeError(
            f"`{argument}`{path} must be an array, or a list, tuple or dict of arrays; got {type(tree).__name__}"
        )
    return {path: tree}


def names(tree: Tree, path: str = "", name: str = "") -> dict[str, str]:
    """The name of each array of a tree by its path: the keys and places on the way to it, joined by ``"/"``."""
    if not isinstance(tree, (list, tuple, dict)):
        return {path: name}
    children = tree.items() if isinstance(tree, dict) else enumerate(tree)
    parts = (names(child, f"{path}[{key!r}]", f"{name}/{key}" if path else str(key)) for key, child in children)
    return {place: found for part in parts for place, found in part.items()}


def rebuild(tree: Tree, leaves: Mapping[str, Any], path: str = "") -> Tree:
    """A tree of the same structure as ``tree`` with the arrays of ``leaves`` at their paths."""
    if isinstance(tree, dict):
        return {key: rebuild(child, leaves, f"{path}[{key!r}]") for key, child in tree.items()}
    if isinstance(tree, (list, tuple)):
        return type(tree)(rebuild(child, leaves, f"{path}[{place!r}]") for place, child in enumerate(tree))
    return leaves[path]


def chosen(condition: Any, new: Tree, old: Tree) -> Any:
    """Of two trees of arrays and numbers alike the first where a traced condition holds, else the second."""
    if isinstance(new, dict):
        return {key: chosen(condition, new[key], old[key]) for key in new}
    if isinstance(new, (list, tuple)):
        return type(new)(chosen(condition, *pair) for pair in zip(new, old, strict=True))
    return array_namespace(condition).where(condition, new, old)
