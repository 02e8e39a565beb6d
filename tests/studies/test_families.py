"""Optimizers that differ only in some options."""

import pytest

from cutedl_xp.studies.families import remove_options


@pytest.mark.parametrize(
    ("text", "names", "expected"),
    [
        ("adam(lr=0.1, beta1=0.8)", ["lr"], "adam(beta1=0.8)"),
        ("Adam(0.1)", ["lr"], "adam"),
        ("momentum(nesterov=True)", ["lr", "momentum"], "momentum(nesterov=True)"),
        ("lion", [], "lion"),
    ],
)
def test_options_are_removed(text: str, names: list[str], expected: str) -> None:
    assert remove_options(text, names) == expected
