"""Exact counts of requests to a GPU: launches, matrix products and copies."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from cupy_on_cpu.nvrtc import CudaSource


@dataclass
class Counts:
    """Requests to the device since the last :func:`reset_counts`."""

    launches: int = 0  # outside a graph
    gemms: int = 0  # outside a graph
    graphs: int = 0  # launches of graphs
    host_copies: int = 0  # from the device to the host; each waits for the device
    uploads: int = 0  # from the host to the device
    synchronizations: int = 0  # explicit waiting, without host copies
    kernels: list[str] = field(default_factory=list)  # names of the kernels launched outside a graph, in order
    captured: list[str] = field(default_factory=list)  # names of the kernels that were captured, in order


class Counter:
    """Counts, and the CUDA sources of the kernels that are launched while they are recorded."""

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
        """Count another request of a kind of :class:`Counts`, or of none."""
        if captured:
            self.counts.captured.append(name)
        elif kind is not None:
            setattr(self.counts, kind, getattr(self.counts, kind) + 1)

    @contextmanager
    def launched_sources(self) -> Iterator[dict[CudaSource, None]]:
        """Return a context with the distinct sources of the kernels launched or captured in it, in their order."""
        sources: dict[CudaSource, None] = {}
        self._listening.append(sources)
        try:
            yield sources
        finally:
            self._listening = [each for each in self._listening if each is not sources]


counter = Counter()
