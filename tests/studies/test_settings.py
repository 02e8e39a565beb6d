"""Settings are checked in the constructor, are plain Python values, and report their differences."""

import json

import numpy as np
import pytest

from cutedl_xp.studies.settings import Settings


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("activation", "rely", ValueError),
        ("output_activation", None, TypeError),
        ("initializer", "uni", ValueError),
        ("batch_size", 0, ValueError),
        ("epochs", 1.5, TypeError),
        ("validation", "train", ValueError),
        ("validation", 1.0, ValueError),
        ("schedule", "cosin", ValueError),
        ("schedule", 0.1, TypeError),
        ("patience", -1, ValueError),
        ("min_delta", float("nan"), ValueError),
        ("target", 1.5, ValueError),
        ("target_times", 3, ValueError),
        ("dtype", "float16", ValueError),
        ("backend", "", ValueError),
        ("device", 3, TypeError),
    ],
)
def test_wrong_values_are_refused_in_one_sentence(name, value, error):
    with pytest.raises(error) as refusal:
        Settings(**{name: value})
    assert name in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_backend_and_device_exclude_each_other():
    assert (Settings().backend, Settings().device) == ("numpy", None)
    assert (Settings(device="cpu").backend, Settings(device="cpu").device) == (None, "cpu")
    with pytest.raises(ValueError, match="got both, 'numpy' and 'cpu'"):
        Settings(backend="numpy", device="cpu")


def test_settings_survive_json():
    settings = Settings(
        epochs=np.int64(3), target=np.float64(0.9), target_times=2, schedule="Cosine( warmup=5 )", device="auto"
    )
    assert Settings.from_dict(json.loads(json.dumps(settings.to_dict()))) == settings
    assert settings.schedule == "cosine(warmup=5)"


@pytest.mark.parametrize("given", [{"epoch": 3}, {"epochs": 3, "lr": 0.1}])
def test_unknown_settings_are_refused(given):
    with pytest.raises(ValueError, match=r"settings must be among .*'epochs'.*; got '(epoch|lr)'$"):
        Settings.from_dict(given)


def test_settings_must_be_a_table():
    with pytest.raises(TypeError, match="must be a table"):
        Settings.from_dict(3)


def test_differences_are_named():
    assert Settings(epochs=2).differences(Settings(epochs=2)) == ""
    assert Settings(epochs=2).differences(Settings(epochs=3, dtype="float64")) == (
        "epochs (2, now 3), dtype (float32, now float64)"
    )
