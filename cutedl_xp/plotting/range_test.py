"""Picture of a learning-rate range test."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cutedl_xp.plotting import figures

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_HEADROOM = 1.5  # of the axis above the first losses, in multiples of their fall


def range_test(
    rates: Sequence[float],
    losses: Sequence[float],
    batch_losses: Sequence[float],
    suggestion: float | None = None,
    title: str = "",
) -> "Figure":
    """Draw the losses of a learning-rate range test against the rates.

    Parameters
    ----------
    rates
        Learning rate of each step.
    losses
        Smoothed losses, drawn as a line.
    batch_losses
        Losses of the batches, drawn as dots. Losses far above the first losses are outside of the picture.
    suggestion
        Rate to mark; default None.
    title
        Title of the picture; default empty.

    Returns
    -------
    matplotlib.figure.Figure
        Picture, which ``plotting.save`` writes to a file.

    Raises
    ------
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> from cutedl_xp import plotting
    >>> figure = plotting.range_test([0.001, 0.01, 0.1], [2.0, 1.5, 1.2], [2.1, 1.5, 1.2], suggestion=0.01)
    >>> figure.axes[0].get_xlabel()
    'learning rate'
    """
    figure = figures.make_figure(8.0, 4.5, title)
    panel = figure.subplots()
    figures.clear_frames([panel])
    panel.scatter(rates, batch_losses, s=9, color=figures.COLOURS[6], label="loss of a batch", linewidths=0.0)
    panel.plot(rates, losses, color=figures.COLOURS[0], label="smoothed loss", linewidth=1.8)
    panel.set_xscale("log")
    if suggestion is not None:
        words = f"suggestion: {suggestion:.2g}"
        panel.axvline(suggestion, color=figures.COLOURS[4], linestyle="dashed", linewidth=1.4, label=words)
    known = [loss for loss in losses if math.isfinite(loss)]
    if known:
        low, first = min(known), known[0]
        fall = max(first - low, 0.1 * abs(first), 1e-12)
        panel.set_ylim(low - 0.25 * fall, min(max(known), first + _HEADROOM * fall) + 0.15 * fall)
    panel.set_xlabel("learning rate")
    panel.set_ylabel("training loss")
    panel.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=3, frameon=False, borderaxespad=0.2)
    return figure
