"""Map of the steps to a target: a row for each label, a cell for each of its learning rates."""

import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cutedl_xp.plotting import figures, looks
from cutedl_xp.plotting.ends import RunEnd, median
from cutedl_xp.plotting.sweeps import USABLE, Ranges, Sweeps, draw_usable, mark_failures, use_rates

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDTH, _CELLS_WIDTH = 11.0, 7.8  # inches
_TEXT_WIDTH = 0.34  # inches that the text of a cell needs
_NEVER: dict[str, Any] = {"facecolor": "0.92", "edgecolor": "0.6", "hatch": "///", "linewidth": 0.0}
_BORDER: dict[str, Any] = {"facecolor": "none", "edgecolor": "white", "linewidth": 1.0}
_HEIGHT = 0.74  # of a cell, in rows


def target_map(ends: Sweeps, usable: Ranges, title: str = "", *, target: float | None = None) -> "Figure":
    """Draw the median steps to the target for each label and learning rate, as a map of colours and numbers.

    Runs that never reached the target count as infinite. A cell whose median is infinite is hatched. A cell whose runs
    did not all reach the target has the number of those that did. Each label has its own rates.

    Parameters
    ----------
    ends
        For each label, and for each learning rate, the ends of the runs.
    usable
        For each label the lowest and the highest usable rate, drawn as a line below the cells; None if no rate is
        usable.
    title
        Title of the picture; default empty.
    target
        Target of the validation accuracy, for the label of the colours; default None, unnamed.

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
    >>> fast, never = plotting.RunEnd(steps_to_target=1200.0), plotting.RunEnd()
    >>> figure = plotting.target_map({"adam": {0.001: [fast], 0.1: [never]}}, {"adam": (0.001, 0.001)})
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['1.2k', '0/1']
    """
    figure = figures.make_figure(_WIDTH, 2.2 + 0.72 * max(1, len(ends)), title)
    panel = figure.subplots()
    panel.spines[["top", "right"]].set_visible(False)
    panel.set_yticks(range(len(ends)), list(ends), fontsize="small", parse_math=False)
    panel.set_ylim(max(1, len(ends)) - 0.4, -0.6)
    use_rates(panel, ends)
    edges = {label: _find_edges(sorted(sweep)) for label, sweep in ends.items()}
    every = [edge for each in edges.values() for edge in each]
    if every:
        panel.set_xlim(min(every), max(every))
    colours = _make_colours(ends)
    shown: set[str] = set()
    for row, (label, sweep) in enumerate(ends.items()):
        for rate, left, right in zip(sorted(sweep), edges[label], edges[label][1:], strict=False):
            width = _CELLS_WIDTH * math.log(right / left) / math.log(max(every) / min(every))
            _draw_cell(panel, row, (left, rate, right), sweep[rate], colours, width)
        shown |= mark_failures(panel, sweep, row + 0.07, row + 0.25)
        draw_usable(panel, usable.get(label), row + 0.45)
    goal = "the target" if target is None else f"a validation accuracy of {target:g}"
    if any(math.isfinite(_median_steps(runs)) for sweep in ends.values() for runs in sweep.values()):
        bar = figure.colorbar(colours, ax=panel, fraction=0.03, pad=0.02, label=f"median steps to {goal}")
        figures.label_logarithmic(bar.ax.yaxis, figures.import_matplotlib("ticker").EngFormatter(sep=""))
    patch = figures.import_matplotlib("patches").Patch
    handles: dict[str, Any] = {"median run never reached it": patch(**_NEVER)}
    handles |= looks.line_handles({"usable rates": USABLE}, ["usable rates"])
    looks.add_legend(figure, {**handles, **looks.mark_handles(shown)})
    return figure


def _find_edges(rates: Sequence[float]) -> list[float]:
    """Return the edges of the cells of increasing rates: the geometric means of neighbours."""
    if not rates:
        return []
    inner = [math.sqrt(low * high) for low, high in itertools.pairwise(rates)]
    first = rates[0] ** 2 / inner[0] if inner else rates[0] / 2.0
    last = rates[-1] ** 2 / inner[-1] if inner else rates[-1] * 2.0
    return [first, *inner, last]


def _make_colours(ends: Sweeps) -> Any:
    """Return the mapping of steps to colours, which become darker with more steps."""
    middles = [_median_steps(runs) for sweep in ends.values() for runs in sweep.values()]
    finite = [value for value in middles if math.isfinite(value)] or [1.0, 10.0]
    norm = figures.import_matplotlib("colors").LogNorm(min(finite) / 1.1, max(finite) * 1.1)
    return figures.import_matplotlib("cm").ScalarMappable(norm, "viridis_r")


def _median_steps(runs: Sequence[RunEnd]) -> float:
    return median([run.steps_to_target for run in runs])


def _draw_cell(
    panel: "Axes", row: int, place: tuple[float, float, float], runs: Sequence[RunEnd], colours: Any, width: float
) -> None:
    """Draw a cell with its median, and with the number of runs that reached the target if not all did."""
    left, rate, right = place
    steps = _median_steps(runs)
    face = colours.to_rgba(steps) if math.isfinite(steps) else None
    rectangle = figures.import_matplotlib("patches").Rectangle
    for look in ({"facecolor": face} if face else _NEVER, _BORDER):
        panel.add_patch(rectangle((left, row - _HEIGHT / 2), right - left, _HEIGHT, **look))
    if width < _TEXT_WIDTH:
        return
    formatter = figures.import_matplotlib("ticker").EngFormatter(sep="")
    words = [formatter(float(f"{steps:.2g}"))] if face else []
    reached = sum(math.isfinite(run.steps_to_target) for run in runs)
    words += [f"{reached}/{len(runs)}"] * (reached < len(runs))
    colour = "white" if face and _is_dark(face) else "black"
    panel.text(rate, row - 0.19, "\n".join(words), color=colour, ha="center", va="center", fontsize="x-small")


def _is_dark(colour: Sequence[float]) -> bool:
    return sum(weight * part for weight, part in zip((0.3, 0.59, 0.11), colour, strict=False)) < 0.5
