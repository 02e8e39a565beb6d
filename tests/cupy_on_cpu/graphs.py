"""Graphs of captured work, which are launched as a whole."""

import itertools
from dataclasses import dataclass
from pathlib import Path

from cupy_on_cpu import captures
from cupy_on_cpu.allocations import Allocation, memory
from cupy_on_cpu.captures import Capture, Work, cuda_error
from cupy_on_cpu.errors import KernelFault

_FIRST_HANDLE = 1 << 28
_VERBOSE = 1  # of cudaGraphDebugDotFlags


@dataclass(frozen=True)
class Graph:
    """Work in its order, and the memory to which it refers."""

    works: tuple[Work, ...]
    held: tuple[Allocation, ...]

    def as_work(self) -> Work:
        """Return the launch of the graph, whose memory must still be there.

        Raises
        ------
        KernelFault
            If the graph refers to memory that has been freed.
        """
        if any(allocation.freed for allocation in self.held):
            raise KernelFault(
                "a graph refers to memory that has been freed: keep what its kernels read and write, "
                "and the memory pool that it was captured with, until the graph has ended"
            )
        return Work("graph", self._run, tuple(allocation.start for allocation in self.held))

    def _run(self) -> None:
        for work in self.works:
            work.run()


class Graphs:
    """All graphs and all executable graphs by their handles."""

    def __init__(self) -> None:
        self._handles = itertools.count(_FIRST_HANDLE)
        self._graphs: dict[int, Graph] = {}

    def add(self, capture: Capture) -> int:
        """Make a graph of a capture and return its handle."""
        return self._add(Graph(tuple(capture.works), tuple(capture.held)))

    def instantiate(self, handle: int) -> int:
        """Return the handle of an executable graph, made from another graph."""
        graph = self[handle]
        return self._add(Graph(graph.works, tuple(memory.hold_again(graph.held))))

    def destroy(self, handle: int) -> None:
        """End a graph."""
        memory.release(self[handle].held)
        del self._graphs[handle]

    def print_dot(self, handle: int, path: str, flags: int) -> None:
        """Write the nodes of a graph in their order, in the language of Graphviz."""
        nodes = (f'"{number}" [label="{work.name}"];' for number, work in enumerate(self[handle].works))
        detail = "// as emulated" if flags & _VERBOSE else ""
        Path(path).write_text("\n".join(["digraph dot {", *nodes, detail, "}"]), encoding="utf-8")

    def __getitem__(self, handle: int) -> Graph:
        if handle not in self._graphs:
            raise cuda_error(captures.INVALID_HANDLE)
        return self._graphs[handle]

    def _add(self, graph: Graph) -> int:
        handle = next(self._handles)
        self._graphs[handle] = graph
        return handle
