"""All analyses of the points of one search, as printed lines and figures."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import KDTree

from fixedpoint_tf._utils.plurals import pluralize
from fixedpoint_tf._utils.selection import state_scale
from fixedpoint_tf.finder import FixedPointFinder
from fixedpoint_tf.fixed_points.points import FixedPoints
from fixedpoint_tf.fixed_points.status import Status

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Meaning", "meaning"]

#: Trajectories that are run on to look for cycles. More than a few seldom show more.
N_CYCLE_STARTS = 8

#: Nearer to a point than this share of its size, a trajectory has come to rest there.
ARRIVED = 1e-3


@dataclasses.dataclass(frozen=True)
class Meaning:
    """Results of all analyses of a search.

    Attributes:
        lines: one for each analysis that applies.
        figures: by name.
    """

    lines: list[str]
    figures: dict[str, Figure]


def meaning(
    finder: FixedPointFinder,
    unique: FixedPoints,
    all_points: FixedPoints,
    states: np.ndarray,
    constant: np.ndarray,
) -> Meaning:
    """Analyse existence, completeness, attractors, connections and cycles of a search.

    Analyses that do not apply have no line: connections without a saddle, cycles without a
    trajectory that settles on one.

    Cost: dominated by the search for cycles, some 5,000 steps of a few states and more where
    they do not settle; seconds for a hundred units.

    Args:
        finder: that found the points, in discrete time.
        unique, all_points: what ``find_fixed_points`` returned at one constant input.
        states: ``(n_trials, n_time, n_states)``, trajectories of the network.
        constant: ``(n_inputs,)``, that input.

    Returns:
        Lines and figures.
    """
    lines, figures = [], {}
    if unique.fixed.n:
        lines.append(f"existence: {finder.certify(unique.fixed)}")
    known = [] if unique.index is None else unique.index.in_words()
    coverage = finder.estimate_coverage(all_points, known=unique)
    lines.append("; ".join([f"completeness: {coverage}", *known]))

    together = _with_slow_states(finder, unique, states, constant)
    settled = finder.classify_attractors(together)
    n_sampled = together.n - unique.n
    of = f" (with {pluralize(n_sampled, 'sampled slow state')})" if n_sampled else ""
    lines.append(f"attractors{of}: {settled}")
    figures["attractors"] = settled.plot()[0]

    ways = finder.find_connections(unique)
    if len(ways):
        lines.append(f"connections: {ways}")
        figures["connections"] = ways.plot()[0]

    cycles = finder.find_cycles(states[:N_CYCLE_STARTS], constant[None], max_period=0)
    if len(cycles):
        lines.append(f"oscillations: {cycles}")
        figures["cycles"] = cycles.plot(fps=unique)[0]
    return Meaning(lines, figures)


def _with_slow_states(
    finder: FixedPointFinder, unique: FixedPoints, states: np.ndarray, constant: np.ndarray
) -> FixedPoints:
    """Add the states on which trajectories linger to the points of the search."""
    slow = finder.sample_slow_states(states, constant)
    slow = slow[slow.status == Status.SLOW_POINT]
    size = state_scale(np.concatenate([unique.xstar, slow.xstar]))
    # Where a trajectory has come to rest at a point, the point stands for it.
    away = np.ones(slow.n, dtype=bool)
    if unique.n:
        nearest, _ = KDTree(unique.xstar).query(slow.xstar)
        away = nearest > ARRIVED * size
    n_away = int(away.sum())
    return FixedPoints(
        xstar=np.vstack([unique.xstar, slow.xstar[away]]),
        inputs=np.tile(constant, (unique.n + n_away, 1)),
        status=np.r_[np.asarray(unique.status), np.full(n_away, Status.SLOW_POINT)],
        state_names=unique.state_names,
    )
