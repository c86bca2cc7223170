"""Networks of many fixed points that are all known, made from a seed.

Each maker returns a :class:`Known`: the network in a form that ``FixedPointFinder`` takes, its
update once more in NumPy, and its fixed points. They are known because the network falls
apart into units whose scalar equations are solved on a fine grid (the product of their roots
are the points; coordinates may then be mixed by any regular matrix), because every set of
active units is enumerated, or because all points lie in a space of a few dimensions, which is
searched densely. Where none of this holds, the truth is the union of long searches by
Newton's method in NumPy, and ``complete`` is False: such a row can show what was missed, not
that nothing was.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from networks import make_random
from relu_truth import enumerate_points
from scipy.optimize import brentq

Step = Callable[[np.ndarray], np.ndarray]

N_STARTS = 1024
NOISE = 0.5  # standard deviation of the noise on the starts, as in README


@dataclasses.dataclass(frozen=True)
class Known:
    """A network with the fixed points that it has.

    Attributes:
        rnn: what the finder takes.
        n_states: number of states.
        step: the update in NumPy, ``(n, n_states)`` to the same.
        truth: ``(n_points, n_states)``.
        complete: whether these are all.
        options: of the finder.
        n_inputs: inputs of the network, which are zero.
        size: of the states, at which trajectories begin.
    """

    rnn: Any
    n_states: int
    step: Step
    truth: np.ndarray
    complete: bool = True
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    n_inputs: int = 1
    size: float = 1.0

    def starts(self, seed: int, n_starts: int = N_STARTS) -> np.ndarray:
        """Return states on trajectories plus noise, ``(n_starts, n_states)``."""
        rng = np.random.default_rng(seed)
        x = self.size * rng.uniform(-1.0, 1.0, size=(64, self.n_states))
        states = []
        for _ in range(50):
            x = self.step(x)
            states.append(x)
        pool = np.concatenate(states)
        pool = pool[np.abs(pool).max(axis=1) < 10.0 * self.size]  # of those that run away
        drawn = pool[rng.integers(len(pool), size=n_starts)]
        return drawn + NOISE * rng.normal(size=drawn.shape)


def roots(function: Callable[[np.ndarray], np.ndarray], reach: float) -> np.ndarray:
    """Return all simple roots of a scalar function within ``[-reach, reach]``."""
    grid = np.linspace(-reach, reach, 40_001) + 1.234e-7  # no root stands on the grid
    value = function(grid)
    left = np.flatnonzero(np.sign(value[:-1]) != np.sign(value[1:]))
    solve = [brentq(function, grid[i], grid[i + 1], xtol=1e-15) for i in left]
    return np.array(solve)


def combinations(of_units: list[np.ndarray]) -> np.ndarray:
    """Return every choice of one root a unit, ``(n_points, n_units)``."""
    return np.array(list(itertools.product(*of_units)))


def newton(
    step: Step,
    x: np.ndarray,
    n_iters: int = 40,
    longest: float = 1.0,
    jacobian: Step | None = None,
) -> np.ndarray:
    """Return fixed points that Newton's method arrives at; by default by differences."""
    jacobian = jacobian or functools.partial(difference, step)
    every = []
    for block in np.array_split(x, max(1, len(x) // 512)):
        h = block.copy()
        for _ in range(n_iters):
            r, A = step(h) - h, jacobian(h)
            A = A - np.eye(h.shape[1])
            A += 1e-13 * np.random.default_rng(0).normal(size=A.shape)
            move = -np.linalg.solve(A, r[..., None])[..., 0]
            length = np.linalg.norm(move, axis=1, keepdims=True)
            h = h + move * np.minimum(1.0, longest / np.maximum(length, 1e-300))
        h = h[np.isfinite(h).all(axis=1)]
        every.append(h[np.linalg.norm(step(h) - h, axis=1) < 1e-10])
    return distinct(np.concatenate(every))


def difference(step: Step, x: np.ndarray) -> np.ndarray:
    """Return Jacobians by central differences, ``(n, d, d)``."""
    d, eps = x.shape[1], 1e-6
    sides = [
        step((x[:, None] + sign * eps * np.eye(d)).reshape(-1, d)).reshape(len(x), d, d)
        for sign in (1.0, -1.0)
    ]
    return (sides[0] - sides[1]).transpose(0, 2, 1) / (2.0 * eps)


def distinct(points: np.ndarray, tolerance: float = 1e-6) -> np.ndarray:
    """Return points of which no two lie within the tolerance."""
    kept: list[np.ndarray] = []
    for x in points:
        if not kept or np.linalg.norm(np.array(kept) - x, axis=1).min() > tolerance:
            kept.append(x)
    return np.array(kept).reshape(-1, points.shape[1])


def single(array: Any) -> np.ndarray:
    """Return numbers as a Keras variable holds them, in double precision."""
    return np.asarray(array, np.float32).astype(np.float64)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 0.5 * (1.0 + np.tanh(0.5 * x))


def built(cell: Any, weights: list[np.ndarray]) -> Any:
    """Return a Keras cell of one input with these weights."""
    cell.build((None, 1))
    cell.set_weights(weights)
    return cell


def simple_rnn(recurrent: np.ndarray, bias: np.ndarray, activation: str = "tanh") -> Any:
    n = len(bias)
    cell = keras.layers.SimpleRNNCell(n, activation=activation)
    return built(cell, [np.zeros((1, n)), recurrent, bias])


# -- networks that fall apart into units ---------------------------------------------------


def bistable(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return gains, biases and points of units ``x = tanh(a x + b)`` with three roots each."""
    rng = np.random.default_rng(seed)
    a, b = single(rng.uniform(1.3, 2.0, n)), single(rng.uniform(-0.05, 0.05, n))
    units = [roots(lambda x, k=k: np.tanh(a[k] * x + b[k]) - x, 1.1) for k in range(n)]
    return a, b, combinations(units)


def tanh_units(n: int, seed: int) -> Known:
    a, b, truth = bistable(n, seed)
    return Known(simple_rnn(np.diag(a), b), n, lambda x: np.tanh(x * a + b), truth)


def mixed(name: str, matrix: np.ndarray, unit: Callable, unit_tf: Callable, points) -> Known:
    """Mix the coordinates of a network of units: ``x -> S f(S^-1 x)``."""
    back = np.linalg.inv(matrix)

    def rnn(h, u):
        S, B = tf.constant(matrix, h.dtype), tf.constant(back, h.dtype)
        return tf.matmul(unit_tf(tf.matmul(h, B, transpose_b=True)), S, transpose_b=True)

    rnn.__name__ = name
    n = len(matrix)
    return Known(
        rnn,
        n,
        lambda x: unit(x @ back.T) @ matrix.T,
        points @ matrix.T,
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

    return mixed("rotated", matrix(n, seed), lambda z: np.tanh(z * a + b), in_tf, points)


def five_points(n: int, seed: int, matrix: Callable = rotation) -> Known:
    """Units of two thresholds, with five roots each, their coordinates mixed."""
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
    return mixed("five_points", matrix(n, seed), unit, in_tf, points)


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
    return Known(cell, n, step, combinations([roots(scalar(k), 1.1) for k in range(n)]))


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
    return Known(cell, 2 * n, step, np.concatenate([h, c], axis=1))


def driven(n: int, n_driven: int, seed: int) -> Known:
    """Bistable units that drive contracting ones, as one tanh layer, coordinates rotated.

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
    unit = _tanh_step(weights, bias)
    return mixed("driven", rotation(n + n_driven, seed), unit, in_tf, every)


# -- networks whose points lie in a space of few dimensions --------------------------------


def hopfield(n_units: int, n_patterns: int, gain: float = 1.15) -> Known:
    """Orthogonal patterns of which every combination of signs occurs equally often.

    Just above the bifurcation the points are the equal mixtures of any patterns with any
    signs: ``3 ** n_patterns`` of them (Amit, Gutfreund & Sompolinsky 1985).
    """
    signs = combinations([np.array([-1.0, 1.0])] * n_patterns)
    patterns = np.tile(signs, (n_units // len(signs), 1))
    weights = single(gain / n_units * patterns @ patterns.T)
    recurrent = weights  # symmetric
    points = []
    for choice in itertools.product((-1.0, 0.0, 1.0), repeat=n_patterns):
        direction = patterns @ np.array(choice)
        used = np.flatnonzero(choice)
        if not len(used):
            points.append(np.zeros(n_units))
            continue
        along = patterns[:, used[0]] * choice[used[0]]

        def overlap(m, direction=direction, along=along):
            return np.mean(along * np.tanh(gain * np.multiply.outer(m, direction)), -1) - m

        m = roots(overlap, 1.1)[-1]
        points.append(np.tanh(gain * m * direction))
    step = _tanh_step(recurrent, np.zeros(n_units))
    truth = newton(step, np.array(points), n_iters=4)
    return Known(simple_rnn(recurrent, np.zeros(n_units)), n_units, step, truth)


def hopfield_strong(n_units: int, n_patterns: int, gain: float) -> Known:
    """The same far above the bifurcation, with unequal mixtures; searched in the overlaps."""
    signs = combinations([np.array([-1.0, 1.0])] * n_patterns)
    patterns = np.tile(signs, (n_units // len(signs), 1))
    recurrent, bias = single(gain / n_units * patterns @ patterns.T), np.zeros(n_units)
    back = gain / n_units * patterns
    m = np.random.default_rng(0).uniform(-1.2, 1.2, size=(6_000, n_patterns)) * gain
    of_m = newton(lambda m: np.tanh(m @ patterns.T) @ back, m)
    step = _tanh_step(recurrent, bias)
    jacobian = _tanh_jacobian(recurrent, bias)
    truth = newton(step, np.tanh(of_m @ patterns.T), n_iters=4, jacobian=jacobian)
    return Known(simple_rnn(recurrent, bias), n_units, step, truth)


def _tanh_step(recurrent: np.ndarray, bias: np.ndarray) -> Step:
    return lambda x: np.tanh(x @ recurrent + bias)


def _tanh_jacobian(recurrent: np.ndarray, bias: np.ndarray) -> Step:
    def jacobian(x):
        return (1.0 - np.tanh(x @ recurrent + bias) ** 2)[:, :, None] * recurrent.T

    return jacobian


def low_rank(n_units: int, rank: int, seed: int, gain: float = 8.0) -> Known:
    """Random coupled network of low rank, not symmetric: ``x = tanh(m n'x / n + b)``."""
    rng = np.random.default_rng(seed)
    m = rng.normal(size=(n_units, rank))
    n = gain * (m + 0.4 * rng.normal(size=m.shape)) / n_units
    bias = single(0.1 * rng.normal(size=n_units))
    recurrent = single(n @ m.T)  # what unit i sends to unit j
    # The single-precision weights are of full rank by their rounding alone.
    of_kappa = newton(
        lambda k: np.tanh(k @ m.T + bias) @ n, rng.uniform(-3.0, 3.0, size=(4_000, rank))
    )
    step = _tanh_step(recurrent, bias)
    truth = newton(step, np.tanh(of_kappa @ m.T + bias), n_iters=4)
    return Known(simple_rnn(recurrent, bias), n_units, step, truth)


# -- piecewise-linear networks, by every set of active units --------------------------------


def relu_network(weights: np.ndarray, bias: np.ndarray) -> Known:
    weights, bias = single(weights), single(bias)
    truth = enumerate_points(weights, bias, "outside", 1.0)
    return Known(
        simple_rnn(weights, bias, "relu"),
        len(bias),
        lambda x: np.maximum(x @ weights + bias, 0.0),
        truth.xstar,
        size=2.0,
    )


def relu_units(n: int, seed: int) -> Known:
    """Independent units ``relu(a x - b)``, each with the points 0 and ``b / (a - 1)``."""
    rng = np.random.default_rng(seed)
    a, b = rng.uniform(1.4, 1.8, n), rng.uniform(0.4, 0.8, n)
    return relu_network(np.diag(a), -b)


def relu_winners(n: int, seed: int) -> Known:
    """Each unit silences every other: a point for each set of active units but the empty."""
    rng = np.random.default_rng(seed)
    weights = -rng.uniform(1.2, 1.3, size=(n, n))
    np.fill_diagonal(weights, 0.0)
    return relu_network(weights, np.ones(n))


def relu_pairs(n: int, seed: int) -> Known:
    """Pairs of units that silence each other, weakly coupled."""
    rng = np.random.default_rng(seed)
    weights = 0.02 * rng.normal(size=(n, n))
    for k in range(0, n - 1, 2):
        weights[k, k + 1], weights[k + 1, k] = -rng.uniform(1.3, 2.0, size=2)
    return relu_network(weights, rng.uniform(0.8, 1.2, size=n))


# -- coupled networks whose truth is a union of long searches -------------------------------


def _long_search(step: Step, jacobian: Step, n: int, seed: int, n_starts: int) -> np.ndarray:
    """Newton's method from states of all sizes and from their images, and mirror images."""
    rng = np.random.default_rng(seed + 300)
    size = np.exp(rng.uniform(np.log(0.03), np.log(3.0 * np.sqrt(n)), size=(n_starts, 1)))
    x = size * rng.normal(size=(n_starts, n))
    x[::2] = step(x[::2])
    x[1::2] *= 1.0 / np.sqrt(n)
    points = newton(step, x, jacobian=jacobian)
    mirrored = newton(step, -points, n_iters=6)
    return distinct(np.concatenate([points, mirrored]))


def symmetric_tanh(n: int, seed: int, gain: float = 2.5, n_starts: int = 8_000) -> Known:
    a = np.random.default_rng(seed).normal(size=(n, n))
    recurrent, bias = single(gain * (a + a.T) / np.sqrt(2.0 * n)), np.zeros(n)
    step = _tanh_step(recurrent, bias)
    truth = _long_search(step, _tanh_jacobian(recurrent, bias), n, seed, n_starts)
    return Known(simple_rnn(recurrent, bias), n, step, truth, complete=False)


def random_tanh(n: int, seed: int, gain: float = 8.0, n_starts: int = 8_000) -> Known:
    """Gaussian weights without any symmetry, and biases."""
    rng = np.random.default_rng(seed)
    recurrent = single(gain / np.sqrt(n) * rng.normal(size=(n, n)))
    bias = single(0.1 * rng.normal(size=n))
    step = _tanh_step(recurrent, bias)
    truth = _long_search(step, _tanh_jacobian(recurrent, bias), n, seed, n_starts)
    return Known(simple_rnn(recurrent, bias), n, step, truth, complete=False)


def random_gru(n: int, seed: int, gain: float, n_starts: int = 1_500) -> Known:
    """Gaussian weights and biases."""
    rng = np.random.default_rng(seed)
    recurrent = single(gain / np.sqrt(n) * rng.normal(size=(n, 3 * n)))
    bias = single(0.3 * rng.normal(size=(2, 3 * n)))
    wz, wr, wh = np.split(recurrent, 3, axis=1)
    bz, br, bh = np.split(bias[0], 3)
    cz, cr, ch = np.split(bias[1], 3)

    def step(h):
        z, r = sigmoid(h @ wz + bz + cz), sigmoid(h @ wr + br + cr)
        return z * h + (1.0 - z) * np.tanh(bh + r * (h @ wh + ch))

    # At a fixed point h is the candidate itself, whatever the update gate.
    def candidate(h):
        return np.tanh(bh + sigmoid(h @ wr + br + cr) * (h @ wh + ch))

    def jacobian(h):
        r, p = sigmoid(h @ wr + br + cr), h @ wh + ch
        by_c = 1.0 - np.tanh(bh + r * p) ** 2
        by_r = by_c * p * r * (1.0 - r)
        return by_r[:, :, None] * wr.T + (by_c * r)[:, :, None] * wh.T

    x = np.random.default_rng(seed + 1).uniform(-1.0, 1.0, size=(n_starts, n))
    x *= np.linspace(0.02, 1.0, n_starts)[:, None]
    truth = newton(candidate, x, 60, longest=0.7, jacobian=jacobian)
    cell = built(keras.layers.GRUCell(n), [np.zeros((1, 3 * n)), recurrent, bias])
    return Known(cell, n, step, truth, complete=False)


def random_of_benchmark() -> Known:
    """RANDOM of ``networks.py``: tanh, 150 units, gain 1.5; its truth is not known."""
    network = make_random()
    _, recurrent, bias = (single(w) for w in network.weights)
    step, n = _tanh_step(recurrent, bias), len(bias)
    return Known(simple_rnn(recurrent, bias), n, step, np.zeros((1, n)), complete=False)


#: By name: from a shift of the seed to the network.
MAKERS: dict[str, Callable[[int], Known]] = {
    "hopfield-64-4": lambda k: hopfield(64, 4),
    "hopfield-64-5": lambda k: hopfield(64, 5),
    "tanh-units-5": lambda k: tanh_units(5, 0 + k),
    "tanh-units-6": lambda k: tanh_units(6, 1 + k),
    "tanh-rotated-5": lambda k: rotated_tanh(5, 2 + k),
    "tanh-sheared-6": lambda k: rotated_tanh(6, 3 + k, shear),
    "gru-units-5": lambda k: gru_units(5, 4 + k),
    "lstm-units-5": lambda k: lstm_units(5, 5 + k),
    "five-points-3": lambda k: five_points(3, 6 + k),
    "five-points-4": lambda k: five_points(4, 7 + k),
    "five-sheared-3": lambda k: five_points(3, 8 + k, shear),
    "relu-units-8": lambda k: relu_units(8, 9 + k),
    "relu-winners-8": lambda k: relu_winners(8, 10 + k),
    "relu-pairs-10": lambda k: relu_pairs(10, 11 + k),
    "driven-4-60": lambda k: driven(4, 60, 21 + k),
    "driven-5-20": lambda k: driven(5, 20, 22 + k),
    "hopfield-32-4-2": lambda k: hopfield_strong(32, 4, 2.0),
    "gru-random-40": lambda k: random_gru(40, 23 + k, 6.0),
    "gru-random-20": lambda k: random_gru(20, 24 + k, 6.0),
    "low-rank-2": lambda k: low_rank(64, 2, 12 + k),
    "low-rank-3": lambda k: low_rank(64, 3, 13 + k),
    "symmetric-16": lambda k: symmetric_tanh(16, 0 + k),
    "symmetric-16b": lambda k: symmetric_tanh(16, 2 + k, 4.0),
    "random-10": lambda k: random_tanh(10, 2 + k),
    "RANDOM": lambda k: random_of_benchmark(),
}
