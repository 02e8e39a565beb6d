"""Search spaces of a tuning."""

import inspect
import math

import pytest

from cutedl_xp.studies import optimizer_text
from cutedl_xp.studies.search_spaces import SPACES, Range, describe_space, find_space, searched_options


def test_every_rule_has_a_space_of_its_own_options() -> None:
    assert set(SPACES) == set(optimizer_text.RULES)
    for name, space in SPACES.items():
        assert set(space) <= set(inspect.signature(optimizer_text.RULES[name]).parameters)
        decays = {"momentum", "rho", "beta1", "beta2"} & set(inspect.signature(optimizer_text.RULES[name]).parameters)
        if name != "rmsprop":  # whose momentum is 0 by default
            assert set(space) == {"lr"} | decays


def test_every_rate_has_four_decades_and_every_decay_stays_below_1() -> None:
    for space in SPACES.values():
        assert math.log10(space["lr"].high / space["lr"].low) == pytest.approx(4.0)
        for name, each in space.items():
            if name != "lr":
                assert each.complement
                assert 0.0 < each.place(1.0) < each.place(0.0) < 1.0


def test_places_are_logarithmic_and_of_three_digits() -> None:
    assert [Range(1e-3, 10.0).place(share) for share in (0.0, 0.5, 0.3, 1.0)] == [0.001, 0.1, 0.0158, 10.0]
    momentum = Range(1e-3, 0.5, complement=True)
    assert [momentum.place(share) for share in (0.0, 1.0)] == [0.999, 0.5]
    assert momentum.place(0.5) == pytest.approx(1.0 - math.sqrt(1e-3 * 0.5), abs=1e-4)


def test_a_space_is_described_in_one_line() -> None:
    described = describe_space("adam")
    assert described == (
        "adam: lr from 1e-05 to 0.1, 1 - beta1 from 0.001 to 0.5, 1 - beta2 from 0.001 to 0.2 (log-uniform)"
    )
    assert searched_options("fixed") == ("lr",)


def test_an_unknown_rule_is_refused_with_the_choices() -> None:
    with pytest.raises(ValueError, match="`rule` must be one of 'fixed', 'momentum'"):
        find_space("sgd")
