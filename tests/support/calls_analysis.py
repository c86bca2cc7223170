"""Calls of the questions of ``fixedpoint_tf.analysis`` that succeed, and kinds of arguments."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from argument_kinds import (
    Kind,
    array,
    box,
    choice,
    index,
    instance,
    mapping,
    names,
    number,
    pair,
    text,
    whole,
)
from calls_analysis_results import RESULTS, three, wells
from common_calls import fixed_points, network, points, system
from public_calls import Call, Excluded


@functools.cache
def leak():
    """Return a flow of two states and one input."""
    from fixedpoint_tf import as_system

    return as_system(lambda h, u: u - h, n_states=2, n_inputs=1, time="continuous")


@functools.cache
def rest():
    """Return the fixed point of the leak."""
    from fixedpoint_tf import FixedPoints

    return FixedPoints(xstar=np.zeros((1, 2)), inputs=np.zeros((1, 1)), time="continuous")


def flowing(dt: Any = 0.1) -> dict[str, Any]:
    return {"system": leak(), "points": rest(), "dt": dt}


@functools.cache
def fork():
    """Return a map with a pitchfork."""
    from fixedpoint_tf import as_system

    return as_system(lambda x, u: x + u * x - x**3, n_states=1, n_inputs=1)


@functools.cache
def branch():
    """Return the fork's branch through zero, with a branch point."""
    from fixedpoint_tf.analysis import continue_branches

    return continue_branches(fork(), [[0.0]], [-1.0, 1.0], max_step=0.5)


@functools.cache
def cell():
    """Return a small cell in closed form."""
    import keras

    made = keras.layers.SimpleRNNCell(2, activation="relu")
    made.build((None, 1))
    made.set_weights([np.zeros((1, 2)), 0.5 * np.eye(2), np.zeros(2)])
    return made


@functools.cache
def pieces(n: int = 2):
    """Return a piecewise-linear network of a width."""
    from fixedpoint_tf.systems.cells import PiecewiseLinear

    return PiecewiseLinear(0.5 * np.eye(n), np.zeros((n, 1)), np.zeros(n), np.ones(n, bool))


def halving() -> dict[str, Any]:
    return {
        "networks": [lambda h, u: 0.5 * h + u],
        "n_states": 2,
        "n_inputs": 1,
        "initial_states": STATES,
        "inputs": INPUT,
    }


def along() -> dict[str, Kind]:
    """Describe the arguments of a continuation, with any function of s as path."""
    return {
        "path": array(axes=2, tied=(1,), also=callable),
        "s_range": pair(),
        "first_step": number(),
        "max_step": number(),
        "min_step": number(),
        "max_points": whole(2),
        "bounds": box(2),
    }


def by_function() -> dict[str, Any]:
    return {"path": lambda s: np.array([2.0 * s - 1.0]), "s_range": (0.0, 1.0), "start": 0.5}


STATES = np.array([[0.5, 0.1], [-0.5, 0.2], [0.1, -0.3]])
INPUT = np.zeros((1, 1))
KNOWN = {"system": network(), "points": fixed_points()}

