"""Calls that a capture forbids, with the errors of a GPU, and allowed calls."""

import contextlib
import gc
import importlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from cupy_on_cpu.allocations import memory
from cupy_on_cpu.errors import Unsupported

UNSUPPORTED = "cudaErrorStreamCaptureUnsupported: operation not permitted when stream is capturing"


@contextlib.contextmanager
def invalidated(stream: Any, mode: int | None = None) -> Iterator[None]:
    """Return a context with a capture that becomes invalid."""
    runtime = importlib.import_module("cupy").cuda.runtime
    with stream:
        stream.begin_capture(mode)
        yield
        with pytest.raises(RuntimeError, match="an error has invalidated the capture sequence"):
            stream.is_capturing()
        with pytest.raises(runtime.CUDARuntimeError, match="cudaErrorStreamCaptureInvalidated"):
            stream.end_capture()
    assert not stream.is_capturing()
    stream.synchronize()


def test_waiting_invalidates(cupy: Any, stream: Any, thread_local: int) -> None:
    event, other = cupy.cuda.Event(), cupy.cuda.Stream(non_blocking=True)
    ways = (stream.synchronize, cupy.cuda.Device().synchronize)
    for mode, wait in [
        *((mode, wait) for mode in (None, thread_local) for wait in ways),
        (thread_local, event.synchronize),
        (thread_local, other.synchronize),
    ]:
        with invalidated(stream, mode), pytest.raises(cupy.cuda.runtime.CUDARuntimeError, match=UNSUPPORTED) as caught:
            wait()
        assert caught.value.status == 900


def test_asking_whether_it_is_done_invalidates(cupy: Any, stream: Any, thread_local: int) -> None:
    with invalidated(stream):
        assert cupy.cuda.runtime.streamQuery(stream.ptr) == 900
    with invalidated(stream):
        assert cupy.cuda.runtime.eventQuery(stream.record().ptr) == 907
    with invalidated(stream, thread_local):
        assert cupy.cuda.runtime.eventQuery(cupy.cuda.Event().ptr) == 900


@pytest.mark.parametrize("name", ["malloc", "free", "hostAlloc", "freeHost", "memcpy"])
def test_memory_is_left_alone(cupy: Any, stream: Any, thread_local: int, name: str) -> None:
    runtime, x = cupy.cuda.runtime, cupy.ones(3)
    memory = runtime.malloc(8)
    arguments = {"malloc": (8,), "hostAlloc": (8, 0), "memcpy": (x.data.ptr, x.data.ptr, 8, 3)}.get(name, (memory,))
    with invalidated(stream, thread_local), pytest.raises(runtime.CUDARuntimeError, match=UNSUPPORTED):
        getattr(runtime, name)(*arguments)
    runtime.free(memory)


def test_a_pool_with_room_gives_memory_and_one_without_does_not(cupy: Any, stream: Any, thread_local: int) -> None:
    pool = cupy.cuda.MemoryPool()
    with cupy.cuda.using_allocator(pool.malloc):
        with stream:
            cupy.empty(3)
            stream.begin_capture(thread_local)
            cupy.empty(3)
            stream.end_capture()
        with invalidated(stream, thread_local), pytest.raises(cupy.cuda.runtime.CUDARuntimeError, match=UNSUPPORTED):
            cupy.empty(1 << 20)


def test_relaxed_capture_may_allocate(cupy: Any, stream: Any) -> None:
    with stream:
        stream.begin_capture()
        cupy.cuda.runtime.free(cupy.cuda.runtime.malloc(8))
        stream.end_capture()


def test_invalid_capture_leaves_no_memory_reserved(cupy: Any, stream: Any) -> None:
    x = cupy.ones(3)
    x += 1
    allocation = memory.find(x.data.ptr)
    assert allocation is not None
    before = allocation.holders
    with invalidated(stream):
        x += 1
        assert allocation.holders == before + 1
        stream.done  # noqa: B018
    assert allocation.holders == before


def test_another_thread_may_do_as_it_likes_unless_the_capture_is_global(
    cupy: Any, stream: Any, thread_local: int
) -> None:
    def in_a_thread(function: Callable[[], Any]) -> list[str]:
        errors: list[str] = []

        def run() -> None:
            try:
                function()
            except cupy.cuda.runtime.CUDARuntimeError as error:
                errors.append(str(error))

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        return errors

    runtime = cupy.cuda.runtime
    with stream:
        stream.begin_capture(thread_local)
        assert in_a_thread(lambda: runtime.free(runtime.malloc(8))) == []
        assert in_a_thread(stream.end_capture)[0].startswith("cudaErrorStreamCaptureWrongThread")
        stream.end_capture()
    with invalidated(stream, runtime.streamCaptureModeGlobal):
        assert in_a_thread(lambda: runtime.malloc(8)) == [UNSUPPORTED]


def test_copies_of_pageable_memory_are_refused(cupy: Any, stream: Any) -> None:
    runtime, x, host = cupy.cuda.runtime, cupy.ones(3), np.ones(3)
    for to, source, kind in ((x.data.ptr, host.ctypes.data, 1), (host.ctypes.data, x.data.ptr, 2)):
        with invalidated(stream), pytest.raises(runtime.CUDARuntimeError, match=UNSUPPORTED):
            runtime.memcpyAsync(to, source, 24, kind, stream.ptr)


