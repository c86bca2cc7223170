r"""Variation of the Jacobian around a point, sampled where no formula bounds it.

With :math:`A \approx DG(\bar x)^{-1}`, let :math:`\kappa(r)` be the largest :math:`|I - A V|`
over the Jacobians, and at kinks the generalised Jacobians, within the ball of radius ``r``.
Where :math:`\kappa(r) < 1` the map :math:`x - A G(x)` contracts there by the mean value theorem
(Clarke 1983, proposition 2.6.5), so that the ball holds at most one fixed point; where moreover
:math:`|A G(\bar x)| \le (1 - \kappa(r))\, r` it holds exactly one. A kink needs no treatment of
its own: the jump of the Jacobian counts as any other change.

Here the change of the Jacobian is not bounded but sampled, at normally distributed places whose
standard deviation *in each coordinate* is the radius. Their projections on any direction,
known or not, are as dense as if the states had that one dimension: whatever varies along a few
directions (a steep unit, a narrow bump) is met with the same chance in 3 as in 60 dimensions,
while uniform samples of the ball would keep to the middle of each direction. Radii are tried
from that of the Newton step upwards; the last is held against fresh samples and shrinks until
they agree.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from fixedpoint_tf._utils.chunks import chunk_size, chunks

__all__ = ["Ball", "jacobian_variation", "sample_balls"]

GROWTH = 10.0**0.5  # from one radius to the next
FAR_BELOW = 1e-5  # of the largest radius: below it, radii grow by the square of that
N_PAIRS = 8  # opposite places a radius, on the way up
N_SAMPLES = 1024  # places of the final radius, at least, where Jacobians are small
LEAST_SAMPLES = 64  # and where they are large
SHRINK = 0.7  # of a radius that fresh samples deny, to the next that is tried
NOISE = 1e-9  # changes below it may be rounding: no slope is read from them
ASIDE = 0.01  # of the radius, by which places beside known directions are moved
N_AGREE = 2  # independent batches in a row that must agree
_POWER_ITERATIONS = 8  # of each norm, which they approach from below: ``safety`` is above

Jacobians = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclasses.dataclass(frozen=True)
class Ball:
    """Balls of existence and uniqueness around ``n`` points, supported by samples.

    Attributes:
        existence: ``(n,)``, radius within which they support a fixed point; NaN where not.
        uniqueness: ``(n,)``, and no other within this one.
        change: ``(n,)``, ``safety`` times the largest ``|A (J(x) - J)|`` within the first.
        ratio: ``(n,)``, ``safety`` times the largest ``|A (J(x) - J)| / |x|`` met.
    """

    existence: np.ndarray
    uniqueness: np.ndarray
    change: np.ndarray
    ratio: np.ndarray


def jacobian_variation(
    jacobian: Jacobians,
    inverses: np.ndarray,
    x: np.ndarray,
    u: np.ndarray,
    at_centre: np.ndarray,
    offsets: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the largest change of the Jacobian over places beside each point.

    Args:
        jacobian: Jacobian of rows of states and inputs.
        inverses: ``A``, ``(n, d, d)``.
        x: centres, ``(n, d)``.
        u: inputs, ``(n, n_inputs)``.
        at_centre: Jacobians at the centres, ``(n, d, d)``.
        offsets: offsets of the places, ``(n, m, d)``.

    Returns:
        The largest ``|A (J(x + d) - J(x))|`` and the largest ``|A (J(x + d) - J(x))| / |d|``,
        ``(n,)`` each; infinite where a Jacobian is not finite.
    """
    n, m, d = offsets.shape
    largest, steepest = np.zeros(n), np.zeros(n)
    for some in chunks(n, m * d * d):
        rows = np.repeat(np.arange(n)[some], m)
        places = (x[some, None] + offsets[some]).reshape(-1, d)
        change = inverses[rows] @ (jacobian(places, u[rows]) - at_centre[rows])
        norms = _spectral(change)
        # The step as it is in floating-point numbers, which may be the smaller.
        length = np.linalg.norm(places - x[rows], axis=1)
        with np.errstate(all="ignore"):
            ratio = np.where(norms > NOISE, norms / length, 0.0)
        largest[some] = norms.reshape(-1, m).max(axis=1)
        steepest[some] = ratio.reshape(-1, m).max(axis=1)
    return largest, steepest


