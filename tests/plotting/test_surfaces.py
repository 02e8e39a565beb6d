"""Figures of paths on surfaces."""

import re

import numpy as np
import pytest

from cutedl_xp.studies.surfaces import SURFACES
from cutedl_xp.studies.walks import walk

pytest.importorskip("matplotlib")
from matplotlib.backends.backend_agg import FigureCanvasAgg

from cutedl_xp import plotting
from cutedl_xp.plotting.surfaces import OUTSIDE_LABEL, draw, make_looks

RAVINE = SURFACES["ravine"]
RULES = [
    *("fixed(lr=0.018)", "momentum(lr=0.005)", "adagrad(lr=0.3)", "rmsprop(lr=0.02)", "adadelta(eps=0.005)"),
    *("adam(lr=0.1)", "adamw(lr=0.1, weight_decay=0.01)", "nadam(lr=0.1)", "radam(lr=0.1)", "adamax(lr=0.1)"),
    "lion(lr=0.01, weight_decay=0.01)",
]


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


class TestDraw:
    def test_both_panels_show_every_path(self):
        paths = [walk(text, RAVINE, steps=20) for text in RULES[:3]]
        left, right = draw(RAVINE, paths).axes
        for path, line, value in zip(paths, left.get_lines(), right.get_lines(), strict=True):
            np.testing.assert_array_equal(line.get_xydata(), path.points)
            np.testing.assert_array_equal(value.get_ydata(), path.values)
        assert (left.get_xlabel(), left.get_ylabel()) == ("x", "y")
        assert (right.get_xlabel(), right.get_ylabel()) == ("steps", "value")
        assert right.get_yscale() == "log"

    def test_the_values_are_those_above_the_lowest(self):
        saddle = SURFACES["saddle"]
        path = walk("adam(lr=0.01)", saddle)
        panel = draw(saddle, [path]).axes[1]
        np.testing.assert_array_equal(panel.get_lines()[0].get_ydata(), path.values + 0.25)
        assert panel.get_ylabel() == "value above the lowest, -0.25"

    def test_the_title_and_the_legend(self):
        figure = draw(RAVINE, [walk(text, RAVINE, steps=5) for text in RULES[:2]])
        assert figure.get_suptitle() == "ravine: (x² + 100 y²)/2"
        assert legend(figure) == [*RULES[:2], "start", "minimum"]

    def test_a_cross_where_a_path_leaves_the_picture(self):
        path = walk("fixed(lr=0.021)", RAVINE, steps=100)
        figure = draw(RAVINE, [path])
        assert legend(figure)[-1] == OUTSIDE_LABEL
        line = figure.axes[0].get_lines()[0]
        assert len(line.get_xdata()) == path.inside[-1] + 2 < path.steps
        end = figure.axes[0].collections[-1]
        np.testing.assert_array_equal(end.get_offsets(), path.points[[path.inside[-1]]])

    def test_a_path_that_is_not_finite(self, tmp_path):
        rosenbrock = SURFACES["rosenbrock"]
        paths = [walk(text, rosenbrock, steps=50) for text in ("fixed(lr=0.01)", "adam(lr=0.1)", "fixed(lr=0.001)")]
        figure = draw(rosenbrock, paths)
        plotting.save(figure, tmp_path / "a.png")
        assert legend(figure)[-1] == OUTSIDE_LABEL
        assert figure.axes[1].get_ylim()[1] <= 1e12

    def test_a_single_step_to_the_minimum(self, tmp_path):
        path = walk("fixed(lr=0.01)", RAVINE, start=(0.0, 0.5), steps=1)
        assert path.values[-1] == 0.0
        plotting.save(draw(RAVINE, [path]), tmp_path / "a.png")
        assert (tmp_path / "a.png").stat().st_size > 10_000

    def test_no_mark_below_the_panel(self):
        beale = SURFACES["beale"]
        paths = [walk(text, beale) for text in ("adam(lr=0.05)", "fixed(lr=0.02)")]
        assert 0.0 < paths[0].values[-1] < 1e-13
        panel = draw(beale, paths).axes[1]
        (mark,) = panel.collections
        assert mark.get_offsets().tolist() == [[500.0, paths[1].values[-1]]]
        assert panel.get_ylim()[0] >= 1e-12

    def test_nothing_overlaps_with_eleven_rules(self):
        figure = draw(RAVINE, [walk(text, RAVINE) for text in RULES])
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        renderer = canvas.get_renderer()
        boxes = [panel.get_tightbbox(renderer) for panel in figure.axes]
        boxes += [figure.legends[0].get_window_extent(renderer), figure._suptitle.get_window_extent(renderer)]
        assert not any(a.overlaps(b) for place, a in enumerate(boxes) for b in boxes[:place])
        whole = figure.get_window_extent(renderer)
        assert all(whole.x0 <= box.x0 and box.x1 <= whole.x1 and whole.y0 <= box.y0 for box in boxes)
        assert figure.axes[0].get_window_extent(renderer).height > 250


def test_eleven_looks_differ_in_colour_or_dash_and_in_their_marks():
    styles, markers = make_looks(len(RULES))
    assert len(set(markers)) == len(RULES)
    assert len({(style["color"], str(style["linestyle"])) for style in styles}) == len(RULES)
    assert all(re.fullmatch("#[0-9A-F]{6}", style["color"]) for style in styles)
