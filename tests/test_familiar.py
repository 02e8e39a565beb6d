"""Errors for names of other libraries show the name in this package."""

import copy
import inspect
import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import cutedl_xp as cdl
from cutedl_xp import _familiar
from cutedl_xp.optimizers import ElementwiseOptimizer
from cutedl_xp.training.history import History

X = np.ones((8, 2), "float32")
Y = np.zeros(8, int)


@pytest.mark.parametrize(
    ("module", "name", "here"),
    [
        (cdl, "Sequential", "cutedl_xp.Model"),
        (cdl.optimizers, "SGD", "cutedl_xp.optimizers.Fixed"),
        (cdl.layers, "Linear", "cutedl_xp.layers.Dense"),
        (cdl.layers, "BatchNorm1d", "cutedl_xp.layers.BatchNormalization"),
        (cdl.losses, "CrossEntropyLoss", "SparseCategoricalCrossentropy"),
        (cdl.listeners, "ModelCheckpoint", "cutedl_xp.listeners.Checkpoint"),
        (cdl.metrics, "AUC", "cutedl_xp.metrics.RocAuc"),
    ],
)
def test_the_error_gives_the_name_here(module, name, here):
    with pytest.raises(AttributeError, match=rf"has no attribute '{name}'; use .*{here}"):
        getattr(module, name)
    assert not hasattr(module, name)


@pytest.mark.parametrize("name", ["Conv2D", "Conv2d", "LSTM", "Embedding"])
def test_layers_that_are_not_fully_connected(name):
    with pytest.raises(AttributeError, match=f"'{name}'; use a layer of your own .guides/own-layers.: the layers "):
        getattr(cdl.layers, name)


def test_an_import_gives_the_name_here():
    with pytest.raises(ImportError, match=r"has no attribute 'SGD'; use cutedl_xp\.optimizers\.Fixed, or Momentum"):
        from cutedl_xp.optimizers import SGD  # noqa: F401
    with pytest.raises(ImportError, match=r"has no attribute 'Sequential'; use cutedl_xp\.Model$"):
        from cutedl_xp import Sequential  # noqa: F401
    with pytest.raises(ImportError, match=r"cannot import name 'Nothing' from 'cutedl_xp\.layers'"):
        from cutedl_xp.layers import Nothing  # noqa: F401


def test_other_unknown_names_are_ordinary_errors():
    with pytest.raises(AttributeError, match=r"module 'cutedl_xp' has no attribute 'Nothing'$"):
        _ = cdl.Nothing
    assert not hasattr(cdl.optimizers, "Nothing")


RULES = [
    each
    for each in vars(cdl.optimizers).values()
    if isinstance(each, type) and issubclass(each, ElementwiseOptimizer) and not inspect.isabstract(each)
]


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_names_its_learning_rate(rule):
    with pytest.raises(TypeError, match=rf"^{rule.__name__}\(\) has no parameter `learning_rate`; use `lr`$"):
        rule(learning_rate=0.1)
    assert rule(lr=0.1).lr == 0.1


def session() -> cdl.Session:
    model = cdl.Model([cdl.layers.Dense(3, input_dim=2, activation="linear")]).assemble("numpy")
    return cdl.Session(model, loss=cdl.losses.SparseCategoricalCrossentropy(), optimizer=cdl.optimizers.Adam())


