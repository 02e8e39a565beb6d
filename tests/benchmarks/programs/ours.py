"""The article's Adam run with cutedl_xp."""

import os

import numpy as np

import cutedl_xp as cdl
from benchmarks.programs import idx

SEED = 1  # with this seed no output unit becomes inactive, as in the other programs


def load() -> tuple[cdl.Dataset, cdl.Dataset]:
    """Return shuffled training batches and test batches."""
    if os.environ.get("CUTEDL_XP_DATA"):
        return cdl.datasets.mnist.load(batch_size=64, seed=SEED)
    images, labels, test_images, test_labels = idx.made_up()
    rows = np.eye(10, dtype=np.float32)
    train = cdl.Dataset(images, rows[labels], seed=SEED, scale=1 / 255)
    return train, cdl.Dataset(test_images, rows[test_labels], shuffle=False, scale=1 / 255)


train, test = load()
model = cdl.Model([cdl.layers.Dense(10, input_dim=784, activation="relu")]).assemble(backend="numpy", seed=SEED)
session = cdl.Session(
    model,
    loss=cdl.losses.CategoricalCrossentropy(),
    optimizer=cdl.optimizers.Adam(1e-4, 0.9, 0.99),
    metrics=[cdl.metrics.accuracy],
)
history = session.fit(train, epochs=27, val_data=test)
idx.report(history.steps[-1], history.val_loss[-1], history.val_accuracy[-1])
