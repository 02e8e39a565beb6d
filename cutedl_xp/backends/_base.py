"""What every backend answers, and how it does the work that a library may do better in its own way."""

import functools
import operator
import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from math import prod
from typing import Any, ClassVar

import array_api_compat
import numpy as np

from cutedl_xp import _numerics
from cutedl_xp._typing import Array, Namespace
from cutedl_xp.backends._arrays import describe, dtype_name, host_array
from cutedl_xp.backends._rules import Elementwise, Rule, rule_outputs, with_decay

_FUSED = "CUTEDL_XP_FUSED"
_DTYPES = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64")


class BackendUnavailable(RuntimeError):
    """The backend exists but cannot be had here; the message says why and what to do."""


class Backend(ABC):
    """One array library on one device.

    Attributes
    ----------
    name
        What :func:`get_backend` calls it, such as ``"numpy"``.
    xp
        The library's namespace with the functions of the Array API standard.
    device
        The device that its arrays live on, as the library names it.
    version
        The library's version.
    has_views
        Whether arrays can be written to, and a part of one shares its memory.

    reduces_runs
        Whether sums over several arrays that lie in one run are sums over the run.

    The methods after :meth:`synchronize` have a default written against the standard. A backend replaces one
    where its library does the same in fewer passes; it never changes what is computed.
    """

    name: str
    xp: Namespace
    device: Any
    version: str
    has_views: ClassVar[bool] = True
    reduces_runs: ClassVar[bool] = False

    def __init__(self, device: str | None = None) -> None:
        """The backend on the library's default device, or on the one named after the colon in its name."""

    @classmethod
    def of(cls, array: Array) -> "Backend":
        """The backend on the device that ``array`` lives on."""
        return cls(cls._device_name(array.device))

    @classmethod
    def _device_name(cls, device: Any) -> str:
        """What the constructor is given for a device of the library."""
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

    def synchronize(self) -> None:
        """Wait until everything asked of the device is done; libraries that work at once return immediately."""

    def asarray(self, obj: Any, dtype: Any = None) -> Array:
        """``obj`` as an array of this backend.

        Parameters
        ----------
        obj
            An array of this backend (returned as it is), a NumPy array (keeps its dtype), or numbers and nested
            sequences of numbers (floats become float32).
        dtype
            The dtype to convert to: a name such as ``"float32"``, a NumPy dtype or one of ``xp``.

        Raises
        ------
        TypeError
            If ``obj`` is an array of another library or device. Moving it is never implicit.
        """
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
                host = host.astype(dtype_name(self.dtype(dtype)), copy=False)
            elif host.dtype == np.float64 and not array_api_compat.is_numpy_array(obj):
                host = host.astype(np.float32)  # Python floats become the package's default
            return self._from_numpy(host)
        return array if dtype is None else self.convert(array, self.dtype(dtype), None)

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

    def matmul(self, a: Array, b: Array, out: Array | None = None) -> Array:
        """The matrix product of ``a`` and ``b``, in ``out`` where the library can write it there."""
        return self.xp.matmul(a, b)

    def sum(self, array: Array, axis: int | None = None, keepdims: bool = False, out: Array | None = None) -> Array:
        """The sum along an axis or of all entries, in ``out`` where the library can write it there."""
        return self.xp.sum(array, axis=axis, keepdims=keepdims)

    def scaled_squares(self, arrays: Sequence[Array]) -> tuple[Any, Array]:
        """Return a scale and a sum of squares; the scale times the root of the sum is the norm of all entries together.

        Entries are divided by the largest absolute value first, so that no square overflows or underflows.

        Parameters
        ----------
        arrays
            At least one, of one dtype.
        """
        filled = [array for array in arrays if prod(array.shape)]
        if not filled:
            return 1.0, self.sum(arrays[0])
        largest = [self.xp.max(self.elementwise(_absolute, array)) for array in filled]
        scale = self.elementwise(_finite_scale, functools.reduce(self.xp.maximum, largest))
        squares = [self.sum(self.elementwise(_scaled_square, array, scale)) for array in filled]
        return scale, functools.reduce(operator.add, squares)

    def write(self, target: Array, source: Array) -> Array:
        """Copy ``source`` over ``target``, of the same shape and dtype, and return the array that holds it now."""
        target[...] = source
        return target

    def copy(self, array: Array) -> Array:
        """``array`` in memory of its own."""
        return self.xp.asarray(array, copy=True)

    def convert(self, array: Array, dtype: Any, scale: float | None) -> Array:
        """``array`` converted to ``dtype`` and multiplied by ``scale``; the same array where neither changes it."""
        converted = array if array.dtype == dtype else self.xp.astype(array, dtype)
        return converted if scale is None else converted * scale

    def elementwise(self, function: Elementwise, *arguments: Any) -> Any:
        """``function(xp, *arguments)``, as one kernel where the library can make one of it.

        Parameters
        ----------
        function
            Compiled once for each, and kept: one that lives as long as the program.
        arguments
            Arrays whose shapes go together, of the dtype to compute in first, and Python numbers.
        """
        return function(self.xp, *arguments)

    def add_bias(self, product: Array, bias: Array, function: Elementwise) -> Array:
        """``function(xp, product + bias)``, which may take the memory of ``product``, of shape (samples, units)."""
        added: Array = self.elementwise(_of_sum(function), product, bias)
        return added

    def add_bias_backward(
        self, function: Elementwise, y: Array, gradient: Array, out: Array | None = None
    ) -> tuple[Array, Array]:
        """The gradients of what :meth:`add_bias` takes: of the product, and of the bias, which is its sum over samples.

        Parameters
        ----------
        function
            ``function(xp, y, gradient)``, the derivative of the function that made y.
        y, gradient
            What it made, and the gradient of that; both of shape (samples, units).
        out
            Where the bias's may be written.
        """
        dz: Array = self.elementwise(function, y, gradient)
        return dz, self.sum(dz, axis=0, out=out)

    def softmax_crossentropy(self, y_true: Array, logits: Array, scale: float) -> tuple[Array, Array]:
        """The sum of -y log softmax(z), times ``scale``, and its gradient (softmax(z) sum(y) - y) * ``scale``.

        Parameters
        ----------
        y_true, logits
            y and z, of one shape ``(..., classes)`` and one dtype.
        scale
            Such as one over the number of samples.
        """
        xp = self.xp
        largest = xp.max(logits, axis=-1, keepdims=True)
        shifted, exponentials = self.elementwise(_numerics.exponentials, logits, largest)
        total = self.sum(exponentials, axis=-1, keepdims=True)
        weight = self.sum(y_true, axis=-1, keepdims=True)
        terms, gradient = self.elementwise(
            _numerics.crossentropy_terms, y_true, shifted, exponentials, total, weight, scale
        )
        return self.sum(terms) * -scale, gradient

    def apply_rule(
        self, rule: Rule, arrays: Sequence[Array], scalars: Sequence[Any], decay: float = 0.0, *, donate: bool = False
    ) -> Sequence[Array]:
        """Run an optimizer's elementwise rule once.

        Parameters
        ----------
        rule
            Called as ``rule(xp, *arrays, *scalars)``, returns the new ``(w, *state)``. Its gradient includes the weight
            decay.
        arrays
            ``(w, g, *state)``, all of one shape and dtype.
        scalars
            Python floats, or arrays of no axes and of the same dtype.
        decay
            The gradient becomes ``g + decay * w`` first.
        donate
            Whether the results are written over w and the state, where arrays can be written to.

        Returns
        -------
        sequence of arrays
            The new ``(w, *state)``: with ``donate`` the same arrays, where they can be written to.
        """
        results, dtype = self._run_rule(rule, arrays, scalars, decay), arrays[0].dtype
        outputs = rule_outputs(arrays)
        if donate:
            return [self.write(target, result) for target, result in zip(outputs, results, strict=True)]
        # A traced scalar may have promoted them
        return [
            result if result.dtype == dtype else self.xp.astype(result, dtype)
            for _, result in zip(outputs, results, strict=True)
        ]

    def _run_rule(
        self, rule: Rule, arrays: Sequence[Array], scalars: Sequence[float], decay: float
    ) -> tuple[Array, ...]:
        return with_decay(rule, decay != 0.0)(self.xp, *arrays, *scalars, decay)

    def without_subnormals(self, array: Array) -> Array:
        """``array`` with 0 for numbers too small to be normal ones of its dtype, in its own memory where that can be.

        A processor takes longer to compute with those, some a hundred times as long.
        """
        smallest = float(self.xp.finfo(array.dtype).smallest_normal)
        return self.write(array, self.elementwise(_zero_below, array, smallest))

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        """How it is copied and pickled: by the device's name, as the library cannot be."""
        return type(self), (self._device_name(self.device),)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Backend) and (self.name, self.device) == (other.name, other.device)

    def __hash__(self) -> int:
        return hash((self.name, str(self.device)))

    def __repr__(self) -> str:
        return f"<backend {self.name} on {self.device}>"


def _absolute(xp: Namespace, x: Array) -> Array:
    return xp.abs(x)


def _finite_scale(xp: Namespace, largest: Array) -> Array:
    return xp.where(xp.isfinite(largest) & (largest > 0), largest, 1.0)


def _scaled_square(xp: Namespace, x: Array, scale: Array) -> Array:
    return (x / scale) * (x / scale)


def _zero_below(xp: Namespace, x: Array, smallest: float) -> Array:
    return xp.where(xp.abs(x) < smallest, 0.0, x)


@functools.cache
def _of_sum(function: Elementwise) -> Elementwise:
    """A function of the sum of two arrays, the same one each time."""

    def of_sum(xp: Namespace, x: Array, y: Array) -> Any:
        return function(xp, x + y)

    of_sum.__name__ = f"{function.__name__}_of_sum"
    return of_sum
