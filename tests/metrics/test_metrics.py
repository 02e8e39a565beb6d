"""Metrics over a data set, compared with those of scikit-learn."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cutedl_xp import Backend, Dataset, Session, metrics
from cutedl_xp.layers import Dense
from cutedl_xp.losses import BinaryCrossentropy, CategoricalCrossentropy, Mse, SparseCategoricalCrossentropy
from cutedl_xp.training.tally import read_figures

sklearn = pytest.importorskip("sklearn.metrics")
MakeSession = Callable[..., Session]
SAMPLES = 45
SIZES = [1, 7, SAMPLES]
DRAW = np.random.default_rng(3)
X = DRAW.normal(size=(SAMPLES, 4)).astype("float32")
CLASSES = (DRAW.random(SAMPLES) * 4).astype("int64")
YES = ((X[:, :1] + DRAW.normal(size=(SAMPLES, 1))) > 0).astype("float32")
TARGETS = (X[:, :2] + DRAW.normal(size=(SAMPLES, 2)) + 1000.0).astype("float32")


def evaluate(session: Session, labels: Any, batch_size: int) -> tuple[dict[str, Any], np.ndarray]:
    """Return the results of a session and the model's outputs."""
    results = session.evaluate(Dataset(X, labels, batch_size))
    return results, session.backend.to_numpy(session.model.predict(X)).astype("float64")


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("one_hot", [False, True])
def test_classes(make_session: MakeSession, monkeypatch: Any, size: int, one_hot: bool, compiled: bool) -> None:
    names = ("Precision", "Recall", "F1")
    chosen = [
        getattr(metrics, kind)(average, name=f"{kind} {average}")
        for kind in names
        for average in ("macro", "micro", "none")
    ]
    chosen += [getattr(metrics, kind)(of_class=2, name=f"{kind} 2") for kind in names]
    chosen += [metrics.Accuracy(), metrics.TopKAccuracy(2), metrics.ConfusionMatrix()]
    loss = CategoricalCrossentropy() if one_hot else SparseCategoricalCrossentropy()
    session = make_session(Dense(5, input_dim=4, activation="linear"), metrics=chosen, loss=loss)  # one class is absent
    if not compiled:
        monkeypatch.setattr(type(session), "_evaluates_compiled", False)
    results, outputs = evaluate(session, np.eye(5, dtype="float32")[CLASSES] if one_hot else CLASSES, size)
    found = outputs.argmax(axis=1)
    for kind, function in zip(names, ("precision_score", "recall_score", "f1_score"), strict=True):
        score = getattr(sklearn, function)
        for average in ("macro", "micro"):
            expected = score(CLASSES, found, average=average, zero_division=0)
            assert results[f"{kind} {average}"] == pytest.approx(expected, abs=1e-6)
            assert type(results[f"{kind} {average}"]) is float
        each = score(CLASSES, found, average=None, labels=range(5), zero_division=0)
        np.testing.assert_allclose(results[f"{kind} none"], each, atol=1e-6)
        assert results[f"{kind} 2"] == pytest.approx(each[2], abs=1e-6)
    assert results["accuracy"] == pytest.approx(sklearn.accuracy_score(CLASSES, found), abs=1e-6)
    top = sklearn.top_k_accuracy_score(CLASSES, outputs, k=2, labels=range(5))
    assert results["top_k_accuracy"] == pytest.approx(top, abs=1e-6)
    matrix = sklearn.confusion_matrix(CLASSES, found, labels=range(5))
    assert results["confusion_matrix"].tolist() == matrix.tolist()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("from_logits", [True, False])
def test_a_single_output(make_session: MakeSession, size: int, from_logits: bool) -> None:
    chosen = [metrics.Precision(), metrics.Recall(), metrics.F1(), metrics.F1("macro", name="macro")]
    chosen += [metrics.BinaryAccuracy(), metrics.ConfusionMatrix()]
    layer = Dense(1, input_dim=4, activation="linear" if from_logits else "sigmoid")
    session = make_session(layer, metrics=chosen, loss=BinaryCrossentropy(from_logits=from_logits))
    results, outputs = evaluate(session, YES, size)
    true, found = YES[:, 0], (outputs[:, 0] > (0.0 if from_logits else 0.5)).astype(float)
    expected = {
        "precision": sklearn.precision_score(true, found),
        "recall": sklearn.recall_score(true, found),
        "f1": sklearn.f1_score(true, found),
        "macro": sklearn.f1_score(true, found, average="macro"),
        "binary_accuracy": sklearn.accuracy_score(true, found),
    }
    assert {name: results[name] for name in expected} == pytest.approx(expected, abs=1e-6)
    assert results["confusion_matrix"].tolist() == sklearn.confusion_matrix(true, found).tolist()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("units", [1, 2])
