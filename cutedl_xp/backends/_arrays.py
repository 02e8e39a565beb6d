"""Checks and descriptions of arrays of any library, and their conversion to NumPy arrays on the host."""

from typing import Any

import array_api_compat
import numpy as np

from cutedl_xp._typing import Array


def dtype_name(dtype: Any) -> str:
    """``"float32"`` from a library's float32, whatever the library."""
    return str(getattr(dtype, "__name__", dtype)).rpartition(".")[2]


def gpu_in_words(place: str, model: str, memory: int) -> str:
    """A GPU for a table: how it is asked for, what it is, and its bytes of memory."""
    return f"{place} ({model}, {memory / 2**30:.1f} GiB)"


def describe(array: Any) -> str:
    """An array in words for an error message: its library, dtype, shape and device; of anything else its type."""
    if not array_api_compat.is_array_api_obj(array):
        return type(array).__name__
    library = type(array).__module__.partition(".")[0].removesuffix("lib")  # JAX's is called jaxlib
    device = array_api_compat.device(array)
    article = "an" if library[0] in "aeio" else "a"
    return f"{article} {library} array of dtype {dtype_name(array.dtype)} and shape {tuple(array.shape)} on {device}"


def host_array(obj: Any) -> np.ndarray:
    """Return ``obj`` as a NumPy array of real numbers in this machine's byte order."""
    try:
        array = np.asarray(obj)
    except ValueError as error:
        raise ValueError(f"`obj` must be numbers in nested sequences of equal lengths; got {obj!r}") from error
    if array.dtype.kind not in "biuf":
        raise TypeError(f"`obj` must be real numbers, in an array or nested sequences; got {describe(obj)}")
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def check_class(name: str, array: Any) -> None:
    """Refuse an array whose class replaces the library's arithmetic, such as a masked array.

    Raises
    ------
    TypeError
        If ``array`` is a masked array, or of a class derived from ``numpy.ndarray`` other than ``numpy.memmap``.
    """
    kind = type(array)
    if kind is np.ndarray:  # decided first, as most arrays are
        return
    if "Masked" in kind.__name__ and array_api_compat.is_array_api_obj(array):
        fix = "leave the masked samples out, or give an array in which other numbers stand for the masked ones"
        raise TypeError(f"{name} is a masked array ({kind.__name__}), whose mask a training would ignore; {fix}")
    if isinstance(array, np.ndarray) and not isinstance(array, np.memmap):
        raise TypeError(
            f"{name} must be a plain array; got a {kind.__name__}, a class that may have arithmetic of its own: "
            "convert it with numpy.asarray()"
        )


def check_together(name: str, array: Any, other_name: str, other: Array, *, same_dtype: bool = True) -> None:
    """Refuse an array that cannot be combined with another one: libraries either fail on such a pair or promote it.

    Parameters
    ----------
    name, array
        The array to check, and its name in the error.
    other_name, other
        The array to compare with, and its name in the error.
    same_dtype
        Whether the dtypes must be equal as well as the libraries and devices.

    Raises
    ------
    TypeError
        If the libraries, devices or dtypes differ, or one of the arrays is masked or of another class with
        arithmetic of its own.
    """
    check_class(name, array)
    check_class(other_name, other)
    if not array_api_compat.is_array_api_obj(array):
        raise TypeError(f"{name} must be an array like {other_name}, {describe(other)}; got {describe(array)}")
    if not _same_library(array, other) or not _same_device(array, other):
        on_host = array_api_compat.is_numpy_array(array)
        way = "backend.asarray()" if on_host else "its own backend's to_numpy(), then backend.asarray()"
        fix = f"move it with {way}"
    elif same_dtype and array.dtype != other.dtype:
        fix = f"convert it to {dtype_name(other.dtype)}"
    else:
        return
    raise TypeError(f"{name} is {describe(array)}, and {other_name} is {describe(other)}; {fix}")


def _same_library(a: Any, b: Any) -> bool:
    alike = type(a) is type(b)  # the quickest to see
    return alike or array_api_compat.array_namespace(a) is array_api_compat.array_namespace(b)


def _same_device(a: Any, b: Any) -> bool:
    devices = array_api_compat.device(a), array_api_compat.device(b)
    return devices[0] == devices[1] or None in devices  # the arrays that jax.jit traces have none
