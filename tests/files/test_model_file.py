"""Model files: round trips, and headers and arrays that do not describe a model."""

import json
import os
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from cutedl_xp import Model, get_backend
from cutedl_xp._version import __version__
from cutedl_xp.files import arrays, model_file
from cutedl_xp.layers import Dense, Flatten
from model_files import ARRAYS, DENSE, HEADER, UNFIT, Renamed, Scale, every_kind, refused, write

KNOWN = "Dense, Dropout, Flatten, LayerNormalization, BatchNormalization, Activation"


class TestRoundTrip:
    def test_parameters_and_predictions_come_back_bit_for_bit(self, backend, to_numpy, dtype, path):
        model = Model(every_kind()).assemble(backend, dtype, seed=3)
        size = model.parameters.flat.value.shape
        model.parameters.flat.value = np.random.default_rng(0).normal(size=tuple(size))
        model.save(path)
        loaded = Model.load(path, backend=backend, custom_layers=[Scale])
        x = np.random.default_rng(1).normal(size=(6, 3, 4))
        assert loaded.backend == backend
        assert loaded.dtype == model.dtype
        assert [parameter.name for parameter in loaded.parameters] == [parameter.name for parameter in model.parameters]
        assert np.array_equal(to_numpy(loaded.parameters.flat.value), to_numpy(model.parameters.flat.value))
        assert np.array_equal(to_numpy(loaded.predict(x)), to_numpy(model.predict(x)))
        assert np.all(to_numpy(loaded.parameters.flat.gradient) == 0)
        assert loaded.summary() == model.summary()
        assert [layer.config() for layer in loaded.layers] == [layer.config() for layer in model.layers]
        assert [type(layer) for layer in loaded.layers] == [type(layer) for layer in model.layers]

    @pytest.mark.parametrize("other", ["numpy", "array_api_strict:CPU_DEVICE", "array_api_strict:device2"])
    def test_a_file_loads_on_another_backend(self, backend, to_numpy, dtype, path, other):
        other = get_backend(other)
        for source, target in ((backend, other), (other, backend)):
            model = Model(every_kind()).assemble(source, dtype, seed=3)
            model.save(path)
            loaded = Model.load(path, backend=target, custom_layers=[Scale])
            assert loaded.backend == target
            values = source.to_numpy(model.parameters.flat.value)
            assert np.array_equal(target.to_numpy(loaded.parameters.flat.value), values)

    def test_the_file_is_the_same_from_every_backend(self, backend, tmp_path):
        for name, where in (("here", backend), ("numpy", "numpy")):
            Model(every_kind()).assemble(where, seed=3).save(tmp_path / name)
        assert (tmp_path / "here").read_bytes() == (tmp_path / "numpy").read_bytes()

    def test_a_missing_folder_is_named_with_the_remedy(self, tmp_path):
        with pytest.raises(FileNotFoundError, match=r"its folder .*missing does not exist; make the folder first"):
            Model(every_kind()).assemble("numpy").save(tmp_path / "missing" / "model")
        assert not (tmp_path / "missing").exists()

    @pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.0, 1e-45])
    def test_odd_numbers_come_back(self, backend, to_numpy, path, value):
        model = Model([Dense(1, input_dim=1)]).assemble(backend)
        model.parameters[0].value = np.full((1, 1), value)
        with nullcontext() if np.isfinite(value) else pytest.warns(RuntimeWarning, match="'/1-Dense/weight'"):
            model.save(path)
        loaded = to_numpy(Model.load(path, backend=backend).parameters[0].value)
        assert loaded.tobytes() == to_numpy(model.parameters[0].value).tobytes()

    def test_a_model_without_parameters(self, backend, path):
        Model([Flatten()]).assemble(backend).save(path)
        assert Model.load(path, backend=backend).predict(np.ones((2, 3, 4))).shape == (2, 12)

    def test_initializers_that_are_functions_are_left_out(self, backend, to_numpy, path):
        layer = Dense(2, 3, weight_initializer=lambda stream, shape: np.full(shape, 4.0))
        Model([layer]).assemble(backend).save(path)
        assert np.all(to_numpy(Model.load(path, backend=backend).parameters[0].value) == 4.0)

    def test_the_numpy_backend_is_the_default(self, saved):
        assert Model.load(saved).backend == get_backend("numpy")

    def test_a_loaded_model_can_be_trained_on_and_saved_again(self, saved, tmp_path):
        model = Model.load(saved)
        model.parameters.flat.value[...] = 2.0
        model.save(saved)
        assert np.all(Model.load(saved).parameters.flat.value == 2.0)

    @pytest.mark.parametrize("kind", [str, os.fspath, lambda path: path], ids=["str", "fspath", "Path"])
    def test_paths_may_be_strings_or_paths(self, saved, kind):
        model = Model.load(kind(saved))
        model.save(kind(saved))
        assert np.array_equal(Model.load(saved).parameters.flat.value, model.parameters.flat.value)


