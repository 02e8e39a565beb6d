"""Graphs: the memory to which they refer, and products of cuBLAS in them."""

import ctypes
import importlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import cupy_on_cpu
from cupy_on_cpu.allocations import memory
from cupy_on_cpu.cublas_library import ALLOC_FAILED, EXECUTION_FAILED, SUCCESS
from cupy_on_cpu.errors import KernelFault
from cupy_on_cpu.products import entries

FREED = "^a graph refers to memory that has been freed: keep what its kernels read and write, and the memory pool that "


def doubles(address: int, count: int) -> np.ndarray:
    return entries(address, np.dtype(np.float64), count)


def test_graph_of_freed_memory_is_refused(cupy: Any, stream: Any, refused: Callable[..., Any]) -> None:
    pool = cupy.cuda.MemoryPool()
    with cupy.cuda.using_allocator(pool.malloc):
        x = cupy.zeros(3)
    with stream:
        stream.begin_capture()
        x += 1
        graph = stream.end_capture()
        graph.launch()
        assert x.get().tolist() == [1, 1, 1]
    address = x.data.ptr
    del x
    pool.free_all_blocks()
    assert np.isnan(doubles(address, 3)).all()
    for use in (graph.launch, graph.upload):
        with refused(KernelFault, FREED):
            use()


def test_memory_made_during_a_capture_stays_until_the_graph_ends(cupy: Any, stream: Any) -> None:
    runtime = cupy.cuda.runtime
    stream.begin_capture()
    address = runtime.malloc(24)
    allocation = memory.find(address)
    graph = stream.end_capture()
    runtime.free(address)
    assert np.isnan(doubles(address, 3)).all()
    assert memory.find(address) is None
    del graph
    assert allocation is not None
    assert (allocation.freed, allocation.holders) == (True, 0)


def test_results_of_a_graph_are_there_while_its_pool_is(cupy: Any, stream: Any) -> None:
    pool = cupy.cuda.MemoryPool()
    x = cupy.arange(4.0)
    with stream, cupy.cuda.using_allocator(pool.malloc):
        (x + 1) * 2  # adds free memory to the pool
        stream.begin_capture(cupy.cuda.runtime.streamCaptureModeThreadLocal)
        y = (x + 1) * 2
        graph = stream.end_capture()
        graph.launch()
        assert y.get().tolist() == [2, 4, 6, 8]


def test_launches_that_wait_are_done_before_memory_is_freed(cupy: Any, stream: Any) -> None:
    runtime, x = cupy.cuda.runtime, cupy.zeros(512)
    address = runtime.malloc(4096)
    with stream:
        stream.begin_capture()
        runtime.memsetAsync(address, 0x40, 4096, stream.ptr)
        runtime.memcpyAsync(x.data.ptr, address, 4096, runtime.memcpyDeviceToDevice, stream.ptr)
        graph = stream.end_capture()
        graph.launch()
    del graph
    runtime.free(address)
    assert x.get().view("uint8").tolist() == 4096 * [0x40]


# ---- products ----


class Products:
    """A handle of cuBLAS for direct calls."""

    def __init__(self) -> None:
        found = importlib.import_module("cuda.pathfinder").load_nvidia_dynamic_lib("cublas")
        self.library: Any = ctypes.CDLL(found.abs_path)
        self.handle = ctypes.c_void_p()
        assert self.library.cublasCreate_v2(ctypes.byref(self.handle)) == SUCCESS

    def set_stream(self, stream: Any) -> None:
        assert self.library.cublasSetStream_v2(self.handle, ctypes.c_void_p(stream.ptr)) == SUCCESS

    def set_workspace(self, array: Any) -> None:
        at, size = ctypes.c_void_p(array.data.ptr), ctypes.c_size_t(array.nbytes)
        assert self.library.cublasSetWorkspace_v2(self.handle, at, size) == SUCCESS

    def multiply(self, a: Any, b: Any, out: Any, factor: float = 1.0) -> int:
        n, at_a, at_b, at_out = a.shape[0], *(ctypes.c_void_p(each.data.ptr) for each in (a, b, out))
        alpha, beta = ctypes.c_double(factor), ctypes.c_double(0)
        status: int = self.library.cublasGemmEx(
            self.handle, 0, 0, n, n, n, ctypes.byref(alpha), at_b, 1, n, at_a, 1, n,
            ctypes.byref(beta), at_out, 1, n, 70, -1,
        )  # fmt: skip
        alpha.value = np.nan  # it was read by now
        return status


