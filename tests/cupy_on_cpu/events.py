"""Events: positions in a stream's work for which others can wait."""

import itertools
from dataclasses import dataclass

from cupy_on_cpu import captures
from cupy_on_cpu.captures import Capture, Work, cuda_error, invalidate
from cupy_on_cpu.errors import Unsupported
from cupy_on_cpu.streams import Stream, Streams

_FIRST_HANDLE = 1 << 20
_SEVERAL = "the capture of several streams in one graph cannot be emulated: keep the work on one stream"


@dataclass(eq=False)
class _Record:
    """The position that an event marks; none for the legacy stream, whose work is done at once."""

    stream: Stream
    capture: Capture | None
    done: bool = False

    def reach(self) -> None:
        self.done = True


class Events:
    """All events by their handles."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self._handles = itertools.count(_FIRST_HANDLE)
        self._records: dict[int, _Record | None] = {}

    def create(self) -> int:
        """Make an event and return its handle."""
        handle = next(self._handles)
        self._records[handle] = None
        return handle

    def destroy(self, handle: int) -> None:
        """End an event."""
        self._records.pop(handle, None)

    def record(self, handle: int, stream_handle: int) -> None:
        """Let an event mark the present end of a stream's work."""
        self._find(handle)
        stream = self._streams.enter(stream_handle)
        if stream is None:
            self._records[handle] = None
            return
        record = self._records[handle] = _Record(stream, stream.capture)
        if stream.capture is None:
            self._streams.put(stream, Work("event", record.reach))

    def let_wait(self, stream_handle: int, handle: int) -> None:
        """Let the later work of a stream wait for an event."""
        record, stream = self._find(handle), self._streams.enter(stream_handle)
        capture = None if stream is None else stream.capture
        if record is None or (record.capture is not None and record.capture is capture):
            return
        if record.capture is not None:
            raise Unsupported(_SEVERAL)
        if capture is not None:
            raise invalidate(captures.ISOLATION, capture)
        if stream is None:
            self._run_until(record)
        else:
            self._streams.put(stream, Work("wait", lambda: self._run_until(record)))

    def synchronize(self, handle: int) -> None:
        """Wait for an event."""
        record = self._waited_for(handle)
        if record is not None:
            self._run_until(record)

    def query(self, handle: int) -> bool:
        """Return whether an event is complete; each query lets its stream do one more piece of work."""
        record = self._waited_for(handle)
        if record is None or record.done:
            return True
        self._streams.run_once(record.stream)
        return False

    def _run_until(self, record: _Record) -> None:
        self._streams.run_while(record.stream, lambda: not record.done)

    def _waited_for(self, handle: int) -> _Record | None:
        record = self._find(handle)
        if record is not None and record.capture is not None:
            raise invalidate(captures.CAPTURED_EVENT, record.capture)
        self._streams.refuse_unsafe_calls()
        return record

    def _find(self, handle: int) -> _Record | None:
        if handle not in self._records:
            raise cuda_error(captures.INVALID_HANDLE)
        return self._records[handle]
