"""Local mirrors."""

import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mirror import Mirror


@pytest.fixture
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def serve(no_proxy: None) -> Iterator[Callable[..., Mirror]]:
    pytest.importorskip("pooch")
    started = []

    def start(files: dict[str, bytes], **options: Any) -> Mirror:
        mirror = Mirror(files, **options)
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
def silent(no_proxy: None) -> Iterator[str]:
    """Return the address of a server that accepts connections and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"


@pytest.fixture
def closed(no_proxy: None) -> str:
    """Return the address of a port without a server."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{unused.getsockname()[1]}/"
