"""scikit-learn's MLPClassifier, with one epoch for each call."""

from collections.abc import Sequence

from sklearn.neural_network import MLPClassifier

from benchmarks import data
from benchmarks.contenders import _estimators
from benchmarks.work import Work


def step(widths: Sequence[int], batch_size: int) -> Work:
    """Return calls of ``partial_fit``, which shuffles all samples and makes one pass."""
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


def fit(samples: str, hidden: Sequence[int], batch_size: int, epochs: int) -> Work:
    """Return a fit of the classifier without early stopping, as for the other contender."""
    net = MLPClassifier(
        hidden,
        learning_rate_init=_estimators.SETTINGS["learning_rate"],
        alpha=_estimators.SETTINGS["alpha"],
        batch_size=batch_size,
        max_iter=epochs,
        n_iter_no_change=epochs,
        random_state=_estimators.SETTINGS["random_state"],
    )
    return _estimators.make_work(net, samples)
