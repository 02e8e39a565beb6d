"""The interface of backends, with defaults for the work that some libraries do in fewer passes."""

import contextlib
import functools
import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import array_api_compat
import numpy as np

from cutedl_xp._typing import Array, Namespace
from cutedl_xp.backends._arrays import check_class, describe, dtype_name, host_array
from cutedl_xp.backends._operations import Operations
from cutedl_xp.backends._steps import StepFunction, Tree, fill, flatten, map_tree

_FUSED = "CUTEDL_XP_FUSED"
_DTYPES = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64")


class BackendUnavailable(RuntimeError):
    """Backend that cannot be used here; the message has the reason and the remedy."""


class Backend(Operations, ABC):
    """One array library on one device.

    The computations stand in ``cutedl_xp/backends/_operations.py``.

    Attributes
    ----------
    name
        Name for :func:`get_backend`, such as ``"numpy"``.
    xp
        Namespace of the library with the functions of the Array API standard.
    device
        Device of the arrays, as the library names it.
    version
        Version of the library.
    has_views
        Whether arrays can be written to, and a part of one shares its memory.
    reduces_runs
        Whether sums over several arrays that lie in one run are sums over the run.
    compiles_steps
        Whether :meth:`run_steps` compiles the steps of a training; elsewhere the trainer's own loop is as fast.
    """

    name: str
    xp: Namespace
    device: Any
    version: str
    has_views: ClassVar[bool] = True
    compiles_steps: ClassVar[bool] = False

    def __init__(self, device: str | None = None) -> None:
        """The backend on the library's default device, or on the one named after the colon in its name."""

    @classmethod
    def of(cls, array: Array) -> "Backend":
        """Return the backend on the device of ``array``."""
        return cls(cls._device_name(array.device))

    @classmethod
    def _device_name(cls, device: Any) -> str:
        """Return the argument of the constructor for a device of the library."""
        return str(device)

    def devices(self) -> list[str]:
        """The devices that the library has here, in words."""
        return [str(self.device)]

    @abstractmethod
    def owns(self, obj: Any) -> bool:
        """Whether ``obj`` is an array of this library on this device."""

    @abstractmethod
    def _from_numpy(self, array: np.ndarray) -> Array:
        """``array`` on this device, with its dtype."""

    @abstractmethod
    def to_numpy(self, array: Array) -> np.ndarray:
        """``array`` as a NumPy array on the host; where it is there already, the same memory."""

    @functools.cached_property
    def fused(self) -> bool:
        """Whether what can be one kernel is made one; with ``CUTEDL_XP_FUSED=0`` every operation runs by itself."""
        wanted = os.environ.get(_FUSED) or "1"
        if wanted not in ("0", "1"):
            raise ValueError(f"${_FUSED} must be 1 (fused kernels, as without it) or 0 (none); got {wanted!r}")
        return wanted == "1"

    def why_not_compiled(self) -> str | None:
        """Return why this backend cannot compile training steps, as a sentence, or None if it can."""
        if not self.fused:
            return f"${_FUSED} is 0"
        return None if self.compiles_steps else f"the backend {self.name!r} runs the operations one after the other"

    def why_not_by_default(self) -> str | None:
        """Return why training steps are compiled on request only, as a sentence, or None if they need no request."""
        return None

    def run_steps(
        self, step: StepFunction, state: Tree, constants: Tree, inputs: Tree, count: int
    ) -> tuple[Tree, Callable[[], None]]:
        """Run a chunk of steps.

        Parameters
        ----------
        step
            Step to run. A backend keeps in it what it compiles.
        state
            Arrays that the steps renew. They must not be used again after the call where arrays cannot be written to;
            elsewhere they hold the new values.
        constants
            Arrays that the steps read, the same objects in every chunk.
        inputs
            NumPy arrays of this chunk, of the same shapes and dtypes in every chunk.
        count
            Number of steps, at least 1.

        Returns
        -------
        state, wait
            The new state, and a function that returns when the device has finished the chunk.

        Raises
        ------
        NotCompilable
            If the step cannot be compiled.
        """
        uploaded = map_tree(self.asarray, inputs)
        for k in range(count):
            new = step.function(state, constants, uploaded, k)
            written = [
                target if leaf is target else self.write(target, leaf)
                for target, leaf in zip(flatten(state), flatten(new), strict=True)
            ]
            state = fill(new, written)
        return state, self.synchronize

    def active(self) -> contextlib.AbstractContextManager[object]:
        """Return a context in which the library's current device is this backend's."""
        return contextlib.nullcontext()

    @property
    def float32_products(self) -> str:
        """The format in which matrix products of float32 are computed, with the setting that chose another one."""
        return "float32"

    def synchronize(self) -> None:
        """Wait until the device has done its work; return at once if the library computes synchronously."""

    def ignore_underflow(self) -> contextlib.AbstractContextManager[object]:
        """Return a context in which results too small for their dtype become 0 or subnormal without an error.

        Underflow is harmless in a training. NumPy reports it as an error under ``np.errstate(all="raise")``; other
        libraries never do.
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
            An array of this backend (returned as it is), a NumPy array (keeps its dtype), or numbers and nested
            sequences of numbers (floats become float32).
        dtype
            Dtype to convert to: a name such as ``"float32"``, a NumPy dtype or one of ``xp``.

        Raises
        ------
        TypeError
            If ``obj`` is an array of another library or device, as arrays are never moved implicitly, or a masked
            array or another one whose class has arithmetic of its own.
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
            if dtype is not None:  # converted on the host: a library may lack the dtype, and a copy may be smaller
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
        """The library's own dtype for a name such as ``"float32"``, a NumPy dtype or one of its own."""
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
        """Whether an array's entries can be renewed, in place or as a new array."""
        return True

    def copy(self, array: Array) -> Array:
        """Return ``array`` in memory of its own."""
        return self.xp.asarray(array, copy=True)

    def make_computable(self, array: Array) -> Array:
        """Return ``array`` in a dtype that all functions of the library take; the same array if its dtype is one."""
        return array

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        """How it is copied and pickled: by the device's name, as the library cannot be."""
        return type(self), (self._device_name(self.device),)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Backend) and (self.name, self.device) == (other.name, other.device)

    def __hash__(self) -> int:
        return hash((self.name, str(self.device)))

    def __repr__(self) -> str:
        return f"<backend {self.name} on {self.device}>"
