"""Instructions that move values between registers and memory."""

from collections.abc import Callable

from cupy_on_cpu.operands import C_TYPES, NoTranslation, Scope, bits_of, in_braces
from cupy_on_cpu.ptx import SIZES, Instruction

_SPACES = {"global", "shared", "local", "param", "const", "shared::cta", "param::func", "param::entry"}
_ORDERS = {"weak", "volatile", "relaxed", "acquire", "release", "acq_rel", "gpu", "cta", "sys", "nc"}  # one thread runs
_CACHES = {"ca", "cg", "cs", "lu", "cv", "wb", "wt", "L1::no_allocate", "L1::evict_first", "L1::evict_last"}
_VECTORS = {"v2", "v4", "v8"}
_HARMLESS = _SPACES | _ORDERS | _CACHES | _VECTORS

_UPDATES = {
    "add": "old + given", "and": "old & given", "or": "old | given", "xor": "old ^ given", "exch": "given",
    "min": "old < given ? old : given", "max": "old > given ? old : given",
    "inc": "old >= given ? 0 : old + 1", "dec": "old == 0 || old > given ? given : old - 1",
}  # fmt: skip


def load(instruction: Instruction, scope: Scope) -> str:
    """``ld``: load one value, or several consecutive ones."""
    destination, place = instruction.operands
    ptx_type, address = _accessed(instruction, scope, place)
    values = enumerate(in_braces(destination))
    return f"uintptr_t at = {address}; " + " ".join(
        scope.assign(register, ptx_type, f"LOAD({C_TYPES[ptx_type]}, at + {number * SIZES[ptx_type]})")
        for number, register in values
    )


def store(instruction: Instruction, scope: Scope) -> str:
    """``st``: store values, the inverse of ``ld``."""
    place, source = instruction.operands
    ptx_type, address = _accessed(instruction, scope, place)
    values = enumerate(in_braces(source))
    return f"uintptr_t at = {address}; " + " ".join(
        f"STORE({C_TYPES[ptx_type]}, at + {number * SIZES[ptx_type]}, {scope.read(operand, ptx_type)});"
        for number, operand in values
    )


def _accessed(instruction: Instruction, scope: Scope, place: str) -> tuple[str, str]:
    """Return the type that is loaded or stored, and the address."""
    *modifiers, ptx_type = instruction.modifiers
    if ptx_type not in SIZES or not _HARMLESS.issuperset(modifiers):
        raise NoTranslation
    return ptx_type, scope.address(place, shared=_is_shared(instruction))


def _is_shared(instruction: Instruction) -> bool:
    return any(modifier in ("shared", "shared::cta") for modifier in instruction.modifiers)


def move(instruction: Instruction, scope: Scope) -> str:
    """``mov``: copy a register, split one into several, or combine several."""
    (ptx_type,) = instruction.modifiers
    destination, source = instruction.operands
    if destination.startswith("{"):
        parts = in_braces(destination)
        width = bits_of(ptx_type) // len(parts)
        pieces = (scope.assign(part, f"b{width}", f"whole >> {i * width}") for i, part in enumerate(parts))
        return f"uint64_t whole = {scope.read(source, ptx_type)}; " + " ".join(pieces)
    if source.startswith("{"):
        parts = in_braces(source)
        width = bits_of(ptx_type) // len(parts)
        shifted = (f"(uint64_t){scope.read(part, f'b{width}')} << {i * width}" for i, part in enumerate(parts))
        return scope.assign(destination, ptx_type, " | ".join(shifted))
    return scope.assign(destination, ptx_type, scope.read(source, ptx_type))


def convert_address(instruction: Instruction, scope: Scope) -> str:
    """``cvta``: convert between an address relative to shared memory and a generic address."""
    destination, source = instruction.operands
    if not _SPACES.intersection(instruction.modifiers) or instruction.modifiers[-1] not in ("u64", "u32"):
        raise NoTranslation
    sign = "-" if "to" in instruction.modifiers else "+"
    offset = f" {sign} (uintptr_t)place->shared" if _is_shared(instruction) else ""
    return scope.assign(destination, "u64", f"{scope.read(source, 'u64')}{offset}")


def update_atomically(instruction: Instruction, scope: Scope) -> str:
    """``atom`` and ``red``: read, change and write; threads run one after another, so the operation is atomic."""
    *modifiers, ptx_type = instruction.modifiers
    operation = next((modifier for modifier in modifiers if modifier in (*_UPDATES, "cas")), None)
    if operation is None or ptx_type not in SIZES or {*modifiers} - _HARMLESS - {operation, "noftz"} - {"generic"}:
        raise NoTranslation
    destination, place, *values = instruction.operands if instruction.name == "atom" else ("_", *instruction.operands)
    new = _UPDATES.get(operation, f"old == given ? {scope.read(values[-1], ptx_type)} : old")
    c_type = C_TYPES[ptx_type]
    return (
        f"uintptr_t at = {scope.address(place, shared=_is_shared(instruction))}; "
        f"{c_type} old = LOAD({c_type}, at), given = {scope.read(values[0], ptx_type)}; "
        f"STORE({c_type}, at, {new}); {scope.assign(destination, ptx_type, 'old')}"
    )


TRANSLATIONS: dict[str, Callable[[Instruction, Scope], str]] = {
    "ld": load,
    "ldu": load,
    "st": store,
    "mov": move,
    "cvta": convert_address,
    "atom": update_atomically,
    "red": update_atomically,
}
