"""Region of a search: size of the states, and a box with known and guessed sides."""

from __future__ import annotations

import dataclasses

import numpy as np

from fixedpoint_tf._utils.chunks import map_chunks
from fixedpoint_tf.search.starts.offset_states import offset_states
from fixedpoint_tf.systems.system import DynamicalSystem

__all__ = ["Region", "make_region", "coordinate_scales"]

MOST_UNEQUAL = 64.0  # ratio of the sizes of two states that are measured in one unit
SURELY_NOT_NOISE = 1e-9  # of the size of another state: what is seen of one below may be noise
N_FED = 16  # starts at which it is measured by what else a state is fed
SPREAD_OF_NONE = 1e-6  # starts nearer to each other than this, relative to their size, coincide
WIDENINGS = (10.0, 1e3, 1e6)  # of the guessed sides, in turn, for descents that press on them


@dataclasses.dataclass(frozen=True)
class Region:
    """Box in which a search begins, in units of the scale, from the origin.

    Attributes:
        scale: ``(n_states,)``, size of each state, powers of two.
        origin: ``(n_states,)``, the value about which each state varies little, or zero.
        lower: ``(n_states,)``.
        upper: ``(n_states,)``.
        guessed_lower: ``(n_states,)`` boolean, lower sides that are no bound of the network.
        guessed_upper: ``(n_states,)`` boolean, the same of the upper sides.
    """

    scale: np.ndarray
    origin: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    guessed_lower: np.ndarray
    guessed_upper: np.ndarray

    @property
    def is_guessed(self) -> bool:
        """Test for a side that is no bound of the network."""
        return bool(self.guessed_lower.any() or self.guessed_upper.any())

    def widened(self, factor: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the box with its guessed sides this many times as far from its centre."""
        middle, half = 0.5 * (self.lower + self.upper), 0.5 * (self.upper - self.lower)
        lower = np.where(self.guessed_lower, middle - factor * half, self.lower)
        upper = np.where(self.guessed_upper, middle + factor * half, self.upper)
        return lower, upper

    def pressed(self, x: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
        """Test states for one at a guessed side of a box, ``(n, n_states)`` to ``(n,)``."""
        at_lower = (x <= lower) & self.guessed_lower
        return np.any(at_lower | ((x >= upper) & self.guessed_upper), axis=1)

    def outside(self, x: np.ndarray) -> np.ndarray:
        """Test states for one beyond the box in which the search begins."""
        return np.any((x < self.lower) | (x > self.upper), axis=1)


def coordinate_scales(
    system: DynamicalSystem, x: np.ndarray, u: np.ndarray, spread: np.ndarray | None = None
) -> np.ndarray:
    """Return the unit of each state, a power of two.

    States with bounds of the network's own are of the size of the larger bound; of the
    others the size is the largest value among the starts, or that which half of their next
    two states reach where it is larger and does not run away: a few that do say nothing of
    the size. All states have the same unit, so that the slow points of the search are those
    of the speed itself, unless the sizes differ by more than a factor of 64: then each has
    its own.

    Args:
        system: the network.
        x: starts, ``(n, n_states)``.
        u: inputs, ``(n, n_inputs)``.
        spread: ``(n_states,)``, size of the states about an offset, NaN of the others;
            default: none has one.

    Returns:
        ``(n_states,)``.

    Example:
        >>> from fixedpoint_tf import as_system
        >>> system = as_system(lambda h, u: 0.5 * h + u, n_states=1, n_inputs=1)
        >>> coordinate_scales(system, np.array([[0.3]]), np.zeros((1, 1)))
        array([0.25])
    """
    size = np.maximum(np.abs(system.lower), np.abs(system.upper))
    unbounded = ~np.isfinite(size)
    if unbounded.any():
        seen = _largest(x)
        if system.time == "discrete":
            first = _next(system, x, u)
            second = _next(system, first, u)
            away = _runs_away(seen, _largest(first), _largest(second))
            reached = np.maximum(_typical(first), _typical(second))
            seen = np.where(away, seen, np.maximum(seen, reached))
        size[unbounded] = seen[unbounded]
    if spread is not None:
        size = np.where(np.isnan(spread), size, spread)
    known = size[size > 0.0]
    size[size <= 0.0] = np.median(known) if len(known) else 1.0
    small = size < SURELY_NOT_NOISE * size.max()
    if small.any():
        size[small] = np.maximum(size, _least(system, x, u, size))[small]
    exponent = np.log2(np.clip(size, 1e-30, 1e30))
    if np.ptp(exponent) <= np.log2(MOST_UNEQUAL):
        exponent = np.full(len(exponent), exponent.mean())
    return 2.0 ** np.round(exponent)


def _runs_away(start: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Test each coordinate for steps that grow faster and faster, as those of ``h**3`` do."""
    with np.errstate(divide="ignore", invalid="ignore"):
        before, after = first / start, second / first
    return (before > 1.0) & (after > before) & (after > MOST_UNEQUAL)


def _largest(x: np.ndarray) -> np.ndarray:
    """Return the largest finite size of each coordinate."""
    return np.max(np.abs(x), axis=0, initial=0.0, where=np.isfinite(x))


def _typical(x: np.ndarray) -> np.ndarray:
    """Return the median size of each coordinate over the finite rows, zero without any."""
    x = x[np.isfinite(x).all(axis=1)]
    return np.median(np.abs(x), axis=0) if len(x) else np.zeros(x.shape[1])


def _least(
    system: DynamicalSystem, x: np.ndarray, u: np.ndarray, size: np.ndarray
) -> np.ndarray:
    """Return the least size of each state that rounding of all that feeds it leaves clear."""
    jacobians = np.abs(system.jacobian(x[:N_FED], u[:N_FED]).numpy()).astype(np.float64)
    fed = np.max(jacobians @ size, axis=0)
    return SURELY_NOT_NOISE * np.where(np.isfinite(fed), fed, size.max())


def _next(system: DynamicalSystem, x: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Return the next states, a chunk at a time."""
    return map_chunks(system.step, x, u, shape=x.shape[1:])


def make_region(
    system: DynamicalSystem, x: np.ndarray, u: np.ndarray, reach_in_spreads: float
) -> Region:
    """Choose the units of the states and the box in which a search begins.

    Where the network has no bound of its own, the side of the box is guessed from the
    spread of the starts. It excludes nothing: descents that press on it go on beyond.

    Args:
        system: the network.
        x: starts, ``(n, n_states)``, in the units of the network.
        u: inputs, ``(n, n_inputs)``.
        reach_in_spreads: half width of the guessed box, in mean distances of the starts from
            their centroid.

    Returns:
        The region.
    """
    origin, offset_spread = offset_states(system, x, u)
    scale = coordinate_scales(system, x, u, offset_spread)
    x = (x - origin) / scale
    lower, upper = (system.lower - origin) / scale, (system.upper - origin) / scale
    centre = x.mean(axis=0)
    spread = np.linalg.norm(x - centre, axis=1).mean()
    if not spread > SPREAD_OF_NONE * (1.0 + np.abs(x).max()):
        spread = 1.0 + np.abs(x).max()
    reach = spread * reach_in_spreads
    guessed_lower, guessed_upper = np.isinf(lower), np.isinf(upper)
    lower[guessed_lower] = np.minimum(centre - reach, x.min(axis=0))[guessed_lower]
    upper[guessed_upper] = np.maximum(centre + reach, x.max(axis=0))[guessed_upper]
    return Region(scale, origin, lower, upper, guessed_lower, guessed_upper)
