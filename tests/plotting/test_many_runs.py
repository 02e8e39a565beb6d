"""Pictures of all runs of a comparison."""

import itertools
import math
import sys

import numpy as np
import pytest

from cutedl_xp.training.history import History, record_stop

pytest.importorskip("matplotlib")
from cutedl_xp import plotting

OPTIMIZERS = [f"momentum(lr=0.00{number}, momentum=0.9)" for number in range(11)]


def recorded(entries=5, *, error=0.1, by="listener"):
    history = History(metrics=["accuracy"])
    for entry in range(1, entries + 1):
        history.append(
            steps=938 * entry, cost_time=0.5 * entry, loss=2.0 / entry, val_loss=2.0 / entry,
            metrics={"accuracy": 1.0 - error / entry},
        )  # fmt: skip
    record_stop(history, by, "enough")
    return history


def diverged(entries=5):
    history = recorded(entries, by="not_finite")
    history.val_loss[-1] = math.nan
    return history


def line(panel, label):
    (found,) = [line for line in panel.get_lines() if line.get_label() == label]
    return found


def entries(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def marks(panel, kind):
    return [mark for mark in panel.collections if mark.get_label() == f"_{kind}"]


def assert_nothing_overlaps(figure):
    """Neither the legend and the panels nor two labels of an axis overlap."""
    figure.draw_without_rendering()
    legend = figure.legends[0].get_window_extent()
    assert figure.bbox.x0 <= legend.x0
    assert legend.x1 <= figure.bbox.x1
    assert not any(legend.overlaps(panel.get_tightbbox()) for panel in figure.axes)
    for axis in (axis for panel in figure.axes for axis in (panel.xaxis, panel.yaxis)):
        low, high = sorted(axis.get_view_interval())
        ticks = [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
        extents = [label.get_window_extent() for label in ticks if label.get_visible() and label.get_text()]
        assert not any(one.overlaps(two) for one, two in itertools.pairwise(extents))


class TestCurves:
    def test_units_are_on_the_axes(self):
        figure = plotting.curves({"adam": [recorded()]})
        assert [panel.get_xlabel() for panel in figure.axes] == ["", "", "steps", "seconds"]
        names = ["validation loss", "", "validation error (1 - accuracy)", ""]
        assert [panel.get_ylabel() for panel in figure.axes] == names
        assert {panel.get_xscale() for panel in figure.axes} == {"log"}

    def test_lines_are_runs_and_their_median(self):
        runs = [recorded(error=error) for error in (0.1, 0.2, 0.4)]
        figure = plotting.curves({"adam": runs})
        for panel, x in ((figure.axes[2], runs[0].steps), (figure.axes[3], runs[0].cost_time)):
            thin = [line for line in panel.get_lines() if line.get_label() == "_run"]
            assert len(thin) == 3
            np.testing.assert_array_equal(thin[2].get_ydata(), [1.0 - value for value in runs[2].val_accuracy])
            median = line(panel, "adam")
            np.testing.assert_array_equal(median.get_xdata(), x)
            np.testing.assert_allclose(median.get_ydata(), [0.2 / entry for entry in range(1, 6)])
            assert median.get_linewidth() > 3 * thin[0].get_linewidth()
            assert len([band for band in panel.collections if band.get_label() == "_adam"]) == 1

    def test_failed_runs_are_marked_at_their_ends(self):
        inactive = recorded()
        figure = plotting.curves({"adam": [recorded(), inactive, diverged()]}, inactive=[inactive])
        (cross,) = marks(figure.axes[0], "not finite")
        np.testing.assert_array_equal(cross.get_offsets(), [[4 * 938, 0.5]])
        (triangle,) = marks(figure.axes[0], "inactive output units")
        np.testing.assert_array_equal(triangle.get_offsets(), [[5 * 938, 0.4]])
        assert entries(figure) == ["adam", "one seed", "median", "quartiles", "not finite", "inactive output units"]
        assert entries(plotting.curves({"adam": [recorded()]})) == ["adam"]

    def test_a_run_without_a_finite_loss_is_marked_at_the_upper_edge(self):
        panel = plotting.curves({"adam": [recorded(), diverged(1)]}).axes[0]
        (cross,) = marks(panel, "not finite")
        assert cross.get_offset_transform() == panel.get_xaxis_transform()

    def test_one_diverged_loss_does_not_flatten_the_others(self):
        wild = recorded()
        wild.val_loss[-1] = 1e30
        panel = plotting.curves({"adam": [recorded(), recorded(), wild]}).axes[0]
        assert panel.get_ylim()[1] < 10.0

    def test_styles_keep_an_optimizer_in_its_colour(self):
        styles = plotting.styles(OPTIMIZERS)
        figure = plotting.curves({OPTIMIZERS[4]: [recorded()]}, styles=styles)
        assert line(figure.axes[0], OPTIMIZERS[4]).get_color() == styles[OPTIMIZERS[4]]["color"]
        with pytest.raises(ValueError, match=r"'adam' is not in it; make it with plotting\.styles"):
            plotting.curves({"adam": [recorded()]}, styles=styles)

    @pytest.mark.parametrize("runs", [{}, {"adam": []}, {"adam": [History(metrics=["accuracy"])]}])
    def test_odd_runs(self, runs, tmp_path):
        plotting.save(plotting.curves(runs), tmp_path / "a.png")
        plotting.save(plotting.seeds(runs), tmp_path / "b.png")
        assert len(list(tmp_path.iterdir())) == 2


class TestSeeds:
    def test_each_label_has_a_panel_with_the_other_medians(self):
        figure = plotting.seeds({label: [recorded()] * 2 for label in OPTIMIZERS})
        assert [panel.get_title().replace("\n", " ") for panel in figure.axes] == OPTIMIZERS
        for panel in figure.axes:
            assert len([line for line in panel.get_lines() if line.get_label() == "_other"]) == 10
            assert len([line for line in panel.get_lines() if line.get_label() == "_run"]) == 2
        assert [panel.get_xlabel() for panel in figure.axes] == [""] * 7 + ["steps"] * 4

    def test_the_series_can_be_chosen(self):
        panel = plotting.seeds({"adam": [recorded()]}, series="val_loss").axes[0]
        np.testing.assert_array_equal(line(panel, "adam").get_ydata(), recorded().val_loss)
        assert panel.figure.get_supylabel() == "validation loss"


@pytest.mark.parametrize("draw", [plotting.curves, plotting.seeds])
@pytest.mark.parametrize("lengths", [(1, 1), (5, 1100), (300, 2)])
def test_nothing_overlaps(draw, lengths):
    runs = {label: [recorded(length) for length in lengths] for label in OPTIMIZERS}
    assert_nothing_overlaps(draw(runs, "mnist, 784-10", inactive=[runs[OPTIMIZERS[0]][0]]))


def test_eleven_styles_differ_without_colours():
    looks = plotting.styles(OPTIMIZERS).values()
    assert len({(look["color"], str(look["linestyle"])) for look in looks}) == 11
    assert len({look["marker"] for look in looks}) == 11


@pytest.mark.parametrize("draw", [plotting.curves, plotting.seeds])
def test_without_matplotlib_the_error_names_the_extra(draw, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r'pip install "cutedl_xp\[plot\]"'):
        draw({"adam": [recorded()]})
