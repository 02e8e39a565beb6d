"""The Chinese pages translate the current English pages, or have a notice that they are outdated."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]


def load_program() -> ModuleType:
    spec = importlib.util.spec_from_file_location("translations", ROOT / "docs" / "translations.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


translations = load_program()
CODE = "```pycon\n>>> 1 + 1\n2\n\n```\n"
CHINESE = "# 页\n\n[English](../page.md)\n\n<!-- SHA-256 of the English page: -->\n\n译文。\n\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a folder with a page and its translation, which is up to date."""
    page = tmp_path / "docs" / "zh" / "page.md"
    page.parent.mkdir(parents=True)
    page.write_text(CHINESE + CODE, encoding="utf-8")
    (tmp_path / "docs" / "page.md").write_text(f"# Page\n\n[中文](zh/page.md)\n\nText.\n\n{CODE}", encoding="utf-8")
    translations.refresh(page, tmp_path)
    return tmp_path


def replace(page: Path, old: str, new: str) -> None:
    text = page.read_text(encoding="utf-8")
    assert old in text
    page.write_text(text.replace(old, new), encoding="utf-8")


def faults(root: Path) -> list[str]:
    [page] = translations.find_pages(root)
    return translations.find_faults(page, root)


@pytest.mark.parametrize("page", translations.find_pages(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_page_translates_the_current_english_page(page: Path) -> None:
    assert translations.find_faults(page) == []


def test_the_pages_that_are_translated() -> None:
    names = {translations.english_page(page).relative_to(ROOT).as_posix() for page in translations.find_pages()}
    assert names >= {"README.md", "docs/index.md", "docs/first-steps.md", "docs/optimizers.md"}


def test_a_changed_english_page_is_a_fault_until_the_translation_is_refreshed(root: Path) -> None:
    page = root / "docs" / "zh" / "page.md"
    assert faults(root) == []
    replace(root / "docs" / "page.md", "Text.", "Another text.")
    [fault] = faults(root)
    assert fault.startswith("docs/zh/page.md must translate docs/page.md, which has changed")
    translations.refresh(page, root)
    assert faults(root) == []


def test_an_outdated_page_has_a_notice_until_it_is_refreshed(root: Path) -> None:
    page = root / "docs" / "zh" / "page.md"
    before = page.read_text(encoding="utf-8")
    replace(root / "docs" / "page.md", "1 + 1\n2", "1 + 2\n3")
    for _ in range(2):  # marking a page twice leaves one notice
        translations.mark_outdated(page, root)
        assert faults(root) == []
        assert page.read_text(encoding="utf-8").count("> **本页译文已过时") == 1
    replace(root / "docs" / "page.md", "1 + 2\n3", "1 + 1\n2")
    [fault] = faults(root)
    assert "is marked as outdated, but docs/page.md has not changed" in fault
    translations.refresh(page, root)
    assert faults(root) == []
    assert page.read_text(encoding="utf-8") == before


def test_refreshing_alone_does_not_hide_other_code(root: Path) -> None:
    replace(root / "docs" / "page.md", "1 + 1\n2", "1 + 2\n3")
    translations.refresh(root / "docs" / "zh" / "page.md", root)
    assert faults(root) == ["docs/zh/page.md must have the code blocks of docs/page.md: copy them from there"]


@pytest.mark.parametrize(("page", "link"), [("docs/page.md", "(zh/page.md)"), ("docs/zh/page.md", "(../page.md)")])
def test_each_page_links_to_the_other(root: Path, page: str, link: str) -> None:
    replace(root / page, link, "(elsewhere.md)")
    translations.refresh(root / "docs" / "zh" / "page.md", root)
    assert faults(root) == [f"{page} must have the link {link} in its first five lines"]


def test_a_page_without_digest_or_original(root: Path) -> None:
    page = root / "docs" / "zh" / "page.md"
    page.write_text(CHINESE.replace("<!-- SHA-256 of the English page: -->", ""), encoding="utf-8")
    assert faults(root) == [
        "docs/zh/page.md must have the line <!-- SHA-256 of the English page: --> below its first link"
    ]
    (root / "docs" / "page.md").unlink()
    [fault] = faults(root)
    assert fault.startswith("docs/zh/page.md must translate docs/page.md, which does not exist")


def test_the_readme_is_next_to_its_translation(tmp_path: Path) -> None:
    assert translations.english_page(tmp_path / "README.zh.md", tmp_path) == tmp_path / "README.md"
