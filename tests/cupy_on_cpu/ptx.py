"""Parser for PTX, the assembly language of NVIDIA's compiler: functions, variables, instructions."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from cupy_on_cpu.errors import Unsupported

SIZES = {"b8": 1, "u8": 1, "s8": 1, "b16": 2, "u16": 2, "s16": 2, "f16": 2, "b32": 4, "u32": 4, "s32": 4, "f32": 4}
SIZES |= {"b64": 8, "u64": 8, "s64": 8, "f64": 8}
"""Bytes of a value, by PTX type."""

_HEADER = re.compile(r"^\s*\.(version|target|address_size)\b.*$", re.MULTILINE)
_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_FUNCTION = re.compile(r"\.(entry|func)\b")
_SIGNATURE = re.compile(
    r"\.(?P<kind>entry|func)\s*(?:\((?P<results>[^)]*)\))?\s*(?P<name>[\w$]+)\s*(?:\((?P<rest>[^)]*)\))?"
)
_VARIABLE = re.compile(
    r"\.(?P<space>global|const|shared|local|param)\s+(?P<attributes>(?:\.\w+\s+\d*\s*)*?)"
    r"\.(?P<type>[bsuf]\d+)\s+(?:\.ptr\s+)?(?:\.(?:global|const|shared|local)\s+)?(?:\.align\s+\d+\s+)?"
    r"(?P<name>[\w$%]+)\s*(?P<array>\[\s*(?P<length>\d*)\s*\])?\s*(?:=\s*(?P<initial>.*))?$",
    re.DOTALL,
)
_REGISTER = re.compile(r"(?P<name>[%\w$]+)(?:<(?P<count>\d+)>)?$")
_LABEL = re.compile(r"([\w$]+)\s*:(?!:)\s*")
_INSTRUCTION = re.compile(r"(?:@(?P<predicate>!?%[\w$]+)\s+)?(?P<opcode>[\w.:]+)\s*(?P<operands>.*)$", re.DOTALL)
_IGNORED = (".loc ", ".file", ".pragma", ".section", ".weak", ".extern")


@dataclass(frozen=True)
class Variable:
    """A variable in memory; ``length`` is None if it ends at the end of the dynamic shared memory."""

    space: str
    type: str
    name: str
    length: int | None = 1
    initial: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Size in bytes."""
        return SIZES[self.type] * (self.length or 0)


@dataclass(frozen=True)
class Label:
    """Target of branches."""

    name: str


@dataclass(frozen=True)
class Instruction:
    """One instruction, such as ``@%p1 add.ftz.f32 %f1, %f2, 0f3F800000``."""

    opcode: str
    operands: tuple[str, ...] = ()
    predicate: str | None = None

    @property
    def name(self) -> str:
        """The first part of the opcode: ``add``."""
        return self.opcode.partition(".")[0]

    @property
    def modifiers(self) -> tuple[str, ...]:
        """The other parts: ``("ftz", "f32")``."""
        return tuple(self.opcode.split(".")[1:])

    def __str__(self) -> str:
        guard = f"@{self.predicate} " if self.predicate else ""
        return f"{guard}{self.opcode} {', '.join(self.operands)}".rstrip()


@dataclass
class Function:
    """A kernel (an entry), or a function that kernels call."""

    name: str
    is_entry: bool
    results: list[Variable]
    parameters: list[Variable]
    registers: dict[str, str] = field(default_factory=dict)  # the type of each
    variables: dict[str, Variable] = field(default_factory=dict)
    body: list[Label | Instruction] = field(default_factory=list)


@dataclass
class Module:
    """All definitions of one PTX text, in their order."""

    functions: list[Function] = field(default_factory=list)
    variables: list[Variable] = field(default_factory=list)