CALLS: dict[str, tuple[Callable[[], Any], str]] = {
    "beta_1": (lambda: cdl.optimizers.Adam(beta_1=0.9), "Adam() has no parameter `beta_1`; use `beta1`"),
    "rate and parameters": (
        lambda: cdl.optimizers.Adam(session().model.parameters, lr=0.1),
        "Adam() has `lr` twice, by position and by name; use a Session, which passes the parameters of its model",
    ),
    "criterion": (
        lambda: cdl.Session(session().model, criterion=cdl.losses.Mse(), optimizer=cdl.optimizers.Adam()),
        "Session() has no parameter `criterion`; use `loss`",
    ),
    "validation_data": (
        lambda: session().fit((X, Y), 1, validation_data=(X, Y)),
        "fit() has no parameter `validation_data`; use `val_data`",
    ),
    "callbacks": (
        lambda: session().fit((X, Y), 1, callbacks=[]),
        "fit() has no parameter `callbacks`; use `listeners`",
    ),
    "batch_size": (
        lambda: session().fit((X, Y), 1, batch_size=4),
        "fit() has no parameter `batch_size`; use cutedl_xp.Dataset(x, y, batch_size=...) as `train`",
    ),
    "sample_weight": (
        lambda: session().fit((X, Y), 1, sample_weight=np.ones(8)),
        "fit() has no parameter `sample_weight`; use the tuple (x, y, sample_weight) as `train`",
    ),
    "x and y": (
        lambda: session().fit(X, Y, epochs=1),
        "fit() has `epochs` twice, by position and by name; use the tuple (x, y) as `train`",
    ),
    "evaluate": (
        lambda: session().evaluate(x=X, y=Y),
        "use the tuple (x, y) as `data`",
    ),
    "resume": (
        lambda: session().resume((X, Y), callbacks=[]),
        "resume() has no parameter `callbacks`; use `listeners`",
    ),
    "epochs of resume": (
        lambda: session().resume((X, Y), epochs=20),
        "use fit(..., epochs=...) to train more, as resume() finishes the epochs of the interrupted fit",
    ),
    "steps of resume": (
        lambda: session().resume((X, Y), val_steps=20),
        "use fit() for another plan, as resume() keeps that of the interrupted fit",
    ),
    "initial_epoch": (
        lambda: session().fit((X, Y), 1, initial_epoch=4),
        "fit() has no parameter `initial_epoch`; use `epochs` alone, the number of further epochs",
    ),
    "steps_per_epoch": (
        lambda: session().fit((X, Y), 1, steps_per_epoch=4),
        "use cutedl_xp.Dataset.from_batches(function, steps_per_epoch) as `train`",
    ),
    "classes of a model": (
        lambda: cdl.Model.load("file", custom=[]),
        "load() has no parameter `custom`; use `custom_layers`",
    ),
    "classes of a session": (
        lambda: cdl.Session.load("file", custom_layers=[]),
        "load() has no parameter `custom_layers`; use `custom`",
    ),
    "metric": (
        lambda: cdl.Session(session().model, metric=cdl.metrics.accuracy),
        "Session() has no parameter `metric`; use `metrics`, a list",
    ),
    "no optimizer": (
        lambda: cdl.Session(session().model, cdl.losses.Mse()),
        "Session() missing 1 required positional argument: 'optimizer'",
    ),
    "use_bias": (
        lambda: cdl.layers.Dense(3, use_bias=False),
        "use a layer of your own, as Dense has a bias always: see guides/own-layers",
    ),
    "epsilon of a layer": (
        lambda: cdl.layers.BatchNormalization(epsilon=1e-3),
        "BatchNormalization() has no parameter `epsilon`; use `eps`",
    ),
    "normalized_shape": (
        lambda: cdl.layers.LayerNormalization(normalized_shape=3),
        "LayerNormalization() has no parameter `normalized_shape`; use `input_dim`, the width of a sample",
    ),
    "assemble": (
        lambda: cdl.Model([cdl.layers.Flatten()]).assemble(device="cuda"),
        "assemble() has no parameter `device`; use backend=cutedl_xp.get_backend(device=...)",
    ),
    "dense": (
        lambda: cdl.layers.Dense(3, input_shape=(2,)),
        "Dense() has no parameter `input_shape`; use `input_dim`, the width of a sample",
    ),
    "dropout": (
        lambda: cdl.layers.Dropout(rate=0.2),
        "Dropout() has no parameter `rate`; use `keep_prob`, which is 1 - rate",
    ),
    "dataset": (lambda: cdl.Dataset(X, y=Y), "Dataset() has no parameter `y`; use `labels`"),
    "early stopping": (
        lambda: cdl.listeners.EarlyStopping(restore_best_weights=True),
        "EarlyStopping() has no parameter `restore_best_weights`; use `restore_best`",
    ),
    "checkpoint": (
        lambda: cdl.listeners.Checkpoint("run", monitor="val_loss"),
        "Checkpoint() has no parameter `monitor`; use `best`",
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_keywords_of_other_libraries_are_refused_with_the_way_here(name):
    call, message = CALLS[name]
    with pytest.raises(TypeError) as caught:
        call()
    assert str(caught.value).endswith(message)


def test_other_unknown_keywords_are_ordinary_errors():
    with pytest.raises(TypeError, match="got an unexpected keyword argument 'nothing'"):
        session().fit((X, Y), 1, nothing=3)


@pytest.mark.parametrize(
    ("function", "remedies"),
    [
        (cdl.optimizers.Adam, _familiar.OF_RULES),
        (cdl.Session, _familiar.OF_SESSIONS),
        (cdl.Session.fit, _familiar.OF_FIT),
        (cdl.Session.resume, _familiar.OF_RESUME),
        (cdl.Session.load, _familiar.OF_SESSION_FILES),
        (cdl.Session.evaluate, _familiar.OF_EVALUATE),
        (cdl.Model.load, _familiar.OF_MODEL_FILES),
        (cdl.layers.BatchNormalization, _familiar.OF_NORMALIZATIONS),
        (cdl.Model.assemble, _familiar.OF_ASSEMBLE),
        (cdl.layers.Dense, _familiar.OF_DENSE),
        (cdl.layers.Dropout, _familiar.OF_DROPOUT),
        (cdl.Dataset, _familiar.OF_DATASETS),
        (cdl.listeners.EarlyStopping, _familiar.OF_EARLY_STOPPING),
        (cdl.listeners.Checkpoint, _familiar.OF_CHECKPOINTS),
    ],
)
def test_remedies_name_parameters_that_exist(function, remedies):
    own = inspect.signature(function).parameters
    for keyword, remedy in remedies.items():
        named = re.findall(r"`(\w+)`", remedy) if " of " not in remedy else []
        assert set(named) <= set(own), keyword


def test_signatures_and_documentation_stay_unchanged():
    parameters = inspect.signature(cdl.Session.fit).parameters
    assert list(parameters)[:4] == ["self", "train", "epochs", "val_data"]
    assert not any(each.kind is each.VAR_KEYWORD for each in parameters.values())
    assert str(inspect.signature(cdl.layers.Dropout)) == "(keep_prob: float) -> None"
    assert list(inspect.signature(cdl.optimizers.Momentum).parameters)[:2] == ["lr", "momentum"]
    assert cdl.Session.fit.__doc__.startswith("Train for a number of epochs")
    assert cdl.optimizers.Adam.__module__ == "cutedl_xp.optimizers.rules.adam"


def test_a_class_that_has_such_a_parameter_keeps_it():
    class Own(cdl.layers.Dropout):
        def __init__(self, rate):
            super().__init__(keep_prob=1.0 - rate)

    assert Own(rate=0.25).keep_prob == 0.75

    @_familiar.refuse_keywords({"x": "`y`"})
    def own(x, y=0):
        return x + y

    assert own(x=1, y=2) == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"optimizer": "adam"},
            "must be an Optimizer; got 'adam' (str); use cutedl_xp.optimizers.Adam(...)",
        ),
        ({"optimizer": "sgd"}, "use cutedl_xp.optimizers.Fixed(...)"),
        ({"optimizer": cdl.optimizers.RMSProp}, "use cutedl_xp.optimizers.RMSProp(...)"),
        ({"optimizer": "nothing"}, "got 'nothing' (str)"),
        ({"loss": "mse"}, "`loss` must be a Loss; got 'mse' (str); use cutedl_xp.losses.Mse(...)"),
        ({"loss": "mean_squared_error"}, "use cutedl_xp.losses.Mse(...)"),
        ({"loss": "categorical_crossentropy"}, "use cutedl_xp.losses.CategoricalCrossentropy(...)"),
        ({"loss": cdl.losses.Mse}, "use cutedl_xp.losses.Mse(...)"),
        ({"metrics": ["accuracy"]}, "got 'accuracy' (str); use cutedl_xp.metrics.Accuracy(...)"),
        ({"regularizers": ["l2"]}, "got 'l2' (str); use cutedl_xp.regularizers.L2(...)"),
    ],
)
def test_texts_and_classes_instead_of_objects(options, message):
    parts = {"loss": cdl.losses.Mse(), "optimizer": cdl.optimizers.Adam()} | options
    with pytest.raises(TypeError) as caught:
        cdl.Session(session().model, **parts)
    assert str(caught.value).endswith(message)


