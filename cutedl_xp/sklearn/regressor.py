"""Regressor with scikit-learn's interface."""

from typing import Any

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils.validation import column_or_1d

from cutedl_xp._familiar import OF_NETS, refuse_keywords
from cutedl_xp.losses import Loss, Mse
from cutedl_xp.sklearn import _arrays
from cutedl_xp.sklearn._base import BaseNet
from cutedl_xp.sklearn._rollback import attributes_restored


@refuse_keywords(OF_NETS)
class NetRegressor(RegressorMixin, BaseNet):  # type: ignore[misc]  # scikit-learn has no types
    """Fully connected network for regression, trained with the mean squared error.

    Parameters
    ----------
    hidden_layer_sizes
        Number of units of each hidden layer, default ``(100,)``; ``()`` gives a linear model.
    activation
        Activation of the hidden layers, default ``"relu"``; a name of scikit-learn or :mod:`cutedl_xp.activations`.
    optimizer
        ``"adam"`` (default; beta2 is 0.999 as in scikit-learn), ``"adamw"``, ``"nadam"``, ``"radam"``, ``"adamax"``,
        ``"lion"``, ``"fixed"``, ``"momentum"``, ``"adagrad"``, ``"rmsprop"``, ``"adadelta"``, or an optimizer of
        :mod:`cutedl_xp.optimizers`, which is copied.
    learning_rate
        Learning rate. The default None means 0.001 for Adam and its relatives, Lion and RMSProp, 0.05 for Fixed, 0.01
        for Momentum and Adagrad, 1 for Adadelta, and the rate of an optimizer object.
    batch_size
        Number of samples in a batch, default 64.
    epochs
        Number of epochs, default 50. Unlike scikit-learn's estimators, the training runs them all unless
        ``early_stopping`` ends it.
    early_stopping
        Whether part of the training data validates the model, and the training stops when the validation loss has not
        decreased by more than 1e-4 for ``n_iter_no_change`` epochs; default False. The best weights are restored.
    validation_fraction
        Fraction of the training data for ``early_stopping``, default 0.1.
    n_iter_no_change
        Number of epochs to wait, default 10.
    dropout
        Fraction of the outputs of hidden units to drop in training, default 0. The layer ``Dropout`` takes the fraction
        to keep.
    alpha
        Strength of the L2 penalty, default 0: alpha / 2 times the sum of squared weights, divided by the batch size, is
        added to the loss, in the units of scikit-learn's losses. With weights of samples, the mean of their sum in a
        batch replaces the batch size. Each call of ``partial_fit`` divides by the size of its own batches.
    dtype
        ``"float32"`` or ``"float64"``. The default None keeps float32 samples and computes all others in float64.
    backend, device
        As for :func:`cutedl_xp.get_backend`. By default the backend of the samples under scikit-learn's
        ``array_api_dispatch``, else NumPy.
    warm_start
        Whether ``fit`` starts from the weights of the last ``fit``, with a new optimizer; default False. The number of
        targets and ``hidden_layer_sizes`` must not change.
    random_state
        Seed of the weights, the shuffling, the dropout and the validation data, default None.
    verbose
        Whether to show a progress bar, which requires tqdm; default False.

    Attributes
    ----------
    loss_ : float
        Last mean squared error of the training data, without the penalty.
    loss_curve_ : list[float]
        Mean squared error of the training data for each epoch, without the penalty.
    history_ : History
        Record of the last training.
    n_iter_
        Number of epochs of the last ``fit`` and of the calls of ``partial_fit`` after it.
    n_outputs_
        Number of targets.

    Examples
    --------
    >>> from sklearn.datasets import make_regression
    >>> from cutedl_xp.sklearn import NetRegressor
    >>> X, y = make_regression(n_features=4, random_state=0)
    >>> net = NetRegressor(learning_rate=0.01, random_state=0).fit(X, y / y.std())
    >>> net.score(X, y / y.std()) > 0.95
    True
    """

    _numeric_targets = True

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Train for a further epoch; a call that fails or is interrupted leaves the estimator unchanged.

        Parameters
        ----------
        X, y, sample_weight
            As for :meth:`fit`.

        Returns
        -------
        object
            The fitted estimator itself.
        """
        with attributes_restored(self):
            return self._partial_fit(X, y, sample_weight, not hasattr(self, "_network"))

    def predict(self, X: Any) -> Any:
        """Return the predicted targets, with the number of axes of the targets in ``fit``.

        Parameters
        ----------
        X
            Samples, of shape ``(n_samples, n_features)``.
        """
        output, X = self._outputs_for(X, "predict")
        return _arrays.like_samples(output[:, 0] if self._one_dimensional else output, X)

    def _encode(self, y: Any, *, reset: bool, classes: Any = None) -> Any:
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        columns = 1 if y.ndim == 1 else int(y.shape[1])
        if reset:
            self.n_outputs_, self._one_dimensional = columns, y.ndim == 1
        if columns != self.n_outputs_:
            raise ValueError(f"`y` must have {self.n_outputs_} columns, as in the first call; got {columns}")
        return y.astype(np.float64).reshape(-1, columns)

    def _make_loss(self) -> Loss:
        return Mse()

    def _loss_unit(self) -> float:
        return 2.0 / self.n_outputs_

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
