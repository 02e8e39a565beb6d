"""Settings of libraries for several commands."""

import os


def share_gpu_memory() -> None:
    """Set JAX to allocate GPU memory on demand, unless the user has set it; call this before any backend is probed.

    By default JAX reserves three quarters of the GPU's memory at its first operation, which leaves one quarter to CuPy
    and PyTorch in the same process.
    """
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
