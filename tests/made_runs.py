"""Runs of a study as plain dicts, without a training."""

import math
from typing import Any


def make_run(optimizer: str = "adam", seed: int = 1, **changes: Any) -> dict[str, Any]:
    """Return a run that reached an accuracy of 0.9; ``changes`` replace its results and its other values."""
    target = changes.pop("target", None)
    run: dict[str, Any] = {
        "format": 1,
        "data": "digits",
        "model": "64-10",
        "optimizer": optimizer,
        "seed": seed,
        "purpose": "final",
        "settings": {"target": target},
        "stopped_by": "epochs",
        "stop_reason": "all epochs are done",
    }
    figures: dict[str, Any] = {
        "steps": 100,
        "seconds": 1.0,
        "loss": 0.3,
        "val_loss": 0.4,
        "best_val_loss": 0.4,
        "val_accuracy": 0.9,
        "best_val_accuracy": 0.9,
        "test_loss": 0.4,
        "test_accuracy": 0.9,
        "steps_to_target": None,
        "seconds_to_target": None,
        "inactive_outputs": [],
    }
    run |= {name: changes.pop(name) for name in list(changes) if name in run}
    assert not set(changes) - set(figures), changes
    return run | {"figures": figures | changes}


def make_diverged_run(optimizer: str = "adam", seed: int = 1, **changes: Any) -> dict[str, Any]:
    """Return a run whose loss was not finite; its last accuracies look like those of a run that learned."""
    return make_run(optimizer, seed, stopped_by="not_finite", loss=math.nan, val_loss=math.nan, **changes)


def make_runs(optimizer: str, accuracies: list[float], **changes: Any) -> list[dict[str, Any]]:
    """Return a run for each test accuracy, with the seeds 1, 2, ..."""
    return [make_run(optimizer, seed, test_accuracy=each, **changes) for seed, each in enumerate(accuracies, start=1)]
