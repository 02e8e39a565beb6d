"""Parameters: named arrays with gradients, in contiguous runs of memory. Buffers: named arrays without gradients."""

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
