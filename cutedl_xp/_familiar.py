"""Names of Keras, PyTorch and scikit-learn: errors that give the names here."""

import inspect
import sys
from collections.abc import Callable, Mapping
from functools import wraps
from types import ModuleType
from typing import Any, NoReturn, TypeVar, cast

CallableT = TypeVar("CallableT", bound=Callable[..., Any])

_NAMES = {
    "Sequential": "cutedl_xp.Model",
    "load_model": "cutedl_xp.Model.load",
    "DataLoader": "cutedl_xp.Dataset",
    "TensorDataset": "cutedl_xp.Dataset",
    "SGD": "cutedl_xp.optimizers.Fixed, or Momentum for SGD with momentum",
    "BatchNorm1d": "cutedl_xp.layers.BatchNormalization",
    "LayerNorm": "cutedl_xp.layers.LayerNormalization",
    "RMSprop": "cutedl_xp.optimizers.RMSProp",
    "Nadam": "cutedl_xp.optimizers.NAdam",
    "Linear": "cutedl_xp.layers.Dense",
    "ReLU": 'cutedl_xp.layers.Dense(..., activation="relu"), or cutedl_xp.layers.Activation("relu")',
    "Input": "the parameter `input_dim` of the first cutedl_xp.layers.Dense",
    "MSELoss": "cutedl_xp.losses.Mse",
    "MeanSquaredError": "cutedl_xp.losses.Mse",
    "HuberLoss": "cutedl_xp.losses.Huber",
    "SmoothL1Loss": "cutedl_xp.losses.Huber",
    "CrossEntropyLoss": "cutedl_xp.losses.SparseCategoricalCrossentropy",
    "BCELoss": "cutedl_xp.losses.BinaryCrossentropy(from_logits=False)",
    "BCEWithLogitsLoss": "cutedl_xp.losses.BinaryCrossentropy",
    "BinaryCrossEntropy": "cutedl_xp.losses.BinaryCrossentropy",
    "AUC": "cutedl_xp.metrics.RocAuc",
    "F1Score": "cutedl_xp.metrics.F1",
    "R2Score": "cutedl_xp.metrics.R2",
    "RootMeanSquaredError": "cutedl_xp.metrics.RMSE",
    "CategoricalAccuracy": "cutedl_xp.metrics.Accuracy",
    "SparseCategoricalAccuracy": "cutedl_xp.metrics.Accuracy",
    "Callback": "cutedl_xp.listeners.FitListener, or any function of an event",
    "LambdaCallback": "cutedl_xp.listeners.FitListener",
    "ModelCheckpoint": "cutedl_xp.listeners.Checkpoint",
    "CSVLogger": "cutedl_xp.listeners.CsvLogger",
    "ReduceLROnPlateau": "cutedl_xp.listeners.ReduceOnPlateau",
    "LearningRateScheduler": "cutedl_xp.schedules",
    "callbacks": "cutedl_xp.listeners",
    "optim": "cutedl_xp.optimizers",
    "nn": "cutedl_xp.layers and cutedl_xp.losses",
}
_TEXTS = {
    "sgd": "Fixed",
    "meansquarederror": "Mse",
    "crossentropy": "SparseCategoricalCrossentropy",
    "bce": "BinaryCrossentropy",
    "acc": "Accuracy",
    "auc": "RocAuc",
    "mae": "MeanAbsoluteError",
}
"""Texts that other libraries take for an object, in lower case without underscores, and the class here."""

_PAIR = "the tuple (x, y) as `train`"
_SHAPE = "`input_dim`, the width of a sample"
OF_RULES = {
    "learning_rate": "`lr`",
    "beta_1": "`beta1`",
    "beta_2": "`beta2`",
    "betas": "`beta1` and `beta2`",
    "epsilon": "`eps`",
    "clipnorm": "the wrapper cutedl_xp.optimizers.ClipByNorm",
    "clipvalue": "the wrapper cutedl_xp.optimizers.ClipByValue",
    "global_clipnorm": "the wrapper cutedl_xp.optimizers.ClipByGlobalNorm",
    "use_ema": "the wrapper cutedl_xp.optimizers.AverageWeights",
    "params": "a Session, which passes the parameters of its model",
    "lr": "a Session, which passes the parameters of its model",  # after the parameters, as PyTorch takes them
}
OF_SESSIONS = {
    "criterion": "`loss`",
    "loss_fn": "`loss`",
    "callbacks": "`listeners` of Session.fit",
    "jit_compile": "`compiled` of Session.fit",
}
OF_FIT = {
    "validation_data": "`val_data`",
    "callbacks": "`listeners`",
    "batch_size": "cutedl_xp.Dataset(x, y, batch_size=...) as `train`",
    "shuffle": "cutedl_xp.Dataset(x, y, shuffle=...) as `train`",
    "sample_weight": "the tuple (x, y, sample_weight) as `train`",
    "validation_split": "cutedl_xp.Dataset(x, y).split(...), which gives `train` and `val_data`",
    "validation_freq": "`val_epochs`",
    "validation_steps": "`val_batches`",
    "max_epochs": "`epochs`",
    "n_epochs": "`epochs`",
    "x": _PAIR,
    "X": _PAIR,
    "y": _PAIR,
    "epochs": _PAIR,  # after x and y, as Keras takes them
}
OF_EVALUATE = {
    "batch_size": "cutedl_xp.Dataset(x, y, batch_size=...) as `data`",
    "sample_weight": "the tuple (x, y, sample_weight) as `data`",
    "steps": "`batches`",
    "x": "the tuple (x, y) as `data`",
    "y": "the tuple (x, y) as `data`",
}
OF_ASSEMBLE = {
    "optimizer": "cutedl_xp.Session(model, loss=..., optimizer=...)",
    "loss": "cutedl_xp.Session(model, loss=..., optimizer=...)",
    "device": "backend=cutedl_xp.get_backend(device=...)",
    "random_state": "`seed`",
}
OF_DENSE = {
    "out_features": "`units`",
    "in_features": "`input_dim`",
    "input_shape": _SHAPE,
    "input_size": _SHAPE,
    "nonlinearity": "`activation`",
    "kernel_initializer": "`weight_initializer`",
    "kernel_regularizer": "`regularizers` of Session",
}
OF_DROPOUT = {"rate": "`keep_prob`, which is 1 - rate", "p": "`keep_prob`, which is 1 - p"}
OF_DATASETS = {
    "x": "`data`",
    "X": "`data`",
    "y": "`labels`",
    "targets": "`labels`",
    "drop_last": "`drop_remainder`",
    "random_state": "`seed`",
    "class_weight": "`class_weight` of Session.fit",
}
OF_EARLY_STOPPING = {"restore_best_weights": "`restore_best`"}
OF_CHECKPOINTS = {
    "filepath": "`path`",
    "save_best_only": '`best`, such as best="val_loss"',
    "save_freq": "`every_epochs` or `every_steps`",
    "monitor": "`best`",
}