class TestFormat1:
    def test_a_file_of_format_1_loads(self, backend, to_numpy):
        model = Model.load(Path(__file__).with_name("format-1.safetensors"), backend=backend)
        assert repr(model) == (
            "Model([Flatten(), Dense(units=3, input_dim=4, activation='tanh'), Dropout(keep_prob=0.75), "
            "Dense(units=2, input_dim=None, activation='linear')])"
        )
        values = np.concatenate([to_numpy(parameter.value).ravel() for parameter in model.parameters])
        assert sorted(values) == [number / 8 - 1 for number in range(23)]

    def test_it_is_saved_again_in_format_2(self, path):
        Model.load(Path(__file__).with_name("format-1.safetensors")).save(path)
        assert arrays.read(path)[1]["format"] == 2


class TestFile:
    def test_it_is_plain_safetensors_with_a_json_header(self, saved):
        with safetensors.safe_open(saved, framework="numpy") as file:
            header = json.loads(file.metadata()["cutedl_xp"])
            shapes = {name: file.get_tensor(name).shape for name in file.keys()}  # noqa: SIM118 (no mapping)
        assert shapes == {"/1-Dense/weight": (4, 3), "/1-Dense/bias": (3,)}
        config = {"activation": "relu", "weight_initializer": "uniform", "bias_initializer": "zeros"}
        assert header == HEADER | {"format": 2, "layers": [{"class": "Dense", "config": DENSE["config"] | config}]}

    def test_nothing_but_the_file_is_left(self, saved):
        Model.load(saved).save(saved)
        assert list(saved.parent.iterdir()) == [saved]


