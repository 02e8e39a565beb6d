"""Fields of a history as plain values, and their checks."""

from collections.abc import Mapping
from typing import Any

from cutedl_xp import _checks
from cutedl_xp._checks import format_names, format_value
from cutedl_xp.training.ending import STOP_KINDS

NUMBERS = ("steps", "cost_time", "loss", "val_loss", "lr", "skipped")
"""Fields that are lists of numbers; the learning rates may be a dict of lists."""

_FIELDS = ("steps", "cost_time", "loss", "val_loss", "metrics", "lr", "validated", "stopped_by", "stop_reason")
_MAPPINGS = ("lr", "metrics", "train_metrics")
_LATER_FIELDS: Mapping[str, Any] = {
    "skipped": (),
    "train_metrics": {},
}  # with the values for a dict of an earlier version


def checked_fields(d: Any) -> dict[str, Any]:
    """Return the fields of a history as new dicts and lists; raise if ``d`` is no dict of ``History.to_dict``."""
    if not isinstance(d, Mapping):
        raise TypeError(f"`d` must be a dict such as history.to_dict(); got {format_value(d)}")
    fields: dict[str, Any] = {**_LATER_FIELDS, **d}
    if set(fields) != {*_FIELDS, *_LATER_FIELDS}:
        raise ValueError(f"`d` must have the keys {format_names(_FIELDS)}; got {format_names(map(str, fields))}")
    for name in ("metrics", "train_metrics"):
        if not isinstance(fields[name], Mapping):
            raise TypeError(f"`{name}` must be a dict of lists; got {format_value(fields[name])}")
    for name in (*NUMBERS, "metrics", "train_metrics"):
        lists = fields[name]
        fields[name] = (
            {key: _numbers(f"{name}[{key!r}]", each) for key, each in lists.items()}
            if isinstance(lists, Mapping) and name in _MAPPINGS
            else _numbers(name, lists)
        )
    _checks.check_boolean("validated", fields["validated"])
    if fields["stopped_by"] is not None:
        _checks.check_one_of("stopped_by", fields["stopped_by"], STOP_KINDS)
    if fields["stop_reason"] is not None:
        _checks.check_text("stop_reason", fields["stop_reason"])
    return fields


def _numbers(name: str, values: Any) -> list[float]:
    """Return a list of Python numbers, which may be NaN or infinite."""
    for value in _checks.check_sequence(name, values):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError(f"`{name}` must be a list of numbers; got {format_value(value)} in it")
    return list(values)
