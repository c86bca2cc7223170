"""Says which points are fixed points: NumPy in float64, sharing no code with the package.

The update of each kind of network and its exact Jacobian are written out once more, and
Newton's method is the plain one. Both sides of the benchmark, and the long search that
gives a reference set, are judged by it.

A reported point is **true** if Newton's method from it arrives at ``|F(x) - x| < 1e-12``
within 1e-3 of where it began, and if ``J - I`` has no singular value below 1e-6 there. The
last condition means that the residual tells where the point is, to 1e-6. Without it a GRU
with states of 30 passes: its gates are shut to within rounding, so ``F(x) = x`` in float64,
although at a fixed point every state is a tanh, below 1. (A continuum of fixed points fails
it as well: none of these networks has one.) Two true points nearer than 1e-6 are one.
"""

from __future__ import annotations

import numpy as np

RESIDUAL = 1e-12
DISTANCE = 1e-3
SAME = 1e-6
SINGULAR = RESIDUAL / SAME


def _sigmoid(x):
    return 0.5 * (1.0 + np.tanh(0.5 * x))


def _tanh_cell(w, h, u):
    kernel, recurrent, bias = w
    y = np.tanh(u @ kernel + h @ recurrent + bias)
    slope = (1.0 - y * y)[:, :, None]
    return y, slope * recurrent.T, slope * kernel.T


def _gru_cell(w, h, u):
    """Reset after the matrix product; gates in the order z, r, h (Keras)."""
    kernel, recurrent, bias = w
    xz, xr, xh = np.split(u @ kernel + bias[0], 3, axis=1)
    hz, hr, p = np.split(h @ recurrent + bias[1], 3, axis=1)
    z, r = _sigmoid(xz + hz), _sigmoid(xr + hr)
    c = np.tanh(xh + r * p)
    by_z = ((h - c) * z * (1.0 - z))[:, :, None]
    by_c = ((1.0 - z) * (1.0 - c * c))[:, :, None]
    by_r = (p * r * (1.0 - r))[:, :, None]
    rz, rr, rh = np.split(recurrent, 3, axis=1)
    kz, kr, kh = np.split(kernel, 3, axis=1)
    by_h = by_z * rz.T + by_c * (by_r * rr.T + r[:, :, None] * rh.T)
    by_h = by_h + z[:, :, None] * np.eye(h.shape[1])
    return z * h + (1.0 - z) * c, by_h, by_z * kz.T + by_c * (by_r * kr.T + kh.T)


def _lstm_cell(w, x, u):
    """Return the update of a state ``[h, c]``, with gates in the order i, f, g, o (Keras)."""
    kernel, recurrent, bias = w
    h, c = np.split(x, 2, axis=1)
    i, f, g, o = np.split(u @ kernel + h @ recurrent + bias, 4, axis=1)
    i, f, g, o = _sigmoid(i), _sigmoid(f), np.tanh(g), _sigmoid(o)
    c_new = f * c + i * g
    y = np.tanh(c_new)

    def through(matrix):
        mi, mf, mg, mo = (m.T for m in np.split(matrix, 4, axis=1))
        dc = (c * f * (1.0 - f))[:, :, None] * mf + (g * i * (1.0 - i))[:, :, None] * mi
        dc = dc + (i * (1.0 - g * g))[:, :, None] * mg
        dh = (y * o * (1.0 - o))[:, :, None] * mo + (o * (1.0 - y * y))[:, :, None] * dc
        return dh, dc

    dh, dc = through(recurrent)
    eye = np.eye(h.shape[1])
    dh_dc, dc_dc = (o * (1.0 - y * y) * f)[:, :, None] * eye, f[:, :, None] * eye
    jacobian = np.concatenate(
        [np.concatenate([dh, dh_dc], axis=2), np.concatenate([dc, dc_dc], axis=2)], axis=1
    )
    return np.concatenate([o * y, c_new], axis=1), jacobian, np.concatenate(through(kernel), 1)


def _stacked_gru(w, x, u):
    """Return the update of two layers, the second with the new state of the first as input."""
    n = w[1].shape[0]
    low, low_by_h, low_by_u = _gru_cell(w[:3], x[:, :n], u)
    high, high_by_h, high_by_low = _gru_cell(w[3:], x[:, n:], low)
    zeros = np.zeros((len(x), n, high.shape[1]), dtype=low_by_h.dtype)
    jacobian = np.concatenate(
        [
            np.concatenate([low_by_h, zeros], axis=2),
            np.concatenate([high_by_low @ low_by_h, high_by_h], axis=2),
        ],
        axis=1,
    )
    by_u = np.concatenate([low_by_u, high_by_low @ low_by_u], axis=1)
    return np.concatenate([low, high], axis=1), jacobian, by_u


_CELLS = {
    "tanh": _tanh_cell,
    "gru": _gru_cell,
    "lstm": _lstm_cell,
    "stacked_gru": _stacked_gru,
}


