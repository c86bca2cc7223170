"""Problem and state of the points, for all solvers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from fixedpoint_tf.systems.cells.equations import CellEquations, Settled
from fixedpoint_tf.systems.system import DynamicalSystem, Equations, Residual

__all__ = ["Points", "Problem", "Scaled", "kernel_speed", "shifted", "with_shifts"]

OnProgress = Callable[[], None]

LEAST_RESOLVED = 1e-5  # units of the scale that single precision must tell apart
FIRST_SHIFT = 1e-7  # of the diagonal, relative to the largest entry: rounding, no more
LARGEST_SHIFT = 1.0  # of the diagonal: a matrix that is singular still is so not by rounding
SHIFT_GROWTH = 100.0  # from one trial to the next


@dataclasses.dataclass
class Points:
    """The points under search, updated in place, so that an interruption loses nothing.

    Attributes:
        x: states, ``(n, n_states)`` float64.
        u: inputs, ``(n, n_inputs)`` float64.
        q: speed ``0.5 |r|^2``, ``(n,)``.
        dq: change of ``q`` in the last iteration, ``(n,)``.
        n_iters: iterations so far, ``(n,)``.
        relative_gradient: ``|grad q| / |r|`` over the free coordinates, ``(n,)``: zero at
            a stationary point of ``q``.
        damping: where the last damped descent stood, ``(n,)``, or NaN.
    """

    x: np.ndarray
    u: np.ndarray
    q: np.ndarray = dataclasses.field(init=False)
    dq: np.ndarray = dataclasses.field(init=False)
    n_iters: np.ndarray = dataclasses.field(init=False)
    relative_gradient: np.ndarray = dataclasses.field(init=False)
    damping: np.ndarray = dataclasses.field(init=False)

    def __post_init__(self):
        n = len(self.x)
        self.q = np.full(n, np.inf)
        self.dq = np.full(n, np.inf)
        self.n_iters = np.zeros(n, dtype=np.int64)
        self.relative_gradient = np.full(n, np.inf)
        self.damping = np.full(n, np.nan)

    def take(self, rows: np.ndarray) -> Points:
        """Return a copy of some of the points."""
        taken = Points(self.x[rows], self.u[rows])
        for name in ("q", "dq", "n_iters", "relative_gradient", "damping"):
            setattr(taken, name, getattr(self, name)[rows])
        return taken


class Problem:
    """System prepared for one search, with weights read once and bounds filled in.

    States are measured in units of ``scale`` from ``origin``, so that no length in a solver
    depends on the units of the network or on where its zero lies: a state ``x`` here is the
    state ``origin + scale * x`` of the system.

    Args:
        system: what is searched.
        lower: ``(n_states,)``, finite, in units of the scale.
        upper: ``(n_states,)``, finite, in units of the scale.
        scale: ``(n_states,)``, size of each state, a power of two so that dividing by it is
            exact; default: ones.
        origin: ``(n_states,)``; default: zeros.

    Attributes:
        dtypes: ``(search, final)`` of the system, both the final one where single precision
            does not resolve states that far from zero.
        resolution: what the final type resolves about the origin, in units of the scale.
    """

    def __init__(
        self,
        system: DynamicalSystem,
        lower: np.ndarray,
        upper: np.ndarray,
        scale: np.ndarray | None = None,
        origin: np.ndarray | None = None,
    ):
        self.system = system
        self.lower, self.upper = lower, upper
        self.n_states = system.n_states
        self.scale = np.ones(self.n_states) if scale is None else scale
        self.origin = np.zeros(self.n_states) if origin is None else origin
        self.residual: Residual = system.residual
        self._is_scaled = bool((self.scale != 1.0).any() or self.origin.any())
        if self._is_scaled:
            self.residual = Residual(Scaled(system.equations, system.time), system.time)
        self._weights: dict[str, Any] = {}
        search, final = system.dtypes
        offset = 1.0 + float(np.max(np.abs(self.origin) / self.scale, initial=0.0))
        coarse = offset * float(np.finfo(search).eps) > LEAST_RESOLVED
        self.dtypes = (final if coarse else search, final)
        self.resolution = offset * float(np.finfo(final).eps)

    def with_bounds(self, lower: np.ndarray, upper: np.ndarray) -> Problem:
        """Return the same problem within another box."""
        other = Problem(self.system, lower, upper, self.scale, self.origin)
        other._weights = self._weights
        return other

    def settled(self) -> Problem:
        """Return the problem of the same fixed points in which no gate keeps a state."""
        equations = self.system.equations
        if not isinstance(equations, CellEquations) or self.system.time != "discrete":
            return self
        other = self.with_bounds(self.lower, self.upper)
        settled: Any = Settled(equations)
        if self._is_scaled:
            settled = Scaled(settled, self.system.time)
        other.residual = Residual(settled, self.system.time)
        return other

    def weights(self, dtype: str) -> Any:
        """Return the weights in ``dtype``, read at first use."""
        if dtype not in self._weights:
            w = self.system.weights(dtype)
            units = tf.constant(self.scale, dtype), tf.constant(self.origin, dtype)
            self._weights[dtype] = (w, *units) if self._is_scaled else w
        return self._weights[dtype]

    def natural(self, x: np.ndarray) -> np.ndarray:
        """Return states in the units of the network."""
        return self.origin + self.scale * x

    def bounds(self, dtype: str) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the box as tensors of ``dtype``, finite in it."""
        largest = np.finfo(dtype).max
        lower, upper = (np.clip(b, -largest, largest) for b in (self.lower, self.upper))
        return tf.constant(lower, dtype), tf.constant(upper, dtype)

    def batch_size(self, dtype: str) -> int:
        """Return the number of points whose working matrices fit the processor's cache."""
        entries = 2**21 if dtype == "float32" else 2**20
        return int(np.clip(entries // self.n_states**2, 1, 1024))

    def rows(self, dtype: str, *arrays: np.ndarray) -> list[tf.Tensor]:
        """Return NumPy arrays as tensors of the search's type."""
        return [tf.constant(a, dtype) for a in arrays]

    def residual_at(self, x: np.ndarray, u: np.ndarray) -> np.ndarray:
        """Return residuals in the final type, ``(n, n_states)``."""
        dtype = self.dtypes[1]
        return self.residual.value(self.weights(dtype), *self.rows(dtype, x, u)).numpy()

    def jacobian_at(self, x: np.ndarray, u: np.ndarray) -> np.ndarray:
        """Return Jacobians of the residual in the final type, ``(n, n_states, n_states)``."""
        dtype = self.dtypes[1]
        return self.residual.jacobian(self.weights(dtype), *self.rows(dtype, x, u)).numpy()


@dataclasses.dataclass(frozen=True)
class Scaled:
    """Equations of states in units of a scale, from an origin: the last two of the weights."""

    equations: Equations
    time: str

    def step(self, w, h: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
        weights, scale, origin = w
        image = self.equations.step(weights, h * scale + origin, u)
        return (image - origin if self.time == "discrete" else image) / scale

    def jacobian(self, w, h: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
        weights, scale, origin = w
        jacobian = self.equations.jacobian(weights, h * scale + origin, u)
        return jacobian * (scale / scale[:, None])

    def input_jacobian(self, w, h: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
        weights, scale, origin = w
        return self.equations.input_jacobian(weights, h * scale + origin, u) / scale[:, None]


def kernel_speed(r: tf.Tensor) -> tf.Tensor:
    """Return the speed ``q = 0.5 |r|^2`` of each row (Sussillo & Barak 2013, eq. 2.4)."""
    return 0.5 * tf.reduce_sum(r * r, axis=-1)


def shifted(A: tf.Tensor, shift: tf.Tensor) -> tf.Tensor:
    """Subtract a shift from the diagonals, relative to entries that are larger than one."""
    largest = tf.reduce_max(tf.abs(A), axis=[1, 2])[:, None]
    diagonal = tf.linalg.diag_part(A) - shift * tf.maximum(largest, 1.0)
    return tf.linalg.set_diag(A, diagonal)


def with_shifts(
    run: Callable[[np.ndarray, float], list[np.ndarray]],
    fallback: Callable[[np.ndarray], list[np.ndarray]],
    batch: np.ndarray,
) -> list[np.ndarray]:
    """Run a batch whose matrices may be singular, any one of which stops the whole batch.

    Args:
        run: of a batch and a shift, which it subtracts by :func:`shifted`; returns arrays with
            a row for each point.
        fallback: the same of a point whose matrix no shift makes regular.
        batch: numbers of points.

    Returns:
        The arrays of all points, in order.
    """
    shift = FIRST_SHIFT
    while shift <= LARGEST_SHIFT:
        try:
            return run(batch, shift)
        except tf.errors.InvalidArgumentError:
            shift *= SHIFT_GROWTH
    if len(batch) == 1:
        return fallback(batch)
    halves = [with_shifts(run, fallback, half) for half in np.array_split(batch, 2)]
    return [np.concatenate(both) for both in zip(*halves, strict=True)]
