"""The notebook runs, and its cells show tables, pictures and the progress."""

import base64
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")
pytest.importorskip("sklearn")

NOTEBOOK = Path(__file__).parents[2] / "examples/notebooks/first_training.ipynb"
SECONDS = 120  # for a cell, on a busy machine


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return the notebook after it has run."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    resources = {"metadata": {"path": str(tmp_path_factory.mktemp("notebook"))}}
    nbclient.NotebookClient(notebook, timeout=SECONDS, kernel_name="python3", resources=resources).execute()
    return notebook


@pytest.fixture
def cells(notebook: Any) -> list[Any]:
    """Return the code cells."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def widgets(notebook: Any) -> list[tuple[str, Any]]:
    """Return the kinds and states of the widgets that cells show."""
    states = notebook.metadata.widgets["application/vnd.jupyter.widget-state+json"]["state"].values()
    return [(each["model_name"], each["state"]) for each in states]


def cell_with(cells: list[Any], text: str) -> Any:
    (found,) = [cell for cell in cells if text in cell.source]
    return found


def outputs(cell: Any, kind: str) -> Iterator[Any]:
    """Return the outputs of a cell that have a representation of this kind."""
    for output in cell.outputs:
        if kind in output.get("data", {}):
            yield output.data[kind]


def printed(cell: Any, stream: str = "stdout") -> str:
    return "".join(output.text for output in cell.outputs if output.get("name") == stream)


def assert_picture(cell: Any, smallest: int) -> None:
    """Check that the only picture of a cell is a PNG with enough bytes for a picture that is not blank."""
    (picture,) = outputs(cell, "image/png")
    content = base64.b64decode(picture)
    width, height = struct.unpack(">II", content[16:24])
    assert content[:4] == b"\x89PNG"
    assert min(width, height) >= smallest
    assert len(content) > width * height / 50  # a blank picture compresses better


def test_the_committed_notebook_has_no_outputs() -> None:
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)


def test_the_summary_is_a_table(cells: list[Any]) -> None:
    (table,) = outputs(cell_with(cells, "model.summary()"), "text/html")
    assert table.startswith("<table>")
    assert "<td>1-Dense</td><td>(64,)</td><td>4,160</td>" in table
    assert "<td>total</td><td></td><td>4,810</td>" in table


def test_the_training_shows_its_progress(notebook: Any, cells: list[Any]) -> None:
    assert len(list(outputs(cell_with(cells, "session.fit("), "application/vnd.jupyter.widget-view+json"))) == 1
    (bar,) = [state for kind, state in widgets(notebook) if kind == "FloatProgressModel"]
    texts = [state["value"] for kind, state in widgets(notebook) if kind == "HTMLModel"]
    assert 0 < bar["value"] == bar["max"]  # the bar ends at the early stop of the training,
    assert bar["bar_style"] == "success"  # because an early stop is not a failure
    percentage = round(100 * bar["value"] / bar["max"])
    assert re.match(rf"{bar['value']:,.0f}\W+steps.*\bval\W+loss\b.*\b{percentage}%", texts[0]), texts


def test_the_history_is_a_table(cells: list[Any]) -> None:
    (table,) = outputs(cell_with(cells, "session.fit("), "text/html")
    assert "<th>val_accuracy</th>" in table
    assert "the best weights were restored" in table


def test_the_history_and_the_confusion_matrix_are_pictures(cells: list[Any]) -> None:
    assert_picture(cell_with(cells, "history.plot("), 500)
    assert_picture(cell_with(cells, "axis.imshow(np.log1p(matrix)"), 300)


def test_the_digits_are_pictures(cells: list[Any]) -> None:
    assert_picture(cell_with(cells, "load_digits()"), 80)
    assert_picture(cell_with(cells, "np.flatnonzero("), 80)


def test_the_model_is_good_and_survives_a_file(cells: list[Any]) -> None:
    text = printed(cell_with(cells, "session.evaluate("))
    assert float(text.rpartition("accuracy ")[2]) > 0.95
    assert printed(cell_with(cells, "model.save(")) == "equal outputs: True\n"


def test_no_cell_warns(cells: list[Any]) -> None:
    for cell in cells:
        assert "Warning" not in printed(cell, "stderr"), printed(cell, "stderr")
