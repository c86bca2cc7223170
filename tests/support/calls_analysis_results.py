"""Calls of the methods of results of ``fixedpoint_tf.analysis``, and kinds of arguments."""

from __future__ import annotations

import functools
import os
import tempfile
from collections.abc import Callable
from typing import Any

import numpy as np
from argument_kinds import array, flag, index, names, number, whole
from common_calls import fixed_points, points, system
from public_calls import Call, Excluded

ROOM = "fixedpoint_tf.analysis"
MADE = "made by the library from its own arrays; users read it, and call its methods"


@functools.cache
def wells():
    """Return a map of two states and one input, with two attractors and a saddle."""
    import tensorflow as tf

    from fixedpoint_tf import as_system

    def step(h, u):
        return h + 0.1 * (h * tf.constant([1.0, -1.0], h.dtype) - h**3) + 0.0 * u

    return as_system(step, n_states=2, n_inputs=1)


@functools.cache
def three():
    """Return the fixed points of the wells."""
    from fixedpoint_tf import FixedPoints

    xstar = np.array([[-1.0, 0.0], [0.0, 0.0], [1.0, 0.0]])
    return FixedPoints(xstar=xstar, inputs=np.zeros((3, 1)), status=np.zeros(3, int))


@functools.cache
def attractors():
    from fixedpoint_tf.analysis import classify_attractors

    return classify_attractors(wells(), three())


@functools.cache
def line():
    """Return the groups of a line attractor."""
    import tensorflow as tf

    from fixedpoint_tf import FixedPoints, as_system
    from fixedpoint_tf.analysis import classify_attractors

    integrator = as_system(
        lambda h, u: h * tf.constant([1.0, 0.5], h.dtype), n_states=2, n_inputs=0
    )
    at = np.stack([np.linspace(-1, 1, 21), np.zeros(21)], axis=1)
    return classify_attractors(integrator, FixedPoints(xstar=at))


@functools.cache
def basins():
    from fixedpoint_tf.analysis import estimate_basins

    return estimate_basins(wells(), three(), [[-0.5, 0.1], [0.5, 0.1]])


@functools.cache
def branches():
    from fixedpoint_tf.analysis import continue_branches

    return continue_branches(system(), np.zeros((1, 2)), [[0.0], [0.5]], max_step=0.5)


@functools.cache
def certificates():
    from fixedpoint_tf.analysis import certify

    return certify(system(), points())


@functools.cache
def comparison():
    from fixedpoint_tf.analysis import Comparison

    return Comparison(["a", "b"], ["fixed"], np.ones((2, 1)), np.ones(2), ["", ""], False)


@functools.cache
def completeness():
    from fixedpoint_tf.analysis import Completeness, CompletenessCode

    none = np.zeros((0, 2))
    return Completeness(
        inputs=np.zeros((1, 1)),
        codes=(CompletenessCode.COMPLETE,),
        methods=("a method",),
        n_open=np.zeros(1, int),
        n_boxes=np.ones(1, int),
        xstar=np.zeros((1, 2)),
        radius=np.zeros(1),
        input_number=np.zeros(1, int),
        known_row=np.zeros(1, int),
        not_enclosed=np.zeros(0, int),
        open_lower=none,
        open_upper=none,
        open_input=np.zeros(0, int),
    )


@functools.cache
def connections():
    from fixedpoint_tf.analysis import find_connections

    return find_connections(wells(), three(), max_steps=64)


@functools.cache
def coverage():
    from fixedpoint_tf.analysis import estimate_coverage

    return estimate_coverage(three())


@functools.cache
def cycles():
    """Return a cycle of two steps."""
    from fixedpoint_tf.analysis import Cycles, StartOutcome

    return Cycles(
        period=np.array([2.0]),
        points=np.array([[-1.0, 0.0], [1.0, 0.0]]),
        lengths=np.array([2]),
        multipliers=np.zeros((1, 2), complex),
        residual=np.zeros(1),
        amplitude=np.ones(1),
        is_exact=np.ones(1, bool),
        inputs=np.zeros((1, 1)),
        n_starts=np.ones(1, int),
        outcomes=(StartOutcome.CYCLE,),
        cycle_of_start=np.zeros(1, int),
        lyapunov=np.zeros(1),
    )


@functools.cache
def deflated():
    from fixedpoint_tf.analysis import Deflated

    return Deflated(three(), np.array([False, False, True]), 8, 1, False)


@functools.cache
def index_sum():
    from fixedpoint_tf.analysis import IndexSum

    one = np.ones(1, int)
    return IndexSum(np.zeros((1, 1)), one, one, 0 * one, np.array(["proved"]))


@functools.cache
def linear_errors():
    from fixedpoint_tf.analysis import linear_error

    return linear_error(system(), points(), [0.1, 1.0], n_steps=2)


