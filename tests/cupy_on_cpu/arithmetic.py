"""Instructions that compute a value from values: one table from the opcode to its expression in C."""

from collections.abc import Callable
from dataclasses import dataclass

from cupy_on_cpu.operands import C_TYPES, NoTranslation, Scope, bits_of, is_float
from cupy_on_cpu.ptx import Instruction

_EXACT = frozenset({"rn", "approx", "full"})  # rounding modes of C's own arithmetic
_DIRECTED = {"rm": "FE_DOWNWARD", "rp": "FE_UPWARD", "rz": "FE_TOWARDZERO"}
_ROUND_TO_INTEGER = {"rni": "rint", "rzi": "trunc", "rmi": "floor", "rpi": "ceil"}


@dataclass(frozen=True)
class _Form:
    """Form of an instruction on values of one type in C."""

    expression: (
        str  # with {0}, {1}, ... for the operands, {t} for their type in C, {u} for the unsigned one, {w} for its width
    )
    operands: str = ""  # a type for each operand that has another: "u32" for the second is " u32"
    result: str = ""
    modifiers: frozenset[str] = frozenset()
    directed: str = ""  # the expression where a {mode} of rounding is given


def _integer(expression: str, operands: str = "", result: str = "", modifiers: str = "") -> _Form:
    return _Form(expression, operands, result, frozenset(modifiers.split()))


def _real(expression: str, modifiers: str = "", directed: str = "") -> _Form:
    allowed = _EXACT | {"ftz"} | frozenset(modifiers.split()) | frozenset(_DIRECTED if directed else ())
    return _Form(expression, modifiers=allowed, directed=directed)


_REALS = {
    "add": _real("{0} + {1}", "sat", "add_directed{s}({mode}, {0}, {1}, 0)"),
    "sub": _real("{0} - {1}", "sat", "add_directed{s}({mode}, {0}, -{1}, 0)"),
    "mul": _real("{0} * {1}", "sat", "multiply_directed{s}({mode}, {0}, {1}, 0)"),
    "div": _real("{0} / {1}"),
    "fma": _real("fma{s}({0}, {1}, {2})", "sat", "fma_directed{s}({mode}, {0}, {1}, {2})"),
    "mad": _real("fma{s}({0}, {1}, {2})", "sat", "fma_directed{s}({mode}, {0}, {1}, {2})"),
    "neg": _real("-{0}"),
    "abs": _real("fabs{s}({0})"),
    "min": _real("SMALLER({0}, {1})", "NaN"),
    "max": _real("LARGER({0}, {1})", "NaN"),
    "sqrt": _real("sqrt{s}({0})"),
    "rsqrt": _real("1 / sqrt{s}({0})"),
    "rcp": _real("1 / {0}"),
    "ex2": _real("exp2{s}({0})"),
    "lg2": _real("log2{s}({0})"),
    "sin": _real("sin{s}({0})"),
    "cos": _real("cos{s}({0})"),
    "tanh": _real("tanh{s}({0})"),
    "copysign": _real("copysign{s}({1}, {0})"),
}

_INTEGERS = {
    "add": _integer("{0} + {1}"),
    "sub": _integer("{0} - {1}"),
    "mul": _integer("{0} * {1}", modifiers="lo"),
    "mad": _integer("{0} * {1} + {2}", modifiers="lo"),
    "div": _integer("QUOTIENT({t}, {signed}, {0}, {1})"),
    "rem": _integer("REMAINDER({t}, {signed}, {0}, {1})"),
    "neg": _integer("-{0}"),
    "abs": _integer("{0} < 0 ? -{0} : {0}"),
    "min": _integer("{0} < {1} ? {0} : {1}"),
    "max": _integer("{0} > {1} ? {0} : {1}"),
    "and": _integer("{0} & {1}"),
    "or": _integer("{0} | {1}"),
    "xor": _integer("{0} ^ {1}"),
    "not": _integer("~{0}"),
    "shl": _integer("{1} >= {w} ? 0 : {0} << {1}", " u32"),
    "shr": _integer("{1} >= {w} ? ({0} < 0 ? -1 : 0) : {0} >> {1}", " u32"),
    "popc": _integer("__builtin_popcountll({0})", result="u32"),
    "clz": _integer("{0} == 0 ? {w} : __builtin_clzll({0}) - (64 - {w})", result="u32"),
    "brev": _integer("reverse_bits({0})"),
    "bfe": _integer("extract_bits({0}, {1}, {2}, {signed}, {w})", " u32 u32"),
    "bfi": _integer("insert_bits({0}, {1}, {2}, {3}, {w})", "  u32 u32"),
    "prmt": _integer("permute_bytes({0}, {1}, {2})"),
    "lop3": _integer("logic_of_three({0}, {1}, {2}, {3})"),
}

