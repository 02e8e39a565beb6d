"""Sums with a carry: arithmetic of numbers wider than a register."""

from cupy_on_cpu.operands import C_TYPES, NoTranslation, Scope, bits_of
from cupy_on_cpu.ptx import Instruction

_TYPES = ("u32", "s32", "b32", "u64", "s64", "b64")


def uses_carry(instruction: Instruction) -> bool:
    """Return whether an instruction takes or sets a carry."""
    return instruction.name in ("addc", "subc", "madc") or "cc" in instruction.modifiers


def add_with_carry(instruction: Instruction, scope: Scope) -> str:
    """``add``, ``sub`` and ``mad`` that set a carry (``.cc``), and the variants with a ``c`` that also take one."""
    *modifiers, ptx_type = instruction.modifiers
    halves = [modifier for modifier in modifiers if modifier in ("lo", "hi")]
    operation = instruction.name.removesuffix("c")
    if ptx_type not in _TYPES or set(modifiers) - {"cc", *halves} or len(halves) != (operation == "mad"):
        raise NoTranslation
    width, unsigned = bits_of(ptx_type), f"u{ptx_type[1:]}"
    destination, *sources = instruction.operands
    a, b, *c = (f"(unsigned __int128){scope.read(source, unsigned)}" for source in sources)
    if operation == "mad":
        if halves == ["hi"] and ptx_type[0] == "s":
            raise NoTranslation
        half = f"(({a} * {b}) >> {width})" if halves == ["hi"] else f"(({a} * {b}) & low_bits({width}))"
        a, b = half, c[0]
    sign, taken = ("-" if operation == "sub" else "+"), "R->thread.carry" if instruction.name.endswith("c") else "0"
    left = f"R->thread.carry = whole >> {width} & 1;" if "cc" in modifiers else ""
    whole = f"unsigned __int128 whole = {a} {sign} {b} {sign} {taken};"
    return f"{whole} {left} {scope.assign(destination, unsigned, f'({C_TYPES[unsigned]})whole')}"
