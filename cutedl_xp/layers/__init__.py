"""Layers: what models are made of. To write one, derive from :class:`Layer`."""

from cutedl_xp.layers._layer import Backward, Layer, ParameterSpec
from cutedl_xp.layers.dense import Dense
from cutedl_xp.layers.dropout import Dropout
from cutedl_xp.layers.flatten import Flatten

__all__ = ["Backward", "Dense", "Dropout", "Flatten", "Layer", "ParameterSpec"]
