"""Tables for readers contain the rows of the summary in words."""

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


def test_trials_have_their_own_table():
    trials = [
        make_run(optimizer=f"adam(lr={rate})", seed=1001, purpose="trial", val_accuracy=accuracy)
        for rate, accuracy in ((0.1, 0.5), (0.01, 0.9), (0.001, 0.7))
    ]
    runs = [make_run(optimizer="adam(lr=0.01)", seed=1), *trials]
    first, second, *_ = make_tables("compare", runs)
    assert first.title.endswith(": tuning")
    assert first.rows == [("adam(lr=0.01)", "3", "0.9000", "0.7000")]
    assert [row[0] for row in second.rows] == ["adam(lr=0.01)"]
