"""Seeds and learning rates as arguments of the command line."""

import pytest

from cutedl_xp.commands.grids import parse_rates, parse_seeds


@pytest.mark.parametrize(
    ("text", "seeds"), [("1", [1]), ("3", [1, 2, 3]), ("1,2,5", [1, 2, 5]), ("7,", [7]), ("0, 4", [0, 4])]
)
def test_seeds(text: str, seeds: list[int]) -> None:
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize("text", ["0", "", "-1", "1.5", "a", "1,,2", "1:3", ",", "٣"])
def test_other_texts_are_no_seeds(text: str) -> None:
    with pytest.raises(ValueError, match="--seeds must be a number of at least 1, or a list"):
        parse_seeds(text)


def test_a_grid_is_logarithmic() -> None:
    assert parse_rates(["1e-4:1:9"]) == {"": [0.0001, 0.000316, 0.001, 0.00316, 0.01, 0.0316, 0.1, 0.316, 1.0]}


def test_a_rule_has_its_own_grid() -> None:
    grids = parse_rates(["0.1,0.01", "Adadelta=0.01:100:3", "adam=1"])
    assert grids == {"": [0.1, 0.01], "adadelta": [0.01, 1.0, 100.0], "adam": [1.0]}


@pytest.mark.parametrize(
    "text",
    ["", "a", "1:2", "1:2:3:4", "0:1:3", "-1:1:3", "1:0.1:3", "0.1:1:1", "0.1:inf:3", "0.1,", "0", "nan", "1:1.001:9"],
)
def test_other_texts_are_no_rates(text: str) -> None:
    with pytest.raises(ValueError, match=r"--rates must be lowest:highest:number .* got "):
        parse_rates([text])


def test_a_second_grid_of_the_same_rule_is_refused() -> None:
    with pytest.raises(ValueError, match="--rates of 'adam' must be given once; got 'ADAM=1' as a second grid"):
        parse_rates(["adam=0.1", "ADAM=1"])
    with pytest.raises(ValueError, match="--rates of all rules must be given once"):
        parse_rates(["0.1", "1"])
