"""Streams: the time of their work, and the values that code reads without waiting."""

import ctypes
from typing import Any

import numpy as np
import pytest

import cupy_on_cpu
from cupy_on_cpu.errors import KernelFault


@pytest.fixture
def aside(cupy: Any) -> Any:
    """Return a stream that is not synchronized with the legacy stream."""
    return cupy.cuda.Stream(non_blocking=True)


def on_host(cupy: Any, x: Any) -> Any:
    """Return the current values, by a copy on the legacy stream."""
    return x.get(stream=cupy.cuda.Stream.null).tolist()


def test_streams_and_events_have_identities(cupy: Any) -> None:
    streams = [cupy.cuda.Stream(), cupy.cuda.Stream(non_blocking=True), cupy.cuda.Stream.null]
    assert len({stream.ptr for stream in streams}) == 3
    assert [stream.is_non_blocking for stream in streams] == [False, True, False]
    events = [cupy.cuda.Event(), cupy.cuda.Event()]
    assert events[0].ptr != events[1].ptr


def test_work_of_a_non_blocking_stream_waits_for_a_synchronization(cupy: Any, aside: Any) -> None:
    x = cupy.zeros(3)
    with aside:
        x += 1
        x += 1
    cupy.cuda.Stream.null.synchronize()
    assert on_host(cupy, x) == [0, 0, 0]
    aside.synchronize()
    assert on_host(cupy, x) == [2, 2, 2]


@pytest.mark.parametrize("wait", ["stream", "device", "event", "copy to the host"])
def test_every_way_to_wait(cupy: Any, aside: Any, wait: str) -> None:
    x = cupy.zeros(3)
    with aside:
        x += 1
        event = aside.record()
        x += 1
    ways = {
        "stream": aside.synchronize,
        "device": cupy.cuda.Device().synchronize,
        "event": event.synchronize,
        "copy to the host": lambda: x.get(stream=aside),
    }
    assert on_host(cupy, x) == [0, 0, 0]
    ways[wait]()
    assert on_host(cupy, x) == (3 * [1] if wait == "event" else 3 * [2])
    aside.synchronize()


def test_the_legacy_stream_and_blocking_streams_keep_their_order(cupy: Any) -> None:
    x, blocking = cupy.zeros(3), cupy.cuda.Stream()
    with blocking:
        x += 1
    assert not blocking.done
    x *= 10
    with blocking:
        x += 2
    assert on_host(cupy, x) == [12, 12, 12]


def test_blocking_streams_have_no_order_among_themselves(cupy: Any) -> None:
    x, first, second = cupy.zeros(3), cupy.cuda.Stream(), cupy.cuda.Stream()
    with first:
        x += 1
    with second:
        x *= 10
    second.synchronize()
    first.synchronize()
    assert on_host(cupy, x) == [1, 1, 1]


def test_a_stream_waits_for_an_event_of_another(cupy: Any, aside: Any) -> None:
    x, later = cupy.zeros(3), cupy.cuda.Stream(non_blocking=True)
    with aside:
        x += 1
        event = aside.record()
        x += 100
    later.wait_event(event)
    with later:
        x *= 10
    later.synchronize()
    assert on_host(cupy, x) == [10, 10, 10]
    aside.synchronize()
    assert on_host(cupy, x) == [110, 110, 110]


def test_the_legacy_stream_waits_for_an_event(cupy: Any, aside: Any) -> None:
    x = cupy.zeros(3)
    with aside:
        x += 1
        event = aside.record()
        x += 1
    cupy.cuda.Stream.null.wait_event(event)
    assert on_host(cupy, x) == [1, 1, 1]
    aside.synchronize()


def test_an_event_is_over_after_the_work_before_it(cupy: Any, aside: Any) -> None:
    x = cupy.zeros(3)
    with aside:
        x += 1
        event = aside.record()
    assert not event.done
    for _ in range(5):  # repeated queries end
        event.done  # noqa: B018
    assert event.done
    assert aside.done
    assert cupy.cuda.Event().done


def test_arguments_are_those_of_the_launch(cupy: Any, aside: Any) -> None:
    kernel = cupy.RawKernel(
        'extern "C" __global__ void put(float *x, double a, char b) { x[threadIdx.x] = a + b; }', "put"
    )
    x = cupy.zeros(2, "float32")
    number = np.array(2.5)
    with aside:
        kernel((1,), (2,), (x, number[()], np.int8(1)))
        number[...] = 9
    aside.synchronize()
    assert on_host(cupy, x) == [3.5, 3.5]


