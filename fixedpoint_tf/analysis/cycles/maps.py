"""One step of a system, or its flow for a time, with the derivative by the state."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from scipy.integrate import DOP853

from fixedpoint_tf._utils.chunks import chunks
from fixedpoint_tf._utils.compiling import compiled, kept_with_equations
from fixedpoint_tf.systems.system import DynamicalSystem, Equations

__all__ = ["VariationalMap"]

N_STAGES = 12  # of the 8th-order formula of Dormand & Prince (Hairer et al. 1993, II.5)
FLOW_TOL = 1e-12  # relative: halving the substeps changes the flow by less
MAX_REFINEMENT = 64  # times the first number of substeps


@kept_with_equations
def _step(equations: Equations):
    @compiled("x", "u")
    def step(w, x, u):
        return equations.step(w, x, u), equations.jacobian(w, x, u)

    return step


@kept_with_equations
def _flow(equations: Equations):
    """Compile state and variational equation, ``dM/dt = J M``, with a time for each row."""

    @compiled("x", "u", "time")
    def flow(w, x, u, time, n_substeps):
        h = (time / tf.cast(n_substeps, time.dtype))[:, None]

        def combined(k, coefficients):
            # Plain numbers would be single precision where they meet no tensor.
            terms = [float(c) * v for c, v in zip(coefficients, k, strict=True) if c != 0.0]
            return tf.add_n(terms) if terms else None

        def substep(i, x, m):
            kx: list[tf.Tensor] = []
            km: list[tf.Tensor] = []
            for stage in range(N_STAGES):
                a = DOP853.A[stage, :stage]
                dx, dm = combined(kx, a), combined(km, a)
                y = x if dx is None else x + h * dx
                z = m if dm is None else m + h[..., None] * dm
                kx.append(equations.step(w, y, u))
                km.append(tf.matmul(equations.jacobian(w, y, u), z))
            x = x + h * combined(kx, DOP853.B)
            m = m + h[..., None] * combined(km, DOP853.B)
            return i + 1, x, m

        d = x.shape[1]
        m = tf.eye(d, batch_shape=[tf.shape(x)[0]], dtype=x.dtype)
        shapes = (tf.TensorShape([]), tf.TensorShape([None, d]), tf.TensorShape([None, d, d]))
        _, x, m = tf.while_loop(
            lambda i, x, m: i < n_substeps, substep, (0, x, m), shape_invariants=shapes
        )
        return x, m

    return flow


class VariationalMap:
    """The map whose cycles are sought, and its Jacobian, for many states at once.

    Args:
        system: in discrete time the map is one step, in continuous time the flow.
        dt: length of a substep to begin with, for a continuous system.
    """

    def __init__(self, system: DynamicalSystem, dt: float | None = None):
        self.system = system
        self.dt = dt
        self.dtype = system.dtypes[1]
        self.weights = system.weights(self.dtype)

    @property
    def is_flow(self) -> bool:
        return self.system.time == "continuous"

    @property
    def rounding(self) -> float:
        """Relative rounding of the arithmetic of the system."""
        return float(np.finfo(self.dtype).eps)

    def velocity(self, x: np.ndarray, u: np.ndarray) -> np.ndarray:
        """Return ``dx/dt`` of a continuous system, ``(n, n_states)``."""
        return self.system.step(x, u).numpy().astype(np.float64)

    def __call__(
        self, x: np.ndarray, u: np.ndarray, time: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return image ``(n, n_states)`` and Jacobian ``(n, n_states, n_states)`` of each row.

        Args:
            x: ``(n, n_states)``.
            u: ``(n, n_inputs)``.
            time: ``(n,)``, for how long to follow the flow of a continuous system.
        """
        n, d = x.shape
        images, jacobians = np.empty((n, d)), np.empty((n, d, d))
        for rows, image, jacobian in self._parts(x, u, time):
            images[rows], jacobians[rows] = image, jacobian
        return images, jacobians

    def images(
        self, x: np.ndarray, u: np.ndarray, time: np.ndarray | None = None
    ) -> np.ndarray:
        """Return the images ``(n, n_states)`` without Jacobians."""
        images = np.empty(x.shape)
        for rows, image, _ in self._parts(x, u, time):
            images[rows] = image
        return images

    def _parts(self, x, u, time):
        """Yield slices of the rows with their images and Jacobians."""
        if self.is_flow and time is None:
            raise ValueError("time: expected an array for a continuous system, received None.")
        # A step of the flow holds the slopes of all stages.
        n_held = N_STAGES if self.is_flow else 1
        for rows in chunks(len(x), n_held * x.shape[1] ** 2):
            if self.is_flow:
                yield rows, *self._flow(x[rows], u[rows], time[rows])
            else:
                tensors = (tf.constant(part[rows], self.dtype) for part in (x, u))
                image, jacobian = _step(self.system.equations)(self.weights, *tensors)
                yield rows, image.numpy(), jacobian.numpy()

    def _flow(self, x, u, time) -> tuple[np.ndarray, np.ndarray]:
        """Integrate state and Jacobian, with substeps halved until nothing changes."""
        flow = _flow(self.system.equations)

        def go(rows, n: int) -> tuple[np.ndarray, np.ndarray]:
            tensors = [tf.constant(part[rows], self.dtype) for part in (x, u, time)]
            out = flow(self.weights, *tensors, tf.constant(n))
            return out[0].numpy().astype(np.float64), out[1].numpy().astype(np.float64)

        longest = float(np.abs(time).max(initial=0.0))
        n = max(1, int(np.ceil(longest / (4.0 * self.dt)))) if self.dt else 1
        last = n * MAX_REFINEMENT
        rows = np.arange(len(x))
        image, jacobian = go(rows, n)
        while n < last and len(rows):
            n *= 2
            finer, jacobian[rows] = go(rows, n)
            with np.errstate(invalid="ignore", over="ignore"):
                error = np.abs(finer - image[rows]).max(axis=1)
                size = np.maximum(np.abs(finer).max(axis=1), np.abs(x[rows]).max(axis=1))
                coarse = error > FLOW_TOL * size
            image[rows] = finer
            rows = rows[coarse]  # a row that is no longer finite compares as done
        return image, jacobian
