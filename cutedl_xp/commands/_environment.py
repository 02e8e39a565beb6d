"""Settings of libraries that several commands need."""

import os


def share_gpu_memory() -> None:
    """Let JAX take GPU memory as it needs it, unless the user has chosen; call it before any backend is probed.

    By default JAX reserves three quarters of the GPU at its first operation, which leaves one quarter to CuPy and
    PyTorch in the same process.
    """
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
