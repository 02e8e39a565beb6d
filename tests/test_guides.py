"""The classes and functions of the guides, on every backend: the guides themselves run on NumPy."""

import doctest
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cutedl_xp as cdl
from cutedl_xp import Backend

GUIDES = Path(__file__).parents[1] / "docs/guides"
RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3)).astype("float32")
Y = X[:, :1] - X[:, 1:2]


def defined_in(page: str, *names: str) -> Mapping[str, Any]:
    """Return objects that the examples of a page define."""
    text = re.sub(r"^```.*$", "", (GUIDES / page).read_text(encoding="utf-8"), flags=re.MULTILINE)
    examples = doctest.DocTestParser().get_examples(text)
    found: dict[str, Any] = {"__name__": __name__}
    for example in examples:
        if re.match(r"(import|from|def|class|@dataclass)\b", example.source):
            exec(example.source, found)  # noqa: S102
    return {name: found[name] for name in names}


def train(model: cdl.Model, data: Any = None, **parts: Any) -> cdl.Session:
    """Return a session that has trained for two epochs; its steps are compiled by default."""
    options = {"loss": cdl.losses.Mse(), "optimizer": cdl.optimizers.Adam(lr=0.01)} | parts
    compiled = options.pop("compiled", None)
    val_data = options.pop("val_data", None)
    session = cdl.Session(model, **options)
    session.fit(data or cdl.Dataset(X, Y, batch_size=20), epochs=2, val_data=val_data, compiled=compiled)
    return session


def new_model(backend: Backend, *layers: cdl.layers.Layer) -> cdl.Model:
    own = [cdl.layers.Dense(4, input_dim=3, activation="tanh"), *layers, cdl.layers.Dense(1, activation="linear")]
    return cdl.Model(own).assemble(backend, seed=0)


def assert_compiled_as_built_in(session: cdl.Session) -> None:
    """Check that the steps are compiled if the steps of the library's own classes are."""
    optimizer = cdl.optimizers.Fixed()
    built_in = cdl.Session(new_model(session.backend), loss=cdl.losses.Mse(), optimizer=optimizer).compiled
    assert bool(session.compiled) == bool(built_in), session.compiled.reason


def assert_same(first: cdl.Session, second: cdl.Session) -> None:
    for name, value in first.model.weights().items():
        np.testing.assert_allclose(value, second.model.weights()[name], rtol=1e-4, atol=1e-6, err_msg=name)


def test_the_layer_trains_and_is_compiled(backend: Backend) -> None:
    layer = defined_in("own-layers.md", "Affine")["Affine"]
    compiled = train(new_model(backend, layer()))
    assert_same(compiled, train(new_model(backend, layer()), compiled=False))
    assert_same(compiled, train(new_model(cdl.get_backend("numpy"), layer())))
    assert_compiled_as_built_in(compiled)
    scale = compiled.model.weights()["/2-Affine/scale"]
    assert np.all(scale != 1.0)


def test_the_layer_goes_through_a_checkpoint(backend: Backend, tmp_path: Path) -> None:
    layer = defined_in("own-layers.md", "Affine")["Affine"]
    session = train(new_model(backend, layer("uniform")))
    session.save(tmp_path / "session.ckpt")
    loaded = cdl.Session.load(tmp_path / "session.ckpt", backend, custom=[layer])
    assert_same(session, loaded)
    assert loaded.model.layers[1].config() == {"scale_initializer": "uniform"}


def test_the_layer_with_a_buffer_trains_and_is_compiled(backend: Backend) -> None:
    layer = defined_in("own-layers.md", "Center")["Center"]
    compiled = train(new_model(backend, layer()))
    assert_same(compiled, train(new_model(backend, layer()), compiled=False))
    assert_same(compiled, train(new_model(cdl.get_backend("numpy"), layer())))
    assert_compiled_as_built_in(compiled)
    assert np.all(compiled.model.weights()["/2-Center/running_mean"] != 0.0)


def test_the_activation_and_the_initializer_train(backend: Backend) -> None:
    own = defined_in("own-layers.md", "softsign", "softsign_backward", "small")
    activation = cdl.activations.Activation(own["softsign"], own["softsign_backward"])
    layer = cdl.layers.Dense(5, activation=activation, weight_initializer=own["small"])
    model = new_model(backend, layer)
    assert np.abs(model.weights()["/2-Dense/weight"]).max() < 0.01
    session = train(model)
    assert session.history is not None
    assert session.history.loss[-1] < session.history.loss[0]


def test_the_function_is_a_loss(backend: Backend) -> None:
    log_cosh = defined_in("own-losses.md", "log_cosh")["log_cosh"]
    session = train(new_model(backend), loss=log_cosh)
    error = backend.to_numpy(session.model.predict(X)) - Y
    assert session.evaluate((X, Y))["loss"] == pytest.approx(float(np.mean(np.log(np.cosh(error)))), rel=1e-4)