@pytest.mark.parametrize(
    ("make", "name", "message"),
    [
        (lambda: session().model, "fit", "Model has no attribute 'fit'; use cutedl_xp.Session(model, loss=..., "),
        (lambda: session().model, "compile", "Model has no attribute 'compile'; use cutedl_xp.Session(model, "),
        (
            lambda: session().model,
            "predict_classes",
            "Model has no attribute 'predict_classes'; use cutedl_xp.losses.predict_classes(model.predict(x), loss)",
        ),
        (session, "predict", "Session has no attribute 'predict'; use session.model.predict"),
        (cdl.optimizers.Adam, "zero_grad", "Adam has no attribute 'zero_grad'; use step(parameters) alone, "),
        (cdl.optimizers.Adam, "learning_rate", "Adam has no attribute 'learning_rate'; use `lr`"),
    ],
)
def test_attributes_of_other_libraries(make, name, message):
    part = make()
    with pytest.raises(AttributeError) as caught:
        getattr(part, name)
    assert str(caught.value).startswith(message)
    with pytest.raises(AttributeError, match=f"'{type(part).__name__}' object has no attribute 'nothing'$"):
        _ = part.nothing
    copied = copy.copy(part)
    assert type(copied) is type(part)
    assert not hasattr(copied, name)


@pytest.mark.parametrize(
    ("make", "name", "message"),
    [
        (cdl.optimizers.Adam, "learning_rate", "Adam has no attribute 'learning_rate' to assign; use `lr`"),
        (cdl.optimizers.Adam, "epsilon", "Adam has no attribute 'epsilon' to assign; use `eps`"),
        (
            cdl.optimizers.Momentum,
            "mommentum",
            "Momentum has no attribute 'mommentum' to assign; it has `lr`, `weight_decay`, `momentum`, `nesterov`",
        ),
        (
            lambda: cdl.optimizers.ClipByNorm(cdl.optimizers.Adam(), limit=1.0),
            "norm",
            "ClipByNorm has no attribute 'norm' to assign; it has `optimizer`, `limit`",
        ),
        (cdl.optimizers.Frozen, "rate", "Frozen has no attribute 'rate' to assign; it has no options"),
        (lambda: session().model, "trainable", "Model has no attribute 'trainable' to assign; use optimizers.Groups("),
        (lambda: cdl.layers.Dense(3), "trainable", "Dense has no attribute 'trainable' to assign; use optimizers."),
    ],
)
def test_attributes_of_other_libraries_cannot_be_assigned(make, name, message):
    part = make()
    with pytest.raises(AttributeError) as caught:
        setattr(part, name, 0.5)
    assert str(caught.value).startswith(message)
    assert name not in vars(part)


