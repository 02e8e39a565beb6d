"""Checks and descriptions of arrays of any library, and their conversion to NumPy arrays on the host."""

from typing import Any

import array_api_compat
import numpy as np

from cutedl_xp._typing import Array


def dtype_name(dtype: Any) -> str:
    """Return the name of a dtype.

    Parameters
    ----------
    dtype
        Dtype of any library.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.backends import dtype_name
    >>> dtype_name(np.float32), dtype_name(np.zeros(2).dtype)
    ('float32', 'float64')
    """
    return str(getattr(dtype, "__name__", dtype)).rpartition(".")[2]


def gpu_in_words(place: str, model: str, memory: int) -> str:
    """Return the name of a GPU for :func:`get_backend`, with its model and its memory in GiB."""
    return f"{place} ({model}, {memory / 2**30:.1f} GiB)"


def describe(array: Any) -> str:
    """Return a description of an object for an error message.

    Parameters
    ----------
    array
        Array of any library, described by its library, dtype, shape and device, or any other object, described by its
        type.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.backends import describe
    >>> describe(np.zeros((2, 3)))
    'a numpy array of dtype float64 and shape (2, 3) on cpu'
    >>> describe([1.0])
    'list'
    """
    if not array_api_compat.is_array_api_obj(array):
        return type(array).__name__
    library = type(array).__module__.partition(".")[0].removesuffix("lib")  # JAX's module is called jaxlib
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

    Parameters
    ----------
    name
        Name of the argument in the error.
    array
        Array of any library, or any other object.

    Raises
    ------
    TypeError
        If ``array`` is a masked array, or of a class derived from ``numpy.ndarray`` other than ``numpy.memmap``.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.backends import check_class
    >>> check_class("`x`", np.zeros(2))
    >>> check_class("`x`", np.ma.masked_array([1.0]))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    TypeError: `x` is a masked array (MaskedArray), whose mask a training would ignore; ...
    """
    kind = type(array)
    if kind is np.ndarray:  # tested first, because most arrays are plain
        return
    if "Masked" in kind.__name__ and array_api_compat.is_array_api_obj(array):
        fix = "leave the masked samples out, or give an array in which numbers replace the masked entries"
        raise TypeError(f"{name} is a masked array ({kind.__name__}), whose mask a training would ignore; {fix}")
    if isinstance(array, np.ndarray) and not isinstance(array, np.memmap):
        raise TypeError(
            f"{name} must be a plain array; got a {kind.__name__}, a class that may replace the arithmetic of arrays: "
            "convert it with numpy.asarray()"
        )


def check_together(name: str, array: Any, other_name: str, other: Array, *, same_dtype: bool = True) -> None:
    """Refuse an array that cannot be combined with another array.

    Libraries either fail on arrays of different libraries, devices or dtypes, or promote them.

    Parameters
    ----------
    name, array
        Array to check, and its name in the error.
    other_name, other
        Array to compare with, and its name in the error.
    same_dtype
        Whether the dtypes must be equal as well as the libraries and devices, default True.

    Raises
    ------
    TypeError
        If the libraries, devices or dtypes differ, or the class of an array replaces the library's arithmetic.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.backends import check_together
    >>> check_together("`x`", np.zeros(2), "`y`", np.ones(3))
    >>> check_together("`x`", [0.0], "`y`", np.ones(3))
    Traceback (most recent call last):
    TypeError: `x` must be an array like `y`, a numpy array of dtype float64 and shape (3,) on cpu; got list
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
    alike = type(a) is type(b)  # the fastest test
    return alike or array_api_compat.array_namespace(a) is array_api_compat.array_namespace(b)


def _same_device(a: Any, b: Any) -> bool:
    devices = array_api_compat.device(a), array_api_compat.device(b)
    return devices[0] == devices[1] or None in devices  # arrays that jax.jit traces have no device
