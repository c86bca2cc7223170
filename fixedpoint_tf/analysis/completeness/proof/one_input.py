"""Proof for one constant input, by the method that the equations of a network allow."""

from __future__ import annotations

import dataclasses

import numpy as np

from fixedpoint_tf._utils.intervals import Interval, intersect
from fixedpoint_tf._utils.plurals import pluralize
from fixedpoint_tf.analysis.completeness.proof.branch_and_bound import enclose_all
from fixedpoint_tf.analysis.completeness.proof.codes import CompletenessCode
from fixedpoint_tf.analysis.completeness.proof.limits import Limits
from fixedpoint_tf.analysis.completeness.proof.networks import MOST_VARIABLES, prove_map
from fixedpoint_tf.analysis.completeness.proof.rectified import prove_rectified
from fixedpoint_tf.analysis.completeness.proof.result import WITHIN
from fixedpoint_tf.systems.cells.curvature import as_arrays
from fixedpoint_tf.systems.cells.equations import CellEquations
from fixedpoint_tf.systems.cells.piecewise_linear import PiecewiseLinear
from fixedpoint_tf.systems.cells.registry import is_builtin
from fixedpoint_tf.systems.enclosures.graphs import trace
from fixedpoint_tf.systems.system import DynamicalSystem
from fixedpoint_tf.systems.validation.sampled_bounds import (
    check_fixed_point_map,
    check_linear_pieces,
    check_resting,
)

__all__ = ["OneInput", "prove_one_input"]


@dataclasses.dataclass(frozen=True)
class OneInput:
    """Proof for one input.

    Attributes:
        code: outcome of the proof.
        method: in words.
        xstar: the fixed points enclosed, ``(n, n_states)``.
        radius: distance from each within which the true one lies, ``(n,)``.
        open: boxes left undecided, where they are known.
        n_open: their number.
        n_boxes: boxes looked at.
    """

    code: CompletenessCode
    method: str
    xstar: np.ndarray
    radius: np.ndarray
    open: Interval
    n_open: int
    n_boxes: int

    @classmethod
    def without_proof(cls, code: CompletenessCode, n_states: int, n_boxes: int = 0) -> OneInput:
        """Return that there is none, and the reason."""
        none = np.zeros((0, n_states))
        return cls(code, "none", none, np.zeros(0), _no_boxes(n_states), 0, n_boxes)


def prove_one_input(
    system: DynamicalSystem,
    form: PiecewiseLinear | None,
    u: np.ndarray,
    known: np.ndarray,
    limits: Limits,
) -> OneInput:
    """Prove one input by the method that the equations allow.

    Args:
        system: at which all fixed points are to be enclosed.
        form: the piecewise-linear network with the same fixed points, or None.
        u: the constant input, ``(n_inputs,)``.
        known: fixed points ``(n, n_states)``, which save work.
        limits: boxes and time.
    """
    n = system.n_states
    if form is not None:
        of_form = _prove_form(form, u, limits)
        check_resting(system, u, of_form.xstar, "form")
        return of_form
    if system.dtypes[1] != "float64":
        return OneInput.without_proof(CompletenessCode.NO_BOUNDS, n)
    equations = system.equations
    if not isinstance(equations, CellEquations) or system.time != "discrete":
        return _prove_traced(system, u, known, limits)
    weights = as_arrays(system.weights("float64"))
    linear = equations.piecewise_linear(weights)
    if linear is not None:
        if not is_builtin(equations):
            check_linear_pieces(system, linear)
        return _prove_form(linear, u, limits)
    layers = getattr(equations, "layers", (equations,))
    if any(type(layer).fixed_point_map is CellEquations.fixed_point_map for layer in layers):
        return _prove_traced(system, u, known, limits)
    of_layers = weights if layers != (equations,) else (weights,)
    # Fixed points of the layers so far: their states, and their outputs, as intervals.
    found = [(Interval.at(np.zeros(0)), Interval.at(u))]
    n_boxes, n_open, timed_out, method = 0, 0, False, ""
    open_boxes = [_no_boxes(n)]
    start = 0
    for layer, own in zip(layers, of_layers, strict=True):
        next_found = []
        mine = known[:, start : start + layer.units]
        start += layer.n_states
        above = Interval(system.lower[start:], system.upper[start:])
        for states, below in found:
            network = layer.fixed_point_map(own, below)
            if network is None:
                return _prove_traced(system, u, known, limits)
            proof = prove_map(network, mine, limits)
            n_boxes, method = n_boxes + proof.n_boxes, proof.method
            timed_out |= proof.timed_out
            if proof.too_large:
                return OneInput.without_proof(CompletenessCode.TOO_LARGE, n, n_boxes)
            n_open += len(proof.open.lower)
            open_boxes.append(_beside(states, network.lift(proof.open), above))
            lifted = network.lift(proof.outputs)
            next_found += [
                (Interval.join([states, lifted[i]]), proof.outputs[i])
                for i in range(len(lifted.lower))
            ]
        found = next_found
    if len(layers) > 1:
        method = f"layer after layer, the last by {method}"
    x = np.array([states.centre for states, _ in found]).reshape(-1, n)
    radius = np.array([states.radius.max(initial=0.0) for states, _ in found])
    boxes = Interval.join(open_boxes)
    code = _code(timed_out, n_open)
    if not is_builtin(equations):
        check_fixed_point_map(system, u, x, is_all=code == CompletenessCode.COMPLETE)
    return OneInput(code, method, x, radius, boxes, n_open, n_boxes)


