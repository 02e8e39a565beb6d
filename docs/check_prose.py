"""Check the English of the project: words and openings of sentences that its style avoids.

python docs/check_prose.py              # every tracked Markdown and Python file
python docs/check_prose.py docs/*.md    # some of them

Code in Markdown is left out; of Python the docstrings, the comments and the texts are read.
"""

import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
AVOIDED = {
    "(?:go|goes|went|going) on(?! (?:to|the)\\b)": "continue",
    "anew": "again, or new",
    "in (?:the )?place of": "instead of",
    "for good": "permanently",
    "(?:is|are|be|was|were) told(?! apart)": "receive, or is stated",
    "told apart": "distinguished",
    "(?:is|are) spared": "is not needed, or is avoided",
    "(?:had|have) of": "obtained from",
    "to be had": "available",
    "hears? of": "receive",
    "(?:know|knows|keep|keeps|has|have|say|says) nothing of": "not know, keep or mention",
    "lives? (?:in|on)": "is in, or stays on",
    "stands? (?:outside|beside|behind|in for)": "is",
    "came to (?:it|them)": "was added",
    "beside theirs": "compared with",
    "had to do with": "concern",
    "wherein": "in which",
    "whereof": "of which",
    "thereof": "of it",
    "thereby": "and so",
    "hitherto": "until now",
    "upon": "on",
    "whilst": "while",
    "nought": "0",
    "for ever": "permanently",
    "at hand": "available",
    "as (?:it|they) stands?": "current, or unchanged",
    "so many(?! \\w+ that)": "the given number of",
    "somebody|whoever": "the user, or the caller",
    "(?:is|are) played|played by": "emulated",
    "stays? in charge": "stays in use",
    "of (?:one's|a user's|the user's) own": "a user's",
    "(?:batches|steps|updates|launch|launches|uploads?|kernels) (?:a second|an epoch|a chunk)": "per",
}
OPENINGS = "Whatever|What|One that|Those"
# A sentence begins a text, a paragraph, an item, a cell or a description, or follows another sentence
BEGIN = r"(?:\A|[.!:]\s|^\s*(?:[-*>#]+|\d+\.)\s|\n\s*\n|\||^\s*[\w*]+(?:, [\w*]+)*\n\s+)\s*[*_(\"]*"
STATEMENT = r"(?=\s[^?]*?(?:[.!|]|\n\s*\n|\Z))(?![^.!|]*\?)"
PATTERNS = [(re.compile(rf"\b({text})\b".replace(" ", r"\s+"), re.I), instead) for text, instead in AVOIDED.items()]
PATTERNS += [(re.compile(rf"{BEGIN}({OPENINGS})\b{STATEMENT}", re.M), "name the subject")]
CODE = re.compile(r"^( *)(```|~~~).*?^\1\2|`[^`\n]*`", re.M | re.S)
NOT_ENGLISH = re.compile(r"(?:^|/)zh/|\.zh\.md$|/check_prose\.py$|test_prose\.py$")


def find_faults(path: Path) -> list[str]:
    """Return what the style avoids in a file, one line for each place."""
    faults = []
    for line, text in read_texts(path):
        for pattern, instead in PATTERNS:
            for match in pattern.finditer(text):
                place = line + text.count("\n", 0, match.start(1))
                faults.append(f"{path}:{place}: {' '.join(match[1].split())!r}: {instead}")
    return faults


def read_texts(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the English texts of a file, each with the number of its first line."""
    source = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        yield 1, CODE.sub(lambda code: re.sub(r"[^\n]", "x", code[0]), source)
        return
    comment: list[tokenize.TokenInfo] = []  # lines of comment, one below the other
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        kind = tokenize.tok_name[token.type]
        if comment and (kind not in ("COMMENT", "NL") or token.start[0] > comment[-1].start[0] + 1):
            yield comment[0].start[0], "\n".join(each.string.lstrip("# ") for each in comment)
            comment = []
        if kind == "COMMENT":
            comment.append(token)
        elif kind in ("STRING", "FSTRING_MIDDLE"):
            yield token.start[0], token.string.lstrip("rbfuRBFU\"'# \n")


def main(arguments: list[str]) -> int:
    """Print the faults of the files; return the exit code."""
    paths = [Path(each) for each in arguments]
    if not paths:
        listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md", "*.py"]
        names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
        paths = [ROOT / name for name in names.stdout.splitlines() if not NOT_ENGLISH.search(name)]
    faults = [fault for path in paths for fault in find_faults(path)]
    print(*faults, sep="\n", end="\n" if faults else "")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
