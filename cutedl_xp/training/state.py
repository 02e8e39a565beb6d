"""State of a session as plain values and NumPy arrays."""

from collections.abc import Mapping, Sequence
from functools import partial
from numbers import Real
from typing import Any

import array_api_compat
import numpy as np

from cutedl_xp._checks import (
    check_boolean,
    check_integer,
    check_not_negative,
    check_positive,
    format_names,
    format_value,
)
from cutedl_xp.backends import backend_of, dtype_name
from cutedl_xp.layers import Layer
from cutedl_xp.model import Model
from cutedl_xp.optimizers import Optimizer
from cutedl_xp.training.listener_memory import ListenerMemory
from cutedl_xp.training.means import SUMS, RunningMean
from cutedl_xp.training.position import IDENTITY, IDENTITY_OF_BATCHES, Position

_KEYS = ("parameters", "optimizer", "layers", "epoch", "batch", "step", "data", "losses", "listeners")
_OPTIMIZER_KEYS = ("classes", "lr", "state")


def state_dict(
    model: Model, optimizer: Optimizer, position: Position, losses: RunningMean, memory: ListenerMemory
) -> dict[str, Any]:
    """Return the state of a session; see :meth:`Session.state_dict`.

    Parameters
    ----------
    model, optimizer, position, losses, memory
        Parts of the session that have a state.
    """
    own = {"classes": classes_of(optimizer), "lr": [_rate(rule.lr) for rule in optimizer.rules]}
    return {
        "parameters": model.weights(),
        "optimizer": own | {"state": _to_host(optimizer.state)},
        "layers": {name: _to_host(layer.state_dict()) for name, layer in _named_layers(model).items()},
        "epoch": position.epoch,
        "batch": position.batch,
        "step": position.step,
        "data": dict(position.data),
        "losses": losses.state_dict(),
        "listeners": _to_host(memory.state_dict()),
    }


def load_state_dict(
    d: Any, model: Model, optimizer: Optimizer, position: Position, losses: RunningMean, memory: ListenerMemory
) -> None:
    """Load a state into the parts of a session, after all checks; see :meth:`Session.load_state_dict`.

    Parameters
    ----------
    d
        State.
    model, optimizer, position, losses, memory
        Parts of the session that have a state.
    """
    _check_keys("d", d, _KEYS)
    _check_parameters(d["parameters"], model)
    _check_keys("d['optimizer']", d["optimizer"], _OPTIMIZER_KEYS)
    rates = _check_rates(d["optimizer"], optimizer)
    layers = _named_layers(model)
    _check_keys("d['layers']", d["layers"], tuple(layers))
    checked = _check_position(d)
    _check_keys("d['losses']", d["losses"], tuple(losses.state_dict()))
    _check_losses(d["losses"])
    _check_listeners(d["listeners"])
    optimizer.attach(model.parameters)

    before = {name: layer.state_dict() for name, layer in layers.items()}
    try:
        _load_layers(layers, d["layers"])
        optimizer.state = d["optimizer"]["state"]
    except BaseException:
        _load_layers(layers, before)
        raise
    model.set_weights(d["parameters"])
    optimizer.state = d["optimizer"]["state"]  # again, as an initial state may be computed from the weights
    for rule, rate in zip(optimizer.rules, rates, strict=True):
        if rate is not None:
            rule.lr = rate
    position.epoch, position.batch, position.step, position.data = checked
    losses.load_state_dict(d["losses"])
    memory.load_state_dict(d["listeners"])


def classes_of(optimizer: Optimizer) -> dict[str, Any]:
    """Return the name of the class of ``optimizer``, and of the optimizers within it."""
    described: dict[str, Any] = {"class": type(optimizer).__name__}
    inner, group = getattr(optimizer, "optimizer", None), getattr(optimizer, "optimizers", None)
    if isinstance(inner, Optimizer):
        described["optimizer"] = classes_of(inner)
    if isinstance(group, Mapping):
        described["optimizers"] = {pattern: classes_of(each) for pattern, each in group.items()}
    return described


def _rate(lr: Any) -> float | None:
    """Return a learning rate that is a number, else None: a schedule is part of the code, not of the state."""
    return float(lr) if isinstance(lr, Real) else None


