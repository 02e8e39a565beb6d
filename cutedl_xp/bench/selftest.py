"""Comparison of a backend's results with NumPy's: ``cutedl-xp selftest --device cuda``.

The tests run the same checks. The package contains them for devices of users on which the tests never ran.
"""

import platform
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any

from cutedl_xp import optimizers
from cutedl_xp._random import Stream
from cutedl_xp.backends import Backend, get_backend
from cutedl_xp.datasets import Dataset
from cutedl_xp.layers import Dense
from cutedl_xp.losses import SparseCategoricalCrossentropy
from cutedl_xp.model import Model
from cutedl_xp.optimizers import Optimizer
from cutedl_xp.training.session import Session

MODELS: Mapping[str, tuple[int, ...]] = MappingProxyType({"784-10": (10,), "784-32-16-10": (32, 16, 10)})
RULES: Mapping[str, Callable[[], Optimizer]] = MappingProxyType(
    {
        "Fixed": lambda: optimizers.Fixed(0.01),
        "Momentum": lambda: optimizers.Momentum(0.002, 0.9),
        "Adagrad": lambda: optimizers.Adagrad(0.001),
        "RMSProp": lambda: optimizers.RMSProp(0.0001, 0.99),
        "Adadelta": lambda: optimizers.Adadelta(0.99),
        "Adam": lambda: optimizers.Adam(0.0001, 0.9, 0.99),
        "AdamW": lambda: optimizers.AdamW(0.0001),
        "NAdam": lambda: optimizers.NAdam(0.0001),
        "RAdam": lambda: optimizers.RAdam(0.0001),
        "Adamax": lambda: optimizers.Adamax(0.0001),
        "Lion": lambda: optimizers.Lion(0.00001),
    }
)
TOLERANCES: Mapping[str, float] = MappingProxyType({"float32": 2e-3, "float64": 1e-9})
_STEPS, _BATCH_SIZE = 40, 64


@dataclass(frozen=True)
class Check:
    """Check with its name, its finding as text, and whether it passed."""

    name: str
    found: str
    passed: bool


def run(backend: Backend) -> Iterator[Check]:
    """Run all checks of a backend, one after the other.

    Parameters
    ----------
    backend
        Backend to check.

    Returns
    -------
    iterator of Check
        Each check as soon as it is done.

    Examples
    --------
    >>> import cutedl_xp as cdl
    >>> from cutedl_xp.bench import selftest
    >>> next(selftest.run(cdl.get_backend("numpy"))).passed
    True
    """
    for dtype, tolerance in TOLERANCES.items():
        try:
            backend.dtype(dtype)
        except ValueError as error:
            yield Check(f"training in {dtype}", f"left out: {error}", passed=True)
            continue
        for model in MODELS:
            for rule in RULES:
                difference = measure_difference(backend, model, rule, dtype)
                name = f"{_STEPS} steps of {model} with {rule} in {dtype}"
                yield Check(name, f"differs by {difference:.1e}, allowed {tolerance:.0e}", difference <= tolerance)
    yield from _check_compiled(backend)
    yield _check_repeatability(backend)
    yield _check_model_file(backend)


def measure_difference(backend: Backend, model: str, rule: str, dtype: str) -> float:
    """Return the distance between the weights of short trainings on the backend and on NumPy in float64.

    Parameters
    ----------
    backend, dtype
        Backend and dtype to train with.
    model, rule
        Keys of ``MODELS`` and ``RULES``.

    Returns
    -------
    float
        Largest difference of an entry, relative to the largest entry of its parameter.
    """
    found = _read_weights(_train(backend, model, rule, dtype))
    return _difference(found, _read_weights(_train(get_backend("numpy"), model, rule, "float64")))


def summarize(backend: Backend, checks: list[Check]) -> str:
    """Return a text of the numbers of passed and failed checks, the backend, and a line for each failure."""
    failed = [check for check in checks if not check.passed]
    return "\n".join(
        [
            f"cutedl_xp selftest: {len(checks) - len(failed)} passed, {len(failed)} failed",
            f"backend {backend.name} {backend.version}, {backend.device}",
            *(f"FAILED {check.name}: {check.found}" for check in failed),
        ]
    )