def test_the_class_is_a_loss_with_weights(backend: Backend) -> None:
    pinball = defined_in("own-losses.md", "Pinball")["Pinball"]
    compiled = train(new_model(backend), loss=pinball(0.8))
    assert_compiled_as_built_in(compiled)
    assert_same(compiled, train(new_model(backend), loss=pinball(0.8), compiled=False))
    counts = np.arange(40) % 3
    weighted = cdl.Dataset(X, Y, batch_size=40, sample_weight=counts)
    rows = np.repeat(np.arange(40), counts)
    repeated = cdl.Dataset(X[rows], Y[rows], batch_size=len(rows))
    first = train(new_model(backend), weighted, loss=pinball(0.8))
    assert_same(first, train(new_model(backend), repeated, loss=pinball(0.8)))


def test_the_rule_is_compiled_and_equals_that_of_numpy(backend: Backend) -> None:
    rule = defined_in("own-rules.md", "Yogi")["Yogi"]
    compiled = train(new_model(backend), optimizer=rule(0.01))
    assert_compiled_as_built_in(compiled)
    assert_same(compiled, train(new_model(backend), optimizer=rule(0.01), compiled=False))
    numpy = cdl.get_backend("numpy")
    assert_same(compiled, train(new_model(numpy), optimizer=rule(0.01)))


def test_the_wrapper_waits_and_goes_through_a_checkpoint(backend: Backend, tmp_path: Path) -> None:
    own = defined_in("own-rules.md", "Yogi", "Later")

    def new_optimizer() -> Any:
        return cdl.optimizers.Groups({"/1-*": own["Later"](own["Yogi"](0.01), after=3), "*": own["Yogi"](0.01)})

    session = train(new_model(backend), optimizer=new_optimizer())  # four steps
    assert session.optimizer.state["/1-*"]["waited"] == 3
    assert session.optimizer.state["/1-*"]["optimizer"]["t"] == 1
    session.save(tmp_path / "session.ckpt")
    loaded = cdl.Session.load(tmp_path / "session.ckpt", backend, custom=list(own.values()))
    for each in (session, loaded):
        each.fit(cdl.Dataset(X, Y, batch_size=20), epochs=1)
    assert_same(session, loaded)
    assert loaded.optimizer.state["/1-*"]["optimizer"]["t"] == 3


@pytest.mark.parametrize("compiled", [None, False])
def test_the_metric_covers_the_whole_data_set(backend: Backend, compiled: bool | None) -> None:
    relative_error = defined_in("own-metrics-and-listeners.md", "RelativeError")["RelativeError"]
    session = train(new_model(backend), metrics=[relative_error()], val_data=(X, Y), compiled=compiled)
    error = np.abs(backend.to_numpy(session.model.predict(X)) - Y)
    wanted = error.sum() / np.abs(Y).sum()
    assert session.history is not None
    assert session.history.val_relative_error[-1] == pytest.approx(wanted, rel=1e-4)
    weight = np.arange(40.0)
    found = session.evaluate(cdl.Dataset(X, Y, batch_size=7, sample_weight=weight))["relative_error"]
    assert found == pytest.approx((error[:, 0] * weight).sum() / (np.abs(Y[:, 0]) * weight).sum(), rel=1e-4)


def test_the_time_limit_counts_the_seconds_before_an_interruption(backend: Backend, tmp_path: Path) -> None:
    time_limit = defined_in("own-metrics-and-listeners.md", "TimeLimit")["TimeLimit"]
    session = cdl.Session(new_model(backend), loss=cdl.losses.Mse(), optimizer=cdl.optimizers.Adam())
    session.fit((X, Y), epochs=1, listeners=[time_limit(3600)])
    session.save(tmp_path / "session.ckpt")
    loaded = cdl.Session.load(tmp_path / "session.ckpt", backend)
    state = loaded.state_dict()
    state["listeners"]["TimeLimit"][0]["used"] += 7200.0
    loaded.load_state_dict(state)
    assert len(loaded.fit((X, Y), epochs=5, listeners=[time_limit(3600)])) == 1
    assert session.fit((X, Y), epochs=5, listeners=[time_limit(3600)]).stop_reason == "all epochs done"


def test_the_guide_to_layers_lists_the_names_that_exist() -> None:
    text = (GUIDES / "own-layers.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    for start, known in (
        ("| `activation`", cdl.activations.ACTIVATIONS),
        ("| initializers", cdl.initializers.INITIALIZERS),
    ):
        [row] = [line for line in rows if line.startswith(start)]
        assert re.findall(r'`"(\w+)"`', row) == list(known)
    classes = [each for each in vars(cdl.layers).values() if isinstance(each, type)]
    for each in classes:
        if issubclass(each, cdl.layers.Layer) and each is not cdl.layers.Layer:
            assert f"`{each.__name__}`" in text
