r"""Jacobians on every side of a kink.

A network with ReLU or clipped units is piecewise smooth: its Jacobian jumps across the
surfaces on which a unit reaches its threshold. At a point on such a surface one Jacobian
says little. The Jacobians of all the smooth pieces that meet there say all that is local;
their convex hull is Clarke's generalised Jacobian (Clarke 1983, section 2.6).
"""

from __future__ import annotations

import numpy as np

from fixedpoint_tf._utils.chunks import chunks
from fixedpoint_tf.systems.cells.equations import CellEquations
from fixedpoint_tf.systems.system import DynamicalSystem, Equations

__all__ = [
    "is_smooth",
    "near_kink",
    "side_states",
    "sides_at",
]

AT_KINK = 1e-9  # of the size of a state: so near, a point is held to be on a kink
JUMP = 1e-3  # change of a Jacobian, relative to its size, that no smooth piece makes so near


def is_smooth(equations: Equations) -> bool:
    """Test equations for a closed form without kinks, False if unknown.

    Example:
        >>> from fixedpoint_tf.systems.cells.simple_rnn import SimpleRNN
        >>> is_smooth(SimpleRNN(3, "tanh")), is_smooth(SimpleRNN(3, "relu"))
        (True, False)
    """
    return isinstance(equations, CellEquations) and equations.is_smooth


def side_states(
    x: np.ndarray,
    radius: np.ndarray,
    n_directions: int,
    seed: int = 0,
    unit: np.ndarray | float = 1.0,
) -> np.ndarray:
    """Return each state and pairs of states at opposite sides of it.

    Args:
        x: states, ``(n, n_states)``.
        radius: ``(n,)`` or a number, distance of the pairs, in the units of the states.
        n_directions: number of pairs.
        seed: seed of the random directions, which are the same for every state.
        unit: ``(n_states,)``, unit of each state in which the distance is measured.

    Returns:
        ``(n, 1 + 2 * n_directions, n_states)``, the state itself first.

    Example:
        >>> side_states(np.zeros((1, 1)), 0.5, 1)[0].tolist() in (
        ...     [[0.0], [0.5], [-0.5]], [[0.0], [-0.5], [0.5]])
        True
    """
    x = np.asarray(x, dtype=np.float64)
    directions = np.random.default_rng(seed).normal(size=(n_directions, x.shape[1]))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    offsets = np.concatenate([np.zeros((1, x.shape[1])), directions, -directions])
    reach = np.broadcast_to(np.asarray(radius, dtype=np.float64), (len(x),))
    return x[:, None, :] + reach[:, None, None] * offsets * unit


def sides_at(
    system: DynamicalSystem,
    x: np.ndarray,
    u: np.ndarray,
    radius: np.ndarray | float,
    *,
    n_directions: int = 32,
    seed: int = 0,
    unit: np.ndarray | float = 1.0,
    only_beside: bool = False,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the distinct Jacobians near each state, and the states that have them.

    The pieces are sampled: with ``k`` thresholds through a state, up to ``2**k`` pieces
    meet there, of which ``2 * n_directions`` random ones are looked at.

    Args:
        system: the network.
        x: states, ``(n, n_states)``.
        u: inputs, ``(n, n_inputs)``.
        radius: ``(n,)`` or a number, how near a piece must be, in the units of the states.
            It must be well above the rounding of the states, and small enough that a smooth
            Jacobian changes by far less than a thousandth of itself within it.
        n_directions: pairs of opposite directions that are looked at.
        seed: seed of the random directions.
        unit: ``(n_states,)``, unit of each state in which the radius is measured and
            Jacobians are compared; default: the same for all.
        only_beside: leave out the Jacobian at the state itself, which at a kink may be that
            of no piece.

    Returns:
        For each state the Jacobians ``(k, n_states, n_states)`` and a state of each piece,
        ``(k, n_states)``. Unless ``only_beside``, the first Jacobian is that at the state
        itself, as the network defines it there, if any state beside it has it: where two kinks
        meet, automatic derivatives may add up those of different sides. Where no kink is near,
        there is only one.

    Example:
        >>> import tensorflow as tf
        >>> from fixedpoint_tf import as_system
        >>> system = as_system(lambda h, u: tf.abs(h) + u, n_states=1, n_inputs=1)
        >>> at_kink, beside = sides_at(
        ...     system, np.array([[1e-9], [1.0]]), np.zeros((2, 1)), 1e-6)
        >>> sorted(at_kink[0].ravel().tolist()), beside[0].ravel().tolist()
        ([-1.0, 1.0], [1.0])

        At 0 TensorFlow's derivative of this one is 0, that of no side:

        >>> system = as_system(
        ...     lambda h, u: tf.nn.relu(h) - tf.nn.relu(-h), n_states=1, n_inputs=0)
        >>> sides_at(system, np.zeros((1, 1)), np.zeros((1, 0)), 1e-6)[0][0].tolist()
        [[[1.0]]]
    """
    x, u = np.asarray(x, dtype=np.float64), np.asarray(u, dtype=np.float64)
    n, d = x.shape
    reach = np.broadcast_to(np.asarray(radius, dtype=np.float64), (n,))
    found = []
    units = np.broadcast_to(np.asarray(unit, dtype=np.float64), (d,))
    per = units / units[:, None]
    for rows in chunks(n, (2 * n_directions + 1) * d * d):
        states = side_states(x[rows], reach[rows], n_directions, seed, unit)
        m = states.shape[1]
        inputs = np.repeat(u[rows], m, axis=0)
        jacobians = system.jacobian(states.reshape(-1, d), inputs).numpy()
        first = 1 if only_beside else 0
        for places, some in zip(states, jacobians.reshape(-1, m, d, d), strict=True):
            kept = first + np.array(_distinct(some[first:] * per, only_beside))
            found.append((some[kept], places[kept]))
    return found


def near_kink(
    system: DynamicalSystem,
    x: np.ndarray,
    u: np.ndarray,
    radius: np.ndarray | float,
    *,
    n_directions: int = 8,
    seed: int = 0,
) -> np.ndarray:
    """Test each state for a kink within a distance.

    Args:
        system: the network.
        x: states, ``(n, n_states)``.
        u: inputs, ``(n, n_inputs)``.
        radius: as in :func:`sides_at`.
        n_directions: pairs of opposite directions that are looked at.
        seed: seed of the random directions.

    Returns:
        ``(n,)`` boolean.

    Example:
        >>> import tensorflow as tf
        >>> from fixedpoint_tf import as_system
        >>> system = as_system(lambda h, u: tf.nn.relu(h), n_states=1, n_inputs=0)
        >>> near_kink(system, np.array([[0.0], [1.0]]), np.zeros((2, 0)), 1e-6).tolist()
        [True, False]
    """
    sides = sides_at(system, x, u, radius, n_directions=n_directions, seed=seed)
    return np.array([len(jacobians) > 1 for jacobians, _ in sides], dtype=bool)


def _distinct(jacobians: np.ndarray, only_beside: bool) -> list[int]:
    """Return the first index of each distinct Jacobian, up to smooth change."""
    flat = jacobians.reshape(len(jacobians), -1)
    tolerance = JUMP * max(1e-3, float(np.abs(flat[0]).max(initial=0.0)))
    kept: list[int] = []
    alone = not only_beside
    for k, row in enumerate(flat):
        same = [j for j in kept if np.abs(row - flat[j]).max(initial=0.0) <= tolerance]
        alone &= same[:1] != [0]
        if not same:
            kept.append(k)
    return kept[1:] if alone and len(kept) > 1 else kept
