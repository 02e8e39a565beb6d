"""Medians of curves of different lengths."""

import math

import pytest

from cutedl_xp.plotting import medians


def test_between_entries_a_curve_is_interpolated():
    band = medians.band([([1, 3], [4.0, 2.0]), ([1, 2, 3], [8.0, 8.0, 8.0]), ([1, 3], [9.0, 9.0])])
    assert band.positions == [1, 2, 3]
    assert band.median == [8, 8, 8]
    assert band.low == [6, 5.5, 5]


def test_the_band_ends_where_half_of_the_curves_have_ended():
    lengths = (2, 3, 5, 9)
    band = medians.band([(list(range(1, length + 1)), [1.0] * length) for length in lengths])
    assert band.positions == [1, 2, 3]


def test_a_curve_that_has_ended_keeps_its_last_value():
    band = medians.band([([1], [7.0]), ([1, 2, 3], [1.0] * 3), ([1, 2, 3, 4], [9.0] * 4)])
    assert band.positions == [1, 2, 3]
    assert band.median == [7, 7, 7]


def test_the_band_begins_where_every_curve_has_begun():
    assert medians.band([([1, 2, 3], [1.0] * 3), ([2, 3], [1.0] * 2)]).positions == [2, 3]
    assert medians.band([([1], [1.0]), ([2, 3], [1.0] * 2)]).positions == []


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_value_that_is_not_finite_is_the_worst(value):
    band = medians.band([([1, 2], [1.0, value]), ([1, 2], [2.0, 2.0]), ([1, 2], [3.0, 3.0])])
    assert band.median == [2, 3]
    assert band.high == [2.5, math.inf]


def test_many_entries_are_thinned_out():
    steps = list(range(1, 10_001))
    band = medians.band([(steps, [1.0 / step for step in steps])])
    assert 200 < len(band.positions) <= 400
    assert band.positions[0] == 1
    assert band.positions[-1] == 10_000
    assert band.median == [1.0 / step for step in band.positions]


def test_no_curve():
    assert medians.band([]) == medians.band([([], [])]) == medians.Band([], [], [], [])
