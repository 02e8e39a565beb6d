"""What a comparison of backends measured: plain records, and the arithmetic of medians and shares."""

import statistics
from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """What was measured of one task on one backend.

    Attributes
    ----------
    backend, version, device
        Where it ran.
    model
        The model's widths, such as ``"784-128-10"``.
    task, batch_size
        ``"training step"`` and its samples, or an optimizer's update, such as ``"update, Adam"``, and 0.
    calls
        How many calls one measurement took the mean of.
    seconds
        Seconds a call, one entry a round.
    floor_seconds
        Seconds a call of the least that the task contains, measured right after it in the same round: the matrix
        products of a step alone, at the same shapes; for an update one copy that moves as many bytes as it reads and
        writes.
    floor_amount, floor_unit
        The floating-point operations (``"FLOP"``) or bytes (``"B"``) in such a call.

    Examples
    --------
    >>> result = Result("numpy", "2.4.6", "cpu", "784-10", "training step", 64, calls=500,
    ...                 seconds=(2e-4, 1e-4, 2e-4), floor_seconds=(5e-5, 5e-5, 6e-5),
    ...                 floor_amount=2_000_000, floor_unit="FLOP")
    >>> result.median, result.samples_per_second, result.share
    (0.0002, 320000.0, 0.3)
    """

    backend: str
    version: str
    device: str
    model: str
    task: str
    batch_size: int
    calls: int
    seconds: tuple[float, ...]
    floor_seconds: tuple[float, ...]
    floor_amount: int
    floor_unit: str

    @property
    def median(self) -> float:
        """Seconds a call."""
        return statistics.median(self.seconds)

    @property
    def quartiles(self) -> tuple[float, float]:
        """The seconds between which the middle half of the rounds lies."""
        first, _, third = statistics.quantiles(self.seconds, n=4, method="inclusive")
        return first, third

    @property
    def spread(self) -> float:
        """The distance of the quartiles as a part of the median."""
        first, third = self.quartiles
        return (third - first) / self.median

    @property
    def samples_per_second(self) -> float:
        """How many samples are trained on in a second; 0 for an update."""
        return self.batch_size / self.median

    @property
    def share(self) -> float:
        """The part of its time that the task would take if it were its floor alone; the median of the rounds."""
        return statistics.median(
            floor / seconds for floor, seconds in zip(self.floor_seconds, self.seconds, strict=True)
        )

    @property
    def limit(self) -> float:
        """What the backend reached in the floor: floating-point operations or bytes a second."""
        return self.floor_amount / statistics.median(self.floor_seconds)
