"""The cycles of a system, and the outcome of each start of the search."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from fixedpoint_tf._utils.checks import check_index, check_number
from fixedpoint_tf._utils.results import Result
from fixedpoint_tf.analysis.cycles.orbits.orbits import trivial
from fixedpoint_tf.analysis.cycles.summary import count_starts, period_words, summarize
from fixedpoint_tf.analysis.outcomes import StartOutcome
from fixedpoint_tf.linearization.stability import STABILITY_TOL, Stability
from fixedpoint_tf.linearization.time_units import check_time

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fixedpoint_tf.fixed_points.points import FixedPoints

__all__ = ["Cycles"]


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Cycles(Result):
    r"""Distinct cycles, a row each, and the outcome of each start.

    Three kinds of motion stand here. In discrete time an *exact* cycle has a whole number
    of steps, and its points are those states; a *closed invariant curve* has a period that
    is no whole number, and its points are 256 places on the curve at equal phases. Beside a
    unit that flips, or a cycle of k steps, such a motion fills k closed curves and visits
    them in turn; ``n_curves`` says how many. In continuous time the points are states at
    equal times.

    The multipliers say how a deviation has grown once around: stable where all of them,
    but for the trivial one, lie within the unit circle. A curve and a limit cycle in
    continuous time have one trivial multiplier 1, along the motion. For an exact or
    continuous cycle the multipliers are eigenvalues of the derivative once around. For a
    curve no such matrix exists: what stands here are :math:`e^{\lambda T}` with the leading
    Lyapunov exponents :math:`\lambda` and the period T, which give the modulus only.

    The oscillation itself may be faster than the cycle: a rotation by 10/73 of a turn
    repeats after 73 steps, and goes round 10 times in them, so that the oscillation takes
    7.3 steps. ``period`` is the number of steps after which the state is the same again,
    ``turns`` the number of turns by then; :meth:`frequencies` are those of the
    oscillation. For a cycle of a map that samples no oscillation both are the same.

    Beware: unstable curves are not found, since no trajectory stays at them; and a curve
    does not tell a rotation from its mirror image, so the period is taken to be at least
    two steps.

    Attributes:
        period: ``(n,)``, in steps, or in units of time in continuous time, until the state
            is the same again.
        points: ``(sum(lengths), n_states)``, the points of all cycles end to end.
        lengths: ``(n,)`` int, how many of them belong to each.
        multipliers: ``(n, n_multipliers)`` complex, largest first, NaN where there are
            fewer.
        residual: ``(n,)``, how far the points are from being a cycle: the greatest error
            of an image (exact and continuous, relative to 1 + the greatest entry of the
            state), or of samples against the curve.
        amplitude: ``(n,)``, root mean square distance from the mean over the cycle: the
            radius, where the cycle is a circle.
        is_exact: ``(n,)`` bool, False for closed invariant curves.
        inputs: ``(n, n_inputs)``, the constant inputs.
        n_starts: ``(n,)`` int, how many starts ended at the cycle; 0 for those that were
            found by Newton's method alone, as unstable ones are.
        outcomes: outcome of each start, of :class:`fixedpoint_tf.analysis.StartOutcome`.
        cycle_of_start: ``(n_starts,)`` int, the row of the cycle, or -1.
        lyapunov: ``(n_starts,)``, the largest Lyapunov exponent per step or unit of time,
            where it was needed to tell; NaN elsewhere.
        lyapunov_error: ``(n_starts,)``, its standard error over the steps that were looked
            at last.
        n_run: ``(n_starts,)`` int, for how many steps each start was simulated. Chaos is a
            statement about these steps: it may be a transient that lasts longer.
        turns: ``(n,)`` int, how often the oscillation goes round in a period; 1 for closed
            curves and in continuous time.
        n_family: ``(n,)`` int, along how many directions there are other cycles of the same
            period, as on a circle filled with cycles; they are counted as one. Mostly 0.
        family_closes: ``(n,)`` bool, whether they were followed along a closed curve back to
            the first, as on a circle. Where not, as in ``h -> -h``, cycles of any size lie
            beside each other, and none of them is stable.
        on_kink: ``(n,)`` bool, whether a point of an exact cycle is on a kink of the map (a
            ReLU unit at its threshold), where several smooth pieces of the map meet. Its
            multipliers are those of the piece that has the largest one, and they alone do
            not tell whether it is stable.
        kink_stability: of each such cycle, of
            :class:`fixedpoint_tf.linearization.Stability`: stable where all products of the
            pieces' derivatives decay, unstable where a deviation was seen to grow, else
            undecided; of the others ``""``.
        n_curves: ``(n,)`` int, how many closed curves a motion visits in turn, each of 256
            points, one curve after another; 1 for a single one and for exact cycles.
        period_error: ``(n,)``, of closed curves, how far the period may be off, in steps: the
            order in which samples lie along a curve with corners bounds it, averages over
            fewer samples tell it of a smooth one. 0 of cycles that are solved for, NaN where
            not known, as in files of older releases.
        time: ``"discrete"`` or ``"continuous"``.
        state_names: pairs ``(name, size)`` of the blocks of the flat state.
        interrupted: whether the search was stopped from the keyboard.

    Example:
        >>> from fixedpoint_tf import as_system
        >>> from fixedpoint_tf.analysis import find_cycles
        >>> logistic = as_system(lambda x, u: 3.3 * x * (1 - x), n_states=1, n_inputs=0)
        >>> cycles = find_cycles(logistic, [[0.3]], max_period=2)
        >>> cycles.period.tolist(), cycles.is_stable.tolist()
        ([2.0], [True])
        >>> sorted(cycles.orbit(0).ravel().round(4).tolist())
        [0.4794, 0.8236]
    """

    period: np.ndarray
    points: np.ndarray
    lengths: np.ndarray
    multipliers: np.ndarray
    residual: np.ndarray
    amplitude: np.ndarray
    is_exact: np.ndarray
    inputs: np.ndarray
    n_starts: np.ndarray
    outcomes: tuple[StartOutcome, ...]
    cycle_of_start: np.ndarray
    lyapunov: np.ndarray
    time: str = "discrete"
    state_names: tuple[tuple[str, int], ...] | None = None
    interrupted: bool = False
    lyapunov_error: np.ndarray = None  # type: ignore[assignment]
    turns: np.ndarray = None  # type: ignore[assignment]
    n_family: np.ndarray = None  # type: ignore[assignment]
    family_closes: np.ndarray = None  # type: ignore[assignment]
    on_kink: np.ndarray = None  # type: ignore[assignment]
    kink_stability: tuple[str, ...] = None  # type: ignore[assignment]
    n_curves: np.ndarray = None  # type: ignore[assignment]
    n_run: np.ndarray = None  # type: ignore[assignment]
    period_error: np.ndarray = None  # type: ignore[assignment]

    _axes = {
        "n": "period lengths residual amplitude is_exact n_starts turns n_family family_closes "
        "on_kink kink_stability n_curves period_error",
        "n_points n_states": "points",
        "n n_multipliers complex": "multipliers",
        "n n_inputs": "inputs",
        "n_starts": "outcomes cycle_of_start lyapunov lyapunov_error n_run",
    }
    _ranges = {
        "0 inf": "period residual amplitude n_starts lyapunov_error n_run turns n_family "
        "n_curves period_error",
        "0 n_points": "lengths",
        "-1 <n": "cycle_of_start",
    }

    def __post_init__(self) -> None:
        check_time(self.time)
        object.__setattr__(self, "outcomes", tuple(StartOutcome(o) for o in self.outcomes))
        if self.state_names is not None:
            names = tuple((str(name), int(size)) for name, size in self.state_names)
            object.__setattr__(self, "state_names", names)
        n = len(self.period)
        for name, value in (
            ("lyapunov_error", np.full(len(self.lyapunov), np.nan)),
            ("n_run", np.zeros(len(self.lyapunov), dtype=int)),
            ("turns", np.ones(n, dtype=int)),
            ("n_family", np.zeros(n, dtype=int)),
            ("on_kink", np.zeros(n, dtype=bool)),
            ("n_curves", np.ones(n, dtype=int)),
            ("period_error", np.where(self.is_exact, 0.0, np.nan)),
        ):
            if getattr(self, name, None) is None:  # as in files of older releases
                object.__setattr__(self, name, value)
        if self.kink_stability is None:
            words = tuple(Stability.UNDECIDED if kink else "" for kink in self.on_kink)
            object.__setattr__(self, "kink_stability", words)
        said = tuple(Stability(word) if word else "" for word in self.kink_stability)
        object.__setattr__(self, "kink_stability", said)
        if self.family_closes is None:
            object.__setattr__(self, "family_closes", np.asarray(self.n_family) > 0)
        if self.lengths.sum() != len(self.points):
            raise ValueError(
                f"lengths: expected a sum of {len(self.points)}, the number of points, "
                f"received {self.lengths.tolist()}."
            )

    @property
    def n(self) -> int:
        """Number of cycles."""
        return len(self.period)

    def __len__(self) -> int:
        return self.n

    def orbit(self, index: int) -> np.ndarray:
        """Return the points of one cycle, ``(length, n_states)``.

        Args:
            index: number of the cycle; negative: from the end.
        """
        index = check_index(index, "index", self.n, "cycles", negative=True)
        end = int(self.lengths[: index + 1].sum())
        return self.points[end - int(self.lengths[index]) : end]

    @property
    def oscillation_period(self) -> np.ndarray:
        """``(n,)``, steps or units of time that the oscillation itself takes to go round.

        Example:
            >>> import tensorflow as tf
            >>> from fixedpoint_tf import as_system
            >>> from fixedpoint_tf.analysis import find_cycles
            >>> def turn(h, u):  # by 2/5 of a circle, towards radius 1
            ...     radius = tf.norm(h, axis=1, keepdims=True)
            ...     angle = tf.atan2(h[:, 1:], h[:, :1]) + 0.4 * 2 * np.pi
            ...     return (0.5 + 0.5 * radius) * tf.concat([tf.cos(angle), tf.sin(angle)], 1)
            >>> cycles = find_cycles(as_system(turn, n_states=2, n_inputs=0), [[2.0, 0.0]])
            >>> cycles.period.tolist(), cycles.turns.tolist()
            ([5.0], [2])
            >>> cycles.oscillation_period.tolist()
            [2.5]
        """
        return np.asarray(self.period / self.turns)

    @property
    def _is_curve(self) -> np.ndarray:
        closes = np.asarray(self.family_closes)
        return np.asarray(~self.is_exact | (self.time == "continuous") | closes)

    @property
    def transverse(self) -> np.ndarray:
        """The multipliers without the trivial one, which is NaN: ``(n, n_multipliers)``.

        On a curve one multiplier is 1, that of a shift along it. Where none is, to a
        hundredth, all are kept, and the cycle is not called stable.
        """
        values = self.multipliers.copy()
        for row in np.flatnonzero(self._is_curve):
            along = trivial(values[row])
            if along is not None:
                values[row, along] = np.nan
        return values

    @property
    def n_unstable(self) -> np.ndarray:
        """``(n,)`` int, number of transverse multipliers outside the unit circle."""
        with np.errstate(invalid="ignore"):
            return (np.abs(self.transverse) > 1.0 + STABILITY_TOL).sum(axis=1)

    @property
    def is_stable(self) -> np.ndarray:
        """``(n,)`` bool, True where all transverse deviations decay, False where undecided."""
        size = np.abs(self.transverse)
        decays = ((size < 1.0 - STABILITY_TOL) | np.isnan(size)).all(axis=1)
        decays &= ~np.isnan(self.multipliers).all(axis=1)
        known = [trivial(values) is not None for values in self.multipliers]
        decays &= ~self._is_curve | np.array(known, dtype=bool)
        at_kink = np.array(
            [word == Stability.STABLE for word in self.kink_stability], dtype=bool
        )
        return np.where(self.on_kink, at_kink, decays)

    def frequencies(self, dt: float | None = None) -> np.ndarray:
        """Return frequencies in turns per step, in Hz given ``dt``, or per unit of time.

        These are the frequencies of the oscillations themselves: a rotation by 10/73 of a turn
        in each step has the frequency 10/73, though its states repeat only after 73 steps.
        Those of a continuous system are per unit of time.

        Args:
            dt: length of one step in seconds; None for a continuous system.
        """
        if dt is not None and self.time == "continuous":
            raise ValueError(
                "dt: expected None for a continuous system, whose periods are in units of time "
                f"already, received {dt!r}."
            )
        return self.turns / (self.period * (1.0 if dt is None else check_number(dt, "dt")))

    def stability_in_words(self) -> tuple[str, ...]:
        """List the stability of each cycle: "stable", "unstable", "marginal" or "undecided"."""
        words = []
        for i in range(self.n):
            if self.on_kink[i]:
                words.append(self.kink_stability[i])
            elif np.isnan(self.multipliers[i]).all():
                words.append(Stability.UNDECIDED)
            elif self.is_stable[i]:
                words.append(Stability.STABLE)
            else:
                words.append(Stability.UNSTABLE if self.n_unstable[i] else Stability.MARGINAL)
        return tuple(words)

    def periods_in_words(self) -> tuple[str, ...]:
        """List the period of the oscillation of each cycle, such as "7.3 steps"."""
        return period_words(self)

    def __repr__(self) -> str:
        return summarize(self)

    def starts_in_words(self) -> str:
        """Count the starts by outcome in words, such as "2 at a fixed point, 1 chaotic"."""
        return count_starts(self)

    def plot(
        self,
        fps: FixedPoints | None = None,
        *,
        state_traj: Any = None,
        max_n_cycles: int = 5,
        fig: Figure | None = None,
        ax: Axes | None = None,
    ) -> tuple[Figure, Axes]:
        """Draw the cycles in two dimensions, with fixed points where given.

        Stable cycles are solid and unstable ones dashed. Exact cycles of a discrete system are
        drawn as points, joined by thin lines in the order in which they are visited; the lines
        are not part of the cycle. If a cycle goes round several times before it repeats, points
        that are neighbours around it are joined instead. Closed curves that are visited in turn
        are drawn separately. The axes are the first two principal components of all that is
        drawn; a system of two units is drawn in its own coordinates, and a system of one unit
        against the steps of a cycle, beginning at its greatest value. Where no cycle was found,
        the axes say so, and list the outcomes of the starts.

        Args:
            fps: fixed points of the same system.
            state_traj: ``(n_batch, n_time, n_states)`` or ``(n_time, n_states)``, trajectories
                to draw beneath, such as those that were searched.
            max_n_cycles: number of cycles drawn, in their order: stable ones first.
            fig: the figure to add axes to.
            ax: the axes to draw in.

        Returns:
            The figure and the axes.

        Raises:
            ValueError: the fixed points or trajectories are of another width.

        Example:
            >>> from fixedpoint_tf import as_system
            >>> from fixedpoint_tf.analysis import find_cycles
            >>> logistic = as_system(lambda x, u: 3.3 * x * (1 - x), n_states=1, n_inputs=0)
            >>> fig, ax = find_cycles(logistic, [[0.3]], max_period=2).plot()
            >>> [text.get_text() for text in ax.get_legend().get_texts()]
            ['stable, period 2 steps']
        """
        from fixedpoint_tf.analysis.cycles.plotting import plot_cycles

        return plot_cycles(
            self, fps, state_traj=state_traj, max_n_cycles=max_n_cycles, fig=fig, ax=ax
        )
