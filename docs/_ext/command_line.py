"""The directive ``command-line``: the reference of a command, made from its own parser.

    .. command-line:: compare

The usage comes first, then each option with its explanation, in the groups of ``--help``, then the examples.
"""

from typing import Any

from command_options import read_commands, write_rst
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


class CommandLine(SphinxDirective):
    """Describe a command."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the nodes of the description."""
        name, commands = self.arguments[0], read_commands()
        if name not in commands:
            raise self.error(f"there is no command {name!r}; the commands are {', '.join(commands)}")
        return self.parse_text_to_nodes("\n".join(write_rst(name, commands[name])))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("command-line", CommandLine)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
