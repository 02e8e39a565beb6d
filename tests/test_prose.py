"""The check of the English finds avoided words in Markdown and Python, and nothing in plain sentences."""

import runpy
from pathlib import Path

import pytest

PROGRAM = runpy.run_path(str(Path(__file__).parents[1] / "docs/check_prose.py"))


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("a.md", "The training goes\non.\n", "1: 'goes on': continue"),
        ("a.md", "# Title\n\nSome words. What is kept is small.\n", "3: 'What': name the subject"),
        ("a.md", "- One that is large wins.\n", "1: 'One that': name the subject"),
        ("a.md", "| Those of a batch | 3 |\n", "1: 'Those': name the subject"),
        ("a.py", 'def f():\n    """What it returns."""\n', "2: 'What': name the subject"),
        ("a.py", "x = 1\n# compiled anew\n", "2: 'anew': again, or new"),
        ("a.py", "x = 1\n# The training goes\n# on.\nx = 2\n", "2: 'goes on': continue"),
        (
            "a.py",
            'def f(a):\n    """Return a.\n\n    a\n        What is kept.\n    """\n',
            "5: 'What': name the subject",
        ),
        ("a.md", "Text.\n\n**What is kept** is small.\n", "3: 'What': name the subject"),
        ("a.md", "It makes three steps an epoch, and waits for so many updates.\n", "1: 'steps an epoch': per"),
        ("a.py", 'raise ValueError(f"{x} is told apart")\n', "1: 'told apart': distinguished"),
    ],
)
def test_it_names_the_place_and_the_remedy(tmp_path, name, text, found):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    assert f"{path}:{found}" in PROGRAM["find_faults"](path)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.md", "## What does a step do?\n\nA step continues.\n"),
        ("a.md", "Text.\n\n```sh\ngo on  # code\n```\n\nThe option `go on` is code too.\n"),
        ("a.md", "Training goes on the GPU, and data go on to the next step.\n"),
        ("a.py", "goes_on = anew = 1  # names are free\n"),
        ("a.py", '"""Return what a layer keeps."""\n'),
        ("a.md", "The kernel makes so many launches that the step is slow.\n"),
    ],
)
def test_plain_sentences_code_and_questions_pass(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    assert PROGRAM["find_faults"](path) == []


def test_the_exit_code_shows_whether_there_are_faults(tmp_path, capsys):
    path = tmp_path / "a.md"
    path.write_text("Compiled anew.\n", encoding="utf-8")
    assert PROGRAM["main"]([str(path)]) == 1
    assert "anew" in capsys.readouterr().out
    path.write_text("Compiled again.\n", encoding="utf-8")
    assert PROGRAM["main"]([str(path)]) == 0
