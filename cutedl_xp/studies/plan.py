"""Plan of the runs of a study, as plain values."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import partial
from typing import Any, TypeAlias, TypeVar

from cutedl_xp import _checks
from cutedl_xp._random import check_seed
from cutedl_xp.studies import models, optimizer_text, tuning
from cutedl_xp.studies.run import RunSpec
from cutedl_xp.studies.settings import Settings

KINDS = ("compare", "sweep")
FIRST_TUNING_SEED = 1001
_LISTS: Mapping[str, Callable[[Any], Any]] = {
    "data": partial(_checks.check_text, "data"),
    "models": models.canonical,
    "optimizers": optimizer_text.canonical,
    "seeds": check_seed,
    "tuning_seeds": check_seed,
}
_T = TypeVar("_T")
PlannedTask: TypeAlias = tuple[str, str]
"""Texts of a data set and a model."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Optimizers, seeds, models and data sets of a study, and the settings that all of its runs share.

    The runs combine every optimizer with every seed, on every data set with every fitting model. Runs with the same
    seed have the same initial weights and the same batches.

    Parameters
    ----------
    kind
        ``"compare"``, the default, or ``"sweep"``, which runs each optimizer with several learning rates.
    data
        Names or paths of data sets, at least one.
    models
        Widths of dense models, such as ``"784-128-10"``, at least one.
    optimizers
        Rules with their options, such as ``"adam(lr=0.001)"``, at least one.
    seeds
        Seeds, at least one; default 1, 2 and 3.
    rates
        Learning rates of a sweep: a list by the name of a rule, or by ``""`` for all other rules.
    tune
        Number of trials with which each optimizer's rate and decays are tuned, default 0 for no tuning. Trials are
        judged on the validation samples, which then cannot be the test samples.
    tuning_seeds
        Seeds of each trial, different from all ``seeds``; default ``(1001,)``.
    settings
        Settings that all runs share.

    Raises
    ------
    TypeError, ValueError
        If a value has another type or is out of range.

    Examples
    --------
    >>> from cutedl_xp.studies.plan import Plan
    >>> plan = Plan(data=["digits"], models=["64-10"], optimizers=["adam", "momentum"], seeds=[1, 2])
    >>> [str(spec) for spec in plan.runs(plan.tasks)]
    ['adam, seed 1', 'momentum, seed 1', 'adam, seed 2', 'momentum, seed 2']
    """

    kind: str = "compare"
    data: Sequence[str]
    models: Sequence[str]
    optimizers: Sequence[str]
    seeds: Sequence[int] = (1, 2, 3)
    rates: Mapping[str, Sequence[float]] = field(default_factory=dict)
    tune: int = 0
    tuning_seeds: Sequence[int] = (FIRST_TUNING_SEED,)
    settings: Settings = field(default_factory=Settings)

    def __post_init__(self) -> None:
        _checks.check_one_of("kind", self.kind, KINDS)
        for name, check in _LISTS.items():
            values = _checks.check_sequence(name, getattr(self, name))
            if not values:
                raise ValueError(f"`{name}` must have at least one entry")
            self._set(name, _without_repetition(map(check, values)))
        if not isinstance(self.rates, Mapping):
            raise TypeError(f"`rates` must be a dict of lists; got {_checks.format_value(self.rates)}")
        self._set("rates", {rule: _check_rates(rule, rates) for rule, rates in self.rates.items()})
        if not isinstance(self.settings, Settings):
            raise TypeError(f"`settings` must be Settings; got {_checks.format_value(self.settings)}")
        self._check_kind()

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    def _check_kind(self) -> None:
        self._set("tune", _checks.check_integer("tune", self.tune, at_least=0))
        if self.kind == "compare" and self.rates:
            raise ValueError("`rates` belong to a sweep; a comparison takes the rate of each optimizer")
        if self.kind == "sweep" and self.tune:
            raise ValueError("`tune` belongs to a comparison; a sweep takes the given rates")
        if self.tune and self.settings.validation == "test":
            raise ValueError(
                "a tuning must not see the test samples; got `validation` 'test' with `tune`: give `validation` a "
                "fraction of the training samples, such as 0.1"
            )
        if self.tune and set(self.seeds) & set(self.tuning_seeds):
            raise ValueError(
                f"`tuning_seeds` must not be among `seeds`, so that no optimizer is judged on the seeds of its "
                f"tuning; got {list(self.tuning_seeds)} and {list(self.seeds)}"
            )
        rules = set(map(optimizer_text.rule_name, self.optimizers))
        if self.tune and len(rules) < len(self.optimizers):
            raise ValueError("with `tune` every rule may be given once; its rate and decays are found by the tuning")
        unknown = [rule for rule in self.rates if rule and rule not in rules]
        if unknown:
            raise ValueError(f"`rates` name {_checks.format_names(unknown)}, which is not among the optimizers")
        if self.kind == "sweep":
            for rule in rules:
                self.rates_of(rule)

    def rates_of(self, rule: str) -> Sequence[float]:
        """Return the learning rates of the update rule ``rule`` in this sweep."""
        rates = self.rates.get(rule, self.rates.get("", ()))
        if not rates:
            raise ValueError(f"a sweep needs `rates` for {rule!r}, or rates for all rules")
        return rates

    def _rates_for(self, rule: str) -> Sequence[float]:
        """Return the rates of a rule, empty if this plan neither names nor has the rule."""
        has_rule = rule in map(optimizer_text.rule_name, self.optimizers)
        return self.rates_of(rule) if has_rule else self.rates.get(rule, ())

    @property
    def tasks(self) -> list[PlannedTask]:
        """All pairs of a data set and a model; a study uses the pairs whose widths fit."""
        return [(data, model) for data in self.data for model in self.models]

    def runs(self, tasks: Sequence[PlannedTask]) -> list[RunSpec]:
        """Return the runs of the given optimizers, or of a sweep, on ``tasks``, pairs of a data set and a model."""
        texts = list(self.optimizers)
        if self.kind == "sweep":
            texts = _without_repetition(
                optimizer_text.with_options(text, lr=rate)
                for text in self.optimizers
                for rate in self.rates_of(optimizer_text.rule_name(text))
            )
        return self._cross(tasks, self.seeds, "final", lambda task: texts)

    def trials(self, tasks: Sequence[PlannedTask]) -> list[RunSpec]:
        """Return the runs of the tuning on ``tasks``, pairs of a data set and a model; empty without a tuning."""
        if not self.tune:
            return []
        texts = [trial for text in self.optimizers for trial in tuning.trials(text, self.tune)]
        return self._cross(tasks, self.tuning_seeds, "trial", lambda task: texts)

    def tuned_runs(self, best: Mapping[PlannedTask, Sequence[str]]) -> list[RunSpec]:
        """Return the runs of ``best``, the best optimizers of the trials for each pair of a data set and a model."""
        return self._cross(list(best), self.seeds, "final", best.__getitem__)

    def _cross(
        self,
        tasks: Sequence[PlannedTask],
        seeds: Sequence[int],
        purpose: str,
        texts: Callable[[PlannedTask], Sequence[str]],
    ) -> list[RunSpec]:
        """Return runs in an order in which the first ones include every optimizer."""
        return [
            RunSpec(data=data, model=model, optimizer=text, seed=seed, settings=self.settings, purpose=purpose)
            for data, model in tasks
            for seed in seeds
            for text in texts((data, model))
        ]

    def extended_by(self, other: "Plan") -> "Plan":
        """Return a plan with the runs of this plan and of ``other``.

        Raises
        ------
        ValueError
            If the plans differ in values that all runs of a study share.
        """
        changed = [
            f"{name} ({getattr(self, name)}, now {getattr(other, name)})"
            for name in ("kind", "tune", "tuning_seeds")
            if getattr(self, name) != getattr(other, name)
        ]
        changed += filter(None, [self.settings.differences(other.settings)])
        if changed:
            raise ValueError(
                f"the runs of a study share their settings, and these differ: {', '.join(changed)}; repeat the "
                "earlier ones, or begin another study with --new"
            )
        lists: dict[str, Any] = {}
        for name in _LISTS:
            lists[name] = _without_repetition([*getattr(self, name), *getattr(other, name)])
        rates = {
            rule: sorted({*self._rates_for(rule), *other._rates_for(rule)}) for rule in (*self.rates, *other.rates)
        }
        return replace(self, **lists, rates=rates)

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as plain values."""
        plain = {each.name: getattr(self, each.name) for each in fields(self)}
        for name in _LISTS:
            plain[name] = list(plain[name])
        plain["rates"] = {rule: list(rates) for rule, rates in self.rates.items()}
        return plain | {"settings": self.settings.to_dict()}

    @classmethod
    def from_dict(cls, d: Mapping[str, Any]) -> "Plan":
        """Return the plan of the dict ``d``, such as the contents of a TOML file; missing keys have their defaults.

        Raises
        ------
        TypeError, ValueError
            If the dict has other keys or a wrong value.
        """
        names = [each.name for each in fields(cls)]
        unknown = [str(name) for name in d if name not in names]
        if unknown:
            raise ValueError(f"a study has the keys {_checks.format_names(names)}; got {_checks.format_names(unknown)}")
        absent = [name for name in ("data", "models", "optimizers") if name not in d]
        if absent:
            raise ValueError(f"a study needs {_checks.format_names(absent)}")
        return cls(**{**d, "settings": Settings.from_dict(d.get("settings", {}))})


def _without_repetition(values: Iterable[_T]) -> list[_T]:
    return list(dict.fromkeys(values))


def _check_rates(rule: str, rates: Any) -> list[float]:
    checked = [_checks.check_positive("rates", rate) for rate in _checks.check_sequence("rates", rates)]
    if not checked:
        raise ValueError(f"`rates` of {rule or 'all rules'!r} must have at least one entry")
    return _without_repetition(checked)
