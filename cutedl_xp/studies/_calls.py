"""Parser of texts such as ``"adam(lr=0.001)"``, a name with options, which are never evaluated as code."""

import ast
import inspect
import sys
import warnings
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias, get_args

from cutedl_xp._checks import check_boolean, check_integer, check_real, check_text

Value: TypeAlias = bool | int | float
Options: TypeAlias = dict[str, Value]

_LONGEST = 500  # characters, so that no text exceeds the nesting limit of the parser
_SHOWN = 80


class Signature(NamedTuple):
    """Options that a name accepts.

    Attributes
    ----------
    kinds
        Type of each option by its name, in the constructor's order: bool, int or float.
    positional
        Names of the options that may be given by position, in order.
    required
        Names of the options without a default.
    """

    kinds: Mapping[str, type]
    positional: tuple[str, ...]
    required: tuple[str, ...]


def read_signature(function: Callable[..., Any], without: tuple[str, ...] = ()) -> Signature:
    """Return the options of a constructor, except those in ``without``."""
    parameters = [each for each in inspect.signature(function).parameters.values() if each.name not in without]
    return Signature(
        MappingProxyType({each.name: _find_kind(each.annotation) for each in parameters}),
        tuple(each.name for each in parameters if each.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD),
        tuple(each.name for each in parameters if each.default is inspect.Parameter.empty),
    )


def _find_kind(annotation: Any) -> type:
    kinds = get_args(annotation) or (annotation,)
    return next(kind for kind in (float, bool, int) if kind in kinds)


class Grammar(NamedTuple):
    """Grammar of one kind of texts.

    Attributes
    ----------
    noun
        Noun with its article, for errors, such as ``"an optimizer"``.
    example
        Valid text.
    signatures
        Options of each name.
    """

    noun: str
    example: str
    signatures: Mapping[str, Signature]

    def parse(self, text: str) -> tuple[str, Options]:
        """Return the name in a text, and its options in the constructor's order.

        Raises
        ------
        TypeError
            If the text is no string.
        ValueError
            If the text is no known name, alone or with options of this name in parentheses, as literals of their types.
        """
        tree = self._read(check_text(self.noun.split()[-1], text))
        function, arguments, keywords = tree, [], []
        if isinstance(tree, ast.Call):
            function, arguments, keywords = tree.func, tree.args, tree.keywords
        if not isinstance(function, ast.Name):
            raise ValueError(f"{self._describe_form()}; got {_shorten(text)}")
        name = function.id.lower()
        pairs = self._name_arguments(text, name, arguments, keywords)
        options: Options = {}
        for option, node in pairs:
            if option in options:
                raise ValueError(f"{name}: `{option}` must be given once; got {_shorten(text)}")
            value = _read_literal(node)
            if value is None:
                received = _shorten(ast.get_source_segment(text.strip(), node) or text)
                raise ValueError(f"{name}: `{option}` must be a finite number, True or False; got {received}")
            options[option] = value
        return name, self.check(name, options)

    def check(self, name: str, options: Mapping[str, Any]) -> Options:
        """Return options in the constructor's order with values of their types; raise for other options or values."""
        signature = self._find(name)
        for option in options:
            if option not in signature.kinds:
                choices = ", ".join(signature.kinds) or "none"
                raise ValueError(f"{name} has no option `{option}`; its options are: {choices}")
        for option in signature.required:
            if option not in options:
                raise ValueError(f"{name}: `{option}` must be given, as in {name}({option}=10)")
        return {
            option: _check_value(name, option, kind, options[option])
            for option, kind in signature.kinds.items()
            if option in options
        }

    def _read(self, text: str) -> ast.expr:
        if len(text) > _LONGEST:
            raise ValueError(f"{self._describe_form()}, in at most {_LONGEST} characters; got {len(text)} of them")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the tokenizer warns of texts that raise an error below
                return ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
            raise ValueError(f"{self._describe_form()}; got {_shorten(text)}") from error

    def _name_arguments(
        self, text: str, name: str, arguments: list[ast.expr], keywords: list[ast.keyword]
    ) -> list[tuple[str, ast.expr]]:
        """Return the name and the value of each option of a call."""
        positional = self._find(name).positional
        if len(arguments) > len(positional):
            raise ValueError(
                f"{name} accepts {len(positional)} options without a name; got {len(arguments)} in {_shorten(text)}: "
                "write the others as name=value"
            )
        pairs = list(zip(positional, arguments, strict=False))
        for keyword in keywords:
            if keyword.arg is None:  # **options
                raise ValueError(f"{self._describe_form()}; got {_shorten(text)}")
            pairs.append((keyword.arg, keyword.value))
        return pairs

    def _find(self, name: str) -> Signature:
        if name not in self.signatures:
            raise ValueError(f"{self.noun} must be one of {', '.join(self.signatures)}; got {name!r}")
        return self.signatures[name]

    def _describe_form(self) -> str:
        return f"{self.noun} must be a name with options, such as {self.example!r}"


def format_call(name: str, options: Mapping[str, Value]) -> str:
    """Return the text of a name with options; numbers have all their digits."""
    written = ", ".join(f"{option}={value!r}" for option, value in options.items())
    return f"{name}({written})" if written else name


def _read_literal(node: ast.expr) -> Value | None:
    sign = 1
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        sign, node = -1 if isinstance(node.op, ast.USub) else 1, node.operand
        if isinstance(node, ast.Constant) and isinstance(node.value, bool):
            return None
    if not isinstance(node, ast.Constant) or not isinstance(node.value, bool | int | float):
        return None
    if not abs(node.value) <= sys.float_info.max:
        return None
    return node.value if sign == 1 else -node.value


def _check_value(name: str, option: str, kind: type, value: Any) -> Value:
    try:
        if kind is bool:
            return check_boolean(option, value)
        if kind is int:
            return check_integer(option, value, at_least=0)
        return check_real(option, value) + 0.0  # -0.0 becomes 0.0, so that equal options have one text
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: {error}") from error


def _shorten(text: str) -> str:
    shown = " ".join(text.split())
    return repr(shown if len(shown) <= _SHOWN else shown[:_SHOWN] + "...")
