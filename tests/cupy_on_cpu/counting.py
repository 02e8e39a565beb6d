"""What a GPU would have been asked to do: launches, matrix products and copies, counted exactly."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from cupy_on_cpu.nvrtc import CudaSource


@dataclass
class Counts:
    """What was asked of the device since the last :func:`reset_counts`."""

    launches: int = 0  # outside a graph
    gemms: int = 0  # outside a graph
    graphs: int = 0  # launches of graphs
    host_copies: int = 0  # from the device to the host; each waits for the device
    uploads: int = 0  # from the host to the device
    synchronizations: int = 0  # asked for by name; host copies not among them
    kernels: list[str] = field(default_factory=list)  # the names of what was launched outside a graph, in order
    captured: list[str] = field(default_factory=list)  # the names of what was captured instead of run, in order


class Counter:
    """Counts, and the CUDA sources of the kernels that are launched while somebody wants to know."""

    def __init__(self) -> None:
        self.counts = Counts()
        self._listening: list[dict[CudaSource, None]] = []

    def launched(self, kernel: str, source: CudaSource | None, *, captured: bool) -> None:
        """Count a launch."""
        if captured:
            self.counts.captured.append(kernel)
        else:
            self.counts.launches += 1
            self.counts.kernels.append(kernel)
        if source is not None:
            for sources in self._listening:
                sources.setdefault(source)

    def asked(self, name: str, kind: str | None, *, captured: bool) -> None:
        """Count anything else, of a kind of :class:`Counts` or of none."""
        if captured:
            self.counts.captured.append(name)
        elif kind is not None:
            setattr(self.counts, kind, getattr(self.counts, kind) + 1)

    @contextmanager
    def launched_sources(self) -> Iterator[dict[CudaSource, None]]:
        """A context with the sources of the kernels launched or captured in it so far, each once, in their order."""
        sources: dict[CudaSource, None] = {}
        self._listening.append(sources)
        try:
            yield sources
        finally:
            self._listening = [each for each in self._listening if each is not sources]


counter = Counter()
