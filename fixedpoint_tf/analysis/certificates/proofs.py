"""Proofs at given points by the radii polynomial, rounding included."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from fixedpoint_tf._utils.chunks import map_chunks
from fixedpoint_tf._utils.linalg import inverses
from fixedpoint_tf._utils.norms import EPS, gamma
from fixedpoint_tf.analysis.certificates.bounds import first_bounds, norm_through
from fixedpoint_tf.analysis.certificates.codes import CertificateCode
from fixedpoint_tf.analysis.certificates.kinks import beside_kink, mean_at_kinks
from fixedpoint_tf.analysis.certificates.radii_polynomial import largest_radius, radii
from fixedpoint_tf.analysis.certificates.sampled_variation import sample_balls
from fixedpoint_tf.analysis.certificates.thresholds import prove_at_threshold
from fixedpoint_tf.analysis.certificates.unstable_modes import count_unstable
from fixedpoint_tf.systems.cells.curvature import CellBounds, as_arrays, bounds_of
from fixedpoint_tf.systems.cells.equations import CellEquations
from fixedpoint_tf.systems.cells.piecewise_linear import PiecewiseLinear
from fixedpoint_tf.systems.cells.registry import is_builtin
from fixedpoint_tf.systems.system import DynamicalSystem
from fixedpoint_tf.systems.validation.sampled_bounds import (
    check_ball_bounds,
    check_linear_pieces,
)

__all__ = ["Prover", "Verdict", "has_closed_form"]

SMALLEST_SAMPLED = 1e-12  # of the size of the states
LARGEST_SAMPLED = 3.0  # sizes of the states: farther out nothing is claimed from samples
N_RADII = 44  # tried across thresholds, each twice the last
CAP = 1e6  # radii beyond this many sizes of the states mean nothing
ESTIMATED_ULPS = 32.0  # roundings of an update that no formula bounds, as ROUNDING of cells

# Registered closed forms whose bounds were checked; those of this package are in its tests.
_CHECKED: set[CellEquations] = set()


@dataclasses.dataclass(frozen=True)
class Verdict:
    """Results of the proofs at ``n`` points, with the fields of ``Certificates``."""

    code: np.ndarray
    existence_radius: np.ndarray
    uniqueness_radius: np.ndarray
    newton_bound: np.ndarray
    inverse_defect: np.ndarray
    jacobian_lipschitz: np.ndarray
    residual: np.ndarray
    rounding: np.ndarray
    n_unstable: np.ndarray


def has_closed_form(system: DynamicalSystem) -> bool:
    """Test whether the change of the Jacobian of a system is bounded by a formula."""
    equations = system.equations
    bounded = isinstance(equations, CellEquations) and equations.has_ball_bounds
    return bounded and system.dtypes[1] == "float64"


class Prover:
    """Proofs at points of one system, its weights read once.

    Args:
        system: the system.
        rng: source of the directions of samples.
        n_directions: number of directions of samples, for a system without a closed form.
        safety: factor on what was sampled.
        precision: the floating type in which the system computes.
        scale: size of the states in question, for states at zero.
    """

    def __init__(
        self,
        system: DynamicalSystem,
        rng: np.random.Generator,
        n_directions: int,
        safety: float,
        precision: str = "float64",
        scale: float = 1.0,
    ):
        self.system, self.rng = system, rng
        self.n_directions, self.safety = n_directions, safety
        self.eps = float(np.finfo(precision).eps)
        self.scale = scale
        self.closed = has_closed_form(system)
        self.bounds: Callable[..., list[CellBounds]] | None = None
        self.bounds_of_jumps: Callable[..., list[CellBounds]] | None = None
        self.linear_pieces: PiecewiseLinear | None = None
        equations = system.equations
        if self.closed and isinstance(equations, CellEquations):
            weights = as_arrays(system.weights("float64"))
            self.bounds = bounds_of(equations, weights)
            self.bounds_of_jumps = bounds_of(equations, weights, jumps=True)
            if system.time == "discrete":
                pieces = equations.piecewise_linear(weights)
                known = pieces is not None and pieces.is_of_outputs
                self.linear_pieces = pieces if known else None
            if not is_builtin(equations) and equations not in _CHECKED:
                check_ball_bounds(system, [self.bounds, self.bounds_of_jumps])
                if self.linear_pieces is not None:
                    check_linear_pieces(system, self.linear_pieces)
                _CHECKED.add(equations)

    def prove(
        self, x: np.ndarray, u: np.ndarray, modes: tuple[np.ndarray, ...] | None = None
    ) -> Verdict:
        """Prove existence, uniqueness and stability at each of some points, where they hold.

        Args:
            x: ``(n, n_states)``, at least one.
            u: ``(n, n_inputs)``.
            modes: eigenvalues, right and left eigenvectors, where known; they are checked.
        """
        n, d = x.shape
        discrete = self.system.time == "discrete"
        image = self.system.step(x, u).numpy().astype(np.float64)
        jacobian = self.system.jacobian(x, u).numpy().astype(np.float64)
        if not self.closed:
            jacobian, beside = mean_at_kinks(self.system, x, u, jacobian, self.scale, self.eps)
            modes = None if beside else modes
        residual = image - x if discrete else image
        error, slope_error = self._rounding(x, u, image, jacobian)
        error = error + (EPS * (np.abs(image) + np.abs(x)) if discrete else 0.0)
        slope_error = slope_error + EPS * (1.0 + np.linalg.norm(jacobian, axis=2))
        shifted = jacobian - np.eye(d) if discrete else jacobian
        finite = np.isfinite(residual).all(axis=1) & np.isfinite(error).all(axis=1)
        finite &= np.isfinite(shifted).all(axis=(1, 2))
        A, singular = inverses(np.where(finite[:, None, None], shifted, np.eye(d)))

        with np.errstate(all="ignore"):
            y, z0 = first_bounds(A, shifted, residual, error, slope_error)
            z0 = np.where(finite & ~singular, z0, np.inf)

            def z2_of(radius: np.ndarray) -> np.ndarray:
                return self._second_bound(A, x, u, jacobian, radius)

            # Where the polynomial can be negative at all, it is so at this radius.
            first = np.where(z0 < 1.0, 2.0 * y / np.maximum(1.0 - z0, EPS), 0.0)
            first = np.where(np.isfinite(first), first * (1.0 + 1e-6), 0.0)
            size = np.maximum(np.linalg.norm(x, axis=1), self.scale)
            if self.closed:
                z2 = z2_of(first)
                low, high = radii(y, z0, z2)
                proved = low <= first
                start = np.where(proved, np.minimum(first, high), np.nan)
                reach = np.full(n, np.nan)
                if proved.any():
                    reach = largest_radius(y, z0, z2_of, start, CAP * size)
                turned = z2 * low
            else:
                z2, low, reach, turned = self._sampled(A, x, u, jacobian, y, z0, first, size)
                proved = np.isfinite(low)
            low = np.where(proved, low, np.nan)
            moved = np.linalg.norm(shifted, axis=(1, 2)) * turned / (1.0 - z0)
            moved += np.linalg.norm(slope_error, axis=1)
            kink = (
                np.isinf(z2)
                if self.closed
                else beside_kink(self.system, x, u, ~proved, y, size)
            )
        # Sampled: an average of sides may be singular, which says nothing of a line of points.
        singular = (singular | ~(z0 < 1.0)) & (self.closed | ~kink)
        yes = CertificateCode.CERTIFIED if self.closed else CertificateCode.SUPPORTED
        code: np.ndarray = np.select(
            [~finite, singular, proved, kink],
            [CertificateCode.NOT_FINITE, CertificateCode.SINGULAR, yes, CertificateCode.KINK],
            default=CertificateCode.RESIDUAL,
        )
        n_unstable = count_unstable(jacobian, moved, proved, self.system.time, modes)
        if self.linear_pieces is not None:
            for i in np.flatnonzero(finite & ~proved):
                newton = y[i] if np.isfinite(y[i]) else 0.0
                proof = prove_at_threshold(
                    self.linear_pieces, x[i], u[i], newton, CAP * size[i]
                )
                if proof.code != CertificateCode.KINK:
                    code[i], low[i], reach[i] = proof.code, proof.existence, proof.uniqueness
                    n_unstable[i] = 0 if proof.contracts else -1
        elif self.bounds_of_jumps is not None:
            self._across_thresholds(
                A, x, u, shifted, residual, finite & ~proved, code, low, reach, n_unstable
            )
        return Verdict(
            code=code,
            existence_radius=low,
            uniqueness_radius=reach,
            newton_bound=y,
            inverse_defect=z0,
            jacobian_lipschitz=z2,
            residual=np.linalg.norm(residual, axis=1),
            rounding=np.linalg.norm(error, axis=1),
            n_unstable=n_unstable,
        )

    def _rounding(self, x, u, image, jacobian):
        """Bound the errors of ``F`` and of the lengths of its gradients, ``(n, d)``."""
        if self.bounds is not None:
            answers = self.bounds(x, u, np.zeros(len(x)))
            parts = [(a.port.error, a.port.slope_error) for a in answers]
            error, slope_error = (np.concatenate(p, axis=1) for p in zip(*parts, strict=True))
            return error, slope_error
        # No formula to bound the errors of: those of its linear part, several times over.
        eps = self.eps
        unit = ESTIMATED_ULPS * eps + gamma(x.shape[1] + u.shape[1]) * eps / (2.0 * EPS)
        by_input = self.system.input_jacobian(x, u).numpy()
        size = np.abs(image) + np.abs(x)
        size += np.einsum("nij,nj->ni", np.abs(jacobian), np.abs(x))
        size += np.einsum("nij,nj->ni", np.abs(by_input), np.abs(u))
        return unit * size, unit * np.linalg.norm(jacobian, axis=2)

    def _second_bound(self, A, x, u, jacobian, radius) -> np.ndarray:
        """Bound ``Z2`` for balls of these radii, ``(n,)``, by the closed form."""
        if self.bounds is None:
            return np.full(len(x), np.inf)
        return norm_through(A, [a.bend for a in self.bounds(x, u, radius)])

    def _sampled(self, A, x, u, jacobian, y, z0, first, size):
        """Sample ``Z2`` and both radii, and the change of the Jacobian within the first."""
        # Nearer than this, the places would be rounded to the same states.
        resolved = 8.0 * self.eps * np.linalg.norm(x, axis=1)
        smallest = np.maximum(np.maximum(first, SMALLEST_SAMPLED * size), resolved)
        ball = sample_balls(
            self._jacobian,
            A,
            x,
            u,
            jacobian,
            y,
            z0,
            smallest,
            np.maximum(LARGEST_SAMPLED * size, smallest),
            rng=self.rng,
            n_directions=self.n_directions,
            safety=self.safety,
        )
        return ball.ratio, ball.existence, ball.uniqueness, ball.change

    def _across_thresholds(
        self, A, x, u, shifted, residual, rows, code, low, reach, n_unstable
    ) -> None:
        """Prove points on thresholds by ``|I - A V| < 1`` for each Jacobian V (Clarke 1983)."""
        rows = np.flatnonzero(rows)
        if not len(rows) or self.bounds_of_jumps is None:
            return
        A, x, u, shifted, residual = (a[rows] for a in (A, x, u, shifted, residual))
        answers = self.bounds_of_jumps(x, u, np.zeros(len(x)))
        error = np.concatenate([a.port.error for a in answers], axis=1)
        slope_error = np.concatenate([a.port.slope_error for a in answers], axis=1)
        if self.system.time == "discrete":
            error = error + EPS * (np.abs(residual + x) + np.abs(x))
        slope_error = slope_error + EPS * (1.0 + np.linalg.norm(shifted, axis=2))
        with np.errstate(all="ignore"):
            y, z0 = first_bounds(A, shifted, residual, error, slope_error)
            size = np.maximum(np.linalg.norm(x, axis=1), self.scale)
            radius = np.maximum(2.0 * y, SMALLEST_SAMPLED * size)
            existence, unique = np.full(len(x), np.nan), np.full(len(x), np.nan)
            for _ in range(N_RADII):
                answers = self.bounds_of_jumps(x, u, radius)
                smooth = norm_through(A, [a.bend for a in answers])
                jumps = norm_through(A, [a.jump for a in answers])
                gap = 1.0 - z0 - smooth * radius - jumps
                gap = gap - 1e-9
                first = np.isnan(existence) & (gap > 0.0) & (y / gap <= radius)
                existence = np.where(first, y / gap * (1.0 + 1e-9), existence)
                unique = np.where((gap > 0.0) & ~np.isnan(existence), radius, unique)
                radius = np.where(gap > 0.0, 2.0 * radius, radius)
        yes = rows[~np.isnan(unique)]
        code[yes], n_unstable[yes] = CertificateCode.CERTIFIED, -1
        low[yes], reach[yes] = (a[~np.isnan(unique)] for a in (existence, unique))

    def _jacobian(self, x: np.ndarray, u: np.ndarray) -> np.ndarray:
        return map_chunks(self.system.jacobian, x, u, shape=(x.shape[1], x.shape[1]))
