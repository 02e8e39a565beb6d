"""Tables have all digits in CSV, and rounded numbers in Markdown."""

import csv

from cutedl_xp.studies.run import execute
from cutedl_xp.studies.table import run_rows, write_csv


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
