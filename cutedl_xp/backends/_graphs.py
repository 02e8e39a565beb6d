"""Training steps as CUDA graphs: captured once, then launched with one call for each step."""

import functools
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from cutedl_xp.backends import _cublas
from cutedl_xp.backends._captures import capture_alone, release_outside_captures
from cutedl_xp.backends._cupy_kernels import copy_kernel
from cutedl_xp.backends._graph_inputs import Inputs
from cutedl_xp.backends._steps import NotCompilable, Step, StepFunction, Tree, flatten

_MOST_KEPT = 4  # graphs of one step; each reserves memory
_COPIES_OF_A_KERNEL = 16
_FEWEST_WARM_UPS, _MOST_WARM_UPS = 2, 8


def run_steps(
    cupy: Any, step: StepFunction, state: Tree, constants: Tree, inputs: Tree, count: int
) -> Callable[[], None]:
    """Run a chunk of steps, whose results replace the values of ``state``, and return a function that waits for them.

    See :meth:`Backend.run_steps`.
    """
    graphs: OrderedDict[Any, GraphOfStep] = OrderedDict() if step.compiled is None else step.compiled
    step.compiled = graphs
    place = tuple(map(_memory, flatten([state, constants]))), tuple((x.shape, x.dtype.str) for x in flatten(inputs))
    if place not in graphs:
        try:
            graphs[place] = GraphOfStep(cupy, step.function, inputs)
        except (MemoryError, RuntimeError) as error:  # the device's memory may suffice for uncaptured steps
            raise _not_compilable(cupy, "CUDA cannot make a graph of the step", error, 0) from error
    graphs.move_to_end(place)
    while len(graphs) > _MOST_KEPT:
        graphs.popitem(last=False)
    try:
        return graphs[place].run(state, constants, inputs, count)
    except NotCompilable:
        del graphs[place]
        raise


def _memory(array: Any) -> tuple[Any, ...]:
    """Return the address and the layout of an array."""
    return array.data.ptr, array.shape, array.strides, array.dtype.char


class _Resources:
    """Objects of CUDA that belong to one graph.

    All memory comes from a memory pool of the graph, which is never trimmed, so that other arrays never get the memory
    that the graph uses for intermediate results.
    """

    def __init__(self, cupy: Any, inputs: Tree) -> None:
        self._cupy = cupy
        self.device = cupy.cuda.Device()
        self.stream = cupy.cuda.Stream(non_blocking=True)
        self.pool = cupy.cuda.MemoryPool()
        self.handle: Any = None
        with self.working():
            self.handle = _cublas.Handle(cupy)
            self.inputs: Any = Inputs(cupy, inputs)
        self.graph: Any = None
        self.done: Any = None  # the event after the last work

    @contextmanager
    def working(self) -> Iterator[None]:
        """Return a context with the stream, the memory pool and the handle of the capture."""
        with self.stream, self._cupy.cuda.using_allocator(self.pool.malloc), _cublas.using(self.handle):
            yield

    def release(self) -> None:
        """Destroy the graph and then free its memory, after the device has finished with both."""
        with self.device:
            if self.done is not None:
                with suppress(RuntimeError):  # a device that has failed raises an error here as well
                    self.done.synchronize()
            self.graph = self.done = self.handle = self.inputs = None
            self.pool.free_all_blocks()  # CuPy does not free the memory of a deleted pool
            self.stream = self.pool = None


