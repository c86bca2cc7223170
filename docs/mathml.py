"""Formulas as MathML, which browsers draw themselves: no script, no font, no network.

The writer of docutils converts them, and what it cannot read is a warning of Sphinx. The
replacements below are where its result differs from that of TeX.
"""

import re

from docutils import nodes
from docutils.writers.html5_polyglot import HTMLTranslator

# \frac12 is read as a fraction of twelve.
TEX = [(r"(\\[dt]?frac)\s*(\d)\s*(\w)", r"\1{\2}{\3}")]
MATHML = [
    # No space within bars.
    (r"<mo[^>]*>([|‖])</mo>", r'<mo lspace="0" rspace="0" stretchy="false">\1</mo>'),
    # A thin space between a function and an argument without parentheses.
    (r"<mo>&ApplyFunction;</mo>(?=\s*<m(?!o\b))", r'<mspace width="0.17em"></mspace>'),
    # The index of a letter with an accent stands beside it, not below.
    (
        r"<munderover>(\s*<mi>\w</mi>)(\s*<m[in]>\w</m[in]>)(\s*<mo[^>]*>[˙¨ˉˆ˜]</mo>\s*)"
        r"</munderover>",
        r'<msub><mover accent="true">\1\3</mover>\2</msub>',
    ),
]


def replaced(text, patterns):
    for pattern, replacement in patterns:
        text = re.sub(pattern, replacement, text)
    return text


def write(translator, node):
    """Write a formula, inline or on a line of its own."""
    as_read = node.copy()
    as_read["classes"] = [*node["classes"], "formula"]  # pages.css
    as_read += nodes.Text(replaced(node.astext(), TEX))
    translator.math_output, translator.math_options = "mathml", ""
    n_written = len(translator.body)
    try:
        HTMLTranslator.visit_math(translator, as_read)
    finally:  # it ends by an exception of docutils
        translator.body[n_written:] = [replaced("".join(translator.body[n_written:]), MATHML)]


def setup(app):
    app.add_html_math_renderer("mathml", (write, None), (write, None))
    app.config.html_math_renderer = "mathml"
    return {"parallel_read_safe": True, "parallel_write_safe": True}
