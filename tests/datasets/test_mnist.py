import functools
import gzip
import hashlib
import http.server
import logging
import os
import sys
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cutedl_xp import Backend, BackendUnavailable
from cutedl_xp.datasets import _download, _idx, _mnist_files, mnist
from idx_files import idx

DATA = os.environ.get("CUTEDL_XP_DATA")
NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS = NAMES
ARRAYS = {
    TRAIN_IMAGES: np.random.default_rng(0).integers(0, 256, (12, 4, 5), dtype=np.uint8),
    TRAIN_LABELS: (np.arange(12) % 10).astype(np.uint8),
    TEST_IMAGES: np.random.default_rng(1).integers(0, 256, (6, 4, 5), dtype=np.uint8),
    TEST_LABELS: np.array([9, 0, 3, 3, 1, 2], dtype=np.uint8),
}
FETCH = _download.fetch
real_files = pytest.mark.skipif(not DATA, reason="$CUTEDL_XP_DATA does not name the folder of the MNIST files")


def write(folder: Path, arrays: dict[str, NDArray[np.uint8]], rename: Callable[[str], str] = str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in arrays.items():
        path = folder / rename(name)
        path.write_bytes(gzip.compress(idx(array), 1) if path.suffix == ".gz" else idx(array))
    return folder


@pytest.fixture(autouse=True)
def _no_folder_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUTEDL_XP_DATA", raising=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "data", ARRAYS)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the empty cache directory, and disable all mirrors."""
    pooch = pytest.importorskip("pooch")
    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / "caches" / project)
    monkeypatch.setattr(_download, "fetch", lambda *args: pytest.fail(f"download of {args}"))
    return tmp_path / "caches" / "cutedl_xp" / "mnist"


