"""The examples of the optimizers alone, with SciPy, scikit-learn, JAX and PyTorch."""

import io
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cutedl_xp import schedules
from cutedl_xp.optimizers import Adam, AdamW, AverageWeights

torch = pytest.importorskip("torch")
jax = pytest.importorskip("jax")
pytest.importorskip("scipy")
sklearn_datasets = pytest.importorskip("sklearn.datasets")

import rosenbrock  # noqa: E402
import torch_autograd  # noqa: E402
import under_jit  # noqa: E402

PROGRAMS = Path(rosenbrock.__file__).parent
UPDATES = 10_000


def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(PROGRAMS / program), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("name", rosenbrock.RULES)
def test_every_rule_comes_near_the_minimum_of_the_rosenbrock_function(name: str) -> None:
    make, rate = rosenbrock.RULES[name]
    found = rosenbrock.minimize(make(schedules.Cosine(rate, UPDATES)), 2, UPDATES)
    np.testing.assert_allclose(found.w, 1.0, rtol=0.0, atol=0.1)


@pytest.mark.parametrize("name", ["momentum", "adam", "nadam", "radam", "adamax"])
def test_rules_with_momentum_find_it_in_more_dimensions(name: str) -> None:
    make, rate = rosenbrock.RULES[name]
    found = rosenbrock.minimize(make(schedules.Cosine(rate, UPDATES)), 10, UPDATES)
    np.testing.assert_allclose(found.w, 1.0, rtol=0.0, atol=1e-9)
    assert found.near is not None
    assert found.near < UPDATES


def digits() -> tuple[np.ndarray, np.ndarray]:
    images, numbers = sklearn_datasets.load_digits(return_X_y=True)
    return (images / 16.0).astype("float32"), numbers


def test_step_under_jit_is_traced_once_with_equal_results() -> None:
    traced: list[Any] = []

    def rate(update: Any) -> float:
        traced.append(update)
        return 0.01

    x, y = digits()
    params, state = under_jit.train(Adam(rate), under_jit.starting_params(seed=0), x, y, updates=3, seed=1)
    assert len(traced) == 1
    assert int(state["t"]) == 3
    with jax.disable_jit():
        wanted = under_jit.train(Adam(0.01), under_jit.starting_params(seed=0), x, y, updates=3, seed=1)
    assert jax.tree.structure((params, state)) == jax.tree.structure(wanted)
    for found, array in zip(jax.tree.leaves((params, state)), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(found, array, rtol=1e-3, atol=1e-6)


def module() -> Any:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(64, 8), torch.nn.ReLU(), torch.nn.Linear(8, 10))


def test_module_is_trained_as_by_pytorchs_own_optimizer() -> None:
    x, y = map(torch.asarray, digits())
    ours, theirs = module(), module()
    torch.manual_seed(1)
    torch_autograd.train(ours, AdamW(0.01, 0.9, 0.999, weight_decay=0.1), x, y, updates=20)
    torch.manual_seed(1)
    optimizer = torch.optim.AdamW(theirs.parameters(), lr=0.01, weight_decay=0.1)
    for _ in range(20):
        rows = torch.randint(len(x), (64,))
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(theirs(x[rows]), y[rows]).backward()
        optimizer.step()
    for found, wanted in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert found.requires_grad
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


def test_state_of_a_module_can_be_saved_and_loaded_as_mere_numbers() -> None:
    x, y = map(torch.asarray, digits())
    state = torch_autograd.train(module(), AverageWeights(Adam(0.01)), x, y, updates=2)
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    again = torch.load(file, weights_only=True)
    assert again["optimizer"]["t"] == 2
    for name, average in state["average"].items():
        assert not average.requires_grad
        assert torch.equal(again["average"][name], average)


def test_other_containers_of_pytorch_are_refused() -> None:
    network = module()
    params = {name: parameter.detach() for name, parameter in network.named_parameters()}
    optimizer = Adam()
    with pytest.raises(TypeError, match=r"^`params` must be an array, or a list, .*; got OrderedDict$"):
        optimizer.init(network.state_dict())
    gradients = {name: parameter.grad for name, parameter in network.named_parameters()}  # before any backward()
    with pytest.raises(TypeError, match=r"^`grads`\['0.weight'\] must be an array, .*; got NoneType$"):
        optimizer.update(params, gradients, optimizer.init(params))


@pytest.mark.parametrize("program", ["under_jit.py", "torch_autograd.py"])
def test_networks_recognize_digits_that_they_have_not_seen(program: str) -> None:
    done = run(program)
    assert (done.returncode, done.stderr) == (0, "")
    accuracies = [float(figure) for figure in re.findall(r"accuracy (\S+)", done.stdout)]
    assert len(accuracies) == 2
    assert min(accuracies) > 0.9


@pytest.mark.parametrize("library", ["numpy", "torch", "jax"])
def test_logistic_regression_prints_both_and_how_far_they_differ(library: str) -> None:
    done = run("logistic_regression.py", "--backend", library)
    assert (done.returncode, done.stderr) == (0, "")
    _, theirs, ours, difference = done.stdout.splitlines()
    assert theirs.split()[0] == "scikit-learn"
    assert ours.split() == [library, *theirs.split()[1:]]
    assert float(difference.rpartition(" ")[2]) < 1e-9


def test_rosenbrock_prints_a_line_for_each_number_of_dimensions() -> None:
    done = run("rosenbrock.py", "--optimizer", "momentum", "--dimensions", "2", "5", "--updates", "3000")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("momentum, 3000 updates, a rate from 0.001 to 0\n")
    rows = [line.split() for line in done.stdout.splitlines()[2:]]
    assert [row[0] for row in rows] == ["2", "5"]
    assert all(int(near) < 3_000 and float(value) < 1e-6 for _, near, value, _ in rows)


@pytest.mark.parametrize(
    "wrong",
    [
        ("rosenbrock.py", "--optimizer", "nonsense"),
        ("rosenbrock.py", "--dimensions", "1"),
        ("rosenbrock.py", "--updates", "many"),
        ("under_jit.py", "nonsense"),
        ("torch_autograd.py", "--nonsense"),
    ],
    ids=" ".join,
)
def test_wrong_use_is_named_in_one_line(wrong: tuple[str, ...]) -> None:
    done = run(*wrong)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith(f"{wrong[0]}: error: ")
    assert wrong[-1] in done.stderr
