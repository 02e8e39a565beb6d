"""Parts of a picture of runs: panels, axes, line styles and the legend."""

import importlib
import io
import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from cutedl_xp import _checks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

# The colours of Okabe and Ito, which colour-blind readers can distinguish, without their yellow, too pale on white.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#7F7F7F", "#000000")
_THICK, _THIN = 3.4, 1.1
_ALARM = "#C00000"
_CROSS: dict[str, Any] = {"marker": "X", "edgecolors": "white", "linewidths": 0.8}
_DASHES = ("solid", (0, (6, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)))
_LEGEND_WIDTH = 105  # characters, with 8 for a dash and the space between columns
_LABELS_AN_INCH = 1.9
_FINE, _COARSE = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0), (1.0, 2.0, 5.0)  # labels of each decade
_TITLE_WIDTH = 80  # characters, bold


def make_panels(heights: Sequence[float], title: str, warning: str) -> "tuple[Figure, list[Axes]]":
    """Return a figure with panels one above the other that share the axis of the steps."""
    figure = make_figure(9.0, 1.5 + sum(heights))
    axes = list(figure.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0])
    clear_frames(axes)
    if warning:
        text = "\n".join([title, *textwrap.wrap(f"WARNING: {warning}", _TITLE_WIDTH)])
        figure.suptitle(text.lstrip("\n"), parse_math=False, wrap=True, color=_ALARM, weight="bold")
    elif title:
        figure.suptitle(title, parse_math=False, wrap=True)
    return figure, axes


def make_figure(width: float, height: float, title: str = "") -> "Figure":
    """Return an empty figure of a size in inches, whose parts make room for each other."""
    # Figure, not pyplot: no window, no global list of figures, the same in a thread or a worker process
    figure: Figure = import_matplotlib("figure").Figure(figsize=(width, height), dpi=120, layout="constrained")
    if title:
        figure.suptitle(title, parse_math=False, wrap=True)
    # Notebooks show the last value of a cell by this method; without pyplot, matplotlib does not install it.
    figure._repr_png_ = partial(_as_png, figure)  # type: ignore[attr-defined]
    return figure


def _as_png(figure: "Figure") -> bytes:
    """Return the picture as the bytes of a PNG file."""
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    return picture.getvalue()


def clear_frames(axes: "Iterable[Axes]") -> None:
    """Give panels a light grid, and remove the frame at the top and at the right."""
    for panel in axes:
        panel.grid(alpha=0.3)
        panel.set_axisbelow(True)
        panel.spines[["top", "right"]].set_visible(False)


def make_styles(number: int) -> list[dict[str, Any]]:
    """Return a colour, dash and width for each label; labels with equal colours have different dashes."""
    return [
        {
            "color": COLOURS[index % len(COLOURS)],
            "linestyle": _DASHES[(index + index // len(COLOURS)) % len(_DASHES)],
            "linewidth": _THICK - (_THICK - _THIN) * index / max(1, number - 1),
        }
        for index in range(number)
    ]


def mark_end(
    panel: "Axes", steps: Sequence[int], values: Sequence[float], style: Mapping[str, Any], cross: bool
) -> None:
    """Draw a dot or a cross at the last finite entry, larger for thicker lines, so that no mark hides another."""
    finite = [entry for entry in zip(steps, values, strict=True) if math.isfinite(entry[1])]
    look = _CROSS if cross else {"marker": "o"}
    size = (3.0 + 2.0 * style["linewidth"] + 3.0 * cross) ** 2
    for step, value in finite[-1:]:
        panel.scatter([step], [value], color=style["color"], s=size, zorder=3, **look)


def add_legend(figure: "Figure", axes: "list[Axes]", labels: Sequence[str], crossed_label: str) -> None:
    """Add a legend below the panels, with the meaning of the cross if it is given."""
    drawn = {line.get_label(): line for panel in axes for line in panel.get_lines()}
    handles: dict[str, Any] = {label: drawn[label] for label in labels if label in drawn}
    if crossed_label:
        handles[crossed_label] = axes[0].scatter([], [], color="black", s=70, **_CROSS)
    if handles:
        columns = max(1, _LEGEND_WIDTH // (max(map(len, handles)) + 8))
        figure.legend(list(handles.values()), list(handles), loc="outside lower center", ncols=columns, frameon=False)


def format_steps(axes: "list[Axes]") -> None:
    """Label the axis of the steps with whole numbers."""
    ticker = import_matplotlib("ticker")
    axes[-1].xaxis.set_major_locator(ticker.MaxNLocator(nbins=8, integer=True))
    axes[-1].xaxis.set_major_formatter(ticker.StrMethodFormatter("{x:,.0f}"))


def use_logarithmic_steps(axes: "list[Axes]") -> None:
    """Use a logarithmic axis of steps, because the lengths of runs may differ by a factor of fifty."""
    axes[-1].set_xscale("log")
    label_logarithmic(axes[-1].xaxis, import_matplotlib("ticker").EngFormatter(sep=""))


def use_logarithmic_positions(panel: "Axes", unit: str, width: float) -> None:
    """Use a logarithmic axis of steps or seconds, with as many labels as fit a panel of a width in inches."""
    if not math.isfinite(panel.dataLim.minposx):  # nothing is drawn
        return
    panel.set_xscale("log")
    ticker = import_matplotlib("ticker")
    formatter = ticker.EngFormatter(sep="") if unit == "steps" else ticker.StrMethodFormatter("{x:g}")
    low, high = sorted(panel.xaxis.get_view_interval())
    decades = math.log10(high / low)
    label_logarithmic(panel.xaxis, formatter)
    room = width * _LABELS_AN_INCH
    if decades > 0.3 and decades * (len(_FINE) if decades < 1.5 else len(_COARSE)) > room:
        parts = _COARSE if decades * len(_COARSE) <= room else (1.0,)
        panel.xaxis.set_major_locator(ticker.LogLocator(subs=parts, numticks=20))


def use_logarithmic_values(panel: "Axes") -> None:
    """Use a logarithmic axis of values if all are positive, so that small values can be distinguished."""
    drawn: list[Any] = [line.get_ydata() for line in panel.get_lines()]
    values = [float(value) for line in drawn for value in line]
    if not any(map(math.isfinite, values)) or any(value <= 0.0 for value in values):
        return
    panel.set_yscale("log")
    label_logarithmic(panel.yaxis, import_matplotlib("ticker").StrMethodFormatter("{x:g}"))


def label_logarithmic(axis: "Axis", formatter: Any) -> None:
    """Label a logarithmic axis; Matplotlib's locator for powers of ten leaves a short axis without labels."""
    ticker = import_matplotlib("ticker")
    low, high = sorted(axis.get_view_interval())
    decades = math.log10(high / low)
    if decades < 0.3:
        axis.set_major_locator(ticker.MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
    else:
        parts = _FINE if decades < 1.5 else _COARSE
        axis.set_major_locator(ticker.LogLocator(subs=parts, numticks=20))
    axis.set_major_formatter(formatter)
    axis.set_minor_formatter(ticker.NullFormatter())


def import_matplotlib(module: str) -> Any:
    """Import a module of Matplotlib on demand."""
    try:
        return importlib.import_module(f"matplotlib.{module}")
    except ImportError as error:
        raise _checks.missing_extra_error("plotting", "matplotlib", "plot") from error
