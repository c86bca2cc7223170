"""``prove_complete``: enclosure of all fixed points of a network within its box."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import numpy as np

from fixedpoint_tf._utils.checks import check_finite, check_number, check_whole
from fixedpoint_tf.analysis.completeness.proof.codes import CompletenessCode
from fixedpoint_tf.analysis.completeness.proof.limits import Limits
from fixedpoint_tf.analysis.completeness.proof.one_input import OneInput, prove_one_input
from fixedpoint_tf.analysis.completeness.proof.result import Completeness
from fixedpoint_tf.fixed_points.points import FixedPoints
from fixedpoint_tf.fixed_points.status import Status
from fixedpoint_tf.systems.at_points import (
    check_one_set,
    check_points,
    given_inputs,
    inputs_of_width,
)
from fixedpoint_tf.systems.cells.piecewise_linear import PiecewiseLinear
from fixedpoint_tf.systems.convert import system_of
from fixedpoint_tf.systems.system import DynamicalSystem
from fixedpoint_tf.systems.validation.sampled_bounds import (
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
            on them. Slow points among them are left aside.
        inputs: ``(p, n_inputs)`` constant inputs to examine; default: those of the search,
            or else of the points, each once. Points that carry other inputs are left aside.
        max_seconds: for all inputs together.
        max_boxes: boxes to look at for each input.
        form: the piecewise-linear network that has the same fixed points, for a function or a
            cell whose equations are not known here. It is held against samples of the
            system; that it is right elsewhere too is your word.

    Returns:
        All fixed points that were enclosed, and what is left undecided. After Ctrl-C, the
        inputs not examined to the end by then have the code ``interrupted``.

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
    system = system_of(system)
    x, of_points = _states_and_inputs(system, points)
    if inputs is None and isinstance(points, FixedPoints) and points.index is not None:
        inputs = points.index.inputs  # of the whole search, also where it found nothing
    u = _distinct_inputs(system, of_points, inputs)
    max_seconds = check_number(max_seconds, "max_seconds")
    max_boxes = check_whole(max_boxes, "max_boxes")
    if form is not None:
        _check_form(system, form)
    limits = Limits(max_boxes, time.monotonic() + max_seconds)
    answers = []
    for row in u:
        mine = np.arange(len(x))
        if of_points is not None:
            mine = np.flatnonzero((of_points == row).all(axis=1))
        if (
            isinstance(points, FixedPoints) and points.status is not None
        ):  # slow points are not thought to be fixed points
            mine = mine[points.status[mine] == Status.FIXED_POINT]
        found = OneInput.without_proof(CompletenessCode.INTERRUPTED, system.n_states)
        if not limits.stop.came:
            with limits.stop:
                found = prove_one_input(system, form, row, x[mine], limits)
            if limits.stop.came:
                found = dataclasses.replace(found, code=CompletenessCode.INTERRUPTED)
        answers.append((mine, found))
    return limits.stop.complete(lambda: _result(x, u, answers))


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
    for name in ("bias", "rectified", "slope_below", "threshold"):
        value = getattr(form, name)
        if value is not None and np.shape(value) not in {(), (system.n_states,)}:
            raise ValueError(
                f"form: expected {name} of shape ({system.n_states},), received shape "
                f"{np.shape(value)}."
            )
        if value is not None and not np.isfinite(value).all():
            raise ValueError(f"form: expected finite {name}, received NaN or infinity.")
    if not (np.isfinite(form.recurrent).all() and np.isfinite(form.from_input).all()):
        raise ValueError("form: expected finite weights, received NaN or infinity.")
    check_linear_pieces(system, form)


def _states_and_inputs(
    system: DynamicalSystem, points: Any
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the given states, and the input of each if they carry one."""
    if isinstance(points, FixedPoints):
        check_points(system, points)
        u = None if points.inputs is None else inputs_of_width(system, points)
        if points.status is None and points.n:  # else only the fixed ones are looked at
            check_finite(points.xstar, "points")
        return points.xstar, u
    check_one_set(points)
    try:
        x = system.layout.pack(points, "points")
    except ValueError as error:
        raise ValueError(
            f"points: expected shape (n, {system.n_states}), or each state by itself, "
            f"received others ({error})"
        ) from None
    if x.ndim != 2:
        raise ValueError(
            f"points: expected shape (n, {system.n_states}), received shape {x.shape}."
        )
    if len(x):
        check_finite(x, "points")
    return x, None


def _distinct_inputs(
    system: DynamicalSystem, of_points: np.ndarray | None, inputs: Any
) -> np.ndarray:
    """Return each constant input to examine once."""
    u = given_inputs(system, of_points if inputs is None else inputs)
    if u.ndim != 2 or u.shape[1] != system.n_inputs:
        raise ValueError(
            f"inputs: expected shape (n, {system.n_inputs}), received shape {u.shape}."
        )
    if not len(u):
        raise ValueError(
            "inputs: expected at least one row, since there are no points that carry any, "
            f"received shape {u.shape}."
        )
    check_finite(u, "inputs")
    _, first = np.unique(u, axis=0, return_index=True)
    return u[np.sort(first)]


def _result(
    x: np.ndarray, u: np.ndarray, answers: list[tuple[np.ndarray, OneInput]]
) -> Completeness:
    """Join the inputs, and tell known fixed points from new ones."""
    n_states = x.shape[1]
    known_row = []
    unmatched = np.zeros(len(x), dtype=bool)
    for mine, found in answers:
        row, matched = _matched(x[mine], found.xstar)
        unmatched[mine] = ~matched  # points of other inputs are not asked for
        known_row.append(np.where(row < 0, -1, mine[row] if len(mine) else -1))
    proofs = [one for _, one in answers]
    boxes = [one.open[:MOST_OPEN] for one in proofs]
    no_states, no_numbers = np.zeros((0, n_states)), np.zeros(0, dtype=int)
    return Completeness(
        inputs=u,
        codes=tuple(one.code for one in proofs),
        methods=tuple(one.method for one in proofs),
        n_open=np.array([one.n_open for one in proofs], dtype=int),
        n_boxes=np.array([one.n_boxes for one in proofs], dtype=int),
        xstar=np.concatenate([no_states, *(one.xstar for one in proofs)]),
        radius=np.concatenate([np.zeros(0), *(one.radius for one in proofs)]),
        input_number=_numbered([one.xstar for one in proofs]),
        known_row=np.concatenate([no_numbers, *known_row]),
        not_enclosed=np.flatnonzero(unmatched),
        open_lower=np.concatenate([no_states, *(b.lower for b in boxes)]),
        open_upper=np.concatenate([no_states, *(b.upper for b in boxes)]),
        open_input=_numbered([b.lower for b in boxes]),
    )


def _matched(x: np.ndarray, found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Match each point ``(m, n)`` to the nearest of the found ``(k, n)``, if it is near."""
    row, matched = np.full(len(found), -1), np.zeros(len(x), dtype=bool)
    if not len(found):
        return row, matched
    nearest = np.full(len(found), np.inf)
    for k, state in enumerate(x):
        distance = np.abs(found - state).max(axis=1, initial=0.0)
        i = int(distance.argmin())
        matched[k] = distance[i] <= SAME * max(1.0, float(np.abs(found[i]).max(initial=0.0)))
        if matched[k] and distance[i] < nearest[i]:
            row[i], nearest[i] = k, distance[i]
    return row, matched


def _numbered(parts: list[np.ndarray]) -> np.ndarray:
    """Return for each row the number of the part that it is of."""
    return np.repeat(np.arange(len(parts)), [len(part) for part in parts])
