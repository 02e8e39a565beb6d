"""Values of a study: from options, the configuration file, the study in the folder, or the defaults, in this order."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cutedl_xp import _checks
from cutedl_xp.commands import grids
from cutedl_xp.commands._output import note
from cutedl_xp.studies import config, data, models, optimizer_text
from cutedl_xp.studies.plan import Plan
from cutedl_xp.studies.settings import Settings
from cutedl_xp.studies.store import Store

_SETTINGS = tuple(Settings().to_dict())
_LISTS = {"data": "data", "model": "models", "optimizer": "optimizers"}  # options, and their names in a plan
_RIVALS = {"device": "backend", "backend": "device"}  # a plan has only one of the two
_ARTICLE = ["fixed", "momentum", "adagrad", "rmsprop", "adadelta", "adam"]
_DEFAULTS: dict[str, dict[str, Any]] = {
    "train": {"data": ["mnist"], "optimizers": ["adam"], "seeds": [1]},
    "compare": {"data": ["mnist"], "optimizers": _ARTICLE},
    "sweep": {"data": ["mnist"], "optimizers": _ARTICLE},
}


def choose_folder(kind: str, given: Mapping[str, Any]) -> Path:
    """Return the folder of the results."""
    return Path(given.get("out", Path("out") / kind))


def resolve(kind: str, given: Mapping[str, Any]) -> Plan:
    """Return the plan of a study, or of the single run of ``train``.

    Parameters
    ----------
    kind
        ``"train"``, ``"compare"`` or ``"sweep"``.
    given
        Options given on the command line.

    Raises
    ------
    OSError, TypeError, ValueError
        If a value is wrong, or a file cannot be read.
    """
    stored, chosen = _read_stored(kind, given), _merge(read_file(kind, given), from_options(given))
    values = _merge(_DEFAULTS[kind], stored, chosen)
    if stored.get("rates"):
        values["rates"] = _complete_rates(chosen.get("rates", {}), stored["rates"], values["optimizers"])
    if "models" not in values:
        values["models"] = find_models(values)
    if kind == "sweep" and "rates" not in values:
        adadelta = any(str(text).strip().lower().startswith("adadelta") for text in values["optimizers"])
        values["rates"] = grids.parse_rates([*grids.DEFAULT_RATES, *[grids.ADADELTA_RATES] * adadelta])
    plan = Plan.from_dict(values | {"kind": "compare" if kind == "train" else kind})
    _check_effects(given, plan)
    return plan


def _check_effects(given: Mapping[str, Any], plan: Plan) -> None:
    """Raise for options without an effect."""
    if "min_delta" in given and not plan.settings.patience:
        raise ValueError("--min-delta needs --patience, the number of validations without such a decrease")
    if "activation" in given and all(len(models.parse(text)) == 2 for text in plan.models):
        raise ValueError(
            f"--activation applies to hidden layers, and {_checks.format_names(plan.models)} has none; give --model "
            "with more widths, or --output-activation"
        )


def _read_stored(kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of the study in the folder; empty for a new study and for ``train``."""
    store = Store(choose_folder(kind, given))
    if kind == "train" or "new" in given or not store.exists:
        return {}
    stored = store.read_plan()[0].to_dict()
    if stored["kind"] != kind:
        raise ValueError(f"{store.folder} holds a study of `{stored['kind']}`; name another folder with --out")
    return stored


def _complete_rates(chosen: Any, stored: Mapping[str, Any], optimizers: Any) -> Any:
    """Return the chosen rates, and for the other rules the rates of the study."""
    if not isinstance(chosen, Mapping) or "" in chosen:
        return chosen
    rules = {optimizer_text.rule_name(text) for text in _checks.check_sequence("optimizers", optimizers)}
    return {rule: rates for rule, rates in stored.items() if not rule or rule in rules} | dict(chosen)


def read_file(kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of the configuration file; empty without a file."""
    if "config" not in given:
        return {}
    values = config.read_config(given["config"])
    if kind != "train" and values.get("kind", kind) != kind:
        raise ValueError(f"{given['config']} is the configuration of `{values['kind']}`, not of `{kind}`")
    return values


def from_options(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a plan from the options, in the form of a plan."""
    values: dict[str, Any] = {plural: given[name] for name, plural in _LISTS.items() if name in given}
    if "seeds" in given:
        values["seeds"] = grids.parse_seeds(given["seeds"])
    if "seed" in given:
        values["seeds"] = [given["seed"]]
    if "rates" in given:
        values["rates"] = grids.parse_rates(given["rates"])
    if "tune" in given:
        values["tune"] = given["tune"]
    settings = {name: given[name] for name in _SETTINGS if name in given}
    if settings.get("validation", "test") != "test":
        settings["validation"] = _parse_share(settings["validation"])
    return values | ({"settings": settings} if settings else {})


def find_models(values: Mapping[str, Any]) -> list[str]:
    """Return a model for each data set, with one layer from the inputs to the classes."""
    settings = Settings.from_dict(values["settings"])
    names = _checks.check_sequence("data", values["data"])
    every = [data.load(name, validation=settings.validation, target_column=settings.target_column) for name in names]
    return list(dict.fromkeys(f"{parts.train[0].shape[1]}-{len(parts.class_names)}" for parts in every))


def warn_about_data(plan: Plan) -> None:
    """Print a warning for each data set that differs from the data set of its name."""
    for text in plan.data:
        settings = plan.settings
        parts = data.load(text, validation=settings.validation, target_column=settings.target_column)
        if parts.warning:
            note(f"warning: {parts.warning}")


def _merge(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of all layers; later layers take precedence, for settings key by key."""
    merged: dict[str, Any] = {}
    settings: dict[str, Any] = {}
    for layer in layers:
        merged |= layer
        own = layer.get("settings", {})
        if not isinstance(own, Mapping):
            raise TypeError(f"`settings` must be a table; got {_checks.format_value(own)}")
        for name in own:
            settings.pop(_RIVALS.get(str(name), str(name)), None)
        settings |= {name: value for name, value in own.items() if value is not None}
    return merged | {"settings": settings}


def _parse_share(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"--validation must be a share such as 0.1, or test; got {text!r}") from None
