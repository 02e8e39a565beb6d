"""Each decision has a status with a date, and a row with its summary in the index."""

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "docs" / "adr"
DECISIONS = sorted(FOLDER.glob("0*.md"))
STATUS = re.compile(
    r"Status: (accepted|superseded by \[[^]]+\]\(0\d{3}-[a-z0-9-]+\.md\))"
    r" on (\d{4}-\d\d-\d\d)(, amended on \d{4}-\d\d-\d\d)?\."
)


@pytest.mark.parametrize("decision", DECISIONS, ids=lambda path: path.stem)
def test_status_and_summary(decision: Path) -> None:
    title, _, status = decision.read_text(encoding="utf-8").split("\n")[:3]
    number, name = re.fullmatch(r"# (\d+)\. (.+)", title).groups()
    kind, date, _ = STATUS.fullmatch(status).groups()
    assert int(number) == int(decision.stem[:4])
    row = f"| {number} | [{name}]({decision.name}). "
    rows = (FOLDER / "index.md").read_text(encoding="utf-8").splitlines()
    [summary] = [each.removeprefix(row) for each in rows if each.startswith(row)]
    assert re.fullmatch(rf"[^|]+\. \| {kind.split()[0]} \| {date} \|", summary)
