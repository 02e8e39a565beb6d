"""Download of files from the first mirror that has them; only verified content is written to the disk."""

import gzip
import hashlib
import io
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cutedl_xp import _checks
from cutedl_xp.datasets._time_limits import in_time
from cutedl_xp.files.atomic import write_atomically

MIRRORS = ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/")
_LARGEST_FILE = 15_000_000  # bytes, one and a half times the longest compressed file of MNIST, which has 9,912,422
_LARGEST_CONTENT = 48_000_000  # bytes; the longest decompressed file of MNIST has 47,040,016
_CHUNK = 1 << 20
_PIECE = 1 << 16
_READ = 1 << 10  # bytes; an abandoned transfer ends after the next block of this size


class MnistUnavailable(RuntimeError):
    """Error raised if no mirror provides the MNIST files; the message lists the attempts and the remedy."""


class Patience(NamedTuple):
    """Time limits of a download, in seconds.

    Attributes
    ----------
    connect
        Limit of connecting to a mirror.
    read
        Limit of each wait for the next bytes from the mirror.
    piece
        Limit of every 64 KiB of a file.
    file
        Limit of a whole file.
    """

    connect: float
    read: float
    piece: float
    file: float = 600.0


PATIENCE = Patience(connect=5.0, read=10.0, piece=10.0)


def import_pooch() -> Any:
    """Return the module pooch, which finds the user's cache directory and downloads files."""
    try:
        import pooch
    except ImportError as error:
        purpose = "finding or downloading MNIST without `data_dir` or $CUTEDL_XP_DATA"
        raise _checks.missing_extra_error(purpose, "pooch", "data") from error
    return pooch


def fetch(
    folder: Path, checksums: Mapping[str, str], mirrors: Sequence[str] = MIRRORS, patience: Patience = PATIENCE
) -> None:
    """Download the gzip-compressed files that a folder lacks, from the first mirror that has them.

    Parameters
    ----------
    folder
        Folder of the files, created if necessary.
    checksums
        SHA-256 of the decompressed content, as hexadecimal digits, by the name of each file.
    mirrors
        Addresses to which the name of a file is appended, in the order of the attempts.
    patience
        Time limits after which the next mirror is tried.

    Raises
    ------
    MnistUnavailable
        If no mirror provides all missing files with the right content.
    """
    failures = []
    for mirror in mirrors:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _connect(mirror, patience.connect)
            for name, sha256 in checksums.items():
                if not (folder / name).exists():
                    content = _download(mirror, name, patience)
                    _verify(content, name, sha256)
                    write_atomically(folder / name, content)
            return
        except (OSError, ValueError) as error:
            failures.append(f"{mirror} ({_reason(error)})")
    raise MnistUnavailable(
        f"MNIST could not be downloaded to {folder} from {' or '.join(failures)}: get its four files in another way "
        "and name their folder in `data_dir` or $CUTEDL_XP_DATA"
    )


class _Content(io.BytesIO):
    """Bounded buffer in memory, to which pooch writes a file."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.abandoned = False

    def write(self, chunk: Any, /) -> int:
        if self.abandoned:
            raise TimeoutError
        if self.tell() + len(chunk) > _LARGEST_FILE:
            raise ValueError(f"it sent more than {_LARGEST_FILE} bytes as {self.name}")
        return super().write(chunk)


def _download(mirror: str, name: str, patience: Patience) -> bytes:
    """Return the content of a file. The file is kept in memory, so that a killed process leaves no partial file."""
    content = _Content(name)
    responses: list[Any] = []

    def check(response: Any, **_: Any) -> None:
        responses.append(response)
        encoding = response.headers.get("Content-Encoding", "identity")
        if response.status_code < 400 and (response.status_code != 200 or encoding != "identity"):
            raise ValueError(
                f"it answered for {name} with HTTP status {response.status_code}, encoding {encoding[:40]!r}"
            )

    http = import_pooch().HTTPDownloader(
        chunk_size=_READ,
        timeout=(patience.connect, patience.read),
        allow_redirects=False,  # requests reads the body of a redirection without a limit
        headers={"Accept-Encoding": "identity"},  # otherwise some servers and requests undo the file's own gzip
        hooks={"response": check},
    )

    def receive() -> None:
        try:
            http(mirror + name, content, None)
        finally:
            for response in responses:  # pooch does not close the response if the transfer fails
                response.close()

    too_slow = f"it sent less than {_PIECE} bytes of {name} in {patience.piece:g} seconds"
    try:
        in_time(receive, patience.piece, too_slow, progress=lambda: content.tell() // _PIECE, total=patience.file)
    finally:
        content.abandoned = True
    return content.getvalue()


def _verify(content: bytes, name: str, sha256: str) -> None:
    """Raise unless the decompressed content has the checksum; the compressed bytes differ between mirrors."""
    digest, length = hashlib.sha256(), 0
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
                length += len(chunk)
                if length > _LARGEST_CONTENT:
                    raise ValueError(f"{name} expands to more than {_LARGEST_CONTENT} bytes")
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"what it sent as {name} is no whole gzip file: {error}") from error
    if digest.hexdigest() != sha256:
        raise ValueError(f"what it sent as {name} has the SHA-256 {digest.hexdigest()}, not {sha256}")


def _connect(url: str, seconds: float) -> None:
    """Raise unless a connection to the host succeeds within ``seconds`` in total.

    A connect timeout does not ensure this: it applies to each address of the host, and not to the name lookup.
    """
    import socket  # here, as the package imports this module and rarely downloads
    from urllib.parse import urlsplit
    from urllib.request import getproxies, proxy_bypass

    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    if {parts.scheme, "all"} & getproxies().keys() and not proxy_bypass(host):
        return  # the proxy looks up the host and connects to it; this machine may be unable to do so

    def attempt() -> None:
        socket.create_connection((host, port), seconds / 2).close()  # half, so that there is time for a second address

    in_time(attempt, seconds, f"no connection within {seconds:g} seconds")


def _reason(error: OSError | ValueError) -> str:
    """Return the reason of a failure in a few words; the messages of requests are several nested sentences."""
    response = getattr(error, "response", None)
    if response is not None:
        return f"HTTP status {response.status_code}"
    if type(error).__module__.startswith("requests."):
        return type(error).__name__
    if isinstance(error, OSError) and error.strerror and error.filename is None:
        return error.strerror
    return str(error)
