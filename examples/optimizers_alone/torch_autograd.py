"""A PyTorch module in the usual training loop, with an optimizer that also averages its weights.

The program requires PyTorch, and scikit-learn for its 1,797 images of digits.
"""

import argparse
from typing import Any

import cutedl_xp as cdl

try:
    import torch
    from sklearn.datasets import load_digits
except ImportError as missing:
    raise SystemExit(
        f"torch_autograd.py needs PyTorch and scikit-learn: pip install torch scikit-learn ({missing})"
    ) from missing

Module = Any
Tensor = Any

TRAINING = 1_500
"""Number of training images; the others are the test images."""


def train(model: Module, optimizer: cdl.optimizers.Optimizer, x: Tensor, y: Tensor, updates: int) -> dict[str, Any]:
    """Train a module on batches of 64 and return the state of the optimizer."""
    params = {name: parameter.detach() for name, parameter in model.named_parameters()}
    state = optimizer.init(params)
    for _ in range(updates):
        rows = torch.randint(len(x), (64,))
        model.zero_grad()
        torch.nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
        gradients = {name: parameter.grad for name, parameter in model.named_parameters()}
        params, state = optimizer.update(params, gradients, state)
        model.load_state_dict(params)
    return state


def report(name: str, model: Module, x: Tensor, y: Tensor) -> None:
    """Print the loss and the share of recognized digits."""
    with torch.no_grad():
        logits = model(x)
    loss = torch.nn.functional.cross_entropy(logits, y)
    print(f"{name:16}  loss {loss:.4f}  accuracy {(logits.argmax(1) == y).float().mean():.4f}")


def main() -> None:
    """Train on the first images, and print the share of recognized digits among the others."""
    argparse.ArgumentParser(description=__doc__, usage=argparse.SUPPRESS).parse_args()  # only --help
    torch.set_num_threads(1)  # more threads make such a small network slower
    torch.manual_seed(0)
    images, digits = load_digits(return_X_y=True)
    x, y = torch.asarray(images / 16.0, dtype=torch.float32), torch.asarray(digits)

    model = torch.nn.Sequential(torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10))
    optimizer = cdl.optimizers.AverageWeights(cdl.optimizers.AdamW(lr=0.01), decay=0.99)
    state = train(model, optimizer, x[:TRAINING], y[:TRAINING], updates=1_000)

    report("last weights", model, x[TRAINING:], y[TRAINING:])
    model.load_state_dict(state["average"])
    report("averaged weights", model, x[TRAINING:], y[TRAINING:])


if __name__ == "__main__":
    main()
