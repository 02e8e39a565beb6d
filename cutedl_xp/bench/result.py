"""Results of a backend comparison, with their statistics."""

import statistics
from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """Measurements of one task on one backend.

    Attributes
    ----------
    backend, version, device
        Name of the backend, its version and its device.
    model
        Widths of the model, such as ``"784-128-10"``.
    task, batch_size
        ``"training step"`` and its samples, or an optimizer's update, such as ``"update, Adam"``, and 0.
    calls
        Number of calls in one measurement, which is their mean.
    seconds
        Seconds for each call, one entry for each round.
    floor_seconds
        Seconds for each call of the least work of the task, measured right after the task in the same round: the matrix
        products of a step, or a copy that moves as many bytes as an update reads and writes.
    floor_amount, floor_unit
        Number of floating-point operations (``"FLOP"``) or bytes (``"B"``) in a call of the least work.
    float32_products
        Format in which the backend multiplies float32 matrices, default ``"float32"``.

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
    float32_products: str = "float32"

    @property
    def median(self) -> float:
        """Median of the seconds for each call."""
        return statistics.median(self.seconds)

    @property
    def quartiles(self) -> tuple[float, float]:
        """First and third quartile of the seconds for each call."""
        first, _, third = statistics.quantiles(self.seconds, n=4, method="inclusive")
        return first, third

    @property
    def spread(self) -> float:
        """Distance of the quartiles, relative to the median."""
        first, third = self.quartiles
        return (third - first) / self.median

    @property
    def samples_per_second(self) -> float:
        """Samples per second in a training step; 0 for an update."""
        return self.batch_size / self.median

    @property
    def share(self) -> float:
        """Time of the floor relative to the time of the task, median of the rounds."""
        return statistics.median(
            floor / seconds for floor, seconds in zip(self.floor_seconds, self.seconds, strict=True)
        )

    @property
    def limit(self) -> float:
        """Speed of the floor: floating-point operations or bytes per second."""
        return self.floor_amount / statistics.median(self.floor_seconds)