class GraphOfStep:
    """Training step for arrays at fixed addresses.

    The first steps run uncaptured, on the stream and in the memory pool of the capture: they load kernels and fill the
    pool. The next step is captured, which executes nothing; each later step is one launch of the graph.

    Parameters
    ----------
    cupy
        CuPy. The step belongs to the current device.
    function
        Step to run.
    inputs
        NumPy arrays of the shapes and dtypes of every chunk.
    """

    def __init__(self, cupy: Any, function: Step, inputs: Tree) -> None:
        self._cupy, self._function, self._own = cupy, function, _Resources(cupy, inputs)
        weakref.finalize(self, release_outside_captures, self._own.release)
        self._warm_ups = self._pool_size = 0

    def run(self, state: Tree, constants: Tree, inputs: Tree, count: int) -> Callable[[], None]:
        """Run a chunk on the current stream; see :func:`run_steps`."""
        own, current = self._own, self._cupy.cuda.get_current_stream()
        if own.done is not None:  # the last chunk may have run on another stream
            current.wait_event(own.done)
        own.inputs.upload(inputs, count, current)
        try:
            launches = count - self._prepare(functools.partial(self._run_step, state, constants), count, current)
            for _ in range(launches):
                own.graph.launch(current)
        finally:
            own.done = current.record(self._cupy.cuda.Event(block=True, disable_timing=True))
        wait: Callable[[], None] = own.done.synchronize
        return wait

    def _prepare(self, run_step: Callable[[], None], count: int, current: Any) -> int:
        """Capture the step after its warm-up, and return how many steps of the chunk ran in the warm-up."""
        steps_done = 0
        while self._own.graph is None and steps_done < count:
            if self._is_warm():
                self._own.graph = self._capture(run_step, steps_done)
            else:
                try:
                    self._warm_up(run_step, current)
                except Exception as error:  # the plain loop runs this step again, and raises the user's error
                    raise _not_compilable(self._cupy, "CUDA cannot run the step", error, steps_done) from error
                steps_done += 1
        return steps_done

    def _run_step(self, state: Tree, constants: Tree) -> None:
        """Run one step, and write its results to the memory of the state."""
        inputs = self._own.inputs
        new = self._function(state, constants, inputs.arrays, inputs.counter)
        _finish_step(self._cupy, flatten(state), flatten(new), inputs.counter)

    def _is_warm(self) -> bool:
        """Return whether the pool has all memory of a step, so that the last step allocated none on the device."""
        size, self._pool_size = self._pool_size, self._own.pool.total_bytes()
        full = size == self._pool_size or self._warm_ups >= _MOST_WARM_UPS
        return full and self._warm_ups >= _FEWEST_WARM_UPS

    def _warm_up(self, run_step: Callable[[], None], current: Any) -> None:
        stream = self._own.stream
        stream.wait_event(current.record())
        try:
            with self._own.working():
                run_step()
        finally:
            current.wait_event(stream.record())
        self._warm_ups += 1

    def _capture(self, run_step: Callable[[], None], steps_done: int) -> Any:
        """Return the step as a graph."""
        stream, runtime = self._own.stream, self._cupy.cuda.runtime
        with capture_alone():
            try:
                with self._own.working():
                    stream.begin_capture(runtime.streamCaptureModeThreadLocal)
                    run_step()
                return stream.end_capture()
            except BaseException as error:
                with suppress(RuntimeError):  # ending an invalid capture raises an error, also if it has ended already
                    stream.end_capture()
                if not isinstance(error, Exception):
                    raise
                raise _not_compilable(self._cupy, "CUDA cannot capture the step", error, steps_done) from error


def _not_compilable(cupy: Any, failure: str, error: Exception, steps_done: int) -> NotCompilable:
    """Return the error for a failure; CUDA raises a permanent failure itself, as it does in every later call."""
    cupy.cuda.runtime.deviceSynchronize()
    return NotCompilable.because_of(error, failure, steps_done)


def _finish_step(cupy: Any, old: list[Any], new: list[Any], counter: Any) -> None:
    """Copy new values with other addresses to the arrays of the state, and count the step."""
    moved = [pair for pair in zip(old, new, strict=True) if _memory(pair[0]) != _memory(pair[1])]
    by_shape: dict[tuple[int, ...], list[tuple[Any, Any]]] = {(): []}
    for target, source in moved:
        if (target.shape, target.dtype) != (source.shape, source.dtype):
            received = f"{source.shape}, {source.dtype} instead of {target.shape}, {target.dtype}"
            raise ValueError(f"a step must return its state with the same shapes and dtypes; got {received}")
        # A new value may share the memory of another old value
        overlaps = any(cupy.may_share_memory(source, each) for each in old)
        by_shape.setdefault(target.shape, []).append((target, copy_kernel(cupy)(source) if overlaps else source))
    for shape, pairs in by_shape.items():
        for start in range(0, len(pairs) or 1, _COPIES_OF_A_KERNEL):
            targets, sources = zip(*pairs[start : start + _COPIES_OF_A_KERNEL], strict=True) if pairs else ((), ())
            counts = shape == () and start == 0
            copy_kernel(cupy, len(targets), counts)(*sources, *targets, *([counter] if counts else []))
