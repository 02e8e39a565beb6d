"""How Sphinx builds the documentation."""

from importlib.metadata import version as installed_version
from typing import Any

from sphinx.application import Sphinx

project = "cutedl_xp"
author = "the authors of cutedl_xp"
project_copyright = "the authors of cutedl_xp"
version = release = installed_version("cutedl_xp")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.mathjax"]
exclude_patterns = ["_build", "benchmarks/*.md", "convergence.md"]  # parts of other pages
html_theme = "furo"
html_title = f"cutedl_xp {release}"

myst_enable_extensions = ["amsmath", "colon_fence", "dollarmath"]
myst_heading_anchors = 3

autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_inherit_docstrings = False  # a method is described where it is introduced
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_custom_sections = ["State"]  # of an optimizer

# A reference to a name that does not exist is an error, apart from what other projects and private modules define:
# nothing is looked up on the network.
nitpicky = True
nitpick_ignore_regex = [
    ("py:.*", r"(collections|matplotlib|np|numpy|os|pathlib|types|typing)\..*"),
    ("py:.*", r"cutedl_xp\.(.+\.)?_.*"),
    ("py:class", r"Array|Figure|Namespace|Shape|cutedl_xp\.training\.stopping\.Stopping"),
    ("py:class", r"cutedl_xp\.parameters\.views\.ParameterViews"),
    ("py:exc", r"NotCompilable"),
]


def setup(app: Sphinx) -> None:
    """Declare the language of the Chinese pages, by which browsers choose fonts and screen readers a voice."""
    app.connect("html-page-context", _set_language)


def _set_language(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object) -> None:
    if page.startswith("zh/"):
        context["language"] = "zh-CN"
