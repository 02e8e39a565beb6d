"""Damaged files, and files from other programs."""

import json
import sys

import numpy as np
import pytest
import safetensors.numpy

from cutedl_xp import Model
from cutedl_xp.layers import Dense
from model_files import ARRAYS, DAMAGED, HEADER, STRANGE, refused, write


class TestDamagedFiles:
    def test_every_truncation_is_refused(self, saved):
        content = saved.read_bytes()
        for length in range(len(content)):
            saved.write_bytes(content[:length])
            refused(saved, DAMAGED)

    def test_bytes_too_many_are_refused(self, saved):
        saved.write_bytes(saved.read_bytes() + b"\0")
        refused(saved, DAMAGED)

    def test_a_changed_byte_gives_a_model_or_a_refusal_with_the_files_name(self, saved):
        content = saved.read_bytes()
        draw = np.random.default_rng(0)
        for place in range(len(content) - 60):  # the length, the header, and no number of the arrays
            saved.write_bytes(
                content[:place] + bytes([content[place] ^ int(draw.integers(1, 128))]) + content[place + 1 :]
            )
            try:
                Model.load(saved)
            except ValueError as error:
                assert str(error).startswith(str(saved))  # noqa: PT017 (a changed byte may do no harm)

    @pytest.mark.parametrize(
        "content",
        [b"", b"\0" * 8, b"\0" * 1000, b"PK\x03\x04" + b"a" * 100, b"\x93NUMPY" + b"a" * 100, b"\xff" * 64, b"{}" * 50,
         (10**6).to_bytes(8, "little") + b"{}", (2).to_bytes(8, "little") + b"[]"],
        ids=range(9),
    )  # fmt: skip
    def test_files_of_other_kinds_are_refused(self, path, content):
        path.write_bytes(content)
        refused(path, DAMAGED)

    def test_a_file_that_is_not_there(self, path):
        with pytest.raises(FileNotFoundError, match=path.name):
            Model.load(path)

    def test_a_folder_is_refused(self, tmp_path):
        with pytest.raises(OSError, match=tmp_path.name):
            Model.load(tmp_path)


class TestForeignFiles:
    @pytest.mark.parametrize("arrays", [ARRAYS, {}])
    def test_safetensors_written_by_others_are_refused(self, path, arrays):
        write(path, None, arrays)
        refused(path, STRANGE)
        path.write_bytes(safetensors.numpy.save(arrays, {"format": "pt"}))
        refused(path, STRANGE)

    @pytest.mark.parametrize(
        "header", ["", "{", "not JSON", "[" * 100_000, '{"a":' * 100_000 + "1" + "}" * 100_000, "9" * 5000]
    )
    def test_a_header_that_is_not_json_is_refused(self, path, header):
        write(path, header, ARRAYS)
        refused(path, STRANGE)

    @pytest.mark.parametrize("header", ["[]", "1", "null", '"model"', "true", "NaN"])
    def test_a_header_that_is_not_an_object_is_refused(self, path, header):
        write(path, header, ARRAYS)
        refused(path, "has a header that is not a JSON object")

    @pytest.mark.parametrize("kind", ["BF16", "F8_E4M3"])
    def test_an_array_of_a_dtype_that_numpy_has_not_is_refused(self, path, kind):
        width = 2 if kind == "BF16" else 1
        entries = {
            "__metadata__": {"cutedl_xp": json.dumps(HEADER)},
            "/1-Dense/weight": {"dtype": kind, "shape": [4, 3], "data_offsets": [0, 12 * width]},
            "/1-Dense/bias": {"dtype": kind, "shape": [3], "data_offsets": [12 * width, 15 * width]},
        }
        words = json.dumps(entries).encode()
        path.write_bytes(len(words).to_bytes(8, "little") + words + bytes(15 * width))
        refused(path, "")


@pytest.mark.parametrize("use", ["save", "load"])
def test_without_safetensors_the_error_names_the_extra(saved, monkeypatch, use):
    model = Model.load(saved)
    before = saved.read_bytes()
    monkeypatch.setitem(sys.modules, "safetensors", None)
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    with pytest.raises(
        ImportError, match=r'needs safetensors, which is not installed: pip install "cutedl_xp\[files\]"'
    ):
        model.save(saved) if use == "save" else Model.load(saved)
    assert saved.read_bytes() == before


@pytest.mark.parametrize("path", [0, None, b"m.safetensors"])
def test_values_other_than_paths_are_refused(path):
    model = Model([Dense(1, input_dim=1)]).assemble()
    for call in (model.save, Model.load):
        with pytest.raises(TypeError, match="`path` must be a path; got "):
            call(path)