def parse(text: str) -> Module:
    """Parse a PTX text.

    Raises
    ------
    Unsupported
        If a declaration is not supported.
    """
    module = Module()
    for head, body in _top_level(_HEADER.sub("", _COMMENT.sub("", text))):
        if body is not None:
            module.functions.append(_function(head, body))
        elif not _FUNCTION.search(head) and not head.startswith(
            _IGNORED
        ):  # a declaration without a body has no new information
            module.variables.append(_variable(head.replace(".visible", "").strip()))
        elif head.startswith((".weak", ".extern")) and not _FUNCTION.search(head):
            module.variables.append(_variable(head.partition(" ")[2].strip()))
    return module


def split_operands(text: str) -> tuple[str, ...]:
    """Split at the commas outside of brackets: ``{%f1, %f2}, [%rd1+8]`` has two operands."""
    parts, depth = [""], 0
    for character in text:
        depth += (character in "{[(") - (character in "}])")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return tuple(part.strip() for part in parts if part.strip())


def _top_level(text: str) -> Iterator[tuple[str, str | None]]:
    """Yield each declaration with None, and each function's head with its body."""
    start = position = 0
    while (found := re.compile(r"[;{]").search(text, position)) is not None:
        head = text[start : found.start()].strip()
        if found.group() == "{" and _FUNCTION.search(head):
            end = _closing_brace(text, found.end())
            yield head, text[found.end() : end]
            start = position = end + 1
        elif found.group() == "{":  # the initial values of an array
            position = _closing_brace(text, found.end()) + 1
        else:
            yield head, None
            start = position = found.end()


def _closing_brace(text: str, position: int) -> int:
    depth = 1
    while depth:
        depth += {"{": 1, "}": -1}.get(text[position], 0)
        position += 1
    return position - 1


def _variable(declaration: str) -> Variable:
    found = _VARIABLE.match(declaration)
    if not found or found["type"] not in SIZES:
        raise Unsupported(f"the declaration {declaration!r:.200} of PTX cannot be emulated")
    initial = split_operands((found["initial"] or "").strip().removeprefix("{").removesuffix("}"))
    length = None if found["array"] and not found["length"] else int(found["length"] or 1)
    return Variable(found["space"], found["type"], found["name"], length, initial)


def _function(head: str, body: str) -> Function:
    found = _SIGNATURE.search(head)
    if not found:
        raise Unsupported(f"the function {head!r:.200} of PTX cannot be emulated")
    results, parameters = (
        [_variable(declaration) for declaration in split_operands(found[group] or "")] for group in ("results", "rest")
    )
    function = Function(found["name"], found["kind"] == "entry", results, parameters)
    for statement in body.split(";"):
        _add_statement(function, " ".join(statement.split()))
    return function


def _add_statement(function: Function, statement: str) -> None:
    """Add one statement of a body to the function; blocks only limit the scope of names and are left out."""
    while True:
        statement = statement.lstrip("{} ")
        label = _LABEL.match(statement)
        if not label:
            break
        function.body.append(Label(label[1]))
        statement = statement[label.end() :]
    if not statement or statement.startswith(_IGNORED):
        return
    if statement.startswith(".reg"):
        function.registers.update(_registers(statement))
    elif statement.startswith("."):
        variable = _variable(statement)
        earlier = function.variables.get(variable.name)
        if earlier is None or earlier.size < variable.size:  # each call has its own block of parameters
            function.variables[variable.name] = variable
    else:
        found = _INSTRUCTION.match(statement)
        if not found:
            raise Unsupported(f"the statement {statement!r:.200} of PTX cannot be emulated")
        function.body.append(Instruction(found["opcode"], split_operands(found["operands"]), found["predicate"]))


def _registers(statement: str) -> Iterator[tuple[str, str]]:
    """Return the name and type of each register of a declaration such as ``.reg .f32 %f<3>``."""
    _, dotted_type, names = statement.split(maxsplit=2)
    for declared in names.split(","):
        found = _REGISTER.match(declared.strip())
        if not found:
            raise Unsupported(f"the declaration {statement!r:.200} of PTX cannot be emulated")
        if found["count"] is None:
            yield found["name"], dotted_type.lstrip(".")
        else:
            for number in range(int(found["count"])):
                yield f"{found['name']}{number}", dotted_type.lstrip(".")
