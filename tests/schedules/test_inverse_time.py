"""The two names of InverseTime's second argument."""

import pytest

from cutedl_xp.schedules import InverseTime


def test_half_life_is_the_deprecated_name_of_decay_steps() -> None:
    with pytest.warns(
        DeprecationWarning, match="`half_life` of InverseTime is deprecated; use `decay_steps`"
    ) as caught:
        old = InverseTime(0.5, half_life=2.5)
    assert caught[0].filename == __file__
    assert old == InverseTime(0.5, 2.5)
    assert repr(old) == "InverseTime(lr=0.5, decay_steps=2.5)"
    with pytest.warns(DeprecationWarning, match="use `decay_steps`") as caught:
        assert old.half_life == 2.5
    assert caught[0].filename == __file__


@pytest.mark.parametrize("arguments", [{}, {"decay_steps": 2.0, "half_life": 2.0}])
def test_decay_steps_is_given_once(arguments: dict[str, float]) -> None:
    with pytest.raises(TypeError, match="`decay_steps` must be given once"):
        InverseTime(0.5, **arguments)
