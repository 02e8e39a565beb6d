"""Lookup of backends by name, which imports the library."""

import importlib
import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import array_api_compat

from cutedl_xp._checks import format_value
from cutedl_xp.backends._arrays import check_class, describe
from cutedl_xp.backends._base import Backend, BackendUnavailable

_CLASSES: Mapping[str, str] = MappingProxyType(
    {
        "numpy": "NumpyBackend",
        "cupy": "CupyBackend",
        "torch": "TorchBackend",
        "jax": "JaxBackend",
        "array_api_strict": "ArrayApiStrictBackend",
    }
)
_VARIABLE = "CUTEDL_XP_BACKEND"


def get_backend(name: str | Backend | None = None, *, device: str | None = None) -> Backend:
    """Return the backend with a name, or the backend for a kind of device.

    Parameters
    ----------
    name
        Name of a backend: ``"numpy"``, ``"cupy"``, ``"torch"``, ``"jax"`` or ``"array_api_strict"``, or such a name
        with a colon and a device of the library: ``"numpy:cpu"``, ``"cupy:1"``, ``"torch:cuda"``, ``"jax:cpu"``,
        ``"array_api_strict:device1"``. The name ``"cupy"`` selects CuPy's current device. A :class:`Backend` is
        returned as it is. The default is None, the value of the environment variable ``CUTEDL_XP_BACKEND`` if it is
        set, else ``"numpy"``.
    device
        Kind of device: ``"cpu"`` (NumPy), ``"cuda"`` or ``"cuda:1"`` (CuPy), or ``"auto"`` (CuPy if it can use a CUDA
        device, else NumPy). The default is None. Cannot be combined with ``name``.

    Returns
    -------
    Backend
        Backend with its library and device.

    Raises
    ------
    BackendUnavailable
        If the library is not installed or has no device here.
    ValueError
        If no backend or device has the name, or both arguments are given.
    TypeError
        If an argument has another type.

    Examples
    --------
    >>> import cutedl_xp as cdl
    >>> cdl.get_backend("numpy")
    <backend numpy on cpu>
    >>> cdl.get_backend(device="cpu")
    <backend numpy on cpu>
    """
    if name is not None and device is not None:
        raise ValueError(f"give `name` or `device`, not both; got {name!r} and {device!r}")
    if isinstance(name, Backend):
        return name
    if device is not None:
        return _for_device(device)
    if name is not None:
        return _named(name)
    try:
        return _named(os.environ.get(_VARIABLE) or "numpy")
    except (BackendUnavailable, ValueError) as error:
        raise type(error)(f"${_VARIABLE} cannot be used: {error}") from error


def available_backends() -> dict[str, str | None]:
    """Return a dict from the names of all backends to None, or to the reason why a backend cannot be used here.

    Examples
    --------
    >>> import cutedl_xp as cdl
    >>> cdl.available_backends()["numpy"] is None
    True
    """
    return {name: _reason_against(name) for name in _CLASSES}


def backend_of(array: Any) -> Backend:
    """Return the backend that an array belongs to.

    Parameters
    ----------
    array
        Array of a library that has a backend.

    Raises
    ------
    TypeError
        If ``array`` is not an array of a library that has a backend, or its class replaces the library's arithmetic,
        such as that of masked arrays.

    Examples
    --------
    >>> import numpy as np
    >>> from cutedl_xp.backends import backend_of
    >>> backend_of(np.zeros(2))
    <backend numpy on cpu>
    """
    check_class("the array", array)
    if array_api_compat.is_array_api_obj(array):
        namespace = array_api_compat.array_namespace(array).__name__
        name = namespace.removeprefix("array_api_compat.").partition(".")[0]  # JAX has the namespace jax.numpy
        if name in _CLASSES:
            return _backend_class(name).of(array)
    raise TypeError(f"an array of a backend ({', '.join(_CLASSES)}) is needed; got {describe(array)}")


def _named(spec: Any) -> Backend:
    if not isinstance(spec, str):
        raise TypeError(f"`name` must be a backend's name such as 'numpy'; got {format_value(spec)}")
    name, _, device = spec.partition(":")
    if name not in _CLASSES:
        raise ValueError(f"there is no backend {name!r}; the backends are {', '.join(map(repr, _CLASSES))}")
    backend = _backend_class(name)(device or None)
    _ = backend.fused  # refuses a wrong value of $CUTEDL_XP_FUSED
    return backend


def _backend_class(name: str) -> type[Backend]:
    try:
        module = importlib.import_module(f"cutedl_xp.backends.{name}")
    except ImportError as error:
        package = name.replace("_", "-")
        raise BackendUnavailable(f"{package} is not installed: pip install {package}") from error
    backend_class: type[Backend] = getattr(module, _CLASSES[name])
    return backend_class


def _for_device(device: Any) -> Backend:
    if not isinstance(device, str):
        raise TypeError(f"`device` must be 'cpu', 'cuda', 'cuda:N' or 'auto'; got {format_value(device)}")
    kind, _, index = device.partition(":")
    if device == "cpu":
        return _named("numpy")
    if device == "auto":
        return _named("numpy" if _reason_against("cupy") else "cupy")
    if kind == "cuda":
        return _named(f"cupy:{index}" if index else "cupy")
    raise ValueError(f"`device` must be 'cpu', 'cuda', 'cuda:N' or 'auto'; got {device!r}")


def _reason_against(name: str) -> str | None:
    try:
        _named(name)
    except BackendUnavailable as error:
        return str(error)
    return None
