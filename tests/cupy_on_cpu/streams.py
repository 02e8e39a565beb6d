"""Streams: each has a queue, whose work runs when something waits for it.

Work of the legacy stream runs at once. The legacy stream waits for the blocking streams, whose queues are therefore
emptied first, and not for the non-blocking streams: code that reads their results without an event or a
synchronisation always reads old values, not only by chance as on a GPU.
"""

import itertools
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from cupy_on_cpu import captures
from cupy_on_cpu.allocations import memory
from cupy_on_cpu.captures import Capture, Work, cuda_error, invalidate

LEGACY = (0, 1)
_OF_EACH_THREAD = 2  # one blocking stream, for all threads
_FIRST_HANDLE = 1 << 12


@dataclass(eq=False)
class Stream:
    """A stream other than the legacy stream."""

    blocking: bool
    queue: deque[Work] = field(default_factory=deque)
    capture: Capture | None = None


class Streams:
    """All streams and events by their handles."""

    def __init__(self) -> None:
        self._handles = itertools.count(_FIRST_HANDLE)
        self._streams: dict[int, Stream] = {_OF_EACH_THREAD: Stream(blocking=True)}
        self._blocking_busy: set[Stream] = set()
        self._lock = threading.RLock()  # a queue is emptied by one thread at a time
        self.captures: list[Capture] = []

    def create(self, *, blocking: bool) -> int:
        """Make a stream and return its handle."""
        handle = next(self._handles)
        self._streams[handle] = Stream(blocking)
        return handle

    def destroy(self, handle: int) -> None:
        """End a stream after its work."""
        stream = self.find(handle)
        if stream.capture is not None:
            memory.release(stream.capture.held)
            self.captures.remove(stream.capture)
        self.run_all_of(stream)
        del self._streams[handle]

    def find(self, handle: int) -> Stream:
        """Return the stream of a handle."""
        if handle not in self._streams:
            raise cuda_error(captures.INVALID_HANDLE)
        return self._streams[handle]

    # ---- work ----

    def enter(self, handle: int) -> Stream | None:
        """Return the stream for :meth:`put`, or None for the legacy stream, whose work may run now."""
        if handle in LEGACY:
            if self.captures:
                self._refuse_on_legacy()
            if self._blocking_busy:
                self._run_blocking()
            return None
        stream = self.find(handle)
        if stream.capture is not None and not stream.capture.valid:
            raise cuda_error(captures.INVALIDATED)
        return stream

    def do(self, stream: Stream | None, work: Work) -> None:
        """Run work of the legacy stream now, or queue it in another stream that :meth:`enter` returned."""
        if stream is None:
            work.run()
        else:
            self.put(stream, work)

    @staticmethod
    def is_captured(stream: Stream | None) -> bool:
        """Return whether a stream that :meth:`enter` returned captures its work."""
        return stream is not None and stream.capture is not None

    def put(self, stream: Stream, work: Work) -> None:
        """Queue work in a stream, or capture it."""
        if stream.capture is not None:
            stream.capture.add(work)
            return
        stream.queue.append(work)
        if stream.blocking:
            self._blocking_busy.add(stream)

    def _refuse_on_legacy(self) -> None:
        implicit = [capture for capture in self.captures if capture.blocking]
        if implicit:
            raise invalidate(captures.IMPLICIT, *implicit)

    def _run_blocking(self) -> None:
        for stream in list(self._blocking_busy):
            self.run_all_of(stream)

    def run_all_of(self, stream: Stream) -> None:
        """Do all work of a stream."""
        self.run_while(stream, lambda: bool(stream.queue))
        self._blocking_busy.discard(stream)

    def run_while(self, stream: Stream, condition: Callable[[], bool]) -> None:
        """Do the work of a stream, piece by piece, while a condition holds."""
        with self._lock:
            while condition():
                stream.queue.popleft().run()

    def run_once(self, stream: Stream) -> None:
        """Do one more piece of a stream's work, if there is any, so that repeated queries end."""
        with self._lock:
            if stream.queue:
                stream.queue.popleft().run()

    def run_all(self) -> None:
        """Do all work of all streams."""
        for stream in list(self._streams.values()):
            self.run_all_of(stream)

    # ---- waiting ----

    def synchronize(self, handle: int) -> None:
        """Wait for a stream."""
        self.refuse_unsafe_calls()
        stream = self.enter(handle)
        if stream is None:
            return
        if stream.capture is not None:
            raise invalidate(captures.UNSUPPORTED, stream.capture)
        self.run_all_of(stream)

    def synchronize_device(self) -> None:
        """Wait for all streams."""
        if self.captures:
            raise invalidate(captures.UNSUPPORTED, *self.captures)
        self.run_all()

    def query(self, handle: int) -> bool:
        """Return whether a stream has no work; each query lets it do one more piece of its work."""
        stream = self.enter(handle)
        if stream is None:
            return True
        if stream.capture is not None:
            raise invalidate(captures.UNSUPPORTED, stream.capture)
        done = not stream.queue
        self.run_once(stream)
        return done

    # ---- captures ----

    def refuse_unsafe_calls(self) -> None:
        """Raise an error if a capture forbids calls that may wait for the device, such as allocations."""
        if self.captures:
            broken = [capture for capture in self.captures if capture.forbids_unsafe_calls()]
            if broken:
                raise invalidate(captures.UNSUPPORTED, *broken)

    def begin_capture(self, handle: int, mode: int) -> None:
        """Begin the capture of a stream's work."""
        if handle in LEGACY:
            raise cuda_error(captures.UNSUPPORTED)
        stream = self.find(handle)
        if stream.capture is not None:
            raise cuda_error(captures.ILLEGAL_STATE)
        stream.capture = Capture(mode, stream.blocking)
        self.captures.append(stream.capture)

    def end_capture(self, handle: int) -> Capture:
        """End the capture of a stream and return it; the caller releases its memory."""
        stream = None if handle in LEGACY else self.find(handle)
        if stream is None or stream.capture is None:
            raise cuda_error(captures.ILLEGAL_STATE)
        if not stream.capture.may_end_here():
            raise cuda_error(captures.WRONG_THREAD)
        capture, stream.capture = stream.capture, None
        self.captures.remove(capture)
        if not capture.valid:
            memory.release(capture.held)
            raise cuda_error(captures.INVALIDATED)
        return capture

    def is_capturing(self, handle: int) -> bool:
        """Return whether the work of a stream is captured."""
        if handle in LEGACY:
            if any(capture.blocking for capture in self.captures):
                raise cuda_error(captures.IMPLICIT)
            return False
        capture = self.find(handle).capture
        if capture is not None and not capture.valid:
            raise RuntimeError("the stream was capturing, but an error has invalidated the capture sequence")
        return capture is not None


streams = Streams()
