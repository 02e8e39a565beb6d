"""Dense models as texts such as ``"784-128-10"``."""

import re
from itertools import pairwise

from cutedl_xp import initializers
from cutedl_xp._checks import check_one_of, check_text
from cutedl_xp.activations import ACTIVATIONS
from cutedl_xp.layers import Dense
from cutedl_xp.model import Model

_WIDTH = "[1-9][0-9]{0,5}"
_FORM = re.compile(f"{_WIDTH}(-{_WIDTH})+")


def parse(text: str) -> tuple[int, ...]:
    """Return the widths in a text: of the input, of hidden layers, and of the output.

    Raises
    ------
    TypeError, ValueError
        If ``text`` is not at least two widths of 1 to 999,999, joined by hyphens.

    Examples
    --------
    >>> from cutedl_xp.studies import models
    >>> models.parse("784-128-10")
    (784, 128, 10)
    """
    check_text("model", text)
    if not _FORM.fullmatch(text.strip()):
        raise ValueError(
            "a model must be the widths of its input, its hidden layers and its output, joined by hyphens, each from "
            f"1 to 999,999, such as '784-128-10'; got {text[:80]!r}"
        )
    return tuple(map(int, text.strip().split("-")))


def canonical(text: str) -> str:
    """Return the text of a model without surrounding spaces."""
    return "-".join(map(str, parse(text)))


def make(text: str, activation: str = "relu", output_activation: str = "linear", initializer: str = "uniform") -> Model:
    """Return the model of a text, not yet assembled.

    Parameters
    ----------
    text
        Widths, see :func:`parse`.
    activation, output_activation
        Activation of hidden layers, by default ``"relu"``, and of the last layer, by default ``"linear"``.
    initializer
        Name of the initializer of weights, by default ``"uniform"``. The initial biases are 0.

    Raises
    ------
    TypeError, ValueError
        If the text cannot be read, or a name is unknown.

    Examples
    --------
    >>> from cutedl_xp.studies import models
    >>> models.make("4-3-2", activation="tanh")
    Model([Dense(units=3, input_dim=4, activation='tanh'), Dense(units=2, input_dim=3, activation='linear')])
    """
    widths = parse(text)
    check_one_of("activation", activation, tuple(ACTIVATIONS))
    check_one_of("output_activation", output_activation, tuple(ACTIVATIONS))
    check_one_of("initializer", initializer, tuple(initializers.INITIALIZERS))
    last = len(widths) - 2
    return Model(
        [
            Dense(units, inputs, output_activation if place == last else activation, initializer)
            for place, (inputs, units) in enumerate(pairwise(widths))
        ]
    )
