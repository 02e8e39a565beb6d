"""Files are replaced completely or not at all, and keep their attributes."""

import errno
import os
import stat
import subprocess
import sys

import numpy as np
import pytest

from cutedl_xp import Model
from cutedl_xp.files import atomic
from cutedl_xp.files.atomic import write_atomically
from cutedl_xp.layers import Dense

posix = pytest.mark.skipif(os.name != "posix", reason="folders are flushed and removed so on POSIX alone")


class TestContent:
    @pytest.mark.parametrize("content", [b"bytes", bytearray(b"bytes"), memoryview(b"bytes"), [b"by", b"", b"tes"]])
    def test_bytes_and_pieces(self, path, content):
        write_atomically(path, content)
        assert path.read_bytes() == b"bytes"

    def test_arrays(self, path):
        pieces = [np.ones((2, 3)), np.ones((0, 3)), np.array(2.0)]
        write_atomically(path, (memoryview(piece) for piece in pieces))
        assert path.read_bytes() == b"".join(piece.tobytes() for piece in pieces)

    def test_an_error_of_the_iterable_leaves_the_old_file(self, path):
        def pieces():
            yield b"new"
            raise RuntimeError("no more")

        path.write_bytes(b"old")
        with pytest.raises(RuntimeError, match="no more"):
            write_atomically(path, pieces())
        assert path.read_bytes() == b"old"
        assert list(path.parent.iterdir()) == [path]

    def test_a_write_that_takes_a_part_continues_with_the_rest(self, path, monkeypatch):
        class Slow:
            def __init__(self):
                self.taken = b""

            def write(self, view):
                self.taken += view[:3]
                return len(view[:3])

        file = Slow()
        atomic._write(file, memoryview(np.arange(5, dtype="uint8")))
        assert file.taken == bytes(range(5))


class TestFailedSave:
    @pytest.fixture
    def full_disk(self, monkeypatch, request):
        def fail(*arguments, **options):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(atomic.os, request.param, fail)

    @pytest.mark.parametrize("full_disk", ["fsync", "replace", "fchmod", "open"], indirect=True)
    def test_the_old_file_stays_and_nothing_else_is_left(self, saved, full_disk):
        saved.chmod(0o640)  # so that a new mode must be set
        before = saved.read_bytes()
        with pytest.raises(OSError, match=f"cannot be written: No space left on device: .*{saved.name}"):
            Model([Dense(7, input_dim=9)]).assemble("numpy").save(saved)
        assert saved.read_bytes() == before
        assert list(saved.parent.iterdir()) == [saved]

    @pytest.mark.parametrize("full_disk", ["fsync", "replace", "open"], indirect=True)
    def test_no_new_file_appears(self, path, full_disk):
        with pytest.raises(OSError, match="No space left on device"):
            Model([Dense(7, input_dim=9)]).assemble("numpy").save(path)
        assert list(path.parent.iterdir()) == []

    def test_an_interruption_leaves_nothing_either(self, saved, monkeypatch):
        def interrupt(*arguments):
            raise KeyboardInterrupt

        before = saved.read_bytes()
        monkeypatch.setattr(atomic.os, "fsync", interrupt)
        with pytest.raises(KeyboardInterrupt):
            Model([Dense(7, input_dim=9)]).assemble("numpy").save(saved)
        assert saved.read_bytes() == before
        assert list(saved.parent.iterdir()) == [saved]

    def test_the_bytes_are_on_the_disk_and_in_the_same_folder_before_the_name_is(self, path, monkeypatch):
        calls = []

        def note(name):
            real = getattr(os, name)

            def noted(first, *rest):
                kind = "folder" if name == "fsync" and stat.S_ISDIR(os.fstat(first).st_mode) else "file"
                assert path.exists() == (kind == "folder")
                calls.append((name, kind, first))
                return real(first, *rest)

            monkeypatch.setattr(atomic.os, name, noted)

        note("fsync")
        note("replace")
        Model([Dense(7, input_dim=9)]).assemble("numpy").save(path)
        folder = [("fsync", "folder")] if os.name == "posix" else []
        assert [call[:2] for call in calls] == [("fsync", "file"), ("replace", "file"), *folder]
        assert os.path.dirname(calls[1][2]) == str(path.parent)  # a rename is atomic only within one file system

    def test_a_folder_that_is_not_there(self, tmp_path):
        with pytest.raises(FileNotFoundError):
            Model([Dense(3, input_dim=4)]).assemble("numpy").save(tmp_path / "missing" / "m.safetensors")
        assert list(tmp_path.iterdir()) == []

    @posix
    @pytest.mark.parametrize(("number", "refused"), [(errno.EIO, True), (errno.EINVAL, False), (errno.ENOTSUP, False)])
    def test_an_error_of_flushing_the_folder(self, path, monkeypatch, number, refused):
        real = os.fsync

        def fail(descriptor):
            if stat.S_ISDIR(os.fstat(descriptor).st_mode):
                raise OSError(number, os.strerror(number))
            real(descriptor)

        monkeypatch.setattr(atomic.os, "fsync", fail)
        if refused:
            with pytest.raises(OSError, match=f"cannot be written: {os.strerror(number)}: .*{path.name}"):
                write_atomically(path, b"new")
        else:
            write_atomically(path, b"new")
        assert path.read_bytes() == b"new"  # complete, although the name may not be on the disk
        assert list(path.parent.iterdir()) == [path]

    @posix
    def test_a_folder_that_vanishes(self, tmp_path):
        folder = tmp_path / "folder"
        folder.mkdir()

        def pieces():
            yield b"new"
            for file in folder.iterdir():
                file.unlink()
            folder.rmdir()

        with pytest.raises(FileNotFoundError, match=r"cannot be written: No such file or directory: .*folder/file"):
            write_atomically(folder / "file", pieces())
        assert list(tmp_path.iterdir()) == []

    @posix
    def test_a_working_folder_that_has_vanished(self, tmp_path, monkeypatch):
        (tmp_path / "folder").mkdir()
        monkeypatch.chdir(tmp_path / "folder")
        (tmp_path / "folder").rmdir()
        with pytest.raises(FileNotFoundError, match=r"cannot be written: .*: 'file'"):
            write_atomically("file", b"new")

    @posix
    def test_a_folder_that_cannot_be_written(self, tmp_path):
        tmp_path.chmod(0o500)
        try:
            if os.access(tmp_path, os.W_OK):
                pytest.skip("this user may write anywhere")
            with pytest.raises(PermissionError, match=r"cannot be written: Permission denied: .*file"):
                write_atomically(tmp_path / "file", b"new")
        finally:
            tmp_path.chmod(0o700)

    @posix
    def test_a_limit_of_the_file_size(self, path):
        path.write_bytes(b"old")
        program = (
            "import resource, sys; from cutedl_xp.files.atomic import write_atomically\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
            "try:\n    write_atomically(sys.argv[1], [b'a' * 60_000, b'b' * 60_000])\n"
            "except OSError as error:\n    print(error)\n"
        )
        done = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, check=True)
        assert done.stdout == f"[Errno {errno.EFBIG}] cannot be written: File too large: {str(path)!r}\n"
        assert path.read_bytes() == b"old"
        assert list(path.parent.iterdir()) == [path]
