"""The search for cycles: from starts to outcomes, orbit by orbit."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable

import numpy as np

from fixedpoint_tf._utils.plurals import pluralize
from fixedpoint_tf.analysis.cycles.assembly import build_result
from fixedpoint_tf.analysis.cycles.closed_curves.birkhoff_averages import (
    dominant_frequency,
    sizes,
)
from fixedpoint_tf.analysis.cycles.closed_curves.curve_sets import (
    CurveSet,
    as_set,
    curves_in_turn,
    fits_several_better,
)
from fixedpoint_tf.analysis.cycles.closed_curves.curves import NEUTRAL_GROWTH, orbit_on
from fixedpoint_tf.analysis.cycles.closed_curves.lyapunov import growth_rates, growths
from fixedpoint_tf.analysis.cycles.closed_curves.rotation import closed_curve
from fixedpoint_tf.analysis.cycles.closed_curves.splines import times_round
from fixedpoint_tf.analysis.cycles.maps import VariationalMap
from fixedpoint_tf.analysis.cycles.orbits.orbits import Orbit, distance_to
from fixedpoint_tf.analysis.cycles.orbits.recurrences import (
    NEARING,
    is_nearing,
    nearest_returns,
    returns,
    settled_period,
)
from fixedpoint_tf.analysis.cycles.orbits.solving import UNKNOWN, KnownOrbits
from fixedpoint_tf.analysis.cycles.orbits.unstable import seek_unstable
from fixedpoint_tf.analysis.cycles.rest import comes_to_rest, stands_still
from fixedpoint_tf.analysis.cycles.result import Cycles
from fixedpoint_tf.analysis.outcomes import StartOutcome
from fixedpoint_tf.systems.simulation import roll_out
from fixedpoint_tf.systems.system import DynamicalSystem

__all__ = ["CycleOptions", "CycleSearch"]

SETTLED_TOL = 1e-8  # of the extent: a repeat as near as this is a repeat
CURVE_TOL = 1e-6  # misfit of a curve, relative to its amplitude, that ends the transient
CHAOS_GROWTH = 10.0  # e-foldings in each half of a window; a shear alone gives about 1
CHAOS_ERRORS = 3.0  # standard errors that the exponent of chaos is above zero
CHAOS_LONGER = (10, 30, 90, 270)  # times the first run, one after another, of what seems chaos
ENDING_LONGER = 90  # so long only where the chaos of some starts has ended
CHAOS_COST = 2e10  # multiplications, that the longer ones of these runs may take
LEAST_COST = 1e4  # of a step of a small network, in such
N_CONTINUED = 8  # windows, of an exponent that is positive and small
STEADY_TOL = 1e-3  # relative change of the size of a motion that goes on for ever
SAME_CURVE = 3.0  # misfits; what decays has gone farther between two windows
N_COMPARED = 64  # states of a window, with the curve of the one before
MIN_TURNS = 3.0  # that must be seen: less than round fits a slow way to a point as well
N_RETURNS = 4  # of a motion to where it was, that are tried as periods
MAX_TRIED = 4  # sets of curves in a window: a bound on the work
NEARLY_PERIODIC = 0.05  # of the amplitude: how near a cycle a motion must have come


def _nothing(words: str) -> None:
    pass


def _amplitude(states: np.ndarray) -> float:
    deviation = states - states.mean(axis=0)
    return float(np.sqrt((deviation**2).sum(axis=1).mean()))


@dataclasses.dataclass(frozen=True)
class CycleOptions:
    """The arguments of :func:`fixedpoint_tf.analysis.find_cycles`."""

    dt: float | None
    n_transient: int
    n_steps: int
    max_period: int
    n_candidates: int
    n_extensions: int
    tol_unique: float
    seed: int


class CycleSearch:
    """Cycles found so far, and the outcome of each start."""

    def __init__(
        self, system: DynamicalSystem, options: CycleOptions, x: np.ndarray, u: np.ndarray
    ):
        self.system, self.options = system, options
        self.x, self.u = x, u
        self.tangents = VariationalMap(system, options.dt)
        self.rng = np.random.default_rng(options.seed)
        self.orbits = KnownOrbits(self.tangents, options.tol_unique)
        self.outcomes = np.array([StartOutcome.NOT_REACHED] * len(x), dtype=object)
        self.cycle_of_start = np.full(len(x), -1)
        self.lyapunov = np.full(len(x), np.nan)
        self.lyapunov_error = np.full(len(x), np.nan)
        self.size = np.full(len(x), np.nan)  # of the motion when it was first looked at
        self.reach = np.zeros(len(x))  # greatest entry of all states up to the first window
        self.n_run = np.zeros(len(x), dtype=int)  # steps that each start was run for
        self.may_be_chaos = np.zeros(len(x), dtype=bool)
        # The closed curve that a start was on when it was last looked at, or the curves.
        self.curves: dict[tuple[int, bool], Orbit] = {}
        self.say: Callable[[str], None] = _nothing  # called with the step of the search

    # ---- running ----

    def _run(self, x: np.ndarray, u: np.ndarray, n_steps: int) -> np.ndarray:
        """Return the states from x on, ``(n, n_steps + 1, n_states)``."""
        if n_steps == 0:
            return x[:, None].copy()
        shape = (len(x), n_steps, self.system.n_inputs)
        inputs = np.broadcast_to(u[:, None], shape)
        with np.errstate(over="ignore"):  # too great for single precision: infinite
            after = roll_out(self.system, inputs, x, dt=self.options.dt)
        return np.concatenate([x[:, None], after], axis=1)

    def run(self, rows: np.ndarray) -> None:
        """Bring some of the starts to an outcome."""
        try:
            self._run_to_outcome(rows)
        except KeyboardInterrupt:
            left = rows[self.outcomes[rows] == StartOutcome.NOT_SETTLED]
            self.outcomes[left] = StartOutcome.NOT_REACHED
            raise

    def _run_to_outcome(self, rows: np.ndarray) -> None:
        self.say("running forward")
        transient = self._run(self.x[rows], self.u[rows], self.options.n_transient)
        self.n_run[rows] += self.options.n_transient
        finite = np.isfinite(transient).all(axis=(1, 2))
        self.outcomes[rows[~finite]] = StartOutcome.DIVERGED
        self.outcomes[rows[finite]] = StartOutcome.NOT_SETTLED
        rows, transient = rows[finite], transient[finite]
        open_rows, length, x, early = (
            rows,
            self.options.n_transient,
            transient[:, -1],
            transient,
        )
        suspects, ends = [rows[:0]], [x[:0]]
        for extension in range(self.options.n_extensions + 1):
            if not len(open_rows):
                break
            self.say(f"continuing {pluralize(len(open_rows), 'start')}")
            window = self._run(x, self.u[open_rows], self.options.n_steps)
            self.n_run[open_rows] += self.options.n_steps
            if extension == 0:
                early = np.concatenate([transient, window[:, 1:]], axis=1)
                with np.errstate(over="ignore", invalid="ignore"):
                    self.size[open_rows] = [sizes(orbit).mean() for orbit in window]
                    self.reach[open_rows] = np.abs(early).max(axis=(1, 2), initial=0.0)
            self.say(f"classifying {pluralize(len(open_rows), 'start')}")
            self._settle(open_rows, window, extension == self.options.n_extensions)
            left = self.outcomes[open_rows] == StartOutcome.NOT_SETTLED
            chaos = left & self.may_be_chaos[open_rows]
            suspects.append(open_rows[chaos])
            ends.append(window[chaos, -1])
            left &= ~chaos
            x, open_rows = window[left, -1], open_rows[left]
            if extension < self.options.n_extensions and len(open_rows):
                length = 4 * max(length, self.options.n_steps)
                open_rows, x = self._run_on(open_rows, x, length)
        self._confirm_chaos(np.concatenate(suspects), np.concatenate(ends))
        seek_unstable(
            self.orbits,
            early,
            self.u[rows],
            self.rng,
            max_period=self.options.max_period,
            n_candidates=self.options.n_candidates,
            dt=float(self.options.dt or 1.0),
            say=self.say,
        )

    def _run_on(
        self, rows: np.ndarray, x: np.ndarray, n_steps: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Run starts on, and return those that have not diverged, with their states."""
        x = self._last(x, self.u[rows], n_steps)
        self.n_run[rows] += n_steps
        finite = np.isfinite(x).all(axis=1)
        self.outcomes[rows[~finite]] = StartOutcome.DIVERGED
        return rows[finite], x[finite]

    def _confirm_chaos(self, rows: np.ndarray, x: np.ndarray) -> None:
        """Examine starts that seemed chaotic again, later and later, for ended transients."""
        first = self.options.n_transient + self.options.n_steps
        some_ended = False
        for times in CHAOS_LONGER:
            n_steps = times * first
            cost = max(LEAST_COST, len(rows) * self.system.n_states**2)
            again = times > CHAOS_LONGER[0]
            affordable = n_steps * cost <= CHAOS_COST and (some_ended or times < ENDING_LONGER)
            if not len(rows) or (again and not affordable):
                break
            self.say(f"continuing {pluralize(len(rows), 'start')} that seemed chaotic")
            self.outcomes[rows] = StartOutcome.NOT_SETTLED
            n_before = len(rows)
            rows, x = self._run_on(rows, x, n_steps)
            if not len(rows):
                break
            window = self._run(x, self.u[rows], self.options.n_steps)
            self.n_run[rows] += self.options.n_steps
            self.may_be_chaos[rows] = False
            for row in rows:
                for several in (False, True):
                    self.curves.pop((row, several), None)
            self._settle(rows, window, is_last=True)
            left = self.outcomes[rows] == StartOutcome.NOT_SETTLED
            rows, x = rows[left], window[left, -1]
            chaotic = self.may_be_chaos[rows]
            self.outcomes[rows[chaotic]] = StartOutcome.CHAOTIC
            some_ended |= int(chaotic.sum()) < n_before

    def _last(self, x: np.ndarray, u: np.ndarray, n_steps: int) -> np.ndarray:
        """Return the state after a long run, of which nothing else is held."""
        for done in range(0, n_steps, self.options.n_steps):
            finite = np.isfinite(x).all(axis=1)
            length = min(self.options.n_steps, n_steps - done)
            if finite.any():
                x[finite] = self._run(x[finite], u[finite], length)[:, -1]
        return x

    def _settle(self, rows: np.ndarray, window: np.ndarray, is_last: bool) -> None:
        """Classify the motion in a window as rest, exact cycle, curve or chaos."""
        finite = np.isfinite(window).all(axis=(1, 2))
        self.outcomes[rows[~finite]] = StartOutcome.DIVERGED
        rows, window = rows[finite], window[finite]
        half = window[:, window.shape[1] // 2 :]
        still = stands_still(half, self.reach[rows], self.tangents.rounding)
        for moving in np.flatnonzero(~still):
            u = self.u[rows[moving]]
            still[moving] = comes_to_rest(self.system, half[moving], u)
        self.outcomes[rows[still]] = StartOutcome.FIXED_POINT
        rows, window = rows[~still], window[~still]
        discrete = self.system.time == "discrete"
        if discrete:
            self._settle_exact(rows, window)
        else:
            self._settle_flow(rows, window)
        for i, row in enumerate(rows):
            if self.outcomes[row] == StartOutcome.NOT_SETTLED:
                self._join(row, window[i, -N_COMPARED:])
            if discrete and self.outcomes[row] == StartOutcome.NOT_SETTLED:
                self._settle_slowly(row, window[i])
            if discrete and self.outcomes[row] == StartOutcome.NOT_SETTLED:
                self._settle_curve(row, window[i], is_last)
        left = np.flatnonzero(self.outcomes[rows] == StartOutcome.NOT_SETTLED)
        if len(left):
            self._settle_chaos(rows[left], window[left], is_last)
        # Sets of curves are looked for last: that takes longest, and chaos is none of them.
        for i, row in enumerate(rows):
            left_over = self.outcomes[row] == StartOutcome.NOT_SETTLED
            if left_over and not self.may_be_chaos[row] and discrete:
                self._settle_curves(row, window[i], is_last)

    def _settle_exact(self, rows: np.ndarray, window: np.ndarray) -> None:
        rounding = self.tangents.rounding
        periods = np.array([settled_period(orbit, SETTLED_TOL, rounding) for orbit in window])
        for k in np.unique(periods[periods > 1]):
            chosen = np.flatnonzero(periods == k)
            found = self.orbits.solve(window[chosen, -k:], self.u[rows[chosen]])
            for row, index in zip(rows[chosen], found, strict=True):
                if index >= 0:
                    self._assign(row, index)

    def _settle_flow(self, rows: np.ndarray, window: np.ndarray) -> None:
        """Find cycles of a continuous system through the beginning of the window."""
        guesses = []
        for i in range(len(rows)):
            guesses += [(i, 0, int(length)) for length in returns(window[i], 0, N_RETURNS)]
        self._solve_returns(rows, window, guesses)

    def _settle_slowly(self, row: int, states: np.ndarray) -> None:
        """Find the stable cycle that a motion approaches slowly."""
        for k in nearest_returns(states, N_RETURNS):
            if not 1 < k <= len(states) // 2 or not is_nearing(states, k):
                continue
            n_known = len(self.orbits.found)
            index = self.orbits.solve(states[None, -k:], self.u[row : row + 1])[0]
            if index < 0:
                continue
            orbit = self.orbits.found[index]
            if not orbit.is_stable:
                del self.orbits.found[n_known:]
                continue
            first = distance_to(orbit, states[:N_COMPARED]).max()
            last = distance_to(orbit, states[-N_COMPARED:]).max()
            if last < min(NEARING * first, NEARLY_PERIODIC * orbit.amplitude):
                self._assign(row, index)
                return

    def _settle_curve(self, row: int, states: np.ndarray, is_last: bool) -> None:
        tol = CURVE_TOL * _amplitude(states)
        before = self.curves.pop((row, False), None)
        one = closed_curve(states, tol)
        if one is not None:
            self._take_curves(row, states, as_set(one), before, is_last)

    def _settle_curves(self, row: int, states: np.ndarray, is_last: bool) -> None:
        tol = CURVE_TOL * _amplitude(states)
        before = self.curves.pop((row, True), None)
        for found in itertools.islice(curves_in_turn(states, tol), MAX_TRIED):
            self._take_curves(row, states, found, before, is_last)
            if (row, True) in self.curves:
                return

    def _take_curves(
        self, row: int, states: np.ndarray, found: CurveSet, before: Orbit | None, is_last: bool
    ) -> None:
        """Assign a start to curves if its motion stays there, else keep them as candidates."""
        # Curves with many corners never fit well: they are taken when waiting makes them no
        # better.
        tol, typical, k = CURVE_TOL * _amplitude(states), found.typical, found.n_curves
        stuck = before is not None and typical > 0.3 * before.residual
        u, points = self.u[row], found.points(len(states) // k)
        period = 1.0 / found.frequency
        here = Orbit(period, points, UNKNOWN, typical, u, False, True, n_curves=k)
        self.curves[row, k > 1] = here
        if found.rho * (len(states) // k) < MIN_TURNS:
            return
        if k == 1 and times_round(states, found.rho) < MIN_TURNS:
            return
        if not is_last and any(is_nearing(states, n) for n in nearest_returns(states, 1)):
            return  # it may lock to a cycle
        if typical > tol:
            # Slow decay fits as badly as many corners do, but it leaves the curve behind.
            if before is None or not (is_last or stuck):
                return
            far = float(np.median(distance_to(before, states[-N_COMPARED:])))
            if far > SAME_CURVE * max(typical, before.residual):
                return

        def run(x: np.ndarray, n_steps: int) -> np.ndarray:
            return self._run(x[None], u[None], n_steps)[0]

        orbit = None
        if k > 1 or found.misfit <= tol or not fits_several_better(states, found.misfit, tol):
            out = orbit_on(self.tangents, found, states, u, self.rng, run)
            orbit, self.lyapunov[row] = out
        if orbit is None:
            del self.curves[row, k > 1]
        else:
            self._assign(row, self.orbits.place(orbit))

    def _settle_chaos(self, rows: np.ndarray, window: np.ndarray, is_last: bool) -> None:
        """Classify starts with a positive exponent as chaos, with two zero ones as tori."""
        n_exponents = min(2 if is_last else 1, self.system.n_states)
        dt = self.options.dt
        logs = growths(self.tangents, window, self.u[rows], n_exponents, self.rng, dt)
        parts, rate, error = growth_rates(logs)
        positive = (parts[..., 0] > CHAOS_GROWTH).all(axis=0) & (rate > CHAOS_ERRORS * error)
        if is_last:
            for i in np.flatnonzero(~positive & (rate > CHAOS_ERRORS * error)):
                again = self._continued(rows[i], window[i, -1], logs[i : i + 1, :, :1])
                parts_i, rate[i : i + 1], error[i : i + 1] = again
                positive[i] = (parts_i > CHAOS_GROWTH).all() and rate[i] > CHAOS_ERRORS * error[
                    i
                ]
        self.lyapunov[rows], self.lyapunov_error[rows] = rate / (dt or 1.0), error / (dt or 1.0)
        self.may_be_chaos[rows[positive]] = True
        if n_exponents == 2 and self.system.time == "discrete":
            neutral = (np.abs(parts) < NEUTRAL_GROWTH).all(axis=(0, 2))
            turns = np.array([dominant_frequency(orbit) * len(orbit) for orbit in window])
            neutral &= turns >= MIN_TURNS
            neutral &= [self._is_steady(*pair) for pair in zip(rows, window, strict=True)]
            self.outcomes[rows[neutral]] = StartOutcome.QUASIPERIODIC

    def _continued(self, row: int, state: np.ndarray, logs: np.ndarray):
        """Follow the growth of deviations over more windows, until chaos is decided."""
        u = self.u[row : row + 1]
        parts, rate, error = growth_rates(logs)
        for _ in range(N_CONTINUED):
            window = self._run(state[None], u, self.options.n_steps)
            self.n_run[row] += self.options.n_steps
            if not np.isfinite(window).all():
                break
            state = window[0, -1]
            more = growths(self.tangents, window, u, 1, self.rng, self.options.dt)
            logs = np.concatenate([logs, more], axis=1)
            parts, rate, error = growth_rates(logs)
            if (parts > CHAOS_GROWTH).all() or rate[0] < CHAOS_ERRORS * error[0]:
                break
        return parts, rate, error

    def _is_steady(self, row: int, states: np.ndarray) -> bool:
        """Test whether a motion keeps its size, and lies on no refused curve."""
        of_all = np.append(sizes(states), self.size[row])
        on_curves = (row, False) in self.curves or (row, True) in self.curves
        return not on_curves and bool(np.ptp(of_all) < STEADY_TOL * of_all.max())

    # ---- keeping ----

    def _assign(self, row: int, index: int) -> None:
        self.cycle_of_start[row] = index
        exact = self.orbits.found[index].is_exact
        self.outcomes[row] = StartOutcome.CYCLE if exact else StartOutcome.INVARIANT_CURVE

    def _join(self, row: int, states: np.ndarray, only: int | None = None) -> None:
        """Assign a start to a known stable orbit, if its last states lie on it."""
        index = self.orbits.at(states, self.u[row], only)
        if index >= 0:
            self._assign(row, index)

    def _solve_returns(self, rows, states, guesses) -> None:
        dt = float(self.options.dt or 1.0)
        found = self.orbits.solve_returns(states, self.u[rows], dt, guesses)
        for i, index in found:
            if self.outcomes[rows[i]] == StartOutcome.NOT_SETTLED:
                self._join(rows[i], states[i, -1:], index)

    def result(self, interrupted: bool) -> Cycles:
        """Build the result of the runs so far."""
        return build_result(
            self.system,
            self.orbits.found,
            tuple(self.outcomes),
            self.cycle_of_start,
            self.lyapunov,
            self.lyapunov_error,
            self.n_run,
            interrupted,
        )
