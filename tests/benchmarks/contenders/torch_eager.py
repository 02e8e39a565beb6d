"""PyTorch in eager mode, with the fastest form of its optimizers."""

from collections.abc import Sequence
from typing import Any

import torch

from benchmarks import data
from benchmarks.contenders import _torch_model
from benchmarks.work import CannotExpressError, Work

_OPTIMIZERS: dict[str, tuple[str, dict[str, Any]]] = {
    "Fixed": ("SGD", {"lr": 0.01, "fused": True}),
    "Momentum": ("SGD", {"lr": 1e-4, "momentum": 0.9, "fused": True}),
    "Adagrad": ("Adagrad", {"lr": 0.1, "fused": True}),
    "RMSProp": ("RMSprop", {"lr": 1e-4, "alpha": 0.99, "foreach": True}),  # optimizers with foreach have no fused form
    "Adadelta": ("Adadelta", {"rho": 0.99, "foreach": True}),
    "Adam": ("Adam", {"lr": 1e-4, "betas": (0.9, 0.99), "fused": True}),
    "AdamW": ("AdamW", {"lr": 1e-3, "fused": True}),
    "NAdam": ("NAdam", {"lr": 1e-3, "foreach": True}),
    "RAdam": ("RAdam", {"lr": 1e-3, "foreach": True}),
    "Adamax": ("Adamax", {"lr": 1e-3, "foreach": True}),
}


def step(widths: Sequence[int], batch_size: int) -> Work:
    """Return steps whose batches PyTorch gathers."""
    images, labels, model = _torch_model.start(widths)
    loss = torch.nn.CrossEntropyLoss()
    adam = torch.optim.Adam(model.parameters(), data.LEARNING_RATE, (data.BETA1, data.BETA2), fused=True)
    batches = _torch_model.row_batches(batch_size)

    def run() -> None:
        rows = next(batches)
        adam.zero_grad()
        loss(model(images[rows]), labels[rows]).backward()
        adam.step()

    return Work(run)


def update(rule: str, parameters: int) -> Work:
    """Return an update of one flat parameter."""
    if rule not in _OPTIMIZERS:
        raise CannotExpressError(f"torch.optim has no {rule}")
    torch.manual_seed(0)
    parameter = torch.nn.Parameter(torch.randn(parameters))
    parameter.grad = torch.randn(parameters)
    name, options = _OPTIMIZERS[rule]
    return Work(getattr(torch.optim, name)([parameter], **options).step)
