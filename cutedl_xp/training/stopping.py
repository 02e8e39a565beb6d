"""The object that ends a training."""

from collections.abc import Iterator
from contextlib import contextmanager

from cutedl_xp.training.ending import StopKind
from cutedl_xp.training.history import History, record_stop


class Stopping:
    """Whether and why a training ends; the first reason stays, except an interruption.

    Parameters
    ----------
    history
        Record that the reason is written to. The training reads this object, never the record.
    """

    def __init__(self, history: History) -> None:
        self._history = history
        self._kind: StopKind | None = None
        self._listener_requests = 0
        self._interrupted = False

    @property
    def listener_requests(self) -> int:
        """Number of times that listeners asked for the end."""
        return self._listener_requests

    @property
    def requested(self) -> bool:
        """Whether the training ends after the current step or event."""
        return self._kind is not None

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C or SIGTERM asked for the end, also if another reason was given before."""
        return self._interrupted

    @property
    def kind(self) -> StopKind | None:
        """Kind of the end of the training, see :attr:`History.stopped_by`; None while it runs."""
        return self._kind

    def stop(self, kind: StopKind, why: str) -> None:
        """End the training, unless a reason was given before; that of a listener takes the place of an interruption.

        A training that both end at the same moment is finished, and nothing is left of it to resume.

        Parameters
        ----------
        kind
            What ends it.
        why
            The reason as a sentence.
        """
        self._listener_requests += kind == "listener"
        self._interrupted |= kind == "interrupt"
        if self._kind is None or (self._kind == "interrupt" and kind == "listener"):
            self._kind = kind
            record_stop(self._history, kind, why)

    @contextmanager
    def on_failure(self) -> Iterator[None]:
        """Within the block, take an exception as the reason and raise it again."""
        try:
            yield
        except BaseException as error:
            kind: StopKind = "interrupt" if isinstance(error, KeyboardInterrupt) else "error"
            self.stop(kind, f"{type(error).__name__} was raised")
            raise
