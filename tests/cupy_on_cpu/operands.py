"""Operands of PTX (registers, variables and literals) as expressions of C."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from cupy_on_cpu.ptx import SIZES

C_TYPES = {
    "pred": "bool", "f16": "half", "f32": "float", "f64": "double",
    "b8": "uint8_t", "u8": "uint8_t", "s8": "int8_t", "b16": "uint16_t", "u16": "uint16_t", "s16": "int16_t",
    "b32": "uint32_t", "u32": "uint32_t", "s32": "int32_t", "b64": "uint64_t", "u64": "uint64_t", "s64": "int64_t",
}  # fmt: skip
"""The type in C, by PTX type."""

_SPECIAL = {f"%{name}.{axis}": f"place->{name}.{axis}" for name in ("tid", "ntid", "ctaid", "nctaid") for axis in "xyz"}
_SPECIAL |= {"%laneid": "place->lane", "WARP_SZ": "32u"}
_FLOAT = re.compile(r"0[fF]([0-9a-fA-F]{8})$|0[dD]([0-9a-fA-F]{16})$")
_INTEGER = re.compile(r"(-?(?:0[xX][0-9a-fA-F]+|\d+))U?$")
_ADDRESS = re.compile(r"\[\s*(?P<base>[%\w$.]+)\s*(?:\+\s*(?P<offset>-?\w+))?\s*\]$")


class NoTranslation(ValueError):
    """An instruction or a part of it has no translation to C."""


def is_float(ptx_type: str) -> bool:
    """Return whether values of the type are floating-point numbers."""
    return ptx_type.startswith("f")


def bits_of(ptx_type: str) -> int:
    """Return the width of the type in bits."""
    return 8 * SIZES[ptx_type]


def c_name(ptx_name: str) -> str:
    """Return the name in C for a name in PTX; the prefix avoids keywords of C."""
    return "ptx_" + re.sub(r"\W", "_", ptx_name.lstrip("%"))


@dataclass
class Scope:
    """The names of one function, and the number of positions where a thread stops and continues later."""

    registers: Mapping[str, str]  # their PTX types
    addresses: Mapping[str, str]  # of variables and parameters, as C expressions
    functions: frozenset[str] = field(default_factory=frozenset)  # functions that it may call
    stops: int = 0

    def read(self, operand: str, ptx_type: str) -> str:
        """Return an operand's value as a C expression of the type."""
        c_type = C_TYPES[ptx_type]
        if operand.startswith("!"):
            return f"(!{self.read(operand[1:], ptx_type)})"
        if operand in self.registers:
            own_type, value = self.registers[operand], f"R->{c_name(operand)}"
            return f"BITS({c_type}, {value})" if is_float(own_type) != is_float(ptx_type) else f"(({c_type}){value})"
        if operand in _SPECIAL:
            return f"(({c_type}){_SPECIAL[operand]})"
        if operand in self.addresses:
            return f"(({c_type}){self.addresses[operand]})"
        return _literal(operand, ptx_type)

    def assign(self, register: str, ptx_type: str, value: str) -> str:
        """Return the statement that assigns a value of the type to a register; ``_`` means no register."""
        if register == "_":
            return f"(void)({value});"
        if register not in self.registers:
            raise NoTranslation(f"the destination {register!r}")
        own_type, typed = self.registers[register], f"({C_TYPES[ptx_type]})({value})"
        own_c_type = C_TYPES[own_type]
        converted = f"BITS({own_c_type}, {typed})" if is_float(own_type) != is_float(ptx_type) else typed
        return f"R->{c_name(register)} = {converted};"

    def address(self, operand: str, *, shared: bool) -> str:
        """Return the C expression of an address such as ``[%rd1+8]``."""
        found = _ADDRESS.match(operand)
        if not found:
            raise NoTranslation(f"the address {operand!r}")
        base = self.read(found["base"], "u32" if shared else "u64")
        where = f"({base} + ({found['offset'] or '0'}))"
        return f"((uintptr_t)place->shared + (uint32_t){where})" if shared else where

    def stop(self, status: str) -> str:
        """Return statements that stop the thread; the statements after them run in its next turn."""
        self.stops += 1
        return f"STOP({status}, {self.stops}); resume_{self.stops}:;"


def in_braces(operand: str) -> tuple[str, ...]:
    """Return the registers of a vector, or the single register."""
    return tuple(part.strip() for part in operand.strip("{}").split(","))


def _literal(text: str, ptx_type: str) -> str:
    number = _FLOAT.match(text)
    if number:
        value = f"BITS(float, 0x{number[1]}u)" if number[1] else f"BITS(double, 0x{number[2]}ull)"
        wanted = "f32" if number[1] else "f64"
        return value if ptx_type == wanted else f"BITS({C_TYPES[ptx_type]}, {value})"
    integer = _INTEGER.match(text)
    if not integer:
        raise NoTranslation(f"the operand {text!r}")
    base = 16 if "x" in text.lower() else 8 if re.match(r"-?0\d", text) else 10
    value = f"0x{int(integer[1], base) % 2**64:x}ull"  # as C has no literal for the smallest integer
    return (
        f"BITS({C_TYPES[ptx_type]}, (uint{bits_of(ptx_type)}_t){value})"
        if is_float(ptx_type)
        else f"(({C_TYPES[ptx_type]}){value})"
    )
