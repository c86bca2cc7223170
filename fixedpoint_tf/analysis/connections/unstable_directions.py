"""Unstable directions of saddles, and the offsets at which trajectories along them start."""

from __future__ import annotations

import numpy as np

from fixedpoint_tf import linearization
from fixedpoint_tf.fixed_points.points import FixedPoints
from fixedpoint_tf.systems.at_points import jacobians_of
from fixedpoint_tf.systems.system import DynamicalSystem

__all__ = ["offsets", "unstable_directions"]

#: Lengths of the first step away from a saddle that are tried, longest first, as shares of
#: the distance to the nearest other point.
OFFSETS = 10.0 ** -np.arange(1.0, 8.0)
LINEAR_TOL = 0.01  # of a first step: departure from the linear picture that is small enough


def unstable_directions(
    system: DynamicalSystem,
    points: FixedPoints,
    inputs: np.ndarray,
    n_unstable: np.ndarray,
    n_directions: int,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return source, unit vector and sign of every way, and the linear prediction.

    Only saddles are linearised, and of their Jacobians a bounded number is held at once.
    """
    source, direction, sign, linear = [], [np.zeros((0, system.n_states))], [], []
    saddles = np.flatnonzero(n_unstable > 0)
    for some, jacobians in jacobians_of(system, points, inputs, saddles):
        if points.eigvec_J_xstar is not None:
            vectors = points.eigvec_J_xstar[some]
        else:
            vectors = linearization.right_eigenvectors(jacobians, system.time)[1]
        for i, saddle in enumerate(some):
            k = n_unstable[saddle]  # the fastest growing come first
            ways, signs = _ways_in(vectors[i, :, :k], n_directions, rng)
            direction.append(ways)
            linear.append(ways @ jacobians[i].T)
            source += [saddle] * len(ways)
            sign += signs
    every = np.concatenate(direction)
    images = np.concatenate(linear) if linear else every
    return np.array(source, dtype=int), every, np.array(sign, dtype=int), images


def _ways_in(
    modes: np.ndarray, n_directions: int, rng: np.random.Generator
) -> tuple[np.ndarray, list[int]]:
    """Return unit vectors in the span of the unstable modes ``(n_states, k)``, and signs."""
    n_states, k = modes.shape
    # The real and imaginary parts of a pair span the plane in which states spiral out.
    parts = np.concatenate([modes.real, modes.imag], axis=1)
    axes = np.linalg.svd(parts, full_matrices=False)[0][:, :k].T
    if np.isrealobj(modes) or not np.abs(modes.imag).max():
        axes = modes.real.T
    ways = np.stack([axes, -axes], axis=1).reshape(-1, n_states)
    signs = [1, -1] * k
    if k > 1:
        # Uniform on the sphere of the subspace, whatever the angle of the eigenvectors.
        basis = np.linalg.qr(axes.T)[0]
        ways = np.concatenate([ways, rng.normal(size=(n_directions, k)) @ basis.T])
        signs += [0] * n_directions
    return ways / np.linalg.norm(ways, axis=1, keepdims=True), signs


def offsets(
    system: DynamicalSystem, xstar, inputs, source, direction, linear, nearest
) -> tuple[np.ndarray, np.ndarray]:
    """Choose the offset at which each trajectory starts, with the linear error there."""
    offset = np.zeros(len(source))
    error = np.full(len(source), np.inf)
    x, u = xstar[source], inputs[source]
    if not len(source):
        return offset, error
    speed = np.linalg.norm(linear, axis=1)
    origin = x if system.time == "discrete" else 0.0
    for share in OFFSETS:
        trying = error > LINEAR_TOL
        if not trying.any():
            break
        length = share * nearest[source]
        image = system.step(x + length[:, None] * direction, u).numpy().astype(np.float64)
        miss = np.linalg.norm(image - origin - length[:, None] * linear, axis=1)
        relative = miss / (length * speed)
        better = trying & (relative < error)
        offset[better], error[better] = length[better], relative[better]
    return offset, error
