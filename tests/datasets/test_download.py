import contextlib
import gzip
import hashlib
import http.server
import random
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cutedl_xp.datasets import _download
from cutedl_xp.datasets._download import MnistUnavailable, Patience, fetch

CONTENT = b"what the file holds " * 50
CHECKSUMS = {"a.gz": hashlib.sha256(CONTENT).hexdigest()}
WHOLE = gzip.compress(CONTENT)
QUICK = Patience(connect=5.0, read=0.2, piece=5.0)


class Mirror(http.server.HTTPServer):
    """A server on the loopback address: a file by its name, 404 where it has none."""

    def __init__(self, files: dict[str, bytes], announce: int = 0, pause: float = 0.0, piece: int = 1) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.pause, self.piece = pause, piece  # seconds between so many bytes
        self.given_up = threading.Event()
        self.files = files
        self.announce = announce  # bytes that are announced and never sent
        self.asked: list[tuple[str, str | None]] = []
        self.address = f"http://127.0.0.1:{self.server_port}/"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Mirror

    def do_GET(self) -> None:
        name = self.path.rpartition("/")[2]
        self.server.asked.append((self.path, self.headers["Accept-Encoding"]))
        if name not in self.server.files:
            self.send_error(404)
            return
        content = self.server.files[name]
        self.send_response(200)
        self.send_header("Content-Length", str(len(content) + self.server.announce))
        self.end_headers()
        if not self.server.pause:
            self.wfile.write(content)
            return
        with contextlib.suppress(ConnectionError):
            for start in range(0, len(content), self.server.piece):
                self.wfile.write(content[start : start + self.server.piece])
                if self.server.given_up.wait(self.server.pause):
                    return

    def log_message(self, *args: object) -> None:
        """Keep quiet."""


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def serve() -> Iterator[Callable[..., Mirror]]:
    pytest.importorskip("pooch")
    started = []

    def start(files: dict[str, bytes], announce: int = 0, pause: float = 0.0, piece: int = 1) -> Mirror:
        mirror = Mirror(files, announce, pause, piece)
        thread = threading.Thread(target=mirror.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        started.append((mirror, thread))
        return mirror

    yield start
    for mirror, thread in started:
        mirror.given_up.set()
        mirror.shutdown()
        thread.join()
        mirror.server_close()


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a server that lets anybody connect and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"


@pytest.fixture
def closed() -> str:
    """The address of a port that nobody listens at."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{unused.getsockname()[1]}/"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else {}


def refusal(folder: Path, *mirrors: str, patience: Patience = QUICK) -> str:
    """The sentence in which the download is refused, which names all mirrors and leaves nothing behind."""
    before = contents(folder)
    with pytest.raises(MnistUnavailable) as caught:
        fetch(folder, CHECKSUMS, mirrors, patience)
    assert contents(folder) == before
    message = str(caught.value)
    assert "\n" not in message
    for part in (str(folder), *mirrors, "`data_dir`", "$CUTEDL_XP_DATA"):
        assert part in message
    return message


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


def test_no_encoding_is_asked_for(tmp_path: Path, serve: Callable[..., Mirror]) -> None:
    mirror = serve({"a.gz": WHOLE})
    fetch(tmp_path, CHECKSUMS, [mirror.address])
    assert mirror.asked == [("/a.gz", "identity")]


def test_the_second_mirror_is_not_asked_without_need(tmp_path: Path, serve: Callable[..., Mirror]) -> None:
    first, second = serve({"a.gz": WHOLE}), serve({"a.gz": WHOLE})
    fetch(tmp_path, CHECKSUMS, [first.address, second.address])
    assert second.asked == []


def test_what_one_mirror_lacks_another_has(tmp_path: Path, serve: Callable[..., Mirror]) -> None:
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


def test_nobody_has_it(tmp_path: Path, serve: Callable[..., Mirror]) -> None:
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
    trickling.given_up.set()  # so that the next answer of this server, which has one thread, is not waited for
    assert time.monotonic() - started < 3.0
    trickling.given_up.clear()
    fetch(tmp_path, CHECKSUMS, [trickling.address, whole.address], patience)
    assert contents(tmp_path) == {"a.gz": WHOLE}


def test_a_slow_server_may_take_its_time(tmp_path: Path, serve: Callable[..., Mirror]) -> None:
    content = random.Random(0).randbytes(300_000)
    slow = serve({"a.gz": gzip.compress(content)}, pause=0.1, piece=40_000)
    fetch(tmp_path, {"a.gz": hashlib.sha256(content).hexdigest()}, [slow.address], Patience(5.0, 5.0, piece=0.4))
    assert gzip.decompress(contents(tmp_path)["a.gz"]) == content


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
