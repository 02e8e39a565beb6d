"""Conversion of lists, DataFrames and Series to arrays."""

from typing import Any

import array_api_compat
import numpy as np
from numpy.typing import NDArray

from cutedl_xp._checks import format_value
from cutedl_xp._typing import Array

LABELS = frozenset({"labels", "y"})
"""Arguments that hold labels."""

NUMBER_TEXTS = "number the classes with numpy.unique(y, return_inverse=True)"
ENCODE_TEXTS = "encode it, such as by pandas.get_dummies"


def as_array(argument: str, given: Any) -> Array:
    """Return an array unchanged, and lists, DataFrames and Series as a NumPy array.

    Columns of truth values and of nullable dtypes become numbers, and missing numbers become NaN. pandas is not
    imported: its objects are recognized by their methods.

    Raises
    ------
    TypeError, ValueError
        If the object does not hold numbers.
    """
    if isinstance(given, np.ndarray) or array_api_compat.is_array_api_obj(given):  # also a matrix, which is refused
        array: Array = given
        return array
    if hasattr(given, "columns") and hasattr(given, "items") and hasattr(given, "dtypes"):
        return _convert_frame(argument, given)
    if _is_column(given):
        return _convert_column(argument, f"`{argument}`", given)
    try:
        array = np.asarray(given)
    except ValueError as error:
        raise ValueError(
            f"`{argument}` must be numbers in nested sequences of equal lengths; got {format_value(given)}"
        ) from error
    if not array.shape and array.dtype.kind not in "biuf":
        raise TypeError(f"`{argument}` must be an array of shape (n, ...); got {type(given).__name__}")
    return array


def _is_column(given: Any) -> bool:
    return all(hasattr(given, name) for name in ("dtype", "isna", "to_numpy"))


def _convert_frame(argument: str, frame: Any) -> NDArray[Any]:
    if all(isinstance(dtype, np.dtype) and dtype.kind in "iuf" for dtype in frame.dtypes):
        return np.asarray(frame)  # shares the memory of a frame of one dtype
    columns = [_convert_column(argument, f"column {name!r}", column) for name, column in frame.items()]
    return np.stack(columns, axis=1)


def _convert_column(argument: str, place: str, column: Any) -> NDArray[Any]:
    """Return a Series or a similar object as an array of numbers."""
    array = np.asarray(column)
    if array.dtype.kind in "biuf":
        return array
    fault = f"the dtype {column.dtype}"
    if any(isinstance(entry, str) for entry in array.reshape(-1)):
        alone = place == f"`{argument}`"
        fault = f"texts: {NUMBER_TEXTS if alone and argument in LABELS else ENCODE_TEXTS}"
    elif array.dtype.kind == "O":  # a nullable dtype with missing numbers
        try:
            return np.asarray(column.to_numpy(dtype="float64", na_value=np.nan))
        except (TypeError, ValueError):
            pass  # refused below
    raise TypeError(f"`{argument}` must hold numbers; {place} has {fault}")
