"""``help()`` of every public name says what it is and shows it in use; every docstring,
of private names too, says it in a first line that is no riddle."""

import ast
import importlib
import inspect
import pathlib

import pytest

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
    "lest told"
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


def test_the_public_names_are_met():
    assert len(CALLABLE) > 60
    assert "fixedpoint_tf.FixedPointFinder" in CALLABLE


@pytest.mark.parametrize("name", CALLABLE)
def test_a_public_name_has_an_example(name):
    text = inspect.getdoc(CALLABLE[name]) or ""
    assert "Example:" in text and ">>>" in text


@pytest.mark.parametrize("name", [n for n, v in CALLABLE.items() if inspect.isclass(v)])
def test_a_public_method_is_described(name):
    for member, value in vars(CALLABLE[name]).items():
        if inspect.isfunction(value) and not member.startswith("_"):
            assert inspect.getdoc(value), f"{name}.{member}"


@pytest.mark.parametrize("name", [n for n, v in CALLABLE.items() if inspect.isfunction(v)])
def test_an_argument_is_described(name):
    function = CALLABLE[name]
    text = inspect.getdoc(function) or ""
    for argument in inspect.signature(function).parameters:
        assert argument in text, f"{name}({argument})"


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


@pytest.mark.parametrize("package", [fixedpoint_tf, lfads_tf])
def test_no_docstring_begins_with_a_question(package):
    lines = list(described(package))
    assert len(lines) > 500
    asking = [
        f"{place}: {line}"
        for place, line in lines
        if line.split()[0].strip(".,:;*`?").lower() in QUESTIONS
    ]
    assert not asking
