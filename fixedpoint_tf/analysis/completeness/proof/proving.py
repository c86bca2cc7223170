"""``prove_complete``: all fixed points of a network within its box, and none missed."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from fixedpoint_tf._utils.checks import check_finite, check_number, check_whole
from fixedpoint_tf._utils.intervals import Interval, intersect
from fixedpoint_tf._utils.plurals import pluralize
from fixedpoint_tf.analysis.completeness.proof.branch_and_bound import enclose_all
from fixedpoint_tf.analysis.completeness.proof.codes import CompletenessCode
from fixedpoint_tf.analysis.completeness.proof.graphs import trace
from fixedpoint_tf.analysis.completeness.proof.networks import (
    MOST_VARIABLES,
    Limits,
    prove_map,
)
from fixedpoint_tf.analysis.completeness.proof.rectified import prove_rectified
from fixedpoint_tf.analysis.completeness.proof.result import Completeness
from fixedpoint_tf.fixed_points.points import FixedPoints
from fixedpoint_tf.systems.at_points import check_one_set, check_points, given_inputs
from fixedpoint_tf.systems.cells.curvature import as_arrays
from fixedpoint_tf.systems.cells.equations import CellEquations
from fixedpoint_tf.systems.cells.piecewise_linear import PiecewiseLinear
from fixedpoint_tf.systems.cells.registry import is_builtin
from fixedpoint_tf.systems.convert import as_system
from fixedpoint_tf.systems.system import DynamicalSystem
from fixedpoint_tf.systems.validation.sampled_bounds import (
    check_fixed_point_map,
    check_linear_pieces,
)

__all__ = ["prove_complete"]

MOST_OPEN = 1000  # boxes left undecided that the result holds
SAME = 1e-5  # relative to its size: a point given so near an enclosed one stands for it


def prove_complete(
    system: Any,
    points: Any,
    *,
    inputs: Any = None,
    max_seconds: float = 60.0,
    max_boxes: int = 10_000_000,
    form: PiecewiseLinear | None = None,
) -> Completeness:
    """Prove that the fixed points given are all that the network has, or find the others.

    The box that holds every fixed point of a cell (tanh: between -1 and 1) is cut into boxes,
    each of which is shown to hold no fixed point or exactly one, by interval arithmetic with
    outward rounding: none is missed, whatever the search that found the points did. It can
    be had for

    - SimpleRNN, GRU and LSTM with tanh or sigmoid, up to some 8 units, and stacks of them,
      layer after layer; the gates of a GRU and the memory of an LSTM drop out;
    - any number of units where the recurrent weights are of low rank, up to some 5, nearly
      (trained weights in single precision are), where they fall into independent blocks, or
      where the Jacobian has a norm below 1 everywhere (then there is exactly one);
    - SimpleRNN with ReLU or linear units, stacks of them, and whatever has the ``form`` of
      such a network (leaky in time or below the threshold): up to 20 ReLU units a block by
      all active sets, any number where the recurrent weights are of low rank, up to some 4,
      nearly. There the whole space is covered, not a box;
    - any other update in double precision, in discrete or continuous time, up to some 5
      states, by the operations that TensorFlow records of it, where the states bound
      themselves (as the leak of a rate network does) or ``bounds`` were given: then the
      method says so, and the proof is of that box.

    Sources: Krawczyk (1969); Neumaier, *Interval Methods for Systems of Equations* (1990).
    The assumptions about the machine are those of :func:`fixedpoint_tf.analysis.certify`, and
    elementary functions within 16 units in the last place.

    Args:
        system: anything that :func:`fixedpoint_tf.as_system` takes.
        points: a :class:`~fixedpoint_tf.FixedPoints` with its ``inputs``, or states
            ``(n, n_states)``, or nested as the cell has them; none at all, ``(0, n_states)``,
            will do. They make the proof faster and are told from new ones; it does not rest
            on them.
        inputs: ``(p, n_inputs)`` constant inputs to examine; default: those of the points,
            each once. Points that carry other inputs are left aside.
        max_seconds: for all inputs together.
        max_boxes: boxes to look at for each input.
        form: the piecewise-linear network that has the same fixed points, for a function or a
            cell whose equations are not known here. It is held against samples of the
            system; that it is right elsewhere too is your word.

    Returns:
        All fixed points that were enclosed, and what is left undecided.

    Raises:
        TypeError, ValueError: an argument is not as described; the system does something
            else than ``form`` says.

    Cost: milliseconds to seconds; it grows exponentially with the number of variables.

    Example:
        >>> import keras
        >>> cell = keras.layers.GRUCell(2, bias_initializer="zeros")
        >>> cell.build((None, 1))
        >>> recurrent = np.hstack([np.zeros((2, 4)), 4.0 * np.eye(2)])
        >>> cell.set_weights([np.zeros((1, 6)), recurrent, np.zeros((2, 6))])
        >>> found = prove_complete(cell, [[0.0, 0.0]], inputs=[[0.0]])
        >>> found
        complete: exactly 9 fixed points, 8 of them new
        >>> found.methods
        ('2 independent blocks, each by branch and bound in 1 variable',)
    """
    system = as_system(system)
    x, of_points = _states_and_inputs(system, points)
    u = _distinct_inputs(system, of_points, inputs)
    check_number(max_seconds, "max_seconds")
    check_whole(max_boxes, "max_boxes")
    if form is not None:
        _check_form(system, form)
    deadline = time.monotonic() + max_seconds
    answers = []
    for row in u:
        mine = np.arange(len(x))
        if of_points is not None:
            mine = np.flatnonzero((of_points == row).all(axis=1))
        limits = Limits(max_boxes, deadline)
        answers.append((mine, *_prove(system, form, row, x[mine], limits)))
    return _result(x, u, answers)


def _prove(
    system: DynamicalSystem,
    form: PiecewiseLinear | None,
    u: np.ndarray,
    known: np.ndarray,
    limits: Limits,
) -> tuple[CompletenessCode, str, np.ndarray, np.ndarray, Interval, int, int]:
    """Prove one input: code, method, points, radii, open boxes, their number, boxes."""
    n = system.n_states
    none = np.zeros((0, n))
    nothing = Interval(none, none)
    if form is not None:
        return _prove_form(form, u, limits)
    if system.dtypes[1] != "float64":
        return CompletenessCode.NO_BOUNDS, "none", none, np.zeros(0), nothing, 0, 0
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
    open_boxes = [nothing]
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
                code = CompletenessCode.TOO_LARGE
                return code, "none", none, np.zeros(0), nothing, 0, n_boxes
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
    return code, method, x, radius, boxes, n_open, n_boxes


def _prove_form(
    form: PiecewiseLinear, u: np.ndarray, limits: Limits
) -> tuple[CompletenessCode, str, np.ndarray, np.ndarray, Interval, int, int]:
    """Prove one input of a piecewise-linear network: the same as ``_prove``."""
    found = prove_rectified(form, u, limits)
    none = np.zeros((0, found.x.shape[1]))
    code = _code(found.timed_out, found.n_open)
    code = CompletenessCode.TOO_LARGE if found.too_large else code
    nothing = Interval(none, none)
    return code, found.method, found.x, found.radius, nothing, found.n_open, found.n_boxes


def _check_form(system: DynamicalSystem, form: PiecewiseLinear) -> None:
    """Refuse what is no piecewise-linear network of the system's states and inputs."""
    if not isinstance(form, PiecewiseLinear):
        raise TypeError(f"form: expected a PiecewiseLinear, received {type(form).__name__}.")
    shapes = np.shape(form.recurrent), np.shape(form.from_input)
    expected = (system.n_states, system.n_states), (system.n_states, system.n_inputs)
    if shapes != expected:
        raise ValueError(
            f"form: expected weights of shapes {expected[0]} and {expected[1]}, received "
            f"{shapes[0]} and {shapes[1]}."
        )
    check_linear_pieces(system, form)


