"""Basins of attraction, estimated from sampled states."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import binomtest

from fixedpoint_tf._utils.checks import check_number, check_switch
from fixedpoint_tf._utils.interruption import Interruption
from fixedpoint_tf._utils.plurals import pluralize
from fixedpoint_tf._utils.ranges import ROUNDING, Agreement
from fixedpoint_tf._utils.results import Result
from fixedpoint_tf._utils.selection import select_distinct
from fixedpoint_tf.analysis.convergence import check_runs, radii, run_to_convergence, time_step
from fixedpoint_tf.analysis.outcomes import RunOutcome, describe_outcomes
from fixedpoint_tf.fixed_points.points import FixedPoints
from fixedpoint_tf.fixed_points.status import Status
from fixedpoint_tf.systems.at_points import (
    constant_inputs,
    eigenvalues_of,
    every_state,
    inputs_of,
    is_stable_of,
)
from fixedpoint_tf.systems.convert import system_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Basins", "estimate_basins", "wilson_interval"]

SAME = 1e-9  # points nearer than this, relative to their size, are one


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Basins(Result):
    """The attractor that each state reaches, and the share of states that reach each.

    The fractions are those of the distribution that the states were drawn from, and the
    intervals hold only where they were drawn independently.

    Attributes:
        target: ``(n,)`` int, the row of the FixedPoints that each state reaches; -1 none.
        outcome: ``(n,)`` int, of :class:`fixedpoint_tf.analysis.RunOutcome`.
        steps: ``(n,)`` int, steps until there for good.
        final: ``(n, n_states)``, the last state; NaN where it ran away.
        attractors: ``(k,)`` int, the points that can be reached: the stable ones, and any
            other that a state came to rest at.
        counts: ``(k,)`` int, states that reach each.
        fraction: ``(k,)``.
        lower: ``(k,)``, of the Wilson interval of the fraction.
        upper: ``(k,)``.
        confidence: confidence level of the intervals.
        interrupted: whether Ctrl-C ended the runs early; the fractions are then those of
            the states that had arrived.

    Example:
        >>> import numpy as np
        >>> from fixedpoint_tf import FixedPoints, as_system
        >>> wells = as_system(lambda h, u: h + 0.1 * (h - h**3), n_states=1, n_inputs=0)
        >>> points = FixedPoints(xstar=np.array([[-1.0], [0.0], [1.0]]))
        >>> answer = estimate_basins(wells, points, [[-2.0], [-0.5], [0.5], [2.0]])
        >>> answer.target.tolist(), answer.fraction.tolist()
        ([0, 0, 2, 2], [0.5, 0.5])
    """

    target: np.ndarray
    outcome: np.ndarray
    steps: np.ndarray
    final: np.ndarray
    attractors: np.ndarray
    counts: np.ndarray
    fraction: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    confidence: float = 0.95
    interrupted: bool = False

    _axes = {
        "n": "target outcome steps",
        "n n_states": "final",
        "k": "attractors counts fraction lower upper",
    }
    _ranges = {
        "-1 inf": "target",
        "0 inf": "outcome steps attractors",
        "0 n": "counts",
        "0 1": "fraction lower upper confidence",
    }

    def _agreements(self) -> Iterator[Agreement]:
        reached = np.isin(self.target, self.attractors)
        yield "target", reached | (self.target == -1), "one of attractors, or -1"
        counts = (self.target[:, None] == self.attractors).sum(axis=0)
        yield "counts", self.counts == counts, "how often target names each"
        n_run = int((self.outcome != RunOutcome.NOT_RUN).sum())
        share = np.isclose(self.fraction, self.counts / max(n_run, 1))
        yield "fraction", share, "counts by states that were run"
        yield "lower", self.lower <= self.fraction + ROUNDING, "at most fraction"
        yield "upper", self.upper >= self.fraction - ROUNDING, "at least fraction"

    def __len__(self) -> int:
        return len(self.target)

    def __repr__(self) -> str:
        n, k = len(self), int((self.counts > 0).sum())
        parts = [
            f"{pluralize(n, 'state')} {'reaches' if n == 1 else 'reach'} {k:,} of "
            f"{pluralize(len(self.attractors), 'attractor')}"
        ]
        if not len(self.attractors):
            parts = [
                f"{pluralize(n, 'state')}, but no attractor among the points at their input"
            ]
        if k:
            largest = int(self.fraction.argmax())
            parts.append(
                f"point {self.attractors[largest]} has the largest basin: "
                f"{self.fraction[largest]:.0%} ({self.lower[largest]:.0%} to "
                f"{self.upper[largest]:.0%})"
            )
        others = describe_outcomes(self.outcome)
        parts += [others] if others else []
        return "; ".join(parts) + (" (interrupted)" if self.interrupted else "")

    def plot(self, *, fig: Figure | None = None, ax: Axes | None = None) -> tuple[Figure, Axes]:
        """Draw the fraction of states that reach each attractor, with its interval.

        Args:
            fig: the figure to add axes to.
            ax: the axes to draw in.

        Returns:
            The figure and the axes.

        Example:
            >>> import numpy as np
            >>> from fixedpoint_tf import FixedPoints, as_system
            >>> from fixedpoint_tf.analysis import estimate_basins
            >>> wells = as_system(lambda h, u: h + 0.1 * (h - h**3), n_states=1, n_inputs=0)
            >>> points = FixedPoints(xstar=np.array([[-1.0], [0.0], [1.0]]))
            >>> basins = estimate_basins(wells, points, np.linspace(-1, 2, 20)[:, None])
            >>> fig, ax = basins.plot()
            >>> [label.get_text() for label in ax.get_yticklabels()]
            ['point 0', 'point 2']
        """
        from fixedpoint_tf.analysis.connections.plotting import plot_basins

        return plot_basins(self, fig=fig, ax=ax)


def estimate_basins(
    system: Any,
    points: FixedPoints,
    states: Any,
    inputs: Any = None,
    *,
    tol: float = 0.01,
    max_steps: int = 10_000,
    confidence: float = 0.95,
    dt: float | None = None,
    verbose: bool = False,
) -> Basins:
    """Run states forward and count those that reach each attractor.

    Args:
        system: a network, as :func:`fixedpoint_tf.as_system` takes it.
        points: the fixed points of a search at this input.
        states: ``(n, n_states)`` or trajectories ``(n_batch, n_time, n_states)``, of which
            all states are taken; or nested as the cell has them.
        inputs: ``(n_inputs,)`` or ``(1, n_inputs)``, constant, one for all states, or
            ``(n, n_inputs)``, one for each; by default that of the points, where they all
            have the same. Points at other inputs are left out.
        tol: a state has arrived within this share of the distance from the target to the
            nearest other point.
        max_steps: of a run.
        confidence: confidence level of the intervals.
        dt: length of a step in which a continuous system is run; by default a quarter of
            the fastest rate at the points.
        verbose: show a bar.

    Returns:
        The basins; interrupted by Ctrl-C, of the states that had arrived by then.

    Raises:
        TypeError, ValueError: an argument is not as described.

    Cost: the steps that the slowest state takes, all states as one batch, a bounded
        number of them at a time.

    Example:
        >>> import numpy as np
        >>> from fixedpoint_tf import FixedPoints, as_system
        >>> wells = as_system(lambda h, u: h + 0.1 * (h - h**3), n_states=1, n_inputs=0)
        >>> points = FixedPoints(xstar=np.array([[-1.0], [0.0], [1.0]]))
        >>> estimate_basins(wells, points, np.linspace(-1.0, 2.0, 30)[:, None])
        30 states reach 2 of 2 attractors; point 2 has the largest basin: 67% (49% to 81%)
    """
    system = system_of(system)
    of_points = inputs_of(system, points)
    tol, max_steps = check_runs(tol, max_steps)
    confidence = check_number(confidence, "confidence", 0.0, 1.0)
    check_switch(verbose, "verbose")
    start = every_state(system, states)
    u = _inputs_of_states(inputs, of_points, len(start), system.n_inputs)
    step = time_step(system, points, of_points, dt)
    fixed = np.ones(points.n, dtype=bool)
    if points.status is not None:
        fixed = points.status == Status.FIXED_POINT
    distinct, of = np.unique(u, axis=0, return_inverse=True)
    rows = np.flatnonzero(fixed & (of_points[:, None] == distinct).all(axis=2).any(axis=1))
    rows = _distinct(points.xstar, of_points, rows)
    n_start = len(start)
    target, outcome = np.full(n_start, -1), np.full(n_start, int(RunOutcome.NOT_RUN))
    steps, final = np.zeros(n_start, dtype=int), np.array(start)
    stable = np.zeros(len(rows), dtype=bool)
    stop = Interruption("the fractions are those of the states that had arrived by then")
    with stop:
        values = eigenvalues_of(system, points[rows], of_points[rows])
        stable = is_stable_of(points[rows], values)
        for number, one in enumerate(distinct):
            mine = np.flatnonzero(of.ravel() == number)
            here = np.flatnonzero((of_points[rows] == one).all(axis=1))
            if stop.came:
                break
            ends = run_to_convergence(
                system,
                start[mine],
                one,
                points.xstar[rows[here]],
                radii(points.xstar[rows[here]], tol, start[mine]),
                stable[here],
                max_steps=max_steps,
                dt=step,
                verbose=verbose,
            )
            if ends.interrupted:
                stop.note()
            target[mine] = np.where(ends.target >= 0, np.append(here, -1)[ends.target], -1)
            outcome[mine], steps[mine], final[mine] = ends.outcome, ends.steps, ends.final
    reached = np.bincount(target[target >= 0], minlength=len(rows))
    named = stable | (reached > 0)
    n = n_start - int((outcome == RunOutcome.NOT_RUN).sum())
    lower, upper = wilson_interval(reached[named], n, confidence)
    return Basins(
        target=np.where(target >= 0, np.append(rows, -1)[target], -1),
        outcome=outcome,
        steps=steps,
        final=final,
        attractors=rows[named],
        counts=reached[named],
        fraction=reached[named] / max(n, 1),
        lower=lower,
        upper=upper,
        confidence=float(confidence),
        interrupted=stop.came,
    )


def _distinct(x: np.ndarray, inputs: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the first of all rows that hold the same point, as where each start ended does."""
    kept = [rows[:0]]
    for one in np.unique(inputs[rows], axis=0):
        here = rows[(inputs[rows] == one).all(axis=1)]
        size = float(np.abs(x[here]).max(initial=0.0))
        kept.append(here[select_distinct(x[here], np.arange(len(here)), SAME * size)[0]])
    return np.sort(np.concatenate(kept))


