"""The directive ``public-names``: the reference of a module, made from its public names.

    .. public-names:: cutedl_xp.optimizers
       :within: cutedl_xp.optimizers.rules
       :inherit: Optimizer

A table of the names with their summaries comes first, then each name with its docstring. ``only`` selects names and
orders them, ``except`` leaves names out, ``within`` takes the names that a subpackage defines, and ``inherit`` lists
the classes whose inherited methods are described too.
"""

import importlib
import inspect
from types import ModuleType
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


class PublicNames(SphinxDirective):
    """Describe the public names of a module."""

    required_arguments = 1
    option_spec: ClassVar[dict[str, Any]] = {
        "only": directives.unchanged_required,
        "except": directives.unchanged_required,
        "within": directives.unchanged_required,
        "inherit": directives.unchanged_required,
    }

    def run(self) -> list[nodes.Node]:
        """Return the nodes of the table and of the descriptions."""
        module = importlib.import_module(self.arguments[0])
        names = [name for name in public_names(module) if self._is_selected(module, name)]
        order = self.options.get("only", "").split()
        names.sort(key=lambda name: order.index(name) if order else 0)
        if not names:
            raise self.error(f"{module.__name__} has no public name that the options select")
        lines = [".. autosummary::", "   :nosignatures:", ""]
        lines += [f"   ~{module.__name__}.{name}" for name in names]
        for name in names:
            lines += ["", f".. auto{kind(getattr(module, name))}:: {module.__name__}.{name}"]
            if name in self.options.get("inherit", "").split():
                lines.append("   :inherited-members:")
        return self.parse_text_to_nodes("\n".join(lines))

    def _is_selected(self, module: ModuleType, name: str) -> bool:
        """Return whether the options select a name."""
        if name in self.options.get("except", "").split():
            return False
        if "only" in self.options:
            return name in self.options["only"].split()
        return getattr(module, name).__module__.startswith(self.options.get("within", ""))


def public_names(module: ModuleType) -> list[str]:
    """Return the public classes and functions of a module: the names in ``__all__``, else those that it defines."""
    names = getattr(module, "__all__", None)
    if names is None:
        names = [name for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__]
    described = (inspect.isclass, inspect.isroutine)
    return [name for name in names if name[0] != "_" and any(test(getattr(module, name)) for test in described)]


def kind(value: Any) -> str:
    """Return the name of the autodoc directive of a value, without its prefix."""
    if inspect.isroutine(value):
        return "function"
    return "exception" if issubclass(value, BaseException) else "class"


def skip_field(app: Sphinx, what: str, name: str, value: Any, skip: bool, options: Any) -> bool | None:
    """Skip the fields of a named tuple, which its section of attributes describes."""
    return True if (getattr(value, "__doc__", None) or "").startswith("Alias for field number") else None


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.setup_extension("sphinx.ext.autosummary")
    app.add_directive("public-names", PublicNames)
    app.connect("autodoc-skip-member", skip_field)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
