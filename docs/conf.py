"""How the documentation is built: ``sphinx-build -W -n -b html docs docs/_build``."""

import importlib
import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("MPLBACKEND", "Agg")

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import generated  # noqa: E402
from sphinx.ext.napoleon import GoogleDocstring  # noqa: E402

import fixedpoint_tf  # noqa: E402

project = "fixedpoint-tf"
author = "the authors of fixedpoint-tf"
version = release = fixedpoint_tf.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
]
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = "fixedpoint-tf"
html_show_copyright = False

# Notebooks are committed with their outputs, which a test of the tutorials checks.
nb_execution_mode = "off"
myst_enable_extensions = ["deflist", "dollarmath"]
myst_heading_anchors = 3

napoleon_numpy_docstring = False
# The attributes of a dataclass stand in its docstring, and are not listed once more.
napoleon_use_ivar = True
# What Keras says of methods that are overridden without a word is Keras's own matter.
autodoc_inherit_docstrings = False
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
python_maximum_signature_line_length = 88
python_use_unqualified_type_names = True
# Sources link back under the names of the modules, which the pages do not use.
viewcode_follow_imported_members = False
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

# Types of other packages, in signatures: their pages could be linked only with a network.
nitpick_ignore_regex = [
    (
        r"py:.*",
        r"(collections\.abc|contextlib|enum|keras|matplotlib|np|numpy|os|pathlib|scipy"
        r"|tensorflow|tf|types)\..*",
    ),
    (r"py:class", r"Axes|Figure"),  # of matplotlib, imported for type checkers only
    (r"py:class", r".*\.(Result|Self)"),  # type variables
]

generated.copy_tutorials(HERE.parent / "tutorials", HERE / "tutorials")
PUBLIC = generated.write_reference(HERE / "api")


def find(path):
    """What can be imported from a dotted path; None where there is nothing."""
    module, parts = path, []
    while "." in module:
        module, _, last = module.rpartition(".")
        parts.insert(0, last)
        try:
            value = importlib.import_module(module)
        except ImportError:
            continue
        for part in parts:
            value = getattr(value, part, None)
        return value
    return None


def documented_as(path):
    """The name under which the reference has what can be imported from ``path``."""
    value = find(path)
    if isinstance(value, property):
        owner, _, name = path.rpartition(".")
        return f"{documented_as(owner)}.{name}"
    qualname = getattr(value, "__qualname__", None)
    if not qualname:
        return None
    top, _, below = qualname.partition(".")
    home = f"{value.__module__}.{top}"
    return PUBLIC.get(home, home) + (f".{below}" if below else "")


def resolve_by_import(app, env, node, contnode):
    """Links a name, by whatever path it can be imported from, to where it is documented."""
    if node.get("refdomain") != "py":
        return None
    domain, target = env.domains["py"], node["reftarget"]
    names = [documented_as(prefix + target) for prefix in ("", f"{node.get('py:module')}.")]
    # A short name, where only one thing in the reference ends like it.
    ends = "." + target.removeprefix(f"{node.get('py:module')}.")
    short = [
        name
        for name, entry in domain.objects.items()
        if name.endswith(ends) and not entry.aliased
    ]
    # A constant is known by its value, since it does not know its name.
    ends = "." + target.rpartition(".")[2]
    same = [
        name
        for name, entry in domain.objects.items()
        if entry.objtype == "data" and name.endswith(ends) and find(name) is find(target)
    ]
    for name in [*names, *(short if len(short) == 1 else []), *same]:
        if name in domain.objects and name != target:
            return domain.resolve_xref(
                env, node["refdoc"], app.builder, node["reftype"], name, node, contnode
            )
    return None


class AttributesInWords:
    """Keeps Napoleon from reading ``One: two`` at the head of an attribute as its type."""

    def __init__(self):
        self.written = {}

    def before(self, app, what, name, obj, options, lines):
        self.written[name] = list(lines)

    def after(self, app, what, name, obj, options, lines):
        written = self.written.pop(name)
        if what in ("attribute", "data", "property"):
            parsed = GoogleDocstring(written, app.config, app, "method", name, obj, options)
            lines[:] = parsed.lines()


def setup(app):
    app.connect("missing-reference", resolve_by_import)
    in_words = AttributesInWords()  # Napoleon's own priority is 500
    app.connect("autodoc-process-docstring", in_words.before, priority=400)
    app.connect("autodoc-process-docstring", in_words.after, priority=600)
