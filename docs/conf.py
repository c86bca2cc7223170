"""How the documentation is built: ``sphinx-build -W -n -b html docs docs/_build``."""

import os
import shutil
import sys
from pathlib import Path
from pydoc import locate

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("MPLBACKEND", "Agg")

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

from sphinx.ext.napoleon import GoogleDocstring  # noqa: E402

import fixedpoint_tf  # noqa: E402

project = "fixedpoint-tf"
author = "the authors of fixedpoint-tf"
version = release = fixedpoint_tf.__version__

extensions = [
    "mathml",
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
]
exclude_patterns = ["_build", "jupyter_execute"]

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
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
autodoc_default_options = {
    "members": True,
    # What scikit-learn adds to the classes of its estimators.
    "exclude-members": "set_fit_request, set_predict_request, set_score_request",
}
autosummary_generate = False  # a page a topic, not a page a name
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
    (r"py:class", r"ArrayLike|Axes|Figure"),  # imported for type checkers only
    (r"py:class", r".*\.(Result|Self)"),  # type variables
    # Of this project: what users are given and hand on, but never make.
    (r"py:class", r"(.*\.)?(Equations|Measure|SolverOptions|RNNInputs|StateLayout|System)"),
    (r"py:class", r"(.*\.)?(Couplings|FixedPointMap|Interval)"),
    (r"py:class", r"(.*\.)?(BallBounds|CellBounds|GateInput|Kind|Suprema)"),
    (r"py:class", r"(.*\.)?SessionAgreement"),
]

# Sphinx reads below its own folder only; git ignores the copies.
shutil.rmtree(HERE / "tutorials", ignore_errors=True)
(HERE / "tutorials").mkdir()
for notebook in (HERE.parent / "tutorials").glob("*.ipynb"):
    shutil.copy2(notebook, HERE / "tutorials")


def link_by_public_name(app, env, node, contnode):
    """Links a type in a signature, named where it is written, to where it is documented."""
    if node.get("refdomain") != "py":
        return None
    domain, target = env.domains["py"], node["reftarget"]
    value, last = locate(target), target.rpartition(".")[2]
    found = [
        name
        for name in domain.objects
        if name.rpartition(".")[2] == last
        and (target == last or (value is not None and locate(name) is value))
    ]
    if len(found) != 1 or found == [target]:
        return None
    return domain.resolve_xref(
        env, node["refdoc"], app.builder, node["reftype"], found[0], node, contnode
    )


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


def shorten_factories(app, what, name, obj, options, signature, returns):
    """Write a default that a dataclass makes anew as ``...``, which can be parsed."""
    if signature and "<factory>" in signature:
        return signature.replace("<factory>", "..."), returns
    return None


def setup(app):
    app.connect("autodoc-process-signature", shorten_factories)
    app.connect("missing-reference", link_by_public_name)
    in_words = AttributesInWords()  # Napoleon's own priority is 500
    app.connect("autodoc-process-docstring", in_words.before, priority=400)
    app.connect("autodoc-process-docstring", in_words.after, priority=600)
