"""BatchNormalization: running statistics and invalid batches; test_normalization.py tests its gradients."""

import numpy as np
import pytest

from cutedl_xp import Dataset, Model, Session
from cutedl_xp.layers import BatchNormalization, Dense
from cutedl_xp.losses import Mse
from cutedl_xp.optimizers import Adam, Fixed


def assembled(backend, **options):
    return Model([BatchNormalization(input_dim=3, **options)]).assemble(backend, "float64")


def batch(seed, *lead):
    return np.random.default_rng(seed).normal(5.0, 2.0, (*lead, 3))


@pytest.mark.parametrize("lead", [(6,), (2, 3)], ids=str)
@pytest.mark.parametrize("momentum", [0.1, 0.5, 1.0])
def test_each_training_batch_renews_the_running_statistics(backend, to_numpy, lead, momentum):
    model = assembled(backend, momentum=momentum)
    mean, variance = np.zeros(3), np.ones(3)
    for seed in range(3):
        x = batch(seed, *lead)
        model.forward(backend.asarray(x), training=True)
        rows = x.reshape(-1, 3)
        mean = (1 - momentum) * mean + momentum * rows.mean(axis=0)
        variance = (1 - momentum) * variance + momentum * rows.var(axis=0, ddof=1)
    found = [to_numpy(buffer.value) for buffer in model.buffers]
    np.testing.assert_allclose(found[0], mean, rtol=1e-12)
    np.testing.assert_allclose(found[1], variance, rtol=1e-12)


def test_outside_training_the_running_statistics_are_used_and_kept(backend, to_numpy, unchanged):
    model = assembled(backend, eps=0.1)
    mean, variance = model.buffers
    mean.value, variance.value = np.array([1.0, 2.0, 3.0]), np.array([4.0, 1.0, 0.0])
    x = batch(0, 1)
    with unchanged(mean.value, variance.value):
        y = to_numpy(model.predict(x))
    wanted = (x - [1.0, 2.0, 3.0]) / np.sqrt(np.array([4.0, 1.0, 0.0]) + 0.1)
    np.testing.assert_allclose(y, wanted, rtol=1e-12)


def test_before_a_training_they_change_nothing_but_eps(backend, to_numpy):
    x = batch(0, 4)
    np.testing.assert_allclose(to_numpy(assembled(backend).predict(x)), x, rtol=1e-5)


def test_a_backward_belongs_to_its_own_batch(backend, to_numpy):
    one, other, upstream = (backend.asarray(batch(seed, 4)) for seed in range(3))
    found = []
    for between in (False, True):
        model = assembled(backend)
        _, backward = model.forward(one, training=False)
        if between:
            model.forward(other, training=True)
        found.append(to_numpy(backward(upstream, input_gradient=True)).copy())
    np.testing.assert_array_equal(*found)


def test_the_statistics_are_buffers_and_no_parameters(backend):
    model = Model([Dense(3, input_dim=2), BatchNormalization()]).assemble(backend)
    assert [buffer.name for buffer in model.buffers] == [
        "/2-BatchNormalization/running_mean", "/2-BatchNormalization/running_variance",
    ]  # fmt: skip
    assert len(model.parameters) == 4
    assert [str(line).split() for line in model.summary().splitlines()[1:]] == [
        ["1-Dense", "(3,)", "9"], ["2-BatchNormalization", "(3,)", "6"], ["total", "15"], ["not", "trained", "6"],
    ]  # fmt: skip


@pytest.mark.parametrize("shape", [(1, 3), (1, 1, 3), (0, 3)])
def test_a_training_batch_with_one_value_for_each_feature_is_refused(backend, shape):
    model = assembled(backend)
    before = model.weights()
    x = backend.asarray(np.ones(shape))
    with pytest.raises(ValueError, match=r"BatchNormalization\(.*\) needs two values for each feature .*_remainder"):
        model.forward(x, training=True)
    assert all(np.array_equal(before[name], array) for name, array in model.weights().items())
    assert model.predict(x).shape == shape