def _prove_form(form: PiecewiseLinear, u: np.ndarray, limits: Limits) -> OneInput:
    """Prove one input of a piecewise-linear network."""
    found = prove_rectified(form, u, limits)
    code = _code(found.timed_out, found.n_open)
    return OneInput(
        CompletenessCode.TOO_LARGE if found.too_large else code,
        found.method,
        found.x,
        found.radius,
        _no_boxes(found.x.shape[1]),
        found.n_open,
        found.n_boxes,
    )


def _prove_traced(
    system: DynamicalSystem, u: np.ndarray, known: np.ndarray, limits: Limits
) -> OneInput:
    """Prove one input of any update, by the operations that TensorFlow records of it."""
    n = system.n_states
    network = trace(system, u)
    box = None if network is None else network.box()
    given = Interval(system.lower, system.upper)
    within = ""
    if box is None:
        box = given
        within = f", {WITHIN}"
    elif not ((given.lower <= box.lower) & (given.upper >= box.upper)).all():
        box = intersect(box, given)
        within = f", {WITHIN}"
    if network is None or not np.isfinite(box.size).all():
        return OneInput.without_proof(CompletenessCode.NO_BOUNDS, n)
    if n > MOST_VARIABLES:
        return OneInput.without_proof(CompletenessCode.TOO_LARGE, n)
    found = enclose_all(
        network.enclose,
        network.enclose_linearly,
        box,
        known,
        n_units=n,
        limits=limits,
    )
    method = f"branch and bound in {pluralize(n, 'variable')}{within}"
    roots, still_open = found.roots, found.open
    if within:  # a natural box holds every fixed point, this one those that lie in it
        inside = ((roots.lower >= given.lower) & (roots.upper <= given.upper)).all(axis=1)
        outside = ((roots.upper < given.lower) | (roots.lower > given.upper)).any(axis=1)
        still_open = Interval.join([still_open, roots[~inside & ~outside]])
        roots = roots[inside]
    n_open = len(still_open.lower)
    code = _code(found.timed_out, n_open)
    radius = roots.radius.max(axis=1, initial=0.0)
    return OneInput(code, method, roots.centre, radius, still_open, n_open, found.n_boxes)


def _code(timed_out: bool, n_open: int) -> CompletenessCode:
    if timed_out:
        return CompletenessCode.LIMIT
    return CompletenessCode.UNDECIDED if n_open else CompletenessCode.COMPLETE


def _beside(before: Interval, boxes: Interval, above: Interval) -> Interval:
    """Extend boxes of one layer to all states, with the boxes below and all above."""
    m = len(boxes.lower)
    sides = [
        np.hstack([np.tile(one, (m, 1)), middle, np.tile(two, (m, 1))])
        for one, middle, two in (
            (before.lower, boxes.lower, above.lower),
            (before.upper, boxes.upper, above.upper),
        )
    ]
    return Interval(*sides)


def _no_boxes(n: int) -> Interval:
    return Interval(np.zeros((0, n)), np.zeros((0, n)))
