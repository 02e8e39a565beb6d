"""What the emulator raises, and a record of it: a test that catches such an error by accident must still fail."""

_raised: list["EmulationError"] = []


class EmulationError(Exception):
    """The emulator cannot go on; no subclass of anything that a library might expect from CuPy."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        _raised.append(self)


class Unsupported(EmulationError):
    """Something that real CuPy does on a GPU and the emulator cannot do."""


class KernelFault(EmulationError):
    """A kernel that would hang, trap or run out of shared memory on a GPU."""


class CompilerError(EmulationError):
    """The C compiler refused what the emulator wrote."""


def take_errors() -> list[EmulationError]:
    """Every error raised since the last call, caught or not."""
    taken = _raised.copy()
    _raised.clear()
    return taken
