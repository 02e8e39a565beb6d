"""Settings that all runs of a study share."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from cutedl_xp import _checks
from cutedl_xp.activations import ACTIVATIONS
from cutedl_xp.initializers import INITIALIZERS
from cutedl_xp.studies import schedule_text

_DTYPES = ("float32", "float64")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings that all runs of a study share.

    Parameters
    ----------
    activation
        Activation of the hidden layers, default ``"relu"``.
    output_activation
        Activation of the last layer, whose outputs are the logits of the loss; default ``"linear"``. The article's
        model has ``"relu"``.
    initializer
        Initializer of the weights, default ``"uniform"``, which draws from [-0.1, 0.1). The initial biases are 0.
    batch_size
        Number of samples in a batch, default 64, at least 1.
    epochs
        Largest number of epochs, default 10, at least 1; a stop rule may end the run earlier.
    validation
        Fraction of the training samples for the validation, default 0.1, between 0 and 1; the same samples in every
        run. Or ``"test"`` to validate on the test samples, as in the article.
    schedule
        Schedule of the learning rate of all optimizers, such as ``"cosine"``; default None for a constant rate.
    patience
        Number of validations without a smaller validation loss after which a run stops; default 0 for no such stop.
    min_delta
        Decrease of the validation loss that counts for ``patience``, default 0.001, at least 0.
    target
        Validation accuracy, between 0 and 1, whose steps and seconds are reported; default None.
    target_times
        Number of validations in a row above ``target`` after which a run stops; default 0 for no such stop.
    target_column
        Column of a CSV file that holds the classes; default None for the last column.
    dtype
        ``"float32"``, the default, or ``"float64"``.
    backend, device
        Arguments of :func:`cutedl_xp.get_backend`, at most one of them. The default is the backend ``"numpy"``.

    Raises
    ------
    TypeError, ValueError
        If a value has another type or is out of range.

    Examples
    --------
    >>> from cutedl_xp.studies.settings import Settings
    >>> Settings(epochs=2).batch_size
    64
    """

    activation: str = "relu"
    output_activation: str = "linear"
    initializer: str = "uniform"
    batch_size: int = 64
    epochs: int = 10
    validation: float | Literal["test"] = 0.1
    schedule: str | None = None
    patience: int = 0
    min_delta: float = 0.001
    target: float | None = None
    target_times: int = 0
    target_column: str | None = None
    dtype: str = "float32"
    backend: str | None = None
    device: str | None = None

    def __post_init__(self) -> None:
        for name in ("activation", "output_activation"):
            _checks.check_one_of(name, getattr(self, name), tuple(ACTIVATIONS))
        _checks.check_one_of("initializer", self.initializer, tuple(INITIALIZERS))
        _checks.check_one_of("dtype", self.dtype, _DTYPES)
        for name, least in (("batch_size", 1), ("epochs", 1), ("patience", 0), ("target_times", 0)):
            self._set(name, _checks.check_integer(name, getattr(self, name), at_least=least))
        self._set("min_delta", _checks.check_not_negative("min_delta", self.min_delta))
        self._check_validation()
        if self.target is not None:
            self._set("target", _checks.check_fraction("target", self.target))
        elif self.target_times:
            raise ValueError("`target_times` needs a `target`, the validation accuracy that ends a run")
        if self.schedule is not None:
            self._set("schedule", schedule_text.canonical(self.schedule))
        for name in ("target_column", "backend", "device"):
            if getattr(self, name) is not None:
                _checks.check_text(name, getattr(self, name))
        if self.backend is None and self.device is None:
            self._set("backend", "numpy")
        elif self.backend is not None and self.device is not None:
            raise ValueError(f"a study needs `backend` or `device`; got both, {self.backend!r} and {self.device!r}")

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    def _check_validation(self) -> None:
        if isinstance(self.validation, str):
            if self.validation != "test":
                raise ValueError(
                    f"`validation` must be a fraction of the training samples or 'test'; got {self.validation!r}"
                )
        else:
            self._set("validation", _checks.check_fraction("validation", self.validation))

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, d: Mapping[str, Any]) -> "Settings":
        """Return the settings of the dict ``d``; missing keys have their defaults.

        Raises
        ------
        TypeError, ValueError
            If the dict has other keys or a wrong value.
        """
        if not isinstance(d, Mapping):
            raise TypeError(f"the settings must be a table of names and values; got {_checks.format_value(d)}")
        names = [each.name for each in fields(cls)]
        unknown = [name for name in d if name not in names]
        if unknown:
            raise ValueError(
                f"settings must be among {_checks.format_names(names)}; got {_checks.format_names(map(str, unknown))}"
            )
        return cls(**d)

    def differences(self, other: "Settings") -> str:
        """Return a text of the settings that differ in ``other``, such as ``"epochs (10, now 20)"``, or ``""``."""
        ours, theirs = self.to_dict(), other.to_dict()
        return ", ".join(f"{name} ({ours[name]}, now {theirs[name]})" for name in ours if ours[name] != theirs[name])
