"""Configuration of Sphinx."""

import os
import sys
from importlib.metadata import version as installed_version
from typing import Any

from sphinx.application import Sphinx

project = "cutedl_xp"
author = "the authors of cutedl_xp"
project_copyright = "the authors of cutedl_xp"
version = release = installed_version("cutedl_xp")

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "_ext"))
extensions = [
    "command_line",
    "myst_parser",
    "public_names",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx-mathjax-offline",  # copies MathJax into the site: pages load no external resources
    "sphinx_copybutton",
    "sphinx_design",
]
exclude_patterns = ["_build", "benchmarks/*.md", "convergence.md"]  # parts of other pages
mathjax3_config = {"options": {"enableMenu": False}}  # the menu can load parts that the site does not have
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
copybutton_only_copy_prompt_lines = True
html_title = f"cutedl_xp {release}"

myst_enable_extensions = ["amsmath", "colon_fence", "dollarmath"]
myst_heading_anchors = 3

toc_object_entries_show_parents = "hide"
python_use_unqualified_type_names = True
autosummary_generate = False  # `public-names` writes the tables
suppress_warnings = [
    "autosummary.import_cycle",  # full names are needed: a page describes several modules
]
autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_inherit_docstrings = False  # a method is described where it is introduced
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_custom_sections = ["State"]  # of an optimizer

# A reference to a missing name is an error, except for names of other projects and of private modules: no inventory is
# loaded from the network.
nitpicky = True
nitpick_ignore_regex = [
    ("py:.*", r"(collections|matplotlib|np|numpy|os|pathlib|types|typing)\..*"),
    ("py:.*", r"cutedl_xp\.(.+\.)?_.*"),
    ("py:class", r"Array|Batches|Figure|Namespace|Shape"),
    ("py:class", r"cutedl_xp\.training\.(gradient_norm\.GradientNorm|stopping\.Stopping)"),
    ("py:class", r"cutedl_xp\.parameters\.views\.ParameterViews"),
    ("py:exc", r"NotCompilable"),
]


def setup(app: Sphinx) -> None:
    """Declare the language of the Chinese pages, for the fonts of browsers and the voices of screen readers."""
    app.connect("html-page-context", _set_language)


def _set_language(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object) -> None:
    if page.startswith("zh/"):
        context["language"] = "zh-CN"
