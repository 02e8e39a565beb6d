"""One update rule on scipy's Rosenbrock function: a narrow, curved valley with its minimum of 0 at (1, ..., 1).

The start is 0. The rate falls to 0 along half a cosine, so that rules whose steps are about as long as the rate
converge as well.
"""

import argparse
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

import cutedl_xp as cdl

try:
    from scipy.optimize import rosen, rosen_der
except ImportError as missing:
    raise SystemExit(f"rosenbrock.py needs SciPy: pip install scipy ({missing})") from missing

NEAR = 1e-6
RULES: Mapping[str, tuple[Callable[..., cdl.optimizers.Optimizer], float]] = MappingProxyType(
    {
        "fixed": (cdl.optimizers.Fixed, 0.001),
        "momentum": (cdl.optimizers.Momentum, 0.001),
        "adagrad": (cdl.optimizers.Adagrad, 0.3),
        "rmsprop": (cdl.optimizers.RMSProp, 0.01),
        "adadelta": (lambda lr: cdl.optimizers.Adadelta(rho=0.9, eps_inside_sqrt=True, lr=lr), 1.0),
        "adam": (cdl.optimizers.Adam, 0.01),
        "adamw": (cdl.optimizers.AdamW, 0.01),
        "nadam": (cdl.optimizers.NAdam, 0.01),
        "radam": (cdl.optimizers.RAdam, 0.01),
        "adamax": (cdl.optimizers.Adamax, 0.01),
        "lion": (cdl.optimizers.Lion, 0.01),
    }
)
"""Each rule with its initial rate."""


class Found(NamedTuple):
    """Result of an optimizer; ``near`` is the first update after which the value was below NEAR."""

    w: np.ndarray
    near: int | None


def minimize(optimizer: cdl.optimizers.Optimizer, dimensions: int, updates: int) -> Found:
    """Run an optimizer from 0 towards the minimum."""
    w, near = np.zeros(dimensions), None
    state = optimizer.init(w)
    for update in range(1, updates + 1):
        w, state = optimizer.update(w, rosen_der(w), state)
        if near is None and rosen(w) < NEAR:
            near = update
    return Found(w, near)


def natural(text: str) -> int:
    """Return an integer of the command line."""
    if not text.isdecimal() or int(text) < 2:
        raise argparse.ArgumentTypeError(f"must be an integer of at least 2; got {text!r}")
    return int(text)


def arguments() -> argparse.Namespace:
    """Return the arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, usage=argparse.SUPPRESS)  # an error is one line
    add: Any = parser.add_argument
    add("--optimizer", choices=RULES, default="adam", help="the rule (default: adam)")
    add("--dimensions", type=natural, nargs="+", default=[2, 10, 100], metavar="N", help="(default: 2 10 100)")
    add("--updates", type=natural, default=10_000, metavar="N", help="number of updates (default: 10000)")
    return parser.parse_args()


def main() -> None:
    """Print a line for each number of dimensions."""
    args = arguments()
    make, rate = RULES[args.optimizer]
    print(f"{args.optimizer}, {args.updates} updates, a rate from {rate:g} to 0")
    print(f"dimensions  below {NEAR:g} after       value  distance")
    for dimensions in args.dimensions:
        found = minimize(make(cdl.schedules.Cosine(rate, args.updates)), dimensions, args.updates)
        distance = np.linalg.norm(found.w - 1.0)
        print(f"{dimensions:10}  {found.near or 'never':>17}  {rosen(found.w):10.1e}  {distance:8.1e}")


if __name__ == "__main__":
    main()
