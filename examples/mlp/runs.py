"""The runs: one as a function of plain values, and many of them, one after the other or side by side."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import article
import images

import cutedl_xp as cdl


@dataclass(frozen=True)
class Plan:
    """All that a run depends on; ``backend`` and ``device`` are what cdl.get_backend takes."""

    optimizer: str
    seed: int
    epochs: int
    source: images.Source
    backend: str | None = None
    device: str | None = None

    def __str__(self) -> str:
        return f"{self.optimizer}, seed {self.seed}"


@dataclass(frozen=True)
class RunResult:
    """What came of a run.

    ``dead_outputs`` says how many there are, as the function of that name counts them, and is None if Ctrl-C came
    before they were counted. ``interrupted`` says that no further run is wanted.
    """

    optimizer: str
    seed: int
    history: cdl.History
    dead_outputs: int | None
    interrupted: bool = False


@dataclass(frozen=True)
class Failure:
    """Why a run has no result."""

    plan: Plan
    reason: str


def run(plan: Plan, listeners: Sequence[cdl.listeners.Listener] = ()) -> RunResult:
    """Train the article's model as planned. Ctrl-C ends the training, and what it recorded is the result."""
    backend = cdl.get_backend(plan.backend, device=plan.device)
    train, test = images.load(plan.source, plan.seed, article.BATCH_SIZE, backend)
    model = cdl.Model([cdl.layers.Dense(article.CLASSES, input_dim=article.INPUTS, activation="relu")])
    model.assemble(backend=backend, dtype="float32", seed=plan.seed)
    session = cdl.Session(
        model,
        loss=cdl.losses.CategoricalCrossentropy(from_logits=True),
        optimizer=article.EXPERIMENTS[plan.optimizer].optimizer(),
        metrics=[cdl.metrics.accuracy],
    )
    stop_rules = (
        cdl.listeners.EarlyStopping(monitor="val_loss", patience=20, min_delta=1e-3),
        cdl.listeners.TargetReached(monitor="val_accuracy", target=0.91, times=20),
    )
    dead, interrupted = None, False
    try:
        try:
            session.fit(train, plan.epochs, val_data=test, listeners=[*stop_rules, *listeners])
        except KeyboardInterrupt:
            interrupted = True
        dead = dead_outputs(model, train)
    except KeyboardInterrupt:  # while they are counted: what was trained is kept
        interrupted = True
    history = session.history if session.history is not None else cdl.History(["accuracy"])
    return RunResult(plan.optimizer, plan.seed, history, dead, interrupted)


def dead_outputs(model: cdl.Model, train: cdl.Dataset) -> int:
    """How many outputs are 0 for every training image of their own digit.

    No gradient that would raise such an output passes its relu any more, so its digit is not learned again. Being
    above 0 for images of other digits does not help it: their gradients only lower it. The images are read
    once more; a digit that has none is not counted.
    """
    backend = model.backend
    xp: Any = backend.xp
    seen = xp.zeros(article.CLASSES, dtype=xp.bool, device=backend.device)
    alive = seen
    for x, y in train.batches(0, backend, model.dtype):
        own = y > 0
        seen = xp.logical_or(seen, xp.any(own, axis=0))
        alive = xp.logical_or(alive, xp.any(xp.logical_and(model.predict(x) > 0, own), axis=0))
    return int(backend.to_numpy(xp.logical_and(seen, xp.logical_not(alive))).sum())


def run_in_turn(plans: Sequence[Plan], ended: Callable[[RunResult | Failure], None]) -> bool:
    """One run after the other in this process; ``ended`` is given what comes of each. False if Ctrl-C ended them."""
    try:
        for plan in plans:
            outcome = _attempt(plan)
            ended(outcome)
            if isinstance(outcome, RunResult) and outcome.interrupted:
                return False
    except KeyboardInterrupt:  # not within fit: while images are read or results written, say
        return False
    return True


def _attempt(plan: Plan) -> RunResult | Failure:
    try:
        return run(plan, [cdl.listeners.Progress(description=str(plan))])
    except Exception as error:  # of whatever kind: the other runs are still worth having
        return Failure(plan, describe(error))


def describe(error: BaseException) -> str:
    """An error in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
