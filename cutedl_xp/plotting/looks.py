"""Styles that several pictures share: a style for each label, marks of failed runs, and legends."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from cutedl_xp.plotting import figures

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure

Style: TypeAlias = Mapping[str, Any]
_MARKERS = "os^DP*hp<>d"
_LEGEND_WIDTH = 15  # characters in an inch
_MARK_WIDTH = 9  # characters, with the space between columns
# The two marks differ in shape and filling, so that they can be distinguished in grey and when they overlap.
NOT_FINITE: Style = {"marker": "X", "s": 62, "facecolor": "#C00000", "edgecolor": "white", "linewidth": 0.7}
INACTIVE: Style = {"marker": "v", "s": 46, "facecolor": "white", "edgecolor": "black", "linewidth": 1.1}
FAILURES = {"not finite": NOT_FINITE, "inactive output units": INACTIVE}


def styles(labels: Iterable[str]) -> dict[str, Style]:
    """Return a colour, dash, marker and width for each label, to be shared by several pictures.

    The colours are those of Okabe and Ito, which colour-blind readers can distinguish. Labels that share a colour
    differ in dash and marker, so that they can also be distinguished in print without colours.

    Parameters
    ----------
    labels
        Labels; a label that occurs again keeps its first style.

    Returns
    -------
    dict
        For each label the keyword arguments of a matplotlib line.

    Examples
    --------
    >>> from cutedl_xp import plotting
    >>> looks = plotting.styles(["adam", "fixed", "adam"])
    >>> list(looks), looks["adam"]["color"]
    (['adam', 'fixed'], '#0072B2')
    """
    names = list(dict.fromkeys(labels))
    lines = figures.make_styles(len(names))
    return {
        name: {**line, "marker": _MARKERS[index % len(_MARKERS)], "markersize": 6, "markeredgecolor": "white"}
        for index, (name, line) in enumerate(zip(names, lines, strict=True))
    }


def complete(given: Mapping[str, Style] | None, labels: Sequence[str]) -> Mapping[str, Style]:
    """Return the given styles, or new styles for the labels; refuse labels without a given style."""
    chosen = styles(labels) if given is None else given
    missing = [label for label in labels if label not in chosen]
    if missing:
        raise ValueError(f"`styles` must have every label; {missing[0]!r} is not in it; make it with plotting.styles")
    return chosen


def line_handles(looks: Mapping[str, Style], labels: Iterable[str], **changes: Any) -> "dict[str, Artist]":
    """Return a line for each label, for a legend."""
    line = figures.import_matplotlib("lines").Line2D
    return {label: line([], [], **{**looks[label], **changes}) for label in labels}


def mark_handles(shown: Iterable[str]) -> "dict[str, Artist]":
    """Return the marks of failed runs that a picture shows, for its legend, in the order of ``FAILURES``."""
    scatter = figures.import_matplotlib("figure").Figure().add_subplot().scatter
    wanted = set(shown)
    return {name: scatter([], [], **look) for name, look in FAILURES.items() if name in wanted}


def add_legend(figure: "Figure", handles: "Mapping[str, Artist]") -> None:
    """Add a legend below all panels, in as many columns as fit the width of the figure."""
    if handles:
        room = int(figure.get_figwidth() * _LEGEND_WIDTH)
        columns = max(1, min(len(handles), room // (max(map(len, handles)) + _MARK_WIDTH)))
        figure.legend(
            list(handles.values()), list(handles), loc="outside lower center", ncols=columns, frameon=False,
            handlelength=3.4, fontsize="small",
        )  # fmt: skip
