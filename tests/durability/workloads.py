"""Small trainings that use every rule, every wrapper, random layers, schedules and listeners with a memory."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cutedl_xp import Dataset, Model, Session, listeners, losses, metrics, optimizers, regularizers, schedules
from cutedl_xp.layers import Dense, Dropout
from cutedl_xp.listeners import Event
from cutedl_xp.optimizers import Optimizer

_X = np.random.default_rng(3).normal(size=(44, 4))
_CLASSES = (_X[:, 0] > 0).astype(int) + (_X[:, 1] > 0)
TRAIN = Dataset(_X, _CLASSES, batch_size=8, seed=5)  # six steps per epoch
VALIDATION = Dataset(_X[:20], _CLASSES[:20], batch_size=9)
EPOCHS = 10

RULES: dict[str, float] = {
    "Fixed": 0.05,
    "Momentum": 0.02,
    "Adagrad": 0.05,
    "RMSProp": 0.005,
    "Adadelta": 1.0,
    "Adam": 0.01,
    "AdamW": 0.01,
    "NAdam": 0.01,
    "RAdam": 0.01,
    "Adamax": 0.01,
    "Lion": 0.002,
}

WRAPPERS: dict[str, Callable[[Optimizer], Optimizer]] = {
    "none": lambda rule: rule,
    "ClipByValue": lambda rule: optimizers.ClipByValue(rule, 0.1),
    "ClipByNorm": lambda rule: optimizers.ClipByNorm(rule, 0.2),
    "ClipByGlobalNorm": lambda rule: optimizers.ClipByGlobalNorm(rule, 0.2),
    "Accumulate": lambda rule: optimizers.Accumulate(rule, every=4),
    "AverageWeights": lambda rule: optimizers.AverageWeights(rule, decay=0.9),
    "SkipNonFinite": optimizers.SkipNonFinite,
    "Groups": lambda rule: optimizers.Groups({"*/bias": optimizers.Momentum(lr=0.01), "*": rule}),
    "Frozen": lambda rule: optimizers.Groups({"/1-*": optimizers.Frozen(), "*": rule}),
    "nested": lambda rule: optimizers.Groups(
        {
            "*/weight": optimizers.Accumulate(optimizers.ClipByGlobalNorm(rule, 0.5), every=3),
            "*": optimizers.AverageWeights(optimizers.SkipNonFinite(optimizers.ClipByValue(optimizers.Adam(0.01), 1))),
        }
    ),
}  # ten of these and eleven rules: 110 consecutive cases are all pairs


class Counting:
    """A listener whose memory depends on each call at the end of an epoch or a validation."""

    def __init__(self) -> None:
        self.memory: dict[str, Any] = {}
        self.load_state_dict({})

    def __call__(self, event: Event) -> None:
        ended = (
            event.name == "epoch_end" and event.batch == event.epoch_steps
        )  # otherwise the training was stopped early
        if ended and self.memory["epochs"][-1:] != [(event.epoch, event.step)]:  # otherwise the event is repeated
            self.memory["epochs"].append((event.epoch, event.step))
        if event.name == "val_end" and event.history.steps[-1:] == [
            event.step
        ]:  # otherwise the training was interrupted
            self.memory["sum"] += event.history.val_loss[-1] * event.step
            self.memory["validations"] += 1

    def state_dict(self) -> dict[str, Any]:
        return dict(self.memory)

    def load_state_dict(self, d: Mapping[str, Any]) -> None:
        self.memory = {
            "epochs": [tuple(pair) for pair in d.get("epochs", [])],
            "sum": d.get("sum", 0.0),
            "validations": d.get("validations", 0),
        }


class Begun:
    """A listener that calls a function once, with the session."""

    def __init__(self, function: Callable[[Session], None]) -> None:
        self._functions = [function]

    def __call__(self, event: Event) -> None:
        while self._functions:
            self._functions.pop()(event.session)


class Stopped(Exception):
    """Exception that ends a training at once, like the end of its process."""


class Stop:
    """A listener that raises Stopped after a step, after the calls of all other listeners."""

    called_last, events = True, ("step_end",)

    def __init__(self, at: int) -> None:
        self._at = at

    def __call__(self, event: Event) -> None:
        if event.name == "step_end" and event.step == self._at:
            raise Stopped


def name_of(number: int) -> str:
    """Return the parts of a case."""
    return f"{number}: {_pick(RULES, number)}, {_pick(WRAPPERS, number)}, {'constant' if number % 3 else 'schedule'}"


def make_session(number: int, backend: str) -> Session:
    """Return the session of a case, before its first step."""
    rule = _pick(RULES, number)
    lr: Any = RULES[rule] if number % 3 else schedules.Warmup(schedules.Cosine(RULES[rule], updates=60), updates=9)
    optimizer = WRAPPERS[_pick(WRAPPERS, number)](getattr(optimizers, rule)(lr=lr))
    layers = [Dense(6, input_dim=4, activation="tanh"), Dropout(0.8), Dense(3, activation="linear")]
    model = Model(layers).assemble(backend, "float32", seed=number)
    penalties = [regularizers.L2(1e-3), regularizers.L1(1e-4)][: number % 4]
    loss = losses.SparseCategoricalCrossentropy()
    return Session(model, loss=loss, optimizer=optimizer, regularizers=penalties, metrics=[metrics.accuracy])


def make_listeners(number: int) -> list[Any]:
    """Return the listeners of a case, except Checkpoint: each has a memory, and some stop the training."""
    patience = 3 if number % 7 == 4 else 1000
    made: list[Any] = [
        listeners.EarlyStopping(patience=patience, min_delta=0.02, restore_best=True),
        listeners.TargetReached(target=0.99, times=4),
        Counting(),
    ]
    if number % 3:
        made.append(listeners.ReduceOnPlateau(factor=0.5, patience=2, min_delta=0.05))
    return made


def train(number: int, backend: str, path: Path | None, begun: Callable[[Session], None] | None = None) -> Session:
    """Train to the end, from a checkpoint if one exists, else from the start; without ``path`` write none.

    ``begun`` is called with the session when the first epoch begins.
    """
    own = make_listeners(number)
    if begun is not None:
        own.append(Begun(begun))
    if path is not None:
        own.insert(number % 2, listeners.Checkpoint(path, every_steps=1 + number % 3, keep=2, best="val_loss"))
        if path.exists():
            session = Session.load(path, backend)
            session.resume(TRAIN, VALIDATION, listeners=own)
            return session
    session = make_session(number, backend)
    session.fit(TRAIN, EPOCHS, VALIDATION, val_steps=(0, 4)[number % 2], val_batches=number % 3, listeners=own)
    return session


def resume(number: int, path: Path, result: Path) -> None:
    """Continue from a checkpoint that others use as well, and save the final state in another file."""
    session = Session.load(path, "numpy")
    session.resume(TRAIN, VALIDATION, listeners=make_listeners(number))
    session.save(result)


def make_small_session() -> Session:
    """Return a session whose trainings are all equal."""
    model = Model([Dense(3, input_dim=4, activation="linear"), Dropout(0.8)]).assemble("numpy", "float32", seed=2)
    return Session(model, loss=losses.SparseCategoricalCrossentropy(), optimizer=optimizers.Adam(lr=0.01))


def train_small(path: Path) -> Session:
    """Train the session for 60 steps with a checkpoint after every second step."""
    session = make_small_session()
    session.fit(TRAIN, EPOCHS, listeners=[listeners.Checkpoint(path, every_steps=2)])
    return session


def describe(session: Session) -> dict[str, str]:
    """Return all bits of a training's result except its duration, by name."""
    assert session.history is not None
    found: dict[str, str] = {}
    _flatten("state", session.state_dict(), found)
    _flatten("history", session.history.to_dict() | {"cost_time": len(session.history.cost_time)}, found)
    return found


def has_equal_counters(number: int) -> bool:
    """Return whether all rules of a case make an update in each step."""
    return _pick(WRAPPERS, number) not in ("Accumulate", "nested")


def find_counters(session: Session) -> set[str]:
    """Return the distinct numbers of updates of the rules of an optimizer."""
    state = describe(session)
    return {value for name, value in state.items() if name.startswith("state/optimizer/") and name.endswith("/t")}


def _flatten(name: str, tree: Any, found: dict[str, str]) -> None:
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            _flatten(f"{name}/{key}", value, found)
    elif isinstance(tree, list | tuple):
        for place, value in enumerate(tree):
            _flatten(f"{name}/{place}", value, found)
    elif isinstance(tree, np.ndarray):
        found[name] = f"{tree.dtype} {tree.shape} {tree.tobytes().hex()}"
    else:
        found[name] = tree.hex() if isinstance(tree, float) else repr(tree)


def _pick(names: Mapping[str, Any], number: int) -> str:
    return list(names)[number % len(names)]
