"""Keras on JAX: ``fit`` with 32 steps for each call of the compiled function, which is fast for small models."""

from collections.abc import Sequence

import keras

from benchmarks import data
from benchmarks.work import Work


def step(widths: Sequence[int], batch_size: int) -> Work:
    """Return epochs of full batches."""
    count = data.SAMPLES // batch_size
    images, labels = data.float_images(widths[0]), data.labels(widths[-1])
    hidden = [keras.layers.Dense(units, activation="relu") for units in widths[1:-1]]
    model = keras.Sequential([keras.Input((widths[0],)), *hidden, keras.layers.Dense(widths[-1])])
    model.compile(
        optimizer=keras.optimizers.Adam(data.LEARNING_RATE, data.BETA1, data.BETA2),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        steps_per_execution=32,
    )
    used = count * batch_size
    return Work(lambda: model.fit(images[:used], labels[:used], batch_size, epochs=1, verbose=0), steps=count)
