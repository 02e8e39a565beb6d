"""Array libraries behind one interface; no other part of the package names one of them.

Each library has a module in this package with one class. :func:`get_backend` imports the module on demand.
"""

from cutedl_xp.backends._arrays import check_class, check_together, describe, dtype_name
from cutedl_xp.backends._base import Backend, BackendUnavailable
from cutedl_xp.backends._registry import available_backends, backend_of, get_backend
from cutedl_xp.backends._rules import Elementwise, Rule, is_module_level
from cutedl_xp.backends._steps import NotCompilable, StepFunction, fill, flatten, map_tree

__all__ = [
    "Backend",
    "BackendUnavailable",
    "Elementwise",
    "NotCompilable",
    "Rule",
    "StepFunction",
    "available_backends",
    "backend_of",
    "check_class",
    "check_together",
    "describe",
    "dtype_name",
    "fill",
    "flatten",
    "get_backend",
    "is_module_level",
    "map_tree",
]
