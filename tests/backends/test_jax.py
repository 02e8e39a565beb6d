"""JAX: the precision of products, numbers that XLA treats as 0, and compiled programs."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cutedl_xp import Backend, Dataset, Model, Session
from cutedl_xp._typing import Array, Namespace
from cutedl_xp.layers import Dense
from cutedl_xp.losses import Mse
from cutedl_xp.optimizers import Adam

SHAPES = [((64, 784), (784, 10)), ((784, 64), (64, 128)), ((1, 3), (3, 2))]


@pytest.fixture
def jax(backend: Backend) -> Any:
    """Return the library if it is the tested one."""
    if backend.name != "jax":
        pytest.skip("of JAX alone")
    return pytest.importorskip("jax")


@pytest.fixture
def train(backend: Backend) -> Callable[[], Session]:
    """Return a function that trains a new session for two steps."""
    random = np.random.default_rng(0)
    data = Dataset(random.random((8, 3)).astype("float32"), random.random((8, 2)).astype("float32"), batch_size=4)

    def run() -> Session:
        session = Session(Model([Dense(2, input_dim=3, activation="relu")]).assemble(backend), Mse(), Adam())
        session.fit(data, 1)
        return session

    return run


def test_sessions_of_the_same_kind_share_programs(jax: Any, train: Callable[[], Session], count_programs: Any) -> None:
    train()
    before = count_programs()
    train()
    assert count_programs() == before
    with jax.default_matmul_precision("tensorfloat32"):
        train()
    assert count_programs() > before


@pytest.fixture
def count_programs(jax: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Return a function that counts the shared programs, starting with none."""
    from cutedl_xp.backends import _jax_steps

    monkeypatch.setattr(_jax_steps, "_shared", OrderedDict())
    return lambda: len(_jax_steps._shared)


def test_one_program_evaluates_any_number_of_batches(
    backend: Backend, train: Callable[[], Session], count_programs: Callable[[], int]
) -> None:
    session, random = train(), np.random.default_rng(0)
    data = Dataset(random.random((12, 3)).astype("float32"), random.random((12, 2)).astype("float32"), batch_size=4)
    session.evaluate(data)
    before = count_programs()
    found = [session.evaluate(data, batches=number)["loss"] for number in (1, 2, 3)]
    assert count_programs() == before
    assert len(set(found)) == 3


def test_without_jit_a_session_trains_in_the_plain_loop(jax: Any, train: Callable[[], Session]) -> None:
    with jax.disable_jit():
        session = train()
    assert (session.step, session.compiled.reason) == (2, "jax_disable_jit is set")


def test_a_program_that_xla_refuses_is_replaced_by_the_plain_loop(
    jax: Any, train: Callable[[], Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    from cutedl_xp.backends import _jax_steps

    def refuse(*arguments: Any, **options: Any) -> Any:
        raise RuntimeError("out of registers\nand a page of text")

    monkeypatch.setattr(_jax_steps, "_shared", OrderedDict())
    monkeypatch.setattr(jax, "jit", refuse)
    with pytest.warns(
        RuntimeWarning, match=r"^the training continued in the plain loop, as JAX cannot compile the step"
    ):
        session = train()
    assert session.step == 2
    assert session.compiled.reason == "JAX cannot compile the step (RuntimeError: out of registers)"


def operands(backend: Backend, shapes: tuple[tuple[int, ...], ...], dtype: str) -> list[Array]:
    random = np.random.default_rng(3)
    return [backend.asarray(random.normal(size=shape), dtype) for shape in shapes]


def test_products_ask_for_the_precision_of_their_dtype(backend: Backend, jax: Any, dtype: str) -> None:
    a, b = operands(backend, SHAPES[0], dtype)
    assert "precision=(Precision.HIGHEST, Precision.HIGHEST)" in str(jax.make_jaxpr(backend.matmul)(a, b))


def test_a_precision_that_the_user_has_set_is_kept(backend: Backend, jax: Any) -> None:
    a, b = operands(backend, SHAPES[0], "float32")
    with jax.default_matmul_precision("tensorfloat32"):
        assert "Precision.HIGHEST" not in str(jax.make_jaxpr(backend.matmul)(a, b))
    assert "Precision.HIGHEST" in str(jax.make_jaxpr(backend.matmul)(a, b))


@pytest.mark.parametrize("shapes", SHAPES, ids=str)
def test_on_a_cpu_the_precision_changes_no_bit(
    backend: Backend, jax: Any, dtype: str, shapes: tuple[tuple[int, ...], ...]
) -> None:
    if backend.device.platform != "cpu":
        pytest.skip("on a GPU the precision is what makes the difference")
    a, b = operands(backend, shapes, dtype)
    np.testing.assert_array_equal(backend.to_numpy(backend.matmul(a, b)), backend.to_numpy(jax.numpy.matmul(a, b)))


def twice(xp: Namespace, x: Array) -> Array:
    return x + x


def test_xla_computes_with_0_instead_of_subnormal_numbers(backend: Backend, jax: Any, dtype: str) -> None:
    if backend.device.platform != "cpu":
        pytest.skip("a GPU computes with them as fast as with others")
    small = backend.asarray(np.full(40_000, np.finfo(dtype).smallest_normal / 4, dtype))
    for result in (small * 1.0, small + small, backend.elementwise(twice, small), backend.sum(small)):
        assert not np.any(backend.to_numpy(result))
    assert not np.any(backend.to_numpy(jax.jit(lambda x: jax.numpy.sqrt(x) * x)(small)))


def test_no_search_for_subnormal_numbers(backend: Backend, jax: Any) -> None:
    small = backend.asarray(np.full(3, 1e-40, "float32"))
    assert backend.without_subnormals(small) is small
