"""Request to end a training."""

from collections.abc import Iterator
from contextlib import contextmanager

from cutedl_xp.training.ending import StopKind
from cutedl_xp.training.history import History, record_stop


class Stopping:
    """Request to end a training, with its kind and reason; the first reason counts, except an interruption.

    Parameters
    ----------
    history
        History that records the reason. The training reads this object, never the history.
    """

    def __init__(self, history: History) -> None:
        self._history = history
        self._kind: StopKind | None = None
        self._listener_requests = 0
        self._interrupted = False

    @property
    def listener_requests(self) -> int:
        """Number of requests of listeners to end the training."""
        return self._listener_requests

    @property
    def requested(self) -> bool:
        """Whether the training ends after the current step or event."""
        return self._kind is not None

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C or SIGTERM has requested the end, also after another request."""
        return self._interrupted

    @property
    def kind(self) -> StopKind | None:
        """Kind of the end of the training, see :attr:`History.stopped_by`; None while it runs."""
        return self._kind

    def stop(self, kind: StopKind, why: str) -> None:
        """End the training for a reason; only a listener can replace an earlier reason, which is an interruption.

        A training that is interrupted and stopped by a listener in the same step is complete and cannot be resumed.

        Parameters
        ----------
        kind
            Kind of the end.
        why
            Reason as a sentence.
        """
        self._listener_requests += kind == "listener"
        self._interrupted |= kind == "interrupt"
        if self._kind is None or (self._kind == "interrupt" and kind == "listener"):
            self._kind = kind
            record_stop(self._history, kind, why)

    @contextmanager
    def on_failure(self) -> Iterator[None]:
        """Return a context in which an exception becomes the reason and is raised again."""
        try:
            yield
        except BaseException as error:
            kind: StopKind = "interrupt" if isinstance(error, KeyboardInterrupt) else "error"
            self.stop(kind, f"{type(error).__name__} was raised")
            raise
