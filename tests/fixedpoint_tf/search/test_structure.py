"""Known points lead to others by the structure that the weights of a network show."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.linalg import block_diag

from fixedpoint_tf import FixedPointFinder, SearchEnd

LITTLE = {"verbose": False, "effort": 0.01, "max_seconds": 60.0}


def simple_rnn(recurrent, bias, activation="tanh", from_input=None):
    n = len(bias)
    cell = keras.layers.SimpleRNNCell(n, activation=activation)
    cell.build((None, 1))
    from_input = np.zeros((1, n)) if from_input is None else from_input
    cell.set_weights([from_input, recurrent, bias])
    return cell


def gated(kind, blocks, seed, gain=6.0):
    """A gated cell of blocks that do not feed each other, its units shuffled."""
    rng = np.random.default_rng(seed)
    n, n_gates = sum(blocks), 3 if kind == "GRU" else 4
    order = rng.permutation(n)
    gates = [
        block_diag(*(gain / np.sqrt(k) * rng.normal(size=(k, k)) for k in blocks))[
            np.ix_(order, order)
        ]
        for _ in range(n_gates)
    ]
    cell = getattr(keras.layers, f"{kind}Cell")(n)
    cell.build((None, 1))
    shape = [w.shape for w in cell.get_weights()]
    cell.set_weights(
        [np.zeros(shape[0]), np.concatenate(gates, axis=1), 0.3 * rng.normal(size=shape[2])]
    )
    place = np.argsort(order)
    stops = np.cumsum(blocks)
    return cell, [place[stop - k : stop] for stop, k in zip(stops, blocks, strict=True)]


def search(cell, n, seed=0, n_starts=4, u=0.0, **options):
    starts = np.random.default_rng(seed).normal(size=(n_starts, n))
    finder = FixedPointFinder(cell, **(LITTLE | options))
    points = finder.find_fixed_points(starts, [[u]])[0]
    return finder, points.fixed, points.search_end


def contains(points, others, within=1e-7):
    distance = np.linalg.norm(points[:, None] - np.atleast_2d(others), axis=2)
    return distance.min(axis=0) < within


def distinct(points):
    return np.unique(points.round(6), axis=0)


def combined(points, blocks):
    """Every combination of what the points have in each block."""
    parts = [distinct(points[:, block]) for block in blocks]
    n, every = points.shape[1], []
    for choice in itertools.product(*parts):
        x = np.empty(n)
        for block, part in zip(blocks, choice, strict=True):
            x[block] = part
        every.append(x)
    return np.array(every)


def tanh_blocks(sizes, seed, gain=6.0):
    rng = np.random.default_rng(seed)
    recurrent = block_diag(*(gain / np.sqrt(k) * rng.normal(size=(k, k)) for k in sizes))
    n = len(recurrent)
    order = rng.permutation(n)
    place, stops = np.argsort(order), np.cumsum(sizes)
    blocks = [place[stop - k : stop] for stop, k in zip(stops, sizes, strict=True)]
    return recurrent[np.ix_(order, order)], 0.2 * rng.normal(size=n), blocks


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_points_of_independent_blocks_are_combined(seed):
    recurrent, bias, blocks = tanh_blocks([8, 8], seed)
    _, points, _ = search(simple_rnn(recurrent, bias), 16, seed)
    every = combined(points.xstar, blocks)
    assert points.n == len(every) > 3
    assert contains(points.xstar, every, 1e-5).all()


@pytest.mark.parametrize("kind, n_each", [("GRU", 1), ("LSTM", 2)])
def test_points_of_independent_blocks_of_gated_units_are_combined(kind, n_each):
    cell, blocks = gated(kind, [1, 6, 6], 1)
    _, points, _ = search(cell, 13 * n_each, 0, n_starts=6)
    of_states = [np.concatenate([b + 13 * k for k in range(n_each)]) for b in blocks]
    every = combined(points.xstar, of_states)
    assert points.n == len(every) > 3
    assert contains(points.xstar, every, 1e-5).all()


def test_blocks_may_be_fed_an_input():
    rng = np.random.default_rng(0)
    recurrent, bias, blocks = tanh_blocks([6, 6], 5)
    cell = simple_rnn(recurrent, bias, from_input=rng.normal(size=(1, 12)))
    starts = rng.normal(size=(6, 12))
    inputs = np.array([[0.1], [0.1], [0.1], [-0.05], [-0.05], [-0.05]])
    points = FixedPointFinder(cell, **LITTLE).find_fixed_points(starts, inputs)[0].fixed
    assert len(np.unique(points.inputs)) == 2
    for u in np.unique(points.inputs):
        mine = points.xstar[points.inputs[:, 0] == u]
        every = combined(mine, blocks)
        assert len(mine) == len(every) > 1
        assert contains(mine, every, 1e-5).all()


def test_blocks_of_a_stack_pass_through_its_layers():
    rng = np.random.default_rng(1)
    layers = [keras.layers.SimpleRNNCell(6), keras.layers.SimpleRNNCell(6)]
    stack = keras.layers.StackedRNNCells(layers)
    stack.build((None, 1))
    halves = np.kron(np.eye(2), np.ones((3, 3)))
    for k, layer in enumerate(layers):
        kernel = np.zeros((1, 6)) if k == 0 else halves * rng.normal(size=(6, 6))
        recurrent = 3.5 * halves * rng.normal(size=(6, 6))
        layer.set_weights([kernel, recurrent, 0.2 * rng.normal(size=6)])
    _, points, _ = search(stack, 12)
    blocks = [np.array([0, 1, 2, 6, 7, 8]), np.array([3, 4, 5, 9, 10, 11])]
    every = combined(points.xstar, blocks)
    assert points.n == len(every) > 3
    assert contains(points.xstar, every, 1e-5).all()


def test_nearly_independent_blocks_are_combined_and_their_points_are_exact():
    recurrent, bias, blocks = tanh_blocks([8, 8], 4)
    coupled = recurrent.copy()
    coupled[np.ix_(blocks[0], blocks[1])] = 1e-9
    finder, points, _ = search(simple_rnn(coupled, bias), 16, 4)
    x = points.xstar
    assert contains(x, combined(x.round(5), blocks), 1e-4).all()
    assert np.abs(finder.system.step(x, [[0.0]]).numpy() - x).max() < 1e-12


def test_a_fold_of_one_block_that_another_opens_is_no_point():
    # x = tanh(2 x + b) has three points below a bias of 0.533, and one above it. The weak
    # coupling lifts it over that where the other unit is up, and not where it is down.
    at = np.sqrt(0.5)
    fold = 2.0 * at - np.arctanh(at)
    recurrent = np.array([[2.0, 1e-5], [0.0, 2.0]])
    cell = simple_rnn(recurrent, np.array([0.0, fold]))
    _, points, _ = search(cell, 2, n_starts=32, effort=1.0)
    x = points.xstar
    # What the second unit has beside each of the three points of the first.
    n_beside = [int((np.abs(x[:, 0] - at) < 0.1).sum()) for at in (-0.957, 0.0, 0.957)]
    assert n_beside[0] == 3 and n_beside[2] == 1


def test_so_many_blocks_that_their_points_cannot_all_be_entered():
    n = 14
    cell = simple_rnn(2.0 * np.eye(n), np.linspace(-0.05, 0.05, n))
    finder = FixedPointFinder(cell, verbose=False, max_seconds=2.0)
    starts = np.random.default_rng(0).normal(size=(64, n))
    points = finder.find_fixed_points(starts, [[0.0]])[0]
    assert points.search_end in (SearchEnd.TOO_MANY, SearchEnd.TIME)
    assert SearchEnd(points.search_end).text in repr(points)


B = 6.0 / np.sqrt(6) * np.random.default_rng(0).normal(size=(6, 6))
SIGN = np.tile([1.0, -1.0, 1.0], 2)


def images(name, x):
    """The image of states under the symmetry of that network."""
    first, second = x[:, :6], x[:, 6:]
    if name == "exchange":
        return np.hstack([second, first])
    if name == "one block mirrored":
        return np.hstack([-first, second])
    return np.hstack([second * SIGN, first * SIGN])


@pytest.mark.parametrize("name", ["exchange", "one block mirrored", "exchange with signs"])
@pytest.mark.parametrize("seed", [0, 1])
def test_images_of_points_under_symmetries_of_the_weights_are_found(name, seed):
    bias = 0.3 * np.random.default_rng(seed + 5).normal(size=6)
    weak, zero = np.full((6, 6), 0.05), np.zeros((6, 6))
    if name == "exchange":
        recurrent, bias = np.block([[B, weak], [weak, B]]), np.tile(bias, 2)
    elif name == "one block mirrored":
        recurrent, bias = (
            np.block([[B, zero], [zero, B[::-1, ::-1]]]),
            np.append(0 * bias, bias),
        )
    else:
        turned = SIGN[:, None] * B * SIGN
        # With c -> S c: the weights between the two must commute with the exchange.
        recurrent = np.block([[B, weak * SIGN], [(weak * SIGN).T * 1.0, turned]])
        recurrent[6:, :6] = SIGN[:, None] * recurrent[:6, 6:] * SIGN
        bias = np.append(bias, SIGN * bias)
    _, points, _ = search(simple_rnn(recurrent, bias), 12, seed)
    assert points.n > 2
    assert contains(points.xstar, images(name, points.xstar)).all()


def test_of_a_ring_of_units_every_turn_is_found():
    n = 7
    recurrent = 1.9 * np.eye(n) + 0.3 * np.roll(np.eye(n), 1, 1)
    _, points, _ = search(simple_rnn(recurrent, np.full(n, 0.02)), n, n_starts=8)
    assert points.n > 3
    for k in range(1, n):
        assert contains(points.xstar, np.roll(points.xstar, k, axis=1)).all()


def test_of_relu_units_no_sign_is_changed_and_places_are():
    weights = -1.3 * (np.ones((6, 6)) - np.eye(6))
    _, points, _ = search(simple_rnn(weights, np.ones(6), "relu"), 6, n_starts=1)
    assert points.n >= 6
    assert (points.xstar >= 0.0).all()
    for order in itertools.permutations(range(6)):
        assert contains(points.xstar, points.xstar[:, order]).all()


def test_an_input_that_tells_units_apart_ends_their_symmetry():
    weak = np.full((6, 6), 0.05)
    from_input = np.append(np.ones(6), np.zeros(6))[None]
    cell = simple_rnn(np.block([[B, weak], [weak, B]]), np.zeros(12), from_input=from_input)
    finder, points, _ = search(cell, 12, u=0.3, effort=1.0)
    x = points.xstar
    assert np.abs(finder.system.step(x, [[0.3]]).numpy() - x).max() < 1e-12
    assert not contains(x, images("exchange", x)).all()


def test_of_a_turned_network_no_structure_is_claimed():
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(4, 4)))[0]
    gain = np.array([1.4, 1.5, 1.7, 1.9])

    def step(h, u):
        z = tf.matmul(h, tf.constant(turn, h.dtype))
        return tf.matmul(tf.tanh(z * gain.astype(h.dtype.as_numpy_dtype) + 0.02), turn.T)

    _, points, end = search(step, 4, n_starts=64, effort=1.0, n_states=4, n_inputs=1)
    assert points.n == 81
    assert end == SearchEnd.SETTLED


def test_the_starts_alone_are_searched_as_before():
    recurrent, bias, _ = tanh_blocks([8, 8], 3)
    _, points, end = search(simple_rnn(recurrent, bias), 16, effort=0.0)
    assert end == SearchEnd.STARTS_ALONE
    assert points.n < 20