@pytest.mark.parametrize("options", [{"batch_size": 4}, {"batch_size": 1}, {"batch_size": 1, "drop_remainder": True}])
def test_data_that_leave_one_sample_for_a_batch_are_refused_before_the_first_step(backend, options):
    model = Model([Dense(4, input_dim=3), BatchNormalization(), Dense(1, activation="linear")]).assemble(backend)
    session = Session(model, loss=Mse(), optimizer=Fixed(0.1))
    x, y = np.ones((9, 3)), np.ones((9, 1))
    with pytest.raises(ValueError, match="`train` does not fit: BatchNormalization"):
        session.fit(Dataset(x, y, **options), epochs=1)
    assert session.step == 0
    for whole in ({"batch_size": 4, "drop_remainder": True}, {"batch_size": 3}):
        session.fit(Dataset(x, y, **whole), epochs=1, val_data=Dataset(x, y, batch_size=1))


def test_batches_of_a_function_with_one_sample_are_refused_by_their_place(backend):
    model = Model([BatchNormalization(input_dim=3), Dense(1, activation="linear")]).assemble(backend)
    session = Session(model, loss=Mse(), optimizer=Fixed(0.1))
    whole, single = (np.ones((4, 3)), np.ones((4, 1))), (np.ones((1, 3)), np.ones((1, 1)))
    for batches, where, steps in (([single, whole], "the first batch", 0), ([whole, single], "batch 1 of epoch 0", 1)):
        with pytest.raises(ValueError, match=f"{where} does not fit: BatchNormalization"):
            session.fit(Dataset.from_batches(batches, 2), epochs=1)
        assert session.step == steps


def test_one_sample_of_several_places_is_taken(backend):
    model = Model([Dense(4, input_dim=3), BatchNormalization(), Dense(1, activation="linear")]).assemble(backend)
    session = Session(model, loss=Mse(), optimizer=Fixed(0.1))
    session.fit(Dataset(np.ones((3, 2, 3)), np.ones((3, 2, 1)), batch_size=2), epochs=1)
    assert session.step == 2


def test_weights_of_samples_do_not_change_the_statistics(backend):
    x, y = batch(0, 8), batch(1, 8)[:, :1]
    found = []
    for weights in (None, np.arange(8.0)):
        model = Model([BatchNormalization(input_dim=3), Dense(1, activation="linear")]).assemble(backend, "float64")
        session = Session(model, loss=Mse(), optimizer=Adam())
        session.fit(Dataset(x, y, sample_weight=weights), epochs=2)
        found.append(model.weights())
    for buffer in model.buffers:
        np.testing.assert_allclose(found[0][buffer.name], found[1][buffer.name], rtol=1e-12)
    assert not np.array_equal(found[0]["/2-Dense/weight"], found[1]["/2-Dense/weight"])


def test_it_trains_what_a_layer_without_it_cannot(backend, clusters):
    x, classes = clusters
    far = Dataset(1e4 * x + 1e6, (classes == 0).astype("float32"), batch_size=50)
    losses = []
    for layers in ([BatchNormalization(input_dim=2)], []):
        model = Model([*layers, Dense(8, 2, "tanh"), Dense(1, None, "linear")]).assemble(backend, seed=1)
        session = Session(model, loss=Mse(), optimizer=Adam(0.02))
        session.fit(far, epochs=30)
        losses.append(session.evaluate(far)["loss"])
    assert losses[0] < 0.05 < losses[1]


@pytest.mark.parametrize("momentum", [0.0, 1.5, -0.1])
def test_a_momentum_beyond_0_to_1_is_refused(momentum):
    with pytest.raises(ValueError, match="`momentum` must be greater than 0 and at most 1; got"):
        BatchNormalization(momentum=momentum)