def _inputs_of_states(inputs: Any, of_points: np.ndarray, n: int, n_inputs: int) -> np.ndarray:
    """Return the constant input ``(n, n_inputs)`` of each state, by default the points'."""
    if inputs is None:
        distinct = np.unique(of_points, axis=0)
        if len(distinct) > 1:
            raise ValueError(
                f"inputs: expected shape (n_inputs={n_inputs},), (1, {n_inputs}) or (n={n}, "
                f"{n_inputs}), since the points are at {len(distinct)} inputs; received None."
            )
        inputs = distinct if len(distinct) else np.zeros((1, n_inputs))
    return np.broadcast_to(constant_inputs(inputs, n, n_inputs), (n, n_inputs))


def wilson_interval(
    counts: np.ndarray, n: int, confidence: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    """Estimate confidence intervals of fractions that are counted.

    They keep their coverage for small numbers and fractions near 0 and 1 (Wilson 1927;
    Brown, Cai & DasGupta 2001, "Interval estimation for a binomial proportion").

    Args:
        counts: counts of successes, each among ``n``.
        n: trials; 0 gives the whole interval from 0 to 1.
        confidence: two-sided.

    Returns:
        The lower and the upper ends.

    Example:
        >>> lower, upper = wilson_interval(np.array([0, 5]), 10)
        >>> lower.round(3).tolist(), upper.round(3).tolist()
        ([0.0, 0.237], [0.278, 0.763])
    """
    counts = np.asarray(counts)
    if n == 0:  # of no trials SciPy says NaN
        return np.zeros(counts.shape), np.ones(counts.shape)
    ends = [binomtest(int(k), n).proportion_ci(confidence, "wilson") for k in counts]
    return np.array([low for low, _ in ends]), np.array([high for _, high in ends])
