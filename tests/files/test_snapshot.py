"""A model can be saved while another thread trains it: the file has a mixture of values, and can be loaded."""

import threading

import numpy as np

from cutedl_xp import Model
from cutedl_xp.layers import Dense


def test_a_model_that_changes_while_it_is_saved(path):
    model = Model([Dense(100, input_dim=2000)]).assemble("numpy", seed=0)
    values, stop = model.parameters.flat.value, threading.Event()

    def train():
        while not stop.is_set():
            values[...] += np.float32(1)

    thread = threading.Thread(target=train)
    thread.start()
    try:
        for _ in range(20):
            model.save(path)
            assert Model.load(path).parameters.flat.value.shape == values.shape
    finally:
        stop.set()
        thread.join()
