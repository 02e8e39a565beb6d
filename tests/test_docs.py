"""The Python in the README and the documentation: sessions with ``>>>`` give their output, other code is valid."""

import doctest
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [*ROOT.glob("README*.md"), *sorted(path for path in ROOT.glob("docs/**/*.md") if "_build" not in path.parts)]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NEEDS = {
    "README.md": "loky",
    "README.zh.md": "loky",
    "docs/guides/coming-from-scikit-learn.md": "sklearn",
    "docs/guides/data.md": "pandas",
    "docs/guides/scikit-learn.md": "sklearn",
    "docs/guides/studies.md": "sklearn",
    "docs/tutorials/comparing-with-a-study.md": "sklearn",
    "docs/tutorials/resuming.md": "sklearn",  # and with it what studies need
    "docs/tutorials/scikit-learn.md": "sklearn",
}  # packages that the examples of a page need
FENCE = re.compile(r"^ *(```|~~~|:::).*$", re.MULTILINE)


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_sessions_do_what_they_show(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if name(page) in NEEDS:
        pytest.importorskip(NEEDS[name(page)])
    text = FENCE.sub("", page.read_text(encoding="utf-8"))  # otherwise a closing fence counts as output
    names = {"__name__": "__main__"}  # the module of a page's classes, whose name is in checkpoints
    session = doctest.DocTestParser().get_doctest(text, names, name(page), str(page), 0)
    report: list[str] = []
    monkeypatch.chdir(tmp_path)  # pages save files in the working directory
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert runner.run(session, out=report.append).failed == 0, "".join(report)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_other_blocks_are_python(page: Path) -> None:
    for block in BLOCK.findall(page.read_text(encoding="utf-8")):
        if ">>>" not in block:
            compile(block, name(page), "exec")
