"""A local mirror for the tests of downloads, and failed downloads."""

import contextlib
import gzip
import hashlib
import http.server
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from cutedl_xp.datasets._download import MnistUnavailable, Patience, fetch

CONTENT = b"what the file holds " * 50
CHECKSUMS = {"a.gz": hashlib.sha256(CONTENT).hexdigest()}
WHOLE = gzip.compress(CONTENT)
QUICK = Patience(connect=5.0, read=0.2, piece=5.0)


class Mirror(http.server.HTTPServer):
    """Serve files by name on the loopback address, or 404, or call ``answer``."""

    def __init__(
        self,
        files: dict[str, bytes],
        announce: int = 0,
        pause: float = 0.0,
        piece: int = 1,
        answer: Callable[["Handler"], None] | None = None,
    ) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer = answer
        self.pause, self.piece = pause, piece  # seconds between two blocks of this many bytes
        self.given_up = threading.Event()
        self.files = files
        self.announce = announce  # bytes that are announced but never sent
        self.asked: list[tuple[str, str | None]] = []
        self.address = f"http://127.0.0.1:{self.server_port}/"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Mirror

    def do_GET(self) -> None:
        name = self.path.rpartition("/")[2]
        self.server.asked.append((self.path, self.headers["Accept-Encoding"]))
        if self.server.answer is not None:
            with contextlib.suppress(ConnectionError):
                self.server.answer(self)
            return
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
        """Write no log."""


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else {}


def refusal(folder: Path, *mirrors: str, patience: Patience = QUICK) -> str:
    """Return the error message of the download; it names all mirrors, and no file is left."""
    before = contents(folder)
    with pytest.raises(MnistUnavailable) as caught:
        fetch(folder, CHECKSUMS, mirrors, patience)
    assert contents(folder) == before
    message = str(caught.value)
    assert "\n" not in message
    for part in (str(folder), *mirrors, "`data_dir`", "$CUTEDL_XP_DATA"):
        assert part in message
    return message
