import gzip
import hashlib
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cutedl_xp.datasets import _download
from cutedl_xp.datasets._download import Patience, fetch
from mirror import CHECKSUMS, CONTENT, QUICK, WHOLE, Mirror, contents, refusal


def test_files_are_downloaded(tmp_path: Path, serve: Callable[..., Mirror]) -> None:
    other = gzip.compress(b"other")
    mirror = serve({"a.gz": WHOLE, "b.gz": other})
    folder = tmp_path / "made" / "mnist"
    fetch(folder, {**CHECKSUMS, "b.gz": hashlib.sha256(b"other").hexdigest()}, [mirror.address])
    assert contents(folder) == {"a.gz": WHOLE, "b.gz": other}


def test_a_file_that_is_there_is_left_alone(tmp_path: Path, serve: Callable[..., Mirror]) -> None:
    mirror = serve({"a.gz": WHOLE})
    (tmp_path / "a.gz").write_bytes(b"mine")
    fetch(tmp_path, CHECKSUMS, [mirror.address])
    assert contents(tmp_path) == {"a.gz": b"mine"}
    assert mirror.asked == []


def test_no_encoding_is_requested(tmp_path: Path, serve: Callable[..., Mirror]) -> None:
    mirror = serve({"a.gz": WHOLE})
    fetch(tmp_path, CHECKSUMS, [mirror.address])
    assert mirror.asked == [("/a.gz", "identity")]


def test_the_second_mirror_is_only_used_if_needed(tmp_path: Path, serve: Callable[..., Mirror]) -> None:
    first, second = serve({"a.gz": WHOLE}), serve({"a.gz": WHOLE})
    fetch(tmp_path, CHECKSUMS, [first.address, second.address])
    assert second.asked == []


def test_files_missing_on_one_mirror_come_from_another(tmp_path: Path, serve: Callable[..., Mirror]) -> None:
    first, second = serve({}), serve({"a.gz": WHOLE})
    fetch(tmp_path, CHECKSUMS, [first.address, second.address])
    assert [len(first.asked), len(second.asked)] == [1, 1]
    assert contents(tmp_path) == {"a.gz": WHOLE}


