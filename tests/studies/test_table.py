"""Tables keep all digits in CSV, and are rounded for readers in Markdown."""

import csv
import math

import pytest

from cutedl_xp.studies.run import execute
from cutedl_xp.studies.table import format_cell, run_rows, to_markdown, write_csv


def test_a_run_is_a_row(make_plan):
    plan = make_plan(models=["4-3"], optimizers=["fixed(lr=0.1)"], seeds=[1])
    run = execute(plan.runs(plan.tasks)[0])
    run["figures"]["inactive_outputs"] = ["1", "2"]
    (row,) = run_rows([run])
    assert (row["optimizer"], row["seed"], row["purpose"]) == ("fixed(lr=0.1)", 1, "final")
    assert row["test_accuracy"] == run["figures"]["test_accuracy"]
    assert (row["inactive_outputs"], row["inactive_names"]) == (2, "1 2")
    assert row["stopped_by"] == "epochs"


def test_csv_keeps_every_digit_and_text(tmp_path):
    rows = [
        {"name": 'a "b", c|d\né', "number": 0.1 + 0.2, "none": None, "list": [1, 2.5], "flag": True},
        {"name": "", "number": 1e-300, "none": None, "list": [], "flag": False},
    ]
    write_csv(tmp_path / "table.csv", rows)
    with open(tmp_path / "table.csv", newline="", encoding="utf-8") as file:
        read = list(csv.DictReader(file))
    assert [row["name"] for row in read] == ['a "b", c|d\né', ""]
    assert [float(row["number"]) for row in read] == [0.1 + 0.2, 1e-300]
    assert [row["none"] for row in read] == ["", ""]
    assert [row["list"] for row in read] == ["1, 2.5", ""]


def test_a_table_without_rows_is_empty(tmp_path):
    write_csv(tmp_path / "table.csv", [])
    assert (tmp_path / "table.csv").read_text().strip() == ""
    assert to_markdown([]) == ""


def test_markdown():
    rows = [{"optimizer": "a|b", "test_loss": 0.123456}, {"optimizer": "lion", "test_loss": None}]
    assert to_markdown(rows).splitlines() == [
        "| optimizer | test loss |",
        "| --- | ---: |",
        "| a\\|b | 0.1235 |",
        "| lion | - |",
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (True, "yes"),
        (1234567, "1,234,567"),
        (0.0, "0"),
        (1.0, "1"),
        (0.92, "0.92"),
        (0.00001234, "1.2e-05"),
        (123456.7, "123,457"),
        (-0.00001, "-1e-05"),
        (math.nan, "not finite"),
        (math.inf, "never"),
        ([1, None], "1, -"),
        ({"a": 0.5, "b": 2}, "a: 0.5; b: 2"),
    ],
)
def test_cells_for_readers(value, text):
    assert format_cell(value) == text
