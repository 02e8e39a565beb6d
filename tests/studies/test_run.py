"""A run is a function of its specification: equal values give equal bits, also after interruptions."""

import math
from dataclasses import replace

import pytest

from cutedl_xp import listeners
from cutedl_xp.studies.run import RunSpec, execute, read_history
from cutedl_xp.studies.settings import Settings


@pytest.fixture
def spec(small_data):
    settings = Settings(epochs=4, patience=3, target=0.5, target_times=50)
    return RunSpec(data=small_data, model="4-5-3", optimizer="adam(lr=0.01)", seed=3, settings=settings)


def interrupt_at(name, number):
    """Return a listener that raises at the event of this name and number."""
    events = []

    def raise_once(event):
        events.append(event.name)
        if event.name == name and events.count(name) == number:
            raise KeyboardInterrupt

    return raise_once


def test_a_run_is_repeatable(spec, without_times):
    first, second = execute(spec), execute(spec)
    assert without_times([first]) == without_times([second])
    assert first["stopped_by"] == "epochs"
    assert first["figures"]["steps"] == 4 * math.ceil(first["figures"]["steps"] / 4)
    assert read_history(first).val_accuracy[-1] == first["figures"]["val_accuracy"]
    assert execute(replace(spec, seed=4))["history"]["loss"] != first["history"]["loss"]


def test_a_trial_never_uses_the_test_samples(spec):
    figures = execute(replace(spec, purpose="trial"))["figures"]
    assert figures["test_loss"] is figures["test_accuracy"] is None


@pytest.mark.parametrize(("name", "number"), [("epoch_start", 1), ("val_start", 2), ("epoch_end", 3), ("epoch_end", 4)])
def test_an_interrupted_run_continues_to_the_same_bits(spec, without_times, tmp_path, name, number):
    pytest.importorskip("safetensors")
    checkpoint = tmp_path / "run.ckpt"
    with pytest.raises(KeyboardInterrupt):
        execute(spec, [interrupt_at(name, number)], checkpoint, 1)
    assert without_times([execute(spec, (), checkpoint, 1)]) == without_times([execute(spec)])


def test_a_checkpoint_is_ignored_without_checkpoints(spec, tmp_path):
    (tmp_path / "run.ckpt").write_text("no checkpoint")
    assert execute(spec, (), tmp_path / "run.ckpt", 0)["stopped_by"] == "epochs"
    with pytest.raises(ValueError, match="remove the file to restart this run"):
        execute(spec, (), tmp_path / "run.ckpt", 1)


def test_followers_observe_the_training(spec):
    seen = []
    execute(spec, [listeners.FitListener("epoch_end", callback=lambda event: seen.append(event.epoch))])
    assert seen == [0, 1, 2, 3]


def test_a_divergence_is_a_result(spec):
    run = execute(replace(spec, optimizer="fixed(lr=1e300)", settings=Settings(epochs=2, output_activation="relu")))
    assert run["stopped_by"] == "not_finite"
    assert run["figures"]["inactive_outputs"] == []


def test_inactive_outputs_are_named(spec):
    run = execute(replace(spec, model="4-3", optimizer="fixed(lr=100)", settings=Settings(output_activation="relu")))
    assert run["figures"]["inactive_outputs"]
    assert set(run["figures"]["inactive_outputs"]) <= {"0", "1", "2"}


def test_stop_rules(spec):
    run = execute(replace(spec, settings=Settings(epochs=99, target=0.01, target_times=2)))
    assert (run["stopped_by"], len(run["history"]["steps"])) == ("listener", 2)
    run = execute(replace(spec, settings=Settings(epochs=99, patience=2, min_delta=10.0)))
    assert (run["stopped_by"], len(run["history"]["steps"])) == ("listener", 3)


def test_other_data_than_specified_is_refused(spec):
    with pytest.raises(ValueError, match="have another digest"):
        execute(replace(spec, data_sha256="0" * 64))


@pytest.mark.parametrize("backend_name", ["array_api_strict", "torch", "jax"])
def test_every_backend_makes_the_run(spec, backend_name):
    pytest.importorskip(backend_name)
    run = execute(replace(spec, settings=Settings(epochs=2, backend=backend_name)))
    assert run["versions"][backend_name]
    expected = execute(replace(spec, settings=Settings(epochs=2)))
    assert run["history"]["val_loss"] == pytest.approx(expected["history"]["val_loss"], rel=1e-4)


def test_names_are_short_distinct_and_fit_any_file_system(spec):
    long = "adam(lr=0.001234567890123456, beta1=0.91234567890123456, beta2=0.9991234567890123, eps=1.2345678901234e-08)"
    specs = [
        spec,
        replace(spec, data="other/folder/small.npz"),
        replace(spec, data="../../small.npz"),
        replace(spec, seed=4),
        replace(spec, purpose="trial"),
        replace(spec, settings=Settings(epochs=5)),
        replace(spec, optimizer=long),
        replace(spec, optimizer=long.replace("e-08", "e-09")),
        replace(spec, model="4-" + "-".join(["5"] * 200) + "-3"),
        replace(spec, data="folder/ä ö:*?.csv"),
    ]
    names = [each.name for each in specs]
    assert len({name.lower() for name in names}) == len(specs)
    for name in names:
        assert len(name) < 100
        assert name.isascii()
        assert not set(name) & set('/\\:*?"<>| ')
    assert replace(spec, data_sha256="0").name == spec.name