@pytest.fixture
def products(cupy: Any) -> Iterator[Products]:
    made = Products()
    yield made
    assert made.library.cublasDestroy_v2(made.handle) == SUCCESS


def test_products_are_captured_and_replayed(cupy: Any, stream: Any, products: Products) -> None:
    x, out, workspace = cupy.ones((2, 2)), cupy.zeros((2, 2)), cupy.zeros(1 << 20, "uint8")
    products.set_stream(stream)
    products.set_workspace(workspace)
    cupy_on_cpu.reset_counts()
    with stream:
        stream.begin_capture()
        assert products.multiply(x, x, out, 3.0) == SUCCESS
        graph = stream.end_capture()
        assert out.get().tolist() == [[0, 0], [0, 0]]
        for number in (1, 2):
            x[...] = number
            graph.launch()
            assert out.get().tolist() == 2 * [2 * [6 * number**2]]
    counts = cupy_on_cpu.counts()
    assert (counts.gemms, counts.graphs, counts.captured) == (0, 2, ["gemm"])


def test_products_run_on_the_stream_of_their_handle(cupy: Any, stream: Any, products: Products) -> None:
    x, out = cupy.ones((2, 2)), cupy.zeros((2, 2))
    products.set_stream(stream)
    assert products.multiply(x, x, out) == SUCCESS
    assert out.get(stream=cupy.cuda.Stream.null).tolist() == [[0, 0], [0, 0]]
    stream.synchronize()
    assert out.get().tolist() == [[2, 2], [2, 2]]


@pytest.mark.parametrize("stream_set_after", [False, True])
def test_captured_product_needs_a_workspace(cupy: Any, stream: Any, products: Products, stream_set_after: bool) -> None:
    x, out = cupy.ones((2, 2)), cupy.zeros((2, 2))
    products.set_stream(stream)
    if stream_set_after:
        products.set_workspace(cupy.zeros(1 << 20, "uint8"))
        products.set_stream(stream)
    stream.begin_capture()
    assert products.multiply(x, x, out) == ALLOC_FAILED
    with pytest.raises(cupy.cuda.runtime.CUDARuntimeError, match="cudaErrorStreamCaptureInvalidated"):
        stream.end_capture()


def test_handle_is_neither_made_nor_ended_during_a_capture(cupy: Any, stream: Any, products: Products) -> None:
    library, new = products.library, ctypes.c_void_p()
    for function, argument in (
        (library.cublasCreate_v2, ctypes.byref(new)),
        (library.cublasDestroy_v2, products.handle),
    ):
        stream.begin_capture(cupy.cuda.runtime.streamCaptureModeThreadLocal)
        assert function(argument) == EXECUTION_FAILED
        with pytest.raises(cupy.cuda.runtime.CUDARuntimeError, match="cudaErrorStreamCaptureInvalidated"):
            stream.end_capture()


def test_workspace_is_written_over_and_must_outlive_the_graph(
    cupy: Any, stream: Any, products: Products, refused: Callable[..., Any]
) -> None:
    runtime, x, out = cupy.cuda.runtime, cupy.ones((2, 2)), cupy.zeros((2, 2))
    pool = cupy.cuda.MemoryPool()
    with cupy.cuda.using_allocator(pool.malloc):
        workspace = cupy.zeros(1 << 20, "uint8")
    products.set_stream(stream)
    products.set_workspace(workspace)
    with stream:
        stream.begin_capture()
        assert products.multiply(x, x, out) == SUCCESS
        graph = stream.end_capture()
        graph.launch()
    stream.synchronize()
    assert workspace[:8].get().tolist() == 8 * [255]
    del workspace
    pool.free_all_blocks()
    with refused(KernelFault, FREED):
        graph.launch()
    assert products.multiply(x, x, out) == SUCCESS
    with refused(KernelFault, "^a matrix product uses a workspace that has been freed$"):
        runtime.streamSynchronize(stream.ptr)
