"""The libraries that a process has loaded, and their numbers of threads."""

import importlib.metadata
import sys

_NAMED = ("numpy", "numba", "jax", "optax", "torch", "keras", "thinc", "scikit-learn")
_MODULES = {"scikit-learn": "sklearn"}


def loaded() -> str:
    """Return a description of versions and threads."""
    versions = [
        f"{name} {importlib.metadata.version(name)}" for name in _NAMED if sys.modules.get(_MODULES.get(name, name))
    ]
    return "; ".join([", ".join(versions), *_threads()])


def _threads() -> list[str]:
    found = []
    torch = sys.modules.get("torch")
    if torch is not None:
        found.append(f"PyTorch's threads: {torch.get_num_threads()}")
    try:
        import threadpoolctl
    except ImportError:
        return found
    pools = {f"{pool['internal_api']} {pool['num_threads']}" for pool in threadpoolctl.threadpool_info()}
    return [*found, *([f"pools of threads: {', '.join(sorted(pools))}"] if pools else [])]