@functools.cache
def sensitivity():
    from fixedpoint_tf.analysis import analyze_sensitivity

    return analyze_sensitivity(system(), points())


@functools.cache
def folder() -> str:
    return tempfile.mkdtemp()


def file_of(make: Callable[[], Any]) -> str:
    path = os.path.join(folder(), f"{make.__name__}.h5")
    make().save(path)
    return path


def result(name: str, make: Callable[[], Any], **methods: Call) -> dict[str, Call | Excluded]:
    """Return entries of a class of results, for ``save``, ``load``, ``plot`` and methods."""
    saved = Call(lambda: {"path": os.path.join(folder(), f"{name}.h5")}, on=make)
    common = {
        "save": saved,
        "load": Call(lambda: {"path": file_of(make)}),
        "plot": Call(on=make),
    }
    entries = {f"{ROOM}.{name}.{method}": call for method, call in (common | methods).items()}
    return {f"{ROOM}.{name}": Excluded(MADE), **entries}


PATHS = np.zeros((3, 4, 2))

RESULTS: dict[str, Call | Excluded] = {
    **{f"{ROOM}.{name}": Excluded(MADE) for name in ("Bifurcation", "Group", "Transitions")},
    **result(
        "Attractors",
        attractors,
        plot=Call(kinds={"condition": index(1)}, on=attractors),
        plot_drift=Call(kinds={"group": index(1, negative=True)}, on=line),
        rows=Call(lambda: {"group": 0}, {"group": index(3, negative=True)}, attractors),
    ),
    **result("Basins", basins),
    **result(
        "Branches",
        branches,
        count_bifurcations=Call(on=branches),
        crossings=Call(lambda: {"s": 0.5}, {"s": number(-np.inf, closed="")}, on=branches),
        plot=Call(
            lambda: {"show": np.ones(2)},
            # The number of a unit, and "norm", are right as well as a vector.
            {
                "show": array(tied=(0,)),
                "along": index(1),
            },
            on=branches,
        ),
        points=Call(lambda: {"branch": 0}, {"branch": index(1)}, branches),
        rows=Call(lambda: {"branch": 0}, {"branch": index(1)}, branches),
    ),
    **result("Certificates", certificates),
    **result(
        "Comparison",
        comparison,
        plot=Call(
            lambda: {"measures": ["fixed"]},
            {"measures": names(), "axes": names()},
            on=comparison,
        ),
        to_markdown=Call(on=comparison),
    ),
    **result("Completeness", completeness),
    **result(
        "Connections",
        connections,
        adjacency=Call(on=connections),
        plot=Call(
            lambda: {"coordinates": np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 1.0]])},
            {"coordinates": array(tied=(0, 1)), "higher": flag()},
            on=connections,
        ),
        transition_graph=Call(on=connections),
    ),
    **result("Coverage", coverage),
    **result(
        "Cycles",
        cycles,
        frequencies=Call(lambda: {"dt": 0.1}, {"dt": number()}, cycles),
        orbit=Call(lambda: {"index": 0}, {"index": index(1, negative=True)}, cycles),
        periods_in_words=Call(on=cycles),
        plot=Call(
            lambda: {"fps": three(), "state_traj": PATHS},
            {
                "fps": fixed_points(),
                # Trials that ended early are filled with NaN.
                "state_traj": array(finite=False, axes=(2, 3), tied=(2,)),
                "max_n_cycles": whole(0),
            },
            on=cycles,
        ),
        stability_in_words=Call(on=cycles),
        starts_in_words=Call(on=cycles),
    ),
    **result(
        "Deflated",
        deflated,
        plot=Call(
            lambda: {"state_traj": PATHS, "plot_batch_idx": [0, 1]},
            {
                "state_traj": array(finite=False, axes=(2, 3), tied=(2,)),
                # No trial is right as well: then none is drawn.
                "plot_batch_idx": array(whole=True, low=-3, high=2, empty=True),
                "plot_start_time": whole(-4),
                "plot_stop_time": whole(-4),
                "mode_scale": number(closed="low"),
                "max_n_modes": whole(0),
            },
            on=deflated,
        ),
    ),
    **result(
        "IndexSum",
        index_sum,
        in_words=Call(on=index_sum),
        to_dict=Call(on=index_sum),
    ),
    **result(
        "LinearError",
        linear_errors,
        plot=Call(kinds={"tolerance": number()}, on=linear_errors),
        radius=Call(
            kinds={"tolerance": number(), "quantile": number(0.0, 1.0, closed="both")},
            on=linear_errors,
        ),
    ),
    **result(
        "Sensitivity",
        sensitivity,
        plot=Call(kinds={"point": index(1, negative=True), "n_modes": whole()}, on=sensitivity),
    ),
}
