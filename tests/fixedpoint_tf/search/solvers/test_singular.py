"""A matrix that can't be inverted harms no other point of its batch, and no search."""

import numpy as np
import tensorflow as tf

from fixedpoint_tf import FixedPointFinder
from fixedpoint_tf.search.solvers.base import shifted, with_shifts


def solve(matrices, batch, shift):
    A = shifted(tf.constant(matrices[batch], tf.float32), tf.constant(shift, tf.float32))
    right = tf.ones((len(batch), matrices.shape[-1], 1))
    return [batch, tf.linalg.solve(A, right).numpy()[:, :, 0]]


def test_a_singular_matrix_of_any_size_is_shifted():
    one = np.ones((2, 2))
    matrices = np.stack([np.eye(2), one, 1e20 * one, -1e30 * one, np.zeros((2, 2))])

    def fallback(batch):
        raise AssertionError(batch)

    _, solved = with_shifts(
        lambda batch, shift: solve(matrices, batch, shift), fallback, np.arange(5)
    )
    np.testing.assert_allclose(solved[0], 1.0, rtol=1e-5)
    assert np.isfinite(solved).all()


def test_one_that_no_shift_makes_regular_is_left_alone():
    def run(batch, shift):
        if 3 in batch or 5 in batch:
            raise tf.errors.InvalidArgumentError(None, None, "Input matrix is not invertible.")
        return [batch, 2.0 * batch]

    numbers, doubled = with_shifts(run, lambda batch: [batch, np.full(1, np.inf)], np.arange(7))
    assert numbers.tolist() == list(range(7))
    assert doubled.tolist() == [0.0, 2.0, 4.0, np.inf, 8.0, np.inf, 12.0]


def test_an_unbounded_map_that_grows_fast_keeps_what_its_starts_found():
    # three quintics, each shifted by the others, rotated: 5 x 5 x 5 fixed points
    rotation = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]

    def quintic(s):
        return s * (s * s - 1.0) * (s * s - 4.0)

    def step(h, u):
        Q = tf.constant(rotation, h.dtype)
        x, y, z = tf.unstack(tf.matmul(h, Q), axis=1)
        off = [quintic(x), quintic(y - 0.3 * x * x), quintic(z - 0.5 * x * y)]
        return h - 0.02 * tf.matmul(tf.stack(off, 1), Q, transpose_b=True)

    roots = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
    x, b, c = (a.ravel() for a in np.meshgrid(roots, roots, roots, indexing="ij"))
    y = b + 0.3 * x * x
    truth = np.stack([x, y, c + 0.5 * x * y], axis=1) @ rotation.T
    starts = 1.5 * np.random.default_rng(0).normal(size=(512, 3))
    finder = FixedPointFinder(step, n_states=3, n_inputs=0, verbose=False)
    unique, _ = finder.find_fixed_points(starts)
    distance = np.linalg.norm(unique.fixed.xstar[:, None] - truth, axis=2)
    assert unique.fixed.n == 125
    assert distance.min(axis=1).max() < 1e-7
