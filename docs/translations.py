"""Check that each Chinese page translates the current English page, or has a notice that it is outdated.

python docs/translations.py                               # report the pages that do not; the exit code is then 1
python docs/translations.py --refresh docs/zh/index.md    # the translation is up to date
python docs/translations.py --outdated docs/zh/index.md   # only the English page has changed

`docs/zh/NAME.md` translates `docs/NAME.md`, and `README.zh.md` translates `README.md`. A line of the Chinese page holds
the SHA-256 of the English page. A paragraph of a Chinese page is one line, because browsers show a line break between
two Chinese characters as a space.
"""

import argparse
import hashlib
import os
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
DIGEST = re.compile(r"^<!-- SHA-256 of the English page: ?(\w*) -->\n", re.MULTILINE)
NOTICE = re.compile(r"^\n> \*\*本页译文已过时.*\n", re.MULTILINE)
CODE = re.compile(r"^```(?:pycon|python|sh)\n.*?^```$", re.MULTILINE | re.DOTALL)


def find_pages(root: Path = ROOT) -> list[Path]:
    """Return the Chinese pages."""
    return [*root.glob("README.zh.md"), *sorted(root.glob("docs/zh/**/*.md"))]


def english_page(page: Path, root: Path = ROOT) -> Path:
    """Return the page that a Chinese page translates."""
    name = page.relative_to(root).as_posix()
    return root / name.replace("docs/zh/", "docs/", 1).replace(".zh.md", ".md")


def find_faults(page: Path, root: Path = ROOT) -> list[str]:
    """Return the faults of a Chinese page, one sentence each."""
    name, original = page.relative_to(root).as_posix(), english_page(page, root)
    source = original.relative_to(root).as_posix()
    if not original.is_file():
        return [f"{name} must translate {source}, which does not exist: rename or remove the translation"]
    chinese, english = (each.read_text(encoding="utf-8") for each in (page, original))
    faults = []
    for one, text, other in ((name, chinese, original), (source, english, page)):
        link = f"]({_link((root / one).parent, other)})"
        if link not in "".join(text.splitlines(keepends=True)[:5]):
            faults.append(f"{one} must have the link {link[1:]} in its first five lines")
    digest = DIGEST.search(chinese)
    if digest is None:
        return [*faults, f"{name} must have the line <!-- SHA-256 of the English page: --> below its first link"]
    current, refresh = digest[1] == sha256(english), f"python docs/translations.py --refresh {name}"
    if NOTICE.search(chinese):
        if current:
            faults.append(f"{name} is marked as outdated, but {source} has not changed: run `{refresh}`")
    elif not current:
        faults.append(
            f"{name} must translate {source}, which has changed: update the translation and run `{refresh}`, "
            "or mark it for its readers by --outdated instead of --refresh"
        )
    elif CODE.findall(chinese) != CODE.findall(english):
        faults.append(f"{name} must have the code blocks of {source}: copy them from there")
    return faults


def refresh(page: Path, root: Path = ROOT) -> None:
    """Record that a page translates the current English page."""
    digest = sha256(english_page(page, root).read_text(encoding="utf-8"))
    text = NOTICE.sub("", page.read_text(encoding="utf-8"))
    _write(page, DIGEST.sub(f"<!-- SHA-256 of the English page: {digest} -->\n", text))


def mark_outdated(page: Path, root: Path = ROOT) -> None:
    """Add a notice to a page that its English page has changed."""
    text = NOTICE.sub("", page.read_text(encoding="utf-8"))
    link = _link(page.parent, english_page(page, root))
    notice = f"\n> **本页译文已过时：** 英文版在翻译之后有改动，请以[英文版]({link})为准。\n"  # noqa: RUF001 - Chinese
    _write(page, DIGEST.sub(lambda line: line[0] + notice, text))


def sha256(text: str) -> str:
    """Return the digest of a page, which is the same on systems with other line ends."""
    return hashlib.sha256(text.encode()).hexdigest()


def _link(folder: Path, target: Path) -> str:
    return Path(os.path.relpath(target, folder)).as_posix()


def _write(page: Path, text: str) -> None:
    page.write_text(text, encoding="utf-8", newline="\n")


def main() -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(description="Check the Chinese pages.")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--refresh", nargs="+", type=Path, default=[], metavar="PAGE", help="translations up to date")
    choice.add_argument("--outdated", nargs="+", type=Path, default=[], metavar="PAGE", help="translations to mark")
    options = parser.parse_args()
    for page in options.refresh:
        refresh(page.resolve())
    for page in options.outdated:
        mark_outdated(page.resolve())
    faults = [fault for page in find_pages() for fault in find_faults(page)]
    print(*faults, sep="\n", end="\n" if faults else "")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
