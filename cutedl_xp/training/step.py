"""Training step: one update of a model from one batch."""

from collections.abc import Callable, Sequence

from cutedl_xp._typing import Array
from cutedl_xp.losses import Loss
from cutedl_xp.losses._loss import share_of
from cutedl_xp.model import Model
from cutedl_xp.optimizers import Optimizer
from cutedl_xp.regularizers import Regularizer


class TrainingStep:
    """Update a model from one batch: forward, loss, backward, regularizers, optimizer.

    ``Session.fit``, the backend comparison and the self test all train with this step.

    Parameters
    ----------
    model
        Assembled model to train.
    loss
        Loss to minimize.
    optimizer
        Optimizer that is attached to the model's parameters or not attached yet.
    regularizers
        Penalties whose gradients are added in their order; default ``()``.
    look
        Function that is called between the gradients and the update; default None.

    Examples
    --------
    >>> import numpy as np
    >>> import cutedl_xp as cdl
    >>> from cutedl_xp.training.step import TrainingStep
    >>> model = cdl.Model([cdl.layers.Dense(1, input_dim=1, activation="linear", weight_initializer="zeros")])
    >>> step = TrainingStep(model.assemble("numpy"), cdl.losses.Mse(), cdl.optimizers.Fixed(lr=0.5))
    >>> x = np.ones((4, 1), dtype="float32")
    >>> float(step(x, x)), float(model.predict(x)[0, 0])
    (1.0, 2.0)
    """

    def __init__(
        self,
        model: Model,
        loss: Loss,
        optimizer: Optimizer,
        regularizers: Sequence[Regularizer] = (),
        look: Callable[[], object] | None = None,
    ) -> None:
        self._model, self._loss, self._optimizer = model, loss, optimizer
        self._add_penalties = [regularizer.bind(model.parameters) for regularizer in regularizers]
        self._look = look
        self._checked = False  # the first step checks the layers

    def __call__(self, x: Array, y: Array, weight: Array | None = None) -> Array:
        """Update the model and return the loss before the update, a 0-d array that stays on the device.

        Parameters
        ----------
        x
            Samples of the model's backend and dtype.
        y
            Labels of the samples.
        weight
            Weights of the samples, of the model's backend and dtype; default None for equal weights.

        Raises
        ------
        ValueError
            If the labels do not have the shape that the output requires, or, at the first step, a backward function of
            a layer sets or returns a wrong gradient.
        """
        with self._model.buffers.updating():
            value = self.compute_gradients(x, y, weight)
            if self._look is not None:
                self._look()
            self._optimizer.step(self._model.parameters)
        return value

    def compute_gradients(self, x: Array, y: Array, weight: Array | None = None) -> Array:
        """Set the gradients of all parameters, including the penalties, and return the loss of a batch.

        Parameters
        ----------
        x, y, weight
            Samples, labels and weights of the batch.

        Returns
        -------
        array
            Loss without the penalties, a 0-d array.
        """
        if self._checked:
            return self._compute_gradients(x, y, weight)
        with self._model.checking_layers():
            value = self._compute_gradients(x, y, weight)
        self._checked = True
        return value

    def _compute_gradients(self, x: Array, y: Array, weight: Array | None) -> Array:
        output, backward = self._model.forward(x, training=True)
        y = self._loss.expand_labels(y, tuple(output.shape))
        self._loss.check_shape(tuple(y.shape), tuple(output.shape))
        backend = self._model.backend
        if weight is None:
            value, gradient = self._loss.value_and_gradient(backend, y, output)
        else:
            share = share_of(backend, weight)
            value, gradient = self._loss.weighted_value_and_gradient(backend, y, output, share)
        backward(gradient)
        for add_penalty in self._add_penalties:
            add_penalty()
        return value
