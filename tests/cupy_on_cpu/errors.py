"""Errors of the emulator, and their record: a test that catches such an error by accident must still fail."""

_raised: list["EmulationError"] = []


class EmulationError(Exception):
    """The emulator cannot continue; not a subclass of any error that a library might expect from CuPy."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        _raised.append(self)


class Unsupported(EmulationError):
    """A request that the emulator does not support, unlike CuPy on a GPU."""


class KernelFault(EmulationError):
    """A kernel that would hang, trap or run out of shared memory on a GPU."""


class CompilerError(EmulationError):
    """The C compiler cannot compile the emulator's program."""


def take_errors() -> list[EmulationError]:
    """Return every error raised since the last call, caught or not."""
    taken = _raised.copy()
    _raised.clear()
    return taken
