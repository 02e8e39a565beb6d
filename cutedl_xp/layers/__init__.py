"""Layers of models. Derive from :class:`Layer` to write your own."""

from typing import TYPE_CHECKING

from cutedl_xp._familiar import raise_unknown
from cutedl_xp.layers._layer import Backward, Layer, ParameterSpec
from cutedl_xp.layers.dense import Dense
from cutedl_xp.layers.dropout import Dropout
from cutedl_xp.layers.flatten import Flatten

__all__ = ["Backward", "Dense", "Dropout", "Flatten", "Layer", "ParameterSpec"]

if not TYPE_CHECKING:  # a type checker would accept any name

    def __getattr__(name: str) -> None:
        raise_unknown(__name__, name)
