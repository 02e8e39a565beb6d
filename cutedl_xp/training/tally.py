"""States of metrics over a data set."""

from collections.abc import Sequence
from typing import Any

from cutedl_xp._typing import Array, Shape
from cutedl_xp.backends import Backend, fill, flatten
from cutedl_xp.metrics import Metric
from cutedl_xp.training.means import RunningMean


class Tally:
    """State of one metric in one evaluation, for figures that are no :class:`RunningMean`.

    Parameters
    ----------
    metric
        Metric for the kind of outputs, logits or probabilities.
    backend, dtype
        Backend and dtype of the outputs.

    Attributes
    ----------
    size
        Number of samples so far.
    on_host
        False, as for a mean whose numbers are on the device.
    """

    on_host = False

    def __init__(self, metric: Metric, backend: Backend, dtype: Any) -> None:
        self._metric, self._backend, self._dtype = metric, backend, dtype
        self.size = 0
        self.state: Any = None

    def begin(self, output_shape: Shape) -> None:
        """Begin with the state before the first batch, for outputs of the shape ``output_shape`` for each sample."""
        self.state = self._metric.start(self._backend, self._dtype, output_shape)

    def add_batch(self, y: Array, output: Array, weight: Array | None = None) -> None:
        """Add a batch; the first one initializes the state.

        Parameters
        ----------
        y, output
            Labels of the batch, and outputs of the model.
        weight
            Weights of the samples; default None for no weights.
        """
        if self.state is None:
            self.begin(tuple(output.shape[1:]))
        self.state = self._metric.update(self.state, y, output, weight)
        self.size += int(output.shape[0])

    def read(self) -> Any:
        """Return the value of the metric."""
        return self._metric.result(fill(self.state, map(self._backend.to_numpy, flatten(self.state))))


Figure = RunningMean | Tally
"""Mean over batches, or metric over the whole data set."""


def read_figures(figures: Sequence[Figure]) -> list[Any]:
    """Return the values of ``figures`` in their order."""
    means = [figure for figure in figures if isinstance(figure, RunningMean)]
    values = iter(RunningMean.read(means))
    return [figure.read() if isinstance(figure, Tally) else next(values) for figure in figures]
