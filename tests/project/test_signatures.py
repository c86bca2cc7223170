"""Every option of a method or function stands in its signature, with its default."""

import importlib
import inspect

import pytest

#: Methods that draw, and the functions they call: the same arguments but for the first.
DRAWN_BY = {
    "fixed_points.points.FixedPoints.plot": "plotting.plot_fixed_points",
    **{
        f"analysis.{method}": f"analysis.{function}"
        for method, function in {
            "attractors.Attractors.plot": "attractors.plotting.plot_attractors",
            "attractors.Attractors.plot_drift": "attractors.plotting.plot_drift",
            "basins.Basins.plot": "connections.plotting.plot_basins",
            "certificates.Certificates.plot": "certificates.plotting.plot_certificates",
            "comparison.comparing.Comparison.plot": "comparison.plotting.plot_comparison",
            "completeness.coverage.Coverage.plot": (
                "completeness.coverage_plotting.plot_coverage"
            ),
            "completeness.deflation.Deflated.plot": (
                "completeness.deflation_plotting.plot_deflated"
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


@pytest.mark.parametrize("method", DRAWN_BY)
def test_a_method_that_draws_takes_what_its_function_takes(method):
    assert arguments(found(method)) == arguments(found(DRAWN_BY[method]))