CALLS: dict[str, Call | Excluded] = {
    **RESULTS,
    "fixedpoint_tf.analysis.certify": Call(
        lambda: {
            "system": system(),
            "points": np.zeros((2, 2)),
            "inputs": np.zeros((1, 1)),
            "n_directions": 2,
        },
        {
            "system": network(),
            # A state that is not finite is said to be so by its code, and none is no error.
            "points": array(finite=False, tied=(1,), empty=True),
            "inputs": array(tied=(1,)),
            "n_directions": whole(),
            "safety": number(low=1.0, closed="low"),
        },
    ),
    "fixedpoint_tf.analysis.analyze_sensitivity": Call(
        lambda: {"system": system(), "points": points(), "readout": np.ones((3, 2))},
        KNOWN
        | {
            "readout": array(tied=(1,)),
            "dt": number(),
            "n_modes": whole(),
            "horizon": number(),
            "input_names": names(1),
        },
    ),
    "fixedpoint_tf.analysis.classify_attractors": Call(
        lambda: {"system": system(), "points": points()},
        KNOWN | {"min_time_constant": number(1.0), "min_points": whole(3), "dt": number()},
        given={"dt": flowing},
    ),
    "fixedpoint_tf.analysis.compare_networks": Call(
        lambda: {
            "networks": [system()],
            "initial_states": STATES,
            "inputs": INPUT,
            "measures": {"one": lambda finder, unique, every: 1.0},
        },
        {
            "networks": instance(),
            "initial_states": array(also=callable),
            "inputs": array(),
            "measures": mapping(),
            "config": instance(),
            "layer": text(),
            "n_states": whole(),
            "n_inputs": whole(0),
            "time": choice(),
            "bounds": box(2),
            "derivatives": choice(),
        },
        # Where the sizes are given, widths are held against them before the first search.
        given={"bounds": lambda: {**halving(), "bounds": (-1.0, 1.0)}, "inputs": halving},
        slow=True,
    ),
    "fixedpoint_tf.analysis.continue_branches": Call(
        lambda: {
            "system": system(),
            "points": np.zeros((1, 2)),
            "path": np.array([[0.0], [0.5], [0.0]]),
            "max_step": 0.5,
        },
        {
            "system": network(),
            "points": array(tied=(1,)),
            "start": number(0.0, 1.0, closed="both"),
            **along(),
        },
        given={"s_range": by_function},
    ),
    "fixedpoint_tf.analysis.switch_branch": Call(
        lambda: {
            "system": fork(),
            "branches": branch(),
            "path": np.array([[-1.0], [1.0]]),
            "bifurcation": 0,
            "max_step": 0.5,
        },
        {
            "system": network(),
            "branches": instance(),
            "bifurcation": index(1),
            **along(),
            "bounds": box(1),
        },
        given={"s_range": lambda: {k: v for k, v in by_function().items() if k != "start"}},
    ),
    "fixedpoint_tf.analysis.estimate_basins": Call(
        lambda: {
            "system": system(),
            "points": points(),
            "states": STATES,
            "inputs": np.zeros((3, 1)),
        },
        KNOWN
        | {
            "states": array(axes=(2, 3), tied=(1,)),
            # One number is the input of a system of one input.
            "inputs": array(axes=(0, 1, 2), tied=(0, 1)),
            "tol": number(0.0, 0.5),
            "max_steps": whole(),
            "confidence": number(0.0, 1.0),
            "dt": number(),
        },
        given={"dt": flowing},
    ),
    "fixedpoint_tf.analysis.estimate_coverage": Call(
        lambda: {"points": three(), "known": three(), "system": wells()},
        {
            "points": fixed_points(),
            "known": fixed_points(),
            "system": network(),
            "of": choice(),
            "confidence": number(0.0, 1.0),
        },
    ),
    "fixedpoint_tf.analysis.find_connections": Call(
        lambda: {"system": system(), "points": points()},
        KNOWN
        | {
            "n_directions": whole(0),
            "tol": number(0.0, 0.5),
            "max_steps": whole(),
            "dt": number(),
        },
        given={"dt": flowing},
    ),
    "fixedpoint_tf.analysis.find_cycles": Call(
        lambda: {
            "system": system(),
            "states": STATES,
            "inputs": np.zeros((3, 1)),
            "n_transient": 8,
            "n_steps": 64,
            "max_period": 0,
        },
        {
            "system": network(),
            "states": array(axes=(2, 3), tied=(1,)),
            "inputs": array(tied=(0, 1)),
            "dt": number(),
            "n_transient": whole(0),
            "n_steps": whole(64),
            "max_period": whole(0),
            "n_candidates": whole(0),
            "n_extensions": whole(0),
            "tol_unique": number(),
        },
        given={"dt": lambda: {"system": leak(), "dt": 0.1}},
        slow=True,
    ),
    "fixedpoint_tf.analysis.linear_error": Call(
        lambda: {"system": system(), "points": points(), "distances": np.array([0.1, 1.0])},
        KNOWN
        | {
            # One distance is taken as a list of one.
            "distances": array(axes=(0, 1), low=0.0),
            "n_steps": whole(),
            "n_directions": whole(),
            "directions": array(tied=(1,)),
            "dt": number(),
        },
        given={"directions": lambda: {"directions": np.eye(2)}, "dt": flowing},
    ),
    "fixedpoint_tf.analysis.prove_complete": Call(
        lambda: {"system": cell(), "points": np.zeros((1, 2)), "inputs": INPUT},
        {
            "system": network(),
            "points": array(tied=(1,), empty=True),
            "inputs": array(tied=(1,)),
            "max_seconds": number(),
            "max_boxes": whole(),
            "form": instance(others=(pieces(3),)),
        },
        given={"form": lambda: {"form": pieces()}},
    ),
    "fixedpoint_tf.analysis.sample_slow_states": Call(
        lambda: {
            "system": system(),
            "states": STATES,
            "inputs": INPUT,
            "n_steps": 2,
        },
        {
            "system": network(),
            "states": array(axes=(2, 3), tied=(1,)),
            # One number is the input of a system of one input.
            "inputs": array(axes=(0, 1, 2), tied=(0, 1)),
            "n_steps": whole(0),
            "max_points": whole(),
            "min_time_constant": number(),
            "dt": number(),
        },
        given={"dt": lambda: {"system": leak(), "dt": 0.1}},
    ),
    "fixedpoint_tf.analysis.search_deflated": Call(
        lambda: {
            "system": system(),
            "points": points(),
            "initial_states": STATES,
            "inputs": INPUT,
            "max_rounds": 1,
        },
        KNOWN
        | {
            "n_inits": whole(),
            "initial_states": array(tied=(1,)),
            "inputs": array(tied=(1,)),
            "length": number(),
            "max_rounds": whole(),
            "max_iters": whole(),
        },
        slow=True,
    ),
    "fixedpoint_tf.analysis.sum_index": Call(
        lambda: {"system": system(), "points": points(), "inputs": INPUT},
        KNOWN | {"inputs": array(tied=(1,))},
    ),
}
