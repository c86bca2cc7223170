"""``help()`` of every public name says what it is and shows it in use; every docstring,
of private names too, says it in a first line that is no riddle."""

import ast
import enum
import importlib
import inspect
import pathlib
import pydoc
import re

from public_calls import parameters, public_callables

import fixedpoint_tf
import lfads_tf
import lfads_tf.data

#: Rooms whose names users call; the others are the workshop behind them.
ROOMS = {
    fixedpoint_tf: [
        "analysis.attractors",
        "analysis.attractors.slow_states",
        "analysis.basins",
        "analysis.certificates",
        "analysis.comparison.networks",
        "analysis.completeness.coverage",
        "analysis.completeness.coverage_result",
        "analysis.completeness.deflation",
        "analysis.completeness.deflation_result",
        "analysis.completeness.estimators",
        "analysis.connections",
        "analysis.continuation",
        "analysis.cycles",
        "analysis.sensitivity",
        "_utils.selection",
        "linearization",
        "systems.cells",
        "systems.sampling",
        "tasks",
    ],
    lfads_tf: [
        "sessions.condition_averages",
        "sessions.regression",
        "analysis",
        "data",
        "data.synthetic",
        "data.wrist",
    ],
}
#: A first line that begins so asks or answers a question: modules begin with a noun of the
#: field, functions with a verb in the imperative.
QUESTIONS = (
    "what which whether where how who whose why of is are does do did have has can from when "
    "lest told give gives tell tells say says see know"
).split()
#: Helpers of one room that another one uses.
SHARED = {"check_time", "check_runs"}


def public():
    for package, rooms in ROOMS.items():
        for name in package.__all__:
            yield f"{package.__name__}.{name}", getattr(package, name)
        for room in rooms:
            module = importlib.import_module(f"{package.__name__}.{room}")
            names = getattr(module, "__all__", None) or [
                name
                for name, value in vars(module).items()
                if getattr(value, "__module__", None) == module.__name__
            ]
            for name in names:
                if not name.startswith("_") and name not in SHARED:
                    yield f"{module.__name__}.{name}", getattr(module, name)


CALLABLE = {
    name: value
    for name, value in public()
    if inspect.isfunction(value) or inspect.isclass(value)
}


ENTRY = re.compile(r"    (\*{0,2}\w+(?:, (?:\*{0,2}\w+|\.\.\.))*)(?: \([^)]*\))?:(?: |$)")
REFERENCE = re.compile(r"see :(?:func|class|meth):`~?\.?([\w.]+)`", re.IGNORECASE)


#: Keras calls them and describes their arguments.
OF_KERAS = {f"lfads_tf.LFADS.{name}" for name in ("from_config", "test_step", "train_step")}


def everything_public():
    """Functions, classes and methods by name, each once; enumerations take no arguments."""
    things = {**CALLABLE, **dict(public_callables())}
    once = {getattr(thing, "__func__", thing): name for name, thing in reversed(things.items())}
    for thing, name in once.items():
        is_enumeration = inspect.isclass(thing) and issubclass(thing, enum.Enum)
        if not is_enumeration and name not in OF_KERAS:
            yield name, thing


PUBLIC = dict(everything_public())


def section(text, wanted):
    """Return the lines of a section of a docstring."""
    lines, title = [], ""
    for line in text.splitlines():
        if line and not line.startswith(" "):
            title = line.removesuffix(":")
        elif title == wanted:
            lines.append(line)
    return lines


def described_in(text):
    """Return the lines that describe the arguments of a function, class or dataclass."""
    return section(text, "Args") or section(text, "Attributes")


def entries(text):
    """Return the names with an entry in Args, or in the Attributes of a dataclass."""
    found = filter(None, map(ENTRY.match, described_in(text)))
    return [name.strip("*") for entry in found for name in entry[1].split(", ")]


def docstring(thing):
    """Return the docstring, of a class with that of its initializer."""
    text = inspect.getdoc(thing) or ""
    if inspect.isclass(thing) and "__init__" in vars(thing):
        text += "\n\n" + (inspect.getdoc(thing.__init__) or "")
    return text