def report(backend: Backend, checks: list[Check]) -> str:
    """Return the checks as Markdown for an issue report, failures first."""
    failed = sum(not check.passed for check in checks)
    rows = [f"| {'ok' if check.passed else 'FAILED'} | {check.name} | {check.found} |" for check in checks]
    return "\n".join(
        [
            f"cutedl_xp selftest: {len(checks) - failed} passed, {failed} failed",
            "",
            f"backend {backend.name} {backend.version} on {', '.join(backend.devices())}; used: {backend.device}",
            f"Python {platform.python_version()}, {platform.platform()}",
            "",
            "| | check | found |",
            "|---|---|---|",
            *sorted(rows, key=lambda row: not row.startswith("| FAILED")),
        ]
    )


def _train(backend: Backend, model: str, rule: str, dtype: str, compiled: bool | None = None) -> Session:
    layers = [Dense(units, input_dim, activation="relu") for input_dim, units in pairwise((784, *MODELS[model]))]
    session = Session(
        Model(layers).assemble(backend, dtype, seed=0), loss=SparseCategoricalCrossentropy(), optimizer=RULES[rule]()
    )
    session.fit(_make_images(), epochs=1, compiled=compiled, verbose=False)
    return session


def _make_images() -> Dataset:
    """Return synthetic images of ten classes as bytes: noise with bright rows at the place of the class."""
    samples = _STEPS * _BATCH_SIZE
    labels = Stream(0, "selftest", "labels").permutation(samples) % 10
    images = Stream(0, "selftest", "images").uniform((samples, 28, 28), 0.0, 128.0)
    for digit in range(10):
        images[labels == digit, 2 * digit : 2 * digit + 3] += 127.0
    flat: Any = images.reshape(samples, -1).astype("uint8")
    return Dataset(flat, labels, batch_size=_BATCH_SIZE, scale=1 / 255)


def _read_weights(session: Session) -> dict[str, Any]:
    return {p.name: session.backend.to_numpy(p.value).astype("float64") for p in session.model.parameters}


def _check_compiled(backend: Backend) -> Iterator[Check]:
    """Check that compiled steps and the plain loop give the same weights, if the backend can compile steps."""
    if not backend.compiles_steps or backend.why_not_compiled():
        return
    for model in MODELS:
        compiled, plain = (_read_weights(_train(backend, model, "Adam", "float32", wanted)) for wanted in (True, False))
        difference = _difference(compiled, plain)
        tolerance = TOLERANCES["float32"]
        found = f"differs by {difference:.1e}, allowed {tolerance:.0e}"
        yield Check(f"compiled steps of {model} train as the plain loop", found, difference <= tolerance)


def _difference(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> float:
    """Return the largest difference of an entry, relative to the largest entry of its parameter."""
    return max(float(abs(found[name] - wanted[name]).max() / abs(wanted[name]).max()) for name in wanted)


def _check_repeatability(backend: Backend) -> Check:
    first, second = (_read_weights(_train(backend, "784-10", "Adam", "float32")) for _ in range(2))
    same = all((first[name] == second[name]).all() for name in first)
    return Check("the same seed trains to the same bits twice", "the same" if same else "different bits", same)


def _check_model_file(backend: Backend) -> Check:
    """Check that a saved model gives the same predictions on NumPy and on this backend."""
    name = "a model's file loads here and on NumPy"
    model = _train(backend, "784-32-16-10", "Adam", "float32").model
    x = _make_images().data[:64, ...]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        try:
            model.save(path)
        except ImportError as error:
            return Check(name, f"left out: {error}", passed=True)
        loaded = [Model.load(path, on) for on in (backend, get_backend("numpy"))]
    outputs = [again.backend.to_numpy(again.predict(x)) for again in loaded]
    here = backend.to_numpy(model.predict(x))
    difference = max(float(abs(output - here).max()) for output in outputs)
    return Check(name, f"predictions differ by {difference:.1e}, allowed 1e-03", difference <= 1e-3)
