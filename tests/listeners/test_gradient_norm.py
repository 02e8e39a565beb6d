"""The norm of the gradients, for listeners that ask for it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cutedl_xp import Dataset, Session
from cutedl_xp.layers import Dense, Dropout
from cutedl_xp.listeners import Event, FitListener
from cutedl_xp.optimizers import Accumulate, Adam, ClipByGlobalNorm, ClipByNorm, Fixed, SkipNonFinite
from cutedl_xp.regularizers import L2
from cutedl_xp.training.step import TrainingStep

MakeSession = Callable[..., Session]
COMPILED = pytest.mark.parametrize("compiled", [None, False])


@pytest.fixture
def data(clusters: Any) -> Dataset:
    return Dataset(*clusters, batch_size=32)


def follow(seen: list[tuple[int, float | None]], **options: Any) -> FitListener:
    def look(event: Event) -> None:
        seen.append((event.step, event.gradient_norm))

    return FitListener("step_end", callback=look, needs_gradient_norm=True, **options)


def expected_norms(session: Session, data: Dataset, epochs: int) -> list[float]:
    """Return the norms of a session's training, from the gradients of each step."""
    model, norms = session.model, []

    def look() -> None:
        gradients = [session.backend.to_numpy(each.gradient).astype("float64") for each in model.parameters]
        norms.append(float(np.sqrt(sum((each**2).sum() for each in gradients))))

    step = TrainingStep(model, session.loss, session.optimizer, session.regularizers, look)
    for epoch in range(epochs):
        for x, y in data.batches(epoch, session.backend, model.dtype):
            step(x, y)
    return norms


@COMPILED
@pytest.mark.parametrize(
    "make",
    [
        lambda: Adam(lr=0.05),
        lambda: ClipByNorm(Fixed(lr=0.1), limit=0.01),
        lambda: ClipByGlobalNorm(Accumulate(Adam(lr=0.05), every=3), limit=0.01),
    ],
    ids=["Adam", "ClipByNorm", "Accumulate"],
)
def test_it_is_that_of_the_batch_before_the_optimizer(
    make_session: MakeSession, data: Dataset, compiled: bool | None, make: Callable[[], Any]
) -> None:
    sessions = [
        make_session(
            Dense(6, input_dim=2, activation="relu"),
            Dropout(0.8),
            Dense(3, activation="linear"),
            optimizer=make(),
            regularizers=[L2(0.1)],
        )
        for _ in range(2)
    ]
    seen: list[tuple[int, float | None]] = []
    sessions[0].fit(data, 2, compiled=compiled, listeners=[follow(seen)])
    reasons = [sessions[0].backend.why_not_compiled(), sessions[0].backend.why_not_by_default()]
    assert bool(sessions[0].compiled) == (compiled is None and reasons == [None, None])
    assert [step for step, _ in seen] == list(range(1, 11))
    assert [norm for _, norm in seen] == pytest.approx(expected_norms(sessions[1], data, 2), rel=1e-4)


@COMPILED
def test_steps_between_the_calls_stay_in_one_chunk(
    make_session: MakeSession, data: Dataset, compiled: bool | None
) -> None:
    every: list[tuple[int, float | None]] = []
    third: list[tuple[int, float | None]] = []
    sessions = make_session(), make_session()
    histories = [
        session.fit(data, 2, compiled=compiled, listeners=[listener])
        for session, listener in zip(sessions, (follow(every), follow(third, every_steps=3)), strict=True)
    ]
    assert dict(third) == pytest.approx({step: norm for step, norm in every if step % 3 == 0})
    assert histories[0].loss == pytest.approx(histories[1].loss)
    assert histories[0].loss == pytest.approx(make_session().fit(data, 2, compiled=compiled).loss)


@COMPILED
def test_a_listener_of_epochs_sees_the_last_step(
    make_session: MakeSession, data: Dataset, compiled: bool | None
) -> None:
    class Look:
        needs_gradient_norm = True

        def __init__(self) -> None:
            self.seen: list[float | None] = []

        def __call__(self, event: Event) -> None:
            self.seen.append(event.gradient_norm)

    look, seen = Look(), []  # type: ignore[var-annotated]
    session = make_session()
    session.fit(data, 1, compiled=compiled, listeners=[look, follow(seen)])
    assert look.seen == [None, seen[-1][1]]
    session.fit(data, 1, compiled=compiled)  # the same session without it
    session.fit(data, 1, compiled=compiled, listeners=[look])
    assert look.seen[2] is None


def test_squares_that_overflow_leave_it_finite(make_session: MakeSession, data: Dataset) -> None:
    session = make_session(optimizer=ClipByGlobalNorm(Fixed(lr=1e-30), limit=1.0), regularizers=[L2(1e25)])
    seen: list[tuple[int, float | None]] = []
    session.fit(data, 1, listeners=[follow(seen)])
    assert seen[0][1] is not None
    assert 1e22 < seen[0][1] < 1e27


def test_reading_it_without_asking_is_refused(make_session: MakeSession, data: Dataset) -> None:
    look = FitListener("step_end", callback=lambda event: event.gradient_norm)
    with pytest.raises(RuntimeError, match="needs_gradient_norm=True"):
        make_session().fit(data, 1, listeners=[look])
    with pytest.raises(TypeError, match="`needs_gradient_norm` must be True or False"):
        FitListener("step_end", callback=print, needs_gradient_norm=1)  # type: ignore[arg-type]


@COMPILED
def test_a_step_that_fails_after_compiled_ones_leaves_the_last_norm(
    make_session: MakeSession, clusters: Any, compiled: bool | None
) -> None:
    def rate(step: int) -> float:
        if step >= 4:
            raise RuntimeError("no rate")
        return 0.1

    samples = clusters[0].copy()
    samples[32:64] = np.nan  # two batches whose updates are skipped: the device then counts the steps
    session = make_session(optimizer=SkipNonFinite(Fixed(lr=rate)))
    seen: list[tuple[int, float | None]] = []
    data = Dataset(samples, clusters[1], batch_size=16, shuffle=False)
    with pytest.raises(RuntimeError, match="no rate"):
        session.fit(data, 1, listeners=[follow(seen, every_steps=5)], compiled=compiled)
    assert [step for step, _ in seen] == [5]
    assert seen[0][1] is not None
    assert seen[0][1] > 0
