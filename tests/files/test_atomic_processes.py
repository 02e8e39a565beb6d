"""Several processes and threads write to one path, and some of them are killed."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from cutedl_xp.files import temporary
from cutedl_xp.files.atomic import write_atomically
from cutedl_xp.files.temporary import discard_abandoned, name_temporary, open_temporary

HELD = (
    "import sys, pathlib; from cutedl_xp.files.temporary import name_temporary, open_temporary\n"
    "file = open_temporary(name_temporary(pathlib.Path(sys.argv[1])), 0o666, [])\n"
    "file.write(b'live'); print('held', flush=True); sys.stdin.read()\n"
)
posix = pytest.mark.skipif(os.name != "posix", reason="the test forks, or locks as POSIX does")


@posix
@pytest.mark.parametrize("writers", [1, 3])
def test_killed_writers_leave_a_whole_file_and_at_most_one_temporary(path, rounds, writers):
    program = Path(__file__).with_name("kill_writers.py")
    arguments = [sys.executable, str(program), str(path), str(2 * rounds), str(writers)]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=60 + rounds)
    assert not done.stderr
    assert int(done.stdout) > 0  # some were killed within a write; otherwise the test shows nothing


def test_threads_follow_each_other(path, rounds):
    def write(letter):
        for _ in range(rounds):
            write_atomically(path, [letter * 50_000, letter * 50_000])

    write_atomically(path, b"0" * 100_000)
    threads = [threading.Thread(target=write, args=(letter,)) for letter in (b"a", b"b", b"c")]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        content = path.read_bytes()
        assert content == content[:1] * 100_000
    for thread in threads:
        thread.join()
    assert path.read_bytes() in (b"a" * 100_000, b"b" * 100_000, b"c" * 100_000)
    assert list(path.parent.iterdir()) == [path]


class TestLiveWriter:
    @pytest.fixture
    def writer(self, path):
        """Simulate another process that is writing the file."""
        with subprocess.Popen(
            [sys.executable, "-c", HELD, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout.readline() == "held\n"
            yield process
            process.kill()

    def test_it_is_waited_for_and_its_temporary_file_is_left_alone(self, path, writer):
        name = name_temporary(path)
        waiting = threading.Thread(target=write_atomically, args=(path, b"new"))
        waiting.start()
        time.sleep(0.1)
        assert waiting.is_alive()
        assert name.read_bytes() == b"live"
        writer.kill()
        waiting.join(10)
        assert path.read_bytes() == b"new"
        assert list(path.parent.iterdir()) == [path]

    def test_one_without_progress_is_refused_in_the_end(self, path, writer, monkeypatch):
        monkeypatch.setattr(temporary, "PATIENCE", 0.05)
        path.write_bytes(b"old")
        name = name_temporary(path)
        with pytest.raises(TimeoutError, match=r"cannot be written: .*\.tmp has been held by another writer for 0.05 "):
            write_atomically(path, b"new")
        assert path.read_bytes() == b"old"
        assert name.read_bytes() == b"live"

    def test_a_writer_that_makes_progress_is_waited_for_longer(self, path, monkeypatch):
        monkeypatch.setattr(temporary, "PATIENCE", 0.2)
        held = []
        file = open_temporary(name_temporary(path), 0o666, held)
        waiting = threading.Thread(target=write_atomically, args=(path, b"new"))
        waiting.start()
        for _ in range(10):
            time.sleep(0.05)
            file.write(b"more")
        assert waiting.is_alive()
        file.close()
        waiting.join(10)
        assert path.read_bytes() == b"new"

    def test_an_interrupt_ends_the_waiting(self, path, monkeypatch):
        def interrupt(seconds):
            raise KeyboardInterrupt

        held = []
        open_temporary(name_temporary(path), 0o666, held)
        monkeypatch.setattr(temporary.time, "sleep", interrupt)
        with pytest.raises(KeyboardInterrupt):
            write_atomically(path, b"new")
        assert list(path.parent.iterdir()) == [name_temporary(path)]  # of the active writer
        held[0].close()


class TestAbandoned:
    @pytest.mark.parametrize("content", [b"", b"left" * 1000])
    def test_an_abandoned_file_is_removed_and_never_written_to(self, path, content):
        name = name_temporary(path)
        name.write_bytes(content)
        other = path.with_name("other")
        os.link(name, other)
        write_atomically(path, b"new")
        assert other.read_bytes() == content
        assert path.read_bytes() == b"new"
        assert not name.exists()

    def test_nothing_to_remove(self, path):
        assert discard_abandoned(name_temporary(path))

    @posix
    @pytest.mark.parametrize("kind", ["link", "fifo", "folder"])
    def test_another_kind_of_file_in_the_way_is_left_and_named(self, path, kind):
        name = name_temporary(path)
        path.with_name("victim").write_bytes(b"old")
        {"link": lambda: name.symlink_to("victim"), "fifo": lambda: os.mkfifo(name), "folder": name.mkdir}[kind]()
        with pytest.raises(FileExistsError, match=r"cannot be written: .*\.tmp is in the way and is no regular file; "):
            write_atomically(path, b"new")
        assert path.with_name("victim").read_bytes() == b"old"
        assert name.is_symlink() == (kind == "link")
        assert not path.exists()

    @posix
    def test_a_file_taken_for_an_abandoned_one_before_it_is_locked_is_made_again(self, path, monkeypatch):
        real, taken = temporary._claim, []

        def taken_once(file, name):
            if not taken:
                assert discard_abandoned(name)  # like another writer between creation and lock
                taken.append(file)
            return real(file, name)

        monkeypatch.setattr(temporary, "_claim", taken_once)
        write_atomically(path, b"new")
        assert taken[0].closed
        assert path.read_bytes() == b"new"
        assert list(path.parent.iterdir()) == [path]

    @posix
    def test_a_file_that_its_writer_renames_before_the_lock_is_not_abandoned(self, path, monkeypatch):
        name, real = name_temporary(path), temporary.fcntl.flock

        def renamed(file, operation):
            os.replace(name, path)
            name.write_bytes(b"of the next writer")
            real(file, operation)

        name.write_bytes(b"whole")
        monkeypatch.setattr(temporary.fcntl, "flock", renamed)
        discard_abandoned(name)
        assert path.read_bytes() == b"whole"
        assert name.read_bytes() == b"of the next writer"

    @posix
    def test_a_file_system_without_locks(self, path, monkeypatch):
        def unsupported(*arguments):
            raise OSError(38, "Function not implemented")

        monkeypatch.setattr(temporary.fcntl, "flock", unsupported)
        monkeypatch.setattr(temporary, "PATIENCE", 0.02)
        write_atomically(path, b"new")
        assert path.read_bytes() == b"new"
        name_temporary(path).write_bytes(b"perhaps in use")
        with pytest.raises(TimeoutError, match="end that writer, or remove the file if there is none"):
            write_atomically(path, b"newer")
        assert path.read_bytes() == b"new"