_TRAINING = "cutedl_xp.Session(model, loss=..., optimizer=...)"
OF_MODELS = {
    "compile": _TRAINING,
    "fit": f"{_TRAINING}.fit",
    "evaluate": f"{_TRAINING}.evaluate",
    "predict_proba": f"{_TRAINING}.predict_proba",
    "predict_classes": f"{_TRAINING}.predict_classes",
    "train": "cutedl_xp.Session.fit, or model.forward(x, training=True)",
    "eval": "model.predict, which never behaves as in training",
    "add": "cutedl_xp.Model([...]) with all layers",
    "to": "model.assemble(backend=...)",
    "build": "model.assemble",
    "get_weights": "model.weights",
    "state_dict": "model.weights",
    "load_state_dict": "model.set_weights",
    "load_weights": "cutedl_xp.Model.load",
    "save_weights": "model.save",
}
OF_TRAININGS = {
    "compile": "the arguments of cutedl_xp.Session",
    "predict": "session.model.predict",
    "score": "session.evaluate",
    "train": "session.fit",
}
OF_OPTIMIZERS = {
    "learning_rate": "`lr`",
    "param_groups": "`lr`, or cutedl_xp.optimizers.Groups",
    "zero_grad": "step(parameters) alone, because each backward pass replaces the gradients",
    "apply_gradients": "step(parameters), or the pure function update(params, grads, state)",
    "minimize": "cutedl_xp.Session.fit",
}


def raise_unknown(module: str, name: str) -> NoReturn:
    """Raise the error for a name that a module lacks; the message gives the name here, if there is one.

    The error is an AttributeError. For ``from module import name`` with a name of another library it is an ImportError,
    because Python would replace the text of an AttributeError.
    """
    if name not in _NAMES:
        raise AttributeError(f"module {module!r} has no attribute {name!r}")
    importing = sys._getframe(2).f_globals.get("__name__") == "importlib._bootstrap"
    error = ImportError if importing else AttributeError
    raise error(f"module {module!r} has no attribute {name!r}; use {_NAMES[name]}")


def find_attribute(instance: object, name: str, remedies: Mapping[str, str]) -> Any:
    """Raise the AttributeError for an attribute that an object lacks; its ``__getattr__`` calls this.

    The message gives the way here, if ``remedies`` has one.
    """
    if name in remedies:
        raise AttributeError(f"{type(instance).__name__} has no attribute {name!r}; use {remedies[name]}")
    return object.__getattribute__(instance, name)  # raises, also the AttributeError of a property


def suggest_object(value: Any, module: ModuleType) -> str:
    """Return the end of an error that says which object to pass for a text or a class; empty if none is known.

    Parameters
    ----------
    value
        Value that was received.
    module
        Public module of the classes.
    """
    text = value.__name__ if isinstance(value, type) else value
    if not isinstance(text, str):
        return ""
    plain = _plain(text)
    wanted = _TEXTS.get(plain, text)
    classes = (name for name, each in vars(module).items() if isinstance(each, type))
    return next((f"; use {module.__name__}.{name}(...)" for name in classes if _plain(name) == _plain(wanted)), "")


def _plain(text: str) -> str:
    return text.lower().replace("_", "")


def refuse_keywords(remedies: Mapping[str, str]) -> Callable[[CallableT], CallableT]:
    """Return a decorator of functions and classes whose calls refuse keywords of other libraries.

    The signature stays the same for readers, ``help`` and type checkers. A parameter of the function itself that
    ``remedies`` names is refused if it is given by position and by name.

    Parameters
    ----------
    remedies
        What to use here, by keyword.
    """

    def decorate(target: CallableT) -> CallableT:
        function: Callable[..., Any] = target.__init__ if isinstance(target, type) else target  # type: ignore[misc]
        parameters = tuple(inspect.signature(function).parameters)
        name = target.__name__

        @wraps(function)
        def call(*args: Any, **options: Any) -> Any:
            for keyword in options.keys() & remedies.keys():
                if keyword not in parameters:
                    raise TypeError(f"{name}() has no parameter `{keyword}`; use {remedies[keyword]}")
                if keyword in parameters[: len(args)]:
                    raise TypeError(f"{name}() has `{keyword}` twice, by position and by name; use {remedies[keyword]}")
            return function(*args, **options)

        if not isinstance(target, type):
            return cast(CallableT, call)
        target.__init__ = call  # type: ignore[misc]  # the class stays the one that was decorated
        return target

    return decorate
