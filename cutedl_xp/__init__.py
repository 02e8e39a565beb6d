"""A small deep-learning trainer written once against the Python Array API."""

from cutedl_xp.backends import Backend, BackendUnavailable, available_backends, get_backend
from cutedl_xp.parameter import Parameter

__all__ = ["Backend", "BackendUnavailable", "Parameter", "available_backends", "get_backend"]
