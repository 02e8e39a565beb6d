"""Names of other libraries, and the names here."""

from typing import NoReturn

_NAMES = {
    "Sequential": "cutedl_xp.Model",
    "DataLoader": "cutedl_xp.Dataset",
    "TensorDataset": "cutedl_xp.Dataset",
    "SGD": "cutedl_xp.optimizers.Fixed, or Momentum for SGD with momentum",
    "BatchNorm1d": "cutedl_xp.layers.BatchNormalization",
    "LayerNorm": "cutedl_xp.layers.LayerNormalization",
    "RMSprop": "cutedl_xp.optimizers.RMSProp",
    "Nadam": "cutedl_xp.optimizers.NAdam",
    "Linear": "cutedl_xp.layers.Dense",
    "MSELoss": "cutedl_xp.losses.Mse",
    "MeanSquaredError": "cutedl_xp.losses.Mse",
    "CrossEntropyLoss": "cutedl_xp.losses.SparseCategoricalCrossentropy",
    "BCELoss": "cutedl_xp.losses.BinaryCrossentropy(from_logits=False)",
    "BCEWithLogitsLoss": "cutedl_xp.losses.BinaryCrossentropy",
    "BinaryCrossEntropy": "cutedl_xp.losses.BinaryCrossentropy",
    "ModelCheckpoint": "cutedl_xp.listeners.Checkpoint",
    "ReduceLROnPlateau": "cutedl_xp.listeners.ReduceOnPlateau",
    "callbacks": "cutedl_xp.listeners",
    "optim": "cutedl_xp.optimizers",
    "nn": "cutedl_xp.layers and cutedl_xp.losses",
}


def raise_unknown(module: str, name: str) -> NoReturn:
    """Raise the AttributeError for a name that a module lacks; the message gives the name here, if there is one."""
    remedy = f"; use {_NAMES[name]}" if name in _NAMES else ""
    raise AttributeError(f"module {module!r} has no attribute {name!r}{remedy}")
