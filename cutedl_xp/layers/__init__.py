"""Layers of models. Derive from :class:`Layer` to write your own."""

from typing import TYPE_CHECKING

from cutedl_xp._familiar import raise_unknown
from cutedl_xp.layers._layer import Backward, Layer
from cutedl_xp.layers._specs import BufferSpec, ParameterSpec
from cutedl_xp.layers.activation import Activation
from cutedl_xp.layers.batch_normalization import BatchNormalization
from cutedl_xp.layers.dense import Dense
from cutedl_xp.layers.dropout import Dropout
from cutedl_xp.layers.flatten import Flatten
from cutedl_xp.layers.layer_normalization import LayerNormalization

__all__ = [
    "Activation",
    "Backward",
    "BatchNormalization",
    "BufferSpec",
    "Dense",
    "Dropout",
    "Flatten",
    "Layer",
    "LayerNormalization",
    "ParameterSpec",
]

if not TYPE_CHECKING:  # a type checker would accept any name

    def __getattr__(name: str) -> None:
        raise_unknown(__name__, name)