_PREDICATES = {
    "and": _integer("{0} && {1}"),
    "or": _integer("{0} || {1}"),
    "xor": _integer("{0} != {1}"),
    "not": _integer("!{0}"),
}

_COMPARISONS = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_COMPARISONS |= {"lo": "<", "ls": "<=", "hi": ">", "hs": ">="}
_LOGIC = {"and": "&&", "or": "||", "xor": "!="}
_CLASSES = {"finite": "isfinite", "infinite": "isinf", "notanumber": "isnan", "number": "!isnan", "normal": "isnormal"}


def compute(instruction: Instruction, scope: Scope) -> str:
    """Translate an instruction that has a form in the tables above."""
    *modifiers, ptx_type = instruction.modifiers
    table = _PREDICATES if ptx_type == "pred" else _REALS if is_float(ptx_type) else _INTEGERS
    form = table.get(instruction.name)
    if form is None or not form.modifiers.issuperset(modifiers) or (ptx_type == "f16" and "sat" in modifiers):
        raise NoTranslation
    destination, *sources = instruction.operands
    types = [given or ptx_type for given in form.operands.split(" ")] + len(sources) * [ptx_type]
    values = [_flushed(scope.read(*pair), pair[1], modifiers) for pair in zip(sources, types, strict=False)]
    mode = next((_DIRECTED[modifier] for modifier in modifiers if modifier in _DIRECTED), None)
    value = (form.directed if mode else form.expression).format(*values, mode=mode, **_words(ptx_type))
    if "NaN" in modifiers:
        value = f"UNORDERED({values[0]}, {values[1]}) ? ({C_TYPES[ptx_type]})NAN : {value}"
    if "sat" in modifiers:
        value = f"saturate({value})"
    result = form.result or ptx_type
    return scope.assign(destination, result, _flushed(value, result, modifiers))


def _words(ptx_type: str) -> dict[str, str | int]:
    """Return the values of the fields of the tables' expressions, apart from the operands."""
    if ptx_type == "pred":
        return {}
    suffix = "" if ptx_type == "f64" else "f"  # half precision computes in float, as products of two halves are exact
    signed = int(ptx_type.startswith("s"))
    return {"t": C_TYPES[ptx_type], "w": bits_of(ptx_type), "signed": signed, "s": suffix}


def _flushed(value: str, ptx_type: str, modifiers: list[str] | tuple[str, ...]) -> str:
    return f"flush({value})" if "ftz" in modifiers and ptx_type == "f32" else value


def multiply_wide(instruction: Instruction, scope: Scope) -> str:
    """``mul.wide``, ``mul.hi`` and the same with a sum: products of twice the width of their factors."""
    name, modifiers = instruction.name, instruction.modifiers
    ptx_type = modifiers[-1]
    if modifiers[0] not in ("wide", "hi") or len(modifiers) != 2:
        return compute(instruction, scope)
    width, sign = bits_of(ptx_type), ptx_type[0]
    double_type = ("__int128" if sign == "s" else "unsigned __int128") if width == 64 else C_TYPES[f"{sign}{2 * width}"]
    destination, a, b, *c = instruction.operands
    product = f"(({double_type}){scope.read(a, ptx_type)} * ({double_type}){scope.read(b, ptx_type)})"
    result = f"{sign}{2 * width}" if modifiers[0] == "wide" else ptx_type
    value = product if modifiers[0] == "wide" else f"({product} >> {width})"
    if name == "mad":
        value = f"({C_TYPES[result]}){value} + {scope.read(c[0], result)}"
    return scope.assign(destination, result, value)


def shift_funnel(instruction: Instruction, scope: Scope) -> str:
    """``shf``: shift two registers as if they were one, and keep half."""
    direction, mode, ptx_type = instruction.modifiers
    if ptx_type != "b32":
        raise NoTranslation
    destination, low, high, amount = instruction.operands
    count = scope.read(amount, "u32")
    shift = f"({count} & 31)" if mode == "wrap" else f"({count} > 32 ? 32 : {count})"
    both = f"((uint64_t){scope.read(high, 'u32')} << 32 | {scope.read(low, 'u32')})"
    value = f"({both} << {shift}) >> 32" if direction == "l" else f"{both} >> {shift}"
    return scope.assign(destination, "u32", value)


