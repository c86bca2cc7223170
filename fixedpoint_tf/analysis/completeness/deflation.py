"""Further fixed points by deflation: a search that the known points push away.

A search from many starts meets again and again the points with large basins. Deflation
(Farrell, Birkisson & Funke 2015; ``search/solvers/deflated.py``) divides the
known points out of the residual, so that none of them is met again.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.spatial.distance import cdist
from tqdm import tqdm

from fixedpoint_tf._utils.checks import as_numbers, check_number, check_rows, check_whole
from fixedpoint_tf._utils.plurals import pluralize
from fixedpoint_tf._utils.results import Result
from fixedpoint_tf.config import FinderConfig
from fixedpoint_tf.fixed_points.points import FixedPoints
from fixedpoint_tf.search.find import find_fixed_points
from fixedpoint_tf.search.solvers import deflated
from fixedpoint_tf.systems.at_points import check_points
from fixedpoint_tf.systems.convert import as_system
from fixedpoint_tf.systems.system import DynamicalSystem

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Deflated", "search_deflated"]

logger = logging.getLogger(__name__)

CANDIDATE_Q = 1e-7  # speed below which the finder looks for a fixed point nearby
ROUNDING = 4.0  # of a residual, in units of the rounding of the states
SHARES = (0.1, 0.5)  # of the spacing of the known points, over which they push
SHARES_OF_ONE = (0.1, 10.0)  # of the spread of the starts, where one point is known


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Deflated(Result):
    """The result of :func:`search_deflated`.

    Attributes:
        points: the known points in their order, then the new fixed points, with the arrays
            that both have; a new point under an input without a label has ``cond_id`` -1.
        is_new: ``(n,)`` bool, which of them are new.
        n_starts: how many starts were made.
        n_arrived: how many of them came near a fixed point that was not known in that round.
        interrupted: whether the call was interrupted.

    Example:
        >>> cubic = as_system(lambda h, u: h - h * (h - 1) * (h - 3), n_states=1, n_inputs=1)
        >>> known = FixedPoints(xstar=[[0.0]], inputs=[[0.0]], status=[0])
        >>> found = search_deflated(cubic, known, n_inits=16)
        >>> found.is_new.tolist(), found.points.n
        ([False, True, True], 3)
    """

    points: FixedPoints
    is_new: np.ndarray
    n_starts: int
    n_arrived: int
    interrupted: bool

    def __post_init__(self) -> None:
        if isinstance(self.points, dict):  # from a file
            object.__setattr__(self, "points", FixedPoints(**self.points))

    @property
    def new(self) -> FixedPoints:
        """The new fixed points."""
        return self.points[self.is_new]

    def __repr__(self) -> str:
        n = int(self.is_new.sum())
        ending = " (interrupted)" if self.interrupted else ""
        return (
            f"{pluralize(n, 'new fixed point')} beside "
            f"{pluralize(self.points.n - n, 'known point')}, from "
            f"{pluralize(self.n_starts, 'deflated start')}{ending}"
        )

    def plot(
        self,
        state_traj: Any = None,
        *,
        plot_batch_idx: Sequence[int] | np.ndarray | None = None,
        plot_start_time: int = 0,
        plot_stop_time: int | None = None,
        mode_scale: float = 0.25,
        max_n_modes: int = 3,
        fig: Figure | None = None,
        ax: Axes | None = None,
    ) -> tuple[Figure, Axes]:
        """Draw all points as :func:`fixedpoint_tf.plotting.plot_fixed_points` does.

        A ring stands around each new point.

        Args:
            state_traj: trajectories to draw them among.
            plot_batch_idx, plot_start_time, plot_stop_time, mode_scale, max_n_modes: as there.
            fig: the figure to add axes to.
            ax: the axes to draw in.

        Returns:
            The figure and the axes.

        Example:
            >>> from fixedpoint_tf import FixedPoints
            >>> points = FixedPoints(xstar=[[0.0, 0.0], [1.0, 1.0]], status=[0, 0])
            >>> found = Deflated(points, np.array([False, True]), 8, 1, False)
            >>> fig, ax = found.plot()
            >>> [text.get_text() for text in ax.get_legend().texts]
            ['2 fixed points', '1 new']
        """
        from fixedpoint_tf.analysis.completeness.deflation_plotting import plot_deflated

        return plot_deflated(
            self,
            state_traj,
            plot_batch_idx=plot_batch_idx,
            plot_start_time=plot_start_time,
            plot_stop_time=plot_stop_time,
            mode_scale=mode_scale,
            max_n_modes=max_n_modes,
            fig=fig,
            ax=ax,
        )


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
        max_rounds: of the search.
        max_iters: iterations of each method.
        seed: of the starts.
        verbose: show a progress bar.

    Returns:
        All points, with the new ones marked. After Ctrl-C, with those found by then.

    Raises:
        TypeError, ValueError: an argument is not as described.

    Cost: each iteration of a start costs a Jacobian and about ``n_states^3`` operations; a
    round of 128 starts of 24 states takes about a second.

    Example:
        >>> cubic = as_system(lambda h, u: h - h * (h - 1) * (h - 3), n_states=1, n_inputs=1)
        >>> known = FixedPoints(xstar=[[0.0]], inputs=[[0.0]], status=[0])
        >>> found = search_deflated(cubic, known, n_inits=16)
        >>> found
        2 new fixed points beside 1 known point, from 32 deflated starts
        >>> sorted(found.new.xstar.ravel().round(6).tolist())
        [1.0, 3.0]
    """
    system = as_system(system)
    conditions = _check(system, points, inputs)
    starts = None
    if initial_states is not None:
        starts = system.layout.pack(initial_states, "initial_states")
        check_rows(starts, "initial_states", system.n_states, "n_states")
    for name, value in (
        ("n_inits", n_inits),
        ("max_rounds", max_rounds),
        ("max_iters", max_iters),
    ):
        check_whole(value, name, least=1)
    if length is not None:
        check_number(length, "length")
    rng = np.random.default_rng(seed)
    config = FinderConfig(
        verbose=False,
        tol_unique=points.tol_unique,
        random_seed=seed,
        do_exclude_distance_outliers=False,
        share_descents=False,
    )
    said: set[str] = set()
    parts, n_starts, n_arrived, interrupted = [points], 0, 0, False
    with tqdm(total=len(conditions), desc="deflated search", disable=not verbose) as bar:
        try:
            for u in conditions:
                known = _under(points, u)
                for _ in range(max_rounds):
                    x = starts
                    if x is None:
                        x = _draw(system, known.xstar, int(n_inits), rng)
                    n_starts += len(x)
                    roots = _fixed(known).xstar
                    reach, longest = _lengths(roots, x, rng)
                    reach = np.full(len(x), length) if length else reach
                    ends, q = deflated.solve(
                        system, u, x, roots, reach, longest, int(max_iters)
                    )
                    ends = ends[q <= CANDIDATE_Q]
                    n_arrived += len(ends)
                    new, stopped = _verify(system, ends, u, known, config, said)
                    if new.n:
                        parts.append(new)
                    if stopped:  # the search has caught the interruption
                        raise KeyboardInterrupt
                    if not new.n:
                        break
                    known = _join([known, new])
                bar.update()
        except KeyboardInterrupt:
            interrupted = True
            logger.warning("interrupted: what had been found by then is returned")
    joined = _join(parts)
    return Deflated(
        points=joined,
        is_new=np.arange(joined.n) >= points.n,
        n_starts=n_starts,
        n_arrived=n_arrived,
        interrupted=interrupted,
    )


