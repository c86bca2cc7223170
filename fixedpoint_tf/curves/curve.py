r"""The curve of fixed points ``G(x, s) = 0``, its tangent and Newton's method onto it.

States are divided by :math:`\sqrt{n}` and by their size, so that a length along the curve
means the same for networks of all sizes and units of all scales: the root mean square over
the units, in units of the size.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import tensorflow as tf

from fixedpoint_tf._utils.chunks import chunks
from fixedpoint_tf._utils.compiling import compiled, kept_with_equations
from fixedpoint_tf._utils.linalg import each, inverses
from fixedpoint_tf.curves.input_path import Path
from fixedpoint_tf.linearization import growth
from fixedpoint_tf.systems.kinks.sides import is_smooth
from fixedpoint_tf.systems.system import DynamicalSystem, Equations

__all__ = ["CONTRACTION", "Curve", "CurvePoints"]

MAX_NEWTON = 10  # steps of Newton's method, beyond which a guess was too far off
NEWTON_TOL = 1e-11  # of the last step, relative to 1 and the length of z
ROUGH = 100.0  # times the tolerance: a shorter second step may be rounding, no contraction
RESIDUAL_TOL = 1e-9  # of the size of the states: what G may be where a step says nothing
#: Of G, relative to the states that it is a difference of.
ROUNDING = 4.0 * np.finfo(np.float64).eps
STAGNANT = 1e-4  # the longest step that may be rounding
LEAP = 1e3  # times what a slope makes
CONTRACTION = 0.25  # of Newton's steps: beyond it another solution may be as near


@kept_with_equations
def _evaluation(equations: Equations):
    @compiled("x", "u")
    def evaluate(w, x, u):
        return (
            equations.step(w, x, u),
            equations.jacobian(w, x, u),
            equations.input_jacobian(w, x, u),
        )

    return evaluate


@dataclasses.dataclass
class CurvePoints:
    """Points of the curve, a row each.

    Attributes:
        z: ``(n, n_states + 1)``, scaled state and s.
        slopes: ``(n, n_states, n_states + 1)``, derivative of G by z.
        jacobian: ``(n, n_states, n_states)``, of the system.
        n_iterations: ``(n,)`` of Newton's method; 99 where it did not converge.
        contraction: ``(n,)``, second step of Newton's method by the first: near a solution
            about its distance by that to the next one. 0 where one step led there.
    """

    z: np.ndarray
    slopes: np.ndarray
    jacobian: np.ndarray
    n_iterations: np.ndarray
    contraction: np.ndarray

    @property
    def converged(self) -> np.ndarray:
        return self.n_iterations <= MAX_NEWTON


class Curve:
    """Fixed points of a system along a path of inputs.

    Args:
        system: the network.
        path: path of inputs.
        size: root mean square of the states, roughly.
    """

    def __init__(self, system: DynamicalSystem, path: Path, size: float = 1.0):
        self.system, self.path = system, path
        self.d = system.n_states
        self.size = size
        self.scale = np.sqrt(self.d) * size
        self.dtype = system.dtypes[1]
        self.weights = system.weights(self.dtype)
        # A function's path may have corners that it does not tell.
        self.has_kinks = path.function is not None or not is_smooth(system.equations)

    def pack(self, x: np.ndarray, s: np.ndarray) -> np.ndarray:
        return np.concatenate([x / self.scale, s[:, None]], axis=1)

    def unpack(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return z[:, :-1] * self.scale, z[:, -1]

    def evaluate(
        self, z: np.ndarray, piece: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return G, its derivative by z, and the Jacobian of the system, a chunk at a time.

        Without ``piece`` that of the path on which each s is.
        """
        n, d = len(z), self.d
        x, s = self.unpack(z)
        u, by_s = self.path(s, piece)
        value, jacobian, slope = np.empty((n, d)), np.empty((n, d, d)), np.empty((n, d))
        evaluate = _evaluation(self.system.equations)
        for rows in chunks(n, d * max(d, self.system.n_inputs)):
            tensors = (tf.constant(part[rows], self.dtype) for part in (x, u))
            out = [t.numpy() for t in evaluate(self.weights, *tensors)]
            value[rows], jacobian[rows] = out[:2]
            slope[rows] = np.einsum("nij,nj->ni", out[2].astype(np.float64), by_s[rows])
        by_x = jacobian
        if self.system.time == "discrete":
            value = value - x
            by_x = jacobian - np.eye(d)
        slopes = np.concatenate([by_x * self.scale, slope[:, :, None]], axis=2)
        return value, slopes, jacobian

    def leaps(self, z: np.ndarray, h: np.ndarray, piece: np.ndarray) -> np.ndarray:
        """Test points a short way ``h`` off the curve for a jump of G between."""
        if not len(z):
            return np.zeros(0, dtype=bool)
        value, slopes, _ = self.evaluate(z, piece)
        return np.abs(value).max(axis=1) > LEAP * h * np.abs(slopes).max(axis=(1, 2))

    def tangent(self, slopes: np.ndarray, along: np.ndarray) -> np.ndarray:
        """Return unit tangents that point the same way as ``along``, ``(n, n_states + 1)``."""
        bordered = np.concatenate([slopes, along[:, None]], axis=1)
        # The last column of the inverse solves A t = 0, along . t = 1.
        t = _safe_inverses(bordered)[:, :, -1]
        length = np.linalg.norm(t, axis=1, keepdims=True)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(length > 0, t / length, np.nan)

    def correct(
        self, guess: np.ndarray, normal: np.ndarray, piece: np.ndarray | None = None
    ) -> CurvePoints:
        """Correct guesses onto the curve by Newton's method, within planes through them.

        Args:
            guess: ``(n, n_states + 1)``.
            normal: normal of the planes, the same shape.
            piece: ``(n,)`` int, pieces of the path, beyond whose corners it goes straight on.
        """
        n, d = len(guess), self.d
        z = guess.copy()
        n_iterations, contraction, before = np.full(n, 99), np.zeros(n), np.ones(n)
        slopes, jacobian = np.full((n, d, d + 1), np.nan), np.full((n, d, d), np.nan)
        active = np.arange(n)
        if piece is None:
            piece = self.path.piece(z[:, -1])
        for iteration in range(MAX_NEWTON + 1):
            value, slopes[active], jacobian[active] = self.evaluate(z[active], piece[active])
            off = ((z[active] - guess[active]) * normal[active]).sum(axis=1)
            right = np.concatenate([value, off[:, None]], axis=1)
            bordered = np.concatenate([slopes[active], normal[active][:, None]], axis=1)
            step = -np.einsum("nij,nj->ni", _safe_inverses(bordered), right)
            finite = np.isfinite(step).all(axis=1)
            step[~finite] = 0.0
            length = np.linalg.norm(step, axis=1)
            # No shorter step comes where rounding alone is left of every row.
            x = np.abs(z[active, :-1]) * self.scale
            rounding = ROUNDING * (self.size + x)
            stays = finite & (np.abs(value) <= rounding).all(axis=1) & (length < STAGNANT)
            step[stays] = 0.0
            z[active] += step
            size = NEWTON_TOL * (1.0 + np.linalg.norm(z[active], axis=1))
            done = finite & (length < size)
            if iteration == 1:  # a step of the size of rounding says nothing
                ratio = length / np.maximum(before[active], 1e-300)
                contraction[active] = np.where((length > ROUGH * size) & ~stays, ratio, 0.0)
            before[active] = length
            # Where the matrix is singular the step says nothing: the residual must be small,
            # by the slopes of its own row (a unit whose gate is nearly shut moves little).
            steepest = np.abs(slopes[active]).max(axis=2) / self.scale
            largest = RESIDUAL_TOL * self.size * (1.0 + np.abs(z[active]).max())
            allowed = np.minimum(1.0, steepest) * largest + rounding
            done &= (np.abs(value) < allowed).all(axis=1)
            done |= stays
            n_iterations[active[done]] = iteration
            active = active[finite & ~done]
            if not len(active):
                break
        # A last step shorter than the tolerance leaves the derivatives as good as new.
        return CurvePoints(z, slopes, jacobian, n_iterations, contraction)

    def eigenvalues(self, jacobian: np.ndarray) -> np.ndarray:
        """Return eigenvalues ``(n, n_states)``, fastest growing first, NaN where undefined."""
        values = np.full(jacobian.shape[:2], np.nan, dtype=complex)
        finite = np.isfinite(jacobian).all(axis=(1, 2))
        if finite.any():
            found = np.stack(each(np.linalg.eigvals, jacobian[finite])).astype(complex)
            order = np.argsort(-growth(found, self.system.time), axis=1, kind="stable")
            values[finite] = np.take_along_axis(found, order, axis=1)
        return values


def _safe_inverses(matrices: np.ndarray) -> np.ndarray:
    """Invert matrices after scaling their rows to one size, with NaN where not finite."""
    finite = np.isfinite(matrices).all(axis=(1, 2))
    result = np.full(matrices.shape, np.nan)
    if finite.any():
        size = np.abs(matrices[finite]).max(axis=2)
        size = np.where(size > 0, size, 1.0)
        result[finite] = inverses(matrices[finite] / size[:, :, None])[0] / size[:, None]
    return result
