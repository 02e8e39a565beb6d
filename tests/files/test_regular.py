"""Only regular files are opened, and nothing waits for another process."""

import os
import socket
import stat

import pytest

from cutedl_xp.files import regular
from cutedl_xp.files.regular import open_regular

posix = pytest.mark.skipif(os.name != "posix", reason="special files are POSIX's")


@pytest.fixture
def fifo(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    return tmp_path / "fifo"


@pytest.mark.parametrize("kind", [str, os.fspath, lambda path: path], ids=["str", "fspath", "Path"])
def test_a_regular_file_is_read(tmp_path, kind):
    path = tmp_path / "file"
    path.write_bytes(b"\r\n\x1a\0 bytes")
    with open_regular(kind(path)) as file:
        assert file.read() == b"\r\n\x1a\0 bytes"


@posix
def test_a_link_to_a_regular_file_is_followed(tmp_path):
    (tmp_path / "file").write_bytes(b"bytes")
    (tmp_path / "link").symlink_to("file")
    with open_regular(tmp_path / "link") as file:
        assert file.read() == b"bytes"
        assert not os.get_inheritable(file.fileno())


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="missing"):
        open_regular(tmp_path / "missing")


def test_a_directory_is_refused(tmp_path):
    with pytest.raises(IsADirectoryError, match=f"A regular file is required, not a directory: .*{tmp_path.name}"):
        open_regular(tmp_path)


@posix
def test_a_fifo_is_refused_at_once(fifo):
    with pytest.raises(ValueError, match=r"fifo must be a regular file and is a FIFO; give the path of a regular file"):
        open_regular(fifo)


@posix
def test_a_device_is_refused():
    with pytest.raises(ValueError, match=r"^/dev/null must be a regular file and is a character device; "):
        open_regular(os.devnull)


@posix
def test_a_socket_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the names of sockets are short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        with pytest.raises(ValueError, match=r"^socket must be a regular file and is a socket; "):
            open_regular("socket")


@posix
def test_a_file_that_becomes_a_fifo_while_it_is_opened_is_refused_and_closed(fifo, tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"")
    regular_status = os.stat(tmp_path / "file")
    closed = []
    real = open

    def noted(descriptor, mode):
        closed.append(descriptor)
        return real(descriptor, mode, buffering=0)

    monkeypatch.setattr(regular.os, "stat", lambda path: regular_status)
    monkeypatch.setattr(regular, "open", noted, raising=False)
    with pytest.raises(ValueError, match="is a FIFO"):
        open_regular(fifo)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(closed[0])


def test_the_kind_is_named_even_where_it_is_unknown(tmp_path):
    status = os.stat_result((stat.S_IFDOOR or 0o150000, *range(9)))
    with pytest.raises(ValueError, match="is a special file"):
        regular.check_regular(tmp_path, status)
