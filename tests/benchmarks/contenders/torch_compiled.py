"""PyTorch with its compiler: gathering, forward, loss and backward are compiled; the update is fused."""

from collections.abc import Sequence
from typing import Any

import torch

from benchmarks import data
from benchmarks.contenders import _torch_model
from benchmarks.work import Work


def step(widths: Sequence[int], batch_size: int) -> Work:
    """Return steps whose optimizer is not compiled, because its fused form is as fast."""
    images, labels, model = _torch_model.start(widths)
    cross_entropy = torch.nn.CrossEntropyLoss()
    adam = torch.optim.Adam(model.parameters(), data.LEARNING_RATE, (data.BETA1, data.BETA2), fused=True)
    batches = _torch_model.row_batches(batch_size)

    @torch.compile  # type: ignore[untyped-decorator]
    def loss(rows: Any) -> Any:
        return cross_entropy(model(images[rows]), labels[rows])

    def run() -> None:
        adam.zero_grad()
        loss(next(batches)).backward()
        adam.step()

    return Work(run)
