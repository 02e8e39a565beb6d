"""Figures are written completely or not at all."""

import errno

import pytest

from cutedl_xp.files import atomic
from cutedl_xp.training.history import History

pytest.importorskip("matplotlib")
from cutedl_xp import plotting


def draw():
    history = History(metrics=[], validated=False)
    history.append(steps=938, cost_time=0.5, loss=1.0)
    return plotting.report(history)


class TestSave:
    @pytest.mark.parametrize(("name", "start"), [("a.png", b"\x89PNG"), ("a.PDF", b"%PDF"), ("a.svg", b"<?xml")])
    def test_the_suffix_determines_the_format(self, name, start, tmp_path):
        plotting.save(draw(), str(tmp_path / name))
        assert (tmp_path / name).read_bytes().startswith(start)
        assert [file.name for file in tmp_path.iterdir()] == [name]

    @pytest.mark.parametrize("name", ["a.jpgg", "a", "a.", ".png"])
    def test_an_unknown_ending(self, name, tmp_path):
        with pytest.raises(ValueError, match=r"must end in one of .*\.png"):
            plotting.save(draw(), tmp_path / name)
        assert list(tmp_path.iterdir()) == []

    def test_a_failure_leaves_the_old_file(self, tmp_path, monkeypatch):
        path = tmp_path / "a.png"
        path.write_bytes(b"old")

        def full(*_):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(atomic.os, "fsync", full)
        with pytest.raises(OSError, match=r"cannot be written: No space left on device: .*a\.png"):
            plotting.save(draw(), path)
        assert path.read_bytes() == b"old"
        assert [file.name for file in tmp_path.iterdir()] == ["a.png"]

    def test_no_such_folder(self, tmp_path):
        with pytest.raises(FileNotFoundError, match=r"cannot be written: .*missing.*a\.png"):
            plotting.save(draw(), tmp_path / "missing" / "a.png")

    def test_a_folder_in_the_way(self, tmp_path):
        (tmp_path / "a.png").mkdir()
        with pytest.raises(OSError, match="cannot be written"):
            plotting.save(draw(), tmp_path / "a.png")
        assert [file.name for file in tmp_path.iterdir()] == ["a.png"]

    def test_a_folder_without_permission(self, tmp_path):
        tmp_path.chmod(0o500)
        try:
            (tmp_path / "probe").touch()
        except PermissionError:
            with pytest.raises(PermissionError, match=r"cannot be written: .*a\.png"):
                plotting.save(draw(), tmp_path / "a.png")
        else:
            pytest.skip("this user may write anywhere")
        finally:
            tmp_path.chmod(0o700)
