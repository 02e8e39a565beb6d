"""Downloading into a folder from whichever mirror has the files; none is put in place before it is verified."""

import gzip
import hashlib
import os
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cutedl_xp import _checks

MIRRORS = ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/")
_CHUNK = 1 << 20
_PIECE = 1 << 16


class MnistUnavailable(RuntimeError):
    """No mirror gave the MNIST files; the message says what was tried and what to do instead."""


class Patience(NamedTuple):
    """The seconds to wait for a connection to a mirror, for its next word, and for every next 64 KiB of a file."""

    connect: float
    read: float
    piece: float


PATIENCE = Patience(connect=5.0, read=10.0, piece=10.0)


def import_pooch() -> Any:
    """The module pooch, which knows the user's cache directory and downloads."""
    try:
        import pooch
    except ImportError as error:
        purpose = "finding or downloading MNIST without `data_dir` or $CUTEDL_XP_DATA"
        raise _checks.missing_extra_error(purpose, "pooch", "data") from error
    return pooch


def fetch(
    folder: Path, checksums: Mapping[str, str], mirrors: Sequence[str] = MIRRORS, patience: Patience = PATIENCE
) -> None:
    """Download the gzip-compressed files that are not there yet, going on to the next mirror at the first failure.

    Parameters
    ----------
    folder
        Where they go; it is made where it does not exist.
    checksums
        For the name of each file the SHA-256 of its decompressed content, as hexadecimal digits.
    mirrors
        Addresses that a file's name is appended to, in the order in which to try them.
    patience
        When to give up on one.

    Raises
    ------
    MnistUnavailable
        If some file came from no mirror as it should be.
    """
    failures = []
    for mirror in mirrors:
        try:
            _connect(mirror, patience.connect)
            for name, sha256 in checksums.items():
                _fetch_one(folder, name, sha256, mirror, patience)
            return
        except (OSError, ValueError) as error:
            failures.append(f"{mirror} ({_reason(error)})")
    raise MnistUnavailable(
        f"MNIST could not be downloaded to {folder} from {' or '.join(failures)}: get its four files in another way "
        "and name their folder in `data_dir` or $CUTEDL_XP_DATA"
    )


def _fetch_one(folder: Path, name: str, sha256: str, mirror: str, patience: Patience) -> None:
    """One file, unless it is there: pooch hands out a temporary file, and renames it if nothing is raised."""
    pooch = import_pooch()

    def download(url: str, temporary: str, _: Any) -> None:
        responses = []
        http = pooch.HTTPDownloader(
            chunk_size=_PIECE,
            timeout=(patience.connect, patience.read),
            headers={"Accept-Encoding": "identity"},  # else some servers and requests undo the file's own gzip
            hooks={"response": lambda response, **_: responses.append(response)},
        )

        def receive() -> None:
            try:
                http(url, file, None)
            finally:
                for response in responses:  # pooch leaves it open where the transfer breaks off
                    response.close()

        with open(temporary, "wb") as file:
            too_slow = f"it sent less than {_PIECE} bytes of {name} in {patience.piece:g} seconds"
            _in_time(receive, patience.piece, too_slow, progress=lambda: os.path.getsize(temporary))
        _verify(Path(temporary), name, sha256)

    mirrored = pooch.create(path=folder, base_url=mirror, registry={name: None})
    mirrored.fetch(name, downloader=download)


def _verify(path: Path, name: str, sha256: str) -> None:
    """Refuse content of another checksum; the compressed bytes differ between mirrors, so what is inside counts."""
    digest = hashlib.sha256()
    try:
        with open(path, "rb+") as file, gzip.GzipFile(fileobj=file) as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
            os.fsync(file.fileno())
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"what it sent as {name} is no whole gzip file: {error}") from error
    if digest.hexdigest() != sha256:
        raise ValueError(f"what it sent as {name} has the SHA-256 {digest.hexdigest()}, not {sha256}")


def _connect(url: str, seconds: float) -> None:
    """Refuse a host that cannot be connected to within ``seconds`` in all.

    A connect timeout alone is no such promise: it holds for each of the host's addresses, and not for looking
    them up.
    """
    import socket
    from urllib.parse import urlsplit
    from urllib.request import getproxies, proxy_bypass

    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    if {parts.scheme, "all"} & getproxies().keys() and not proxy_bypass(host):
        return  # the proxy looks it up and connects, which this machine perhaps cannot

    def attempt() -> None:
        socket.create_connection((host, port), seconds / 2).close()  # half: the next address gets its turn

    _in_time(attempt, seconds, f"no connection within {seconds:g} seconds")


def _in_time(
    work: Callable[[], None], seconds: float, otherwise: str, *, progress: Callable[[], int] = lambda: 0
) -> None:
    """Do some work, or give up on it with a TimeoutError once ``progress`` stands still for so many seconds.

    Time limits of the libraries hold for each word of a server, and a word may be a single byte. Work that is given
    up on goes on in a thread that ends by itself, or with the program.
    """
    import threading

    failures: list[Exception] = []

    def attempt() -> None:
        try:
            work()
        except Exception as error:
            failures.append(error)

    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    done = progress()
    while thread.is_alive():
        thread.join(seconds)
        before, done = done, progress()
        if thread.is_alive() and done == before:
            raise TimeoutError(None, otherwise)
    if failures:
        raise failures[0]


def _reason(error: OSError | ValueError) -> str:
    """Why a mirror failed, in a few words: those of requests are several nested sentences."""
    response = getattr(error, "response", None)
    if response is not None:
        return f"HTTP status {response.status_code}"
    if type(error).__module__.startswith("requests."):
        return type(error).__name__
    if isinstance(error, OSError) and error.strerror and error.filename is None:
        return error.strerror
    return str(error)
