"""cutedl_xp with ``Session.fit`` for each epoch, and images stored as bytes; on NumPy by default."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

import cutedl_xp as cdl
from benchmarks import data
from benchmarks.work import Work


def step(widths: Sequence[int], batch_size: int, backend: str = "numpy") -> Work:
    """Return epochs of ``Session.fit``."""
    train = cdl.Dataset(
        data.byte_images(widths[0]), data.one_hot(widths[-1]), batch_size, drop_remainder=True, scale=1 / 255
    )
    adam = cdl.optimizers.Adam(data.LEARNING_RATE, data.BETA1, data.BETA2)
    session = cdl.Session(_model(widths, backend), cdl.losses.CategoricalCrossentropy(), adam)
    return Work(lambda: session.fit(train, epochs=1), steps=len(train))


def update(rule: str, parameters: int) -> Work:
    """Return ``optimizer.step`` on a dense layer."""
    model = _model(_dense_layer(parameters))
    random = np.random.default_rng(0)
    for parameter in model.parameters:
        parameter.gradient = random.normal(size=parameter.value.shape).astype(np.float32)
    optimizer = getattr(cdl.optimizers, rule)()
    return Work(lambda: optimizer.step(model.parameters))


def fit(samples: str, hidden: Sequence[int], batch_size: int, epochs: int) -> Work:
    """Return a fit of the classifier."""
    from benchmarks.contenders import _estimators  # imported here, because only this part needs scikit-learn
    from cutedl_xp.sklearn import NetClassifier

    net = NetClassifier(hidden, batch_size=batch_size, epochs=epochs, **_estimators.SETTINGS)
    return _estimators.make_work(net, samples)


def _model(widths: Sequence[int], backend: str = "numpy") -> cdl.Model:
    """Return a model with relu between the layers and logits at the end."""
    last = len(widths) - 2
    layers = [
        cdl.layers.Dense(units, input_dim=inputs, activation="linear" if place == last else "relu")
        for place, (inputs, units) in enumerate(pairwise(widths))
    ]
    return cdl.Model(layers).assemble(backend=backend, dtype="float32", seed=0)


def _dense_layer(parameters: int) -> tuple[int, int]:
    """Return inputs and units of a dense layer with this number of parameters, a power of ten."""
    units = 10 ** (len(str(parameters)) // 2 - 1)
    return parameters // units - 1, units
