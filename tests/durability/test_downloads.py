"""Damaged answers of a mirror: each raises one sentence, or the file is stored completely."""

import gzip
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cutedl_xp.datasets._download import MnistUnavailable, Patience, fetch
from durability.mutator import Mutator
from mirror import CHECKSUMS, CONTENT, WHOLE, contents

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/gzip\r\n"
WHOLE_ANSWERS = [
    HEAD + b"Content-Length: %d\r\n\r\n" % len(WHOLE) + WHOLE,
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(WHOLE) + WHOLE + b"\r\n0\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + b"Content-Encoding: identity\r\nConnection: close\r\n\r\n" + WHOLE,
    b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=x\r\nSet-Cookie: a=b\r\n\r\n",
]


@pytest.fixture
def send(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bytes], str]]:
    """Return a function that sets the answer of a server and returns the server's address."""
    pytest.importorskip("pooch")
    for name in ("http_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    answer = b""

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return  # the test is over
            threading.Thread(target=reply, args=(connection,), daemon=True).start()

    def reply(connection: socket.socket) -> None:
        try:
            with connection:
                if connection.recv(1 << 16):  # a connection without a request only checks that the server exists
                    connection.sendall(answer)
        except OSError:
            pass  # the receiver has read enough

    def choose(content: bytes) -> str:
        nonlocal answer
        answer = content
        return f"http://127.0.0.1:{listener.getsockname()[1]}/"

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield choose
        listener.shutdown(socket.SHUT_RDWR)


def test_damaged_answers(tmp_path: Path, send: Callable[[bytes], str], number_of: Callable[[int, int], int]) -> None:
    make, complete, answers = Mutator(WHOLE_ANSWERS, seed=0), 0, number_of(100, 1000)
    for number in range(answers):
        folder = tmp_path / str(number)
        message = ""
        try:
            fetch(folder, CHECKSUMS, [send(make())], Patience(5.0, 0.5, piece=5.0))
        except MnistUnavailable as error:
            message = str(error)
        if message:
            assert (contents(folder), "\n" in message) == ({}, False)
            assert len(message) < 1000
        else:
            assert gzip.decompress(contents(folder)["a.gz"]) == CONTENT
            complete += 1
    assert 0 < complete < answers
