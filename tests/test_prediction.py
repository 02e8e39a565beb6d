"""Prediction in batches, of datasets, and with the scale of the model."""

import subprocess
import sys
import tracemalloc

import numpy as np
import pytest

from cutedl_xp import Dataset, Model, Session
from cutedl_xp.layers import Dense
from cutedl_xp.losses import Mse
from cutedl_xp.optimizers import Fixed

RAW = np.arange(24, dtype="uint8").reshape(8, 3) * 10


def make(backend):
    return Model([Dense(5, input_dim=3, activation="tanh"), Dense(2, activation="linear")]).assemble(backend, seed=1)


@pytest.mark.parametrize("batch_size", [1, 3, 7, 8, 100])
def test_every_batch_size_gives_the_same(backend, to_numpy, batch_size):
    model, x = make(backend), (RAW / 255).astype("float32")
    wanted = to_numpy(model.forward(backend.asarray(x), training=False)[0])
    for given in (x, backend.asarray(x)):
        np.testing.assert_allclose(to_numpy(model.predict(given, batch_size)), wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("batch_size", "error"), [(0, ValueError), (2.0, TypeError)])
def test_other_batch_sizes_are_refused(backend, batch_size, error):
    with pytest.raises(error, match="`batch_size`"):
        make(backend).predict(RAW, batch_size)


def test_a_dataset_is_taken_in_its_order_and_whole_with_its_scale(backend, to_numpy):
    model = make(backend)
    data = Dataset(RAW, np.zeros((8, 2), "float32"), batch_size=3, drop_remainder=True, scale=1 / 255)
    wanted = to_numpy(model.predict((RAW / 255).astype("float32")))
    model.scale = 7.0
    np.testing.assert_allclose(to_numpy(model.predict(data, 3)), wanted, rtol=1e-5, atol=1e-6)


def test_fit_keeps_the_scale_for_integers_alone(backend, to_numpy, tmp_path):
    model = make(backend)
    session = Session(model, loss=Mse(), optimizer=Fixed(0.1))
    data = Dataset(RAW, np.zeros((8, 2), "float32"), scale=1 / 255)
    session.fit(data, epochs=1)
    assert model.scale == 1 / 255
    outputs = to_numpy(model.predict(RAW))
    np.testing.assert_allclose(to_numpy(model.predict((RAW / 255).astype("float32"))), outputs, rtol=1e-5, atol=1e-6)
    model.save(tmp_path / "model")
    session.save(tmp_path / "session")
    for loaded in (Model.load(tmp_path / "model", backend), Session.load(tmp_path / "session", backend).model):
        assert loaded.scale == 1 / 255
        np.testing.assert_array_equal(to_numpy(loaded.predict(RAW)), outputs)
    session.fit(Dataset((RAW / 255).astype("float32"), np.zeros((8, 2), "float32")), epochs=1)
    assert model.scale == 1 / 255


@pytest.mark.parametrize(("scale", "error"), [("1/255", TypeError), (float("nan"), ValueError)])
def test_other_scales_are_refused(backend, scale, error):
    with pytest.raises(error, match="`scale`"):
        make(backend).scale = scale


def test_memory_is_bounded():
    x = np.ones((20_000, 64), "float32")
    model = Model([Dense(2048, input_dim=64), Dense(10)]).assemble("numpy")
    model.predict(x[:2])
    tracemalloc.start()
    try:
        outputs = model.predict(x)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak - outputs.nbytes < 60e6


MEASUREMENT = """
import sys
import numpy as np
import cutedl_xp as cdl

def peak():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))

backend = cdl.get_backend(sys.argv[1])
layers = [cdl.layers.Dense(2048, input_dim=64, activation="relu"), cdl.layers.Dense(10)][: int(sys.argv[2])]
model = cdl.Model(layers).assemble(backend)
x = np.ones((20_000, 64), "float32")
model.predict(x[:600], 300)
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")  # the peak is that from now on
before = peak()
outputs = model.predict(x)
backend.synchronize()
print(peak() - before - 20_000 * int(outputs.shape[1]) * 4)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of the memory from /proc")
@pytest.mark.parametrize("layers", [1, 2])  # all outputs of the wide layer take 164 MB
def test_memory_of_the_process_is_bounded(backend, layers):
    if backend.name == "cupy":
        pytest.skip("the memory of a device is not that of the process")
    arguments = [sys.executable, "-c", MEASUREMENT, backend.name, str(layers)]
    found = subprocess.run(arguments, capture_output=True, text=True, check=True, timeout=120)
    assert int(found.stdout) < 60e6
