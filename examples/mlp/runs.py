"""The runs: one as a function of plain values, and many of them, one after the other or side by side."""

import contextlib
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

    ``dead_outputs`` counts the outputs that are 0 for every training image: no gradient passes their relu any more,
    so the digit that they stand for is never recognized again.
    """

    optimizer: str
    seed: int
    history: cdl.History
    dead_outputs: int

    @property
    def interrupted(self) -> bool:
        return self.history.stop_reason == "interrupted"


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
    with contextlib.suppress(KeyboardInterrupt):
        session.fit(train, plan.epochs, val_data=test, listeners=[*stop_rules, *listeners])
    history = session.history if session.history is not None else cdl.History(["accuracy"])
    return RunResult(plan.optimizer, plan.seed, history, dead_outputs(model, train))


def dead_outputs(model: cdl.Model, train: cdl.Dataset) -> int:
    """How many outputs are 0 for all training images; they are copied once from the device."""
    backend = model.backend
    xp: Any = backend.xp
    alive = xp.zeros(article.CLASSES, dtype=xp.bool, device=backend.device)
    for x, _ in train.batches(0, backend, model.dtype):
        alive = xp.logical_or(alive, xp.any(model.predict(x) > 0, axis=0))
    return article.CLASSES - int(backend.to_numpy(alive).sum())


def run_in_turn(plans: Sequence[Plan], ended: Callable[[RunResult | Failure], None]) -> bool:
    """One run after the other in this process; ``ended`` is given what comes of each. False if Ctrl-C ended them."""
    for plan in plans:
        try:
            result = run(plan, [cdl.listeners.Progress(description=str(plan))])
        except KeyboardInterrupt:  # not within fit: while its images are read, say
            return False
        except Exception as error:  # of whatever kind: the other runs are still worth having
            ended(Failure(plan, describe(error)))
            continue
        ended(result)
        if result.interrupted:
            return False
    return True


def describe(error: BaseException) -> str:
    """An error in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