def test_products_wait_for_their_turn(cupy: Any, aside: Any) -> None:
    x, out = cupy.ones((2, 2)), cupy.zeros((2, 2))
    with aside:
        cupy.matmul(x, x, out=out)
        x += 1
    assert on_host(cupy, out) == [[0, 0], [0, 0]]
    aside.synchronize()
    assert on_host(cupy, out) == [[2, 2], [2, 2]]


def test_copies_of_pageable_memory_are_done_with_it_when_they_return(cupy: Any, aside: Any) -> None:
    x, host = cupy.zeros(3), np.arange(3.0)
    with aside:
        x.data.copy_from_host_async(host.ctypes.data, host.nbytes, aside)
        host[:] = 7
        assert on_host(cupy, x) == [0, 0, 0]
        x += 1
        x.data.copy_to_host_async(host.ctypes.data, host.nbytes, aside)
    assert host.tolist() == [1, 2, 3]


def test_copies_of_pinned_memory_wait_for_their_turn(cupy: Any, aside: Any) -> None:
    x, pinned = cupy.zeros(3), cupy.cuda.alloc_pinned_memory(24)
    host = np.frombuffer(pinned, np.float64, 3)
    host[:] = 5
    with aside:
        x.data.copy_from_host_async(pinned.ptr, 24, aside)
        x += 1
    host[:] = 6
    aside.synchronize()
    assert on_host(cupy, x) == [7, 7, 7]


def test_memory_is_set_in_order(cupy: Any, aside: Any) -> None:
    x = cupy.ones(3)
    x.data.memset_async(0, x.nbytes, aside)
    assert on_host(cupy, x) == [1, 1, 1]
    aside.synchronize()
    assert on_host(cupy, x) == [0, 0, 0]


def test_memory_that_is_freed_before_its_use(cupy: Any, aside: Any) -> None:
    runtime = cupy.cuda.runtime
    at, x = runtime.malloc(4096), cupy.zeros(512)
    runtime.memsetAsync(at, 0x40, 4096, aside.ptr)
    runtime.memcpyAsync(x.data.ptr, at, 4096, runtime.memcpyDeviceToDevice, aside.ptr)
    runtime.free(at)  # waits for the device
    assert x.get().view("uint8").tolist() == 4096 * [0x40]


def test_arrays_that_end_before_their_turn(cupy: Any, aside: Any) -> None:
    with aside:
        total = cupy.zeros(1000)
        for number in range(5):
            total = total + cupy.full(1000, number)
    assert total.get(stream=aside).tolist() == 1000 * [10]


def test_stream_that_ends_does_its_work(cupy: Any) -> None:
    x, stream = cupy.zeros(3), cupy.cuda.Stream(non_blocking=True)
    with stream:
        x += 1
    del stream
    assert on_host(cupy, x) == [1, 1, 1]


def test_kernel_that_fails_later_is_an_error_of_the_waiting(cupy: Any, aside: Any, refused: Any) -> None:
    kernel = cupy.RawKernel('extern "C" __global__ void stop() { asm("trap;"); }', "stop")
    kernel.compile()
    with aside:
        kernel((1,), (1,), ())
    with refused(KernelFault, "^the kernel 'stop' cannot continue: it executed a trap$"):
        aside.synchronize()


def test_requests_are_counted_when_they_are_made(cupy: Any, aside: Any) -> None:
    x = cupy.ones((2, 2))
    x + x
    cupy_on_cpu.reset_counts()
    with aside:
        x + x
        x @ x
        cupy.asarray(np.ones(3))
    counts = cupy_on_cpu.counts()
    assert (counts.launches, counts.gemms, counts.uploads, counts.graphs, counts.captured) == (1, 1, 1, 0, [])
    aside.synchronize()
    counts = cupy_on_cpu.counts()
    assert (counts.launches, counts.gemms, counts.uploads, counts.synchronizations) == (1, 1, 1, 1)


def test_handle_of_no_stream(cupy: Any) -> None:
    runtime = cupy.cuda.runtime
    for call in (runtime.streamSynchronize, runtime.streamDestroy, lambda handle: runtime.eventRecord(handle, 0)):
        with pytest.raises(runtime.CUDARuntimeError, match="cudaErrorInvalidResourceHandle"):
            call(12345)
    buffer = ctypes.create_string_buffer(8)
    with pytest.raises(cupy.cuda.runtime.CUDARuntimeError, match="cudaErrorInvalidResourceHandle"):
        runtime.memcpyAsync(ctypes.addressof(buffer), ctypes.addressof(buffer), 8, 0, 12345)
