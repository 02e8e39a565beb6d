"""Figures of a study are files in its folder, one set for each data set and model."""

import json
import math

import pytest

from cutedl_xp.training.history import History, record_stop

pytest.importorskip("matplotlib")
pytest.importorskip("scipy")
from cutedl_xp import plotting
from cutedl_xp.studies import pictures

ADAM, FIXED = "adam(lr=0.001)", "fixed(lr=0.1)"
COMPARED = ["curves.png", "seeds-loss.png", "seeds-error.png", "test-accuracy.png", "target.png"]


def make_run(optimizer, seed=1, *, data="digits", model="64-10", purpose="final", target=0.9, finite=True, inactive=()):
    """Return a run dict as the store reads it, with null for a loss that was not finite."""
    history = History(metrics=["accuracy"])
    for entry in range(1, 4):
        history.append(
            steps=100 * entry, cost_time=0.1 * entry, loss=1.0 / entry, val_loss=1.0 / entry,
            metrics={"accuracy": 1.0 - (0.3 + 0.01 * seed) / entry}, lr=0.1,
        )  # fmt: skip
    record_stop(history, "epochs" if finite else "not_finite", "enough")
    record = history.to_dict()
    if not finite:
        record["loss"][-1] = record["val_loss"][-1] = record["metrics"]["accuracy"][-1] = None
    accuracy = record["metrics"]["accuracy"][-1]
    losses = {name: record[name.removeprefix("test_")][-1] for name in ("loss", "val_loss", "test_loss")}
    figures = {
        **losses, "best_val_loss": 0.3, "val_accuracy": accuracy, "best_val_accuracy": accuracy,
        "test_accuracy": None if purpose == "trial" else accuracy, "steps": 300, "seconds": 0.3,
        "steps_to_target": 300 if target and finite else None, "seconds_to_target": 0.3 if target and finite else None,
        "inactive_outputs": list(inactive),
    }  # fmt: skip
    run = {
        "format": 1, "data": data, "model": model, "optimizer": optimizer, "seed": seed, "purpose": purpose,
        "settings": {"target": target}, "history": record, "figures": figures,
        "stopped_by": history.stopped_by, "stop_reason": "enough",
    }  # fmt: skip
    return json.loads(json.dumps(run))


@pytest.fixture
def drawn(monkeypatch):
    """Return figures by the names of their files, instead of writing files."""
    figures = {}
    monkeypatch.setattr(plotting, "save", lambda figure, path: figures.update({path.name: figure}))
    return figures