class TestUnfitHeaders:
    def test_the_plain_one_is_taken(self, path):
        write(path, HEADER, ARRAYS)
        assert repr(Model.load(path)) == "Model([Dense(units=3, input_dim=4, activation=None)])"

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"format": 0}, "format 0, kind 'model', not format 1 or 2, kind 'model'"),
            ({"format": -1}, "format -1, kind 'model'"),
            ({"format": True}, "format True, kind 'model'"),
            ({"format": 2.0}, "format 2.0, kind 'model'"),
            ({"format": "1"}, "format '1', kind 'model'"),
            ({"format": None}, "format None, kind 'model'"),
            ({"kind": "session"}, "it holds a session"),
            ({"dtype": "float16"}, "`dtype` must be one of 'float32', 'float64'; got 'float16'"),
            ({"dtype": 3}, "`dtype` must be one of"),
            ({"dtype": None}, "`dtype` must be one of"),
            ({"dtype": ["float32"]}, "`dtype` must be one of"),
            ({"layers": []}, "`layers` is empty"),
            ({"layers": None}, ""),
            ({"layers": 3}, ""),
            ({"layers": "Dense"}, ""),
            ({"layers": DENSE}, ""),
            ({"layers": [DENSE, None]}, ""),
            ({"layers": [[]]}, ""),
            ({"layers": [{}]}, "class"),
            ({"layers": [{"class": "Dense"}]}, "config"),
            ({"layers": [{"class": ["Dense"], "config": {}}]}, ""),
        ],
    )
    def test_a_changed_one_is_refused(self, path, change, words):
        write(path, HEADER | change, ARRAYS)
        refused(path, UNFIT)
        refused(path, words)

    @pytest.mark.parametrize("number", [3, 10**400])
    def test_a_newer_format_is_refused_with_the_remedy(self, path, number):
        arrays.write(path, ARRAYS, HEADER | {"format": number})
        refused(path, f"it has format {str(number)[:100]}")
        if number == 3:
            refused(path, f"; cutedl_xp {__version__} reads format 2 at most; update it")

    def test_too_many_layers_are_refused_before_they_are_made(self, path, monkeypatch):
        monkeypatch.setattr(model_file, "MAX_LAYERS", 2)
        monkeypatch.setattr(Dense, "__init__", lambda *_, **__: pytest.fail("made"))
        write(path, HEADER | {"layers": [DENSE] * 3}, ARRAYS)
        refused(path, "a file holds a model of at most 2 layers; got 3; split the model")

    def test_too_many_layers_are_refused_when_they_are_saved(self, path, monkeypatch):
        monkeypatch.setattr(model_file, "MAX_LAYERS", 2)
        with pytest.raises(ValueError, match="at most 2 layers; got 3"):
            Model([Dense(1, input_dim=1) for _ in range(3)]).assemble("numpy").save(path)
        assert not path.exists()

    @pytest.mark.parametrize("key", HEADER)
    def test_a_missing_entry_is_refused(self, path, key):
        write(path, {name: value for name, value in HEADER.items() if name != key}, ARRAYS)
        refused(path, UNFIT)

    @pytest.mark.parametrize("name", ["Conv2D", "Layer", "Model", "__import__", "dense", "", 5, None])
    def test_an_unknown_layer_is_refused_with_the_known_ones(self, path, name):
        write(path, HEADER | {"layers": [{"class": name, "config": {}}]}, ARRAYS)
        refused(
            path,
            f"layer {name!r} is not one of {KNOWN}; give it in `custom_layers`",
        )

    def test_a_users_layer_needs_to_be_given(self, path):
        Model([Scale()]).assemble("numpy").save(path)
        refused(path, f"layer 'Scale' is not one of {KNOWN}; give it in `custom_layers`")
        refused(
            path,
            f"layer 'Scale' is not one of {KNOWN}, Renamed",
            custom_layers=[Renamed],
        )
        assert type(Model.load(path, custom_layers=[Renamed, Scale]).layers[0]) is Scale

    def test_a_class_that_is_not_a_layer_is_refused(self, path):
        write(path, HEADER | {"layers": [{"class": "dict", "config": {}}]}, ARRAYS)
        for no_layer in (dict, Scale()):
            with pytest.raises(TypeError, match="`custom_layers` must be classes derived from Layer; got "):
                Model.load(path, custom_layers=[no_layer])

    @pytest.mark.parametrize(
        ("config", "words"),
        [
            ({"units": 0}, "`units` must be 1 or greater; got 0"),
            ({"units": 3.0}, "`units` must be an integer"),
            ({"units": "3"}, "`units` must be an integer"),
            ({"units": None}, "`units` must be an integer"),
            ({"units": 10**9}, ""),
            ({"units": 10**11}, ""),
            ({"units": 10**18}, ""),
            ({"units": 10**30}, ""),
            ({"input_dim": -4}, "`input_dim` must be 1 or greater; got -4"),
            ({"input_dim": 0}, "`input_dim` must be 1 or greater; got 0"),
            ({"input_dim": 10**400}, ""),
            ({"input_dim": None}, "give it `input_dim`"),
            ({"activation": "swish"}, "`activation` must be one of"),
            ({"activation": {"__reduce__": "os.system"}}, "`activation` must be one of"),
            ({"weight_initializer": "os.system"}, "`weight_initializer` must be one of"),
            ({"weight_initializer": 3}, "`weight_initializer` must be one of"),
            ({"surprise": 1}, "surprise"),
        ],
    )
    def test_a_layer_that_cannot_be_made_is_refused(self, path, config, words):
        write(path, HEADER | {"layers": [{"class": "Dense", "config": DENSE["config"] | config}]}, ARRAYS)
        refused(path, UNFIT)
        refused(path, words)

    @pytest.mark.parametrize("config", [[], None, 3, "units", {"keep_prob": 10**400}, {"keep_prob": float("nan")}, {}])
    def test_odd_arguments_are_refused(self, path, config):
        write(path, HEADER | {"layers": [{"class": "Dropout", "config": config}]}, {})
        refused(path, UNFIT)

    def test_layers_that_do_not_fit_each_other_are_refused(self, path):
        write(path, HEADER | {"layers": [DENSE, DENSE]}, ARRAYS)
        refused(path, "a last axis of 4; got samples of shape (3,)")


class TestUnfitArrays:
    @pytest.mark.parametrize(
        ("given", "words"),
        [
            ({}, "/1-Dense/bias"),
            ({"/1-Dense/weight": ARRAYS["/1-Dense/weight"]}, "/1-Dense/bias"),
            (ARRAYS | {"/2-Dense/bias": np.ones(3, "float32")}, "/2-Dense/bias"),
            (ARRAYS | {"/1-Dense/bias": np.ones(4, "float32")}, "/1-Dense/bias"),
            (ARRAYS | {"/1-Dense/bias": np.ones((1, 3), "float32")}, "/1-Dense/bias"),
            (ARRAYS | {"/1-Dense/bias": np.ones((), "float32")}, "/1-Dense/bias"),
            (ARRAYS | {"/1-Dense/weight": np.ones((3, 4), "float32")}, "/1-Dense/weight"),
            (ARRAYS | {"/1-Dense/weight": np.ones((12,), "float32")}, "/1-Dense/weight"),
            (ARRAYS | {"/1-Dense/weight": np.ones((4, 3), "float64")}, "/1-Dense/weight"),
            (ARRAYS | {"/1-Dense/weight": np.ones((4, 3), "int32")}, "/1-Dense/weight"),
            (ARRAYS | {"/1-Dense/weight": np.ones((4, 3), "complex64")}, "/1-Dense/weight"),
        ],
    )
    def test_missing_surplus_and_misshapen_ones_are_refused_by_name(self, path, given, words):
        write(path, HEADER, given)
        refused(path, UNFIT)
        refused(path, words)
