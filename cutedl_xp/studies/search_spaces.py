"""Search spaces of a tuning: the learning rate of each rule, and its decay rates.

The ranges come from published benchmarks and from the defaults of libraries, and were fixed before any tuning was run
with them.

Learning rates. Every rule has a range of four decades, as in Schmidt, Schneider and Hennig, "Descending through a
Crowded Valley" (2021), so that the same number of trials has the same density. That benchmark searches (1e-4, 1) for
every rule. Here the four decades surround the defaults of the rule in PyTorch, Keras and its paper:

- Fixed and Momentum, 1e-3 to 10: the AlgoPerf benchmark (Dahl et al., 2023) searches 0.02 to 5 for Nesterov momentum.
- Adagrad, 1e-4 to 1: Schmidt et al.; PyTorch's default is 0.01.
- RMSProp, Adam, AdamW, NAdam, RAdam and Adamax, 1e-5 to 0.1: defaults are 1e-3 to 1e-2, and AlgoPerf searches 1e-4 to
  1e-2 for AdamW and NAdamW.
- Adadelta, 0.01 to 100: its paper (Zeiler, 2012) has no rate, which means a factor of 1.
- Lion, 1e-6 to 0.01: its paper (Chen et al., 2023) has 1e-4, and advises a third to a tenth of AdamW's rate.

Decay rates. The distance from 1 is searched, since the length of a mean is 1 / (1 - beta). Momentum and beta1 have the
range of Schmidt et al. for beta1, 0.5 to 0.999; rho and beta2 have their range for beta2, 0.8 to 0.999.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from cutedl_xp import _checks


class Range(NamedTuple):
    """Range of an option, searched on a logarithmic scale.

    Attributes
    ----------
    low, high
        Ends of the range of the option, or of its distance from 1.
    complement
        Whether the range is for the option's distance from 1, default False.
    """

    low: float
    high: float
    complement: bool = False

    def place(self, share: float) -> float:
        """Return the option's value at the position ``share`` between ``low`` (0) and ``high`` (1), to three digits."""
        value = float(f"{self.low * (self.high / self.low) ** share:.3g}")
        return round(1.0 - value, 6) if self.complement else value

    def describe(self, name: str) -> str:
        """Return the range of the option ``name`` as text."""
        subject = f"1 - {name}" if self.complement else name
        return f"{subject} from {self.low:g} to {self.high:g}"


_GRADIENT = Range(1e-3, 10.0)
_NORMALISED = Range(1e-5, 0.1)
_SHORT = Range(1e-3, 0.5, complement=True)
_LONG = Range(1e-3, 0.2, complement=True)
_ADAM = {"lr": _NORMALISED, "beta1": _SHORT, "beta2": _LONG}

SPACES: Mapping[str, Mapping[str, Range]] = MappingProxyType(
    {
        "fixed": {"lr": _GRADIENT},
        "momentum": {"lr": _GRADIENT, "momentum": _SHORT},
        "adagrad": {"lr": Range(1e-4, 1.0)},
        "rmsprop": {"lr": _NORMALISED, "rho": _LONG},
        "adadelta": {"lr": Range(0.01, 100.0), "rho": _LONG},
        "adam": _ADAM,
        "adamw": _ADAM,
        "nadam": _ADAM,
        "radam": _ADAM,
        "adamax": _ADAM,
        "lion": {"lr": Range(1e-6, 0.01), "beta1": _SHORT, "beta2": _LONG},
    }
)
"""Ranges of the searched options by the name of the rule."""


def searched_options(rule: str) -> tuple[str, ...]:
    """Return the names of the options that a tuning searches.

    Examples
    --------
    >>> searched_options("momentum")
    ('lr', 'momentum')
    """
    return tuple(find_space(rule))


def find_space(rule: str) -> Mapping[str, Range]:
    """Return the range of each option that a tuning of a rule searches.

    Raises
    ------
    TypeError, ValueError
        If ``rule`` is not the name of a rule.
    """
    return SPACES[_checks.check_one_of("rule", rule, tuple(SPACES))]


def describe_space(rule: str) -> str:
    """Return the search space of a rule in one line.

    Raises
    ------
    TypeError, ValueError
        If ``rule`` is not the name of a rule.

    Examples
    --------
    >>> describe_space("momentum")
    'momentum: lr from 0.001 to 10, 1 - momentum from 0.001 to 0.5 (log-uniform)'
    """
    ranges = ", ".join(each.describe(name) for name, each in find_space(rule).items())
    return f"{rule}: {ranges} (log-uniform)"
