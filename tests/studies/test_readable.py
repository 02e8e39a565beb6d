"""Tables for readers hold the rows of the summary in words."""

import pytest

from cutedl_xp.studies.readable import ReadableTable, make_tables
from made_runs import make_diverged_run, make_run

pytest.importorskip("scipy")


def test_markdown():
    table = ReadableTable("digits", ("optimizer", "loss"), [("a|b", "0.1")], "Medians.")
    assert table.to_markdown().splitlines() == [
        "## digits",
        "",
        "| optimizer | loss |",
        "| --- | ---: |",
        "| a\\|b | 0.1 |",
        "",
        "Medians.",
    ]


def test_a_table_without_rows_says_why():
    table = ReadableTable("differences", (), (), "3 seeds cannot show a difference.")
    assert table.to_markdown().split("\n\n")[0] == "## differences"
    assert "3 seeds cannot show" in table.to_markdown()
    assert "|" not in table.to_markdown()


def test_a_comparison_has_a_row_for_each_optimizer():
    runs = [make_run(optimizer=text, seed=seed) for seed in (1, 2) for text in ("adam", "lion")]
    tables = make_tables("compare", runs)
    named = [table for table in tables if table.rows]
    assert named
    assert all([row[0] for row in table.rows] == ["adam", "lion"] for table in named)
    assert "cannot show a difference" in tables[-1].caption


def test_losses_without_a_meaning_in_decimals():
    runs = [make_diverged_run("adam"), make_run("lion", val_loss=1.5e20)]
    losses = {row[0]: row[-1] for row in make_tables("compare", runs)[0].rows}
    assert losses == {"adam": "not finite", "lion": "1.5e+20"}


def test_trials_are_left_out():
    runs = [make_run(optimizer="adam", seed=1), make_run(optimizer="lion", seed=1, purpose="trial")]
    (first, *_) = make_tables("compare", runs)
    assert [row[0] for row in first.rows] == ["adam"]
