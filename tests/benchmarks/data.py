"""Made-up images of MNIST's shape, and shuffled batches of their rows."""

from collections.abc import Iterator

import numpy as np

SAMPLES = 60_000  # as many as MNIST's training images, so that batches are gathered from memory and not from a cache
LEARNING_RATE, BETA1, BETA2 = 1e-4, 0.9, 0.99


def byte_images(inputs: int) -> np.ndarray:
    """Return images with one byte per pixel."""
    return np.random.default_rng(0).integers(0, 256, size=(SAMPLES, inputs), dtype=np.uint8)


def float_images(inputs: int) -> np.ndarray:
    """Return images with pixels in [0, 1], four bytes each."""
    images: np.ndarray = byte_images(inputs) * np.float32(1 / 255)
    return images


def labels(classes: int) -> np.ndarray:
    """Return class numbers."""
    numbers: np.ndarray = np.random.default_rng(1).integers(0, classes, size=SAMPLES)
    return numbers


def one_hot(classes: int) -> np.ndarray:
    """Return the class numbers as one-hot rows."""
    rows: np.ndarray = np.eye(classes, dtype=np.float32)[labels(classes)]
    return rows


def row_batches(batch_size: int) -> Iterator[np.ndarray]:
    """Yield the rows of full batches without end, in a new order every epoch."""
    random = np.random.default_rng(2)
    while True:
        order = random.permutation(SAMPLES)
        for start in range(0, SAMPLES - batch_size + 1, batch_size):
            yield order[start : start + batch_size]


def whole_epoch(random: np.random.Generator, batch_size: int) -> np.ndarray:
    """Return the rows of all full batches of an epoch, one line for each batch."""
    count = SAMPLES // batch_size
    rows: np.ndarray = random.permutation(SAMPLES)[: count * batch_size].reshape(count, batch_size)
    return rows
