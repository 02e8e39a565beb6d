"""Optimizers as texts such as ``"adam(lr=0.001, beta2=0.999)"``."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from cutedl_xp import optimizers
from cutedl_xp.optimizers import ElementwiseOptimizer, Optimizer
from cutedl_xp.studies import schedule_text
from cutedl_xp.studies._calls import Grammar, Options, Value, format_call, read_signature

RULES: Mapping[str, type[ElementwiseOptimizer]] = MappingProxyType(
    {
        rule.__name__.lower(): rule
        for rule in (
            optimizers.Fixed,
            optimizers.Momentum,
            optimizers.Adagrad,
            optimizers.RMSProp,
            optimizers.Adadelta,
            optimizers.Adam,
            optimizers.AdamW,
            optimizers.NAdam,
            optimizers.RAdam,
            optimizers.Adamax,
            optimizers.Lion,
        )
    }
)
"""Update rules by the names that a text may use."""

_GRAMMAR = Grammar(
    "an optimizer", "adam(lr=0.001)", MappingProxyType({name: read_signature(rule) for name, rule in RULES.items()})
)


def parse(text: str) -> tuple[type[ElementwiseOptimizer], Options]:
    """Return the class and the options in a text.

    Parameters
    ----------
    text
        Name of a rule in any case, alone or with options in parentheses, as in ``"adam(lr=1e-3, beta2=0.999)"``.
        Options are parameters of the class in :mod:`cutedl_xp.optimizers`, as literals. The text is never evaluated.

    Returns
    -------
    tuple
        Class of the rule, and the given options in the constructor's order.

    Raises
    ------
    TypeError
        If ``text`` is no string.
    ValueError
        If the rule or an option is unknown, or the rule does not accept a value.

    Examples
    --------
    >>> from cutedl_xp.studies import optimizer_text
    >>> optimizer_text.parse("Momentum(0.002, momentum=0.8)")
    (<class 'cutedl_xp.optimizers.rules.momentum.Momentum'>, {'lr': 0.002, 'momentum': 0.8})
    """
    name, options = _parse(text)
    return RULES[name], options


def canonical(text: str) -> str:
    """Return the canonical text of an optimizer, the same for all spellings.

    Examples
    --------
    >>> from cutedl_xp.studies import optimizer_text
    >>> optimizer_text.canonical("Adam( beta2=.999, lr=1e-3 )")
    'adam(lr=0.001, beta2=0.999)'
    """
    return format_call(*_parse(text))


def rule_name(text: str) -> str:
    """Return the name of the rule in a text.

    Examples
    --------
    >>> from cutedl_xp.studies import optimizer_text
    >>> optimizer_text.rule_name("Adam(lr=1e-3)")
    'adam'
    """
    return _parse(text)[0]


def make(text: str, schedule: str | None = None, steps: int | None = None) -> Optimizer:
    """Return a new optimizer.

    Parameters
    ----------
    text
        Text of the optimizer, see :func:`parse`.
    schedule
        Text of a schedule of the learning rate, see :mod:`cutedl_xp.studies.schedule_text`, whose peak is the
        optimizer's own rate. The default is None, a constant rate.
    steps
        Number of updates in the training, which the schedule covers. Required with a schedule.

    Returns
    -------
    Optimizer
        Optimizer without a state.

    Raises
    ------
    TypeError, ValueError
        If a text cannot be read, or a schedule comes without steps.

    Examples
    --------
    >>> from cutedl_xp.studies import optimizer_text
    >>> optimizer_text.make("adadelta(rho=0.95)")
    Adadelta(rho=0.95, lr=1.0, eps=1e-06, eps_inside_sqrt=False, weight_decay=0.0)
    >>> optimizer_text.make("adam(lr=0.01)", schedule="cosine", steps=500).lr
    Cosine(lr=0.01, updates=500, end=0.0)
    """
    rule, options = parse(text)
    optimizer = rule(**options)
    if schedule is not None:
        if steps is None:
            raise ValueError(f"the schedule {schedule!r} needs the number of updates; give `steps`")
        optimizer.lr = schedule_text.make(schedule, option(text, "lr"), steps)
    return optimizer


def with_options(text: str, **options: Value) -> str:
    """Return the text of an optimizer with options replaced or added.

    Examples
    --------
    >>> from cutedl_xp.studies import optimizer_text
    >>> optimizer_text.with_options("adam(beta2=0.999)", lr=0.1)
    'adam(lr=0.1, beta2=0.999)'
    """
    name, given = _parse(text)
    return format_call(name, _check(name, given | options))


def option(text: str, name: str) -> Value:
    """Return the value of an option in a text, or the rule's default.

    Raises
    ------
    ValueError
        If the rule has no such option.

    Examples
    --------
    >>> from cutedl_xp.studies import optimizer_text
    >>> optimizer_text.option("adam(lr=0.1)", "lr"), optimizer_text.option("adam(lr=0.1)", "beta1")
    (0.1, 0.9)
    """
    rule, options = _parse(text)
    if name not in _GRAMMAR.signatures[rule].kinds:
        _GRAMMAR.check(rule, {name: 0.0})
    value: Value = getattr(RULES[rule](**options), name)
    return value


def _parse(text: str) -> tuple[str, Options]:
    name, options = _GRAMMAR.parse(text)
    return name, _check(name, options)


def _check(name: str, options: Mapping[str, Any]) -> Options:
    """Return options that the rule accepts, in its order."""
    checked = _GRAMMAR.check(name, options)
    try:
        RULES[name](**checked)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: {error}") from error
    return checked
