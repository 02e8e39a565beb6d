"""Checks of parameters, trees of arrays, and states."""

from collections.abc import Sequence
from operator import index
from typing import Any

from array_api_compat import array_namespace, is_array_api_obj, is_numpy_array

from cutedl_xp._checks import format_names
from cutedl_xp._typing import Array, Namespace
from cutedl_xp.backends import check_together, describe, dtype_name
from cutedl_xp.optimizers._tree import StructureMismatch, Tree, flatten_like, flatten_with_paths, unflatten
from cutedl_xp.parameters import NamedArrays, Parameter

_FLOATING = ("float32", "float64", "bfloat16")  # float16 has no exponent for eps


def check_parameters(parameters: Sequence[Parameter]) -> None:
    """Refuse what is no sequence of parameters with different names."""
    if not isinstance(parameters, Sequence):
        raise TypeError(f"`parameters` must be a sequence such as model.parameters; got {type(parameters).__name__}")
    for parameter in parameters:
        if not isinstance(parameter, Parameter):
            raise TypeError(
                f"`parameters` must be Parameter objects; got {type(parameter).__name__}: for plain arrays use update()"
            )
    if not parameters:
        raise ValueError("`parameters` is empty; there is nothing to train")
    if len({parameter.name for parameter in parameters}) < len(parameters):
        raise ValueError(f"`parameters` must have different names; got {format_parameters(parameters)}")


def format_parameters(parameters: Sequence[Parameter]) -> str:
    """Return the names of parameters for an error message."""
    return format_names(parameter.name for parameter in parameters)


def namespace(array: Array) -> Namespace:
    """Return the Array API namespace of an array."""
    xp: Namespace = array_namespace(array)
    return xp


def check_keys(optimizer: object, state: Any, keys: Sequence[str]) -> None:
    """Refuse a state that does not have the keys of an optimizer's."""
    wanted = f"`state` of {type(optimizer).__name__} is a dict with the keys {', '.join(map(repr, keys))}"
    if not isinstance(state, dict):
        raise TypeError(f"{wanted}; got {describe(state)}")
    if state.keys() != set(keys):
        raise ValueError(f"{wanted}; got the keys {', '.join(map(repr, state))}")


def check_count(argument: str, number: Any) -> Any:
    """Return a count as an int; an array that a library traces stays an array."""
    try:
        count = index(number)
    except TypeError as error:
        if is_array_api_obj(number):
            return number
        raise TypeError(f"`{argument}` must be an integer; got {number!r:.200} ({type(number).__name__})") from error
    if count < 0:
        raise ValueError(f"`{argument}` must be 0 or greater; got {count}")
    return count


def check_floating(argument: str, tree: Tree) -> None:
    """Refuse a tree with a leaf that is no floating-point array."""
    if isinstance(tree, NamedArrays):
        return
    for path, array in flatten_with_paths(argument, tree):
        dtype = dtype_name(array.dtype)
        if dtype not in _FLOATING or (dtype == "bfloat16" and is_numpy_array(array)):
            allowed = "float32, float64 or bfloat16 (of PyTorch or JAX)"
            raise TypeError(f"`{argument}`{path} must be an array of {allowed}; got {describe(array)}")


def check_matching(argument: str, tree: Tree, params: Tree) -> Tree:
    """Return a tree in the structure of ``params``, whose leaves it must match in shape, dtype and library."""
    if isinstance(params, NamedArrays):
        return _match_named(argument, tree, params)
    arrays, wanted = flatten_with_paths(argument, tree), flatten_with_paths("params", params)
    try:
        leaves = flatten_like(tree, params)
    except StructureMismatch as error:
        paths = sorted({path for path, _ in arrays} ^ {path for path, _ in wanted})
        places = ", ".join(path or "an array at the top" for path in paths) or "other keys"
        raise ValueError(f"`{argument}` must have the structure of `params`; only one of them has {places}") from error
    for array, (path, w) in zip(leaves, wanted, strict=True):
        if array.shape != w.shape:
            raise ValueError(f"`{argument}`{path} has shape {tuple(array.shape)}; `params`{path} has {tuple(w.shape)}")
        check_together(f"`{argument}`{path}", array, f"`params`{path}", w)
    return unflatten(params, leaves)


def _match_named(argument: str, tree: Any, params: NamedArrays) -> NamedArrays:
    """Return a dict of arrays as named arrays like those of parameters, in memory of their own."""
    if isinstance(tree, NamedArrays):
        return tree if tree.layout == params.layout else params.filled_with(tree.views)
    wanted = f"`{argument}` must be a dict with an array for each parameter"
    if not isinstance(tree, dict):
        raise TypeError(f"{wanted}; got {describe(tree)}")
    if tree.keys() != params.layout.shapes.keys():
        different = format_names(sorted(map(str, tree.keys() ^ params.layout.shapes.keys())))
        raise ValueError(f"{wanted}; only one of them has {different}")
    arrays = {}
    backends = {name: each for run, each in zip(params.layout.runs, params.backends, strict=True) for name in run}
    for name, w in params.views.items():
        array, backend = tree[name], backends[name]
        if is_numpy_array(array) and not backend.owns(array):
            array = backend.asarray(array)
        check_together(f"`{argument}`[{name!r}]", array, f"the parameter {name!r}", w)
        if tuple(array.shape) != tuple(w.shape):
            raise ValueError(f"`{argument}`[{name!r}] has shape {tuple(array.shape)}; the parameter has {w.shape}")
        arrays[name] = array
    return params.filled_with(arrays)
