"""Arrays of the estimators: their backend, and conversions for the model."""

from typing import Any

import array_api_compat
import numpy as np
from sklearn import get_config

from cutedl_xp.backends import Backend, backend_of, get_backend


def choose_backend(backend: Any, device: Any, X: Any) -> Backend:
    """Return the backend of ``backend`` and ``device``, else the backend of dispatched samples, else the default."""
    if backend is None and device is None and is_dispatched(X):
        return backend_of(X)
    return get_backend(backend, device=device)


def is_dispatched(X: Any) -> bool:
    """Return whether ``X`` is an array of another library than NumPy that scikit-learn does not convert."""
    return bool(
        get_config()["array_api_dispatch"] and array_api_compat.is_array_api_obj(X) and not isinstance(X, np.ndarray)
    )


def accepted_dtypes(X: Any, dtype: Any) -> Any:
    """Return the dtypes of samples that scikit-learn keeps: all numbers if the model has a dtype of its own."""
    if dtype is not None:
        return "numeric"
    xp = array_api_compat.array_namespace(X) if is_dispatched(X) else np
    return [xp.float64, xp.float32]


def to_host(array: Any) -> Any:
    """Return an array of any library, or a list, as a NumPy array."""
    on_host = isinstance(array, np.ndarray) or not array_api_compat.is_array_api_obj(array)
    return np.asarray(array) if on_host else backend_of(array).to_numpy(array)


def on_backend(X: Any, backend: Backend) -> Any:
    """Return samples as an array of the backend or of NumPy."""
    return X if backend.owns(X) else to_host(X)


def like_samples(output: Any, X: Any) -> Any:
    """Return an output in the library and on the device of the samples."""
    return backend_of(X).asarray(to_host(output)) if is_dispatched(X) else to_host(output)


def check_same_library(X: Any, fitted: Backend, method: str) -> None:
    """Raise for samples of another library or device than in ``fit``, where scikit-learn does not convert them."""
    if get_config()["array_api_dispatch"] and backend_of(X) != fitted:
        raise ValueError(
            f"Inputs passed to {method}() must use the same namespace and the same device as those passed to fit(), "
            f"{fitted!r}; got {backend_of(X)!r}"
        )
