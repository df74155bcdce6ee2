"""The documentation site: `make docs` builds it from these pages and the docstrings."""

import importlib
import pydoc
import re
import sys
from pathlib import Path

from docutils import nodes
from sphinx.util import inspect, logging

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

import zfkeras  # noqa: E402 - from this checkout

PACKAGES = ("zfkeras", "zfkeras.layers", "zfkeras.records", "transfer", "visualize")

project = "ZFNet in Keras"
version = release = zfkeras.__version__
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
]
copybutton_exclude = ".linenos, .gp, .go"  # no prompts, and none of what is printed
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = project
html_favicon = "images/favicon.svg"
html_show_copyright = False
highlight_language = "bash"

# Links to headings are those that GitHub makes.
myst_heading_anchors = 3

# Docstrings mark code with single backticks; what is a documented name becomes a link.
default_role = "py:obj"
smartquotes = False
autodoc_default_options = {"exclude-members": "set_fit_request, set_score_request"}
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
napoleon_custom_sections = [("Call arguments", "params_style")]
napoleon_use_rtype = False


def warn_of_undocumented_names(app, env):
    """Warns of each exported name that no page of docs/api documents."""
    documented = [*map(pydoc.locate, env.domains.python_domain.objects)]
    for package in map(importlib.import_module, PACKAGES):
        for name in package.__all__:
            if getattr(package, name) not in documented:
                message = "no page of docs/api documents %s.%s"
                logging.getLogger(__name__).warning(message, package.__name__, name)


def keep_leading_dots(app, what, name, thing, options, lines):
    """Marks `.keras` as code: of a name, Sphinx would leave out the dot."""
    lines[:] = [re.sub(r"(?<!`)`(\.\w+)`(?!`)", r"``\1``", line) for line in lines]


def show_own_parameters(app, what, name, thing, options, signature, returns):
    """Shows what `__init__` takes where Keras's `__new__` takes anything."""
    if what == "class" and signature == "(*args, **kwargs)":
        own = inspect.signature(thing.__init__, bound_method=True)
        return inspect.stringify_signature(own, show_annotation=False), returns


def use_dashes(app, doctree):
    """Puts a dash between a parameter and its text, where Sphinx writes two hyphens."""
    for text in doctree.findall(nodes.Text):
        if text == " -- ":
            text.parent.replace(text, nodes.Text(" – "))


def setup(app):
    """Joins the functions above to the build."""
    app.connect("env-check-consistency", warn_of_undocumented_names)
    app.connect("autodoc-process-docstring", keep_leading_dots)
    app.connect("autodoc-process-signature", show_own_parameters)
    app.connect("doctree-read", use_dashes)