BAD = {
    "other content": (gzip.compress(CONTENT[:-1] + b"?"), "SHA-256"),
    "a page": (b"<html>Please log in</html>", "no whole gzip file"),
    "nothing": (b"", "SHA-256"),
    "half of it": (WHOLE[: len(WHOLE) // 2], "no whole gzip file"),
    "all but its last byte": (WHOLE[:-1], "no whole gzip file"),
    "more after it": (WHOLE + b"more", "no whole gzip file"),
    "another's decompressed file": (CONTENT, "no whole gzip file"),
    "an invalid stream": (WHOLE[:10] + b"\xff" * 20, "no whole gzip file"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_content_leads_to_the_next_mirror(tmp_path: Path, serve: Callable[..., Mirror], what: str) -> None:
    first, second = serve({"a.gz": BAD[what][0]}), serve({"a.gz": WHOLE})
    fetch(tmp_path, CHECKSUMS, [first.address, second.address])
    assert [len(first.asked), len(second.asked)] == [1, 1]
    assert contents(tmp_path) == {"a.gz": WHOLE}


@pytest.mark.parametrize("what", BAD)
def test_bad_content_is_not_put_in_place(tmp_path: Path, serve: Callable[..., Mirror], what: str) -> None:
    content, reason = BAD[what]
    message = refusal(tmp_path, serve({"a.gz": content}).address)
    assert f"what it sent as a.gz {'has the' if reason == 'SHA-256' else 'is'} {reason}" in message


def test_a_server_that_dies_half_way(tmp_path: Path, serve: Callable[..., Mirror]) -> None:
    dying, whole = serve({"a.gz": WHOLE[: len(WHOLE) // 2]}, announce=len(WHOLE)), serve({"a.gz": WHOLE})
    assert "Error" in refusal(tmp_path, dying.address)
    fetch(tmp_path, CHECKSUMS, [dying.address, whole.address])
    assert contents(tmp_path) == {"a.gz": WHOLE}


def test_no_mirror_has_it(tmp_path: Path, serve: Callable[..., Mirror]) -> None:
    first, second = serve({}), serve({})
    assert refusal(tmp_path, first.address, second.address).count("(HTTP status 404)") == 2


def test_connection_refused(tmp_path: Path, serve: Callable[..., Mirror], closed: str) -> None:
    assert "refused" in refusal(tmp_path, closed)
    fetch(tmp_path, CHECKSUMS, [closed, serve({"a.gz": WHOLE}).address])
    assert contents(tmp_path) == {"a.gz": WHOLE}


def test_a_server_that_never_answers(tmp_path: Path, serve: Callable[..., Mirror], silent: str) -> None:
    started = time.monotonic()
    assert "Timeout" in refusal(tmp_path, silent)
    assert time.monotonic() - started < 3.0
    fetch(tmp_path, CHECKSUMS, [silent, serve({"a.gz": WHOLE}).address], QUICK)
    assert contents(tmp_path) == {"a.gz": WHOLE}


def test_a_server_that_sends_a_byte_now_and_then(tmp_path: Path, serve: Callable[..., Mirror]) -> None:
    trickling, whole = serve({"a.gz": WHOLE}, pause=0.05), serve({"a.gz": WHOLE})
    patience = Patience(connect=5.0, read=5.0, piece=0.3)
    started = time.monotonic()
    message = refusal(tmp_path, trickling.address, patience=patience)
    assert "(it sent less than 65536 bytes of a.gz in 0.3 seconds)" in message
    trickling.given_up.set()  # so that the test does not wait for the next answer of this server, which has one thread
    assert time.monotonic() - started < 3.0
    trickling.given_up.clear()
    fetch(tmp_path, CHECKSUMS, [trickling.address, whole.address], patience)
    assert contents(tmp_path) == {"a.gz": WHOLE}


def test_a_slow_server_may_take_its_time(tmp_path: Path, serve: Callable[..., Mirror]) -> None:
    content = np.random.default_rng(0).bytes(300_000)
    slow = serve({"a.gz": gzip.compress(content)}, pause=0.1, piece=40_000)
    fetch(tmp_path, {"a.gz": hashlib.sha256(content).hexdigest()}, [slow.address], Patience(5.0, 5.0, piece=0.4))
    assert gzip.decompress(contents(tmp_path)["a.gz"]) == content


@pytest.mark.usefixtures("no_proxy")
def test_connecting_has_one_limit_in_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given_up = threading.Event()

    def never_resolved(*args: object, **kwargs: object) -> None:
        given_up.wait(10.0)
        raise OSError("given up")

    monkeypatch.setattr(socket, "getaddrinfo", never_resolved)
    started = time.monotonic()
    message = refusal(tmp_path, "http://mirror.invalid/", patience=Patience(connect=0.2, read=0.2, piece=0.2))
    given_up.set()
    assert time.monotonic() - started < 3.0
    assert "(no connection within 0.2 seconds)" in message


def test_a_proxy_connects_in_our_place(
    tmp_path: Path, serve: Callable[..., Mirror], monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = serve({"a.gz": WHOLE})
    monkeypatch.setenv("http_proxy", proxy.address)
    fetch(tmp_path, CHECKSUMS, ["http://mirror.invalid/mnist/"])
    assert [path for path, _ in proxy.asked] == ["http://mirror.invalid/mnist/a.gz"]
    assert contents(tmp_path) == {"a.gz": WHOLE}


def test_a_folder_that_cannot_be_made(tmp_path: Path, serve: Callable[..., Mirror]) -> None:
    (tmp_path / "file").write_bytes(b"")
    message = refusal(tmp_path / "file" / "mnist", serve({"a.gz": WHOLE}).address)
    assert "Not a directory" in message


def test_without_pooch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(ImportError, match=r'needs pooch, which is not installed: pip install "cutedl_xp\[data\]"$'):
        _download.import_pooch()


def test_the_mirrors() -> None:
    assert _download.PATIENCE.connect == 5.0
    assert [mirror.startswith("https://") and mirror.endswith("/") for mirror in _download.MIRRORS] == [True, True]
