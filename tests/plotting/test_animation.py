"""Animations of paths on surfaces."""

import json
import stat
import sys

import numpy as np
import pytest

from cutedl_xp.studies.surfaces import SURFACES
from cutedl_xp.studies.walks import walk

pytest.importorskip("matplotlib")
import matplotlib as mpl
from PIL import Image

from cutedl_xp.plotting import figures
from cutedl_xp.plotting.animation import animate, choose_steps, choose_writer

RAVINE = SURFACES["ravine"]
FFMPEG = """#!{python}
# A program that takes ffmpeg's arguments, and writes the sizes of what it gets.
import json, sys
frames = sys.stdin.buffer.read()
with open(sys.argv[-1], "w") as file:
    json.dump({{"size": sys.argv[sys.argv.index("-s") + 1], "bytes": len(frames), "arguments": sys.argv}}, file)
"""


def frames(path):
    with Image.open(path) as film:
        times = []
        for number in range(film.n_frames):
            film.seek(number)
            times.append((np.asarray(film.convert("RGB")), film.info["duration"]))
    return [frame for frame, _ in times], [time for _, time in times]


def has_colour(frame, colour):
    difference = frame.astype(int) - np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)])
    return int((np.abs(difference).max(axis=-1) < 12).sum())


class TestGif:
    def test_the_points_move_over_a_ground_that_stays(self, tmp_path):
        path = walk("fixed(lr=0.005)", RAVINE, steps=10)
        animate(RAVINE, [path], tmp_path / "a.gif")
        pictures, times = frames(tmp_path / "a.gif")
        assert len(pictures) == 11
        assert times == [50] * 10 + [1000]
        seen = [has_colour(picture, figures.COLOURS[0]) for picture in pictures]
        assert seen[0] < seen[3] < seen[-1]  # the tail becomes longer
        assert (pictures[0] != pictures[-1]).any(axis=-1).mean() < 0.1
        assert [file.name for file in tmp_path.iterdir()] == ["a.gif"]

    def test_a_long_path_has_a_frame_at_equal_distances(self, tmp_path):
        paths = [walk(text, RAVINE, steps=1000) for text in RAVINE.optimizers]
        animate(RAVINE, paths, tmp_path / "a.gif")
        pictures, _ = frames(tmp_path / "a.gif")
        assert 100 < len(pictures) <= 121  # frames without a change are joined
        assert (tmp_path / "a.gif").stat().st_size < 1_000_000
        assert all(has_colour(pictures[5], colour) > 30 for colour in figures.COLOURS[:6])

    def test_a_path_that_leaves_and_one_that_is_not_finite(self, tmp_path):
        rosenbrock = SURFACES["rosenbrock"]
        paths = [walk(text, rosenbrock, steps=12) for text in ("fixed(lr=0.01)", "adagrad(lr=5)", "adam(lr=0.1)")]
        assert all(path.remark for path in paths[:2])
        animate(rosenbrock, paths, tmp_path / "a.gif")
        pictures, _ = frames(tmp_path / "a.gif")
        assert has_colour(pictures[-1], figures.COLOURS[0]) > 50

    def test_no_such_folder(self, tmp_path):
        with pytest.raises(FileNotFoundError, match=r"cannot be written: .*missing.*a\.gif"):
            animate(RAVINE, [walk("adam", RAVINE, steps=1)], tmp_path / "missing" / "a.gif")


class TestMp4:
    def test_without_ffmpeg_one_sentence(self, tmp_path):
        with mpl.rc_context({"animation.ffmpeg_path": str(tmp_path / "none")}):
            with pytest.raises(OSError, match=r"needs the program ffmpeg, which was not found; install it, or choose"):
                choose_writer("mp4")
            with pytest.raises(OSError, match="ffmpeg"):
                animate(RAVINE, [walk("adam", RAVINE, steps=1)], tmp_path / "a.mp4")
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.skipif(sys.platform == "win32", reason="the program is a script")
    def test_ffmpeg_gets_every_frame(self, tmp_path):
        program = tmp_path / "ffmpeg"
        program.write_text(FFMPEG.format(python=sys.executable))
        program.chmod(stat.S_IRWXU)
        with mpl.rc_context({"animation.ffmpeg_path": str(program)}):
            animate(RAVINE, [walk("adam(lr=0.1)", RAVINE, steps=4)], tmp_path / "a.mp4")
        received = json.loads((tmp_path / "a.mp4").read_text())
        width, height = map(int, received["size"].split("x"))
        assert width % 2 == height % 2 == 0  # as the codec requires
        assert "yuv420p" in received["arguments"]
        assert received["bytes"] == (5 + 20) * width * height * 4
        assert sorted(file.name for file in tmp_path.iterdir()) == ["a.mp4", "ffmpeg"]

    @pytest.mark.skipif(sys.platform == "win32", reason="the program is a script")
    @pytest.mark.parametrize("reads", ["sys.stdin.buffer.read()", ""])
    def test_an_ffmpeg_that_fails(self, reads, tmp_path):
        program = tmp_path / "ffmpeg"
        program.write_text(f"#!{sys.executable}\nimport sys\n{reads}\nsys.exit(1)\n")
        program.chmod(stat.S_IRWXU)
        message = "ffmpeg failed to write an MP4 animation; repair it, or choose gif"
        path = walk("adam(lr=0.1)", RAVINE, steps=4)
        with mpl.rc_context({"animation.ffmpeg_path": str(program)}), pytest.raises(OSError, match=message):
            animate(RAVINE, [path], tmp_path / "a.mp4")
        assert [file.name for file in tmp_path.iterdir()] == ["ffmpeg"]


def test_another_format():
    with pytest.raises(ValueError, match=r"`animation` must be one of 'gif', 'mp4'; got 'avi'"):
        choose_writer("avi")


@pytest.mark.parametrize(("steps", "expected"), [(1, [0, 1]), (120, [*range(121)]), (240, [*range(0, 241, 2)])])
def test_the_steps_of_the_frames(steps, expected):
    assert choose_steps(steps) == expected


@pytest.mark.parametrize("steps", [121, 999, 100_000])
def test_many_steps_have_121_frames_from_the_first_to_the_last(steps):
    shown = choose_steps(steps)
    assert len(set(shown)) == 121
    assert (shown[0], shown[-1]) == (0, steps)
    assert np.ptp(np.diff(shown)) <= 1
