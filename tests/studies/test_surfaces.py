"""Surfaces: gradients, minima and defaults."""

from pathlib import Path

import numpy as np
import pytest

from cutedl_xp.studies import optimizer_text
from cutedl_xp.studies.surfaces import SURFACES, choose
from cutedl_xp.studies.walks import walk

each_surface = pytest.mark.parametrize("surface", SURFACES.values(), ids=SURFACES)


def central_differences(function, x, y, h):
    return (function(x + h, y) - function(x - h, y)) / (2 * h), (function(x, y + h) - function(x, y - h)) / (2 * h)


@each_surface
class TestSurface:
    def test_the_gradient_is_that_of_the_value(self, surface):
        left, right, bottom, top = surface.window
        points = np.random.default_rng(0).uniform((left, bottom), (right, top), (200, 2)).T
        expected = central_differences(surface.value, *points, 1e-5)
        np.testing.assert_allclose(surface.gradient(*points), expected, rtol=1e-7, atol=1e-6)

    def test_numbers_and_arrays_give_the_same_values(self, surface):
        x, y = np.array([0.3, -1.1]), np.array([0.7, 0.2])
        for place in (0, 1):
            numbers = float(x[place]), float(y[place])
            parts = [part[place] for part in surface.gradient(x, y)]
            # To rounding, as NumPy's powers of arrays differ from Python's in the last bit on some processors
            np.testing.assert_allclose(surface.value(x, y)[place], surface.value(*numbers), rtol=1e-14)
            np.testing.assert_allclose(parts, surface.gradient(*numbers), rtol=1e-14)

    def test_every_minimum_is_one(self, surface):
        for x, y in surface.minima:
            assert np.abs(surface.gradient(x, y)).max() < 1e-12
            dx, dy = central_differences(lambda x, y: np.array(surface.gradient(x, y)), x, y, 1e-5)
            assert np.linalg.eigvalsh(np.array([dx, dy])).min() > 0.1

    def test_the_first_minimum_is_the_lowest_value_of_the_picture(self, surface):
        left, right, bottom, top = surface.window
        x, y = np.meshgrid(np.linspace(left, right, 301), np.linspace(bottom, top, 301))
        assert surface.lowest == surface.value(*surface.minima[0]) <= surface.value(x, y).min()
        assert all(surface.value(*minimum) >= surface.lowest for minimum in surface.minima)

    def test_the_picture_shows_the_start_and_the_first_minimum(self, surface):
        assert surface.shows(np.array([surface.start, surface.minima[0]])).all()

    def test_the_default_optimizers_are_the_six_rules_of_the_article(self, surface):
        names = [optimizer_text.rule_name(text) for text in surface.optimizers]
        assert names == ["fixed", "momentum", "adagrad", "rmsprop", "adadelta", "adam"]
        assert [optimizer_text.canonical(text) for text in surface.optimizers] == list(surface.optimizers)

    def test_the_default_optimizers_reach_a_minimum(self, surface):
        for text in surface.optimizers:
            path = walk(text, surface)
            assert path.nearest[1] < 0.15, text
            assert path.remark == "", text


def test_rosenbrock_is_that_of_scipy():
    optimize = pytest.importorskip("scipy.optimize")
    point = np.array([0.3, -0.8])
    assert SURFACES["rosenbrock"].value(*point) == pytest.approx(optimize.rosen(point), rel=1e-14)
    np.testing.assert_allclose(SURFACES["rosenbrock"].gradient(*point), optimize.rosen_der(point), rtol=1e-14)


@pytest.mark.parametrize(
    ("name", "point", "value"),
    [
        ("saddle", (0, 0), 0.0),
        ("beale", (0, 0), 14.203125),
        ("ravine", (1, 1), 50.5),
        ("camel", (1, 1), 187 / 60),
    ],
)
def test_values_by_hand(name, point, value):
    assert SURFACES[name].value(*point) == pytest.approx(value, rel=1e-14)


@each_surface
def test_the_guide_describes_each_surface(surface):
    guide = Path(__file__).parents[2] / "docs" / "guides" / "surfaces.md"
    lines = guide.read_text(encoding="utf-8").splitlines()
    (row,) = [line for line in lines if line.startswith(f"| `{surface.name}` ")]
    x, y = surface.start
    assert row.split(" | ")[1] == surface.formula
    assert row.split(" | ")[3:5] == [f"({x:g}, {y:g})", f"{surface.steps:,}"]


def test_the_guide_s_rates():
    ravine, camel, rosenbrock = SURFACES["ravine"], SURFACES["camel"], SURFACES["rosenbrock"]
    assert walk("fixed(lr=0.0199)", ravine, steps=1000).nearest[1] < 0.01
    assert walk("fixed(lr=0.0201)", ravine, steps=1000).remark
    assert walk("fixed(lr=0.1)", camel, steps=300).nearest[0] == 0
    assert walk("adam(lr=0.05)", camel, steps=300).nearest[0] == 1
    assert walk("adadelta", rosenbrock).points[-1, 0] < -1.0


def test_on_the_camel_momentum_passes_the_minimum_in_which_gradient_descent_ends():
    camel = SURFACES["camel"]
    ends = {optimizer_text.rule_name(text): walk(text, camel).nearest[0] for text in camel.optimizers}
    assert ends["momentum"] == ends["adam"] == 0
    assert ends["fixed"] == 1


class TestChoose:
    def test_all(self):
        assert choose([]) == choose(["all"]) == choose(["all", "saddle"])
        assert [surface.name for surface in choose([])] == ["saddle", "beale", "rosenbrock", "ravine", "camel"]

    def test_each_name_once_in_the_given_order(self):
        assert [surface.name for surface in choose(["camel", "beale", "camel"])] == ["camel", "beale"]

    def test_an_unknown_name(self):
        with pytest.raises(ValueError, match=r"must be one of 'all', 'saddle', .*'camel'; got 'himmelblau'"):
            choose(["beale", "himmelblau"])
