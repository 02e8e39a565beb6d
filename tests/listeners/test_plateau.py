"""Return the number of entries until the earliest stop."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutedl_xp.listeners._plateau import Plateau

NUMBERS = st.sampled_from([0.0, 1.0, 2.0, 2.5, float("nan"), float("inf")])


@given(
    st.lists(NUMBERS, max_size=12), st.integers(1, 5), st.sampled_from([0.0, 0.7, 1.5]), st.sampled_from(["min", "max"])
)
def test_so_many_entries_without_improvement_end_it(
    entries: Sequence[float], patience: int, min_delta: float, mode: str
) -> None:
    plateau = Plateau(mode, patience)
    for entry in entries:
        plateau.add(entry)
    left, made = plateau.entries_left(min_delta), 0
    while not plateau.is_reached(min_delta):
        plateau.add(float("nan"))  # worse than any number
        made += 1
    assert left == made


@pytest.mark.parametrize(("patience", "left"), [(1, 2), (20, 21)])
def test_without_entries_the_first_one_and_the_patience_are_left(patience: int, left: int) -> None:
    assert Plateau("min", patience).entries_left(0.0) == left
