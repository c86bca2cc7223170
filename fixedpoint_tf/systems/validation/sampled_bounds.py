"""Bounds of a closed form held against samples of what they bound.

A certificate believes what a cell kind says of its own curvature. A sample proves no bound,
and one sample disproves it: a forgotten factor or term is found here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from fixedpoint_tf.systems.cells.curvature import CellBounds
from fixedpoint_tf.systems.cells.piecewise_linear import PiecewiseLinear
from fixedpoint_tf.systems.system import DynamicalSystem
from fixedpoint_tf.systems.validation.derivative_errors import unit_name
from fixedpoint_tf.systems.validation.derivatives import SCALES

__all__ = [
    "check_ball_bounds",
    "check_fixed_point_map",
    "check_linear_pieces",
    "check_resting",
]

RADII = (1e-3, 0.1, 1.0)  # of those scales: distances at which bounds are tried
N_STATES = {64: 8, 256: 2}  # states tried at each scale, by their width; 1 beyond
MANY_STATES = 64  # beyond which one radius is tried
STARTS_TIMES_STATES = 1024  # of Newton's method, at most MOST_STARTS: milliseconds
MOST_STARTS = 32  # of Newton's method, in a network of few states
NEWTON_STEPS = 30  # of each: those that arrive have done so by then
SAME_POINT = 1e-5  # relative to its size
SLACK = 1e-9  # against rounding, where a bound is met exactly
RESTING = 1e8  # roundings by which a fixed point may move: of a slope in single precision
ERRORS = 4.0  # the bounds and the update both have rounding errors of the size that is bounded

Bounds = Callable[[np.ndarray, np.ndarray, np.ndarray], list[CellBounds]]


def check_ball_bounds(system: DynamicalSystem, each: Sequence[Bounds], seed: int = 0) -> None:
    """Refuse bounds within balls that the network itself exceeds.

    Args:
        system: with a closed form.
        each: bounds of its new states within balls, all of which must hold.
        seed: seed of the states, inputs and directions.

    Raises:
        ValueError: which unit exceeds which bound.

    Example:
        >>> import keras
        >>> from fixedpoint_tf import as_system
        >>> from fixedpoint_tf.systems.cells.curvature import as_arrays, bounds_of
        >>> cell = keras.layers.GRUCell(3)
        >>> cell.build((None, 2))
        >>> system = as_system(cell)
        >>> bounds = bounds_of(system.equations, as_arrays(system.weights()))
        >>> check_ball_bounds(system, [bounds])
    """
    rng = np.random.default_rng(seed)
    x, u, scale = _probes(system, rng)
    image, jacobian = system.step(x, u).numpy(), system.jacobian(x, u).numpy()
    finite = np.isfinite(image).all(axis=1) & np.isfinite(jacobian).all(axis=(1, 2))
    x, u, scale, image, jacobian = (a[finite] for a in (x, u, scale, image, jacobian))
    for size in RADII if system.n_states <= MANY_STATES else RADII[1:2]:
        radius = size * scale
        step = radius[:, None] * _directions(rng, jacobian)
        there = system.jacobian(x + step, u).numpy()
        change = np.linalg.norm(there - jacobian, axis=2)
        length = np.linalg.norm(there, axis=2)
        for bounds in each:
            answers = bounds(x, u, radius * (1.0 + SLACK))
            _check_widths(system, answers)
            columns = zip(*map(_columns, answers), strict=True)
            value, error, slope, slope_error, bend, jump = (
                np.concatenate(parts, axis=1) for parts in columns
            )
            near = ERRORS * slope_error
            _refuse(system, "the rounding of its value", np.abs(value - image), ERRORS * error)
            _refuse(system, "the length of its gradient", length, slope + near)
            most = bend * radius[:, None] + jump + near
            _refuse(system, "the change of its gradient", change, most)


def check_linear_pieces(system: DynamicalSystem, network: PiecewiseLinear) -> None:
    """Refuse a ReLU network that has other fixed points than the system, as far as samples say.

    Args:
        system: each layer with one state, in continuous time one layer.
        network: what its layers are together.

    Raises:
        ValueError: the new state of a unit is no fixed share of the way to where the network
            says that it would rest.
    """
    x, u, _ = _probes(system, np.random.default_rng(0))
    image = system.step(x, u).numpy()
    layer = np.repeat(np.arange(len(system.layout.sizes)), system.layout.sizes)
    own = np.where(layer[:, None] == layer, network.recurrent, 0.0)
    # A layer of a stack takes what the one below gives now, not what it gave before.
    alone = dataclasses.replace(network, recurrent=own, from_input=np.eye(len(own)))
    value = alone.image(x, image @ (network.recurrent - own).T + u @ network.from_input.T)
    # A leaky unit goes a share of the way, the same from everywhere.
    discrete = system.time == "discrete"
    way, step = value - x, (image - x if discrete else image)
    with np.errstate(all="ignore"):
        share = (way * step).sum(axis=0) / (way * way).sum(axis=0)
    share = np.where(way.any(axis=0), share, 1.0)
    wrong = ~((share > 0.0) & (share <= (1.0 + SLACK if discrete else np.inf)))
    size = np.abs(x).max() * (1.0 + np.abs(network.recurrent).sum(axis=1)) + np.abs(image) + 1.0
    wrong |= (np.abs(step - share * way) > 1e-9 * size).any(axis=0)
    if wrong.any():
        unit = unit_name(system, int(np.flatnonzero(wrong)[0]))
        raise ValueError(
            f"piecewise linear form of {system.name!r}: expected the fixed points of the "
            f"system, received others for {unit}."
        )


def check_resting(system: DynamicalSystem, u: np.ndarray, x: np.ndarray, argument: str) -> None:
    """Refuse fixed points of something else than the system.

    Args:
        system: in double precision.
        u: the constant input, ``(n_inputs,)``.
        x: states, ``(m, n_states)``.
        argument: that says they are fixed points.

    Raises:
        ValueError: a state does not rest.
    """
    if not len(x):
        return
    move = system.step(x, np.repeat(u[None], len(x), axis=0)).numpy()
    move = move - x if system.time == "discrete" else move
    precise = float(np.finfo(system.dtypes[1]).eps) * RESTING
    moves = ~(np.abs(move).max(axis=1) <= precise * (1.0 + np.abs(x).max(axis=1)))
    if moves.any():
        row = int(np.flatnonzero(moves)[0])
        raise ValueError(
            f"{argument}: expected the fixed points of {system.name!r}, received one that it "
            f"moves by {np.abs(move[row]).max():.1e}, {np.round(x[row], 6).tolist()}."
        )


def _probes(system: DynamicalSystem, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Draw states and inputs of three scales, and return the scales."""
    n = next((n for width, n in N_STATES.items() if system.n_states <= width), 1)
    scale = np.repeat(SCALES, n)
    x, u = (
        scale[:, None] * rng.normal(size=(len(scale), k))
        for k in (system.n_states, system.n_inputs)
    )
    return x, u, scale


