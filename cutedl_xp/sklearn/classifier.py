"""Classifier with scikit-learn's interface."""

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import _check_partial_fit_first_call, is_multilabel
from sklearn.utils.validation import column_or_1d

from cutedl_xp._familiar import OF_NETS, refuse_keywords
from cutedl_xp.backends import backend_of
from cutedl_xp.losses import BinaryCrossentropy, CategoricalCrossentropy, Loss, predict_proba
from cutedl_xp.sklearn import _arrays
from cutedl_xp.sklearn._base import BaseNet
from cutedl_xp.sklearn._rollback import attributes_restored
from cutedl_xp.sklearn._targets import check_no_balance, encode_classes, is_multi_label, one_column_each, weigh_classes


@refuse_keywords(OF_NETS)
class NetClassifier(ClassifierMixin, BaseNet):  # type: ignore[misc]  # scikit-learn has no types
    """Fully connected network for classification, trained with cross-entropy.

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
    class_weight
        Weight of each class, which multiplies the weights of its samples, as for
        ``sklearn.utils.class_weight.compute_sample_weight``; ``"balanced"`` gives all classes the same sum and raises
        ValueError in ``partial_fit``. The default None means equal weights.
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
        Whether ``fit`` starts from the weights of the last ``fit``, with a new optimizer; default False. The classes
        and ``hidden_layer_sizes`` must not change.
    random_state
        Seed of the weights, the shuffling, the dropout and the validation data, default None.
    verbose
        Whether to show a progress bar, which requires tqdm; default False.

    Attributes
    ----------
    classes_ : numpy.ndarray
        Classes of the targets; for multi-label targets the numbers of the columns.
    loss_ : float
        Last training loss, without the penalty.
    loss_curve_ : list[float]
        Training loss of each epoch, without the penalty.
    history_ : History
        Record of the last training.
    n_iter_
        Number of epochs of the last ``fit`` and of the calls of ``partial_fit`` after it.
    n_outputs_
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

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: str = "relu",
        optimizer: Any = "adam",
        learning_rate: float | None = None,
        batch_size: int = 64,
        epochs: int = 50,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        class_weight: Any = None,
        dropout: float = 0.0,
        alpha: float = 0.0,
        dtype: Any = None,
        backend: Any = None,
        device: str | None = None,
        warm_start: bool = False,
        random_state: Any = None,
        verbose: bool = False,
    ) -> None:
        super().__init__(
            hidden_layer_sizes=hidden_layer_sizes,
            activation=activation,
            optimizer=optimizer,
            learning_rate=learning_rate,
            batch_size=batch_size,
            epochs=epochs,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            n_iter_no_change=n_iter_no_change,
            dropout=dropout,
            alpha=alpha,
            dtype=dtype,
            backend=backend,
            device=device,
            warm_start=warm_start,
            random_state=random_state,
            verbose=verbose,
        )
        self.class_weight = class_weight

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Any:
        """Train for a further epoch; a call that fails or is interrupted leaves the estimator unchanged.

        Parameters
        ----------
        X, y, classes, sample_weight
            As for :meth:`fit`; ``classes`` are all classes, of shape ``(n_classes,)``, required for the first call.

        Returns
        -------
        object
            The fitted estimator itself.
        """
        check_no_balance(self.class_weight)
        with attributes_restored(self):
            if not is_multilabel(y):
                _check_partial_fit_first_call(self, classes)
            classes = None if classes is None else np.unique(_arrays.to_host(classes))
            return self._partial_fit(X, y, sample_weight, not hasattr(self, "_network"), classes)

    def predict(self, X: Any) -> Any:
        """Return the most probable class of each sample; for multi-label targets, 1 for a probability above 0.5.

        Parameters
        ----------
        X
            Samples, of shape ``(n_samples, n_features)``.
        """
        output, X = self._outputs_for(X, "predict")
        output = _arrays.to_host(output)
        if self._multi_label:
            return _arrays.like_samples((output > 0.0).astype(np.int64), X)
        numbers = (output[:, 0] > 0.0).astype(np.int64) if self.n_outputs_ == 1 else np.argmax(output, axis=1)
        classes = self.classes_[np.minimum(numbers, len(self.classes_) - 1)]
        return _arrays.like_samples(classes, X) if classes.dtype.kind in "biuf" else classes

    def predict_proba(self, X: Any) -> Any:
        """Return the probability of each class, or of each label for multi-label targets, in the order of ``classes_``.

        Parameters
        ----------
        X
            Samples, of shape ``(n_samples, n_features)``.
        """
        return self._probabilities(X, "predict_proba")

    def _probabilities(self, X: Any, method: str) -> Any:
        output, X = self._outputs_for(X, method)
        backend = backend_of(output)
        with backend.ignore_underflow():
            probability = predict_proba(output, self._network.session.loss)
        if self.n_outputs_ == 1 and not self._multi_label:
            probability = one_column_each(probability, len(self.classes_), backend.xp)
        return _arrays.like_samples(probability, X)

    def predict_log_proba(self, X: Any) -> Any:
        """Return the logarithm of :meth:`predict_proba`.

        Parameters
        ----------
        X
            Samples, of shape ``(n_samples, n_features)``.
        """
        probability = self._probabilities(X, "predict_log_proba")
        with np.errstate(divide="ignore"):
            return backend_of(probability).xp.log(probability)

    def _encode(self, y: Any, *, reset: bool, classes: Any = None) -> Any:
        if is_multi_label(y):
            return self._encode_labels(y, reset)
        y = column_or_1d(y, warn=True)
        if reset:
            self._multi_label, self.classes_ = False, np.unique(y) if classes is None else classes
            self.n_outputs_ = len(self.classes_) if len(self.classes_) > 2 else 1
        if self._multi_label:
            raise ValueError("`y` must have the columns of the first call; got one column")
        return encode_classes(y, self.classes_)

    def _encode_labels(self, y: Any, reset: bool) -> Any:
        if reset:
            self._multi_label, self.n_outputs_ = True, int(y.shape[1])
            self.classes_ = np.arange(self.n_outputs_)
        if not self._multi_label or y.shape[1] != self.n_outputs_:
            raise ValueError(f"`y` must have the kind and the columns of the first call; got shape {y.shape}")
        return y.astype(np.float64)

    def _make_loss(self) -> Loss:
        return CategoricalCrossentropy() if self._one_of_many() else BinaryCrossentropy()

    def _loss_unit(self) -> float:
        return 1.0 if self._one_of_many() else 1.0 / self.n_outputs_

    def _one_of_many(self) -> bool:
        return self.n_outputs_ > 1 and not self._multi_label

    def _weigh_classes(self, y: Any, sample_weight: Any) -> Any:
        known = () if self._multi_label else self.classes_
        return sample_weight if self.class_weight is None else weigh_classes(self.class_weight, y, known, sample_weight)

    def _classes_of(self, y: Any) -> Any:
        return None if self._multi_label else y[:, 0] if self.n_outputs_ == 1 else np.argmax(y, axis=1)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
