"""The generator's cell in a search: in closed form, with its index and proofs."""

import numpy as np
import pytest
import tensorflow as tf

from fixedpoint_tf import FixedPointFinder, as_system
from lfads_tf.layers.cells import ClippedGRU, ClippedGRUCell


def driven(units, seed, clip=5.0, gain=4.0):
    """Return a cell of random weights."""
    rng = np.random.default_rng(seed)
    cell = ClippedGRUCell(units, clip)
    cell.build((None, 2))
    kernel = gain * rng.normal(size=(units, 3 * units)) / np.sqrt(units)
    cell.recurrent_kernel.assign(kernel.astype(np.float32))
    return cell


def test_its_derivatives_are_those_of_the_step_clipped_or_not():
    system = as_system(driven(4, 0))
    assert isinstance(system.equations, ClippedGRU)
    rng = np.random.default_rng(1)
    x, u = (tf.constant(6.0 * rng.normal(size=(64, n))) for n in (4, 2))
    w = system.weights("float64")
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([x, u])
        y = system.equations.step(w, x, u)
    n_clipped = int((np.abs(y) == 5.0).sum())
    assert 0 < n_clipped < y.numpy().size
    for of, to in ((system.equations.jacobian, x), (system.equations.input_jacobian, u)):
        np.testing.assert_allclose(of(w, x, u), tape.batch_jacobian(y, to), atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_all_points_of_a_small_generator_are_proved_to_be_all(seed):
    finder = FixedPointFinder(driven(2, seed, gain=8.0), verbose=False)
    x = np.random.default_rng(0).normal(size=(128, 2))
    unique, _ = finder.find_fixed_points(x, np.zeros((1, 2)))
    assert unique.index.total.tolist() == [1.0]
    proof = finder.prove_complete(unique.fixed)
    assert proof.codes == ("complete",)
    assert len(proof.xstar) == unique.fixed.n and not len(proof.not_enclosed)


def test_one_clipped_below_the_candidate_rests_where_it_is_clipped():
    # h' = clip(z h + (1 - z) tanh(8 h), -0.5, 0.5) holds 0.5, which is no tanh(8 * 0.5)
    cell = ClippedGRUCell(1, clip=0.5)
    cell.build((None, 1))
    cell.recurrent_kernel.assign([[0.0, 0.0, 16.0]])  # through a reset gate of one half
    cell.bias.assign(np.zeros(3))
    finder = FixedPointFinder(cell, verbose=False)
    assert not isinstance(finder.system.equations, ClippedGRU)
    unique, _ = finder.find_fixed_points(np.linspace(-0.5, 0.5, 21)[:, None], np.zeros((1, 1)))
    np.testing.assert_allclose(np.sort(unique.fixed.xstar[:, 0]), [-0.5, 0.0, 0.5], atol=1e-6)
