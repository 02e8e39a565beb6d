"""Thinc on NumPy, with the loop of its documentation."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import thinc.api as thinc

from benchmarks import data
from benchmarks.work import Work


def step(widths: Sequence[int], batch_size: int) -> Work:
    """Return Thinc's Adam without clipping, decay and averages, which the others do not have."""
    images, labels = data.float_images(widths[0]), data.one_hot(widths[-1])
    *hidden, last = pairwise(widths)
    layers: list[Any] = [thinc.Relu(units, inputs) for inputs, units in hidden] + [thinc.Softmax(last[1], last[0])]
    model = thinc.chain(*layers) if hidden else layers[0]
    model.initialize()
    loss = thinc.CategoricalCrossentropy()
    adam = thinc.Adam(data.LEARNING_RATE, beta1=data.BETA1, beta2=data.BETA2, L2=0.0, grad_clip=0.0, use_averages=False)

    def batches() -> Iterator[Any]:
        while True:
            yield from model.ops.multibatch(batch_size, images, labels, shuffle=True)

    endless = batches()

    def run() -> None:
        x, y = next(endless)
        output, backpropagate = model.begin_update(x)
        backpropagate(loss.get_grad(output, y))
        model.finish_update(adam)

    return Work(run)