def compare(instruction: Instruction, scope: Scope) -> str:
    """``setp``: compare two values, and combine the result with a predicate."""
    comparison, *modifiers, ptx_type = instruction.modifiers
    destinations, a, b, *third = instruction.operands
    logic = next((modifier for modifier in modifiers if modifier in _LOGIC), None)
    if set(modifiers) - set(_LOGIC) - {"ftz"}:
        raise NoTranslation
    left, right = (_flushed(scope.read(operand, ptx_type), ptx_type, modifiers) for operand in (a, b))
    answer = _comparison(instruction, comparison, left, right)
    met, *unmet = (name.strip() for name in destinations.split("|"))
    joined = f"({{answer}} {_LOGIC[logic]} {scope.read(third[0], 'pred')})" if logic else "{answer}"
    statements = [scope.assign(met, "pred", joined.format(answer="answer"))]
    statements += [scope.assign(name, "pred", joined.format(answer="!answer")) for name in unmet]
    return f"bool answer = {answer}; {' '.join(statements)}"


def _comparison(instruction: Instruction, comparison: str, left: str, right: str) -> str:
    unordered = f"UNORDERED({left}, {right})"
    if comparison in ("num", "nan"):
        return unordered if comparison == "nan" else f"!{unordered}"
    if comparison == "ne" and is_float(instruction.modifiers[-1]):
        return f"({left} < {right} || {left} > {right})"  # false where one is NaN, unlike C's !=
    if comparison in _COMPARISONS:
        return f"({left} {_COMPARISONS[comparison]} {right})"
    if comparison[-1] == "u" and comparison[:-1] in _COMPARISONS:
        return f"({unordered} || {left} {_COMPARISONS[comparison[:-1]]} {right})"
    raise NoTranslation


def choose(instruction: Instruction, scope: Scope) -> str:
    """``selp``: one of two values, by a predicate."""
    (ptx_type,) = instruction.modifiers
    destination, a, b, predicate = instruction.operands
    value = f"{scope.read(predicate, 'pred')} ? {scope.read(a, ptx_type)} : {scope.read(b, ptx_type)}"
    return scope.assign(destination, ptx_type, value)


def classify(instruction: Instruction, scope: Scope) -> str:
    """``testp``: whether a number is finite, NaN and so on."""
    kind, ptx_type = instruction.modifiers
    destination, source = instruction.operands
    if kind not in _CLASSES:
        raise NoTranslation
    return scope.assign(destination, "pred", f"{_CLASSES[kind]}({scope.read(source, ptx_type)})")


def convert(instruction: Instruction, scope: Scope) -> str:
    """``cvt``: from one type to another, as CUDA rounds and saturates."""
    *modifiers, to_type, from_type = instruction.modifiers
    destination, source = instruction.operands
    rounding = [modifier for modifier in modifiers if modifier not in ("ftz", "sat")]
    value = _flushed(scope.read(source, from_type), from_type, modifiers)
    if rounding and rounding[0] in _ROUND_TO_INTEGER and is_float(from_type):
        value = f"{_ROUND_TO_INTEGER[rounding[0]]}((double){value})"
    elif rounding and rounding[0] != "rn":
        raise NoTranslation
    if is_float(from_type) and not is_float(to_type):
        return scope.assign(destination, to_type, _to_integer(value, to_type, from_type))
    if "sat" in modifiers:
        if not is_float(to_type):
            raise NoTranslation
        value = f"saturate({value})"
    value = f"({C_TYPES[to_type]})({value})"
    return scope.assign(destination, to_type, _flushed(value, to_type, modifiers))


def _to_integer(value: str, to_type: str, from_type: str) -> str:
    width, signed = bits_of(to_type), to_type.startswith("s")
    smallest, above = (-(2 ** (width - 1)), 2 ** (width - 1)) if signed else (0, 2**width)
    narrow = from_type != "f64" and width <= 32
    of_nan = 0 if narrow else f"1ull << {width - 1}"  # see cvt in the PTX manual
    limits = f"{_c_integer(smallest)}, {_c_integer(above - 1)}, {float(above)!r}, {of_nan}"
    return f"TO_INTEGER({C_TYPES[to_type]}, {value}, {limits})"


def _c_integer(number: int) -> str:
    return f"({number + 1}ll - 1)" if number < 0 else f"{number}ull"


_COMPUTED = sorted({*_REALS, *_INTEGERS, *_PREDICATES} - {"mul", "mad"})
TRANSLATIONS: dict[str, Callable[[Instruction, Scope], str]] = {
    **dict.fromkeys(_COMPUTED, compute),
    "mul": multiply_wide,
    "mad": multiply_wide,
    "shf": shift_funnel,
    "setp": compare,
    "selp": choose,
    "testp": classify,
    "cvt": convert,
}
