"""Classifier with scikit-learn's interface."""

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import (
    _check_partial_fit_first_call,
    check_classification_targets,
    is_multilabel,
    type_of_target,
)
from sklearn.utils.validation import column_or_1d

from cutedl_xp import _numerics
from cutedl_xp.backends import backend_of
from cutedl_xp.losses import BinaryCrossentropy, Loss, SparseCategoricalCrossentropy
from cutedl_xp.sklearn import _arrays
from cutedl_xp.sklearn._base import BaseNet


class NetClassifier(ClassifierMixin, BaseNet):  # type: ignore[misc]  # scikit-learn has no types
    """Fully connected network for classification, trained with cross-entropy.

    Parameters
    ----------
    hidden_layer_sizes : tuple of int
        Number of units of each hidden layer, default ``(100,)``; ``()`` gives a linear model.
    activation : str
        Activation of the hidden layers, default ``"relu"``. The names of scikit-learn and of
        :mod:`cutedl_xp.activations` are accepted.
    optimizer : str or Optimizer
        ``"adam"`` (default; beta2 is 0.999 as in scikit-learn), ``"adamw"``, ``"nadam"``, ``"radam"``, ``"adamax"``,
        ``"lion"``, ``"fixed"``, ``"momentum"``, ``"adagrad"``, ``"rmsprop"``, ``"adadelta"``, or an optimizer of
        :mod:`cutedl_xp.optimizers`, which is copied.
    learning_rate : float, optional
        Learning rate. The default None means 0.001 for Adam and its relatives, Lion and RMSProp, 0.05 for Fixed, 0.01
        for Momentum and Adagrad, 1 for Adadelta, and the rate of an optimizer object.
    batch_size : int
        Number of samples in a batch, default 64.
    epochs : int
        Number of epochs, default 50. Unlike scikit-learn's estimators, the training runs them all unless
        ``early_stopping`` ends it.
    early_stopping : bool
        Whether part of the training data validates the model, and the training stops when the validation loss has not
        decreased by more than 1e-4 for ``n_iter_no_change`` epochs; default False. The best weights are restored.
    validation_fraction : float
        Part of the training data for ``early_stopping``, default 0.1.
    n_iter_no_change : int
        Number of epochs to wait, default 10.
    dropout : float
        Probability to drop the output of a hidden unit in training, default 0.
    alpha : float
        Strength of the L2 penalty, default 0: alpha / 2 times the sum of squared weights, divided by the batch size, is
        added to the loss, in the units of scikit-learn's losses.
    dtype : str, optional
        ``"float32"`` or ``"float64"``. The default None keeps float32 samples and computes all others in float64.
    backend, device : str, optional
        As for :func:`cutedl_xp.get_backend`. By default the backend of the samples under scikit-learn's
        ``array_api_dispatch``, else NumPy.
    warm_start : bool
        Whether ``fit`` starts from the weights of the last one, with a new optimizer; default False.
    random_state : int or RandomState, optional
        Seed of the weights, the shuffling, the dropout and the validation data, default None.
    verbose : bool
        Whether a progress bar is shown, default False; needs tqdm.

    Attributes
    ----------
    classes_ : array
        Classes of the targets; the numbers of the columns for multi-label targets.
    loss_, loss_curve_ : float, list of float
        Last training loss, and the training loss of each epoch, both without the penalty.
    history_ : History
        Record of the last training.
    n_iter_ : int
        Number of finished epochs.
    n_outputs_ : int
        Number of outputs of the network: 1 for two classes.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from cutedl_xp.sklearn import NetClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> net = make_pipeline(StandardScaler(), NetClassifier(learning_rate=0.01, random_state=0))
    >>> net.fit(X, y).score(X, y) > 0.95
    True
    """

    def partial_fit(self, X: Any, y: Any, classes: Any = None) -> Any:
        """Train for one epoch more.

        Parameters
        ----------
        X, y
            As for :meth:`fit`.
        classes : array of shape (n_classes,)
            All classes; required by the first call, optional after it.

        Returns
        -------
        object
            The fitted estimator itself.
        """
        first = not hasattr(self, "_network")
        if not is_multilabel(y):
            _check_partial_fit_first_call(self, classes)
        return self._partial_fit(X, y, first, None if classes is None else np.unique(_arrays.to_host(classes)))

    def predict(self, X: Any) -> Any:
        """Return the most probable class of each sample; for multi-label targets 1 where the probability exceeds 0.5.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)
            Samples.
        """
        output, X = self._outputs_for(X, "predict")
        output = _arrays.to_host(output)
        if self._multi_label:
            return _arrays.like_samples((output > 0.0).astype(np.int64), X)
        numbers = (output[:, 0] > 0.0).astype(np.int64) if self.n_outputs_ == 1 else np.argmax(output, axis=1)
        classes = self.classes_[np.minimum(numbers, len(self.classes_) - 1)]
        return _arrays.like_samples(classes, X) if classes.dtype.kind in "biuf" else classes

    def predict_proba(self, X: Any) -> Any:
        """Return the probability of each class, in the order of ``classes_``; of each label for multi-label targets.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)
            Samples.
        """
        return self._probabilities(X, "predict_proba")

    def _probabilities(self, X: Any, method: str) -> Any:
        output, X = self._outputs_for(X, method)
        backend = backend_of(output)
        xp = backend.xp
        with backend.ignore_underflow():
            if self.n_outputs_ > 1 and not self._multi_label:
                _, powers = _numerics.exponentials(xp, output, xp.max(output, axis=1, keepdims=True))
                return _arrays.like_samples(powers / xp.sum(powers, axis=1, keepdims=True), X)
            probability = _numerics.sigmoid(xp, output)
        if self._multi_label:
            return _arrays.like_samples(probability, X)
        if len(self.classes_) == 1:
            return _arrays.like_samples(probability * 0.0 + 1.0, X)
        return _arrays.like_samples(xp.concat([1.0 - probability, probability], axis=1), X)

    def predict_log_proba(self, X: Any) -> Any:
        """Return the logarithm of :meth:`predict_proba`.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)
            Samples.
        """
        probability = self._probabilities(X, "predict_log_proba")
        with np.errstate(divide="ignore"):
            return backend_of(probability).xp.log(probability)

    def _encode(self, y: Any, *, reset: bool, classes: Any = None) -> Any:
        check_classification_targets(y)
        kind = type_of_target(y)
        if kind == "multiclass-multioutput":
            raise ValueError("`y` must have one column, or only zeros and ones; got several columns of classes")
        if kind == "multilabel-indicator":
            return self._encode_labels(y, reset)
        y = column_or_1d(y, warn=True)
        found = np.unique(y)
        if reset:
            self._multi_label = False
            self.classes_ = found if classes is None else classes
            self.n_outputs_ = len(self.classes_) if len(self.classes_) > 2 else 1
        unknown = np.setdiff1d(found, self.classes_)
        if self._multi_label or unknown.size:
            raise ValueError(f"`y` must hold the classes {self.classes_.tolist()}; got {found.tolist()}")
        numbers = np.searchsorted(self.classes_, y)
        return numbers.astype(np.float64)[:, None] if self.n_outputs_ == 1 else numbers

    def _encode_labels(self, y: Any, reset: bool) -> Any:
        if reset:
            self._multi_label, self.n_outputs_ = True, int(y.shape[1])
            self.classes_ = np.arange(self.n_outputs_)
        if not self._multi_label or y.shape[1] != self.n_outputs_:
            raise ValueError(f"`y` must have the kind and the columns of the first call; got shape {y.shape}")
        return y.astype(np.float64)

    def _make_loss(self) -> tuple[Loss, float]:
        if self.n_outputs_ > 1 and not self._multi_label:
            return SparseCategoricalCrossentropy(), 1.0
        return BinaryCrossentropy(), 1.0 / self.n_outputs_

    def _stratify(self, y: Any) -> Any:
        return None if self._multi_label else y

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
