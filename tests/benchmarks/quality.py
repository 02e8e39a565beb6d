"""Scores of the estimators and of scikit-learn's networks: ``python -m benchmarks.quality`` in ``tests/``.

Both are trained with the same settings on the same split of the data; only the seed of the estimator changes.
"""

import argparse
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler

from benchmarks import libraries, tables
from benchmarks.programs import idx
from cutedl_xp.files.atomic import write_atomically
from cutedl_xp.sklearn import NetClassifier, NetRegressor

Data = tuple[Any, Any, Any, Any]  # training and test samples, and the targets of both


@dataclass(frozen=True)
class Comparison:
    """Data and settings of both estimators.

    Attributes
    ----------
    name
        Name of the data.
    load
        Function that returns the data.
    hidden, epochs, seeds
        Units of the hidden layer, number of epochs, and number of seeds.
    regression
        Whether the score is R² instead of the accuracy.
    """

    name: str
    load: Callable[[], Data]
    hidden: int = 100
    epochs: int = 30
    seeds: int = 5
    regression: bool = False


@dataclass(frozen=True)
class Scores:
    """Scores on the test data, one for each seed.

    Attributes
    ----------
    ours, theirs
        Scores of this package's and of scikit-learn's estimator.
    resolution
        Smallest difference between two scores: one test sample for the accuracy, 0 for R².
    """

    ours: tuple[float, ...]
    theirs: tuple[float, ...]
    resolution: float

    @property
    def difference(self) -> float:
        """Mean of ``ours`` minus mean of ``theirs``."""
        return float(np.mean(self.ours) - np.mean(self.theirs))

    @property
    def spread(self) -> float:
        """Larger range of the two over the seeds, at least the resolution."""
        return float(max(np.ptp(self.ours), np.ptp(self.theirs), self.resolution))


def california_like(samples: int = 4_000) -> Data:
    """Return made-up districts with the features of scikit-learn's California housing data, and their house values."""
    random = np.random.default_rng(0)
    income = random.lognormal(1.2, 0.45, samples)
    age = random.uniform(1, 52, samples)
    rooms = np.clip(random.normal(3.0 + 0.6 * income, 1.0), 1.0, None)
    bedrooms = rooms * random.normal(0.2, 0.02, samples)
    population = random.lognormal(7.0, 0.7, samples)
    occupants = np.clip(random.normal(3.0, 0.7, samples), 1.0, None)
    latitude, longitude = random.uniform(32.5, 42, samples), random.uniform(-124.3, -114.3, samples)
    coast = np.exp(-(((longitude + 124.3 - 0.9 * (42 - latitude)) / 2.0) ** 2))  # near 1 next to the ocean
    value = 0.35 * income + 1.5 * coast + 0.006 * age - 0.15 * (occupants - 3) + 0.05 * rooms * coast
    value += random.normal(0.0, 0.25, samples)
    features = [income, age, rooms, bedrooms, population, occupants, latitude, longitude]
    return _split(np.stack(features, axis=1), np.clip(value, 0.15, 5.0))


def mnist() -> Data:
    """Return MNIST's images in [0, 1], from the folder that CUTEDL_XP_DATA names."""
    images, labels, test_images, test_labels = idx.load()
    return images, test_images, labels, test_labels


COMPARISONS = (
    Comparison("digits", lambda: _split(*load_digits(return_X_y=True))),
    Comparison("wine", lambda: _split(*load_wine(return_X_y=True))),
    Comparison("breast cancer", lambda: _split(*load_breast_cancer(return_X_y=True))),
    Comparison("made-up California housing", california_like, regression=True),
    Comparison("MNIST", mnist, hidden=128, epochs=3, seeds=3),
)


def compare(comparison: Comparison) -> Scores:
    """Train both estimators with each seed."""
    train, test, train_targets, test_targets = comparison.load()
    scores: tuple[list[float], list[float]] = [], []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the number of epochs is fixed
        for seed in range(comparison.seeds):
            for net, own in zip(_estimators(comparison, seed), scores, strict=True):
                own.append(float(net.fit(train, train_targets).score(test, test_targets)))
    return Scores(tuple(scores[0]), tuple(scores[1]), 0.0 if comparison.regression else 1.0 / len(test_targets))


def table(found: Sequence[tuple[Comparison, Scores]]) -> str:
    """Return a table in Markdown."""
    headings = ["data, model, epochs", "score", "seeds", "this package", "scikit-learn", "difference", "spread"]
    return tables.markdown(headings, [list(_row(*each)) for each in found])


def _split(samples: Any, targets: Any) -> Data:
    """Return standardized training and test parts; a quarter of the samples is for the test."""
    stratify = targets if np.issubdtype(targets.dtype, np.integer) else None
    train, test, *both = train_test_split(samples, targets, test_size=0.25, random_state=0, stratify=stratify)
    scaler = StandardScaler().fit(train)
    return scaler.transform(train), scaler.transform(test), *both


def _estimators(comparison: Comparison, seed: int) -> tuple[Any, Any]:
    ours, theirs = (NetRegressor, MLPRegressor) if comparison.regression else (NetClassifier, MLPClassifier)
    shared: dict[str, Any] = {
        "hidden_layer_sizes": (comparison.hidden,),
        "batch_size": 64,
        "alpha": 1e-4,  # scikit-learn's default
        "random_state": seed,
    }
    epochs = comparison.epochs
    return ours(epochs=epochs, **shared), theirs(max_iter=epochs, n_iter_no_change=epochs, **shared)


def _row(comparison: Comparison, scores: Scores) -> Iterator[str]:
    train, _, targets, _ = comparison.load()
    outputs = 1 if comparison.regression or np.unique(targets).size == 2 else np.unique(targets).size
    yield f"{comparison.name}, {train.shape[1]}-{comparison.hidden}-{outputs}, {comparison.epochs}"
    yield "R²" if comparison.regression else "accuracy"
    yield str(comparison.seeds)
    for values in (scores.ours, scores.theirs):
        yield f"{np.mean(values):.4f} ({min(values):.4f} to {max(values):.4f})"
    yield f"{scores.difference:+.4f}"
    yield f"{scores.spread:.4f}"


def main() -> None:
    """Compare on all data, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("quality.md"), help="file of the table")
    args = parser.parse_args()
    found = []
    for comparison in COMPARISONS:
        found.append((comparison, compare(comparison)))
        print(table(found[-1:]).splitlines()[-1], flush=True)
    text = f"<!-- written by tests/benchmarks/quality.py -->\n\n{table(found)}\n\nMeasured with {libraries.loaded()}.\n"
    write_atomically(args.out, text.encode())
    print(f"written: {args.out}")


if __name__ == "__main__":
    main()
