"""Data, model and batches of both contenders with PyTorch."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import torch

from benchmarks import data


def start(widths: Sequence[int]) -> tuple[Any, Any, Any]:
    """Return images, class numbers, and a model with relu between the layers and logits at the end."""
    torch.manual_seed(0)
    layers: list[Any] = []
    for inputs, units in pairwise(widths):
        layers += [torch.nn.Linear(inputs, units), torch.nn.ReLU()]
    images, labels = data.float_images(widths[0]), data.labels(widths[-1])
    return torch.from_numpy(images), torch.from_numpy(labels), torch.nn.Sequential(*layers[:-1])


def row_batches(batch_size: int) -> Iterator[Any]:
    """Yield the rows of full batches without end, in a new order every epoch."""
    while True:
        yield from torch.randperm(data.SAMPLES).split(batch_size)[: data.SAMPLES // batch_size]