class TestDrawCompare:
    def test_files(self, tmp_path):
        runs = [make_run(text, seed) for text in (ADAM, FIXED) for seed in (1, 2)]
        assert pictures.draw_compare(runs, tmp_path) == [tmp_path / name for name in COMPARED]
        assert sorted(file.name for file in tmp_path.iterdir()) == sorted(COMPARED)
        assert all(file.read_bytes().startswith(b"\x89PNG") for file in tmp_path.iterdir())

    def test_without_a_target_and_with_one_run(self, drawn, tmp_path):
        pictures.draw_compare([make_run(ADAM, target=None), make_run(FIXED, purpose="trial")], tmp_path)
        assert list(drawn) == COMPARED[:-1]
        assert [panel.get_title() for panel in drawn["seeds-loss.png"].axes] == [ADAM]

    def test_no_run(self, tmp_path):
        assert pictures.draw_compare([], tmp_path) == pictures.draw_sweep([], tmp_path) == []

    def test_failed_runs(self, drawn, tmp_path):
        runs = [make_run(ADAM), make_run(ADAM, 2, finite=False), make_run(ADAM, 3, inactive=["4"])]
        pictures.draw_compare(runs, tmp_path)
        for figure in drawn.values():
            shown = [text.get_text() for text in figure.legends[0].get_texts()]
            assert shown[-2:] == ["not finite", "inactive output units"]
        crosses = [mark.get_offsets()[0, 0] for mark in drawn["test-accuracy.png"].axes[0].collections]
        assert crosses[1] == 0.0

    def test_the_best_mean_is_on_top(self, drawn, tmp_path):
        pictures.draw_compare([make_run(ADAM, 9), make_run(FIXED, 1)], tmp_path)
        labels = [tick.get_text() for tick in drawn["test-accuracy.png"].axes[0].get_yticklabels()]
        assert labels == [FIXED, ADAM]

    def test_several_tasks(self, drawn, tmp_path):
        tasks = [("digits", "64-10"), ("a/b.csv", "4-3"), ("a-b.csv", "4-3")]
        runs = [make_run(text, data=data, model=model) for data, model in tasks for text in (ADAM, FIXED)]
        pictures.draw_compare(runs, tmp_path)
        prefixes = ("digits-64-10", "a-b.csv-4-3", "a-b.csv-4-3-2")
        assert list(drawn) == [f"{prefix}-{name}" for prefix in prefixes for name in COMPARED] + ["profile.png"]
        assert len(drawn["profile.png"].axes[0].get_lines()) == 2

    def test_a_rule_keeps_its_colour_when_it_was_tuned_for_each_task(self, drawn, tmp_path):
        runs = [make_run(text) for text in (ADAM, FIXED)]
        runs += [make_run(text, data="wine", model="13-3") for text in ("fixed(lr=0.7)", "adam(lr=0.02)")]
        pictures.draw_compare(runs, tmp_path)
        colours = {}
        for name in ("digits-64-10-curves.png", "wine-13-3-curves.png", "profile.png"):
            for line in drawn[name].axes[0].get_lines():
                if not line.get_label().startswith("_"):
                    colours.setdefault(line.get_label().split("(")[0], set()).add(line.get_color())
        assert sorted(map(len, colours.values())) == [1, 1]
        assert colours["adam"] != colours["fixed"]

    def test_two_settings_of_one_rule_have_two_colours(self, drawn, tmp_path):
        pictures.draw_compare([make_run("adam(lr=0.1)"), make_run("adam(lr=0.2)")], tmp_path)
        lines = drawn["curves.png"].axes[0].get_lines()
        assert len({line.get_color() for line in lines}) == 2


class TestDrawSweep:
    RATES = (0.0001, 0.001, 0.01)

    def test_files(self, tmp_path):
        runs = [make_run(f"adam(lr={rate})", seed) for rate in self.RATES for seed in (1, 2)]
        assert pictures.draw_sweep(runs, tmp_path) == [tmp_path / "rates.png", tmp_path / "target-map.png"]
        assert sorted(file.name for file in tmp_path.iterdir()) == ["rates.png", "target-map.png"]

    def test_a_line_for_each_optimizer_over_its_rates(self, drawn, tmp_path):
        runs = [make_run(f"{rule}(lr={rate}{more})", finite=rate < 0.01) for rate in self.RATES
                for rule, more in (("adam", ", beta1=0.8"), ("fixed", ""))]  # fmt: skip
        pictures.draw_sweep(runs, tmp_path)
        above, below = drawn["rates.png"].axes
        adam, fixed = above.get_lines()
        assert [adam.get_label(), fixed.get_label()] == ["adam(beta1=0.8)", "fixed"]
        assert adam.get_xdata().tolist() == list(self.RATES)
        assert adam.get_ydata()[-1] == 0.0
        assert math.isclose(adam.get_ydata()[0], 1.0 - 0.31 / 3)
        usable = below.get_lines()[0].get_xdata()
        assert usable[0] == 0.0001
        assert 0.001 < usable[1] < 0.01

    def test_without_a_target_there_is_no_map(self, drawn, tmp_path):
        pictures.draw_sweep([make_run(f"adam(lr={rate})", target=None) for rate in self.RATES], tmp_path)
        assert list(drawn) == ["rates.png"]