def test_cupy_itself_refuses_copies_of_the_host(cupy: Any, stream: Any) -> None:
    x = cupy.ones(3)
    with stream:
        stream.begin_capture()
        with pytest.raises(RuntimeError, match="the current stream is capturing, so D2H transfers are disallowed"):
            x.get()
        with pytest.raises(RuntimeError, match="the current stream is capturing, so H2D transfers are disallowed"):
            cupy.asarray(np.ones(3))
        stream.end_capture()


def test_copy_of_pinned_memory_is_captured(cupy: Any, stream: Any) -> None:
    runtime, x, pinned = cupy.cuda.runtime, cupy.ones(3), cupy.cuda.alloc_pinned_memory(24)
    host = np.frombuffer(pinned, np.float64, 3)
    with stream:
        stream.begin_capture()
        runtime.memcpyAsync(x.data.ptr, pinned.ptr, 24, runtime.memcpyHostToDevice, stream.ptr)
        graph = stream.end_capture()
        for number in (5, 6):
            host[:] = number
            graph.launch()
            assert x.get().tolist() == 3 * [number]


def test_module_is_not_loaded(cupy: Any, stream: Any, thread_local: int) -> None:
    kernel = cupy.RawKernel('extern "C" __global__ void not_loaded_yet() {}', "not_loaded_yet")
    match = "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED: operation not permitted when stream is capturing"
    with invalidated(stream, thread_local), pytest.raises(cupy.cuda.driver.CUDADriverError, match=match) as caught:
        kernel((1,), (1,), ())
    assert caught.value.status == 900
    kernel((1,), (1,), ())


def test_launch_into_an_invalid_capture_is_an_error(cupy: Any, stream: Any) -> None:
    x = cupy.ones(3)
    x += 1
    with invalidated(stream):
        stream.done  # noqa: B018
        with pytest.raises(cupy.cuda.driver.CUDADriverError, match="CUDA_ERROR_STREAM_CAPTURE_INVALIDATED"):
            x += 1


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_graph_that_ends_during_a_capture_invalidates_it(cupy: Any, stream: Any, thread_local: int) -> None:
    with stream:
        stream.begin_capture()
        graph = stream.end_capture()
    with invalidated(stream, thread_local):
        del graph
        gc.collect()


def test_the_legacy_stream_depends_on_a_blocking_stream(cupy: Any) -> None:
    x, blocking = cupy.ones(3), cupy.cuda.Stream()
    x += 1
    runtime = cupy.cuda.runtime
    with blocking:
        blocking.begin_capture()
        with pytest.raises(runtime.CUDARuntimeError, match="cudaErrorStreamCaptureImplicit"):
            cupy.cuda.Stream.null.is_capturing()
        x += 1
        graph = blocking.end_capture()
    graph.launch(blocking)
    assert x.get().tolist() == [3, 3, 3]
    implicit = pytest.raises(cupy.cuda.driver.CUDADriverError, match="CUDA_ERROR_STREAM_CAPTURE_IMPLICIT")
    with invalidated(blocking), implicit, cupy.cuda.Stream.null:
        x += 1
    with invalidated(blocking), pytest.raises(runtime.CUDARuntimeError, match="cudaErrorStreamCaptureImplicit"):
        runtime.memsetAsync(x.data.ptr, 0, 8, 0)


def test_captures_begin_once_and_end_once(cupy: Any, stream: Any) -> None:
    runtime = cupy.cuda.runtime
    with pytest.raises(runtime.CUDARuntimeError, match="cudaErrorIllegalState"):
        stream.end_capture()
    stream.begin_capture()
    with pytest.raises(runtime.CUDARuntimeError, match="cudaErrorIllegalState"):
        stream.begin_capture()
    stream.end_capture()
    with pytest.raises(runtime.CUDARuntimeError, match="cudaErrorStreamCaptureUnsupported"):
        runtime.streamBeginCapture(1)
    with pytest.raises(runtime.CUDARuntimeError, match="cudaErrorInvalidResourceHandle"):
        runtime.graphLaunch(0, 0)


def test_event_from_outside_cannot_be_waited_for(cupy: Any, stream: Any) -> None:
    event = cupy.cuda.Stream(non_blocking=True).record()
    isolation = pytest.raises(cupy.cuda.runtime.CUDARuntimeError, match="cudaErrorStreamCaptureIsolation")
    with invalidated(stream), isolation:
        stream.wait_event(event)


def test_second_stream_is_not_captured(cupy: Any, stream: Any, refused: Callable[..., Any]) -> None:
    with stream:
        stream.begin_capture()
        event = stream.record()
        stream.wait_event(event)
        with refused(Unsupported, "^the capture of several streams in one graph cannot be emulated: keep the work on"):
            cupy.cuda.Stream(non_blocking=True).wait_event(event)
        stream.end_capture()


def test_products_of_cupy_are_refused_as_by_the_real_one(cupy: Any, stream: Any) -> None:
    x = cupy.ones((3, 3), "float32")
    with stream:
        stream.begin_capture()
        match = "^calling cuBLAS API during stream capture is currently unsupported$"
        with pytest.raises(NotImplementedError, match=match):
            x @ x
        assert "label" not in stream.end_capture().debug_dot_str()
