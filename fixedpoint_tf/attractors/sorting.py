"""``attractors``: take the points of a search, sort them, say what each group is."""

from __future__ import annotations

from typing import Any

import numpy as np
from tqdm import tqdm

from fixedpoint_tf.adapters import as_system
from fixedpoint_tf.arrivals import time_step
from fixedpoint_tf.at_points import check_points, eigenvalues_of, inputs_of
from fixedpoint_tf.attractors.result import Attractors
from fixedpoint_tf.checks import check_number, check_whole
from fixedpoint_tf.filters import thin
from fixedpoint_tf.fixed_points import FixedPoints
from fixedpoint_tf.slow_groups import Sorter
from fixedpoint_tf.status import Status

__all__ = ["attractors"]


def attractors(
    system: Any,
    points: FixedPoints,
    *,
    slow: float = 100.0,
    min_points: int = 8,
    dt: float | None = None,
    verbose: bool = False,
) -> Attractors:
    """Sort points into isolated ones, lines, rings and planes.

    Either of the two answers of a search will do: ``unique``, its distinct fixed and slow
    points, or ``every``, where each start ended, of which points that did not converge are
    left out and repeated ones counted once. Fixed points alone (``unique.fixed``) are
    enough only where they fill the manifold.

    The manifold must be well sampled: neighbours on a ring nearer than its radius, say. Of
    a trained network a search finds the few exact fixed points on it; keep the slow points,
    and sample the manifold between by :func:`fixedpoint_tf.slow_states.slow_states`. Where
    fixed points fill a line, a small ``tol_unique`` keeps more of them. Points at different
    inputs are never joined.

    A manifold that repels is found only where it is straight, since states between its
    points leave it; its points then stand as unclear, with a slow mode and no neighbours.

    Args:
        system: what :func:`fixedpoint_tf.as_system` takes.
        points: the fixed and slow points of a search. Those that did not converge are
            left out; without a status all are taken. Of points within ``tol_unique`` one
            is taken, a fixed one before a slow one, else the slowest.
        slow: a mode with a time constant of more than so many steps (continuous: units of
            time) is slow, and so is a manifold. Choose it between the time for which the
            network should remember and the time in which it settles.
        min_points: a manifold of fewer points is called unclear.
        dt: length of a step in which a continuous system is run; by default a quarter of
            the fastest rate at the points.
        verbose: show a bar.

    Returns:
        The groups; interrupted by Ctrl-C, those sorted out so far.

    Raises:
        TypeError, ValueError: an argument is not as described.

    Cost: 2 runs of slow / 2 steps for each of about five pairs a point, and the
        eigenvalues where the points have none; 0.5 s for 200 points of 10 states.

    Example:
        >>> import numpy as np
        >>> from fixedpoint_tf import FixedPoints, as_system
        >>> import tensorflow as tf
        >>> integrator = as_system(
        ...     lambda h, u: h * tf.constant([1.0, 0.5], h.dtype), n_states=2, n_inputs=0
        ... )
        >>> line = np.stack([np.linspace(-1, 1, 21), np.zeros(21)], axis=1)
        >>> attractors(integrator, FixedPoints(xstar=line))
        1 line of 21 points (length 2, drift < 1e-12 a step, returns in 1.4 steps)
    """
    system = as_system(system)
    check_points(system, points)
    chosen = _taken(points)
    taken = points[chosen]
    inputs = inputs_of(system, taken)
    check_number(slow, "slow", low=1.0)
    check_whole(min_points, "min_points", least=3)
    n_taken = taken.n
    distinct = _distinct(taken, inputs)
    chosen, taken, inputs = chosen[distinct], taken[distinct], inputs[distinct]
    step = time_step(system, taken, inputs, dt)
    is_slow = np.zeros(taken.n, dtype=bool)
    if taken.status is not None:
        is_slow = taken.status == Status.SLOW_POINT
    conditions, of = np.unique(inputs, axis=0, return_inverse=True)
    found: list[dict[str, Any]] = []
    interrupted = False
    with tqdm(total=taken.n, desc="eigenvalues", unit="point", disable=not verbose) as bar:
        try:
            values = eigenvalues_of(system, taken, inputs)
            bar.set_description("settling")
            sorter = Sorter(
                system, taken.xstar, inputs, values, is_slow, slow, min_points, step
            )
            for condition in range(len(conditions)):
                rows = np.flatnonzero(of.ravel() == condition)
                bar.set_description("joining neighbours")
                groups = sorter.groups(rows)
                bar.set_description("examining groups")
                for group in groups:
                    found.append(sorter.examine(rows[group]) | {"condition": condition})
                    bar.update(len(group))
        except KeyboardInterrupt:
            interrupted = True

    def gathered(name: str, dtype: type) -> np.ndarray:
        return np.array([part[name] for part in found], dtype=dtype)

    def joined(name: str, empty: np.ndarray) -> np.ndarray:
        return np.concatenate([empty, *(part[name] for part in found)])

    rows = joined("rows", np.zeros(0, dtype=int))
    none = np.zeros(0)
    names = ("length", "gap_ratio", "covered", "largest_drift", "time_along", "return_time")
    return Attractors(
        kind=tuple(part["kind"] for part in found),
        n_members=np.array([len(part["rows"]) for part in found], dtype=int),
        members=chosen[rows],
        coordinate=joined("coordinate", none),
        drift=joined("drift", none),
        drift_between=joined("drift_between", none),
        n_slow=joined("n_slow", np.zeros(0, dtype=int)),
        n_unstable=joined("n_unstable", np.zeros(0, dtype=int)),
        dimension_spectral=gathered("dimension_spectral", int),
        dimension_local=gathered("dimension_local", int),
        agree=gathered("agree", bool),
        condition=gathered("condition", int),
        inputs=conditions,
        xstar=taken.xstar[rows],
        slow=float(slow),
        time_unit="step" if system.kind == "discrete" else "unit of time",
        n_slow_points=int(is_slow.sum()) if taken.status is not None else -1,
        n_left_out=points.n - n_taken,
        n_repeated=n_taken - taken.n,
        interrupted=interrupted,
        **{name: gathered(name, float) for name in names},
    )


def _taken(points: FixedPoints) -> np.ndarray:
    """Rows of the fixed and slow points; where there is no status, all."""
    if points.status is None:
        return np.arange(points.n)
    return np.flatnonzero(np.isin(points.status, [Status.FIXED_POINT, Status.SLOW_POINT]))


def _distinct(points: FixedPoints, inputs: np.ndarray) -> np.ndarray:
    """Rows of distinct points: fixed ones stand for slow ones, and slower for faster."""
    q = np.zeros(points.n) if points.qstar is None else points.qstar
    is_slow = np.zeros(points.n) if points.status is None else points.status
    rank = np.empty(points.n)
    rank[np.lexsort((q, is_slow))] = np.arange(points.n)
    return thin(np.concatenate([points.xstar, inputs], axis=1), rank, points.tol_unique)[0]
