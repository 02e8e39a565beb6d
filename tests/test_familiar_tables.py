"""The tables of names for users of other libraries: every name of this library exists, with its options."""

import ast
import importlib
import inspect
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cutedl_xp as cdl
from cutedl_xp.listeners import Event
from cutedl_xp.training.stopping import Stopping

GUIDES = Path(__file__).parents[1] / "docs/guides"
PAGES = ("coming-from-keras", "coming-from-scikit-learn", "coming-from-pytorch")
SPANS = re.compile(r"`([^`]+)`")


def rows(page: str) -> list[tuple[str, str]]:
    """Return the cells of the tables of a page: names of the other library and of this one."""
    lines = (GUIDES / f"{page}.md").read_text(encoding="utf-8").splitlines()
    cells = [line.strip("|").split(" | ") for line in lines if line.startswith("| ")]
    assert all(len(each) == 2 for each in cells), [each for each in cells if len(each) != 2]
    return [(theirs.strip(), ours.strip()) for theirs, ours in cells if ours.strip() != "cutedl_xp"]


def roots() -> dict[str, Any]:
    """Return the objects in the tables."""
    model = cdl.Model([cdl.layers.Dense(1, input_dim=1, activation="linear")]).assemble("numpy")
    session = cdl.Session(model, loss=cdl.losses.Mse(), optimizer=cdl.optimizers.Adam())
    history, dataset = cdl.History(["accuracy"]), cdl.Dataset(np.ones((2, 1)), np.ones(2))
    event = Event("epoch_end", session, history, 0, 1, 0, 1, Stopping(history))
    named = {"cdl": cdl, "model": model, "session": session, "history": history, "dataset": dataset, "event": event}
    return named | {"optimizer": session.optimizer}


def names_in(span: str) -> list[tuple[str, list[str]]]:
    """Return each name with dots in a piece of code, with the keywords that it is called with."""
    tree = ast.parse(span, mode="eval")
    calls = {
        id(node.func): [each.arg or "" for each in node.keywords]
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    }
    inner = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    outer = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and id(node) not in inner]
    return [(ast.unparse(node), calls.get(id(node), [])) for node in outer]


def resolve(name: str, known: dict[str, Any]) -> Any:
    root, *rest = name.split(".")
    if root == "cutedl_xp":
        module, rest = ".".join((root, *rest[:1])), rest[1:]
        found: Any = importlib.import_module(module)
    else:
        found = known[root]
    for part in rest:
        found = getattr(found, part)
    return found


@pytest.mark.parametrize("page", PAGES)
def test_every_name_exists_with_its_options(page: str) -> None:
    known, seen = roots(), 0
    if page == "coming-from-scikit-learn":
        classifier = pytest.importorskip("cutedl_xp.sklearn").NetClassifier(epochs=1)
        known["net"] = classifier.fit(np.eye(2).repeat(3, axis=0), [0, 0, 0, 1, 1, 1])
    for _, ours in rows(page):
        for span in SPANS.findall(ours):
            if span.startswith('"') or span.isidentifier():  # a value or attribute of the name before it
                continue
            for name, keywords in names_in(span):
                options = inspect.signature(resolve(name, known)).parameters if keywords else {}
                assert options.keys() >= set(keywords), f"{name} has the options {[*options]}; the page has {keywords}"
                seen += 1
    assert seen > 30


@pytest.mark.parametrize("page", PAGES)
def test_every_row_names_something_here(page: str) -> None:
    """Every row has a name of this library, except rows for automatic behaviour."""
    for theirs, ours in rows(page):
        named = any("." in span or "(" in span for span in SPANS.findall(ours))
        assert named or "automatic" in ours or "](" in ours, (theirs, ours)


@pytest.mark.parametrize("page", PAGES)
def test_the_optimizers_and_losses_of_the_tables_can_be_made(page: str) -> None:
    """Evaluate the calls of classes whose arguments are all values."""
    made = 0
    names = {"cdl": cdl, "optimizer": cdl.optimizers.Fixed()}
    for _, ours in rows(page):
        for span in SPANS.findall(ours):
            if (
                re.match(r"cdl\.(optimizers|losses|metrics|layers|regularizers|schedules)\.\w+\(", span)
                and "=f)" not in span
            ):
                assert eval(span, {"__builtins__": {}}, names) is not None  # noqa: S307
                made += 1
    assert made > 10