def _to_host(tree: Any) -> Any:
    """Return nested dicts and lists with copies of their arrays as NumPy arrays."""
    if isinstance(tree, Mapping):
        return {key: _to_host(value) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [_to_host(value) for value in tree]
    if isinstance(tree, np.generic):
        return tree.item()
    return np.array(backend_of(tree).to_numpy(tree)) if array_api_compat.is_array_api_obj(tree) else tree


def _named_layers(model: Model) -> dict[str, Layer]:
    return {f"/{number}-{type(layer).__name__}": layer for number, layer in enumerate(model.layers, 1)}


def _load_layers(layers: Mapping[str, Layer], states: Mapping[str, Any]) -> None:
    for name, layer in layers.items():
        try:
            layer.load_state_dict(states[name])
        except (IndexError, KeyError, OverflowError, TypeError, ValueError) as error:
            raise ValueError(f"d['layers'][{name!r}] does not fit the layer: {error}") from error


def _check_keys(name: str, d: Any, keys: Sequence[str]) -> None:
    if not isinstance(d, Mapping):
        raise TypeError(f"`{name}` must be a dict of Session.state_dict(); got {format_value(d)}")
    if set(d) != set(keys):
        raise ValueError(f"`{name}` must have the keys {format_names(keys)}; got {format_names(map(str, d))}")


def _check_parameters(arrays: Any, model: Model) -> None:
    targets = (*model.parameters, *model.buffers)
    _check_keys("d['parameters']", arrays, [target.name for target in targets])
    for target in targets:
        array, dtype = arrays[target.name], dtype_name(model.dtype)
        if not isinstance(array, np.ndarray):
            raise TypeError(f"d['parameters'][{target.name!r}] must be a NumPy array; got {format_value(array)}")
        if array.shape != tuple(target.value.shape) or array.dtype.name != dtype:
            raise ValueError(
                f"d['parameters'][{target.name!r}] must have dtype {dtype} and shape "
                f"{tuple(target.value.shape)}; got {format_value(array)}"
            )


def _check_rates(d: Mapping[str, Any], optimizer: Optimizer) -> list[float | None]:
    """Return the learning rates of a state for the rules of an optimizer; None for a schedule."""
    wanted, rules = classes_of(optimizer), optimizer.rules
    if d["classes"] != wanted:
        raise ValueError(
            f"the state is one of the optimizer {d['classes']!r}, and this session's is {wanted!r}; "
            "make a session with the same optimizer"
        )
    rates = d["lr"]
    if not isinstance(rates, list) or len(rates) != len(rules):
        raise ValueError(
            f"d['optimizer']['lr'] must be a list with an entry for each of {len(rules)} rules; got {rates!r}"
        )
    for rate, rule in zip(rates, rules, strict=True):
        if (rate is None) != (_rate(rule.lr) is None):
            raise ValueError(
                f"d['optimizer']['lr'] has {rate!r} where the `lr` of this session's optimizer is {rule.lr!r}; "
                "both must be numbers, or both schedules (None in the state)"
            )
    return [None if rate is None else check_positive("d['optimizer']['lr']", rate) for rate in rates]


def _check_position(d: Mapping[str, Any]) -> tuple[int, int, int, dict[str, Any]]:
    epoch, batch, step = (check_integer(f"d[{name!r}]", d[name], at_least=0) for name in ("epoch", "batch", "step"))
    data = d["data"]
    of_batches = isinstance(data, Mapping) and set(data) == set(IDENTITY_OF_BATCHES)
    _check_keys("d['data']", data, IDENTITY_OF_BATCHES if of_batches else IDENTITY if data else ())
    for name, value in data.items():
        check = check_boolean if name in ("shuffle", "drop_remainder") else partial(check_integer, at_least=0)
        check(f"d['data'][{name!r}]", value)
    if of_batches:
        steps = data["steps_per_epoch"]
    else:
        steps = data["size"] // data["batch_size"] if data else 0
        if data and not data["drop_remainder"] and data["size"] % data["batch_size"]:
            steps += 1
    if batch and batch >= steps:
        raise ValueError(f"d['batch'] is {batch}, which is beyond the last batch of the data {data!r}")
    return epoch, batch, step, dict(data)


def _check_losses(d: Mapping[str, Any]) -> None:
    check_integer("d['losses']['host_bad']", d["host_bad"], at_least=0)
    check_not_negative("d['losses']['size']", d["size"])
    sums = d["device_sums"]
    if not isinstance(sums, list) or len(sums) not in (0, SUMS):
        raise ValueError(f"d['losses']['device_sums'] must be a list of four numbers, or empty; got {sums!r}")
    for number in (d["host_sum"], *sums):
        if not isinstance(number, float):
            raise TypeError(f"d['losses'] must have sums that are floats; got {format_value(number)}")


def _check_listeners(d: Any) -> None:
    if not isinstance(d, Mapping):
        raise TypeError(f"d['listeners'] must be a dict; got {format_value(d)}")
    for name, states in d.items():
        if not isinstance(states, list) or not all(isinstance(state, dict) for state in states):
            raise TypeError(f"d['listeners'][{name!r}] must be a list of dicts; got {format_value(states)}")
