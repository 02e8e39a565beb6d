"""Metrics on the training data."""

from collections.abc import Callable
from typing import Any

import pytest

from cutedl_xp import Dataset, Session, metrics
from cutedl_xp.training.history import History

MakeSession = Callable[..., Session]


@pytest.mark.parametrize("compiled", [None, False])
def test_they_are_those_of_evaluate(make_session: MakeSession, clusters: Any, compiled: bool | None) -> None:
    session = make_session(metrics=[metrics.accuracy, metrics.F1(), metrics.ConfusionMatrix()])
    train, val_data = Dataset(*clusters, batch_size=40), Dataset(clusters[0][:50], clusters[1][:50])
    history = session.fit(train, 2, val_data=val_data, train_metrics=True, compiled=compiled)
    assert history.recorded == ("loss", "val_loss", "val_accuracy", "val_f1", "train_accuracy", "train_f1")
    assert len(history.train_f1) == 2
    for name, data in (("train", train), ("val", val_data)):
        results = session.evaluate(data)
        assert [history.series(f"{name}_{each}")[-1] for each in ("accuracy", "f1")] == pytest.approx(
            [results["accuracy"], results["f1"]], abs=1e-6
        )
    assert History.from_dict(history.to_dict()).train_f1 == history.train_f1


def test_they_are_recorded_without_validation_data(make_session: MakeSession, clusters: Any) -> None:
    train = Dataset(*clusters)
    history = make_session(metrics=[metrics.accuracy]).fit(train, 2)
    assert history.recorded == ("loss", "train_accuracy")
    assert len(history.train_accuracy) == 2
    history = make_session(metrics=[metrics.accuracy]).fit(train, 2, val_data=train)
    assert history.recorded == ("loss", "val_loss", "val_accuracy")
    history = make_session(metrics=[metrics.accuracy]).fit(train, 2, train_metrics=False)
    assert history.recorded == ("loss",)


def test_weights_leave_them_out_if_one_is_a_function(make_session: MakeSession, clusters: Any) -> None:
    def hits(y_true: Any, y_pred: Any) -> Any:
        return metrics.accuracy(y_true, y_pred)

    both = [metrics.F1(), hits]
    assert make_session(metrics=both).fit(Dataset(*clusters), 1).recorded == ("loss", "train_f1", "train_hits")
    weighted = Dataset(*clusters, sample_weight=[2.0] * len(clusters[1]))
    assert make_session(metrics=both).fit(weighted, 1).recorded == ("loss",)
    known = make_session(metrics=[metrics.F1(), metrics.accuracy])
    assert known.fit(weighted, 1).recorded == ("loss", "train_f1", "train_accuracy")
    for options in ({"train_metrics": True}, {"val_data": weighted}):
        with pytest.raises(ValueError, match="the metric 'hits' is a function, which takes no weights"):
            make_session(metrics=both).fit(weighted, 1, **options)


@pytest.mark.parametrize("given", [[], [metrics.ConfusionMatrix()]])
def test_a_session_without_metrics_to_record_is_refused(
    make_session: MakeSession, clusters: Any, given: list[metrics.Metric]
) -> None:
    session, train = make_session(metrics=given), Dataset(*clusters)
    with pytest.raises(ValueError, match="`train_metrics` is True, but the session has no metric that `fit` records"):
        session.fit(train, 1, train_metrics=True)
    assert session.step == 0
    assert session.fit(train, 1).recorded == ("loss",)
    with pytest.raises(TypeError, match="`train_metrics` must be True or False"):
        session.fit(train, 1, train_metrics=1)  # type: ignore[arg-type]
