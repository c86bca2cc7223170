"""Inputs, Jacobians and eigenvalues at points."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from fixedpoint_tf import linearization
from fixedpoint_tf._utils.checks import as_numbers, check_finite, check_rows
from fixedpoint_tf._utils.chunks import chunks
from fixedpoint_tf._utils.linalg import each
from fixedpoint_tf.fixed_points.points import FixedPoints
from fixedpoint_tf.fixed_points.status import Status
from fixedpoint_tf.linearization.stability import Stability
from fixedpoint_tf.systems.kinks.sides import is_smooth
from fixedpoint_tf.systems.kinks.stability import N_LOOKED_AT, settle_at_kinks
from fixedpoint_tf.systems.system import DynamicalSystem

__all__ = [
    "check_jacobians",
    "check_one_set",
    "check_points",
    "constant_input",
    "constant_inputs",
    "eigenvalues_of",
    "every_state",
    "given_inputs",
    "inputs_of",
    "inputs_of_width",
    "is_stable_of",
    "jacobians_at",
    "jacobians_of",
    "n_unstable_of",
]


def check_points(system: DynamicalSystem, points: Any) -> None:
    """Refuse points of another system.

    Raises:
        TypeError: ``points`` is not a FixedPoints.
        ValueError: the states or the time are not those of the system, or its weights are
            not finite.
    """
    check_one_set(points)
    if not isinstance(points, FixedPoints):
        raise TypeError(f"points: expected a FixedPoints, received {type(points).__name__}.")
    if (points.time, points.n_states) != (system.time, system.n_states):
        raise ValueError(
            f"points: expected those of a {system.time} system of {system.n_states} states, "
            f"received those of a {points.time} one of {points.n_states}."
        )
    system.weights()  # refuses those of a training that failed


def check_one_set(points: Any) -> None:
    """Refuse both results of a search at once, where one set of points is asked for.

    Raises:
        TypeError: ``points`` is a list or tuple that holds a FixedPoints.
    """
    if isinstance(points, (list, tuple)) and any(isinstance(p, FixedPoints) for p in points):
        raise TypeError(
            "points: expected one FixedPoints, or states (n, n_states), received a "
            f"{type(points).__name__} of {len(points)}: find_fixed_points returns the distinct "
            "points and where each start ended; take the first."
        )


def check_jacobians(jacobians: np.ndarray) -> None:
    """Refuse Jacobians of points that hold NaN or infinity.

    Raises:
        ValueError: some do.
    """
    bad = int((~np.isfinite(jacobians)).any(axis=(1, 2)).sum())
    if bad:
        raise ValueError(
            f"points: expected finite numbers in J_xstar, received NaN or infinity in {bad} of "
            f"{len(jacobians)} Jacobians. Points without J_xstar are linearised anew."
        )


def given_inputs(system: DynamicalSystem, inputs: Any) -> np.ndarray:
    """Return constant inputs as numbers, empty for a system without inputs.

    Raises:
        TypeError, ValueError: they are no numbers, or missing.
    """
    if inputs is None and system.n_inputs == 0:
        return np.zeros((1, 0))
    if inputs is None:
        raise ValueError(
            f"inputs: expected an array of width {system.n_inputs}, since the points carry "
            "none, received None."
        )
    return as_numbers(inputs, "inputs")


def inputs_of(system: DynamicalSystem, points: FixedPoints) -> np.ndarray:
    """Return the constant input ``(n, n_inputs)`` of each point, checked to fit the system.

    Raises:
        TypeError: ``points`` is not a FixedPoints.
        ValueError: the states, inputs or kind of time are not those of the system, or a
            state is not finite.
    """
    check_points(system, points)
    bad = np.flatnonzero(~np.isfinite(points.xstar).all(axis=1))
    if len(bad):
        raise ValueError(
            f"points: expected finite numbers, received NaN or infinity in {len(bad)} of "
            f"{points.n}, first in row {bad[0]}."
        )
    u = inputs_of_width(system, points)
    if points.n:
        check_finite(u, "points.inputs")
    return u


def inputs_of_width(system: DynamicalSystem, points: FixedPoints) -> np.ndarray:
    """Return the points' inputs ``(n, n_inputs)``, checked against the system's width.

    Raises:
        ValueError: the points carry none, or others.
    """
    if points.inputs is None and system.n_inputs == 0:
        return np.zeros((points.n, 0))
    if points.inputs is None or points.inputs.shape[1] != system.n_inputs:
        came = "None" if points.inputs is None else f"shape {points.inputs.shape}"
        raise ValueError(
            f"points: expected inputs of shape (n, n_inputs={system.n_inputs}), received "
            f"{came}."
        )
    return points.inputs


def every_state(system: DynamicalSystem, states: Any) -> np.ndarray:
    """Return states ``(n, n_states)``, given as rows or as trajectories.

    Raises:
        TypeError, ValueError: they are neither, or not finite.
    """
    x = system.layout.pack(states, "states")
    x = x.reshape(-1, system.n_states) if x.ndim == 3 else x
    check_rows(x, "states", system.n_states, "n_states")
    return x


def constant_input(inputs: Any, n_inputs: int) -> np.ndarray:
    """Return one constant input ``(n_inputs,)``, given as a vector or one row.

    Raises:
        TypeError, ValueError: it cannot be converted.
    """
    u = np.atleast_2d(as_numbers(inputs, "inputs"))
    if u.shape != (1, n_inputs):
        raise ValueError(
            f"inputs: expected shape (n_inputs,) = ({n_inputs},) or (1, {n_inputs}), one "
            f"constant input, received {np.shape(inputs)}."
        )
    if not np.isfinite(u).all():
        raise ValueError(f"inputs: expected finite numbers, received {u[0].tolist()}.")
    return u[0]


def constant_inputs(inputs: Any, n: int, n_inputs: int) -> np.ndarray:
    """Return constant inputs ``(1, n_inputs)`` or ``(n, n_inputs)``, checked.

    Raises:
        TypeError, ValueError: they are neither a vector, nor one row, nor ``n`` rows.
    """
    u = np.atleast_2d(as_numbers(inputs, "inputs"))
    if u.ndim != 2 or u.shape[1] != n_inputs or len(u) not in (1, n):
        raise ValueError(
            f"inputs: expected shape (n_inputs={n_inputs},), (1, {n_inputs}) or (n={n}, "
            f"{n_inputs}), received {np.shape(inputs)}."
        )
    check_finite(u, "inputs")
    return u


def eigenvalues_of(
    system: DynamicalSystem, points: FixedPoints, inputs: np.ndarray
) -> np.ndarray:
    """Return the eigenvalues ``(n, n_modes)`` of the points, or of their Jacobians."""
    if points.eigval_J_xstar is not None:
        return points.eigval_J_xstar
    parts = [np.zeros((0, system.n_states), dtype=complex)]
    for _, jacobians in jacobians_of(system, points, inputs, np.arange(points.n)):
        parts.append(np.stack(each(np.linalg.eigvals, jacobians)))
    return np.concatenate(parts)


def n_unstable_of(points: FixedPoints, values: np.ndarray) -> np.ndarray:
    """Count the unstable directions ``(n,)``, on kinks from the points themselves.

    Args:
        points: the points.
        values: ``(n, n_modes)``, of :func:`eigenvalues_of`.
    """
    known = points.n_unstable
    return linearization.n_unstable(values, points.time) if known is None else known


def is_stable_of(points: FixedPoints, values: np.ndarray) -> np.ndarray:
    """Return a mask ``(n,)`` of stable points, see :func:`n_unstable_of`."""
    known = points.stability_class
    stable = linearization.is_stable(values, points.time)
    return stable if known is None else np.asarray(known == Stability.STABLE)


def jacobians_of(
    system: DynamicalSystem, points: FixedPoints, inputs: np.ndarray, rows: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield rows with the Jacobians there, those of the points or new ones, in chunks.

    At a fixed point on a kink new ones are of the side that decides its stability, as those
    of a search are.
    """
    if points.J_xstar is not None:
        check_jacobians(points.J_xstar[rows])
    length = np.linalg.norm(points.xstar, axis=1)
    size = length + (float(np.median(length)) if points.n else 0.0)
    size = np.where(size > 0.0, size, 1.0)
    n_each = 1  # Jacobians of a point that are made at once
    if points.J_xstar is None and not is_smooth(system.equations):
        n_each = 2 * N_LOOKED_AT + 1
    for chunk in chunks(len(rows), n_each * system.n_states**2):
        some = rows[chunk]
        if points.J_xstar is not None:
            jacobians = points.J_xstar[some]
        else:
            x, u = points.xstar[some], inputs[some]
            jacobians = np.array(system.jacobian(x, u).numpy())
            fixed = np.ones(len(some), dtype=bool)
            if points.status is not None:
                fixed = points.status[some] == Status.FIXED_POINT
            settle_at_kinks(system, x, u, jacobians, fixed=fixed, size=size[some])
        yield some, jacobians.astype(np.float64, copy=False)


def jacobians_at(system: DynamicalSystem, points: FixedPoints) -> np.ndarray:
    """Return all Jacobians ``(n, n_states, n_states)``, those of the points or new ones."""
    inputs = inputs_of(system, points)
    parts = [np.zeros((0, system.n_states, system.n_states))]
    parts += [some for _, some in jacobians_of(system, points, inputs, np.arange(points.n))]
    return np.concatenate(parts)
