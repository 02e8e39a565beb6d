"""Learning-rate schedules as texts such as ``"cosine(warmup=100)"``, for a peak rate and a number of updates."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from cutedl_xp import schedules
from cutedl_xp._checks import check_integer
from cutedl_xp.schedules import Schedule
from cutedl_xp.studies._calls import Grammar, Signature, format_call, read_signature

SCHEDULES: Mapping[str, Callable[..., Schedule]] = MappingProxyType(
    {
        "constant": schedules.Constant,
        "cosine": schedules.Cosine,
        "cosine_restarts": schedules.CosineRestarts,
        "exponential": schedules.Exponential,
        "inverse_time": schedules.InverseTime,
        "one_cycle": schedules.OneCycle,
        "polynomial": schedules.Polynomial,
        "step": schedules.Step,
    }
)
"""Schedules by the names that a text may use."""

_REQUIRED = {"inverse_time": ("decay_steps",)}  # its default exists only for a deprecated option


def _read(name: str, schedule: Callable[..., Schedule]) -> Signature:
    kinds, _, required = read_signature(schedule, without=("lr", "half_life"))
    required = tuple(each for each in required if each != "updates") + _REQUIRED.get(name, ())
    return Signature(MappingProxyType({**kinds, "warmup": int}), (), required)


_GRAMMAR = Grammar(
    "a schedule",
    "cosine(warmup=100)",
    MappingProxyType({name: _read(name, schedule) for name, schedule in SCHEDULES.items()}),
)


def canonical(text: str) -> str:
    """Return the canonical text of a schedule, the same for all spellings.

    Examples
    --------
    >>> from cutedl_xp.studies import schedule_text
    >>> schedule_text.canonical("Polynomial( power=2 )")
    'polynomial(power=2.0)'
    """
    name, options = _GRAMMAR.parse(text)
    _make(name, options, 1.0, int(options.get("warmup", 0)) + 2)
    return format_call(name, options)


def make(text: str, lr: float, steps: int) -> Schedule:
    """Return the schedule of a text.

    Parameters
    ----------
    text
        Name of a schedule in snake case, alone or with options in parentheses, such as ``"step(every=500)"``. Options
        are the parameters of the class in :mod:`cutedl_xp.schedules` without ``lr``, and ``warmup``, the number of
        updates of a linear rise from 0 before the schedule starts.
    lr
        Peak rate: the initial rate of the schedule, or the largest rate of ``one_cycle``.
    steps
        Number of updates in the training. The schedule covers the updates after the warm-up unless it has its own
        option ``updates``.

    Returns
    -------
    Schedule
        Function from the number of earlier updates to the rate.

    Raises
    ------
    TypeError, ValueError
        If the schedule or an option is unknown, or the warm-up is as long as the training.

    Examples
    --------
    >>> from cutedl_xp.studies import schedule_text
    >>> schedule_text.make("cosine(warmup=100)", 0.1, 1000)
    Warmup(then=Cosine(lr=0.1, updates=900, end=0.0), updates=100, start=0.0)
    """
    return _make(*_GRAMMAR.parse(text), lr, check_integer("steps", steps, at_least=1))


def _make(name: str, options: Mapping[str, Any], lr: float, steps: int) -> Schedule:
    others = dict(options)
    warmup = others.pop("warmup", 0)
    if warmup >= steps:
        raise ValueError(f"{name}: `warmup` must be less than the {steps} updates of the training; got {warmup}")
    if "updates" in _GRAMMAR.signatures[name].kinds:
        others.setdefault("updates", steps - warmup)
    try:
        schedule = SCHEDULES[name](lr, **others)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: {error}") from error
    return schedules.Warmup(schedule, warmup) if warmup else schedule
