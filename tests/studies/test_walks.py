"""Paths of optimizers on surfaces."""

import csv
import math

import numpy as np
import pytest

from cutedl_xp.files import atomic
from cutedl_xp.studies.surfaces import SURFACES
from cutedl_xp.studies.walks import walk, write_csv

RAVINE = SURFACES["ravine"]


class TestWalk:
    def test_fixed_by_hand(self):
        path = walk("fixed(lr=0.01)", RAVINE, start=(-2.0, 0.5), steps=3)
        expected = np.array([-2.0, 0.5]) * np.array([0.99, 0.0]) ** np.arange(4)[:, np.newaxis]
        np.testing.assert_allclose(path.points, expected, rtol=1e-14, atol=1e-16)
        np.testing.assert_allclose(path.values, (expected**2 @ [1.0, 100.0]) / 2, rtol=1e-14)
        assert path.steps == 3
        assert path.points.dtype == path.values.dtype == np.float64

    def test_momentum_by_hand(self):
        path = walk("momentum(lr=0.1, momentum=0.5)", SURFACES["saddle"], start=(1.0, 0.0), steps=2)
        assert path.points[:, 0].tolist() == pytest.approx([1.0, 0.9, 0.9 - (0.05 + 0.09)])

    def test_the_defaults_are_the_surface_s(self):
        path = walk("adam(lr=0.1)", RAVINE)
        assert path.steps == RAVINE.steps
        assert tuple(path.points[0]) == RAVINE.start

    def test_the_text_becomes_canonical(self):
        assert walk("Adam( lr=1e-1 )", RAVINE, steps=1).optimizer == "adam(lr=0.1)"

    @pytest.mark.parametrize("steps", [0, -1, 100_001])
    def test_a_wrong_number_of_steps(self, steps):
        with pytest.raises(ValueError, match=f"`steps` must be .*; got {steps}"):
            walk("adam", RAVINE, steps=steps)

    @pytest.mark.parametrize("start", [(1.0, 0.0), (-1.0, 0.81), (-1.0, -0.81), (-2.31, 0.0)])
    def test_a_start_outside_the_picture(self, start):
        with pytest.raises(ValueError, match=r"`start` on 'ravine' must have x from -2.3 to 0.7 and y from -0.8"):
            walk("adam", RAVINE, start=start)

    @pytest.mark.parametrize("start", [(math.nan, 0.0), (0.0, math.inf)])
    def test_a_start_that_is_not_finite(self, start):
        with pytest.raises(ValueError, match="`start` must be finite"):
            walk("adam", RAVINE, start=start)


class TestEnd:
    def test_at_a_minimum(self):
        path = walk("momentum(lr=0.01)", SURFACES["saddle"], start=(1.0, -0.001))
        place, distance = path.nearest
        assert SURFACES["saddle"].minima[place] == (0.0, -1.0)
        assert distance == pytest.approx(math.dist(path.points[-1], (0.0, -1.0)))
        assert path.remark == ""
        assert path.inside.tolist() == list(range(path.steps + 1))

    def test_not_finite(self):
        with np.errstate(all="raise"):
            path = walk("fixed(lr=0.01)", SURFACES["rosenbrock"])
        assert np.isfinite(path.values[:-1]).all()
        assert not np.isfinite(path.values[-1])
        assert path.steps < 20
        assert path.remark == f"not finite at step {path.steps}"

    def test_outside_at_the_end(self):
        path = walk("fixed(lr=0.021)", RAVINE, steps=100)
        outside = np.flatnonzero(np.abs(path.points[:, 1]) > 0.8)
        assert path.remark == f"outside the picture from step {outside[0]} on"
        assert path.steps == 100

    def test_outside_in_between(self):
        path = walk("momentum(lr=0.03)", RAVINE, start=(-0.1, 0.79))
        outside = np.flatnonzero(np.abs(path.points[:, 1]) > 0.8)
        assert outside.size > 0
        assert path.remark == f"outside the picture at {outside.size} of {path.steps} steps"
        assert np.intersect1d(path.inside, outside).size == 0


class TestCsv:
    def test_the_numbers_have_all_their_digits(self, tmp_path):
        paths = [walk("adam(lr=0.1)", RAVINE, steps=5), walk("fixed(lr=0.01)", SURFACES["rosenbrock"])]
        write_csv(paths, tmp_path / "a.csv")
        with (tmp_path / "a.csv").open(newline="") as file:
            header, *rows = csv.reader(file)
        assert header == ["optimizer", "step", "x", "y", "value"]
        for path in paths:
            mine = [row[1:] for row in rows if row[0] == path.optimizer]
            assert [int(row[0]) for row in mine] == list(range(path.steps + 1))
            numbers = np.array([[float(cell) for cell in row[1:]] for row in mine])
            np.testing.assert_array_equal(numbers, np.column_stack((path.points, path.values)))

    def test_a_failure_leaves_the_old_file(self, tmp_path, monkeypatch):
        (tmp_path / "a.csv").write_bytes(b"old")

        def full(*_):
            raise OSError("No space left on device")

        monkeypatch.setattr(atomic.os, "fsync", full)
        with pytest.raises(OSError, match=r"cannot be written: .*No space"):
            write_csv([walk("adam", RAVINE, steps=1)], tmp_path / "a.csv")
        assert [file.name for file in tmp_path.iterdir()] == ["a.csv"]
        assert (tmp_path / "a.csv").read_bytes() == b"old"
