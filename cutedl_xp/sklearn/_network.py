"""Network of an estimator: its layers and the session that trains them, which can be pickled."""

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from cutedl_xp.backends import Backend
from cutedl_xp.layers import Dense, Dropout, Layer
from cutedl_xp.losses import Loss
from cutedl_xp.model import Model
from cutedl_xp.optimizers import Optimizer
from cutedl_xp.regularizers import L2
from cutedl_xp.training.session import Session


@dataclass(frozen=True)
class NetworkSpec:
    """Specification of an untrained network.

    Parameters
    ----------
    inputs, hidden, outputs
        Number of features, of units of each hidden layer, and of outputs.
    activation
        Activation of the hidden layers.
    dropout
        Fraction of the outputs of hidden units to drop in training.
    dtype, backend, seed
        As for ``Model.assemble``.
    """

    inputs: int
    hidden: tuple[int, ...]
    outputs: int
    activation: str
    dropout: float
    dtype: str
    backend: Backend
    seed: int

    def build(self) -> Model:
        """Return the assembled model."""
        layers: list[Layer] = []
        width = self.inputs
        for units in self.hidden:
            layers.append(Dense(units, width, self.activation, weight_initializer="glorot_uniform"))
            if self.dropout:
                layers.append(Dropout(1.0 - self.dropout))
            width = units
        layers.append(Dense(self.outputs, width, "linear", weight_initializer="glorot_uniform"))
        return Model(layers).assemble(self.backend, self.dtype, self.seed)


class Network:
    """Model of an estimator together with its session.

    Parameters
    ----------
    spec
        Layers of the model.
    loss
        Loss to minimize.
    optimizer
        Optimizer, not used for a model before.
    """

    def __init__(self, spec: NetworkSpec, loss: Loss, optimizer: Optimizer) -> None:
        self._arguments = (spec, loss, optimizer)
        self.spec = spec
        self.session = Session(spec.build(), loss, deepcopy(optimizer))  # `optimizer` stays unused

    @property
    def model(self) -> Model:
        """Model that the session trains."""
        return self.session.model

    def set_penalty(self, damping: float) -> None:
        """Set the factor of the weights in the gradient of the L2 penalty; 0 means no penalty."""
        self.session.regularizers = (L2(damping),) if damping else ()

    def copy_weights(self, other: "Network") -> None:
        """Copy the weights of a network of the same sizes; the names of weights may differ by dropout layers."""
        if self.spec.hidden != other.spec.hidden:
            raise ValueError(
                f"`hidden_layer_sizes` must stay {other.spec.hidden} with warm_start=True; got {self.spec.hidden}: "
                f"set `warm_start` to False for new weights"
            )
        names, weights = self.model.weights(), other.model.weights()
        self.model.set_weights(dict(zip(names, weights.values(), strict=True)))

    def __getstate__(self) -> dict[str, Any]:
        return {"arguments": self._arguments, "state": self.session.state_dict()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        Network.__init__(self, *state["arguments"])
        self.session.load_state_dict(state["state"])
