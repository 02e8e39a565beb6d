"""A failed save leaves everything as before."""

import errno
import os

import pytest

from cutedl_xp import Model
from cutedl_xp.files import atomic
from cutedl_xp.layers import Dense


class TestFailedSave:
    @pytest.fixture
    def full_disk(self, monkeypatch, request):
        def fail(*arguments):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(atomic.os, request.param, fail)

    @pytest.mark.parametrize("full_disk", ["fsync", "replace", "chmod"], indirect=True)
    def test_the_old_file_stays_and_nothing_else_is_left(self, saved, full_disk):
        before = saved.read_bytes()
        with pytest.raises(OSError, match="No space left on device"):
            Model([Dense(7, input_dim=9)]).assemble("numpy").save(saved)
        assert saved.read_bytes() == before
        assert list(saved.parent.iterdir()) == [saved]

    @pytest.mark.parametrize("full_disk", ["fsync", "replace", "chmod"], indirect=True)
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
                assert not path.exists()
                calls.append((name, first))
                return real(first, *rest)

            monkeypatch.setattr(atomic.os, name, noted)

        note("fsync")
        note("replace")
        Model([Dense(7, input_dim=9)]).assemble("numpy").save(path)
        assert [name for name, _ in calls] == ["fsync", "replace"]
        assert os.path.dirname(calls[1][1]) == str(path.parent)  # a rename is whole within one file system alone

    def test_a_folder_that_is_not_there(self, tmp_path):
        with pytest.raises(FileNotFoundError):
            Model([Dense(3, input_dim=4)]).assemble("numpy").save(tmp_path / "missing" / "m.safetensors")
        assert list(tmp_path.iterdir()) == []
