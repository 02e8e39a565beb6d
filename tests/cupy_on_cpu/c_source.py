"""A PTX module as a C program: each kernel is a function that can stop at a barrier and continue there later."""

from cupy_on_cpu import arithmetic, carries, control, memory
from cupy_on_cpu.errors import Unsupported
from cupy_on_cpu.operands import C_TYPES, NoTranslation, Scope, bits_of, c_name
from cupy_on_cpu.ptx import Function, Instruction, Label, Module, Variable

TRANSLATIONS = arithmetic.TRANSLATIONS | memory.TRANSLATIONS | control.TRANSLATIONS
"""Translation of each instruction to C, by its name."""

_ALIGNMENT = 16


def c_source(module: Module) -> str:
    """Return the C program.

    Raises
    ------
    Unsupported
        If the module has an instruction without a translation; the message quotes it.
    """
    shared, static_size = _place_shared_variables(module)
    addresses = {v.name: f"((uintptr_t)&{c_name(v.name)})" for v in module.variables if v.space != "shared"} | shared
    callees = frozenset(function.name for function in module.functions if not function.is_entry)
    parts = ['#include "device.h"', *(_global_variable(v) for v in module.variables if v.space != "shared")]
    parts += [f"{_call_head(name)};" for name in sorted(callees)]
    parts += [_function(function, addresses, callees, static_size) for function in module.functions]
    return "\n".join(parts)


def instruction_as_c(instruction: Instruction, scope: Scope) -> str:
    """Return one instruction as a block of C."""
    try:
        translation = carries.add_with_carry if carries.uses_carry(instruction) else TRANSLATIONS[instruction.name]
        statements = translation(instruction, scope)
    except (ValueError, KeyError, IndexError) as error:  # or another number of operands or modifiers than in the tables
        reason = f" ({error})" if isinstance(error, NoTranslation) and str(error) else ""
        raise Unsupported(f"the PTX instruction `{instruction}` cannot be emulated{reason}") from error
    guard = f"if ({scope.read(instruction.predicate, 'pred')}) " if instruction.predicate else ""
    return f"{guard}{{ {statements} }}"


def _place_shared_variables(module: Module) -> tuple[dict[str, str], int]:
    """Return the offset of each variable in a block's shared memory, and the start of the dynamic part."""
    variables = [v for v in module.variables if v.space == "shared"]
    variables += [v for f in module.functions for v in f.variables.values() if v.space == "shared"]
    offsets, size = {}, 0
    for variable in variables:
        if variable.length is not None:
            offsets[variable.name] = str(size)
            size += -(-variable.size // 64) * 64  # aligned for every type
    offsets |= {variable.name: str(size) for variable in variables if variable.length is None}
    return {name: f"{offset}u" for name, offset in offsets.items()}, size


def _global_variable(variable: Variable) -> str:
    """Return a variable of the module, as the bits of its values: C has no literal for NaN or infinity."""
    initial = f" = {{{', '.join(_bits(text) for text in variable.initial)}}}" if variable.initial else ""
    c_type, length = f"uint{bits_of(variable.type)}_t", max(variable.length or 0, 1)
    return f"static {c_type} {c_name(variable.name)}[{length}] __attribute__((aligned(64))){initial};"


def _bits(literal: str) -> str:
    try:
        number = int(literal[2:], 16) if literal[:2].lower() in ("0f", "0d") else int(literal, 0)
    except ValueError as error:
        raise Unsupported(f"the initial value {literal!r} of PTX cannot be emulated") from error
    return f"{number % 2**64}ull"


def _function(function: Function, addresses: dict[str, str], callees: frozenset[str], static_size: int) -> str:
    name = c_name(function.name)
    own = {v.name: f"((uintptr_t)R->{c_name(v.name)})" for v in function.variables.values() if v.space != "shared"}
    own |= {
        variable.name: f"((uintptr_t)place->parameters[{number}])"
        for number, variable in enumerate((*function.results, *function.parameters))
    }
    scope = Scope(function.registers, addresses | own, callees)
    lines = [_state(name, function)]
    body = [_line(element, scope) for element in function.body]
    inlined = "" if scope.stops else "inline __attribute__((always_inline))"
    resumes = " ".join(f"case {number}: goto resume_{number};" for number in range(1, scope.stops + 1))
    lines += [
        f"static {inlined} void run_{name}(void *state, const struct place *place) {{",
        f"struct {name} *R = state;",
        f"switch (R->thread.resume_at) {{ default: break; {resumes} }}",
        *body,
        "STOP(FINISHED, 0);",
        "}",
        _launch(name, scope.stops, static_size) if function.is_entry else _call(name, function, scope.stops),
    ]
    return "\n".join(lines)


def _line(element: Label | Instruction, scope: Scope) -> str:
    return f"{c_name(element.name)}:;" if isinstance(element, Label) else instruction_as_c(element, scope)


def _state(name: str, function: Function) -> str:
    """Return the structure with the state of a stopped thread."""
    registers = (f"{C_TYPES[kind]} {c_name(register)};" for register, kind in function.registers.items())
    memory = (
        f"unsigned char {c_name(v.name)}[{v.size}] __attribute__((aligned({_ALIGNMENT})));"
        for v in function.variables.values()
        if v.space != "shared"
    )
    return f"struct {name} {{ struct thread thread; {' '.join(registers)} {' '.join(memory)} }};"


def _launch(name: str, stops: int, static_size: int) -> str:
    """Return the function that the host calls to run a grid of the kernel."""
    way = f"return run_grid(run_{name}, sizeof(struct {name}), &place);"
    return (
        f"enum fault launch_{name}(unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,"
        " unsigned dynamic_shared, void **parameters) {\n"
        f"if ({static_size} + dynamic_shared > SHARED_BYTES) return TOO_MUCH_SHARED;\n"
        "struct place place = {.nctaid = {gx, gy, gz}, .ntid = {bx, by, bz}, .parameters = parameters,"
        " .shared = shared_memory};\n"
        f"{way if stops else f'RUN_INDEPENDENT({name}, place); return NO_FAULT;'}\n}}"
    )


def _call(name: str, function: Function, stops: int) -> str:
    """Return the function that other functions of the module call."""
    if stops:
        raise Unsupported(f"the function {function.name!r} of PTX waits for other threads, which cannot be emulated")
    return (
        f"{_call_head(function.name)} {{\n"
        f"struct {name} state; state.thread.resume_at = 0; run_{name}(&state, place); return state.thread.status;\n}}"
    )


def _call_head(name: str) -> str:
    return f"static enum status call_{c_name(name)}(const struct place *place)"
