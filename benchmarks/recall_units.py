"""Networks that fall apart into units whose scalar equations are solved on a fine grid.

The products of their roots are the fixed points; coordinates may then be mixed by any regular
matrix.
"""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
from recall_known import (
    Known,
    built,
    combinations,
    layer_form,
    roots,
    sigmoid,
    simple_rnn,
    single,
    tanh_step,
)


def bistable(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return gains, biases and points of units ``x = tanh(a x + b)`` with three roots each."""
    rng = np.random.default_rng(seed)
    a, b = single(rng.uniform(1.3, 2.0, n)), single(rng.uniform(-0.05, 0.05, n))
    units = [roots(lambda x, k=k: np.tanh(a[k] * x + b[k]) - x, 1.1) for k in range(n)]
    return a, b, combinations(units)


def tanh_units(n: int, seed: int) -> Known:
    a, b, truth = bistable(n, seed)
    form = layer_form(np.diag(a), b)
    return Known(simple_rnn(np.diag(a), b), n, lambda x: np.tanh(x * a + b), truth, form)


def mixed(
    matrix: np.ndarray,
    unit: Callable,
    unit_tf: Callable,
    points: np.ndarray,
    form: tuple[str, dict[str, np.ndarray]],
) -> Known:
    """Mix the coordinates of a network of units: ``x -> S f(S^-1 x)``."""
    back = np.linalg.inv(matrix)

    def rnn(h, u):
        S, B = tf.constant(matrix, h.dtype), tf.constant(back, h.dtype)
        return tf.matmul(unit_tf(tf.matmul(h, B, transpose_b=True)), S, transpose_b=True)

    kind, arrays = form
    rnn.__name__ = kind
    n = len(matrix)
    return Known(
        rnn,
        n,
        lambda x: unit(x @ back.T) @ matrix.T,
        points @ matrix.T,
        (kind, {**arrays, "matrix": matrix}),
        options={"n_states": n, "n_inputs": 0},
        n_inputs=0,
    )


def rotation(n: int, seed: int) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(seed + 100).normal(size=(n, n)))[0]


def shear(n: int, seed: int) -> np.ndarray:
    """Return a matrix far from orthogonal, of condition about ten."""
    rng = np.random.default_rng(seed + 200)
    return (
        rotation(n, seed) @ np.diag(np.geomspace(0.4, 4.0, n)) @ rotation(n, rng.integers(99))
    )


def rotated_tanh(n: int, seed: int, matrix: Callable = rotation) -> Known:
    a, b, points = bistable(n, seed)

    def in_tf(z):
        return tf.tanh(z * tf.constant(a, z.dtype) + tf.constant(b, z.dtype))

    form = layer_form(np.diag(a), b)
    return mixed(matrix(n, seed), lambda z: np.tanh(z * a + b), in_tf, points, form)


def five_points(n: int, seed: int, matrix: Callable = rotation) -> Known:
    """Return units of two thresholds, with five roots each, their coordinates mixed."""
    rng = np.random.default_rng(seed)
    a, t = rng.uniform(6.0, 9.0, n), rng.uniform(0.45, 0.55, n)

    def unit(z):
        return 0.5 * (np.tanh(a * (z - t)) + np.tanh(a * (z + t)))

    def in_tf(z):
        gain, at = tf.constant(a, z.dtype), tf.constant(t, z.dtype)
        return 0.5 * (tf.tanh(gain * (z - at)) + tf.tanh(gain * (z + at)))

    def scalar(k):
        return lambda x: 0.5 * (np.tanh(a[k] * (x - t[k])) + np.tanh(a[k] * (x + t[k]))) - x

    points = combinations([roots(scalar(k), 1.2) for k in range(n)])
    return mixed(matrix(n, seed), unit, in_tf, points, ("five", {"gain": a, "at": t}))


def gru_units(n: int, seed: int) -> Known:
    rng = np.random.default_rng(seed)
    wz, wr, wh = single(
        np.stack([rng.normal(size=n), rng.normal(size=n), rng.uniform(2, 3, n)])
    )
    bz, br, bh = single(
        np.stack([rng.normal(size=n), rng.uniform(1, 2, n), rng.uniform(-0.05, 0.05, n)])
    )

    def step(h):
        z, r = sigmoid(wz * h + bz), sigmoid(wr * h + br)
        return z * h + (1.0 - z) * np.tanh(bh + r * wh * h)

    def scalar(k):
        return lambda h: np.tanh(bh[k] + sigmoid(wr[k] * h + br[k]) * wh[k] * h) - h

    recurrent = np.concatenate([np.diag(wz), np.diag(wr), np.diag(wh)], axis=1)
    bias = np.stack([np.concatenate([bz, br, bh]), np.zeros(3 * n)])
    cell = built(keras.layers.GRUCell(n), [np.zeros((1, 3 * n)), recurrent, bias])
    points = combinations([roots(scalar(k), 1.1) for k in range(n)])
    return Known(cell, n, step, points, ("gru", {"recurrent": recurrent, "bias": bias}))


def lstm_units(n: int, seed: int) -> Known:
    rng = np.random.default_rng(seed)
    wi, wf, wo = single(0.5 * rng.normal(size=(3, n)))
    wg = single(rng.uniform(2.0, 3.0, n))
    bi, bf, bo = single(np.stack([rng.uniform(0, 1, n), rng.uniform(-1, 0, n), np.ones(n)]))
    bg = single(rng.uniform(-0.05, 0.05, n))

    def step(x):
        h, c = np.split(x, 2, axis=1)
        i, f, o = sigmoid(wi * h + bi), sigmoid(wf * h + bf), sigmoid(wo * h + bo)
        c = f * c + i * np.tanh(wg * h + bg)
        return np.concatenate([o * np.tanh(c), c], axis=1)

    def cell_state(k, h):
        i, f = sigmoid(wi[k] * h + bi[k]), sigmoid(wf[k] * h + bf[k])
        return i * np.tanh(wg[k] * h + bg[k]) / (1.0 - f)

    def scalar(k):
        return lambda h: sigmoid(wo[k] * h + bo[k]) * np.tanh(cell_state(k, h)) - h

    h = combinations([roots(scalar(k), 1.1) for k in range(n)])
    c = np.stack([cell_state(k, h[:, k]) for k in range(n)], axis=1)
    recurrent = np.concatenate([np.diag(w) for w in (wi, wf, wg, wo)], axis=1)
    bias = np.concatenate([bi, bf, bg, bo])
    cell = built(keras.layers.LSTMCell(n), [np.zeros((1, 4 * n)), recurrent, bias])
    form = ("lstm", {"recurrent": recurrent, "bias": bias})
    return Known(cell, 2 * n, step, np.concatenate([h, c], axis=1), form)


def driven(n: int, n_driven: int, seed: int) -> Known:
    """Return bistable units that drive contracting ones, as a tanh layer in rotated axes.

    ``a = tanh(D a + b)``, ``y = tanh(C a + V y)`` with ``V`` a contraction: one ``y`` for
    each ``a``.
    """
    rng = np.random.default_rng(seed)
    a, b, points = bistable(n, seed)
    C = rng.normal(size=(n, n_driven))
    V = rng.normal(size=(n_driven, n_driven))
    V *= 0.8 / np.linalg.norm(V, 2)
    weights = np.block([[np.diag(a), C], [np.zeros((n_driven, n)), V]])
    bias = np.concatenate([b, np.zeros(n_driven)])
    y = np.zeros((len(points), n_driven))
    for _ in range(400):
        y = np.tanh(points @ C + y @ V)

    def in_tf(z):
        return tf.tanh(tf.matmul(z, tf.constant(weights, z.dtype)) + tf.constant(bias, z.dtype))

    every = np.concatenate([points, y], axis=1)
    unit, form = tanh_step(weights, bias), layer_form(weights, bias)
    return mixed(rotation(n + n_driven, seed), unit, in_tf, every, form)