def sample_balls(
    jacobian: Jacobians,
    inverses: np.ndarray,
    x: np.ndarray,
    u: np.ndarray,
    at_centre: np.ndarray,
    newton: np.ndarray,
    defect: np.ndarray,
    smallest: np.ndarray,
    largest: np.ndarray,
    *,
    rng: np.random.Generator,
    n_directions: int,
    safety: float,
) -> Ball:
    """Return the balls that samples support around each point.

    Args:
        jacobian, inverses, x, u, at_centre: as for :func:`jacobian_variation`.
        newton: ``Y``, bound of the Newton step, ``(n,)``.
        defect: ``Z0``, bound of ``|I - A DG|``, ``(n,)``.
        smallest: radii of the first samples, ``(n,)``.
        largest: beyond these nothing is claimed, ``(n,)``.
        rng: source of the places.
        n_directions: more than 8 make more samples of all kinds, fewer make no fewer.
        safety: factor on what is met.
    """
    n, d = x.shape
    n_pairs = max(N_PAIRS, int(n_directions))
    wanted = N_SAMPLES * max(1, n_directions // 8)
    n_final = max(LEAST_SAMPLES, min(wanted, chunk_size(d * d)))

    def met(rows: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return jacobian_variation(
            jacobian, inverses[rows], x[rows], u[rows], at_centre[rows], offsets
        )

    existence, change = np.full(n, np.nan), np.full(n, np.inf)
    low, high = np.full(n, np.nan), np.full(n, np.inf)  # radii that passed, that failed
    worst, ratio = np.zeros(n), np.zeros(n)
    radius = np.minimum(smallest, largest)
    active = np.flatnonzero(defect < 1.0)
    while len(active):
        new, steep = met(active, _cloud(rng, radius[active], n_pairs, d))
        worst[active] = np.maximum(worst[active], safety * new)
        gap = 1.0 - defect[active] - worst[active]
        holds = gap > 0.0
        ratio[active] = np.maximum(ratio[active], safety * steep)
        starts = holds & np.isnan(existence[active])
        with np.errstate(all="ignore"):
            reached = newton[active] / gap
        starts &= reached <= radius[active]
        existence[active[starts]] = reached[starts]
        change[active[starts]] = worst[active[starts]]
        low[active[holds]] = radius[active[holds]]
        high[active[~holds]] = radius[active[~holds]]
        active = active[holds & (radius[active] < largest[active])]
        growth = np.where(radius[active] < FAR_BELOW * largest[active], GROWTH**2, GROWTH)
        radius[active] = np.minimum(radius[active] * growth, largest[active])
    rows = np.flatnonzero(np.isfinite(existence))
    if not len(rows):
        return Ball(existence, low, change, ratio)
    # Between the last radius that passed and the first that did not.
    middle = np.sqrt(low[rows] * np.minimum(high[rows], low[rows] * GROWTH))
    trial = np.minimum(middle, largest[rows])
    new, _ = met(rows, _cloud(rng, trial, 4 * n_pairs, d))
    passed = safety * new < 1.0 - defect[rows]
    low[rows[passed]] = trial[passed]
    lines = _lines(at_centre, inverses)
    _agree(met, lines, rng, n_final, safety, defect, low, existence, smallest)
    gone = np.isnan(low)
    existence[gone] = np.nan
    return Ball(existence, low, change, ratio)


def _agree(met, lines, rng, n_final, safety, defect, low, existence, smallest) -> None:
    """Shrink the radii in ``low`` until fresh samples agree, to NaN if none do."""
    agreed = np.zeros(len(low), dtype=int)
    rows = np.flatnonzero(np.isfinite(existence))
    low[~np.isfinite(existence)] = np.nan
    while len(rows):
        d = lines.shape[-1]
        places = _cloud(rng, low[rows], n_final // (2 * N_AGREE), d)
        along = lines[rows] * rng.uniform(-1.0, 1.0, (len(rows), lines.shape[1], 1))
        edge = lines[rows] * rng.choice([-1.0, 1.0], (len(rows), lines.shape[1], 1))
        beside = np.concatenate([along, edge], axis=1)
        # A little aside: exactly on a kink a network's own derivative is that of no side.
        beside += ASIDE / np.sqrt(d) * rng.normal(size=beside.shape)
        scaled = beside * low[rows, None, None]
        new, _ = met(rows, np.concatenate([places, scaled], axis=1))
        good = safety * new < 1.0 - defect[rows]
        agreed[rows] = np.where(good, agreed[rows] + 1, 0)
        low[rows[~good]] *= SHRINK
        least = np.maximum(2.0 * existence[rows], smallest[rows])
        low[rows[~good & (low[rows] < least)]] = np.nan
        rows = rows[np.isfinite(low[rows]) & (agreed[rows] < N_AGREE)]


def _cloud(rng: np.random.Generator, radius: np.ndarray, n_pairs: int, d: int) -> np.ndarray:
    """Draw pairs of opposite normal offsets ``(n, 2 n_pairs, d)``, to sample both sides."""
    half = radius[:, None, None] * rng.normal(size=(len(radius), n_pairs, d))
    return np.concatenate([half, -half], axis=1)


def _lines(jacobian: np.ndarray, inverses: np.ndarray) -> np.ndarray:
    """Return unit vectors along axes, eigenvectors and singular vectors, ``(n, m, d)``."""
    n, d, _ = jacobian.shape
    finite = np.isfinite(jacobian).all(axis=(1, 2)) & np.isfinite(inverses).all(axis=(1, 2))
    J = np.where(finite[:, None, None], jacobian, 0.0)
    A = np.where(finite[:, None, None], inverses, 0.0)
    axes = np.broadcast_to(np.eye(d), (n, d, d))
    modes = np.swapaxes(np.linalg.eig(J)[1], 1, 2)
    left, _, _ = np.linalg.svd(A)
    _, _, right = np.linalg.svd(J)
    parts = np.concatenate(
        [axes, modes.real, modes.imag, np.swapaxes(left, 1, 2), right], axis=1
    )
    length = np.linalg.norm(parts, axis=2, keepdims=True)
    return parts / np.where(length > 0.0, length, 1.0)


def _spectral(matrices: np.ndarray) -> np.ndarray:
    """Return largest singular values by a few power iterations, infinite where not finite."""
    n, _, d = matrices.shape
    finite = np.isfinite(matrices).all(axis=(1, 2))
    matrices = np.where(finite[:, None, None], matrices, 0.0)
    if d == 1:
        return np.where(finite, np.abs(matrices[:, 0, 0]), np.inf)
    # From the longest row, which is never orthogonal to all that is to be found.
    longest = np.argmax(np.linalg.norm(matrices, axis=2), axis=1)
    vectors = matrices[np.arange(n), longest][..., None]
    size = np.zeros((n, 1, 1))
    for _ in range(_POWER_ITERATIONS):
        length = np.linalg.norm(vectors, axis=1, keepdims=True)
        vectors = vectors / np.where(length > 0.0, length, 1.0)
        images = matrices @ vectors
        size = np.linalg.norm(images, axis=1, keepdims=True)
        vectors = np.swapaxes(matrices, 1, 2) @ images
    return np.where(finite, size[:, 0, 0], np.inf)
