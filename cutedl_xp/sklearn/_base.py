"""Training that both estimators share."""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from cutedl_xp import _checks
from cutedl_xp.backends import backend_of, dtype_name
from cutedl_xp.datasets import Dataset
from cutedl_xp.listeners import EarlyStopping, Progress
from cutedl_xp.losses import Loss
from cutedl_xp.sklearn import _arrays, _parameters
from cutedl_xp.sklearn._network import Network, NetworkSpec
from cutedl_xp.training.history import History

_LARGEST_SEED = 2**31 - 1
_MIN_DELTA = 1e-4


class BaseNet(BaseEstimator, ABC):  # type: ignore[misc]  # scikit-learn has no types
    """Base class of the estimators: everything but the meaning of the targets."""

    n_outputs_: int
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
        """Return the labels of the loss, after setting the attributes of the targets if ``reset``."""

    @abstractmethod
    def _make_loss(self) -> tuple[Loss, float]:
        """Return the loss, and its gradient in units of scikit-learn's."""

    def _stratify(self, y: Any) -> Any:
        """Return the classes that the validation data must have in the same proportions, or None."""
        return None

    def _weigh_classes(self, y: Any, sample_weight: Any) -> Any:
        """Return the weights of the samples, multiplied by those of their classes; None if all count alike."""
        return sample_weight

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Train for ``epochs`` epochs.

        Parameters
        ----------
        X
            Samples, of shape ``(n_samples, n_features)``.
        y
            Targets, of shape ``(n_samples,) or (n_samples, n_outputs)``.
        sample_weight
            Of shape ``(n_samples,)``. Weights of the samples: finite, at least 0, not all 0. A weight of 2 equals a
            sample given twice. The default None counts all samples alike.

        Returns
        -------
        object
            The fitted estimator itself.
        """
        go_on = bool(self.warm_start) and hasattr(self, "_network")
        X, y = self._validate(X, y, reset=not go_on)
        labels, sample_weight = self._encode(y, reset=not go_on), self._check_weights(y, sample_weight)
        seed = self._draw_seed()
        weights = self._network.model.weights() if go_on else None
        self._network = self._make_network(X, sample_weight, seed)
        if weights is not None:
            self._network.model.set_weights(weights)
        if not go_on:
            self.loss_curve_: list[float] = []
        epochs = _checks.check_integer("epochs", self.epochs, at_least=1)
        self._train(X, labels, sample_weight, epochs, self.early_stopping)
        return self

    def _partial_fit(self, X: Any, y: Any, sample_weight: Any, first: bool, classes: Any = None) -> Any:
        X, y = self._validate(X, y, reset=first)
        labels = self._encode(y, reset=first, classes=classes)
        sample_weight = self._check_weights(y, sample_weight)
        if first:
            self._network = self._make_network(X, sample_weight, self._draw_seed())
            self.loss_curve_ = []
        self._train(X, labels, sample_weight, 1, False)
        return self

    def _validate(self, X: Any, y: Any, *, reset: bool) -> tuple[Any, Any]:
        dtypes = _arrays.accepted_dtypes(X, self.dtype)
        checked: tuple[Any, Any] = validate_data(
            self, X, y, dtype=dtypes, reset=reset, multi_output=True, y_numeric=self._numeric_targets
        )
        self._sample_backend = backend_of(checked[0])
        return checked[0], _arrays.to_host(checked[1])

    def _check_weights(self, y: Any, sample_weight: Any) -> Any:
        """Return the weights of the samples, with those of their classes, on the host; None if all count alike."""
        if sample_weight is not None:
            sample_weight = _check_sample_weight(_arrays.to_host(sample_weight), y, ensure_non_negative=True)
        return self._weigh_classes(y, sample_weight)

    _numeric_targets = False

    def _draw_seed(self) -> int:
        return int(check_random_state(self.random_state).randint(_LARGEST_SEED))

    def _make_network(self, X: Any, sample_weight: Any, seed: int) -> Network:
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
            seed=seed,
        )
        loss, scale = self._make_loss()
        samples = min(self._checked_batch_size(), int(X.shape[0]))
        if sample_weight is not None:
            samples *= np.mean(sample_weight)  # the mean sum of a batch, which divides the penalty in scikit-learn too
        damping = _checks.check_not_negative("alpha", self.alpha) * scale / samples
        return Network(spec, loss, _parameters.make_optimizer(self.optimizer, self.learning_rate), damping)

    def _checked_batch_size(self) -> int:
        return _checks.check_integer("batch_size", self.batch_size, at_least=1)

    def _train(self, X: Any, labels: Any, weights: Any, epochs: int, early_stopping: Any) -> None:
        session, val_data = self._network.session, None
        samples = _arrays.on_backend(X, session.backend)
        listeners: list[Any] = [Progress()] if self.verbose else []
        if _checks.check_boolean("early_stopping", early_stopping):
            patience = _checks.check_integer("n_iter_no_change", self.n_iter_no_change, at_least=1)
            listeners.append(EarlyStopping(patience=patience, min_delta=_MIN_DELTA, restore_best=True))
            train, val_data = self._split(samples, labels, weights)
        else:
            train = self._dataset(samples, labels, weights)
        self.history_: History = session.fit(train, epochs, val_data, listeners=listeners, verbose=False)
        for listener in listeners:
            if isinstance(listener, EarlyStopping):  # which restores the best weights only if it ends the training
                session.model.set_weights(listener.state_dict()["best_weights"])
        self.loss_curve_ += self.history_.loss
        self.loss_ = self.loss_curve_[-1]
        self.n_iter_ = session.epoch

    def _split(self, samples: Any, labels: Any, weights: Any) -> tuple[Dataset, Dataset]:
        """Return the training data and the validation data."""
        fraction = _checks.check_fraction("validation_fraction", self.validation_fraction)
        seed, backend = self._network.spec.seed, backend_of(samples)
        parts = train_test_split(
            np.arange(labels.shape[0]), test_size=fraction, random_state=seed, stratify=self._stratify(labels)
        )
        train, val = (
            self._dataset(
                backend.xp.take(samples, backend.asarray(rows), axis=0),
                labels[rows],
                None if weights is None else weights[rows],
            )
            for rows in parts
        )
        return train, val

    def _dataset(self, samples: Any, labels: Any, weights: Any) -> Dataset:
        seed = self._network.spec.seed
        return Dataset(samples, labels, batch_size=self._checked_batch_size(), seed=seed, sample_weight=weights)

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
        """The trained :class:`cutedl_xp.Model`."""
        check_is_fitted(self)
        return self._network.model

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_network") and hasattr(self, "history_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.array_api_support = True
        return tags
