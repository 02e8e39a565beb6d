"""Conversions between Python, NumPy and the arrays of a backend."""

import contextlib
from abc import ABC, abstractmethod
from typing import Any

import array_api_compat
import numpy as np

from cutedl_xp._typing import Array
from cutedl_xp.backends._arrays import check_class, describe, dtype_name, host_array
from cutedl_xp.backends._operations import Operations

_DTYPES = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64")


class Conversions(Operations, ABC):
    """Conversions to and from the arrays of one library on one device."""

    @abstractmethod
    def owns(self, obj: Any) -> bool:
        """Return whether an object is an array of this library on this device.

        Parameters
        ----------
        obj
            Any object.
        """

    @abstractmethod
    def _from_numpy(self, array: np.ndarray) -> Array:
        """Return ``array`` on this device, with its dtype."""

    @abstractmethod
    def to_numpy(self, array: Array) -> np.ndarray:
        """Return an array as a NumPy array on the host.

        Parameters
        ----------
        array
            Array of this backend. The result shares its memory if the array is on the host.
        """

    def ignore_underflow(self) -> contextlib.AbstractContextManager[object]:
        """Return a context in which results too small for their dtype become 0 or subnormal without an error.

        Underflow is harmless in a training. NumPy reports underflow as an error under ``np.errstate(all="raise")``;
        other libraries never do.
        """
        return contextlib.nullcontext()

    @property
    def index_dtype(self) -> Any:
        """Dtype of class numbers and row numbers."""
        return self.xp.int64

    def asarray(self, obj: Any, dtype: Any = None) -> Array:
        """Return ``obj`` as an array of this backend.

        Parameters
        ----------
        obj
            Array of this backend (returned as it is), NumPy array (keeps its dtype), or numbers and nested sequences of
            numbers (floats become float32).
        dtype
            Dtype to convert to: a name such as ``"float32"``, a NumPy dtype or a dtype of ``xp``. The default is None,
            which keeps the dtype.

        Raises
        ------
        TypeError
            If ``obj`` is an array of another library or device, because arrays are never moved implicitly, or an array
            whose class replaces the library's arithmetic, such as a masked array.
        ValueError
            If ``dtype`` is the name of no dtype, or nested sequences have different lengths.
        """
        check_class("`obj`", obj)
        if self.owns(obj):
            array: Array = obj
        elif array_api_compat.is_array_api_obj(obj) and not array_api_compat.is_numpy_array(obj):
            raise TypeError(
                f"`obj` is {describe(obj)}, and the backend is {self!r}; "
                "move it to the host with its own backend's to_numpy() first"
            )
        else:
            host = host_array(obj)
            if dtype is not None:  # converted on the host: the library may lack the dtype, and a copy may be smaller
                with np.errstate(under="ignore"):
                    host = host.astype(dtype_name(self.dtype(dtype)), copy=False)
            elif host.dtype == np.float64 and not array_api_compat.is_numpy_array(obj):
                host = host.astype(np.float32)  # Python floats become the package's default
            return self._from_numpy(host)
        if dtype is None:
            return array
        with self.ignore_underflow():
            return self.convert(array, self.dtype(dtype), None)

    def dtype(self, dtype: Any) -> Any:
        """Return a dtype as the library's own object.

        Parameters
        ----------
        dtype
            Name such as ``"float32"``, NumPy dtype, or dtype of the library.

        Raises
        ------
        TypeError, ValueError
            If ``dtype`` is not a dtype of the library, or the name of no dtype.
        """
        if isinstance(dtype, (np.dtype, type)):
            dtype = np.dtype(dtype).name
        if isinstance(dtype, str):
            if dtype not in _DTYPES:
                raise ValueError(f"`dtype` must be one of {', '.join(map(repr, _DTYPES))}; got {dtype!r}")
            return getattr(self.xp, dtype)
        if not any(dtype == getattr(self.xp, name) for name in _DTYPES):
            raise TypeError(f"`dtype` must be a dtype of {self!r} or its name; got {dtype!r}")
        return dtype

    def writable(self, array: Array) -> bool:
        """Return whether the entries of an array can be replaced, in place or by a new array.

        Parameters
        ----------
        array
            Array of this backend.
        """
        return True

    def copy(self, array: Array) -> Array:
        """Return a copy of ``array`` in memory of its own."""
        return self.xp.asarray(array, copy=True)

    def make_computable(self, array: Array) -> Array:
        """Return ``array`` in a dtype that all functions of the library support; as it is if they support its dtype."""
        return array