def _directions(rng: np.random.Generator, jacobian: np.ndarray) -> np.ndarray:
    """Draw unit vectors, every other one along the gradient of a unit."""
    n, d, _ = jacobian.shape
    v = rng.normal(size=(n, d))
    along = np.take_along_axis(jacobian, rng.integers(d, size=(n, 1, 1)), axis=1)[:, 0]
    v[::2] = np.where(along.any(axis=1, keepdims=True), along, v)[::2]
    return v / np.linalg.norm(v, axis=1, keepdims=True)


def _columns(answer: CellBounds) -> tuple[np.ndarray, ...]:
    """Return the bounds ``(n, d)`` of each unit of a block, infinite for NaN."""

    def per_unit(change) -> np.ndarray:
        passed = sum(g * norm[:, None] for g, norm in change.through)
        return np.nan_to_num(change.own + passed, nan=np.inf, posinf=np.inf)

    port = answer.port
    with np.errstate(all="ignore"):
        bend, jump = per_unit(answer.bend), per_unit(answer.jump)
    return port.value, port.error, port.slope, port.slope_error, bend, jump


def _check_widths(system: DynamicalSystem, answers: list[CellBounds]) -> None:
    width = sum(answer.port.value.shape[1] for answer in answers)
    if width != system.n_states:
        raise ValueError(
            f"ball_bounds of {system.equations}: expected bounds of {system.n_states} states, "
            f"received {width}."
        )