def test_roc_auc(make_session: MakeSession, monkeypatch: Any, size: int, units: int) -> None:
    loss = BinaryCrossentropy() if units == 1 else SparseCategoricalCrossentropy()
    session = make_session(Dense(units, input_dim=4, activation="linear"), metrics=[metrics.RocAuc()], loss=loss)
    results, outputs = evaluate(session, YES if units == 1 else YES[:, 0].astype("int64"), size)
    score = outputs[:, 0] if units == 1 else outputs[:, 1] - outputs[:, 0]
    assert results["roc_auc"] == pytest.approx(sklearn.roc_auc_score(YES[:, 0], score), abs=1e-6)


@pytest.mark.parametrize("size", SIZES)
def test_regression(make_session: MakeSession, size: int) -> None:
    chosen = [metrics.MeanAbsoluteError(), metrics.RMSE(), metrics.R2()]
    session = make_session(Dense(2, input_dim=4, activation="linear"), metrics=chosen, loss=Mse())
    results, outputs = evaluate(session, TARGETS, size)
    true = TARGETS.astype("float64")
    expected = {
        "mean_absolute_error": sklearn.mean_absolute_error(true, outputs),
        "rmse": sklearn.root_mean_squared_error(true, outputs),
        "r2": sklearn.r2_score(true, outputs),
    }
    assert {name: results[name] for name in expected} == pytest.approx(expected, rel=1e-6)


OUTPUTS = {
    "Accuracy": (CLASSES, DRAW.normal(size=(SAMPLES, 4))),
    "TopKAccuracy": (CLASSES, DRAW.normal(size=(SAMPLES, 6))),
    "F1": (CLASSES, DRAW.normal(size=(SAMPLES, 4))),
    "ConfusionMatrix": (CLASSES, DRAW.normal(size=(SAMPLES, 4))),
    "BinaryAccuracy": (YES, DRAW.normal(size=(SAMPLES, 1))),
    "RocAuc": (YES, DRAW.normal(size=(SAMPLES, 1)).round(1)),
    "MeanAbsoluteError": (TARGETS, TARGETS + DRAW.normal(size=(SAMPLES, 2))),
    "RMSE": (TARGETS, TARGETS + DRAW.normal(size=(SAMPLES, 2))),
    "R2": (TARGETS, TARGETS + DRAW.normal(size=(SAMPLES, 2))),
}


@pytest.mark.parametrize("kind", OUTPUTS)
def test_a_weight_counts_as_repeated_samples(backend: Backend, kind: str) -> None:
    metric, (true, outputs) = getattr(metrics, kind)(), OUTPUTS[kind]
    counts = np.arange(SAMPLES) % 4
    results = []
    for y, predicted, weight in (
        (true, outputs, counts.astype("float64")),
        (np.repeat(true, counts, axis=0), np.repeat(outputs, counts, axis=0), None),
    ):
        state = metric.start(backend, backend.dtype("float64"), predicted.shape[1:])
        given = None if weight is None else backend.asarray(weight)
        state = metric.update(state, backend.asarray(y), backend.asarray(predicted, "float64"), given)
        leaves = [backend.to_numpy(each) for each in state] if kind == "RocAuc" else _to_numpy(backend, state)
        results.append(metric.result(leaves))
    np.testing.assert_allclose(*results, rtol=1e-9)


def _to_numpy(backend: Backend, state: Any) -> Any:
    return {
        name: tuple(map(backend.to_numpy, each)) if isinstance(each, tuple) else backend.to_numpy(each)
        for name, each in state.items()
    }


