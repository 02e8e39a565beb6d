"""Damaged files: each raises one sentence, or returns exactly the saved values."""

import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cutedl_xp import Model
from cutedl_xp.files import arrays, layout
from cutedl_xp.layers import Dense, Dropout
from model_files import ARRAYS, DENSE, HEADER, refused

MIXED = {
    "float64": np.arange(3.0),
    "float32": np.full((2, 2), np.nan, "float32"),
    "none": np.ones((0, 4), "float16"),
    "number": np.array(7, "int64"),
    "flags": np.array([True, False, True]),
}


def outcome(path):
    """Return the content of a file, or None if reading raises the documented error; other errors fail the test."""
    try:
        contents, header = arrays.read(path)
    except ValueError as error:
        text = str(error)
        assert text.startswith(f"{path} ")
        assert "\n" not in text
        assert len(text) < 1000
        return None
    described = {name: (array.dtype.str, array.shape, array.tobytes()) for name, array in contents.items()}
    return described, header


@pytest.fixture
def small(path):
    """Return a small file with every kind of array."""
    arrays.write(path, MIXED, {"format": 2, "kind": "example", "number": 0.5})
    return path


def flipped(path, step=1):
    """Yield copies of a file with each bit, or each `step`-th, flipped."""
    content = path.read_bytes()
    with open(path, "r+b", buffering=0) as file:
        for bit in range(0, 8 * len(content), step):
            file.seek(bit // 8)
            file.write(bytes([content[bit // 8] ^ 1 << bit % 8]))
            yield bit
            file.seek(bit // 8)
            file.write(content[bit // 8 : bit // 8 + 1])


@pytest.mark.parametrize("kind", ["arrays", "model"])
def test_every_bit_flip_is_refused_or_harmless(path, small, kind):
    if kind == "model":
        Model([Dense(2, input_dim=3), Dropout(0.75)]).assemble("numpy", seed=0).save(path)
    saved = outcome(path)
    assert saved is not None
    for bit in flipped(path):
        assert outcome(path) in (None, saved), bit
    assert outcome(path) == saved


def test_every_truncation_and_every_longer_file_is_refused(small):
    content = small.read_bytes()
    for length in reversed(range(len(content))):
        os.truncate(small, length)
        assert outcome(small) is None
    for more in (b"\0", b" ", b"\0" * 8, content):
        small.write_bytes(content + more)
        assert outcome(small) is None


def test_every_bit_flip_of_a_file_without_a_digest_is_refused_or_gives_arrays(path):
    path.write_bytes(Path(__file__).with_name("format-1.safetensors").read_bytes())
    saved = outcome(path)
    for bit in flipped(path, step=3):
        found = outcome(path)
        assert found is None or len(found[0]) == len(saved[0]), bit


@example(b"")
@example(b"\0" * 8)
@example(b"\x02" + b"\0" * 7 + b"{}")
@example(b"\xff" * 8 + b"{}")
@given(st.binary(max_size=200))
def test_any_bytes_are_refused(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(content)
    assert outcome(path) is None


WORDS = st.sampled_from(["Dense", "F32", "class", "config", "dtype", "shape", "data_offsets", "units", "input_dim"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=8,
)


@given(entries=JSON, rest=st.binary(max_size=50))
def test_any_header_of_the_arrays_is_refused_or_gives_arrays(tmp_path_factory, entries, rest):
    path = tmp_path_factory.getbasetemp() / "any"
    described = {"__metadata__": {"cutedl_xp": "{}"}, "array": entries}
    words = json.dumps(described).encode()
    path.write_bytes(len(words).to_bytes(8, "little") + words + rest)
    outcome(path)


@given(change=st.dictionaries(st.sampled_from([*HEADER, "layers"]), JSON, max_size=3))
def test_any_header_of_a_model_is_refused_or_gives_a_model(tmp_path_factory, change):
    path = tmp_path_factory.getbasetemp() / "any"
    arrays.write(path, ARRAYS, HEADER | change)
    try:
        assert isinstance(Model.load(path, backend="numpy"), Model)
    except ValueError as error:
        assert str(error).startswith(f"{path} ")  # noqa: PT017


@given(config=st.dictionaries(st.sampled_from(["units", "input_dim", "activation", "bias_initializer"]), JSON))
def test_any_configuration_of_a_layer_is_refused_or_gives_a_model(tmp_path_factory, config):
    path = tmp_path_factory.getbasetemp() / "any"
    layer = {"class": "Dense", "config": DENSE["config"] | config}
    arrays.write(path, ARRAYS, HEADER | {"layers": [layer]})
    try:
        assert isinstance(Model.load(path, backend="numpy"), Model)
    except ValueError as error:
        assert str(error).startswith(f"{path} ")  # noqa: PT017


class TestDigest:
    def test_a_changed_number_is_named(self, small):
        content = bytearray(small.read_bytes())
        content[-1] ^= 1
        small.write_bytes(content)
        refused(small, "its content does not have the SHA-256 that its header gives")

    def test_it_is_that_of_the_file_with_zeros_in_its_place(self, small):
        content = small.read_bytes()
        length = int.from_bytes(content[:8], "little")
        digest = json.loads(content[8 : 8 + length])["__metadata__"]["sha256"].encode()
        assert hashlib.sha256(content.replace(digest, b"0" * 64)).hexdigest().encode() == digest

    def test_a_file_of_format_2_needs_it(self, small):
        content = small.read_bytes().replace(b'"sha256"', b'"sha257"')
        small.write_bytes(content)
        refused(small, "is damaged: it has format 2 and no SHA-256; restore it from a copy")

    def test_a_file_of_format_1_with_a_digest_is_checked_too(self, path):
        arrays.write(path, MIXED, {"format": 1})
        path.write_bytes(path.read_bytes()[:-1] + b"\x07")
        refused(path, "does not have the SHA-256")


class TestBounds:
    def test_a_file_that_shrinks_while_it_is_read(self, path, monkeypatch):
        real = layout.split_entries

        def shrink(*arguments):
            os.truncate(path, 50_000)
            return real(*arguments)

        arrays.write(path, {"array": np.ones(100_000)}, {})
        monkeypatch.setattr(layout, "split_entries", shrink)
        refused(path, "it was changed while it was read")

    def test_a_file_that_grows_while_it_is_read(self, small, monkeypatch):
        real = layout.split_entries

        def grow(*arguments):
            with small.open("ab") as file:
                file.write(bytes(8))
            return real(*arguments)

        monkeypatch.setattr(layout, "split_entries", grow)
        refused(small, "it was changed while it was read")

    @pytest.mark.parametrize("length", [layout.MAX_HEADER + 1, 99_000_000, 2**40, 2**64 - 1])
    def test_a_long_header_is_refused_before_it_is_read(self, path, length):
        with path.open("wb") as file:
            file.write(length.to_bytes(8, "little"))
            file.truncate(100_000_000_000)  # takes no space on the disk
        refused(path, f"its header has {length:,}")

    def test_a_file_of_a_hundred_gigabytes_is_refused_before_it_is_read(self, path):
        with path.open("wb") as file:
            file.write((2).to_bytes(8, "little") + b"{}")
            file.truncate(100_000_000_000)
        refused(path, "its arrays have 0 bytes, and the file has 99,999,999,990 bytes for them")

    @pytest.mark.parametrize(
        ("entries", "words"),
        [
            ({"a": ("F32", [2], [0, 8]), "b": ("F32", [2], [4, 12])}, "its arrays overlap, or leave a gap, at byte 8"),
            ({"a": ("F32", [1], [0, 4]), "b": ("F32", [1], [8, 12])}, "its arrays overlap, or leave a gap, at byte 4"),
            (
                {"a": ("F32", [3], [0, 12]), "b": ("F32", [1], [12, 16])},
                "its arrays have 16 bytes, and the file has ",
            ),
            ({"a": ("F32", [2], [0, 12])}, "the entry of the array 'a' is damaged"),
            ({"a": ("F32", [-3], [12, 0])}, "the entry of the array 'a' is damaged"),
            ({"a": ("F32", [True, 3], [0, 12])}, "the entry of the array 'a' is damaged"),
            ({"a": ("F32", [3.0], [0, 12])}, "the entry of the array 'a' is damaged"),
            ({"a": ("F32", [3] + [1] * 64, [0, 12])}, "the entry of the array 'a' is damaged"),
            ({"a": ("F32", [10**4000] * 200, [0, 12])}, "the entry of the array 'a' is damaged"),
            ({"a": ("BF16", [6], [0, 12])}, "the array 'a' has the dtype 'BF16', which NumPy lacks"),
        ],
    )
    def test_entries_that_do_not_fit(self, path, entries, words):
        keys = ("dtype", "shape", "data_offsets")
        described = {name: dict(zip(keys, entry, strict=True)) for name, entry in entries.items()}
        header = json.dumps({"__metadata__": {"cutedl_xp": "{}"}} | described).encode()
        path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(12))
        refused(path, words)

    def test_too_many_arrays(self, small, path, monkeypatch):
        monkeypatch.setattr(layout, "MAX_ARRAYS", 4)
        refused(small, "it has 5 arrays, which is more than 4")
        with pytest.raises(ValueError, match="a file must have at most 4 arrays; got 5; use several files"):
            arrays.write(path, MIXED, {})

    @pytest.mark.parametrize("depth", [64, 65, 900, 100_000])
    def test_a_deep_header(self, path, depth):
        header = '{"deep": ' + "[" * (depth - 1) + "]" * (depth - 1) + "}"
        words = json.dumps({"__metadata__": {"cutedl_xp": header}}).encode()
        path.write_bytes(len(words).to_bytes(8, "little") + words)
        if depth == 64:
            assert arrays.read(path)[0] == {}
        else:
            refused(path, "has no header of cutedl_xp")
        outer = b'{"__metadata__": {}, "a": ' + b"[" * depth + b"]" * depth + b"}"
        path.write_bytes(len(outer).to_bytes(8, "little") + outer)
        refused(path, "the entry of the array 'a' is damaged" if depth < 64 else "nested more than 64 levels deep")
