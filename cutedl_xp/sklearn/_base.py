"""Common base class of the estimators."""

from abc import ABC, abstractmethod
from contextlib import nullcontext
from numbers import Number
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from cutedl_xp import _checks
from cutedl_xp.backends import backend_of, dtype_name
from cutedl_xp.datasets import Dataset
from cutedl_xp.listeners import EarlyStopping
from cutedl_xp.losses import Loss
from cutedl_xp.sklearn import _arrays, _parameters
from cutedl_xp.sklearn._network import Network, NetworkSpec
from cutedl_xp.sklearn._rollback import attributes_restored, training_restored
from cutedl_xp.sklearn._validation import split_samples
from cutedl_xp.training.history import History

_LARGEST_SEED = 2**31 - 1
_MIN_DELTA = 1e-4


class BaseNet(BaseEstimator, ABC):  # type: ignore[misc]  # scikit-learn has no types
    """Base class of the estimators, without the encoding of the targets."""

    n_outputs_: int
    history_: History
    loss_curve_: list[float]
    _network: Network

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
        dropout: float = 0.0,
        alpha: float = 0.0,
        dtype: Any = None,
        backend: Any = None,
        device: str | None = None,
        warm_start: bool = False,
        random_state: Any = None,
        verbose: bool = False,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.epochs = epochs
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.dropout = dropout
        self.alpha = alpha
        self.dtype = dtype
        self.backend = backend
        self.device = device
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    @abstractmethod
    def _encode(self, y: Any, *, reset: bool, classes: Any = None) -> Any:
        """Return the labels for the loss; with ``reset`` set the attributes of the targets first."""

    @abstractmethod
    def _make_loss(self) -> Loss:
        """Return the loss."""

    @abstractmethod
    def _loss_unit(self) -> float:
        """Return the ratio of the gradients of this loss and of scikit-learn's loss."""

    def _classes_of(self, labels: Any) -> Any:
        """Return the class of each sample, or None for samples without a single class."""
        return None

    def _weigh_classes(self, y: Any, sample_weight: Any) -> Any:
        """Return the weights of the samples multiplied by the weights of their classes, or None without weights."""
        return sample_weight

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Train for ``epochs`` epochs. A call that fails or is interrupted by Ctrl-C leaves the estimator unchanged.

        Parameters
        ----------
        X
            Samples, of shape ``(n_samples, n_features)``.
        y
            Targets, of shape ``(n_samples,) or (n_samples, n_outputs)``.
        sample_weight
            Weights of the samples, of shape ``(n_samples,)``: finite, at least 0, not all 0. A weight of 2 equals a
            sample given twice. The default None means equal weights.

        Returns
        -------
        object
            The fitted estimator itself.
        """
        go_on = _parameters.check_flag("warm_start", self.warm_start) and hasattr(self, "_network")
        with attributes_restored(self):
            X, y = self._validate(X, y, reset=not go_on)
            labels, sample_weight = self._encode(y, reset=not go_on), self._check_weights(y, sample_weight)
            network = self._make_network(X)
            if go_on:
                network.copy_weights(self._network)
            epochs = _checks.check_integer("epochs", self.epochs, at_least=1)
            self._train(network, X, labels, sample_weight, epochs, self.loss_curve_ if go_on else [])
        return self

    def _partial_fit(self, X: Any, y: Any, sample_weight: Any, first: bool, classes: Any = None) -> Any:
        """Train for a further epoch; the caller restores the attributes after a failure."""
        if self.early_stopping:
            raise ValueError("`early_stopping` must be False for partial_fit(), which trains for one epoch; got True")
        X, y = self._validate(X, y, reset=first)
        labels = self._encode(y, reset=first, classes=classes)
        sample_weight = self._check_weights(y, sample_weight)
        network = self._make_network(X) if first else self._network
        with nullcontext() if first else training_restored(network.session):  # a failed first network is dropped
            self._train(network, X, labels, sample_weight, 1, [] if first else self.loss_curve_)
        return self

    def _validate(self, X: Any, y: Any, *, reset: bool) -> tuple[Any, Any]:
        dtypes = _arrays.accepted_dtypes(X, self.dtype)
        y = y.toarray() if issparse(y) else y  # labels of several columns
        checked: tuple[Any, Any] = validate_data(
            self, X, y, dtype=dtypes, reset=reset, multi_output=True, y_numeric=self._numeric_targets
        )
        self._sample_backend = backend_of(checked[0])
        return checked[0], _arrays.to_host(checked[1])

    def _check_weights(self, y: Any, sample_weight: Any) -> Any:
        """Return the weights of samples times the weights of their classes, on the host, or None without weights."""
        if sample_weight is not None:
            if not isinstance(sample_weight, Number):
                sample_weight = _arrays.to_host(sample_weight)
            sample_weight = _check_sample_weight(sample_weight, y, ensure_non_negative=True)
        return self._weigh_classes(y, sample_weight)

    _numeric_targets = False

    def _draw_seed(self) -> int:
        return int(check_random_state(self.random_state).randint(_LARGEST_SEED))

    def _make_network(self, X: Any) -> Network:
        backend = _arrays.choose_backend(self.backend, self.device, X)
        dropout = _checks.check_not_negative("dropout", self.dropout)
        if dropout >= 1.0:
            raise ValueError(f"`dropout` must be less than 1; got {self.dropout!r}")
        name = dtype_name(X.dtype if self.dtype is None else self.dtype)
        spec = NetworkSpec(
            inputs=int(X.shape[1]),
            hidden=_parameters.check_hidden(self.hidden_layer_sizes),
            outputs=self.n_outputs_,
            activation=_parameters.library_activation(self.activation),
            dropout=dropout,
            dtype=self.dtype if isinstance(self.dtype, str) else name,
            backend=backend,
            seed=self._draw_seed(),
        )
        return Network(spec, self._make_loss(), _parameters.make_optimizer(self.optimizer, self.learning_rate))

    def _train(self, network: Network, X: Any, labels: Any, weights: Any, epochs: int, loss_curve: list[float]) -> None:
        """Train a network, and keep it after the training; ``loss_curve`` has the losses of earlier epochs."""
        session, seed = network.session, network.spec.seed
        parts = [(_arrays.on_backend(X, session.backend), labels, weights)]
        listeners: list[Any] = []
        if _parameters.check_flag("early_stopping", self.early_stopping):
            fraction = _checks.check_fraction("validation_fraction", self.validation_fraction)
            patience = _checks.check_integer("n_iter_no_change", self.n_iter_no_change, at_least=1)
            listeners = [EarlyStopping(patience=patience, min_delta=_MIN_DELTA, restore_best=True)]
            parts = split_samples(*parts[0], fraction, self._classes_of(labels), seed)
        size = _checks.check_integer("batch_size", self.batch_size, at_least=1)
        train, *val = [Dataset(x, y, batch_size=size, seed=seed, sample_weight=w) for x, y, w in parts]
        network.set_penalty(self._damping(min(size, len(parts[0][1])), parts[0][2]))
        val_data = val[0] if val else None
        history = session.fit(train, epochs, val_data, listeners=listeners, verbose=bool(self.verbose))
        for listener in listeners:  # EarlyStopping restores the best weights only if it ends the training
            session.model.set_weights(_best_weights(listener, history))
        self._network, self.history_ = network, history
        self.loss_curve_ = loss_curve + history.loss
        self.loss_ = self.loss_curve_[-1]
        self.n_iter_ = session.epoch

    def _damping(self, batch_size: int, weights: Any) -> float:
        """Return the factor of the weights in the gradient of the penalty, divided as in scikit-learn."""
        total = batch_size if weights is None else batch_size * float(np.mean(weights))  # mean weight of a batch
        return _checks.check_not_negative("alpha", self.alpha) * self._loss_unit() / total

    def _outputs_for(self, X: Any, method: str) -> tuple[Any, Any]:
        """Return the outputs of the model for samples, and the samples after scikit-learn's checks."""
        check_is_fitted(self)
        dtypes = _arrays.accepted_dtypes(X, self.dtype)
        X = validate_data(self, X, dtype=dtypes, reset=False)
        _arrays.check_same_library(X, self._sample_backend, f"{type(self).__name__}.{method}")
        model = self._network.model
        return model.predict(_arrays.on_backend(X, model.backend)), X

    @property
    def model_(self) -> Any:
        """Trained :class:`cutedl_xp.Model`."""
        check_is_fitted(self)
        return self._network.model

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_network") and hasattr(self, "history_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.array_api_support = True
        return tags


def _best_weights(listener: EarlyStopping, history: History) -> Any:
    """Return the weights of the smallest validation loss; raise if no validation loss was finite."""
    best = listener.state_dict()["best_weights"]
    if not best:
        raise ValueError(
            f"the training must give a finite validation loss for `early_stopping`, but diverged from the start; "
            f"got {history.val_loss[0]}: set a smaller `learning_rate`"
        )
    return best