def _check(system: DynamicalSystem, points: Any, inputs: Any) -> np.ndarray:
    """The distinct inputs to be searched."""
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


def _lengths(
    known: np.ndarray, starts: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, float]:
    """Draw the length of deflation for each start, and bound the Newton step.

    Too short a push is no push; too long a one drives states out of where the points are,
    above all where there are many. So several are tried, measured by the spacing of the
    known points; one point alone tells nothing of it.
    """
    if len(known) < 2:
        spacing = float(np.median(np.linalg.norm(starts - starts.mean(axis=0), axis=1))) or 1.0
        shares, longest = SHARES_OF_ONE, SHARES_OF_ONE[1] * spacing
    else:
        distance = cdist(known, known)
        np.fill_diagonal(distance, np.inf)
        spacing = longest = float(np.median(distance.min(axis=1)))
        shares = SHARES
    low, high = np.log(shares)
    return spacing * np.exp(rng.uniform(low, high, len(starts))), longest


def _draw(
    system: DynamicalSystem, known: np.ndarray, n: int, rng: np.random.Generator
) -> np.ndarray:
    """Starts around the known points, among and beyond them, and anywhere in the bounds."""
    d = system.n_states
    centre = known.mean(axis=0) if len(known) else np.zeros(d)
    away = known - centre
    size = float(np.sqrt((away**2).mean())) if len(known) > 1 else 0.0
    size = size or 1.0 + float(np.abs(centre).max())
    bounded = np.isfinite(system.lower).all() and np.isfinite(system.upper).all()
    kinds = rng.integers(3 if bounded else 2, size=n)
    near = known[rng.integers(len(known), size=n)] if len(known) else np.zeros((n, d))
    x = near + 0.5 * size * rng.normal(size=(n, d))
    # Mixtures of the known points have their covariance; some noise leaves their subspace.
    mixed = rng.normal(size=(n, max(len(known), 1))) / np.sqrt(max(len(known), 1))
    wide = centre + size * 0.3 * rng.normal(size=(n, d))
    wide += 2.0 * (mixed @ away if len(known) > 1 else size * rng.normal(size=(n, d)))
    x = np.where((kinds == 1)[:, None], wide, x)
    if bounded:
        box = rng.uniform(system.lower, system.upper, size=(n, d))
        x = np.where((kinds == 2)[:, None], box, x)
    return np.clip(x, system.lower, system.upper)


def _verify(
    system: DynamicalSystem,
    ends: np.ndarray,
    u: np.ndarray,
    known: FixedPoints,
    config: FinderConfig,
    said: set[str],
) -> tuple[FixedPoints, bool]:
    """Locate and linearise the fixed points at the ends, without the known; interrupted?"""
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
    """Distance to which Newton step and rounding locate points; infinite where not known."""
    if points.newton_step is None or points.smallest_singular_value is None:
        return np.full(points.n, np.inf)
    rounding = ROUNDING * eps * np.linalg.norm(points.xstar, axis=1).max()
    with np.errstate(divide="ignore"):
        return 4.0 * (points.newton_step + rounding / points.smallest_singular_value)


def _join(parts: list[FixedPoints]) -> FixedPoints:
    """All points, with the arrays that every part has."""
    filled = [part for part in parts if part.n] or parts[:1]
    has = [{k for k, v in part.to_dict().items() if v is not None} for part in filled]
    common = set.intersection(*has)
    same = []
    for part, had in zip(filled, has, strict=True):
        changes: dict[str, Any] = dict.fromkeys(had - common)
        changes["state_names"] = filled[0].state_names
        same.append(dataclasses.replace(part, **changes))
    return FixedPoints.concatenate(same)
