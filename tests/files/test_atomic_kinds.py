"""Replaced files keep their permissions, their owner and the links to them; only regular files are replaced."""

import errno
import os
import stat

import pytest

from cutedl_xp.files import atomic
from cutedl_xp.files.atomic import write_atomically

posix = pytest.mark.skipif(os.name != "posix", reason="modes, links and special files are POSIX's")


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@posix
class TestPermissions:
    @pytest.fixture
    def mask(self, request):
        before = os.umask(request.param)
        yield
        assert os.umask(before) == request.param

    @pytest.mark.parametrize(("mask", "expected"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)], indirect=["mask"])
    def test_a_new_file_has_the_mode_of_any_new_file(self, path, mask, expected):
        write_atomically(path, b"new")
        assert mode(path) == expected

    @pytest.mark.parametrize("mask", [0o022], indirect=True)
    @pytest.mark.parametrize("kept", [0o600, 0o400, 0o640, 0o666, 0o444, 0o755])
    def test_an_existing_file_keeps_its_mode(self, path, mask, kept):
        path.write_bytes(b"old")
        path.chmod(kept)
        write_atomically(path, b"new")
        assert path.read_bytes() == b"new"
        assert mode(path) == kept

    def test_a_private_file_is_private_while_it_is_written(self, path):
        def pieces():
            yield b"new"
            modes.extend(mode(file) for file in path.parent.iterdir())

        modes = []
        path.write_bytes(b"old")
        path.chmod(0o600)
        write_atomically(path, pieces())
        assert modes == [0o600, 0o600]

    def test_the_umask_is_never_changed(self, path, monkeypatch):
        monkeypatch.setattr(os, "umask", lambda mask: pytest.fail("another thread may be creating a file"))
        write_atomically(path, b"new")
        write_atomically(path, b"newer")
        assert path.read_bytes() == b"newer"

    def test_the_owner_is_kept_where_that_is_allowed(self, path):
        path.write_bytes(b"old")
        if os.geteuid() != 0:
            pytest.skip("this user may not give files away")
        os.chown(path, 12345, 54321)
        write_atomically(path, b"new")
        assert (path.stat().st_uid, path.stat().st_gid) == (12345, 54321)

    def test_an_owner_that_cannot_be_kept_is_not_an_error(self, path, monkeypatch):
        def refuse(*arguments):
            raise PermissionError(errno.EPERM, "Operation not permitted")

        path.write_bytes(b"old")
        own = os.stat(path)
        other = os.stat_result([*own[:4], own.st_uid + 1, *own[5:]])
        monkeypatch.setattr(atomic, "_check_target", lambda target: other)
        monkeypatch.setattr(atomic.os, "fchown", refuse)
        write_atomically(path, b"new")
        assert path.read_bytes() == b"new"


@posix
class TestKinds:
    def test_a_symbolic_link_stays_and_its_target_is_replaced(self, tmp_path):
        (tmp_path / "folder").mkdir()
        target = tmp_path / "folder" / "target"
        target.write_bytes(b"old")
        (tmp_path / "middle").symlink_to("folder/target")
        (tmp_path / "link").symlink_to(tmp_path / "middle")
        write_atomically(tmp_path / "link", b"new")
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "middle").is_symlink()
        assert not target.is_symlink()
        assert target.read_bytes() == b"new"
        assert sorted(path.name for path in tmp_path.rglob("*")) == ["folder", "link", "middle", "target"]

    def test_a_dangling_link_creates_its_target(self, tmp_path):
        (tmp_path / "link").symlink_to("target")
        write_atomically(tmp_path / "link", b"new")
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "target").read_bytes() == b"new"

    def test_links_in_a_circle_are_refused(self, tmp_path):
        (tmp_path / "link").symlink_to("link")
        with pytest.raises(OSError, match=r"cannot be written: Too many levels of symbolic links: .*link"):
            write_atomically(tmp_path / "link", b"new")

    def test_a_fifo_is_refused_at_once_and_stays(self, tmp_path):
        os.mkfifo(tmp_path / "fifo")
        with pytest.raises(OSError, match=r"cannot be written: .* must be a regular file and is a FIFO; "):
            write_atomically(tmp_path / "fifo", b"new")
        assert stat.S_ISFIFO((tmp_path / "fifo").stat().st_mode)
        assert [file.name for file in tmp_path.iterdir()] == ["fifo"]

    def test_a_device_is_refused(self):
        with pytest.raises(OSError, match=r"cannot be written: .* must be a regular file and is a character device; "):
            write_atomically("/dev/null", b"new")

    def test_a_directory_is_refused(self, tmp_path):
        with pytest.raises(IsADirectoryError, match="cannot be written: A regular file is required, not a directory"):
            write_atomically(tmp_path, b"new")


@pytest.mark.parametrize("name", ["a" * 255, "a" * 101, "\N{SNOWMAN}" * 85, "a" * 245 + ".safetensor"])
def test_long_names(tmp_path, name):
    name = name[:255]
    for content in (b"old", b"new"):
        write_atomically(tmp_path / name, content)
        assert (tmp_path / name).read_bytes() == content
        assert [file.name for file in tmp_path.iterdir()] == [name]


def test_a_name_that_is_too_long(tmp_path):
    with pytest.raises(OSError, match="cannot be written: File name too long"):
        write_atomically(tmp_path / ("a" * 256), b"new")
    assert list(tmp_path.iterdir()) == []
