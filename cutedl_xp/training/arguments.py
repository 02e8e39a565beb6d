"""Checks of the arguments of a session."""

import warnings
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import array_api_compat

from cutedl_xp._checks import check_integer, format_value
from cutedl_xp._familiar import suggest_object
from cutedl_xp.datasets import Data, Dataset
from cutedl_xp.datasets._conversion import as_array
from cutedl_xp.layers import Dense
from cutedl_xp.losses import Hinge, Huber, Loss, Mse
from cutedl_xp.model import Model
from cutedl_xp.training.plan import ValidationPlan

DataLike = Data | tuple[Any, Any] | tuple[Any, Any, Any]


def check_type(argument: str, value: Any, wanted: type, module: ModuleType | None = None) -> None:
    """Raise unless the value has the wanted type.

    Parameters
    ----------
    argument
        Name of the argument.
    value
        Value to check.
    wanted
        Class of the value.
    module
        Module with the classes that the error suggests for a text or a class; default None.
    """
    if not isinstance(value, wanted):
        article = "an" if wanted.__name__[0] in "AEIO" else "a"
        remedy = suggest_object(value, module) if module else ""
        raise TypeError(f"`{argument}` must be {article} {wanted.__name__}; got {format_value(value)}{remedy}")


DEFAULT_RELU = "the last layer .* has the default activation, relu"
"""Pattern of the warning of :func:`warn_of_default_relu`."""


def warn_of_default_relu(model: Model, loss: Loss) -> None:
    """Warn if the last layer of ``model`` has the default activation, relu, and ``loss`` takes outputs of any sign.

    Call this from the constructor of a session: the warning names the line that makes the session.
    """
    last = model.layers[-1]
    any_sign = isinstance(loss, Mse | Huber | Hinge) or getattr(loss, "from_logits", False)
    if any_sign and isinstance(last, Dense) and last.activation is None:
        warnings.warn(
            f"the last layer '{len(model.layers)}-{type(last).__name__}' has the default activation, relu, and "
            f'{loss!r} takes outputs of any sign; give the layer activation="linear", or "relu" to keep relu',
            stacklevel=4,
        )


def as_dataset(argument: str, data: Any, scale: float | None = None) -> Data:
    """Return a data set, also from a tuple ``(x, y)`` or ``(x, y, sample_weight)``.

    Parameters
    ----------
    argument
        Name of the argument, for the error.
    data
        Data set, or a tuple of arrays and other objects that :class:`Dataset` takes.
    scale
        Factor of samples of integers in a tuple, as in ``Model.predict``; default None.
    """
    if isinstance(data, Data):
        return data
    if isinstance(data, Iterator) or callable(data):
        raise TypeError(
            f"`{argument}` must be a Dataset or a tuple (x, y); got {format_value(data)}: for batches that a function "
            "makes, use Dataset.from_batches(function, steps_per_epoch)"
        )
    if not isinstance(data, tuple) or len(data) not in (2, 3):
        arrays = isinstance(data, list) or array_api_compat.is_array_api_obj(data) or hasattr(data, "__array__")
        call = {"train": "fit((x, y), ...)", "val_data": "val_data=(x, y)"}.get(argument, f"{argument}=(x, y)")
        remedy = f"; put x and y in one tuple: {call}" if arrays else ""
        raise TypeError(f"`{argument}` must be a Dataset or a tuple (x, y); got {format_value(data)}{remedy}")
    try:
        x, y, *weight = as_array("data", data[0]), *data[1:]
        raw = not array_api_compat.array_namespace(x).isdtype(x.dtype, "real floating")
        return Dataset(x, y, scale=scale if raw else None, sample_weight=weight[0] if weight else None)
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"`{argument}` must be a Dataset or a tuple (x, y): {error}") from error


def check_data(argument: str, data: Data, model: Model, loss: Loss) -> Data:
    """Return ``data``, after a check that ``model`` takes the samples and ``loss`` the labels.

    Batches that a function makes are also checked when they are made. The error names ``argument``.
    """
    try:
        output_shape = model.output_shape(data.sample_shape) or ()
        if data.weighted:
            loss.check_takes_weights()
        if isinstance(data, Dataset):
            for labels in data.label_blocks(model.backend, model.dtype):
                loss.check_labels(labels, output_shape)
            return data
        data = data.with_checks(lambda samples, labels: loss.check_labels(labels, output_shape))
        data.check_first(model.backend, model.dtype)
        return data
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError  # libraries raise subclasses of their own
        raise kind(f"`{argument}` does not fit: {error}") from error


def check_batches(train: Data, model: Model) -> Data:
    """Return the training data ``train``, after a check that no batch has too few samples for a layer of ``model``.

    Batches that a function makes are also checked when they are made.
    """
    try:
        if isinstance(train, Dataset):
            rest = 0 if train.drop_remainder else train.size % train.batch_size
            model.check_batch((rest or train.batch_size, *train.sample_shape))
            return train
        train = train.with_checks(lambda samples, labels: model.check_batch(tuple(samples.shape)))
        train.check_first(model.backend, model.dtype)
        return train
    except ValueError as error:
        raise ValueError(f"`train` does not fit: {error}") from error


def make_plan(
    epoch: int, train: Data, val_data: Data | None, epochs: int, val_epochs: int, val_steps: int, val_batches: int
) -> ValidationPlan:
    """Return the plan of a training that begins at an epoch, after a check of the arguments of ``Session.fit``.

    Parameters
    ----------
    epoch
        Number of the first epoch.
    train, val_data
        Training data, and validation data or None.
    epochs, val_epochs, val_steps, val_batches
        Arguments of ``Session.fit``.
    """
    return ValidationPlan(
        last_epoch=epoch + check_integer("epochs", epochs, at_least=1) - 1,
        epoch_steps=len(train),
        val_data=val_data,
        val_epochs=check_integer("val_epochs", val_epochs, at_least=1),
        val_steps=check_integer("val_steps", val_steps, at_least=0),
        val_batches=check_integer("val_batches", val_batches, at_least=0),
    )
