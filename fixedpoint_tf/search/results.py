"""Results of a search: its distinct points, and the end of each start."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fixedpoint_tf._utils.chunks import map_chunks
from fixedpoint_tf._utils.interruption import Interruption
from fixedpoint_tf._utils.selection import distance_outliers, is_slow, state_scale
from fixedpoint_tf.fixed_points.points import FixedPoints
from fixedpoint_tf.fixed_points.status import Status
from fixedpoint_tf.search.end_points import distinct_ends, nearest_distance
from fixedpoint_tf.search.index import sum_of_ends
from fixedpoint_tf.search.linearization import check_jacobians, linearize_ends
from fixedpoint_tf.search.search import Search

if TYPE_CHECKING:
    from fixedpoint_tf.config import FinderConfig

__all__ = ["Distinct", "distinct_points", "every_end", "mark_not_slow", "mark_outliers"]

logger = logging.getLogger(__name__)

#: Steps, or times of the fastest rate, that states must linger about a slow point.
LEAST_TIME_CONSTANT = 10.0
PROMPT_PRODUCTS = 2.0**27  # of their Jacobians with each other: a fraction of a second


class Distinct(NamedTuple):
    """Distinct end points.

    Attributes:
        points: linearised.
        numbers: theirs among the end points of the search.
        singular: ``(n,)``, smallest singular values, None where there are no Jacobians.
    """

    points: FixedPoints
    numbers: np.ndarray
    singular: np.ndarray | None


def mark_outliers(search: Search, config: FinderConfig) -> None:
    """Mark what lies far from the starts and is no isolated fixed point, nor reached."""
    if not config.do_exclude_distance_outliers:
        return
    ends = search.ends
    reached = ends.x[sorted(search.reached)]
    far = distance_outliers(
        ends.x, search.start, config.outlier_distance_scale, reached=reached
    )
    far &= ~((ends.status == Status.FIXED_POINT) & np.isfinite(ends.radius))
    ends.status[far & (ends.status <= Status.SLOW_POINT)] = Status.OUTLIER


def mark_not_slow(search: Search) -> None:
    """Mark minima of the speed that states cross too fast to count as slow points."""
    ends, system = search.ends, search.problem.system
    rows = np.flatnonzero(ends.status == Status.SLOW_POINT)
    if not len(rows):
        return
    time = LEAST_TIME_CONSTANT
    if system.time == "continuous":  # whose unit of time is arbitrary
        u = search.inputs[ends.condition[rows[:16]]]
        x = search.problem.natural(ends.x[rows[:16]])
        jacobians = map_chunks(system.jacobian, x, u, shape=(x.shape[1], x.shape[1]))
        fastest = float(np.abs(jacobians).sum(axis=-1).max())
        time = time / fastest if fastest > 0 else 0.0
    speed = np.sqrt(2.0 * ends.q[rows])
    scale = state_scale(search.start) or state_scale(ends.x[rows])
    ends.status[rows[~is_slow(speed, scale, time)]] = Status.NOT_SLOW


def distinct_points(
    search: Search,
    cond_ids: np.ndarray | None,
    config: FinderConfig,
    rng: np.random.Generator,
    stop: Interruption,
) -> Distinct:
    """Choose the distinct end points and linearise the network there.

    Args:
        search: the search, at its end, its outliers marked.
        cond_ids: ``(n_starts,)``, label of each start, or None.
        config: how near two points may be, how many are kept, what is computed.
        rng: chooses among too many points.
        stop: notes an interruption, which leaves out the Jacobians.

    Returns:
        The points.

    Raises:
        ValueError: the Jacobians are not the derivatives of the update.
    """
    ends = search.ends
    kept = distinct_ends(ends, search.inputs, config.tol_unique)
    if len(kept) > config.max_n_unique:
        chosen = rng.choice(len(kept), int(config.max_n_unique), replace=False)
        kept = kept[np.sort(chosen)]
    kept = kept[np.lexsort((ends.source[kept], ends.status[kept]))]
    source = ends.source[kept]
    u = search.inputs[ends.condition[kept]]
    columns = search.end_columns()
    own: dict[str, Any] = {name: values[kept] for name, values in columns.items()}
    linear: dict[str, Any] = {}
    costly = len(kept) * float(search.problem.n_states) ** 3 > PROMPT_PRODUCTS
    try:
        if stop.came and costly:  # an interrupted search does not work on
            raise KeyboardInterrupt
        linear = linearize_ends(search, own, u, ends.radius[kept], config)
        check_jacobians(search, linear, own["xstar"], u)
    except KeyboardInterrupt:
        stop.came, linear = True, {}
        logger.warning("interrupted: the points are returned without their Jacobians")
    growth = linear.get("growth_at_kink")
    points = FixedPoints(
        start_counts=search.count_starts(),
        search_end=search.end,
        index=sum_of_ends(search, None if growth is None else kept[~np.isnan(growth)]),
        inputs=u,
        cond_id=None if cond_ids is None else cond_ids[source],
        **own,
        **linear,
        **_common(search, np.hstack([own["xstar"], u]), config),
    )
    return Distinct(points, kept, linear.get("smallest_singular_value"))


def every_end(
    search: Search, cond_ids: np.ndarray | None, distinct: Distinct, config: FinderConfig
) -> FixedPoints:
    """Return the end of each start, or its last state if it has no end point.

    Args:
        search: the search, at its end.
        cond_ids: ``(n_starts,)``, label of each start, or None.
        distinct: what :func:`distinct_points` returned.
        config: the options of the search.

    Returns:
        ``n_starts`` points in the order of the starts, not linearised.
    """
    points, member = search.points, search.member
    ended = member >= 0
    columns = search.end_columns()
    x, image, q = search.final_states()
    status = np.full(len(x), Status.NOT_CONVERGED, dtype=np.int8)
    status[~np.isfinite(q)] = Status.DIVERGED
    known: dict[str, Any] = {
        "xstar": x,
        "F_xstar": image,
        "qstar": q,
        "dq": points.dq,
        "n_iters": points.n_iters,
        "newton_step": np.full(len(x), np.nan),
        "n_at_bound": np.zeros(len(x), dtype=int),
        "status": status,
    }
    for name, values in known.items():
        values[ended] = columns[name][member[ended]]
    kept = distinct.numbers
    sigma = np.full(len(search.ends) + 1, np.nan)
    if distinct.singular is not None:
        sigma[kept] = distinct.singular
    u = search.inputs[search.ends.condition[kept]]
    return FixedPoints(
        x_init=search.problem.natural(search.start),
        inputs=points.u,
        cond_id=cond_ids,
        smallest_singular_value=sigma[member],
        **known,
        **_common(search, np.hstack([columns["xstar"][kept], u]), config),
    )


def _common(search: Search, distinct: np.ndarray, config: FinderConfig) -> dict[str, Any]:
    """Return what all sets of points of one search share."""
    tol_unique = config.tol_unique * float(search.problem.scale.min())
    return {
        "tol_unique": min(tol_unique, 0.5 * nearest_distance(distinct)),
        "time": search.problem.system.time,
        "state_names": search.problem.system.state_names,
    }
