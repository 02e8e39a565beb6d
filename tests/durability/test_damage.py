"""Checkpoints and model files with a flipped bit, or truncated."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cutedl_xp import Dataset, Model, Session
from cutedl_xp.layers import Dense
from cutedl_xp.losses import Mse
from cutedl_xp.optimizers import Fixed
from durability import workloads

_X = np.ones((4, 1), "float32")


def make_session() -> Session:
    model = Model([Dense(1, input_dim=1, activation="relu")]).assemble("numpy", "float32", seed=1)
    session = Session(model, loss=Mse(), optimizer=Fixed(lr=0.1))
    session.fit(Dataset(_X, _X), epochs=1)
    return session


def describe_model(model: Model) -> dict[str, str]:
    arrays = {name: (array.dtype, array.shape, array.tobytes()) for name, array in model.weights().items()}
    return {"layers": repr(model.layers), "arrays": repr(arrays)}


KINDS: dict[str, tuple[Callable[[Session, Path], None], Callable[[Path], Any]]] = {
    "checkpoint": (
        lambda session, path: session.save(path),
        lambda path: workloads.describe(Session.load(path, "numpy")),
    ),
    "model": (
        lambda session, path: session.model.save(path),
        lambda path: describe_model(Model.load(path, backend="numpy")),
    ),
}


@pytest.fixture(params=KINDS)
def saved(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, bytes, Callable[[Path], Any], Any]:
    """Return a file, its bytes, the function that reads it, and the function's result."""
    save, load = KINDS[request.param]
    path = tmp_path / "file"
    save(make_session(), path)
    return path, path.read_bytes(), load, load(path)


def is_refused(path: Path, content: bytes, load: Callable[[Path], Any], wanted: Any) -> bool:
    """Return whether reading raises one sentence with the file; otherwise check that it returns the saved values."""
    path.write_bytes(content)
    try:
        found = load(path)
    except ValueError as error:
        message = str(error)
        assert message.startswith(str(path))
        assert "\n" not in message
        return True
    assert found == wanted
    return False


def test_flipped_bits_are_noticed(
    saved: tuple[Path, bytes, Callable[[Path], Any], Any],
    number_of: Callable[[int, int], int],
    record_property: Callable[..., None],
) -> None:
    path, content, load, wanted = saved
    bits = range(0, 8 * len(content), number_of(13, 1))
    refused = 0
    for bit in bits:
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        refused += is_refused(path, bytes(damaged), load, wanted)
    record_property("figures", {"bytes": len(content), "flips": len(bits), "refused": refused})
    assert refused == len(bits)


def test_truncations_are_noticed(
    saved: tuple[Path, bytes, Callable[[Path], Any], Any],
    number_of: Callable[[int, int], int],
    record_property: Callable[..., None],
) -> None:
    path, content, load, wanted = saved
    lengths = range(0, len(content), number_of(7, 1))
    refused = sum(is_refused(path, content[:length], load, wanted) for length in lengths)
    record_property("figures", {"bytes": len(content), "truncations": len(lengths), "refused": refused})
    assert refused == len(lengths)
    assert is_refused(path, content + b"\0", load, wanted)
