"""Instructions for control flow: branches, calls, and waiting for other threads."""

from collections.abc import Callable

from cupy_on_cpu.operands import NoTranslation, Scope, c_name
from cupy_on_cpu.ptx import Instruction

_SOURCES = {
    "up": ("lane - {b}", "source >= limit"),
    "down": ("lane + {b}", "source <= limit"),
    "bfly": ("lane ^ {b}", "source <= limit"),
    "idx": ("(lane & segment) | ({b} & ~segment)", "source <= limit"),
}
"""For each mode of shuffling: the lane that is read, and whether it is in the segment; from the PTX manual."""

_VOTES = {
    "ballot": ("u32", "R->thread.value"),
    "any": ("pred", "R->thread.value != 0"),
    "all": ("pred", "R->thread.value == R->thread.source"),
    "uni": ("pred", "R->thread.value == 0 || R->thread.value == R->thread.source"),
}
"""For each mode of voting: the result, from the lanes that voted yes (value) and the voting lanes (source)."""


def branch(instruction: Instruction, scope: Scope) -> str:
    """``bra``: jump to a label."""
    if set(instruction.modifiers) - {"uni"}:
        raise NoTranslation
    return f"goto {c_name(instruction.operands[0])};"


def leave(instruction: Instruction, scope: Scope) -> str:
    """``ret`` and ``exit``: the end of a function or of a thread, which for a kernel is the same."""
    return "STOP(FINISHED, 0);"


def trap(instruction: Instruction, scope: Scope) -> str:
    """``trap``: the kernel has found an invalid state."""
    return "STOP(TRAPPED, 0);"


def nothing(instruction: Instruction, scope: Scope) -> str:
    """Memory orders and hints, which have no effect where threads run one after another."""
    return ""


def wait_at_barrier(instruction: Instruction, scope: Scope) -> str:
    """``bar.sync``: wait until all threads of the block have reached the barrier."""
    if "warp" in instruction.modifiers:
        return _wait_for_warp(scope, "SYNCHRONIZE", instruction.operands[0], "0")
    if "sync" not in instruction.modifiers or set(instruction.modifiers) - {"sync", "cta", "aligned"}:
        raise NoTranslation
    barrier, *expected = (scope.read(operand, "u32") for operand in instruction.operands)
    setting = f"R->thread.barrier = {barrier} % BARRIERS; R->thread.expected = {expected[0] if expected else 0};"
    return f"{setting} {scope.stop('AT_BARRIER')}"


def shuffle(instruction: Instruction, scope: Scope) -> str:
    """``shfl.sync``: read a register of another thread of the warp."""
    modifiers = instruction.modifiers
    if len(modifiers) != 3 or modifiers[0] != "sync" or modifiers[1] not in _SOURCES:
        raise NoTranslation
    destinations, value, b, c, mask = instruction.operands
    result, *valid = (name.strip() for name in destinations.split("|"))
    source, in_segment = _SOURCES[modifiers[1]]
    distance = f"(int)({scope.read(b, 'u32')} & 31)"
    lines = [
        f"int lane = place->lane, packed = {scope.read(c, 'u32')}, clamp = packed & 31, segment = packed >> 8 & 31;",
        f"int limit = (lane & segment) | (clamp & ~segment), source = {source.format(b=distance)};",
        f"bool inside = {in_segment};",
        *(scope.assign(name, "pred", "inside") for name in valid),
        "R->thread.source = inside ? source : lane;",
        _wait_for_warp(scope, "SHUFFLE", mask, scope.read(value, "u32")),
        scope.assign(result, "b32", "R->thread.value"),
    ]
    return " ".join(lines)


def vote(instruction: Instruction, scope: Scope) -> str:
    """``vote.sync``: combine a predicate of the threads of the warp."""
    synchronized, mode, *_ = instruction.modifiers
    if synchronized != "sync" or mode not in _VOTES:
        raise NoTranslation
    destination, question, mask = instruction.operands
    answer_type, answer = _VOTES[mode]
    waiting = _wait_for_warp(scope, "BALLOT", mask, scope.read(question, "pred"))
    return f"{waiting} {scope.assign(destination, answer_type, answer)}"


def _wait_for_warp(scope: Scope, exchange: str, mask: str, value: str) -> str:
    """Return statements that pass a value to the other lanes of the mask and wait until all lanes have done so."""
    setting = f"R->thread.exchange = {exchange}; R->thread.mask = {scope.read(mask, 'u32')}; R->thread.value = {value};"
    return f"{setting} {scope.stop('IN_WARP')}"


def call(instruction: Instruction, scope: Scope) -> str:
    """``call``: run a function of the module on parameters in memory, with its results before them."""
    operands = instruction.operands
    results = operands[0].strip("()").split(",") if operands[0].startswith("(") else []
    name, *arguments = operands[1:] if results else operands
    if name not in scope.functions:
        raise NoTranslation
    given = [argument for group in arguments for argument in group.strip("()").split(",")]
    addresses = ", ".join(f"(void *){scope.read(each.strip(), 'u64')}" for each in (*results, *given))
    return (
        f"void *parameters[] = {{{addresses}}}; struct place callee = *place; callee.parameters = parameters; "
        f"if (call_{c_name(name)}(&callee) == TRAPPED) STOP(TRAPPED, 0);"
    )


TRANSLATIONS: dict[str, Callable[[Instruction, Scope], str]] = {
    "bra": branch,
    "ret": leave,
    "exit": leave,
    "trap": trap,
    "bar": wait_at_barrier,
    "barrier": wait_at_barrier,
    "shfl": shuffle,
    "vote": vote,
    "call": call,
    "membar": nothing,
    "fence": nothing,
    "nanosleep": nothing,
    "prefetch": nothing,
    "discard": nothing,
}
