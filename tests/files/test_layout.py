"""Files are plain safetensors; arrays and headers that could not be read are not written."""

import json

import numpy as np
import pytest
import safetensors.numpy

from cutedl_xp.files import arrays, layout

HEADER = {"format": 2, "kind": "example"}


class TestLayout:
    @pytest.mark.parametrize("dtype", layout._DTYPES)
    def test_safetensors_reads_every_dtype(self, path, dtype):
        values = np.array([[0, 1, 1], [1, 0, 1]]).astype(dtype)
        arrays.write(path, {"array": values}, HEADER)
        for found in (safetensors.numpy.load_file(path)["array"], arrays.read(path)[0]["array"]):
            assert found.dtype == dtype
            assert np.array_equal(found, values)

    @pytest.mark.parametrize("sizes", [(), (1,), (2, 11), (0, 1, 3), (111, 5, 7)])
    def test_every_array_is_aligned(self, path, sizes):
        given = {f"{dtype}-{size}": np.ones(size, dtype) for dtype in layout._DTYPES for size in sizes}
        arrays.write(path, given, HEADER)
        content = path.read_bytes()
        length = int.from_bytes(content[:8], "little")
        entries = json.loads(content[8 : 8 + length])
        assert length % 8 == 0
        assert all(entries[name]["data_offsets"][0] % array.itemsize == 0 for name, array in given.items())
        assert safetensors.numpy.load_file(path).keys() == given.keys()

    @pytest.mark.parametrize(
        "array",
        [
            np.arange(6.0).reshape(2, 3).T,
            np.arange(10)[::-3],
            np.arange(3, dtype=">i4"),
            np.array(2.5),
            7,
        ],
        ids=["transposed", "strided", "big-endian", "no axes", "int"],
    )
    def test_any_arrangement_of_the_bytes(self, path, array):
        arrays.write(path, {"array": array}, HEADER)
        found = arrays.read(path)[0]["array"]
        assert found.shape == np.shape(array)
        assert np.array_equal(found, array)

    def test_the_arrays_can_be_written_to(self, path):
        arrays.write(path, {"array": np.zeros(3)}, HEADER)
        found = arrays.read(path)[0]["array"]
        found += 1
        assert found.tolist() == [1, 1, 1]

    def test_names_and_headers_in_any_script(self, path):
        names = ["", "ключ", "\N{SNOWMAN}", 'quote"', "line\nbreak", "\0"]
        header = HEADER | {"名前": "\ud800", "0" * 64: "0" * 64}
        arrays.write(path, {name: np.array(number) for number, name in enumerate(names)}, header)
        found, read = arrays.read(path)
        assert {name: int(array) for name, array in found.items()} == {name: i for i, name in enumerate(names)}
        assert read == header

    def test_equal_contents_give_equal_files(self, path, tmp_path):
        given = {"b": np.ones(2), "a": np.ones(3)}
        arrays.write(path, given, HEADER)
        arrays.write(tmp_path / "other", dict(reversed(given.items())), HEADER)
        assert path.read_bytes() == (tmp_path / "other").read_bytes()


class TestRefused:
    @pytest.mark.parametrize("dtype", ["complex128", "O", "U3", "M8[s]"])
    def test_dtypes_that_safetensors_lacks(self, path, dtype):
        with pytest.raises(TypeError, match=r"the array 'array' must have a dtype of 'float64', .*; convert it first"):
            arrays.write(path, {"array": np.zeros(3, dtype)}, HEADER)
        assert not path.exists()

    def test_a_reserved_name(self, path):
        with pytest.raises(ValueError, match="the name '__metadata__' is reserved by safetensors"):
            arrays.write(path, {"__metadata__": np.zeros(3)}, HEADER)

    def test_a_name_that_is_not_text(self, path):
        with pytest.raises(ValueError, match=r"text that UTF-8 can encode; got '\\ud800'"):
            arrays.write(path, {"a\ud800": np.zeros(3)}, HEADER)

    def test_a_long_header(self, path):
        with pytest.raises(ValueError, match=r"a header must have at most 10,000,000 bytes; got 10,000,\d\d\d; "):
            arrays.write(path, {}, HEADER | {"text": "a" * (layout.MAX_HEADER - 100)})
        assert not path.exists()
        arrays.write(path, {}, HEADER | {"text": "a" * (layout.MAX_HEADER - 300)})
        assert len(arrays.read(path)[1]["text"]) == layout.MAX_HEADER - 300

    def test_a_deep_header(self, path):
        header = {}
        for _ in range(64):
            header = {"deep": header}
        with pytest.raises(ValueError, match="its JSON is nested more than 64 levels deep"):
            arrays.write(path, {}, header)
        arrays.write(path, {}, header["deep"])
        assert arrays.read(path)[1] == header["deep"]

    def test_a_circular_header(self, path):
        header = {}
        header["self"] = header
        with pytest.raises(ValueError, match="nested more than 64 levels deep"):
            arrays.write(path, {}, header)