def test_attributes_that_a_class_has_and_those_of_own_classes_can_be_assigned():
    class OwnRule(cdl.optimizers.Adam):
        def __init__(self, learning_rate):
            super().__init__(lr=learning_rate)
            self.learning_rate = learning_rate

    class OwnModel(cdl.Model):
        def __init__(self, layers):
            super().__init__(layers)
            self.trainable = True

    assert OwnRule(0.5).learning_rate == 0.5
    assert OwnModel([cdl.layers.Flatten()]).trainable
    rule = copy.deepcopy(cdl.optimizers.Adam())
    rule.lr, rule._note = 0.25, "kept"
    assert (rule.lr, rule._note) == (0.25, "kept")


def test_the_error_of_a_property_is_kept():
    class Own(cdl.Model):
        @property
        def depth(self):
            return self.layers[0].missing

    with pytest.raises(AttributeError, match="'Flatten' object has no attribute 'missing'"):
        _ = Own([cdl.layers.Flatten()]).depth


def test_a_warning_of_fit_names_the_line_that_called_it():
    data = cdl.Dataset(np.full((8, 2), np.nan, "float32"), Y)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        session().fit(data, 1)
    assert {each.filename for each in caught if each.category is RuntimeWarning} == {__file__}


USES: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "x and y apart": (lambda: session().fit(X, Y), TypeError, "(ndarray); put x and y in one tuple: fit((x, y), ...)"),
    "a list": (
        lambda: session().fit([X, Y], 1),
        TypeError,
        "got [an array of dtype float32 and shape (8, 2) (ndarray), an array of dtype int64 and shape (8,) (ndarray)] "
        "(list); put x and y in one tuple: fit((x, y), ...)",
    ),
    "validation": (lambda: session().fit((X, Y), 1, X), TypeError, "put x and y in one tuple: val_data=(x, y)"),
    "the dict of a history": (
        lambda: History().history["loss"],
        AttributeError,
        "this history has no 'history'; use history.loss for history.history['loss']",
    ),
    "brackets of a history": (
        lambda: History()["loss"],
        TypeError,
        "a History has no entries in brackets; got ['loss']; use history.loss and the like",
    ),
    "a loss of two arguments": (
        lambda: cdl.Session(session().model, loss=lambda y_true, y_pred: 0.0, optimizer=cdl.optimizers.Adam()),
        TypeError,
        "a loss function is called as loss(xp, y_true, y_pred) and returns (value, gradient); "
        "got <lambda>(y_true, y_pred)",
    ),
    "a metric of three arguments": (
        lambda: cdl.Session(
            session().model, cdl.losses.Mse(), cdl.optimizers.Adam(), metrics=[lambda xp, y_true, y_pred: 0.0]
        ),
        TypeError,
        "a metric function is called as metric(y_true, y_pred) and returns a number; got <lambda>(xp, y_true, y_pred)",
    ),
    "a figure that no history has": (
        lambda: cdl.listeners.EarlyStopping("val_acc"),
        ValueError,
        "each metric of the session under 'val_' and its name, such as 'val_accuracy')",
    ),
    "one sample": (
        lambda: session().model.predict(X[0]),
        ValueError,
        "got samples of shape (); for a single sample add an axis: x[None]",
    ),
    "another width": (lambda: session().model.predict(np.ones((3, 5))), ValueError, "got samples of shape (5,)"),
}


@pytest.mark.parametrize("name", USES)
def test_habits_of_other_libraries_are_refused_with_the_way_here(name):
    call, kind, message = USES[name]
    with pytest.raises(kind) as caught:
        call()
    assert str(caught.value).endswith(message)


def test_functions_of_any_signature_that_fits_are_taken():
    def loss(*arrays, scale=1.0):
        return scale, arrays[2]

    own = session()
    cdl.Session(own.model, loss=loss, optimizer=cdl.optimizers.Adam(), metrics=[cdl.metrics.accuracy])


@pytest.mark.parametrize("verbose", [0, False])
def test_zero_is_silent(verbose, capsys):
    session().fit((X, Y), 1, verbose=verbose)
    assert capsys.readouterr().err == ""


def test_one_shows_the_progress(capsys):
    pytest.importorskip("tqdm")
    session().fit((X, Y), 1, verbose=1)
    assert "1 steps" in capsys.readouterr().err