class Judge:
    """The fixed points of one network, for one constant input.

    Args:
        kind: ``"tanh"``, ``"gru"``, ``"lstm"`` or ``"stacked_gru"``.
        weights: in the layout and order of Keras.
        inputs: ``(1, n_inputs)``.
    """

    def __init__(self, kind, weights, inputs):
        self.cell = _CELLS[kind]
        self.weights = [np.asarray(w, dtype=np.float64) for w in weights]
        self.inputs = np.asarray(inputs, dtype=np.float64)

    def step(self, x, u=None):
        """Return the next states, ``(n, n_states)``."""
        return self.cell(self.weights, x, self.inputs if u is None else u)[0]

    def run(self, inputs, n_states):
        """Return all states from rest, ``(n_trials, n_time, n_states)``, given inputs."""
        x, states = np.zeros((len(inputs), n_states)), []
        for t in range(inputs.shape[1]):
            x = self.step(x, inputs[:, t])
            states.append(x)
        return np.stack(states, axis=1)

    def check(self, x):
        """Compare the written Jacobian with the complex-step derivative of the update."""
        x = np.asarray(x, dtype=np.float64)[:2]
        jacobian = self.cell(self.weights, x, self.inputs)[1]
        for j in range(x.shape[1]):
            moved = x.astype(complex)
            moved[:, j] += 1e-30j
            column = self.step(moved).imag / 1e-30
            if not np.allclose(jacobian[:, :, j], column, rtol=1e-9, atol=1e-12):
                raise RuntimeError(f"the judge's Jacobian of {self.cell.__name__} is wrong")

    def newton(self, x, n_iters=30, reach=np.inf, longest_step=np.inf):
        """Run Newton's method from every row of ``x``.

        Args:
            x: ``(n, n_states)``.
            n_iters: at most.
            reach: a point that has come further than this from its start is given up.
            longest_step: longer steps are shortened to this.

        Returns:
            Where each point ended, and whether that is a fixed point: ``|F(x) - x| < 1e-12``
            and no singular value of ``J - I`` below 1e-6.
        """
        x = np.array(x, dtype=np.float64)
        arrived = np.zeros(len(x), dtype=bool)
        chunk = max(1, 2**22 // max(1, x.shape[1]) ** 2)
        for i in range(0, len(x), chunk):
            part = slice(i, i + chunk)
            x[part], arrived[part] = self._newton(x[part], n_iters, reach, longest_step)
        return x, arrived

    def _newton(self, x, n_iters, reach, longest_step):
        start, x = x, x.copy()
        arrived = np.zeros(len(x), dtype=bool)
        active = np.flatnonzero(np.isfinite(x).all(axis=1))
        eye = np.eye(x.shape[1])
        for iteration in range(n_iters + 1):
            image, jacobian, _ = self.cell(self.weights, x[active], self.inputs)
            residual = image - x[active]
            here = np.linalg.norm(residual, axis=1) < RESIDUAL
            arrived[active[here]] = True
            active, residual, jacobian = active[~here], residual[~here], jacobian[~here]
            if iteration == n_iters or not len(active):
                break
            step = _solve(eye - jacobian, residual)
            length = np.linalg.norm(step, axis=1)
            with np.errstate(divide="ignore", invalid="ignore"):
                step *= np.minimum(1.0, longest_step / length)[:, None]
            x[active] += np.where(np.isfinite(step), step, np.inf)
            away = np.linalg.norm(x[active] - start[active], axis=1)
            active = active[np.isfinite(away) & (away <= reach)]
        rest = np.flatnonzero(arrived)
        jacobian = self.cell(self.weights, x[rest], self.inputs)[1]
        arrived[rest] = np.linalg.svd(jacobian - eye, compute_uv=False)[:, -1] >= SINGULAR
        return x, arrived

    def true_points(self, reported):
        """Mark the reported points that are true, and return their distinct fixed points."""
        reported = np.asarray(reported, dtype=np.float64)
        # Within 1e-3 of a fixed point Newton's method does not first go a distance of 1.
        x, arrived = self.newton(reported, reach=1.0)
        true = arrived & (np.linalg.norm(x - reported, axis=1) < DISTANCE)
        return true, distinct(x[true])


def _solve(matrices, vectors):
    try:
        return np.linalg.solve(matrices, vectors[:, :, None])[:, :, 0]
    except np.linalg.LinAlgError:  # one singular matrix among them
        pairs = zip(matrices, vectors, strict=True)
        return np.stack([np.linalg.lstsq(m, v, rcond=None)[0] for m, v in pairs])


def distinct(*sets):
    """Return the points of all sets, without those nearer than 1e-6 to an earlier one."""
    rest = np.concatenate(sets)
    kept = []
    while len(rest):
        kept.append(rest[0])
        rest = rest[np.linalg.norm(rest - rest[0], axis=1) > SAME]
    return np.array(kept).reshape(len(kept), sets[0].shape[1])


def n_found(points, reference):
    """Count the points of the reference among some distinct points."""
    return sum(
        bool(len(points)) and np.linalg.norm(points - x, axis=1).min() <= SAME
        for x in reference
    )
