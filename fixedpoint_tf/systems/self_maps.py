"""Test of a network for a box that it maps into itself, as the theorem of the index asks."""

from __future__ import annotations

import numpy as np

from fixedpoint_tf.fixed_points.index import SelfMap
from fixedpoint_tf.systems.cells.equations import CellEquations, is_self_map
from fixedpoint_tf.systems.cells.registry import is_builtin
from fixedpoint_tf.systems.enclosures.graphs import trace
from fixedpoint_tf.systems.system import DynamicalSystem

__all__ = ["self_maps"]

BEYOND = 1 / 64  # of its width, by which the box that is tried is wider: points on its sides
N_RANDOM = 64  # states in the box and as many of its corners, under each input
MOST_TRIED = 4096  # states under all inputs together
MOST_STATES = 128  # of updates whose operations are looked at: some ten milliseconds
MOST_TRACED = 16  # inputs under which they are
SLACK = 1e-6  # of the width, against rounding


def self_maps(system: DynamicalSystem, inputs: np.ndarray, seed: int = 0) -> np.ndarray:
    """Test whether a network keeps the states of its box within it, under each input.

    Cells in closed form have proved it or not. For other updates the sum of the indices is one
    where their operations make a matrix times the states plus something bounded (a leaky rate
    network), if all their fixed points lie within the bounds. Among the rest, with bounds on
    all their states, it is taken on trust, unless a sample contradicts: random states of a box
    slightly wider than the bounds, random corners of it, and the corners at which the network,
    were it linear, would take each of its states the furthest. In continuous time the flow
    must lead into the box on every side.

    Args:
        system: the network.
        inputs: ``(n, n_inputs)``.
        seed: seed of the samples.

    Returns:
        ``(n,)``, a word of :class:`~fixedpoint_tf.fixed_points.index.SelfMap` for each input.

    Example:
        >>> from fixedpoint_tf import as_system
        >>> system = as_system(
        ...     lambda h, u: 0.5 * h + u, n_states=1, n_inputs=1, bounds=(-1.0, 1.0)
        ... )
        >>> self_maps(system, np.array([[0.0], [2.0]])).tolist()
        ['linear', 'left']
    """
    equations = system.equations
    if isinstance(equations, CellEquations) and is_self_map(system):
        kept = np.ones(len(inputs), dtype=bool)
        if not is_builtin(equations):  # the word of who registered the cell, but for samples
            kept = _keeps(system, inputs, np.random.default_rng(seed))
        return np.where(kept, str(SelfMap.PROVED), str(SelfMap.LEFT))
    linear = _are_linear_far_out(system, inputs)
    word = np.where(linear, str(SelfMap.LINEAR), str(SelfMap.UNBOUNDED))
    if np.isfinite(system.lower).all() and np.isfinite(system.upper).all() and not linear.all():
        kept = _keeps(system, inputs[~linear], np.random.default_rng(seed))
        word[~linear] = np.where(kept, str(SelfMap.ASSUMED), str(SelfMap.LEFT))
    return word


def _are_linear_far_out(system: DynamicalSystem, inputs: np.ndarray) -> np.ndarray:
    """Test an update for a matrix times the states plus something bounded, under each input."""
    known = np.zeros(len(inputs), dtype=bool)
    double = system.dtypes[1] == "float64"
    if not double or system.n_states > MOST_STATES or len(inputs) > MOST_TRACED:
        return known
    for i, u in enumerate(inputs):
        network = trace(system, u)
        if network is None:
            break
        box = network.box()
        within = box is not None and (box.lower >= system.lower) & (box.upper <= system.upper)
        known[i] = network.index() == 1 and np.all(within)
    return known


def _keeps(system: DynamicalSystem, inputs: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Test each input for samples of the box that all stay in it, ``(n,)``."""
    n, d = len(inputs), system.n_states
    width = system.upper - system.lower
    lower, upper = system.lower - BEYOND * width, system.upper + BEYOND * width
    middle = np.repeat(0.5 * (lower + upper)[None], n, axis=0)
    slope = np.sign(system.jacobian(middle, inputs).numpy().astype(np.float64))
    at_end = np.where(slope == 0.0, 1.0, slope)  # (input, state that grows, corner)
    n_tried = int(np.clip(MOST_TRIED // max(n, 1), 2, 2 * d + 2 * N_RANDOM))
    unit, side = np.tile(np.arange(d), 2), np.repeat([1.0, -1.0], d)
    chosen = rng.permutation(2 * d)[: max(1, min(2 * d, n_tried))]
    unit, side = unit[chosen], side[chosen]
    towards = at_end[:, unit] * side[None, :, None]  # (n, k, d)
    n_random = max(0, n_tried - len(chosen))
    drawn = rng.uniform(-1.0, 1.0, (n_random, d))
    drawn[::2] = np.sign(drawn[::2])
    towards = np.concatenate([towards, np.repeat(drawn[None], n, axis=0)], axis=1)
    unit = np.concatenate([unit, rng.integers(d, size=n_random)])
    side = np.concatenate([side, rng.choice([-1.0, 1.0], size=n_random)])
    if system.time == "continuous":  # each on one side of the box
        towards[:, np.arange(len(unit)), unit] = side
    x = middle[:, None] + 0.5 * towards * (upper - lower)
    u = np.repeat(inputs, len(unit), axis=0)
    image = system.step(x.reshape(-1, d), u).numpy().astype(np.float64).reshape(x.shape)
    slack = SLACK * (upper - lower)
    if system.time == "continuous":
        outwards = image[:, np.arange(len(unit)), unit] * side
        return np.all(outwards < 0.0, axis=1)
    inside = (image >= lower - slack) & (image <= upper + slack)
    return np.all(inside, axis=(1, 2))
