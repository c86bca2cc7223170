"""Every option of a method or function stands in its signature, with its default."""

import ast
import dataclasses
import importlib
import inspect
from pathlib import Path

import pytest

import fixedpoint_tf
from fixedpoint_tf import FinderConfig, FixedPointFinder, FixedPoints, analysis, as_system

PACKAGE = Path(fixedpoint_tf.__file__).parent

#: Methods of the finder that ask what points mean, by the names of their functions.
QUESTIONS = [
    "analyze_sensitivity",
    "certify",
    "classify_attractors",
    "continue_branches",
    "estimate_basins",
    "estimate_coverage",
    "find_connections",
    "find_cycles",
    "linear_error",
    "prove_complete",
    "sum_index",
    "sample_slow_states",
    "search_deflated",
]
#: Functions that hand on keyword arguments which are really open, and why they are.
OPEN = {
    "_utils.checks.numbers.check_array_sizes": "sizes by the names of any arguments",
    "finder.FixedPointFinder.__init__": "names that are no option, refused with a hint",
    "systems.models.recorded_inputs._noting.call": "a layer of the user's, as before",
    "systems.models.recorded_inputs._spy.call": "the user's layer, as before",
    "systems.models.recorded_inputs._spy.inner_loop": "that of the user's layer",
    "systems.models.rnn_inputs.RNNInputs.__array_ufunc__": "NumPy's protocol",
    "tasks.task.Task.__call__": "the generator of a task is any function of the user's",
}

#: Methods that draw, and the functions they call: the same arguments but for the first.
DRAWN_BY = {
    "fixed_points.points.FixedPoints.plot": "fixed_points.plotting.plot_fixed_points",
    "fixed_points.index.IndexSum.plot": "fixed_points.index_plotting.plot_index",
    **{
        f"analysis.{method}": f"analysis.{function}"
        for method, function in {
            "attractors.Attractors.plot": "attractors.plotting.plot_attractors",
            "attractors.Attractors.plot_drift": "attractors.plotting.plot_drift",
            "basins.Basins.plot": "connections.plotting.plot_basins",
            "certificates.Certificates.plot": "certificates.plotting.plot_certificates",
            "comparison.networks.Comparison.plot": "comparison.plotting.plot_comparison",
            "completeness.coverage_result.Coverage.plot": (
                "completeness.coverage_plotting.plot_coverage"
            ),
            "completeness.deflation_result.Deflated.plot": (
                "completeness.deflation_plotting.plot_deflated"
            ),
            "completeness.proof.result.Completeness.plot": (
                "completeness.proof.plotting.plot_completeness"
            ),
            "connections.Connections.plot": "connections.plotting.plot_connections",
            "continuation.Branches.plot": "continuation.plotting.plot_branches",
            "cycles.Cycles.plot": "cycles.plotting.plot_cycles",
            "sensitivity.Sensitivity.plot": "sensitivity.plotting.plot_alignment",
            "sensitivity.LinearError.plot": "sensitivity.plotting.plot_linear_error",
        }.items()
    },
}


def found(path):
    """Module, class or function by its dotted path within ``fixedpoint_tf``."""
    thing = importlib.import_module("fixedpoint_tf")
    for name in path.split("."):
        if inspect.ismodule(thing) and not hasattr(thing, name):
            importlib.import_module(f"{thing.__name__}.{name}")
        thing = getattr(thing, name)
    return thing


def arguments(function, *, without=()):
    """Name, kind and default of each argument after the first."""
    parameters = list(inspect.signature(function).parameters.values())[1:]
    return [(p.name, p.kind, p.default) for p in parameters if p.name not in without]


def test_every_method_that_draws_is_held_against_its_function():
    results = [getattr(analysis, name) for name in analysis.__all__]
    drawing = {
        f"{result.__name__}.{name}"
        for result in [FixedPoints, *filter(inspect.isclass, results)]
        for name in vars(result)
        if name.startswith("plot")
    }
    assert drawing == {found(method).__qualname__ for method in DRAWN_BY}


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_method_of_the_finder_takes_what_its_function_takes(name):
    method, function = getattr(FixedPointFinder, name), getattr(analysis, name)
    of_the_finder = ("system", "verbose")
    first, *_ = inspect.signature(function).parameters
    taken = arguments(function, without=of_the_finder)
    if first != "system":
        parameter = inspect.signature(function).parameters[first]
        taken.insert(0, (parameter.name, parameter.kind, parameter.default))
    assert arguments(method, without=of_the_finder) == taken
    parameters = inspect.signature(method).parameters
    assert ("verbose" in parameters) == ("verbose" in inspect.signature(function).parameters)
    assert "verbose" not in parameters or parameters["verbose"].default is None


def test_every_question_about_points_of_one_network_is_a_method():
    functions = {
        name for name in analysis.__all__ if inspect.isfunction(getattr(analysis, name))
    }
    assert functions == {*QUESTIONS, "compare_networks", "switch_branch"}


def test_the_finder_takes_every_option_of_network_and_search():
    of_network = arguments(as_system, without=("dtype",))  # that of the search has its name
    of_search = [
        (field.name, inspect.Parameter.KEYWORD_ONLY, field.default)
        for field in dataclasses.fields(FinderConfig)
    ]
    *taken, unknown = list(inspect.signature(FixedPointFinder).parameters.values())[1:]
    assert [(p.name, p.kind, p.default) for p in taken] == of_network + of_search
    assert unknown.kind is inspect.Parameter.VAR_KEYWORD


def test_what_the_finder_is_given_arrives():
    other = {
        "tol_q": 1e-9,
        "method": "adam",
        "dtype": "float64",
        "max_n_unique": 7.0,
        "memory_limit": 1e9,
        "verbose": False,
        "max_seconds": 7.0,
    }
    for field in dataclasses.fields(FinderConfig):
        if field.name not in other:
            value = field.default
            other[field.name] = not value if isinstance(value, bool) else value / 2
            if isinstance(value, int) and not isinstance(value, bool):
                other[field.name] = value + 1
    finder = FixedPointFinder(lambda h, u: 0.5 * h, n_states=1, n_inputs=0, **other)
    assert finder.config == FinderConfig(**other)
    assert all(v != getattr(FinderConfig(), name) for name, v in other.items())


@pytest.mark.parametrize("method", DRAWN_BY)
def test_a_method_that_draws_takes_what_its_function_takes(method):
    assert arguments(found(method)) == arguments(found(DRAWN_BY[method]))


def forwarding(path):
    """Dotted names of functions in a module that call with their own ``**`` argument."""

    def visit(node, owner):
        for child in ast.iter_child_nodes(node):
            inner = owner
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                inner = f"{owner}.{child.name}"
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)) and child.args.kwarg:
                if hands_on(child, child.args.kwarg.arg):
                    yield inner
            yield from visit(child, inner)

    relative = path.relative_to(PACKAGE).with_suffix("")
    module = ".".join(part for part in relative.parts if part != "__init__")
    yield from visit(ast.parse(path.read_text(encoding="utf-8")), module)


def hands_on(function, name):
    """Whether a function calls another one with the argument of this name."""
    calls = (node for node in ast.walk(function) if isinstance(node, ast.Call))
    return any(
        isinstance(inside, ast.Name) and inside.id == name
        for call in calls
        for given in [*call.args, *(keyword.value for keyword in call.keywords)]
        for inside in ast.walk(given)
    )


def test_no_function_forwards_arguments_that_its_signature_hides():
    found = {name for path in sorted(PACKAGE.rglob("*.py")) for name in forwarding(path)}
    assert found == set(OPEN)
