"""Parameters: named arrays with gradients, one by one and in contiguous runs; buffers: named arrays without."""

from cutedl_xp.parameters.buffers import Buffer, Buffers
from cutedl_xp.parameters.named_arrays import Layout, NamedArrays, concatenate, split
from cutedl_xp.parameters.parameter import Parameter
from cutedl_xp.parameters.parameters import Parameters
from cutedl_xp.parameters.views import ParameterViews

__all__ = [
    "Buffer",
    "Buffers",
    "Layout",
    "NamedArrays",
    "Parameter",
    "ParameterViews",
    "Parameters",
    "concatenate",
    "split",
]