def _refuse(system: DynamicalSystem, what: str, met: np.ndarray, bound: np.ndarray) -> None:
    with np.errstate(all="ignore"):
        over = np.isfinite(met) & (met > bound * (1.0 + SLACK))
    if over.any():
        row, unit = np.argwhere(over)[0]
        raise ValueError(
            f"ball_bounds of {system.equations}: expected a bound of {what} for "
            f"{unit_name(system, int(unit))}, received {bound[row, unit]:.4g}, where "
            f"{met[row, unit]:.4g} was found."
        )


def check_fixed_point_map(
    system: DynamicalSystem, u: np.ndarray, found: np.ndarray, *, is_all: bool
) -> None:
    """Refuse a registered map with other fixed points than the system, as far as samples say.

    Args:
        system: in discrete time.
        u: the constant input, ``(n_inputs,)``.
        found: ``(m, n_states)``, the fixed points that the map has.
        is_all: these are all that it has.

    Raises:
        ValueError: one of them is none of the system, or Newton's method finds another.
    """
    n = system.n_states
    n_starts = min(MOST_STARTS, max(1, STARTS_TIMES_STATES // n))
    x = np.random.default_rng(0).normal(size=(n_starts, n))
    x = np.concatenate([found, np.clip(x, system.lower, system.upper)])
    identity = np.eye(n)
    for _ in range(NEWTON_STEPS if is_all else 0):
        off = system.step(x, u[None]).numpy() - x
        matrix = identity - system.jacobian(x, u[None]).numpy()
        with np.errstate(all="ignore"):
            step = np.stack([_solved(*pair) for pair in zip(matrix, off, strict=True)])
        x[len(found) :] += np.clip(step, -0.5, 0.5)[len(found) :]
    move = system.step(x, u[None]).numpy() - x
    matrix = identity - system.jacobian(x, u[None]).numpy()
    step = np.stack([_solved(*pair) for pair in zip(matrix, move, strict=True)])
    off = np.abs(move).max(axis=1)
    size = 1.0 + np.abs(x).max(axis=1)
    wrong = off[: len(found)] > SAME_POINT * size[: len(found)]
    rests = (off < 1e-12 * size) & (np.abs(step).max(axis=1) < SAME_POINT * size)
    rests &= np.linalg.svd(matrix, compute_uv=False)[:, -1] > SAME_POINT  # not by a shut gate
    apart = np.abs(x[:, None] - found).max(axis=-1).min(axis=1, initial=np.inf)
    missed = is_all & rests & (apart > SAME_POINT * size)
    if wrong.any() or missed.any():
        row = int(np.flatnonzero(wrong)[0]) if wrong.any() else int(np.flatnonzero(missed)[0])
        came = "has none at" if wrong.any() else "has another at"
        raise ValueError(
            f"fixed_point_map of {type(system.equations).__name__}: expected the fixed points "
            f"of {system.name!r}, received others: it {came} {np.round(x[row], 6).tolist()}."
        )


def _solved(matrix: np.ndarray, off: np.ndarray) -> np.ndarray:
    """Solve one system, with a step of zero where it is singular."""
    try:
        return np.linalg.solve(matrix, off)
    except np.linalg.LinAlgError:
        return np.zeros_like(off)
