"""The check of the built documentation finds external resources and links without a target."""

import runpy
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def check() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "docs" / "check_site.py"))


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "style.css").write_text(
        '/* https://a.org */ @import "more.css"; p { background: url("data:image/png;,") }'
    )
    (tmp_path / "more.css").write_text("")
    (tmp_path / "picture.png").write_bytes(b"")
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "page.html").write_text('<a href="../index.html#here">back</a><img src="../picture.png">')
    (tmp_path / "index.html").write_text(
        '<link rel="stylesheet" href="style.css"><h1 id="here">A</h1><a href="#here">up</a>'
        '<a href="https://example.org">elsewhere</a><a href="part/page.html">part</a>'
    )
    return tmp_path


def test_a_site_without_faults(check: dict[str, Any], site: Path) -> None:
    assert list(check["faults"](site)) == []


@pytest.mark.parametrize(
    ("html", "fault"),
    [
        ('<script src="https://cdn.org/a.js"></script>', "loads https://cdn.org/a.js from elsewhere"),
        ('<img src="//cdn.org/a.png">', "loads //cdn.org/a.png from elsewhere"),
        ('<img srcset="picture.png 1x, http://cdn.org/b.png 2x">', "loads http://cdn.org/b.png from elsewhere"),
        ('<link rel="preload" href="https://cdn.org/f.woff2">', "loads https://cdn.org/f.woff2 from elsewhere"),
        ('<p style="background: url(https://cdn.org/c.png)">', "loads https://cdn.org/c.png from elsewhere"),
        ('<img src="absent.png">', "loads absent.png, which the site does not have"),
        ('<a href="absent.html">', "links to absent.html, which the site does not have"),
        ('<a href="part/page.html#there">', "links to part/page.html#there, whose anchor the page does not have"),
        ('<a href="#there">', "links to #there, whose anchor the page does not have"),
    ],
)
def test_faults_of_a_page(check: dict[str, Any], site: Path, html: str, fault: str) -> None:
    (site / "bad.html").write_text(html)
    assert list(check["faults"](site)) == [f"bad.html: {fault}"]


def test_faults_of_a_style_sheet(check: dict[str, Any], site: Path) -> None:
    (site / "style.css").write_text('@import "https://fonts.org/a.css"; p { background: url(absent.png) }')
    assert list(check["faults"](site)) == [
        "style.css: loads https://fonts.org/a.css from elsewhere",
        "style.css: loads absent.png, which the site does not have",
    ]


def test_a_folder_without_pages(check: dict[str, Any], tmp_path: Path) -> None:
    assert "nox -s docs" in next(check["faults"](tmp_path))


@pytest.mark.parametrize(
    ("text", "is_name"), [("cutedl_xp.History.lr", True), ("cutedl_xp.Net.loss_, loss_curve_", False)]
)
def test_names(check: dict[str, Any], text: str, is_name: bool) -> None:
    assert check["is_name"](text) is is_name
