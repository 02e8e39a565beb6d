"""What a GPU would have been asked to do: launches, matrix products and copies, counted exactly."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from cupy_on_cpu.nvrtc import CudaSource


@dataclass
class Counts:
    """What was asked of the device since the last :func:`reset_counts`."""

    launches: int = 0
    gemms: int = 0
    host_copies: int = 0  # from the device to the host; each waits for the device
    uploads: int = 0  # from the host to the device
    synchronizations: int = 0  # asked for by name; host copies not among them
    kernels: list[str] = field(default_factory=list)  # the names of what was launched, in order


class Counter:
    """Counts, and the CUDA sources of the kernels that are launched while somebody wants to know."""

    def __init__(self) -> None:
        self.counts = Counts()
        self._listening: list[dict[CudaSource, None]] = []

    def launched(self, kernel: str, source: CudaSource | None) -> None:
        """Count a launch."""
        self.counts.launches += 1
        self.counts.kernels.append(kernel)
        if source is not None:
            for sources in self._listening:
                sources.setdefault(source)

    @contextmanager
    def launched_sources(self) -> Iterator[dict[CudaSource, None]]:
        """A context with the sources of the kernels launched in it so far, each once, in their order."""
        sources: dict[CudaSource, None] = {}
        self._listening.append(sources)
        try:
            yield sources
        finally:
            self._listening = [each for each in self._listening if each is not sources]


counter = Counter()
