"""All fixed points of a piecewise-linear network, block by block, by the method that fits."""

from __future__ import annotations

import dataclasses
import itertools
from fractions import Fraction

import numpy as np
from scipy.sparse.csgraph import connected_components

from fixedpoint_tf._utils.norms import EPS, gamma
from fixedpoint_tf._utils.plurals import pluralize
from fixedpoint_tf.analysis.completeness.proof.active_sets import (
    Rectifiers,
    Roots,
    all_sets,
    solve_active_sets,
)
from fixedpoint_tf.analysis.completeness.proof.limits import Limits
from fixedpoint_tf.analysis.completeness.proof.networks import MOST_PRODUCTS
from fixedpoint_tf.analysis.completeness.proof.pruned_sets import bound_outputs, prune_sets
from fixedpoint_tf.analysis.completeness.proof.regions import Candidates, LowRank
from fixedpoint_tf.systems.cells.piecewise_linear import PiecewiseLinear

__all__ = ["RectifiedProof", "prove_rectified"]

FEW_RECTIFIED = 10  # ReLU units of a block: all active sets cost nothing
MOST_RECTIFIED = 20  # a million active sets, half a minute
DEARER = 8  # times that a choice of some units costs what an active set does
ENTRIES_AT_ONCE = 2**22  # of matrices of active sets


@dataclasses.dataclass(frozen=True)
class RectifiedProof:
    """Fixed points of a piecewise-linear network in the whole, unbounded space.

    Attributes:
        x: states, ``(m, n)``.
        radius: the largest error of each, ``(m,)``.
        n_open: active sets and boxes that are undecided.
        n_boxes: boxes or active sets that were looked at.
        timed_out: a limit ended it.
        too_large: no method is there for so many units.
        method: in words.
    """

    x: np.ndarray
    radius: np.ndarray
    n_open: int
    n_boxes: int
    timed_out: bool
    too_large: bool
    method: str


@dataclasses.dataclass(frozen=True)
class _Block:
    """The fixed points of one block, and how they were found."""

    roots: Roots
    n_boxes: int
    method: str
    too_large: bool = False


def prove_rectified(network: PiecewiseLinear, u: np.ndarray, limits: Limits) -> RectifiedProof:
    """Find all fixed points of a network, wherever they lie.

    Args:
        network: its weights, taken as exact.
        u: the constant input, ``(n_inputs,)``.
        limits: limits of the proof.
    """
    equations = Rectifiers.of(network, u)
    n_blocks, block = connected_components(equations.recurrent != 0.0, directed=False)
    units = [np.flatnonzero(block == k) for k in range(n_blocks)]
    blocks = [_prove_block(_part(equations, some), limits) for some in units]
    counts = [len(one.roots.y) for one in blocks]
    too_many = float(np.prod([float(count) for count in counts])) > MOST_PRODUCTS
    choices = [] if too_many else list(itertools.product(*map(range, counts)))
    y, radius = np.zeros((len(choices), equations.n)), np.zeros(len(choices))
    for k, (some, one) in enumerate(zip(units, blocks, strict=True)):
        rows = [choice[k] for choice in choices]
        y[:, some] = one.roots.y[rows]
        radius = np.maximum(radius, one.roots.radius[rows])
    method = " or ".join(sorted({one.method for one in blocks}))
    if n_blocks > 1:
        method = f"{n_blocks} independent blocks, each by {method}"
    method = f"{method}, in the whole space"
    too_large = any(one.too_large for one in blocks)
    if too_large:
        y, radius, method = y[:0], radius[:0], "none"
    return RectifiedProof(
        *_states(network, equations, y, radius),
        sum(one.roots.n_open for one in blocks),
        sum(one.n_boxes for one in blocks),
        too_many or any(one.roots.timed_out for one in blocks),
        too_large,
        method,
    )


def _part(equations: Rectifiers, units: np.ndarray) -> Rectifiers:
    """Return the equations of some units that no other enters."""
    return Rectifiers(
        equations.recurrent[np.ix_(units, units)],
        [equations.offset[i] for i in units],
        equations.rectified[units],
        equations.slope_below[units],
    )


def _prove_block(equations: Rectifiers, limits: Limits) -> _Block:
    """Find all fixed points of units that do not fall into blocks."""
    n_rectified = int(equations.rectified.sum())
    if n_rectified > FEW_RECTIFIED:
        low_rank = LowRank.of(equations)
        if low_rank is not None:
            found = low_rank.candidates(limits)
            dimensions = pluralize(low_rank.rank, "dimension")
            return _decided(equations, found, limits, f"active sets of regions in {dimensions}")
        outputs, max_boxes = bound_outputs(equations), limits.max_boxes
        if n_rectified <= MOST_RECTIFIED:
            max_boxes = min(max_boxes, 2**n_rectified // DEARER)
        if outputs is not None:
            found = prune_sets(equations, outputs, max_boxes, limits)
            if not found.timed_out or n_rectified > MOST_RECTIFIED:
                return _decided(equations, found, limits, "branch and bound over active sets")
    if n_rectified <= MOST_RECTIFIED:
        roots = solve_active_sets(equations, all_sets(equations), limits)
        return _Block(roots, roots.n_sets, "all active sets")
    nothing = Roots(np.zeros((0, equations.n)), np.zeros(0), 0, 0, False)
    return _Block(nothing, 0, "none", too_large=True)


def _decided(equations: Rectifiers, found: Candidates, limits: Limits, method: str) -> _Block:
    """Decide the active sets that can hold fixed points."""
    step = max(1, ENTRIES_AT_ONCE // equations.n**2)
    sets = (found.active[i : i + step] for i in range(0, len(found.active), step))
    roots = solve_active_sets(equations, sets, limits)
    n_open, timed_out = roots.n_open + found.n_open, roots.timed_out or found.timed_out
    roots = dataclasses.replace(roots, n_open=n_open, timed_out=timed_out)
    return _Block(roots, found.n_boxes, method)


def _states(
    network: PiecewiseLinear, equations: Rectifiers, y: np.ndarray, radius: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the states and their errors where the units have the outputs ``y``."""
    if network.threshold is None:
        return y, radius
    V = network.recurrent
    thresholds = (Fraction(float(b)) for b in network.threshold)
    c = np.array([float(v - b) for v, b in zip(equations.offset, thresholds, strict=True)])
    x = y @ V.T + c
    error = radius[:, None] * np.abs(V).sum(axis=1)
    error = error + (gamma(len(V) + 4) * (np.abs(y) @ np.abs(V).T) + 2.0 * EPS * np.abs(c))
    return x, error.max(axis=1, initial=0.0) * (1.0 + gamma(len(V) + 4)) + 2.0 * EPS * np.abs(
        x
    ).max(axis=1, initial=0.0)
