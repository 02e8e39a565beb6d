"""Types of the whole package: arrays, their namespaces and their shapes."""

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

Shape: TypeAlias = tuple[int, ...]
"""Lengths of an array's axes."""


class Array(Protocol):
    """Array of any library that follows the Python Array API standard.

    The protocol has only members of the standard, so that a type checker reports ``array.mean()`` and other members
    that only some libraries have.
    """

    @property
    def shape(self) -> Any: ...
    @property
    def ndim(self) -> int: ...
    @property
    def size(self) -> Any: ...
    @property
    def dtype(self) -> Any: ...
    @property
    def device(self) -> Any: ...
    @property
    def T(self) -> "Array": ...
    def __add__(self, other: Any, /) -> "Array": ...
    def __radd__(self, other: Any, /) -> "Array": ...
    def __sub__(self, other: Any, /) -> "Array": ...
    def __rsub__(self, other: Any, /) -> "Array": ...
    def __mul__(self, other: Any, /) -> "Array": ...
    def __rmul__(self, other: Any, /) -> "Array": ...
    def __truediv__(self, other: Any, /) -> "Array": ...
    def __rtruediv__(self, other: Any, /) -> "Array": ...
    def __matmul__(self, other: Any, /) -> "Array": ...
    def __and__(self, other: Any, /) -> "Array": ...
    def __neg__(self) -> "Array": ...
    def __abs__(self) -> "Array": ...
    def __eq__(self, other: Any, /) -> Any: ...
    def __lt__(self, other: Any, /) -> "Array": ...
    def __le__(self, other: Any, /) -> "Array": ...
    def __gt__(self, other: Any, /) -> "Array": ...
    def __ge__(self, other: Any, /) -> "Array": ...
    def __getitem__(self, key: Any, /) -> "Array": ...
    def __setitem__(self, key: Any, value: Any, /) -> None: ...


Function: TypeAlias = Callable[..., Array]


class Namespace(Protocol):
    """Module with the functions of the Python Array API standard, such as ``array_api_compat.numpy``.

    The protocol has the functions that the package uses, with the types of their results.
    """

    float32: Any
    float64: Any
    int32: Any
    int64: Any
    uint8: Any
    isdtype: Callable[..., bool]
    abs: Function
    all: Function
    arange: Function
    argmax: Function
    asarray: Function
    astype: Function
    concat: Function
    empty: Function
    exp: Function
    expm1: Function
    expand_dims: Function
    finfo: Callable[..., Any]
    isfinite: Function
    full_like: Function
    log: Function
    log1p: Function
    matmul: Function
    max: Function
    maximum: Function
    mean: Function
    min: Function
    minimum: Function
    reshape: Function
    result_type: Callable[..., Any]
    sign: Function
    sqrt: Function
    stack: Function
    sum: Function
    take: Function
    tanh: Function
    where: Function
    zeros: Function
    zeros_like: Function
