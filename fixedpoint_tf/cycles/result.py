"""The cycles of a system, and what became of each start of the search."""

from __future__ import annotations

import collections
import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from fixedpoint_tf.checks import check_number
from fixedpoint_tf.cycles.orbits import trivial
from fixedpoint_tf.linearization import check_kind
from fixedpoint_tf.results import Result
from fixedpoint_tf.words import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["OUTCOMES", "Cycles"]

#: What a start can come to.
OUTCOMES = (
    "fixed point",
    "cycle",
    "invariant curve",
    "quasiperiodic",
    "chaotic",
    "diverged",
    "not settled",
    "not reached",
)

#: How those that are nouns follow a number of starts.
_PLACES = {
    "fixed point": "at a fixed point",
    "cycle": "on a cycle",
    "invariant curve": "on an invariant curve",
}

#: A multiplier nearer than this to the unit circle is neither stable nor unstable.
_MARGIN = 1e-6


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Cycles(Result):
    r"""Distinct cycles, a row each, and the outcome of each start.

    Three kinds of motion stand here. In discrete time an *exact* cycle has a whole number
    of steps, and its points are those states; a *closed invariant curve* has a period that
    is no whole number, and its points are 256 places on the curve at equal phases. In
    continuous time the points are states at equal times.

    The multipliers say how a deviation has grown once around: stable where all of them,
    but for the trivial one, lie within the unit circle. A curve and a limit cycle in
    continuous time have one trivial multiplier 1, along the motion. Of an exact or
    continuous cycle the multipliers are eigenvalues of the derivative once around. Of a
    curve no such matrix exists: what stands here are :math:`e^{\lambda T}` with the leading
    Lyapunov exponents :math:`\lambda` and the period T, which give the modulus only.

    Beware: unstable curves are not found, since no trajectory stays at them; and a curve
    does not tell a rotation from its mirror image, so the period is taken to be at least
    two steps.

    Attributes:
        period: ``(n,)``, in steps, or in units of time in continuous time.
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
        outcomes: what each start came to: ``"fixed point"``, ``"cycle"``, ``"invariant
            curve"``, ``"quasiperiodic"`` (no curve, but a torus: two Lyapunov exponents
            are zero and none is positive), ``"chaotic"``, ``"diverged"``, ``"not settled"``
            or, of an interrupted search, ``"not reached"``.
        cycle_of_start: ``(n_starts,)`` int, the row of the cycle, or -1.
        lyapunov: ``(n_starts,)``, the largest Lyapunov exponent per step or unit of time,
            where it was needed to tell; NaN elsewhere.
        kind: ``"discrete"`` or ``"continuous"``.
        state_names: pairs ``(name, size)`` of the blocks of the flat state.
        interrupted: whether the search was stopped from the keyboard.

    Example:
        >>> from fixedpoint_tf import as_system, find_cycles
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
    outcomes: tuple[str, ...]
    cycle_of_start: np.ndarray
    lyapunov: np.ndarray
    kind: str = "discrete"
    state_names: tuple[tuple[str, int], ...] | None = None
    interrupted: bool = False

    def __post_init__(self) -> None:
        check_kind(self.kind)
        object.__setattr__(self, "outcomes", tuple(self.outcomes))
        if self.state_names is not None:
            names = tuple((str(name), int(size)) for name, size in self.state_names)
            object.__setattr__(self, "state_names", names)
        if self.lengths.sum() != len(self.points):
            raise ValueError(
                f"lengths must add up to the {len(self.points)} points; got "
                f"{self.lengths.tolist()}."
            )

    @property
    def n(self) -> int:
        """Number of cycles."""
        return len(self.period)

    def __len__(self) -> int:
        return self.n

    def orbit(self, index: int) -> np.ndarray:
        """The points of one cycle, ``(length, n_states)``."""
        if not -self.n <= index < self.n:
            raise IndexError(f"index must be one of {self.n} cycles; got {index}.")
        end = int(self.lengths[: index % self.n + 1].sum())
        return self.points[end - int(self.lengths[index]) : end]

    @property
    def _is_curve(self) -> np.ndarray:
        return np.asarray(~self.is_exact | (self.kind == "continuous"))

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
            return (np.abs(self.transverse) > 1.0 + _MARGIN).sum(axis=1)

    @property
    def is_stable(self) -> np.ndarray:
        """``(n,)`` bool, whether all transverse deviations decay."""
        size = np.abs(self.transverse)
        decays = ((size < 1.0 - _MARGIN) | np.isnan(size)).all(axis=1)
        known = [trivial(values) is not None for values in self.multipliers]
        return np.asarray(decays & (~self._is_curve | np.array(known, dtype=bool)))

    def frequencies(self, dt: float | None = None) -> np.ndarray:
        """Cycles per step, or in Hz given ``dt``; continuous: per unit of time.

        Args:
            dt: length of one step in seconds; None for a continuous system.
        """
        if dt is not None and self.kind == "continuous":
            raise ValueError(
                "dt must be None for a continuous system, whose periods are in units of time "
                f"already; got {dt!r}."
            )
        return 1.0 / (self.period * (1.0 if dt is None else check_number(dt, "dt")))

    def __repr__(self) -> str:
        unit = "steps" if self.kind == "discrete" else "time units"
        said = []
        for i in range(min(self.n, 4)):
            exact = self.kind == "continuous" or not self.is_exact[i]
            period = f"{self.period[i]:.6g}" if exact else f"{self.period[i]:.0f}"
            kind = "" if self.is_exact[i] else ", invariant curve"
            stable = "stable" if self.is_stable[i] else "unstable"
            if not self.is_stable[i] and not self.n_unstable[i]:
                stable = "marginal"
            said.append(f"period {period} {unit} ({stable}{kind})")
        if self.n > 4:
            said.append(f"{self.n - 4} more")
        head = counted(self.n, "cycle", none="no") + (f": {', '.join(said)}" if said else "")
        tail = "; interrupted" if self.interrupted else ""
        return f"{head}; starts: {self.starts_in_words() or 'none'}{tail}"

    def starts_in_words(self) -> str:
        """What the starts came to, such as "2 at a fixed point, 1 chaotic"."""
        counts = collections.Counter(self.outcomes)
        said = [(counts[name], _PLACES.get(name, name)) for name in OUTCOMES]
        return ", ".join(f"{n:,} {words}" for n, words in said if n)

    def plot(self, **options: Any) -> tuple[Figure, Axes]:
        """Draws the cycles in the space of states.

        See :func:`fixedpoint_tf.plotting.cycles.plot_cycles`.
        """
        from fixedpoint_tf.plotting.cycles import plot_cycles

        return plot_cycles(self, **options)
