"""The training step that all callers share."""

from collections.abc import Callable

import numpy as np
import pytest

from cutedl_xp import Dataset, Session
from cutedl_xp.regularizers import L1, L2
from cutedl_xp.training.step import TrainingStep

MakeSession = Callable[..., Session]
WeightsOf = Callable[[Session], dict[str, np.ndarray]]
Clusters = tuple[np.ndarray, np.ndarray]


@pytest.mark.parametrize("regularizers", [(), (L2(0.1), L1(0.01))])
def test_steps_by_hand_are_a_fit(
    make_session: MakeSession, weights_of: WeightsOf, clusters: Clusters, regularizers: tuple[L1 | L2, ...]
) -> None:
    fitted, by_hand = (make_session(regularizers=regularizers) for _ in range(2))
    train = Dataset(*clusters, batch_size=64)
    history = fitted.fit(train, 2)
    step = TrainingStep(by_hand.model, by_hand.loss, by_hand.optimizer, regularizers)
    with by_hand.backend.active():  # as in fit: CuPy's reductions round differently outside it
        for epoch in range(2):
            batches = train.batches(epoch, by_hand.backend, by_hand.model.dtype)
            losses = [(float(by_hand.backend.to_numpy(step(x, y))), x.shape[0]) for x, y in batches]
            values, sizes = zip(*losses, strict=True)
            assert history.loss[epoch] == pytest.approx(np.average(values, weights=sizes), rel=1e-6)
    rounding = 1e-6 if by_hand.backend.name == "jax" else 0.0  # XLA may contract operations of a compiled step
    for name, value in weights_of(by_hand).items():
        np.testing.assert_allclose(value, weights_of(fitted)[name], rtol=rounding, atol=rounding / 10)


def test_the_loss_stays_on_the_device(make_session: MakeSession, clusters: Clusters) -> None:
    session = make_session()
    x, y = next(Dataset(*clusters).batches(0, session.backend, session.model.dtype))
    loss = TrainingStep(session.model, session.loss, session.optimizer)(x, y)
    assert session.backend.owns(loss)
    assert loss.shape == ()


def test_labels_of_another_shape_are_refused(make_session: MakeSession, clusters: Clusters) -> None:
    session = make_session()
    x, y = next(Dataset(*clusters).batches(0, session.backend, session.model.dtype))
    with pytest.raises(ValueError, match="needs `y_true` of shape"):
        TrainingStep(session.model, session.loss, session.optimizer)(x[:3, ...], y)
