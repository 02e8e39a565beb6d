"""What optimizers are handed, checked: trees of arrays, and parameters."""

from collections.abc import Sequence
from operator import index
from typing import Any

from array_api_compat import array_namespace, is_array_api_obj, is_numpy_array

from cutedl_xp._checks import format_names
from cutedl_xp._typing import Array, Namespace
from cutedl_xp.backends import check_together, describe, dtype_name
from cutedl_xp.optimizers._tree import Tree, leaves
from cutedl_xp.parameter import Parameter

_FLOATING = ("float32", "float64", "bfloat16")  # float16 has no exponent for eps


def check_parameters(parameters: Sequence[Parameter]) -> None:
    if not isinstance(parameters, Sequence):
        raise TypeError(f"`parameters` must be a sequence such as model.parameters; got {type(parameters).__name__}")
    for parameter in parameters:
        if not isinstance(parameter, Parameter):
            raise TypeError(
                f"`parameters` must be Parameter objects; got {type(parameter).__name__}: for plain arrays use update()"
            )
    if not parameters:
        raise ValueError("`parameters` is empty; there is nothing to train")
    names = [parameter.name for parameter in parameters]
    if len(set(names)) < len(names):
        raise ValueError(f"`parameters` must have different names; got {named(parameters)}")


def named(parameters: Sequence[Parameter]) -> str:
    return format_names(parameter.name for parameter in parameters)


def namespace(array: Array) -> Namespace:
    xp: Namespace = array_namespace(array)
    return xp


def check_keys(optimizer: object, state: Any, keys: Sequence[str]) -> None:
    """Refuse what is no state of an optimizer."""
    wanted = f"`state` of {type(optimizer).__name__} is a dict with the keys {', '.join(map(repr, keys))}"
    if not isinstance(state, dict):
        raise TypeError(f"{wanted}; got {describe(state)}")
    if state.keys() != set(keys):
        raise ValueError(f"{wanted}; got the keys {', '.join(map(repr, state))}")


def counted(argument: str, number: Any) -> Any:
    """How often something was done, as an int; under a tracing library it stays an array."""
    try:
        count = index(number)
    except TypeError as error:
        if is_array_api_obj(number):
            return number
        raise TypeError(f"`{argument}` must be an integer; got {number!r:.200} ({type(number).__name__})") from error
    if count < 0:
        raise ValueError(f"`{argument}` must be 0 or greater; got {count}")
    return count


def floating(argument: str, tree: Tree) -> dict[str, Array]:
    """The leaves of ``tree``, which must be floating-point arrays."""
    arrays = leaves(argument, tree)
    for path, array in arrays.items():
        dtype = dtype_name(array.dtype)
        if dtype not in _FLOATING or (dtype == "bfloat16" and is_numpy_array(array)):
            allowed = "float32, float64 or bfloat16 (of PyTorch or JAX)"
            raise TypeError(f"`{argument}`{path} must be an array of {allowed}; got {describe(array)}")
    return arrays


def matched(argument: str, tree: Tree, params: dict[str, Array]) -> dict[str, Array]:
    """The leaves of ``tree``, which must be like those of ``params`` one by one."""
    arrays = leaves(argument, tree)
    if arrays.keys() != params.keys():
        different = ", ".join(path or "an array at the top" for path in sorted(arrays.keys() ^ params.keys()))
        raise ValueError(f"`{argument}` must have the structure of `params`; only one of them has {different}")
    for path, array in arrays.items():
        w = params[path]
        if array.shape != w.shape:
            raise ValueError(f"`{argument}`{path} has shape {tuple(array.shape)}; `params`{path} has {tuple(w.shape)}")
        check_together(f"`{argument}`{path}", array, f"`params`{path}", w)
    return arrays
