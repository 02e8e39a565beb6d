"""Captures: recorded work, its execution, and its counts."""

from typing import Any

import cupy_on_cpu


def test_captured_work_runs_when_the_graph_is_launched_and_each_time(cupy: Any, stream: Any) -> None:
    x = cupy.zeros(3)
    x += 1
    with stream:
        stream.begin_capture()
        assert stream.is_capturing()
        assert not cupy.cuda.Stream.null.is_capturing()
        x += 1
        x *= 2
        graph = stream.end_capture()
        stream.synchronize()
        assert x.get().tolist() == [1, 1, 1]
        graph.upload()
        graph.launch()
        assert x.get().tolist() == [4, 4, 4]
    graph.launch(cupy.cuda.Stream.null)
    assert x.get().tolist() == [10, 10, 10]


def test_a_launch_is_done_in_order(cupy: Any, stream: Any) -> None:
    x = cupy.zeros(3)
    with stream:
        stream.begin_capture()
        x += 1
        graph = stream.end_capture()
        graph.launch()
        graph.launch()
        del graph
    assert x.get(stream=cupy.cuda.Stream.null).tolist() == [0, 0, 0]
    stream.synchronize()
    assert x.get(stream=cupy.cuda.Stream.null).tolist() == [2, 2, 2]


def test_work_requested_before_a_capture_is_not_part_of_it(cupy: Any, stream: Any) -> None:
    x = cupy.zeros(3)
    with stream:
        x += 1
        stream.begin_capture()
        x *= 10
        graph = stream.end_capture()
        graph.launch()
        assert x.get().tolist() == [10, 10, 10]


def test_arguments_are_those_of_the_capture(cupy: Any, stream: Any) -> None:
    x, counter = cupy.zeros(3), cupy.zeros((), "int64")
    with stream:
        stream.begin_capture()
        for number in (2.0, 3.0):
            x += number
        counter += 1
        graph = stream.end_capture()
        for _ in range(3):
            graph.launch()
        assert x.get().tolist() == [15, 15, 15]
        assert counter.get() == 3


def test_copies_on_the_device_and_settings_of_memory_are_captured(cupy: Any, stream: Any) -> None:
    x, y = cupy.arange(3.0), cupy.ones(3)
    with stream:
        stream.begin_capture()
        y.data.copy_from_device_async(x.data, x.nbytes)
        x.data.memset_async(0, 8)
        graph = stream.end_capture()
        graph.launch()
        assert y.get().tolist() == [0, 1, 2]
        x += 5
        graph.launch()
        assert y.get().tolist() == [5, 6, 7]
    dot = graph.debug_dot_str()
    assert [name in dot for name in ("digraph", "memcpy", "memset", "event")] == [True, True, True, False]


def test_graph_names_its_kernels(cupy: Any, stream: Any) -> None:
    x = cupy.ones(3)
    with stream:
        stream.begin_capture()
        cupy.sin(x)
        graph = stream.end_capture()
    assert "cupy_sin" in graph.debug_dot_str()
    assert "cupy_sin" in graph.debug_dot_str(1) != graph.debug_dot_str()


def test_graphs_are_counted_and_captured_work_is_not_run(cupy: Any, stream: Any) -> None:
    x = cupy.ones(3)
    x += 1
    with stream, cupy_on_cpu.launched_sources() as sources:
        cupy_on_cpu.reset_counts()
        stream.begin_capture()
        x += 1
        x.data.memset_async(0, 8)
        graph = stream.end_capture()
        counts = cupy_on_cpu.counts()
        assert (counts.launches, counts.graphs, counts.kernels) == (0, 0, [])
        assert counts.captured == ["cupy_add__float64_float_float64", "memset"]
        assert len(sources) == 1
        graph.launch()
        graph.launch()
        stream.synchronize()
    counts = cupy_on_cpu.counts()
    assert (counts.launches, counts.gemms, counts.graphs, len(counts.captured)) == (0, 0, 2, 2)


def test_graph_in_a_graph(cupy: Any, stream: Any) -> None:
    x, outer = cupy.zeros(3), cupy.cuda.Stream(non_blocking=True)
    with stream:
        stream.begin_capture()
        x += 1
        inner = stream.end_capture()
    with outer:
        outer.begin_capture()
        inner.launch()
        x *= 3
        graph = outer.end_capture()
        graph.launch()
        graph.launch()
        assert x.get().tolist() == [12, 12, 12]
