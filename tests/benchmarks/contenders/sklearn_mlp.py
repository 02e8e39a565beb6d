"""scikit-learn's MLPClassifier, an epoch a call."""

from collections.abc import Sequence

from sklearn.neural_network import MLPClassifier

from benchmarks import data
from benchmarks.work import Work


def step(widths: Sequence[int], batch_size: int) -> Work:
    """``partial_fit`` of all samples shuffles them and makes one pass."""
    count = data.SAMPLES // batch_size
    images, labels = data.float_images(widths[0]), data.labels(widths[-1])
    model = MLPClassifier(
        widths[1:-1],
        batch_size=batch_size,
        learning_rate_init=data.LEARNING_RATE,
        beta_1=data.BETA1,
        beta_2=data.BETA2,
        alpha=0.0,
        random_state=0,
    )
    used, classes = count * batch_size, range(widths[-1])
    return Work(lambda: model.partial_fit(images[:used], labels[:used], classes=classes), steps=count)
