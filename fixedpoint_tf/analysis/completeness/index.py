"""Index of a set of fixed points under given inputs (see `fixed_points/index.py`)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fixedpoint_tf._utils.checks import as_numbers, check_rows
from fixedpoint_tf._utils.chunks import map_chunks
from fixedpoint_tf.fixed_points.index import IndexStatus, IndexSum, add_signs, determinant_signs
from fixedpoint_tf.fixed_points.points import FixedPoints
from fixedpoint_tf.fixed_points.status import Status
from fixedpoint_tf.systems.at_points import check_jacobians, check_points
from fixedpoint_tf.systems.convert import system_of
from fixedpoint_tf.systems.self_maps import self_maps
from fixedpoint_tf.systems.system import DynamicalSystem

__all__ = ["IndexStatus", "IndexSum", "sum_index"]

#: Smallest singular value of I - J, relative to its size, at which its sign is certain.
CERTAIN = 1e-6
RESTS = 1e-3  # residual of a fixed point, relative to its size, at most, single precision too


def sum_index(system: Any, points: FixedPoints, *, inputs: ArrayLike | None = None) -> IndexSum:
    """Add up the indices of the fixed points of a search, for each input.

    A network with bounded units maps a box into itself, and then the indices of all its fixed
    points add up to one. Any other sum proves that the search has missed some.

    Args:
        system: anything that :func:`fixedpoint_tf.as_system` takes.
        points: the first result of a search, the whole of it, with Jacobians; not thinned by
            ``max_n_unique`` or a coarse ``tol_unique``, which leave out points that were
            found.
        inputs: ``(n, n_inputs)``, those of the search; default: those of the points, among
            which one under which nothing was found is missing.

    Returns:
        The sums.

    Raises:
        ValueError: the points are a choice, have no Jacobians or inputs, or are of another
            network; inputs are not those of the search.

    Example:
        >>> import keras
        >>> from fixedpoint_tf import FixedPointFinder
        >>> cell = keras.layers.SimpleRNNCell(1)
        >>> cell.build((None, 1))
        >>> cell.set_weights([np.ones((1, 1)), np.full((1, 1), 2.0), np.zeros(1)])
        >>> finder = FixedPointFinder(cell, verbose=False)
        >>> points, _ = finder.find_fixed_points([[-1.0], [0.1], [1.0]], [[0.0]])
        >>> found = finder.sum_index(points)
        >>> found.total.tolist(), found.status
        ([1], ('+1',))
    """
    system = system_of(system)
    check_points(system, points)
    if points.start_counts is None:
        raise ValueError(
            "points: expected the whole first result of a search, received a choice of points."
        )
    jacobians, singular = points.J_xstar, points.smallest_singular_value
    if jacobians is None or singular is None or points.inputs is None:
        raise ValueError(
            "points: expected points with their Jacobians and inputs, received some without."
        )
    fixed = points.status == Status.FIXED_POINT
    check_jacobians(jacobians[fixed])
    kink = points.growth_at_kink
    _check_resting(system, points[fixed], points.inputs[fixed])
    shift = np.eye(points.n_states) if system.time == "discrete" else 0.0
    A = shift - jacobians[fixed]
    sure = singular[fixed] > CERTAIN * (1.0 + np.linalg.norm(A, axis=(1, 2)))
    if kink is not None:
        sure &= np.isnan(kink[fixed])
    rows = points.inputs if inputs is None else as_numbers(inputs, "inputs")
    if inputs is not None:
        check_rows(rows, "inputs", system.n_inputs, "n_inputs")
        _check_searched(points, rows)
    rows = np.unique(rows, axis=0)
    of_input = (points.inputs[fixed][None] == rows[:, None]).all(axis=2)
    known = of_input.any(axis=0)
    return add_signs(
        determinant_signs(A, sure)[known],
        of_input.argmax(axis=0)[known],
        np.ones(int(known.sum()), dtype=bool),
        rows,
        self_maps(system, rows),
    )


def _check_searched(points: FixedPoints, rows: np.ndarray) -> None:
    """Refuse inputs under which no search was made, where that is known."""
    if points.index is None or not rows.shape[1]:
        return
    searched = (rows[:, None] == points.index.inputs[None]).all(axis=2).any(axis=1)
    if not searched.all():
        raise ValueError(
            f"inputs: expected those of the search, received {rows[~searched][0]} too."
        )


def _check_resting(system: DynamicalSystem, points: FixedPoints, inputs: np.ndarray) -> None:
    """Refuse fixed points of another network."""
    image = map_chunks(system.step, points.xstar, inputs, shape=(points.n_states,))
    residual = image - points.xstar if system.time == "discrete" else image
    moves = np.linalg.norm(residual, axis=1) > RESTS * (
        1.0 + np.linalg.norm(points.xstar, axis=1)
    )
    if moves.any():
        raise ValueError(
            f"points: expected fixed points of {system.name!r}, received {int(moves.sum())} of "
            f"{points.n} that it moves."
        )