def _prove_traced(
    system: DynamicalSystem, u: np.ndarray, known: np.ndarray, limits: Limits
) -> tuple[CompletenessCode, str, np.ndarray, np.ndarray, Interval, int, int]:
    """Prove one input of any update, by the operations that TensorFlow records of it."""
    n = system.n_states
    none = np.zeros((0, n))
    network = trace(system, u)
    box = None if network is None else network.box()
    given = Interval(system.lower, system.upper)
    within = ""
    if box is None:
        box = given
        within = ", within the bounds given"
    elif not ((given.lower <= box.lower) & (given.upper >= box.upper)).all():
        box = intersect(box, given)
        within = ", within the bounds given"
    if network is None or not np.isfinite(box.size).all():
        nothing = Interval(none, none)
        return CompletenessCode.NO_BOUNDS, "none", none, np.zeros(0), nothing, 0, 0
    if n > MOST_VARIABLES:
        nothing = Interval(none, none)
        return CompletenessCode.TOO_LARGE, "none", none, np.zeros(0), nothing, 0, 0
    found = enclose_all(
        network.enclose,
        network.enclose_linearly,
        box,
        known,
        n_units=n,
        max_boxes=limits.max_boxes,
        deadline=limits.deadline,
    )
    method = f"branch and bound in {pluralize(n, 'variable')}{within}"
    code = _code(found.timed_out, len(found.open.lower))
    roots = found.roots
    radius = roots.radius.max(axis=1, initial=0.0)
    return code, method, roots.centre, radius, found.open, len(found.open.lower), found.n_boxes


