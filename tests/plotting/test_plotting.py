"""Figures show the history's numbers, also unusual ones, and are written completely or not at all."""

import itertools
import math
import sys

import numpy as np
import pytest

from cutedl_xp.training.history import History, record_stop

pytest.importorskip("matplotlib")
from cutedl_xp import plotting


def recorded(entries=5, *, start=938, accuracy=0.9, reason="enough", validated=True):
    history = History(metrics=["accuracy"], validated=validated)
    for entry in range(entries):
        validation = {"val_loss": 1.2 / (entry + 1), "metrics": {"accuracy": accuracy - 0.1 / (entry + 1)}}
        history.append(
            steps=start * (entry + 1), cost_time=0.5 * (entry + 1), loss=1.0 / (entry + 1),
            **(validation if validated else {}),
        )  # fmt: skip
    record_stop(history, "listener", reason)
    return history


def words(figure):
    """Return all texts in a figure."""
    figure.draw_without_rendering()
    texts = [text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text"))]
    return "\n".join(texts)


def lines(panel):
    return {line.get_label(): line for line in panel.get_lines()}


def assert_shows(line, steps, values):
    np.testing.assert_array_equal(line.get_xdata(), steps)
    np.testing.assert_array_equal(line.get_ydata(), values)


class TestReport:
    def test_the_lines_are_the_history(self):
        history = recorded()
        above, below = plotting.report(history).axes
        assert_shows(above.get_lines()[0], history.steps, history.loss)
        assert_shows(above.get_lines()[1], history.steps, history.val_loss)
        assert_shows(below.get_lines()[0], history.steps, history.val_accuracy)

    def test_the_figures_are_written_in(self):
        history = recorded(accuracy=0.95)
        history.val_accuracy[2] = 0.9876
        shown = words(plotting.report(history, title="Adam of $5 and $6"))
        for word in ("4,690 steps", "2.5 s", "0.2000", "0.2400", "0.9876", "0.9300", "stopped: enough", "of $5 and $6"):
            assert word in shown

    def test_metrics_of_the_user_have_panels(self):
        history = History(metrics=["recall", "accuracy"])
        history.append(steps=3, cost_time=0.1, loss=1.0, val_loss=1.0, metrics={"recall": 0.25, "accuracy": 0.5})
        figure = plotting.report(history)
        assert [panel.get_ylabel() for panel in figure.axes] == ["loss", "validation recall", "validation accuracy"]
        assert_shows(figure.axes[1].get_lines()[0], [3], [0.25])

    def test_a_history_draws_itself_for_notebooks(self):
        figure = recorded().plot("Adam")
        assert figure._suptitle.get_text() == "Adam"
        assert_shows(figure.axes[0].get_lines()[0], recorded().steps, recorded().loss)
        assert figure._repr_png_().startswith(b"\x89PNG")

    def test_without_validation_data_there_is_one_panel(self):
        history = recorded(validated=False)
        (panel,) = plotting.report(history).axes
        (line,) = panel.get_lines()
        assert_shows(line, history.steps, history.loss)

    @pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
    def test_entries_that_are_not_finite_leave_a_gap(self, value, tmp_path):
        history = recorded()
        history.loss[-1] = history.val_loss[-1] = history.val_accuracy[-1] = value
        figure = plotting.report(history)
        plotting.save(figure, tmp_path / "gap.png")
        assert str(value) in words(figure)
        assert all(np.isfinite(panel.get_ylim()).all() for panel in figure.axes)
        assert "best 0.8" in words(figure)

    def test_nothing_but_nan(self, tmp_path):
        history = recorded(2)
        history.loss[:] = history.val_loss[:] = history.val_accuracy[:] = [math.nan] * 2
        plotting.save(plotting.report(history), tmp_path / "nan.png")

    def test_one_entry_can_be_seen(self):
        for panel in plotting.report(recorded(1)).axes:
            assert all(line.get_marker() == "." for line in panel.get_lines())

    def test_no_entry(self):
        history = History(metrics=["accuracy"])
        record_stop(history, "interrupt", "interrupted")
        shown = words(plotting.report(history))
        assert "nothing was recorded" in shown
        assert "interrupted" in shown

    def test_a_long_reason_stays_in_the_picture(self):
        figure = plotting.report(recorded(reason="a reason in $ with many words " * 12))
        figure.draw_without_rendering()
        label = figure.axes[-1].xaxis.label.get_window_extent()
        assert figure.bbox.x0 <= label.x0
        assert label.x1 <= figure.bbox.x1
        assert figure.bbox.y0 <= label.y0


class TestComparison:
    def test_the_lines_are_the_histories(self):
        runs = {"Adam": recorded(), "Adagrad": recorded(9, accuracy=0.8)}
        above, below = plotting.comparison(runs).axes
        for label, run in runs.items():
            assert_shows(lines(above)[label], run.steps, run.val_loss)
            assert_shows(lines(below)[label], run.steps, [1 - accuracy for accuracy in run.val_accuracy])
        assert [panel.get_ylabel() for panel in (above, below)] == [
            "validation loss",
            "validation error (1 - accuracy)",
        ]
        assert [panel.get_yscale() for panel in (above, below)] == ["log", "log"]

    def test_an_accuracy_of_one_is_drawn(self):
        history = recorded()
        history.val_accuracy[-1] = 1.0
        below = plotting.comparison({"perfect": history}).axes[1]
        assert below.get_yscale() == "linear"
        assert below.get_lines()[0].get_ydata()[-1] == 0.0

    def test_of_two_runs_in_one_place_both_are_seen(self):
        above, _ = plotting.comparison({"RMSProp": recorded(), "Adam": recorded()}).axes
        below, on_top = above.get_lines()
        assert below.get_linewidth() > 2 * on_top.get_linewidth()
        under_it, dot = above.collections
        assert under_it.get_sizes()[0] > dot.get_sizes()[0]

    def test_crossed_runs_end_in_a_cross(self):
        alive, dead = recorded(), recorded()
        figure = plotting.comparison({"Adam": [alive, dead]}, crossed=[dead], crossed_label="with dead outputs")
        for panel in figure.axes:
            dot, cross = (len(mark.get_paths()[0].vertices) for mark in panel.collections[:2])
            assert dot != cross
        assert [text.get_text() for text in figure.legends[0].get_texts()] == ["Adam", "with dead outputs"]
        assert len(plotting.comparison({"Adam": alive}).legends[0].get_texts()) == 1

    @pytest.mark.parametrize(("entries", "start"), [(2, 938), (1, 63), (2, 63), (20, 938), (1000, 938)])
    def test_steps_have_labels_whatever_their_range(self, entries, start):
        figure = plotting.comparison({"run": recorded(entries, start=start)})
        figure.draw_without_rendering()
        axis = figure.axes[-1].xaxis
        low, high = axis.get_view_interval()
        shown = [tick for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high and tick.label1.get_text()]
        assert len(shown) >= 2
        extents = [tick.label1.get_window_extent() for tick in shown]
        assert not any(one.overlaps(two) for one, two in itertools.combinations(extents, 2))

    def test_steps_are_logarithmic(self):
        figure = plotting.comparison({"short": recorded(20), "long": recorded(1000)})
        assert [panel.get_xscale() for panel in figure.axes] == ["log", "log"]

    def test_every_label_looks_different(self):
        above, _ = plotting.comparison({f"run {number}": recorded() for number in range(32)}).axes
        styles = {(line.get_color(), str(line._dash_pattern)) for line in above.get_lines()}
        assert len(styles) == 32

    def test_neighbours_differ_in_colour_and_dash(self):
        above, _ = plotting.comparison({f"run {number}": recorded() for number in range(8)}).axes
        drawn = above.get_lines()
        assert len({line.get_color() for line in drawn}) == 8
        assert all(one._dash_pattern != two._dash_pattern for one, two in itertools.pairwise(drawn))

    def test_seeds_of_one_label_share_a_style_and_a_legend_entry(self):
        figure = plotting.comparison({"Adam": [recorded(), recorded(7)], "Fixed": [recorded(3)]})
        first, second, third = figure.axes[0].get_lines()
        assert first.get_color() == second.get_color() != third.get_color()
        assert [text.get_text() for text in figure.legends[0].get_texts()] == ["Adam", "Fixed"]

    @pytest.mark.parametrize(("name", "length"), [("a", 1), ("n", 15), ("x", 70)])
    def test_the_legend_hides_nothing(self, name, length):
        runs = {f"{name * length} {number}": recorded() for number in range(8)}
        figure = plotting.comparison(runs, title="many words " * 12)
        figure.draw_without_rendering()
        legend = figure.legends[0].get_window_extent()
        assert not any(legend.overlaps(part.get_tightbbox()) for part in (*figure.axes, figure._suptitle))
        assert figure.bbox.x0 <= legend.x0
        assert legend.x1 <= figure.bbox.x1

    @pytest.mark.parametrize("value", [math.nan, math.inf, 0.0])
    def test_odd_losses(self, value, tmp_path):
        history = recorded()
        history.val_loss[1] = value
        figure = plotting.comparison({"odd": history, "plain": recorded()})
        plotting.save(figure, tmp_path / "odd.png")
        assert_shows(lines(figure.axes[0])["odd"], history.steps, history.val_loss)

    def test_odd_runs(self, tmp_path):
        bare = recorded(validated=False)
        runs = {"none": [], "empty": History(metrics=["accuracy"]), "bare": bare, "one": recorded(1)}
        plotting.save(plotting.comparison(runs), tmp_path / "odd.png")
        plotting.save(plotting.comparison({}), tmp_path / "nothing.png")


@pytest.mark.parametrize(
    "draw", [plotting.report, lambda run, *rest, **more: plotting.comparison({"a": run}, *rest, **more)]
)
def test_a_warning_is_loud(draw):
    figure = draw(recorded(), "Adam", warning="only some of the images")
    assert figure._suptitle.get_text() == "Adam\nWARNING: only some of the images"
    assert figure._suptitle.get_fontweight() == "bold"
    import matplotlib.colors

    red, green, blue = matplotlib.colors.to_rgb(figure._suptitle.get_color())
    assert red > 0.7 > 0.1 > max(green, blue)
    assert draw(recorded(), "Adam")._suptitle.get_color() == "black"
    assert draw(recorded(), warning="alone")._suptitle.get_text() == "WARNING: alone"


def test_the_usual_stop_reason_fits_on_one_line():
    reason = "val_loss has not improved by more than 0.001 in 20 validations"
    label = plotting.report(recorded(reason=reason, start=131_320)).axes[-1].get_xlabel()
    assert label.splitlines()[1:] == [f"656,600 steps in 2.5 s; stopped: {reason}"]


def test_pyplot_is_left_alone():
    sys.modules.pop("matplotlib.pyplot", None)
    plotting.comparison({"Adam": recorded()})
    assert "matplotlib.pyplot" not in sys.modules


def test_without_matplotlib_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r'pip install "cutedl_xp\[plot\]"'):
        plotting.report(recorded())
