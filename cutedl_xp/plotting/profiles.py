"""Performance profile: the share of tasks solved within a multiple of the lowest cost."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from cutedl_xp.plotting import figures, looks

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Points: TypeAlias = tuple[Sequence[float], Sequence[float]]


def profile(
    points: Mapping[str, Points],
    title: str = "",
    *,
    styles: Mapping[str, looks.Style] | None = None,
) -> "Figure":
    """Draw a performance profile after Dolan and Moré (2002), a step function for each label.

    Parameters
    ----------
    points
        For each label the ratios, increasing from 1, and the share of tasks solved within each ratio.
    title
        Title of the picture; default empty.
    styles
        Style for each label, from ``plotting.styles``; default None, new styles for these labels.

    Returns
    -------
    matplotlib.figure.Figure
        Picture, which ``plotting.save`` writes to a file.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If ``styles`` lacks a label.

    Examples
    --------
    >>> from cutedl_xp import plotting
    >>> figure = plotting.profile({"adam": ([1.0, 2.0], [0.5, 1.0]), "fixed": ([1.0, 3.0], [0.5, 0.5])})
    >>> figure.axes[0].get_ylabel()
    'share of tasks solved'
    """
    styles = looks.complete(styles, list(points))
    figure = figures.make_figure(9.0, 6.0, title)
    panel = figure.subplots()
    figures.clear_frames([panel])
    ratios = [ratio for each, _ in points.values() for ratio in each if math.isfinite(ratio)]
    end = 1.1 * max([2.0, *ratios])
    for index, (label, (each, shares)) in enumerate(points.items()):
        solved = [entry for entry in zip(each, shares, strict=True) if math.isfinite(entry[0])] or [(1.0, 0.0)]
        x, y = [[*values, last] for values, last in zip(zip(*solved, strict=True), (end, solved[-1][1]), strict=True)]
        # The lines of a profile often coincide, so that the markers of each label have different places.
        panel.plot(x, y, drawstyle="steps-post", label=label, markevery=(0.02 * index, 0.3), **styles[label])
    panel.set_xlim(1.0, end)
    panel.set_ylim(-0.03, 1.03)
    figures.use_logarithmic_positions(panel, "ratio", 8.0)
    panel.set_xlabel("steps to the target / fewest steps of all on the same task")
    panel.set_ylabel("share of tasks solved")
    looks.add_legend(figure, looks.line_handles(styles, points))
    return figure
