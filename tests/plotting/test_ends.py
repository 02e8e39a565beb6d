"""Figures of the results of runs: accuracies, targets, profiles and sweeps."""

import itertools
import math

import numpy as np
import pytest

pytest.importorskip("matplotlib")
from cutedl_xp import plotting
from cutedl_xp.plotting import RunEnd

GOOD = RunEnd(accuracy=0.92, steps_to_target=1000.0, seconds_to_target=2.0)
SLOW = RunEnd(accuracy=0.90, steps_to_target=9000.0, seconds_to_target=18.0)
NEVER = RunEnd(accuracy=0.85)
DEAD = RunEnd(accuracy=0.80, inactive=True)
BROKEN = RunEnd(accuracy=0.0, finite=False)


def words(panel):
    return [text.get_text() for text in panel.texts]


def entries(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def summaries(panel):
    return [line.get_xdata() for line in panel.get_lines()]


def offsets(panel):
    return [tuple(mark.get_offsets()[0]) for mark in panel.collections]


class TestAccuracies:
    def test_dots_means_and_intervals(self):
        ends = {"adam": [GOOD, SLOW], "fixed": [NEVER]}
        figure = plotting.accuracies(ends, {"adam": (0.91, 0.90, 0.92), "fixed": (0.85, None, None)})
        (panel,) = figure.axes
        assert panel.get_xlabel() == "test accuracy"
        assert [x for x, _ in offsets(panel)] == [0.92, 0.90, 0.85]
        np.testing.assert_array_equal(summaries(panel)[0], [0.90, 0.91, 0.92])
        np.testing.assert_array_equal(summaries(panel)[1], [0.85])
        assert words(panel) == ["mean (95 % interval)", "0.9100 (0.9000 to 0.9200)", "0.8500"]
        assert [tick.get_text() for tick in panel.get_yticklabels()] == ["adam", "fixed"]

    def test_failed_runs_have_marks_instead_of_dots(self):
        figure = plotting.accuracies({"adam": [GOOD, DEAD, BROKEN]}, {"adam": (0.57, 0.0, 0.9)})
        assert entries(figure)[-2:] == ["not finite", "inactive output units"]
        shapes = {len(mark.get_paths()[0].vertices) for mark in figure.axes[0].collections}
        assert len(shapes) == 3

    @pytest.mark.parametrize("accuracies", [(0.1, 0.92), (0.9995, 0.92), (0.92, 0.921), (1.0, 0.9), (0.0, 0.0)])
    def test_the_axis_has_labels_whatever_the_range(self, accuracies):
        ends = {"adam": [RunEnd(accuracy=accuracy) for accuracy in accuracies]}
        figure = plotting.accuracies(ends, {})
        figure.draw_without_rendering()
        axis = figure.axes[0].xaxis
        low, high = axis.get_view_interval()
        assert np.isfinite([low, high]).all()
        assert sum(low <= tick.get_loc() <= high for tick in axis.get_major_ticks()) >= 2

    def test_unknown_accuracies_and_no_label(self, tmp_path):
        figure = plotting.accuracies({"adam": [RunEnd(accuracy=math.nan), RunEnd()]}, {"adam": (None, None, None)})
        assert words(figure.axes[0])[-1] == "none"
        plotting.save(figure, tmp_path / "none.png")
        plotting.save(plotting.accuracies({}, {}), tmp_path / "nothing.png")


class TestTargets:
    def test_a_run_that_never_reached_the_target_counts_as_infinite(self):
        figure = plotting.targets({"adam": [GOOD, SLOW, NEVER], "fixed": [NEVER, NEVER, GOOD]}, target=0.9)
        steps, seconds = figure.axes
        assert steps.get_xlabel() == "steps to a validation accuracy of 0.9"
        assert seconds.get_xlabel() == "seconds to a validation accuracy of 0.9"
        np.testing.assert_array_equal(summaries(steps)[0], [9000.0])
        np.testing.assert_array_equal(summaries(seconds)[0], [18.0])
        column = summaries(steps)[1][0]
        assert 1.0 < column < 1.2  # at the right of the panel
        assert [x for x, _ in offsets(steps)] == [1000.0, 9000.0, column, column, column, 1000.0]
        assert words(steps) == ["never"]
        assert words(seconds) == ["never", "reached", "2 of 3", "1 of 3"]

    @pytest.mark.parametrize("longest", [2e3, 2e5, 2e6, 1e8])
    def test_labels_of_the_axes_do_not_touch(self, longest):
        slowest = RunEnd(steps_to_target=longest, seconds_to_target=longest / 1000)
        figure = plotting.targets({"momentum(lr=0.002, momentum=0.9)": [GOOD, slowest, NEVER]})
        figure.draw_without_rendering()
        for axis in (panel.xaxis for panel in figure.axes):
            low, high = axis.get_view_interval()
            ticks = [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
            extents = [label.get_window_extent() for label in ticks]
            assert all(one.x1 + 3 < two.x0 for one, two in itertools.pairwise(extents))

    def test_no_run_reached_it(self, tmp_path):
        figure = plotting.targets({"adam": [NEVER, BROKEN]})
        plotting.save(figure, tmp_path / "never.png")
        assert len(figure.axes[0].get_xticks()) == 0


class TestProfile:
    def test_steps_rise_at_the_ratios_and_reach_the_edge(self):
        figure = plotting.profile({"adam": ([1.0, 3.0], [0.5, 1.0]), "fixed": ([], [])})
        (panel,) = figure.axes
        adam, fixed = panel.get_lines()
        np.testing.assert_allclose(adam.get_xdata(), [1.0, 3.0, panel.get_xlim()[1]])
        np.testing.assert_allclose(adam.get_ydata(), [0.5, 1.0, 1.0])
        assert adam.get_drawstyle() == "steps-post"
        np.testing.assert_allclose(fixed.get_ydata(), [0.0, 0.0])
        assert panel.get_xlabel() == "steps to the target / fewest steps of all on the same task"


SWEEP = {"adam": {0.1: [BROKEN, DEAD, GOOD], 0.001: [GOOD, SLOW, NEVER]}, "adadelta": {1.0: [SLOW], 10.0: [NEVER]}}


class TestRates:
    def test_medians_bands_and_usable_rates(self):
        figure = plotting.rates(SWEEP, {"adam": (0.002, 0.02), "adadelta": None})
        above, below = figure.axes
        adam = next(line for line in above.get_lines() if line.get_label() == "adam")
        np.testing.assert_array_equal(adam.get_xdata(), [0.001, 0.1])
        np.testing.assert_array_equal(adam.get_ydata(), [0.90, 0.80])
        band = next(band for band in above.collections if band.get_label() == "_adam")
        assert band.get_datalim(above.transData).intervaly.tolist() == [0.0, 0.92]
        assert words(below) == ["usable rates", "1.0 decades", "none"]
        (usable,) = below.get_lines()
        np.testing.assert_array_equal(usable.get_xdata(), [0.002, 0.02])
        assert below.get_xlabel() == "learning rate"
        assert above.get_xscale() == "log"

    def test_a_range_at_the_end_of_the_grid_may_be_wider(self):
        _, below = plotting.rates(SWEEP, {"adam": (0.001, 0.01), "adadelta": (2.0, 10.0)}).axes
        assert words(below)[1:] == ["at least 1.0 decades", "at least 0.7 decades"]

    def test_failed_rates_are_marked(self):
        figure = plotting.rates(SWEEP, {})
        marks = {mark.get_label(): mark.get_offsets()[:, 0].tolist() for mark in figure.axes[1].collections}
        assert marks == {"_not finite": [0.1], "_inactive output units": [0.1]}
        assert entries(figure)[-2:] == ["not finite", "inactive output units"]


class TestTargetMap:
    def test_cells_have_the_median_steps_and_the_number_that_reached_the_target(self):
        figure = plotting.target_map(SWEEP, {}, target=0.9)
        assert words(figure.axes[0]) == ["9k\n2/3", "1/3", "9k", "0/1"]
        assert figure.axes[1].get_ylabel() == "median steps to a validation accuracy of 0.9"

    def test_fast_and_never_differ(self):
        figure = plotting.target_map({"adam": {0.1: [GOOD], 1.0: [SLOW], 10.0: [NEVER]}}, {})
        cells = [cell for cell in figure.axes[0].patches if cell.get_fill() and cell.get_facecolor()[3] > 0]
        fast, slow, never = cells
        assert fast.get_facecolor() != slow.get_facecolor()
        assert never.get_hatch()
        assert not fast.get_hatch()
        edges = [cell.get_x() for cell in cells]
        np.testing.assert_allclose(edges, [10**-1.5, 10**-0.5, 10**0.5])

    def test_narrow_cells_have_no_text(self):
        rates = np.logspace(-5, 0, 60)
        assert words(plotting.target_map({"adam": {rate: [GOOD] for rate in rates}}, {}).axes[0]) == []

    @pytest.mark.parametrize("sweep", [{}, {"adam": {}}, {"adam": {0.1: [NEVER]}}, {"adam": {0.1: [GOOD]}}])
    def test_odd_sweeps(self, sweep, tmp_path):
        plotting.save(plotting.target_map(sweep, {}), tmp_path / "map.png")
        plotting.save(plotting.rates(sweep, {}), tmp_path / "rates.png")
        assert len(list(tmp_path.iterdir())) == 2
