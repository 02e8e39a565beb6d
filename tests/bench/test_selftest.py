"""The self test of a device, which also limits the difference of every backend from NumPy in float64."""

import dataclasses
from collections import OrderedDict

import numpy as np
import pytest

from cutedl_xp import Backend
from cutedl_xp.__main__ import main
from cutedl_xp.bench import selftest
from optimizer_table import REFERENCES


@pytest.mark.usefixtures("_comparable_to_the_bit")
@pytest.mark.parametrize("rule", selftest.RULES)
@pytest.mark.parametrize("model", selftest.MODELS)
def test_forty_steps_are_those_of_numpy_in_float64(backend: Backend, dtype: str, model: str, rule: str) -> None:
    difference = selftest.measure_difference(backend, model, rule, dtype)
    assert difference <= {"float32": 2e-3, "float64": 1e-9}[dtype]
    if backend.name in ("numpy", "array_api_strict"):
        assert (difference == 0.0) is (dtype == "float64")


def test_a_backend_that_computes_something_else_is_found_out(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    original = type(backend).matmul
    if backend.name == "jax":  # earlier programs contain the other product
        from cutedl_xp.backends import _jax_steps

        monkeypatch.setattr(_jax_steps, "_shared", OrderedDict())
    monkeypatch.setattr(type(backend), "matmul", lambda self, a, b, out=None: original(self, a, b) * 1.01)
    if backend.name != "numpy":  # the reference of all differences
        assert selftest.measure_difference(backend, "784-10", "Fixed", "float32") > 2e-3


def test_report_has_failures_first_and_counts_them(backend: Backend) -> None:
    checks = [selftest.Check("good", "as it should be", True), selftest.Check("bad", "nonsense", False)]
    lines = selftest.report(backend, checks).splitlines()
    assert lines[0] == "cutedl_xp selftest: 1 passed, 1 failed"
    assert f"backend {backend.name} {backend.version} on " in lines[2]
    assert [line for line in lines if line.startswith("| ok") or "FAILED" in line] == [
        "| FAILED | bad | nonsense |",
        "| ok | good | as it should be |",
    ]


def test_summary_counts_and_names_the_failures_alone(backend: Backend) -> None:
    checks = [selftest.Check("good", "as it should be", True), selftest.Check("bad", "nonsense", False)]
    lines = selftest.summarize(backend, checks).splitlines()
    assert lines[0] == "cutedl_xp selftest: 1 passed, 1 failed"
    assert lines[1].startswith(f"backend {backend.name} ")
    assert lines[2:] == ["FAILED bad: nonsense"]


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reduce the number of long checks."""
    monkeypatch.setattr(selftest, "MODELS", {"784-10": (10,), "784-32-16-10": (32, 16, 10)})
    monkeypatch.setattr(selftest, "RULES", {"Adam": selftest.RULES["Adam"]})


@pytest.mark.usefixtures("short")
def test_command_prints_the_report_and_returns_0_if_all_is_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["selftest", "--backend", "numpy", "--markdown"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("cutedl_xp selftest: 6 passed, 0 failed\n")
    assert "| ok | a model's file loads here and on NumPy |" in printed


@pytest.mark.usefixtures("short")
def test_command_returns_1_if_a_check_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failed = dataclasses.replace(selftest.Check("a", "b", True), passed=False)
    monkeypatch.setattr(selftest, "run", lambda backend: iter([failed]))
    assert main(["selftest", "--device", "cpu"]) == 1
    assert capsys.readouterr().out.splitlines()[2:] == ["FAILED a: b"]


def test_command_for_a_device_that_is_not_there_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["selftest", "--backend", "nunpy"]) == 2
    assert capsys.readouterr().err.startswith("cutedl-xp: error: there is no backend 'nunpy'")


def test_every_public_rule_is_checked() -> None:
    assert set(selftest.RULES) == {rule.__name__ for rule in REFERENCES}
    assert all(type(make()).__name__ == name for name, make in selftest.RULES.items())
    assert np.array_equal(sorted(selftest.TOLERANCES.values()), [1e-9, 2e-3])
