"""Checks of parameters, trees of arrays, and states."""

from collections.abc import Sequence
from operator import index
from typing import Any

from array_api_compat import array_namespace, is_array_api_obj, is_numpy_array

from cutedl_xp._checks import format_names
from cutedl_xp._typing import Array, Namespace
from cutedl_xp.backends import backend_of, check_together, describe, dtype_name
from cutedl_xp.optimizers._tree import Tree, format_path, leaves_by_keys, unflatten
from cutedl_xp.parameters import NamedArrays, Parameter

_FLOATING = ("float32", "float64", "bfloat16")  # the exponent of float16 is too small for eps


def check_parameters(parameters: Sequence[Parameter]) -> None:
    """Refuse an object that is not a sequence of parameters with different names."""
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
    """Refuse a state that does not have the keys of an optimizer's states."""
    wanted = f"`state` of {type(optimizer).__name__} is a dict with the keys {', '.join(map(repr, keys)) or '(none)'}"
    if not isinstance(state, dict):
        raise TypeError(f"{wanted}; got {describe(state)}")
    if state.keys() != set(keys):
        raise ValueError(f"{wanted}; got the keys {', '.join(map(repr, state))}")


def check_count(argument: str, number: Any) -> Any:
    """Return a count as an int, or as a traced array."""
    try:
        count = index(number)
    except TypeError as error:
        if is_array_api_obj(number) and number.shape == () and namespace(number).isdtype(number.dtype, "integral"):
            return number
        raise TypeError(f"`{argument}` must be an integer; got {number!r:.200} ({type(number).__name__})") from error
    if count < 0:
        raise ValueError(f"`{argument}` must be 0 or greater; got {count}")
    return count


def check_floating(argument: str, tree: Tree) -> None:
    """Refuse a tree with a leaf that is not a floating-point array."""
    if isinstance(tree, NamedArrays):
        return
    for keys, array in leaves_by_keys(argument, tree).items():
        dtype = dtype_name(array.dtype)
        if dtype not in _FLOATING or (dtype == "bfloat16" and is_numpy_array(array)):
            wanted = f"`{argument}`{format_path(keys)} must be an array of float32, float64 or bfloat16"
            raise TypeError(f"{wanted} (of PyTorch or JAX); got {describe(array)}")


def check_matching(argument: str, tree: Tree, params: Tree) -> Tree:
    """Return a tree in the structure of ``params``; the leaves must match in shape, dtype and library.

    If ``params`` are :class:`NamedArrays`, the tree is a dict of arrays by name, which are copied and may be NumPy
    arrays.
    """
    if isinstance(params, NamedArrays):
        if isinstance(tree, NamedArrays):
            return tree if tree.layout == params.layout else params.filled_with(tree.views)
        if isinstance(tree, dict):
            found = {name: backend_of(w) for name, w in params.views.items()}
            tree = {
                name: found[name].asarray(a) if name in found and is_numpy_array(a) else a for name, a in tree.items()
            }
        return params.filled_with(check_matching(argument, tree, params.views))
    arrays, wanted = leaves_by_keys(argument, tree), leaves_by_keys("params", params)
    if arrays.keys() != wanted.keys():
        paths = sorted(map(format_path, arrays.keys() ^ wanted.keys()))
        places = ", ".join(path or "an array at the top" for path in paths)
        raise ValueError(f"`{argument}` must have the structure of `params`; only one of them has {places}")
    for keys, w in wanted.items():
        name, of_params, array = f"`{argument}`{format_path(keys)}", f"`params`{format_path(keys)}", arrays[keys]
        if array.shape != w.shape:
            raise ValueError(f"{name} has shape {tuple(array.shape)}; {of_params} has {tuple(w.shape)}")
        check_together(name, array, of_params, w)
    return unflatten(params, [arrays[keys] for keys in wanted])
