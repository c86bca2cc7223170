"""Starts for networks of rectified units, the fixed points of sets of active units.

Of a network of ReLU units each set of active ones leaves a linear system, and its solution is
a fixed point where the same units are active there. Newton's method from a state in a region
leads to that solution in one step, so a set near that of a known point is tried by its
solution.
"""

from __future__ import annotations

import numpy as np

from fixedpoint_tf._utils.linalg import inverses
from fixedpoint_tf.systems.cells.curvature import as_arrays
from fixedpoint_tf.systems.cells.equations import CellEquations
from fixedpoint_tf.systems.cells.piecewise_linear import PiecewiseLinear
from fixedpoint_tf.systems.system import DynamicalSystem

__all__ = [
    "MOST_UNITS",
    "neighbouring_solutions",
    "pieces_of",
    "solve_all_sets",
    "solve_beside",
]

MOST_UNITS = 12  # whose sets are all tried: 4,096 systems take some ten milliseconds
CLOSE = 1e-9  # argument of a unit, relative to the largest, at which it may be active or not
FURTHER = 0.4  # chance of each further unit by which a set differs from that of a known point


def pieces_of(system: DynamicalSystem) -> PiecewiseLinear | None:
    """Return the rectified units of a system whose equations tell them, or None."""
    equations = system.equations
    if not isinstance(equations, CellEquations) or system.time != "discrete":
        return None
    pieces = equations.piecewise_linear(as_arrays(system.weights("float64")))
    return pieces if pieces is not None and pieces.rectified.any() else None


def solve_all_sets(network: PiecewiseLinear, u: np.ndarray) -> np.ndarray:
    """Find the fixed points of every set of active units.

    Args:
        network: ``n`` units, at most :data:`MOST_UNITS` of them rectified.
        u: constant input, ``(n_inputs,)``.

    Returns:
        ``(n_points, n)``, to rounding; those at a threshold may come more than once.

    Example:
        >>> unit = PiecewiseLinear(
        ...     np.array([[1.5]]), np.zeros((1, 0)), np.array([-0.5]), np.ones(1, bool)
        ... )
        >>> solve_all_sets(unit, np.zeros(0)).round(9).tolist()
        [[0.0], [1.0]]
    """
    units = np.flatnonzero(network.rectified)
    numbers = np.arange(2 ** len(units))
    active = np.ones((len(numbers), len(network.bias)), dtype=bool)
    active[:, units] = (numbers[:, None] >> np.arange(len(units))) & 1
    z = _arguments(network, u, active)
    return _states(network, z[_holds(network, active, z)])


def solve_beside(
    network: PiecewiseLinear, u: np.ndarray, x: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Find the fixed points of the active sets that differ by one unit from that of a point.

    One inverse gives them all: a unit that is switched changes the matrix by rank one.

    Args:
        network: ``n`` units.
        u: constant input, ``(n_inputs,)``.
        x: a fixed point, ``(n,)``.

    Returns:
        ``(n_points, n)``, to rounding; their active sets, ``(n_points, n)`` bool.

    Example:
        >>> unit = PiecewiseLinear(
        ...     np.array([[1.5]]), np.zeros((1, 0)), np.array([-0.5]), np.ones(1, bool)
        ... )
        >>> states, active = solve_beside(unit, np.zeros(0), np.zeros(1))
        >>> states.round(9).tolist(), active.tolist()
        ([[1.0]], [[True]])
    """
    units = np.flatnonzero(network.rectified)
    below = np.broadcast_to(network.slope_below, network.bias.shape)
    active = (_arguments_at(network, u, x[None])[0] > 0.0) | ~network.rectified
    matrix = np.eye(len(x)) - network.recurrent * np.where(active, 1.0, below)
    inverse, singular = inverses(matrix[None])
    if singular[0]:
        return np.zeros((0, len(x))), np.zeros((0, len(x)), dtype=bool)
    z = inverse[0] @ (network.bias + network.from_input @ u)
    change = np.where(active, below - 1.0, 1.0 - below)[units]
    moved = (inverse[0] @ network.recurrent)[:, units].T  # (unit, n)
    own = moved[np.arange(len(units)), units]
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = change * z[units] / (1.0 - change * own)
        solved = z + factor[:, None] * moved
    switched = np.repeat(active[None], len(units), axis=0)
    switched[np.arange(len(units)), units] ^= True
    holds = _holds(network, switched, solved)
    return _states(network, solved[holds]), switched[holds]


def neighbouring_solutions(
    rng: np.random.Generator, n: int, known: np.ndarray, network: PiecewiseLinear, u: np.ndarray
) -> np.ndarray:
    """Solve sets of active units that differ by one or a few from those of known points.

    Args:
        rng: source of randomness.
        n: number of them.
        known: ``(k, n_states)``, at least one point.
        network: rectified units.
        u: constant input, ``(n_inputs,)``.

    Returns:
        ``(n, n_states)``; the known point itself where a set has no single solution.
    """
    x = known[rng.integers(len(known), size=n)]
    units = np.flatnonzero(network.rectified)
    active = (_arguments_at(network, u, x) > 0.0) | ~network.rectified
    n_changed = np.minimum(rng.geometric(1.0 - FURTHER, size=n), len(units))
    order = rng.permuted(np.tile(np.arange(len(units)), (n, 1)), axis=1)
    changed = np.zeros((n, len(units)), dtype=bool)
    np.put_along_axis(changed, order, np.arange(len(units)) < n_changed[:, None], axis=1)
    active[:, units] ^= changed
    solved = _states(network, _arguments(network, u, active))
    return np.where(np.isfinite(solved).all(axis=1, keepdims=True), solved, x)


def _holds(network: PiecewiseLinear, active: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Test solutions ``(m, n)`` for the active sets that they were solved with, ``(m,)``."""
    with np.errstate(invalid="ignore"):
        close = CLOSE * (1.0 + np.abs(z).max(axis=1, keepdims=True))
        as_chosen = np.where(active, z >= -close, z <= close)
    return (as_chosen | ~network.rectified).all(axis=1) & np.isfinite(z).all(axis=1)


def _arguments(network: PiecewiseLinear, u: np.ndarray, active: np.ndarray) -> np.ndarray:
    """Solve ``z = V D z + c`` for active sets ``(m, n)``, infinite where singular."""
    below = np.broadcast_to(network.slope_below, network.bias.shape)
    slope = np.where(active, 1.0, below)
    matrices = np.eye(len(network.bias)) - network.recurrent * slope[:, None, :]
    offset = network.bias + network.from_input @ u
    try:
        return np.linalg.solve(matrices, offset[:, None])[:, :, 0]
    except np.linalg.LinAlgError:  # one that is singular to the last bit stops all
        inverse, singular = inverses(matrices)
        return np.where(singular[:, None], np.inf, inverse @ offset)


def _arguments_at(network: PiecewiseLinear, u: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return what the units are applied to, at states ``(m, n)``."""
    if network.threshold is not None:
        return x + network.threshold
    return x @ network.recurrent.T + u @ network.from_input.T + network.bias


def _states(network: PiecewiseLinear, z: np.ndarray) -> np.ndarray:
    """Return the states at which units have arguments ``(m, n)``."""
    return network.activate(z) if network.threshold is None else z - network.threshold