def target(thing, name):
    """Return what a docstring refers to: a dotted name, or one in its module or class."""
    path = f"{thing.__module__}.{thing.__qualname__}"
    for place in ("", f"{thing.__module__}.", f"{path.rpartition('.')[0]}.", f"{path}."):
        if (found := pydoc.locate(place + name)) is not None:
            return found
    raise LookupError(f"{path} refers to {name}, which is not there")


def undescribed(thing, text):
    """Return the arguments without an entry in a docstring, and the entries of none.

    ``see :func:`name``` stands for the entries of that function: in a docstring without
    entries, or in an entry ``first, ..., last: see``.
    """
    arguments, described = set(parameters(thing)) - {"cls"}, set(entries(text))
    missing = arguments - described
    lines = described_in(text)
    shared = [line for line in lines if ", ..., " in line] if lines else text.splitlines()
    for name in REFERENCE.findall("\n".join(shared)) if missing else []:
        missing -= set(entries(docstring(target(thing, name))))
    of_none = set() if inspect.isclass(thing) else described - arguments
    return sorted(missing | of_none)


def test_the_public_names_are_met():
    assert len(CALLABLE) > 60
    assert "fixedpoint_tf.FixedPointFinder" in CALLABLE
    assert len(PUBLIC) > 300


def test_a_public_name_has_an_example():
    texts = {name: inspect.getdoc(value) or "" for name, value in CALLABLE.items()}
    assert [n for n, t in texts.items() if "Example:" not in t or ">>>" not in t] == []


def test_a_public_method_is_described():
    bare = [
        f"{name}.{member}"
        for name, thing in CALLABLE.items()
        if inspect.isclass(thing)
        for member, value in vars(thing).items()
        if inspect.isfunction(value) and not member.startswith("_")
        if not inspect.getdoc(value)
    ]
    assert bare == []


def test_every_argument_is_described():
    missing = {name: undescribed(thing, docstring(thing)) for name, thing in PUBLIC.items()}
    assert {name: names for name, names in missing.items() if names} == {}


def test_each_deleted_entry_of_an_argument_is_missed():
    """The test above can fail: at each line that describes an argument."""
    deleted, passed = 0, []
    for name, thing in PUBLIC.items():
        lines = docstring(thing).splitlines()
        arguments = set(parameters(thing))
        for place, line in enumerate(lines):
            without = "\n".join(lines[:place] + lines[place + 1 :])
            gone = set(entries("\n".join(lines))) - set(entries(without))
            if ENTRY.match(line) and gone & arguments:
                deleted += 1
                if not gone & arguments <= set(undescribed(thing, without)):
                    passed.append(f"{name}: {line}")
    assert deleted > 1000
    assert passed == []


def described(package):
    """Yield the place and the first line of every docstring of a package."""
    root = pathlib.Path(package.__file__).parent
    for path in sorted(root.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
                text = ast.get_docstring(node)
                if text:
                    name = getattr(node, "name", "")
                    yield f"{path.relative_to(root.parent)}: {name}", text.splitlines()[0]


def private_helpers(package):
    """Yield the place and the docstring of every private function of a package."""
    root = pathlib.Path(package.__file__).parent
    for path in sorted(root.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and ast.get_docstring(node):
                if node.name.startswith("_") and not node.name.startswith("__"):
                    yield (
                        f"{path.relative_to(root.parent)}: {node.name}",
                        ast.get_docstring(node),
                    )


def test_no_docstring_begins_with_a_question():
    lines = [*described(fixedpoint_tf), *described(lfads_tf)]
    assert len(lines) > 1000
    asking = [
        f"{place}: {line}"
        for place, line in lines
        if line.split()[0].strip(".,:;*`?").lower() in QUESTIONS
    ]
    assert not asking


def test_a_private_helper_has_one_line():
    helpers = [*private_helpers(fixedpoint_tf), *private_helpers(lfads_tf)]
    assert len(helpers) > 600
    assert not [place for place, text in helpers if "\n" in text]


def test_a_first_line_is_one_clause():
    split = [
        f"{place}: {line}"
        for place, line in [*described(fixedpoint_tf), *described(lfads_tf)]
        if "; " in line and "``keras.layers." not in line  # a reference and the class of Keras
    ]
    assert not split
