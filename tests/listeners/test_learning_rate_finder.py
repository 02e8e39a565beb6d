"""The learning-rate range test."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cutedl_xp import Dataset, Session, schedules
from cutedl_xp.layers import Dense, Dropout
from cutedl_xp.listeners import Event, FitListener, LearningRateFinder
from cutedl_xp.losses import Mse, SparseCategoricalCrossentropy
from cutedl_xp.optimizers import Accumulate, Adam, AverageWeights, ClipByNorm, Fixed, Frozen, Groups, Momentum
from cutedl_xp.regularizers import L2

MakeSession = Callable[..., Session]
OPTIMIZERS: dict[str, Callable[[], Any]] = {
    "Adam": lambda: Adam(lr=0.05),
    "schedule": lambda: Momentum(lr=schedules.InverseTime(0.1, decay_steps=10)),
    "wrappers": lambda: ClipByNorm(Accumulate(AverageWeights(Adam(lr=0.02)), every=2), limit=1.0),
    "groups": lambda: Groups({"*/bias": Fixed(lr=0.01), "*": Fixed(lr=0.1)}),
}


@pytest.fixture
def data(clusters: Any) -> Dataset:
    return Dataset(*clusters, batch_size=32)


def plain(tree: Any) -> Any:
    """Return the state with lists instead of arrays, for comparisons."""
    if isinstance(tree, dict):
        return {key: plain(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return list(map(plain, tree))
    return (tree.tolist(), str(tree.dtype)) if isinstance(tree, np.ndarray) else tree


@pytest.mark.parametrize("kind", OPTIMIZERS)
@pytest.mark.parametrize("epochs_before", [0, 1])
def test_the_session_is_as_before(make_session: MakeSession, data: Dataset, kind: str, epochs_before: int) -> None:
    tested, other = (
        make_session(
            Dense(8, input_dim=2, activation="relu"),
            Dropout(0.8),
            Dense(3, activation="linear"),
            optimizer=OPTIMIZERS[kind](),
            regularizers=[L2(1e-3)],
        )
        for _ in range(2)
    )
    if epochs_before:
        tested.fit(data, epochs_before)
        other.fit(data, epochs_before)
    before, history = plain(tested.state_dict()), tested.history
    rates = [rule.lr for rule in tested.optimizer.rules]
    finder = LearningRateFinder(steps=20).run(tested, data)
    assert len(finder.rates) == len(finder.losses) == len(finder.batch_losses) > 10
    if epochs_before:
        assert plain(tested.state_dict()) == before
    assert (tested.history is history, tested.step) == (True, 5 * epochs_before)
    assert [rule.lr for rule in tested.optimizer.rules] == rates
    assert tested.fit(data, 2).loss == other.fit(data, 2).loss
    assert plain(tested.state_dict()) == plain(other.state_dict())


def test_the_suggestion_trains_well(make_session: MakeSession, data: Dataset) -> None:
    session = make_session(optimizer=Fixed(lr=1e-3))
    finder = LearningRateFinder(lowest=1e-4).run(session, data)
    assert finder.rates[:2] == pytest.approx([1e-4, 1e-4 * 1e5 ** (1 / 99)])
    assert finder.suggestion in finder.rates
    assert finder.suggestion is not None
    assert 0.02 < finder.suggestion < 2.0
    assert "suggestion=" in repr(finder)
    slow = session.fit(data, 3).loss[-1]
    session = make_session(optimizer=Fixed(lr=finder.suggestion))
    assert session.fit(data, 3).loss[-1] < slow / 2


def test_a_test_that_diverges_ends(make_session: MakeSession, clusters: Any) -> None:
    x, classes = clusters
    session = make_session(Dense(1, input_dim=2, activation="linear"), loss=Mse(), optimizer=Fixed(lr=0.1))
    before = session.model.weights()
    finder = LearningRateFinder(highest=1e6).run(session, (x, classes[:, None].astype("float32")))
    assert len(finder.rates) < 100
    assert finder.suggestion is not None
    assert all(map(math.isfinite, finder.losses))
    assert max(finder.losses) <= 3.0 * np.mean(finder.batch_losses[:5]) * 1.001  # extreme losses do not hide the curve
    assert all((before[name] == value).all() for name, value in session.model.weights().items())


def test_losses_that_overflow_end_the_test_without_an_error(make_session: MakeSession, clusters: Any) -> None:
    x, classes = clusters
    session = make_session(Dense(1, input_dim=2, activation="linear"), loss=Mse(), optimizer=Fixed(lr=0.1))
    with np.errstate(all="raise"):
        finder = LearningRateFinder(1e20, 1e30).run(session, (x, classes[:, None].astype("float32")))
    assert len(finder.rates) < 10
    assert finder.suggestion is None
    assert np.isfinite(session.evaluate((x, classes[:, None]))["loss"])


def test_noise_gives_no_suggestion(make_session: MakeSession, data: Dataset) -> None:
    finder = LearningRateFinder(1e-9, 1e-8).run(make_session(optimizer=Fixed(lr=0.1)), data)
    assert finder.suggestion is None
    assert len(finder.rates) == 100
    assert "suggestion" not in repr(finder)


def test_groups_keep_their_ratios(make_session: MakeSession, data: Dataset) -> None:
    def losses_of(optimizer: Any) -> list[float]:
        return LearningRateFinder(1e-3, 0.1, steps=20).run(make_session(optimizer=optimizer), data).batch_losses

    same = losses_of(Groups({"*/bias": Fixed(lr=0.3), "*": Fixed(lr=0.3)}))
    assert same == pytest.approx(losses_of(Fixed(lr=1.0)))
    tenth = losses_of(Groups({"*/bias": Fixed(lr=0.001), "*": Fixed(lr=0.1)}))
    assert tenth == pytest.approx(losses_of(Groups({"*/bias": Fixed(lr=1e-6), "*": Fixed(lr=1e-4)})))
    assert tenth != pytest.approx(same)


def test_weights_of_classes_count(make_session: MakeSession, data: Dataset) -> None:
    session = make_session()
    finder, weighted = (LearningRateFinder(1e-9, 1e-8, 10).run(session, data, weight) for weight in (None, {0: 50.0}))
    assert finder.batch_losses != pytest.approx(weighted.batch_losses)


def test_an_error_or_ctrl_c_restores_the_session(make_session: MakeSession, data: Dataset) -> None:
    class Interrupted(SparseCategoricalCrossentropy):
        calls = 0

        def value_and_gradient(self, backend: Any, y_true: Any, y_pred: Any) -> Any:
            self.calls += 1
            if self.calls == 8:
                raise KeyboardInterrupt
            return super().value_and_gradient(backend, y_true, y_pred)

    session = make_session(loss=Interrupted())
    session.fit(data, 1, compiled=False)
    before = plain(session.state_dict())
    with pytest.raises(KeyboardInterrupt):
        LearningRateFinder().run(session, data)
    assert plain(session.state_dict()) == before
    assert session.optimizer.lr == 0.05


def test_an_interrupted_training_can_still_be_resumed(make_session: MakeSession, data: Dataset) -> None:
    def fail(event: Event) -> None:
        if event.epoch == 1:
            raise LookupError("of the test")

    session, other = make_session(), make_session()
    with pytest.raises(LookupError):
        session.fit(data, 4, listeners=[FitListener("epoch_end", callback=fail)])
    LearningRateFinder(steps=10).run(session, data)
    assert session.resume(data).loss == other.fit(data, 4).loss


def test_optimizers_without_a_rate_and_groups_of_schedules_are_refused(
    make_session: MakeSession, data: Dataset
) -> None:
    with pytest.raises(ValueError, match="needs an optimizer with a learning rate; got Frozen"):
        LearningRateFinder().run(make_session(optimizer=Frozen()), data)
    groups = Groups({"*/bias": Fixed(lr=schedules.InverseTime(0.1, decay_steps=10)), "*": Fixed(lr=0.1)})
    with pytest.raises(ValueError, match="replace the schedules"):
        LearningRateFinder().run(make_session(optimizer=groups), data)


def test_a_running_training_is_not_disturbed(make_session: MakeSession, data: Dataset) -> None:
    session = make_session()
    look = FitListener("epoch_end", callback=lambda event: LearningRateFinder().run(session, data))
    with pytest.raises(RuntimeError, match="a fit of this session is running"):
        session.fit(data, 1, listeners=[look])


def test_it_is_not_a_listener(make_session: MakeSession, data: Dataset) -> None:
    session = make_session()
    with pytest.raises(TypeError, match=r"call finder\.run"):
        session.fit(data, 1, listeners=[LearningRateFinder()])  # type: ignore[list-item]
    assert session.step == 0


def test_the_picture_marks_the_suggestion(make_session: MakeSession, data: Dataset) -> None:
    pytest.importorskip("matplotlib")
    finder = LearningRateFinder(lowest=1e-4)
    with pytest.raises(RuntimeError, match="call run"):
        finder.plot()
    figure = finder.run(make_session(optimizer=Fixed(lr=0.1)), data).plot("Fixed")
    panel = figure.axes[0]
    assert (panel.get_xlabel(), panel.get_xscale()) == ("learning rate", "log")
    curve, mark = panel.get_lines()
    assert list(curve.get_ydata()) == finder.losses
    assert list(mark.get_xdata()) == [finder.suggestion] * 2
    assert figure.get_suptitle() == "Fixed"


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"lowest": 0.0}, ValueError, "`lowest` must be greater than 0"),
        ({"lowest": 0.1, "highest": 0.1}, ValueError, "`highest` must be greater than `lowest`"),
        ({"steps": 9}, ValueError, "`steps` must be 10 or greater"),
        ({"highest": "1"}, TypeError, "`highest` must be a number"),
    ],
)
def test_options_are_checked(options: dict[str, Any], error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        LearningRateFinder(**options)


def test_a_new_session_can_take_other_weights_and_another_assembly_afterwards(
    make_session: MakeSession, data: Dataset
) -> None:
    tested, other = (make_session(optimizer=AverageWeights(Adam(lr=0.02), decay=0.5)) for _ in range(2))
    own = tested.optimizer
    LearningRateFinder(steps=10).run(tested, data)
    assert tested.optimizer is own
    for session in (tested, other):
        session.model.set_weights({name: value + 5 for name, value in session.model.weights().items()})
        session.fit(data, 1)
    state, expected = plain(tested.state_dict()), plain(other.state_dict())
    assert state["optimizer"] == expected["optimizer"]
    tested = make_session()
    LearningRateFinder(steps=10).run(tested, data)
    tested.model.assemble(tested.backend, seed=9)
    assert len(tested.fit(data, 1).loss) == 1
