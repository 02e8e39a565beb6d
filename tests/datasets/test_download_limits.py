"""Mirrors that send too much, too slowly or in a misleading way, and processes that are killed while downloading."""

import gzip
import hashlib
import os
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cutedl_xp.datasets import _download
from cutedl_xp.datasets._download import Patience, fetch
from mirror import CHECKSUMS, CONTENT, WHOLE, Handler, Mirror, contents, refusal

LIMIT = 300_000
NOISE = np.random.default_rng(0).bytes(LIMIT)
NOISE_CHECKSUMS = {"a.gz": hashlib.sha256(NOISE).hexdigest()}
CHUNKED = {"Transfer-Encoding": "chunked"}
Serve = Callable[..., Mirror]


@pytest.fixture
def low_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set limits that a test reaches quickly."""
    monkeypatch.setattr(_download, "_LARGEST_FILE", LIMIT)
    monkeypatch.setattr(_download, "_LARGEST_CONTENT", LIMIT)


def begin(handler: Handler, status: int = 200, headers: dict[str, str] | None = None) -> None:
    handler.send_response(status)
    for name, value in (headers or {}).items():
        handler.send_header(name, value)
    handler.end_headers()


def endless(handler: Handler, status: int = 200, headers: dict[str, str] | None = None) -> None:
    """Answer as fast as the receiver reads, with far more bytes than expected."""
    begin(handler, status, headers)
    for _ in range(2000):
        handler.wfile.write(bytes(1 << 16))


@pytest.mark.usefixtures("low_limits")
def test_an_endless_file_is_abandoned(tmp_path: Path, serve: Serve) -> None:
    message = refusal(tmp_path, serve({}, answer=endless).address, patience=Patience(5.0, 5.0, 5.0))
    assert f"(it sent more than {LIMIT} bytes as a.gz)" in message


@pytest.mark.usefixtures("low_limits")
def test_a_file_that_expands_without_measure_is_abandoned(tmp_path: Path, serve: Serve) -> None:
    bomb = gzip.compress(bytes(50_000_000))
    assert len(bomb) < LIMIT
    tracemalloc.start()
    try:
        message = refusal(tmp_path, serve({"a.gz": bomb}).address)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()
    assert f"(a.gz expands to more than {LIMIT} bytes)" in message


def test_the_limits_hold_all_files_of_mnist() -> None:
    assert pytest.approx(1.5 * 9_912_422, rel=0.01) == _download._LARGEST_FILE
    assert 47_040_016 < _download._LARGEST_CONTENT < 50_000_000


def test_single_bytes_in_chunks_are_too_slow(tmp_path: Path, serve: Serve) -> None:
    """Each chunk reaches the receiver at once, so that the number of bytes always grows."""

    def trickle(handler: Handler) -> None:
        begin(handler, headers=CHUNKED)
        for _ in range(1000):
            handler.wfile.write(b"1\r\nx\r\n")
            if handler.server.given_up.wait(0.01):
                return

    started = time.monotonic()
    message = refusal(tmp_path, serve({}, answer=trickle).address, patience=Patience(5.0, 5.0, piece=0.3))
    assert "(it sent less than 65536 bytes of a.gz in 0.3 seconds)" in message
    assert time.monotonic() - started < 3.0


def test_a_whole_file_has_a_time_limit(tmp_path: Path, serve: Serve) -> None:
    """Every piece arrives in time, but not the whole file."""
    slow = serve({"a.gz": gzip.compress(NOISE)}, pause=0.2, piece=70_000)
    started = time.monotonic()
    message = refusal(tmp_path, slow.address, patience=Patience(5.0, 5.0, piece=0.4, file=0.5))
    assert "(it is not done after 0.5 seconds)" in message
    assert time.monotonic() - started < 3.0
    assert _download.PATIENCE.file == 600.0


def test_an_abandoned_transfer_ends(tmp_path: Path, serve: Serve) -> None:
    """The server detects that the receiver has closed the connection."""
    ended = threading.Event()

    def slow(handler: Handler) -> None:
        begin(handler)
        try:
            while not handler.server.given_up.wait(0.01):
                handler.wfile.write(bytes(2000))
        except ConnectionError:
            ended.set()

    refusal(tmp_path, serve({}, answer=slow).address, patience=Patience(5.0, 5.0, piece=0.1))
    assert ended.wait(5.0)


@pytest.mark.parametrize("announced", [10, len(WHOLE) - 1, 10**30])
def test_a_wrong_length(tmp_path: Path, serve: Serve, announced: int) -> None:
    def lie(handler: Handler) -> None:
        begin(handler, headers={"Content-Length": str(announced)})
        handler.wfile.write(WHOLE)

    mirror = serve({}, answer=lie)
    assert ("Error" if announced > len(WHOLE) else "is no whole gzip file") in refusal(tmp_path, mirror.address)


def test_a_length_that_is_not_a_number(tmp_path: Path, serve: Serve) -> None:
    def lie(handler: Handler) -> None:
        begin(handler, headers={"Content-Length": "many"})
        handler.wfile.write(WHOLE)

    assert "invalid literal" in refusal(tmp_path, serve({}, answer=lie).address)


def test_the_body_of_a_redirection_is_not_read(tmp_path: Path, serve: Serve) -> None:
    whole = serve({"a.gz": WHOLE})

    def redirect(handler: Handler) -> None:
        endless(handler, 302, {"Location": f"{whole.address}a.gz"})

    assert "(it answered for a.gz with HTTP status 302, " in refusal(tmp_path, serve({}, answer=redirect).address)
    assert whole.asked == []


def test_an_unrequested_encoding_is_not_decoded(tmp_path: Path, serve: Serve) -> None:
    """A short body could expand in the memory before its size is known."""

    def encode(handler: Handler) -> None:
        begin(handler, headers={"Content-Encoding": "gzip, gzip, gzip"})
        handler.wfile.write(gzip.compress(gzip.compress(gzip.compress(bytes(10_000_000)))))

    assert "HTTP status 200, encoding 'gzip, gzip, gzip')" in refusal(tmp_path, serve({}, answer=encode).address)


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_the_mode_is_that_of_any_new_file(tmp_path: Path, serve: Serve, mask: int, mode: int) -> None:
    mirror, before = serve({"a.gz": WHOLE}), os.umask(mask)
    try:
        fetch(tmp_path, CHECKSUMS, [mirror.address])
    finally:
        os.umask(before)
    assert (tmp_path / "a.gz").stat().st_mode & 0o777 == mode


def test_a_killed_download_leaves_nothing(tmp_path: Path, serve: Serve) -> None:
    content = gzip.compress(NOISE)
    mirror = serve({"a.gz": content}, pause=0.01, piece=10_000)  # for about 0.3 seconds
    program = (
        "import sys, pathlib; from cutedl_xp.datasets._download import fetch; "
        "fetch(pathlib.Path(sys.argv[1]), {'a.gz': sys.argv[2]}, [sys.argv[3]])"
    )
    arguments = (str(tmp_path), NOISE_CHECKSUMS["a.gz"], mirror.address)
    for wait in np.random.default_rng(0).uniform(0.0, 0.25, 5):
        asked = len(mirror.asked)
        process = subprocess.Popen([sys.executable, "-c", program, *arguments])
        while len(mirror.asked) == asked:
            assert process.poll() is None
            time.sleep(0.002)
        time.sleep(wait)
        process.kill()
        process.wait()
        assert contents(tmp_path) == {}
    subprocess.run([sys.executable, "-c", program, *arguments], check=True)
    assert contents(tmp_path) == {"a.gz": content}


def test_several_processes_may_download_at_once(tmp_path: Path, serve: Serve) -> None:
    mirror = serve({"a.gz": WHOLE})
    threads = [threading.Thread(target=fetch, args=(tmp_path, CHECKSUMS, [mirror.address])) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert gzip.decompress(contents(tmp_path).pop("a.gz")) == CONTENT