@pytest.fixture
def synthetic_is_mnist(monkeypatch: pytest.MonkeyPatch) -> None:
    """Treat the small files as the real ones."""
    parts = [part._replace(sha256=hashlib.sha256(idx(ARRAYS[part.name])).hexdigest()) for part in _mnist_files.PARTS]
    monkeypatch.setattr(_mnist_files, "PARTS", tuple(parts))


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[str]:
    """Return the address of a server with the small files."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            """Write no log."""

    served = write(tmp_path / "served", ARRAYS, lambda name: f"{name}.gz")
    with http.server.HTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=served)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def refusal(folder: Path, kind: type[Exception] = ValueError) -> str:
    """Return the error message of loading from the folder."""
    with pytest.raises(kind) as caught:
        mnist.load(data_dir=folder)
    assert type(caught.value) is kind
    message = str(caught.value)
    assert "\n" not in message
    assert str(folder) in message
    return message


def first_batch(data: Any, **options: Any) -> tuple[Any, Any]:
    return next(iter(data.batches(epoch=0, **options)))


@pytest.mark.parametrize(
    "rename",
    [
        str,
        lambda name: f"{name}.gz",
        lambda name: name.replace("-idx", ".idx"),
        lambda name: name.replace("-idx", ".idx") + ".gz",
        lambda name: f"{name}.gz" if "labels" in name else name,
    ],
    ids=["plain", "gz", "dot", "dot and gz", "mixed"],
)
def test_spellings(tmp_path: Path, rename: Callable[[str], str]) -> None:
    folder = write(tmp_path / "data", ARRAYS, rename)
    train, test = mnist.load(data_dir=folder)
    np.testing.assert_array_equal(train.data, ARRAYS[TRAIN_IMAGES].reshape(12, 20))
    np.testing.assert_array_equal(test.data, ARRAYS[TEST_IMAGES].reshape(6, 20))
    assert list(mnist.checksums(folder)) == [rename(name) for name in NAMES]


def test_defaults(folder: Path) -> None:
    train, test = mnist.load(data_dir=folder)
    assert (train.shuffle, test.shuffle) == (True, False)
    assert (train.batch_size, test.batch_size) == (64, 64)
    assert train.data.dtype == test.data.dtype == np.uint8
    for data, name in ((train, TRAIN_LABELS), (test, TEST_LABELS)):
        assert data.labels.dtype == np.float32
        np.testing.assert_array_equal(data.labels, np.eye(10)[ARRAYS[name]])
    x, _ = first_batch(test)
    assert x.dtype == np.float32
    np.testing.assert_allclose(x, ARRAYS[TEST_IMAGES].reshape(6, 20) / 255, rtol=1e-6)


def test_options(folder: Path) -> None:
    train, test = mnist.load(batch_size=5, data_dir=folder, seed=3, one_hot=False, flatten=False)
    assert (len(train), len(test)) == (3, 2)
    assert (train.seed, train.sample_shape, test.sample_shape) == (3, (4, 5), (4, 5))
    assert train.labels.dtype == test.labels.dtype == np.int64
    np.testing.assert_array_equal(train.labels, ARRAYS[TRAIN_LABELS])
    other, _ = mnist.load(batch_size=5, data_dir=str(folder), seed=4, one_hot=False, flatten=False)
    assert not np.array_equal(first_batch(train)[0], first_batch(other)[0])


@pytest.mark.parametrize("one_hot", [True, False])
def test_on_a_backend(folder: Path, backend: Backend, one_hot: bool) -> None:
    train, test = mnist.load(data_dir=folder, backend=backend, one_hot=one_hot)
    on_host, _ = mnist.load(data_dir=folder, one_hot=one_hot)
    assert all(backend.owns(array) for data in (train, test) for array in (data.data, data.labels))
    assert train.data.dtype == backend.dtype("uint8")
    assert train.labels.dtype == backend.dtype("float32" if one_hot else "int64")
    for received, expected in zip(first_batch(train), first_batch(on_host), strict=True):
        np.testing.assert_allclose(backend.to_numpy(received), expected, rtol=1e-6)


def test_a_backend_by_its_name(folder: Path) -> None:
    train, _ = mnist.load(data_dir=folder, backend="array_api_strict:device1")
    assert str(train.data.device).count("device1") == 1


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"batch_size": 0}, ValueError, "`batch_size`"),
        ({"batch_size": 2.5}, TypeError, "`batch_size`"),
        ({"seed": -1}, ValueError, "`seed`"),
        ({"backend": "numpi"}, ValueError, "there is no backend 'numpi'"),
        ({"backend": 3}, TypeError, "backend"),
        ({"data_dir": 3}, TypeError, "`data_dir` must be a path or None; got 3"),
        ({"data_dir": b"data"}, TypeError, "`data_dir` must be a path or None; got b'data'"),
    ],
)
def test_bad_options_are_refused_before_anything_is_looked_for(
    options: dict[str, Any], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        mnist.load(**{"data_dir": "nowhere", **options})


def test_a_backend_that_is_unavailable(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)
    monkeypatch.delitem(sys.modules, "cutedl_xp.backends.cupy", raising=False)
    with pytest.raises(BackendUnavailable):
        mnist.load(data_dir=folder, backend="cupy")


def test_more_labels_than_images(folder: Path) -> None:
    write(folder, {TRAIN_LABELS: ARRAYS[TRAIN_LABELS][:11]})
    message = refusal(folder)
    assert f"{folder / TRAIN_IMAGES} has 12 images and {folder / TRAIN_LABELS} has 11 labels" in message


def test_test_labels_of_another_number(folder: Path) -> None:
    write(folder, {TEST_LABELS: ARRAYS[TRAIN_LABELS]})
    message = refusal(folder)
    assert f"{folder / TEST_IMAGES} has 6 images and {folder / TEST_LABELS} has 12 labels" in message


@pytest.mark.parametrize("name", [TRAIN_LABELS, TEST_LABELS])
def test_a_label_above_nine(folder: Path, name: str) -> None:
    labels = ARRAYS[name].copy()
    labels[4] = 10
    write(folder, {name: labels})
    assert refusal(folder) == f"{folder / name} has the label 10 at entry 4; labels are 0 to 9"


def test_images_of_two_sizes(folder: Path) -> None:
    write(folder, {TEST_IMAGES: ARRAYS[TEST_IMAGES].reshape(6, 5, 4)})
    message = refusal(folder)
    assert f"{folder / TRAIN_IMAGES} has images of (4, 5) pixels and {folder / TEST_IMAGES} of (5, 4)" in message


def test_labels_named_as_images(folder: Path) -> None:
    write(folder, {TRAIN_IMAGES: ARRAYS[TRAIN_LABELS]})
    assert refusal(folder).startswith(f"{folder / TRAIN_IMAGES} has 1 dimensions")


def test_images_named_as_labels(folder: Path) -> None:
    write(folder, {TEST_LABELS: ARRAYS[TEST_IMAGES]})
    assert refusal(folder).startswith(f"{folder / TEST_LABELS} has 3 dimensions")


@pytest.mark.usefixtures("synthetic_is_mnist")
def test_mnist_under_the_name_of_another_part(folder: Path) -> None:
    for name in (TEST_IMAGES, TEST_LABELS):
        write(folder, {name: ARRAYS[name.replace("t10k", "train")]})
    expected = f"{folder / TEST_IMAGES} holds MNIST's training images, not the test images of its name"
    assert refusal(folder) == expected


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_file_cut_off(tmp_path: Path, name: str, suffix: str) -> None:
    folder = write(tmp_path / "data", ARRAYS, lambda name: name + suffix)
    path = folder / (name + suffix)
    path.write_bytes(path.read_bytes()[:-3])
    message = refusal(folder)
    assert message.startswith(str(path))
    assert "cut off" in message


def test_a_folder_without_some_files(folder: Path) -> None:
    (folder / TRAIN_LABELS).unlink()
    (folder / TEST_IMAGES).unlink()
    message = refusal(folder, FileNotFoundError)
    assert message.startswith(f"{folder}, named by `data_dir`, lacks {TRAIN_LABELS}, {TEST_IMAGES} (each plain or .gz)")


def test_a_directory_is_not_a_file(folder: Path) -> None:
    (folder / TRAIN_LABELS).unlink()
    (folder / TRAIN_LABELS).mkdir()
    assert f"lacks {TRAIN_LABELS} (" in refusal(folder, FileNotFoundError)


def test_no_folder(tmp_path: Path) -> None:
    message = refusal(tmp_path / "nowhere", FileNotFoundError)
    assert "is no folder" in message
    assert all(name in message for name in NAMES)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")
def test_a_fifo_is_not_a_file(folder: Path) -> None:
    (folder / TRAIN_LABELS).unlink()
    os.mkfifo(folder / TRAIN_LABELS)
    assert f"lacks {TRAIN_LABELS} (" in refusal(folder, FileNotFoundError)


def test_a_folder_of_a_user_who_does_not_exist() -> None:
    with pytest.raises(FileNotFoundError, match=r"^~nosuchuser/x, named by `data_dir`, is no folder, so it lacks"):
        mnist.load(data_dir="~nosuchuser/x")


@pytest.mark.parametrize("second", [f"{TEST_LABELS}.gz", TEST_LABELS.replace("-idx", ".idx")])
def test_two_files_of_one_part(folder: Path, second: str) -> None:
    write(folder, {TEST_LABELS: ARRAYS[TEST_LABELS]}, lambda _: second)
    assert mnist.load(data_dir=folder)[1].size == 6
    write(folder, {TEST_LABELS: ARRAYS[TEST_LABELS][::-1]}, lambda _: second)
    expected = f"{folder / TEST_LABELS} and {second} beside it hold different test labels; remove one of them"
    assert refusal(folder) == expected


def test_the_variable_names_a_folder(folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUTEDL_XP_DATA", str(folder))
    assert mnist.load()[0].size == 12
    monkeypatch.setenv("CUTEDL_XP_DATA", str(folder / "nowhere"))
    assert mnist.load(data_dir=folder)[0].size == 12  # the argument comes first
    with pytest.raises(FileNotFoundError, match=r"nowhere, named by \$CUTEDL_XP_DATA, is no folder"):
        mnist.load()  # and neither is ignored silently
    assert not cache.exists()


def test_a_folder_of_the_user(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder.parent))
    monkeypatch.setenv("USERPROFILE", str(folder.parent))
    assert mnist.load(data_dir="~/data")[0].size == 12


@pytest.mark.usefixtures("synthetic_is_mnist")
@pytest.mark.parametrize("variable", ["", None])
def test_the_cache(cache: Path, variable: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if variable is not None:
        monkeypatch.setenv("CUTEDL_XP_DATA", variable)  # set and empty is not set
    write(cache, ARRAYS)
    assert mnist.load()[0].size == 12


def unusable_cache(cache: Path, kind: type[Exception] = ValueError) -> str:
    """Return the error message of loading from the cache."""
    with pytest.raises(kind) as caught:
        mnist.load()
    message = str(caught.value)
    assert message.startswith(str(cache))
    assert "\n" not in message
    return message


ADVICE = "; delete it to have it downloaded again, or name a folder of your own in `data_dir`"


def test_another_data_set_in_the_cache(cache: Path) -> None:
    write(cache, ARRAYS)
    expected = f"{cache / TRAIN_IMAGES} lies in the cache and is not MNIST's by its SHA-256{ADVICE}"
    assert unusable_cache(cache) == expected


@pytest.mark.usefixtures("synthetic_is_mnist")
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_damaged_file_in_the_cache(cache: Path, suffix: str) -> None:
    write(cache, ARRAYS, lambda name: name + suffix)
    path = cache / (TEST_LABELS + suffix)
    path.write_bytes(path.read_bytes()[:-3])
    message = unusable_cache(cache)
    assert "cut off" in message
    assert message.endswith(ADVICE)


@pytest.mark.usefixtures("synthetic_is_mnist")
def test_exchanged_files_in_the_cache(cache: Path) -> None:
    write(cache, {**ARRAYS, TEST_LABELS: ARRAYS[TRAIN_LABELS]})
    assert unusable_cache(cache).endswith(f"holds MNIST's training labels, not the test labels of its name{ADVICE}")


@pytest.mark.usefixtures("synthetic_is_mnist")
@pytest.mark.parametrize("function", ["open_regular", "is_file"])
def test_a_cache_that_may_not_be_read(cache: Path, function: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write(cache, ARRAYS)

    def refuse(path: Path, *args: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    if function == "open_regular":
        monkeypatch.setattr(_idx, "open_regular", refuse)
    else:
        monkeypatch.setattr(Path, "is_file", refuse)
    message = unusable_cache(cache, mnist.MnistUnavailable)
    assert "cannot be read: Permission denied" in message
    assert "`data_dir` or $CUTEDL_XP_DATA" in message


def test_files_missing_in_the_cache_are_downloaded(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def fetch(*args: Any) -> None:
        asked.extend(args)
        raise mnist.MnistUnavailable("no mirror")

    monkeypatch.setattr(_download, "fetch", fetch)
    write(cache, {TRAIN_IMAGES: ARRAYS[TRAIN_IMAGES]})
    with pytest.raises(mnist.MnistUnavailable, match="no mirror"):
        mnist.load()
    missing = {
        "train-labels-idx1-ubyte.gz": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "t10k-images-idx3-ubyte.gz": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels-idx1-ubyte.gz": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    }
    assert asked == [cache, missing, _download.MIRRORS, _download.PATIENCE]
    assert issubclass(mnist.MnistUnavailable, RuntimeError)


@pytest.mark.usefixtures("synthetic_is_mnist")
def test_downloading_and_reading(cache: Path, mirror: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(_download, "fetch", FETCH)
    for mirrors in ((mirror,), ()):  # the second call downloads nothing
        files = _mnist_files.read(None, mirrors)
        for file, name in zip(files, NAMES, strict=True):
            np.testing.assert_array_equal(file.array, ARRAYS[name])
    assert sorted(path.name for path in cache.iterdir()) == sorted(f"{name}.gz" for name in NAMES)


def test_without_pooch(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pooch", None)
    assert mnist.load(data_dir=folder)[0].size == 12
    with pytest.raises(ImportError, match=r'pip install "cutedl_xp\[data\]"$'):
        mnist.load()


def test_another_data_set_is_reported(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert mnist.checksums(folder) == dict.fromkeys(NAMES, "unknown")
    assert not caplog.records
    mnist.load(data_dir=folder)
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("cutedl_xp.datasets.mnist", "WARNING")
    assert all(str(folder / name) in record.getMessage() for name in NAMES)
    assert "unknown" in record.getMessage()


@pytest.mark.usefixtures("synthetic_is_mnist")
def test_one_file_of_another_data_set_is_reported(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(folder, {TEST_LABELS: ARRAYS[TEST_LABELS][::-1]})
    assert mnist.checksums(folder) == {**dict.fromkeys(NAMES, "MNIST"), TEST_LABELS: "unknown"}
    with caplog.at_level(logging.INFO, logger="cutedl_xp"):
        mnist.load(data_dir=folder)
    assert TEST_LABELS in caplog.text
    assert TRAIN_LABELS not in caplog.text


@real_files
def test_the_real_files(caplog: pytest.LogCaptureFixture) -> None:
    assert DATA
    assert set(mnist.checksums(DATA).values()) == {"MNIST"}
    tracemalloc.start()
    try:
        with caplog.at_level(logging.INFO, logger="cutedl_xp"):
            train, test = mnist.load(data_dir=DATA, one_hot=False)
        assert tracemalloc.get_traced_memory()[1] < 100_000_000
    finally:
        tracemalloc.stop()
    assert not caplog.records
    assert (len(train), len(test)) == (938, 157)
    assert (train.size, test.size) == (60_000, 10_000)
    assert train.sample_shape == test.sample_shape == (784,)
    assert train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert test.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert np.bincount(test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert abs(train.data.mean() / 255 - 0.1307) < 1e-4
    x, _ = first_batch(test)
    assert (x.min(), x.max()) == (0.0, 1.0)


@real_files
def test_the_real_files_in_the_wrong_places(tmp_path: Path) -> None:
    assert DATA
    for name in NAMES:
        other = name.replace("t10k", "x").replace("train", "t10k").replace("x-", "train-")
        source = next(path for path in (Path(DATA) / other, Path(DATA) / f"{other}.gz") if path.exists())
        (tmp_path / f"{name}{source.suffix}").symlink_to(source.resolve())
    assert "holds MNIST's test images, not the training images of its name" in refusal(tmp_path)
