"""Updates that are skipped if a gradient is not finite."""

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest

from cutedl_xp import Backend, Model, Parameter
from cutedl_xp.layers import Dense
from cutedl_xp.optimizers import Adam, ClipByGlobalNorm, Fixed, SkipNonFinite
from cutedl_xp.optimizers.wrappers import skip_nonfinite as skipping

BAD = [np.nan, np.inf, -np.inf]


@pytest.mark.parametrize("bad", BAD)
def test_a_skipped_gradient_has_no_effect(
    bad: float, backend: Backend, dtype: str, on_host: Callable[[Any], Any], same_bits: Callable[[Any, Any], bool]
) -> None:
    random = np.random.default_rng(0)
    w, *gradients = (random.normal(size=(3, 2)).astype(dtype) for _ in range(5))
    worse = gradients[2].copy()
    worse[1, 1] = bad
    model, twin = (Model([Dense(2, input_dim=3)]).assemble(backend, dtype, seed=0) for _ in range(2))
    in_place, plain_in_place = SkipNonFinite(Adam(0.1)), Adam(0.1)
    rule, plain = SkipNonFinite(Adam(0.1)), Adam(0.1)
    params = expected = {"w": backend.asarray(w)}
    state, other = rule.init(params), plain.init(params)
    for g in [*gradients[:2], worse, *gradients[2:], worse]:
        params, state = rule.update(params, {"w": backend.asarray(g)}, state)
        model.parameters[0].gradient = g
        in_place.step(model.parameters)
        if g is not worse:
            expected, other = plain.update(expected, {"w": backend.asarray(g)}, other)
            twin.parameters[0].gradient = g
            plain_in_place.step(twin.parameters)
    assert same_bits(on_host([params, state["optimizer"]]), on_host([expected, other]))
    assert same_bits(on_host(in_place.state["optimizer"]), on_host(plain_in_place.state))
    assert same_bits(on_host(model.parameters.flat.value), on_host(twin.parameters.flat.value))
    assert state["skipped"] == in_place.state["skipped"] == 2


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_gradient_whose_square_overflows_is_skipped(
    sign: float, backend: Backend, dtype: str, on_host: Callable[[Any], Any]
) -> None:
    largest = {"float32": 2.0**64, "float64": 2.0**512}[dtype]
    below = float(np.nextafter(np.asarray(largest, dtype), np.asarray(0.0, dtype)))
    rule, w = SkipNonFinite(Adam(0.1)), backend.asarray(np.zeros(2, dtype))
    updates = [rule.update]
    if backend.name == "jax":
        import jax

        updates.append(jax.jit(rule.update))
    for update, (size, skipped) in product(updates, ((largest, 1), (below, 0))):
        g = backend.asarray(np.array([1.0, sign * size], dtype))
        after, state = update(w, g, rule.init(w))
        assert int(state["skipped"]) == skipped
        assert np.isfinite(on_host(state["optimizer"]["s"])).all()
        assert (on_host(after) == 0.0).all() == bool(skipped)


def test_many_squares_whose_sum_alone_overflows_are_not_skipped(backend: Backend) -> None:
    rule, w = SkipNonFinite(Fixed(1e-19)), backend.asarray(np.zeros(9, "float32"))
    after, state = rule.update(w, backend.asarray(np.full(9, 1e19, "float32")), rule.init(w))
    assert state["skipped"] == 0
    np.testing.assert_allclose(backend.to_numpy(after), -1.0)


@pytest.mark.parametrize("bad", BAD)
def test_a_limited_gradient_that_was_not_finite_is_not_either(bad: float, backend: Backend) -> None:
    rule, w = ClipByGlobalNorm(SkipNonFinite(Fixed(1.0)), 1.0), backend.asarray(np.zeros(2))
    with np.errstate(invalid="ignore"):
        after, state = rule.update(w, backend.asarray(np.array([bad, 1.0])), rule.init(w))
    assert backend.to_numpy(after).tolist() == [0.0, 0.0]
    assert state["skipped"] == 1


def test_the_device_is_read_once(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(skipping, "bool", lambda flag: asked.append(flag) or bool(flag), raising=False)
    params = [backend.asarray(np.ones(shape)) for shape in (3, (2, 2), ())]
    loose = [Parameter(str(number), array) for number, array in enumerate(params)]
    rule = SkipNonFinite(Fixed())
    rule.update(params, params, rule.init(params))
    rule.step(loose)
    assert len(asked) == 2


def test_misuse_is_one_sentence() -> None:
    w = np.zeros(2)
    for skipped, error in ((-1, ValueError), ("no", TypeError)):
        with pytest.raises(error, match=r"^`state\['skipped'\]` must be "):
            SkipNonFinite(Fixed()).update(w, w, {"optimizer": {"t": 0}, "skipped": skipped})
    state, bad = {"optimizer": {"t": 0}, "skipped": 0}, np.full(3, np.nan)
    for params, grads, words in (
        (w, bad, r"^`grads` has shape \(3,\); `params` has \(2,\)$"),
        (w, [bad], r"^`grads` must have the structure of `params`"),
        ("w", bad, r"^`params` must be an array, or a list"),
    ):
        with pytest.raises((TypeError, ValueError), match=words):
            SkipNonFinite(Fixed()).update(params, grads, state)
    rule = SkipNonFinite(Fixed())
    rule.step([Parameter("a", w)])
    with pytest.raises(ValueError, match="this Fixed keeps the state of other parameters"):
        rule.step([Parameter("b", bad, bad)])
    assert repr(SkipNonFinite(Fixed())) == "SkipNonFinite(Fixed(lr=0.01, weight_decay=0.0))"
