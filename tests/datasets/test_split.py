"""Division of a data set into two."""

from typing import Any

import numpy as np
import pytest

from cutedl_xp import Backend, Dataset

NUMBERS = np.arange(20)
CLASSES = np.array([0] * 13 + [1] * 5 + [2] * 2)


def rows_of(backend: Backend, data: Dataset) -> list[int]:
    numbers = backend.to_numpy(data.data).reshape(-1).astype(int).tolist()
    assert backend.to_numpy(data.labels).reshape(-1).tolist() == numbers
    return numbers


@pytest.mark.parametrize(("part", "count"), [(0.75, 15), (15, 15), (np.int64(1), 1), (np.float32(0.5), 10), (0.03, 1)])
def test_a_part_is_a_fraction_or_a_number(backend: Backend, part: Any, count: int) -> None:
    data = Dataset(backend.asarray(NUMBERS[:, None] * 1.0), backend.asarray(NUMBERS))
    first, second = data.split(part)
    rows, others = rows_of(backend, first), rows_of(backend, second)
    assert len(rows) == count
    assert sorted(rows + others) == NUMBERS.tolist()
    assert rows == sorted(rows)
    assert others == sorted(others)
    assert backend.owns(first.data)


def test_the_seed_decides() -> None:
    data = Dataset(NUMBERS[:, None], NUMBERS)
    first, same, other = (data.split(10, seed=seed)[0].labels.tolist() for seed in (0, 0, 1))
    assert first == same != other


def test_options_and_weights_are_kept() -> None:
    options: dict[str, Any] = {"batch_size": 3, "shuffle": False, "drop_remainder": True, "seed": 7, "scale": 0.5}
    data = Dataset(NUMBERS[:, None], NUMBERS, **options, sample_weight=NUMBERS * 2)
    for part in data.split(0.6):
        assert {name: getattr(part, name) for name in options} == options
        assert part.sample_weight is not None
        assert part.sample_weight.tolist() == (part.labels * 2).tolist()
    assert [part.sample_weight for part in Dataset(NUMBERS, NUMBERS).split(4)] == [None, None]


@pytest.mark.parametrize("labels", [CLASSES, np.eye(3)[CLASSES]], ids=["numbers", "one-hot"])
def test_classes_keep_their_proportions(backend: Backend, labels: np.ndarray) -> None:
    data = Dataset(backend.asarray(CLASSES[:, None]), backend.asarray(labels))
    for count in (10, 4, 19):
        parts = data.split(count, seed=3, stratify=True)
        first, second = (np.bincount(backend.to_numpy(part.data)[:, 0], minlength=3) for part in parts)
        assert (first + second).tolist() == [13, 5, 2]
        assert first.sum() == count
        assert np.abs(first - np.array([13, 5, 2]) * count / 20).max() < 1


@pytest.mark.parametrize("part", [0, 20, 21, -1, 0.0, 1.0, 1.5, float("nan"), 0.001, 0.999])
def test_parts_without_samples_are_refused(part: float) -> None:
    with pytest.raises(ValueError, match="`part` must"):
        Dataset(NUMBERS, NUMBERS).split(part)


@pytest.mark.parametrize("part", [True, "0.5", None])
def test_other_parts_are_refused(part: Any) -> None:
    with pytest.raises(TypeError, match="`part` must"):
        Dataset(NUMBERS, NUMBERS).split(part)


def test_labels_without_classes_cannot_be_stratified() -> None:
    with pytest.raises(ValueError, match="`stratify` needs labels that are class numbers"):
        Dataset(NUMBERS, NUMBERS / 3).split(4, stratify=True)


def test_a_derived_class_is_refused() -> None:
    class Augmented(Dataset):
        pass

    with pytest.raises(TypeError, match="split it before you make a Augmented"):
        Augmented(NUMBERS, NUMBERS).split(4)
