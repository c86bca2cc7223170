"""Fixed points of a system from initial states, from first check to result."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fixedpoint_tf._utils.interruption import Interruption
from fixedpoint_tf.fixed_points.points import FixedPoints
from fixedpoint_tf.fixed_points.search_end import SearchEnd
from fixedpoint_tf.search.evidence.evidence import distance_tolerance
from fixedpoint_tf.search.evidence.rounding import is_double
from fixedpoint_tf.search.progress import Progress
from fixedpoint_tf.search.results import (
    distinct_points,
    every_end,
    mark_not_slow,
    mark_outliers,
)
from fixedpoint_tf.search.search import Search
from fixedpoint_tf.search.solvers.base import Problem
from fixedpoint_tf.search.starts.checks import check_image, check_resolution, check_starts
from fixedpoint_tf.search.starts.region import make_region
from fixedpoint_tf.systems.differentiation.finite_differences import Differenced
from fixedpoint_tf.systems.system import DynamicalSystem

if TYPE_CHECKING:
    from fixedpoint_tf.config import FinderConfig

__all__ = ["Found", "find_fixed_points"]

logger = logging.getLogger(__name__)

WRAPPING_UP = 0.5  # seconds in which an interrupted search may still locate what it came near


class Found(NamedTuple):
    """Result of a search.

    Attributes:
        unique: the distinct fixed points and slow points, linearised.
        all_points: where each start ended, in the order of the starts.
        interrupted: whether the keyboard put an end to the search, or to the linearisation.
    """

    unique: FixedPoints
    all_points: FixedPoints
    interrupted: bool


def find_fixed_points(
    system: DynamicalSystem,
    initial_states: Any,
    inputs: Any,
    cond_ids: Any,
    config: FinderConfig,
    rng: np.random.Generator,
    said: set[str],
) -> Found:
    """Search from every initial state.

    Args:
        system: the network.
        initial_states, inputs, cond_ids: see
            :meth:`fixedpoint_tf.FixedPointFinder.find_fixed_points`.
        config: the options.
        rng: chooses among more points than are asked for.
        said: what has been said of this network and need not be said again; added to.

    Returns:
        The points.

    Raises:
        TypeError, ValueError: see that method.

    Example:
        >>> from fixedpoint_tf import FinderConfig, as_system
        >>> system = as_system(
        ...     lambda h, u: h + 0.1 * (u + h - h**3), n_states=1, n_inputs=1
        ... )
        >>> config, rng = FinderConfig(verbose=False), np.random.default_rng(0)
        >>> starts = [[-2.0], [-1.5], [0.1], [2.0]]
        >>> found = find_fixed_points(system, starts, [[0.0]], None, config, rng, set())
        >>> found.unique.xstar.round(6).ravel().tolist(), found.all_points.n
        ([-1.0, 0.0, 1.0], 4)
    """
    x, u, cond_ids = check_starts(system, initial_states, inputs, cond_ids, said)
    check_image(system, x, u)
    region = make_region(system, x, u, config.outlier_distance_scale)
    if isinstance(system.equations, Differenced):
        system.equations.set_size(region.scale, region.origin)
    problem = Problem(system, region.lower, region.upper, region.scale, region.origin)
    stop = Interruption()
    with Progress(len(x), config) as progress:
        start = (x - region.origin) / region.scale
        search = Search(problem, start, u, region, config.search_options(), progress.report)
        check_resolution(search, x)
        with stop:
            search.run()
            if config.do_rerun_q_outliers and search.end != SearchEnd.TIME:
                search.rerun(config.outlier_q_scale)
        if stop.came:
            search.wrap_up(SearchEnd.INTERRUPTED, WRAPPING_UP)
        progress.report(search, force=True)
    _say_precision(search, said)

    def mark() -> None:
        mark_outliers(search, config)
        mark_not_slow(search)

    stop.complete(mark)
    distinct = stop.complete(lambda: distinct_points(search, cond_ids, config, rng, stop))
    all_points = stop.complete(lambda: every_end(search, cond_ids, distinct, config))
    return Found(distinct.points, all_points, stop.came)


def _say_precision(search: Search, said: set[str]) -> None:
    """Warn once that the network computes in less than double precision."""
    eps = search.descents.eps
    if is_double(eps) or "precision" in said:
        return
    said.add("precision")
    problem = search.problem
    if problem.origin.any() and eps <= problem.resolution:
        logger.warning(
            "%s resolves %.0e of the states' variation about their offset: points nearer to "
            "each other than %.0e of it are not distinguished, and a point that rounding "
            "could feign is reported as a slow point.",
            problem.dtypes[1], eps, distance_tolerance(eps),
        )  # fmt: skip
        return
    logger.warning(
        "%r computes in single precision (its rounding is %.0e): fixed points are located "
        "to %.0e of the size of the states, and a point that rounding could feign is "
        "reported as a slow point. %s",
        problem.system.name, eps, distance_tolerance(eps),
        getattr(problem.system.equations, "to_double", ""),
    )  # fmt: skip
