"""Parsers of seeds and learning rates on the command line."""

from collections.abc import Sequence

from cutedl_xp import _checks

DEFAULT_RATES = ("1e-4:1:9",)
ADADELTA_RATES = "adadelta=0.01:1000:11"  # its rate is a factor of the step, 1 in the paper


def parse_seeds(text: str) -> list[int]:
    """Return the seeds 1 to N for ``"N"``, or the seeds of a list such as ``"1,2,5"``.

    Raises
    ------
    ValueError
        If the text has another form.
    """
    parts = [part.strip() for part in text.strip().rstrip(",").split(",")]
    if not all(part.isdecimal() and part.isascii() for part in parts) or text.strip() == "0":
        raise ValueError(f"--seeds must be a number of at least 1, or a list such as 1,2,5; got {text!r}")
    numbers = [int(part) for part in parts]
    return numbers if "," in text else list(range(1, numbers[0] + 1))


def parse_rates(texts: Sequence[str]) -> dict[str, list[float]]:
    """Return grids of learning rates by the name of the rule, or by ``""`` for all rules without a grid of their own.

    Parameters
    ----------
    texts
        Grids such as ``"1e-4:1:9"`` (lowest, highest, number), ``"0.01,0.1"`` or ``"adadelta=0.01:1000:11"``.

    Raises
    ------
    ValueError
        If a text is no grid, or a rule has two grids.
    """
    grids: dict[str, list[float]] = {}
    for text in texts:
        rule, _, grid = text.rpartition("=")
        name = rule.strip().lower()
        if name in grids:
            whose = f"of {name!r}" if name else "of all rules"
            raise ValueError(f"--rates {whose} must be given once; got {text!r} as a second grid")
        grids[name] = _parse_grid(grid)
    return grids


def _parse_grid(text: str) -> list[float]:
    try:
        if ":" not in text:
            return [_checks.check_positive("rates", float(part)) for part in text.split(",")]
        lowest, highest, number = text.split(":")
        return _space(float(lowest), float(highest), int(number))
    except ValueError:
        raise ValueError(
            "--rates must be lowest:highest:number with rates above 0 and a number of at least 2, or a list such as "
            f"0.01,0.1; got {text!r}"
        ) from None


def _space(lowest: float, highest: float, number: int) -> list[float]:
    """Return rates at equal ratios, rounded to three significant digits, which give short names."""
    if not 0.0 < lowest < highest < float("inf") or number < 2:
        raise ValueError
    ratio = highest / lowest
    rates = [float(f"{lowest * ratio ** (place / (number - 1)):.3g}") for place in range(number)]
    if len(set(rates)) < number:
        raise ValueError
    return rates