def _code(timed_out: bool, n_open: int) -> CompletenessCode:
    if timed_out:
        return CompletenessCode.LIMIT
    return CompletenessCode.UNDECIDED if n_open else CompletenessCode.COMPLETE


def _beside(before: Interval, boxes: Interval, above: Interval) -> Interval:
    """Boxes of one layer as boxes of all states: with one of those below, and all above."""
    m = len(boxes.lower)
    sides = [
        np.hstack([np.tile(one, (m, 1)), middle, np.tile(two, (m, 1))])
        for one, middle, two in (
            (before.lower, boxes.lower, above.lower),
            (before.upper, boxes.upper, above.upper),
        )
    ]
    return Interval(*sides)


def _states_and_inputs(
    system: DynamicalSystem, points: Any
) -> tuple[np.ndarray, np.ndarray | None]:
    """States given, and the input of each where they carry one."""
    if isinstance(points, FixedPoints):
        check_points(system, points)
        u = points.inputs
        if u is not None:
            u = np.broadcast_to(np.asarray(u, dtype=np.float64), (points.n, system.n_inputs))
        return points.xstar, u
    check_one_set(points)
    try:
        x = system.layout.pack(points, "points")
    except ValueError as error:
        raise ValueError(str(error).replace("(..., ", "(n, ")) from None
    if x.ndim != 2:
        raise ValueError(
            f"points: expected shape (n, {system.n_states}), received shape {x.shape}."
        )
    return x, None


def _distinct_inputs(
    system: DynamicalSystem, of_points: np.ndarray | None, inputs: Any
) -> np.ndarray:
    """Constant inputs to examine, each once."""
    u = given_inputs(system, of_points if inputs is None else inputs)
    if u.ndim != 2 or u.shape[1] != system.n_inputs:
        raise ValueError(
            f"inputs: expected shape (n, {system.n_inputs}), received shape {u.shape}."
        )
    check_finite(u, "inputs")
    _, first = np.unique(u, axis=0, return_index=True)
    return u[np.sort(first)]


def _result(x: np.ndarray, u: np.ndarray, answers: list) -> Completeness:
    """Join the inputs, and tell known fixed points from new ones."""
    n_states = x.shape[1]
    known_row = []
    unmatched = np.zeros(len(x), dtype=bool)
    for mine, _, _, found, *_ in answers:
        unmatched[mine] = True  # points of other inputs are not asked for
        row = np.full(len(found), -1)
        for i, state in enumerate(found):
            distance = np.abs(x[mine] - state).max(axis=1, initial=0.0)
            near = distance <= SAME * max(1.0, np.abs(state).max(initial=0.0))
            unmatched[mine[near]] = False
            if near.any():
                row[i] = mine[np.where(near, distance, np.inf).argmin()]
        known_row.append(row)
    numbers = [np.full(len(one[3]), i) for i, one in enumerate(answers)]
    boxes = [one[5][:MOST_OPEN] for one in answers]
    return Completeness(
        inputs=u,
        codes=tuple(one[1] for one in answers),
        methods=tuple(one[2] for one in answers),
        n_open=np.array([one[6] for one in answers], dtype=int),
        n_boxes=np.array([one[7] for one in answers], dtype=int),
        xstar=np.concatenate([np.zeros((0, n_states)), *(one[3] for one in answers)]),
        radius=np.concatenate([np.zeros(0), *(one[4] for one in answers)]),
        input_number=np.concatenate([np.zeros(0, dtype=int), *numbers]),
        known_row=np.concatenate([np.zeros(0, dtype=int), *known_row]),
        not_enclosed=np.flatnonzero(unmatched),
        open_lower=np.concatenate([np.zeros((0, n_states)), *(b.lower for b in boxes)]),
        open_upper=np.concatenate([np.zeros((0, n_states)), *(b.upper for b in boxes)]),
        open_input=np.concatenate(
            [np.zeros(0, dtype=int), *(np.full(len(b.lower), i) for i, b in enumerate(boxes))]
        ),
    )