OF_CLASSES = [metrics.Accuracy(), metrics.TopKAccuracy(2), metrics.F1("macro"), metrics.Precision("micro")]
OF_CLASSES += [metrics.Recall(of_class=1), metrics.ConfusionMatrix()]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("chosen", "loss", "labels"),
    [
        (OF_CLASSES, SparseCategoricalCrossentropy(), CLASSES),
        ([metrics.BinaryAccuracy(), metrics.MeanAbsoluteError(), metrics.RMSE(), metrics.R2()], Mse(), TARGETS),
    ],
    ids=["classes", "numbers"],
)
def test_evaluations_are_compiled_where_the_backend_compiles(
    backend: Backend, make_session: MakeSession, chosen: Any, loss: Any, labels: Any, weighted: bool
) -> None:
    if not backend.compiles_steps:
        pytest.skip("the backend runs the plain loop")
    units = 4 if labels is CLASSES else 2
    session = make_session(Dense(units, input_dim=4, activation="linear"), metrics=chosen, loss=loss)
    data = Dataset(X, labels, SAMPLES // 3, sample_weight=np.arange(SAMPLES) % 3 + 1.0 if weighted else None)
    compiled = session._compiled_evaluation._compute(data, 0, lambda: False)  # raises if compilation is not possible
    for one, other in zip(read_figures(compiled), read_figures(session._evaluation.means(data)), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)


def test_fit_records_floats_alone(make_session: MakeSession, clusters: Any) -> None:
    session = make_session(metrics=[metrics.F1(), metrics.ConfusionMatrix(), metrics.accuracy])
    data = Dataset(*clusters, batch_size=50)
    history = session.fit(data, 3, val_data=data)
    assert history.recorded == ("loss", "val_loss", "val_f1", "val_accuracy")
    results = session.evaluate(data)
    assert (history.val_f1[-1], history.val_accuracy[-1]) == (results["f1"], results["accuracy"])
    assert results["confusion_matrix"].sum() == 150
    assert session.evaluate(data)["confusion_matrix"].tolist() == results["confusion_matrix"].tolist()


@pytest.mark.parametrize("compiled", [None, False])
def test_fit_does_not_compute_arrays(
    make_session: MakeSession, clusters: Any, monkeypatch: Any, compiled: bool | None
) -> None:
    computed: list[str] = []
    for kind in (metrics.ConfusionMatrix, metrics.F1):
        own = kind.update
        monkeypatch.setattr(kind, "update", lambda self, *a, own=own: computed.append(self.name) or own(self, *a))
    session = make_session(metrics=[metrics.F1(), metrics.F1("none", name="each"), metrics.ConfusionMatrix()])
    data = Dataset(*clusters, batch_size=50)
    session.fit(data, 2, val_data=data, train_metrics=True, compiled=compiled)
    assert set(computed) == {"f1"}
    session.evaluate(data)
    assert set(computed) == {"f1", "each", "confusion_matrix"}


def test_a_confusion_matrix_of_many_classes_takes_little_memory(make_session: MakeSession) -> None:
    random = np.random.default_rng(0)
    x, classes = random.normal(size=(500, 4)).astype("float32"), random.integers(0, 1000, 500)
    session = make_session(Dense(1000, input_dim=4, activation="linear"), metrics=[metrics.ConfusionMatrix()])
    matrix = session.evaluate(Dataset(x, classes, 500, sample_weight=np.full(500, 3.0)))["confusion_matrix"]
    assert matrix.shape == (1000, 1000)
    assert matrix.sum(axis=1).tolist() == (3 * np.bincount(classes, minlength=1000)).tolist()


def test_a_session_with_metrics_is_saved_and_loaded(make_session: MakeSession, clusters: Any, tmp_path: Any) -> None:
    pytest.importorskip("safetensors")
    session = make_session(metrics=[metrics.F1("micro", name="micro"), metrics.TopKAccuracy(2)])
    session.save(tmp_path / "session.safetensors")
    again = Session.load(tmp_path / "session.safetensors", backend=session.backend)
    data = Dataset(*clusters)
    assert again.evaluate(data) == session.evaluate(data)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: metrics.F1("weighted"), "`average`"),
        (lambda: metrics.F1("macro", of_class=1), "`of_class` cannot be combined with `average`"),
        (lambda: metrics.TopKAccuracy(0), "`k` must be 1 or greater"),
    ],
)
def test_options_are_checked(make: Callable[[], Any], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        make()


def test_outputs_that_do_not_fit_are_refused(make_session: MakeSession, clusters: Any) -> None:
    data = Dataset(*clusters)
    for metric, match in (
        (metrics.RocAuc(), "one output or two"),
        (metrics.F1(of_class=3), "below the number of classes, 3; got 3"),
        (metrics.RMSE(), r"RMSE needs `y_true` of shape"),
    ):
        with pytest.raises(ValueError, match=match):
            make_session(metrics=[metric]).evaluate(data)


def test_the_area_of_one_class_is_nan(make_session: MakeSession) -> None:
    layer = Dense(1, input_dim=4, activation="linear")
    session = make_session(layer, metrics=[metrics.RocAuc()], loss=BinaryCrossentropy())
    assert np.isnan(session.evaluate(Dataset(X, np.ones_like(YES)))["roc_auc"])


def test_a_class_instead_of_an_object_is_refused(make_session: MakeSession) -> None:
    with pytest.raises(TypeError, match=r"`metrics` must be objects such as Precision\(\)"):
        make_session(metrics=[metrics.F1])
