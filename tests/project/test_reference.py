"""Each public name is exported once, and stands once in the reference, with nothing private."""

import inspect
import re
from pathlib import Path

from each import each
from public_calls import ROOMS, members, public_names, value

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
PAGES = sorted(page for page in REFERENCE.glob("*.md") if page.stem != "index")
EXPORTED = [name for room in ROOMS for name in members(room)]
MODULES = [n for n in EXPORTED if n not in ROOMS and inspect.ismodule(value(n))]
PUBLIC = list(public_names())


def directives(text):
    """Each directive of a page: its name, what it documents, its options."""
    room = ""
    for kind, target, options in re.findall(
        r"^\.\. ([\w:]+):: ?(.*)\n((?: {3}:.*\n)*)", text, flags=re.MULTILINE
    ):
        if kind in ("currentmodule", "automodule"):
            room = target
        yield kind, target if kind.endswith("module") else f"{room}.{target}", options


def documented(page):
    """The names that a page documents, as Sphinx will understand it."""
    for kind, name, options in directives(page.read_text(encoding="utf-8")):
        if kind == "automodule" and ":no-members:" not in options:
            yield from members(name)
        elif kind in ("autoclass", "autofunction", "autodata", "py:data"):
            yield name


def test_the_pages_are_by_topic():
    assert 15 < len(PAGES) < 30
    assert len(EXPORTED) > 80


def test_every_public_name_stands_on_exactly_one_page():
    found = [name for page in PAGES for name in documented(page)]
    assert sorted(found) == sorted(PUBLIC)


def test_the_overview_has_every_name_and_module_once():
    text = (REFERENCE / "index.md").read_text(encoding="utf-8")
    tables = re.findall(
        r"currentmodule:: (\S+)\n\n\.\. autosummary::\n {3}:nosignatures:\n\n((?: {3}\w+\n)+)",
        text,
    )
    found = [f"{room}.{name}" for room, names in tables for name in names.split()]
    described = [  # a constant has no docstring to take a line from
        name for name in EXPORTED if callable(value(name)) or inspect.ismodule(value(name))
    ]
    assert sorted(found) == sorted(described)


def test_a_name_is_exported_once():
    places = {}
    for name in PUBLIC:
        if callable(value(name)):
            places.setdefault(id(value(name)), []).append(name)
    several = [names for names in places.values() if len(names) > 1]
    alias = ["fixedpoint_tf.plotting.plot_fixed_points", "fixedpoint_tf.plotting.plot_fps"]
    assert several == [alias]  # the name of that figure in FixedPointFinder


@each(page=PAGES)
def test_of_private_modules_only_the_text_is_shown(page):
    for kind, name, options in directives(page.read_text(encoding="utf-8")):
        if kind == "automodule" and name not in ROOMS and name not in MODULES:
            assert ":no-members:" in options and ":no-index:" in options, name
            assert "._" not in name.replace("__main__", "main"), name


def shown_imports():
    """Each line that imports from the packages in README, docs, tutorials and examples."""
    root = REFERENCE.parents[1]
    files = [
        root / "README.md",
        *(root / "docs").rglob("*.md"),
        *(root / "tutorials").glob("*.py"),
    ]
    for path in files:
        yield from imports_of(path.stem, path.read_text(encoding="utf-8"))
    for name in PUBLIC:
        text = inspect.getdoc(value(name)) or ""
        yield from imports_of(name, "\n".join(re.findall(r">>> (.*)", text)))


def imports_of(source, text):
    for room, names in re.findall(
        r"^ *(?:# )?from ((?:fixedpoint_tf|lfads_tf)\S*) import (\([^)]*\)|.*)",
        text,
        re.MULTILINE,
    ):
        for name in re.findall(r"\w+", names.partition("#")[0]):
            yield source, f"{room}.{name}"


def test_what_is_shown_imports_public_names_only():
    known = {*PUBLIC, *EXPORTED, *ROOMS, *MODULES}
    shown = list(shown_imports())
    assert len(shown) > 100
    assert [(source, name) for source, name in shown if name not in known] == []
