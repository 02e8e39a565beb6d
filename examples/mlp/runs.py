"""The runs: one as a function of plain values, and many of them, one after the other or side by side."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import article
import images

import cutedl_xp as cdl

_OWN_ENDS = ("epochs", "listener", "not_finite")  # of trainings that were not interrupted


@dataclass(frozen=True)
class Plan:
    """Everything that a run depends on.

    ``backend`` and ``device`` are arguments of cdl.get_backend. A checkpoint is written into the folder ``checkpoints``
    after every ``checkpoint_every`` epochs; 0 turns checkpoints off.
    """

    optimizer: str
    seed: int
    epochs: int
    source: images.Source
    backend: str | None = None
    device: str | None = None
    checkpoints: Path = Path()
    checkpoint_every: int = 0

    def __str__(self) -> str:
        return f"{self.optimizer}, seed {self.seed}"

    @property
    def checkpoint(self) -> Path:
        """File of the latest checkpoint."""
        return self.checkpoints / f"{self.optimizer}-seed{self.seed}.ckpt"

    @property
    def begun(self) -> bool:
        """Whether there is a checkpoint to go on from."""
        return self.checkpoint_every > 0 and self.checkpoint.exists()


@dataclass(frozen=True)
class RunResult:
    """Results of a run.

    ``dead_outputs`` is the number of the function of that name, and None if Ctrl-C came before the count.
    ``interrupted`` says that no further run is wanted.
    """

    optimizer: str
    seed: int
    history: cdl.History
    dead_outputs: int | None
    interrupted: bool = False

    @property
    def finished(self) -> bool:
        """Whether nothing is left of the run: no epoch, and no count of dead outputs."""
        return self.history.stopped_by in _OWN_ENDS and self.dead_outputs is not None


@dataclass(frozen=True)
class Failure:
    """Why a run has no result."""

    plan: Plan
    reason: str


def run(plan: Plan, listeners: Sequence[cdl.listeners.Listener] = ()) -> RunResult:
    """Train the article's model as planned, from the checkpoint if there is one.

    After Ctrl-C, return the entries that were recorded before.
    """
    backend = cdl.get_backend(plan.backend, device=plan.device)
    train, test = images.load(plan.source, plan.seed, article.BATCH_SIZE, backend)
    session = load(plan, backend) if plan.begun else _begin(plan, backend)
    dead, interrupted = None, False
    try:
        try:
            _train(session, plan, train, test, listeners)
        except KeyboardInterrupt:
            interrupted = True
        dead = dead_outputs(session.model, train)
    except KeyboardInterrupt:  # during the count: the training is kept
        interrupted = True
    history = session.history if session.history is not None else cdl.History(["accuracy"])
    return RunResult(plan.optimizer, plan.seed, history, dead, interrupted)


def load(plan: Plan, backend: cdl.Backend) -> cdl.Session:
    """Return the session of the checkpoint of a run.

    Raises
    ------
    ValueError
        If the checkpoint is damaged, or not one of a training.
    """
    remedy = "remove the file to begin this run anew"
    try:
        session = cdl.Session.load(plan.checkpoint, backend)
    except ValueError as error:
        raise ValueError(f"{error}; {remedy}") from error
    if session.history is None:
        raise ValueError(f"{plan.checkpoint} holds a session without a training; {remedy}")
    return session


def _begin(plan: Plan, backend: cdl.Backend) -> cdl.Session:
    model = cdl.Model([cdl.layers.Dense(article.CLASSES, input_dim=article.INPUTS, activation="relu")])
    return cdl.Session(
        model.assemble(backend=backend, dtype="float32", seed=plan.seed),
        loss=cdl.losses.CategoricalCrossentropy(from_logits=True),
        optimizer=article.EXPERIMENTS[plan.optimizer].optimizer(),
        metrics=[cdl.metrics.accuracy],
    )


def _train(
    session: cdl.Session,
    plan: Plan,
    train: cdl.Dataset,
    test: cdl.Dataset,
    listeners: Sequence[cdl.listeners.Listener],
) -> None:
    """Begin the training of a new session, or finish the one of a loaded session."""
    together: list[cdl.listeners.Listener] = [
        cdl.listeners.EarlyStopping(monitor="val_loss", patience=20, min_delta=1e-3),
        cdl.listeners.TargetReached(monitor="val_accuracy", target=0.91, times=20),
        *listeners,
    ]
    if plan.checkpoint_every:
        together.append(cdl.listeners.Checkpoint(plan.checkpoint, every_epochs=plan.checkpoint_every))
    if session.history is None:
        session.fit(train, plan.epochs, val_data=test, listeners=together)
    else:
        session.resume(train, val_data=test, listeners=together)


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
