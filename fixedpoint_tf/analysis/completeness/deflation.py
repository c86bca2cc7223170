"""Further fixed points by deflation, a search that the known points repel.

A search from many starts meets again and again the points with large basins. Deflation
(Farrell, Birkisson & Funke 2015; ``search/solvers/deflated.py``) divides the
known points out of the residual, so that none of them is met again.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from scipy.spatial.distance import cdist
from tqdm import tqdm

from fixedpoint_tf._utils.checks import (
    as_numbers,
    check_fits,
    check_number,
    check_rows,
    check_seed,
    check_switch,
    check_whole,
)
from fixedpoint_tf._utils.interruption import Interruption
from fixedpoint_tf.analysis.completeness.deflation_result import Deflated
from fixedpoint_tf.analysis.completeness.deflation_starts import draw_lengths, draw_starts
from fixedpoint_tf.config import FinderConfig
from fixedpoint_tf.fixed_points.points import FixedPoints
from fixedpoint_tf.search.descents import CANDIDATE_Q
from fixedpoint_tf.search.find import find_fixed_points
from fixedpoint_tf.search.solvers import deflated
from fixedpoint_tf.systems.at_points import check_points
from fixedpoint_tf.systems.convert import system_of
from fixedpoint_tf.systems.system import DynamicalSystem

__all__ = ["search_deflated"]

ROUNDING = 4.0  # of a residual, in units of the rounding of the states


def search_deflated(
    system: Any,
    points: FixedPoints,
    *,
    n_inits: int = 128,
    initial_states: Any = None,
    inputs: Any = None,
    length: float | None = None,
    max_rounds: int = 4,
    max_iters: int = 100,
    seed: int = 0,
    verbose: bool = False,
) -> Deflated:
    """Search for further fixed points, away from those known.

    In each round, starts run by Newton's method on the deflated residual, and those that it
    loses by Levenberg-Marquardt; where they end, a search without deflation locates,
    verifies and linearises the fixed points; new ones are deflated too in the next round.
    The search ends after a round that meets none, or ``max_rounds``. Nothing says
    that it finds all.

    A line of fixed points is not exhausted by deflation: its further points are new ones.

    Args:
        system: anything that :func:`fixedpoint_tf.as_system` takes.
        points: the known points; slow points among them do not push. Each distinct input is
            searched by itself.
        n_inits: starts a round and input. A third of them lie around known points, a third
            are drawn from a Gaussian with twice their spread, a third from the bounds of the
            system, where it has any.
        initial_states: ``(n, n_states)``, or nested, to start from instead.
        inputs: ``(m, n_inputs)``, the inputs to be searched; default: those of the points.
        length: the distance up to which a known point pushes; default: a tenth to a half of
            the median distance between neighbours among them, another for each start; of a
            single point, a tenth to ten times the spread of the starts.
        max_rounds: largest number of rounds of the search.
        max_iters: iterations of each method.
        seed: seed of the starts.
        verbose: show a progress bar.

    Returns:
        All points, with the new ones marked. After Ctrl-C, with those found by then.

    Raises:
        TypeError, ValueError: an argument is not as described.

    Cost: each iteration of a start costs a Jacobian and about ``n_states^3`` operations; a
    round of 128 starts of 24 states takes about a second.

    Example:
        >>> from fixedpoint_tf import as_system
        >>> cubic = as_system(lambda h, u: h - h * (h - 1) * (h - 3), n_states=1, n_inputs=1)
        >>> known = FixedPoints(xstar=[[0.0]], inputs=[[0.0]], status=[0])
        >>> found = search_deflated(cubic, known, n_inits=16)
        >>> found
        2 new fixed points beside 1 known point, from 32 deflated starts
        >>> sorted(found.new.xstar.ravel().round(6).tolist())
        [1.0, 3.0]
    """
    system = system_of(system)
    conditions = _check(system, points, inputs)
    starts = None
    if initial_states is not None:
        starts = system.layout.pack(initial_states, "initial_states")
        check_rows(starts, "initial_states", system.n_states, "n_states")
    n_inits = check_whole(n_inits, "n_inits")
    max_rounds = check_whole(max_rounds, "max_rounds")
    max_iters = check_whole(max_iters, "max_iters")
    check_fits("n_inits", n_inits, n_inits, system.n_states)
    if length is not None:
        length = check_number(length, "length")
    check_switch(verbose, "verbose")
    seed = check_seed(seed)
    rng = np.random.default_rng(seed)
    config = FinderConfig(
        verbose=False,
        tol_unique=points.tol_unique,
        random_seed=seed,
        do_exclude_distance_outliers=False,
        share_descents=False,
    )
    said: set[str] = set()
    parts, n_starts, n_arrived = [points], 0, 0
    stop = Interruption()
    with (
        tqdm(
            total=len(conditions), desc="deflated search", unit="input", disable=not verbose
        ) as bar,
        stop,
    ):
        for u in conditions:
            if stop.came:
                break
            known = _under(points, u)
            for _ in range(max_rounds):
                x = starts
                if x is None:
                    x = draw_starts(system, known.xstar, int(n_inits), rng)
                n_starts += len(x)
                roots = _fixed(known).xstar
                reach, longest = draw_lengths(roots, x, rng)
                reach = np.full(len(x), length) if length else reach
                ends, q = deflated.solve(system, u, x, roots, reach, longest, int(max_iters))
                ends = ends[q <= CANDIDATE_Q]
                n_arrived += len(ends)
                new, stopped = _verify(system, ends, u, known, config, said)
                if new.n:
                    parts.append(new)
                if stopped:  # the search has caught the interruption, and said so
                    stop.came = True
                if stopped or not new.n:
                    break
                known = _join([known, new])
            bar.update()
    joined = _join(parts)
    return Deflated(
        points=joined,
        is_new=np.arange(joined.n) >= points.n,
        n_starts=n_starts,
        n_arrived=n_arrived,
        interrupted=stop.came,
    )


def _check(system: DynamicalSystem, points: Any, inputs: Any) -> np.ndarray:
    """Return the distinct inputs to be searched."""
    check_points(system, points)
    bad = np.flatnonzero(~np.isfinite(points.xstar).all(axis=1))
    if len(bad):
        raise ValueError(
            f"points: expected finite states, received NaN or infinity in {len(bad)} of "
            f"{points.n} rows, first in row {bad[0]}; points.fixed leaves out what diverged."
        )
    if inputs is None:
        inputs = points.inputs
    if inputs is None and system.n_inputs == 0:
        inputs = np.zeros((1, 0))
    if inputs is None or (points.n and points.inputs is None and system.n_inputs):
        raise ValueError(
            f"inputs: expected an array of width {system.n_inputs}, since the points carry "
            "none, received None."
        )
    u = as_numbers(inputs, "inputs")
    if not points.n and u.shape == (0, system.n_inputs):
        raise ValueError(
            "points: expected at least one known point, or inputs= under which to search, "
            "received no points and no inputs."
        )
    check_rows(u, "inputs", system.n_inputs, "n_inputs")
    _, first = np.unique(u, axis=0, return_index=True)
    return u[np.sort(first)]


def _under(points: FixedPoints, u: np.ndarray) -> FixedPoints:
    return points if points.inputs is None else points[(points.inputs == u).all(axis=1)]


def _fixed(points: FixedPoints) -> FixedPoints:
    return points if points.status is None else points.fixed


def _verify(
    system: DynamicalSystem,
    ends: np.ndarray,
    u: np.ndarray,
    known: FixedPoints,
    config: FinderConfig,
    said: set[str],
) -> tuple[FixedPoints, bool]:
    """Locate and linearise new fixed points at the ends, and report an interruption."""
    if not len(ends):
        return known[:0], False
    cond_ids = None
    if known.cond_id is not None:  # an input that had no point has no label either
        cond_ids = np.full(len(ends), known.cond_id[0] if known.n else -1)
    rng = np.random.default_rng(config.random_seed)
    searched = find_fixed_points(system, ends, u[None], cond_ids, config, rng, said)
    found = searched.unique.fixed
    old = _fixed(known).xstar
    if len(old) and found.n:
        eps = float(np.finfo(system.dtypes[1]).eps)
        found = found[~_are_known(found, _fixed(known), eps)]
    return found, searched.interrupted


def _are_known(found: FixedPoints, known: FixedPoints, eps: float) -> np.ndarray:
    """Test points for a known one that they may be, by how exactly both are located."""
    distance = cdist(found.xstar, known.xstar)
    located = _located(found, eps)[:, None] + _located(known, eps)
    return (distance <= np.minimum(located, known.tol_unique)).any(axis=1)


def _located(points: FixedPoints, eps: float) -> np.ndarray:
    """Return the distance to which points are located, infinite where unknown."""
    if points.newton_step is None or points.smallest_singular_value is None:
        return np.full(points.n, np.inf)
    rounding = ROUNDING * eps * np.linalg.norm(points.xstar, axis=1).max()
    with np.errstate(divide="ignore"):
        return 4.0 * (points.newton_step + rounding / points.smallest_singular_value)


def _join(parts: list[FixedPoints]) -> FixedPoints:
    """Join sets by the arrays that every part has."""
    names = parts[0].state_names if parts[0].n else parts[-1].state_names
    same = [dataclasses.replace(part, state_names=names) for part in parts]
    return FixedPoints.concatenate(same, common=True)
