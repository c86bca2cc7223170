"""The result of a search says what the index of its points tells of those that are missing."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from fixedpoint_tf import FixedPointFinder, FixedPoints, SearchEnd
from fixedpoint_tf.analysis import Deflated, IndexStatus, IndexSum, SelfMap

QUIET = {"verbose": False}
RNG = np.random.default_rng(0)
STARTS = {n: RNG.normal(size=(64, n)) for n in (1, 2, 3, 4, 24)}


def tanh_units(n, activation="tanh", gain=2.0, bias=0.0):
    cell = keras.layers.SimpleRNNCell(n, activation=activation)
    cell.build((None, 1))
    cell.set_weights([np.ones((1, n)), gain * np.eye(n), np.full(n, bias)])
    return cell


def search(rnn, starts, inputs=None, **options):
    return FixedPointFinder(rnn, **QUIET, **options).find_fixed_points(starts, inputs)[0]


def only(points):
    """Status and ground of the one input of a search."""
    assert len(points.index.status) == 1
    return str(points.index.status[0]), points.index.self_map[0]


def test_each_input_has_its_own_index():
    inputs = np.repeat([[0.0], [2.0]], 32, axis=0)
    points = search(tanh_units(2), STARTS[2], inputs)
    assert points.index.inputs.tolist() == [[0.0], [2.0]]
    assert points.index.n_points.tolist() == [9, 1]
    assert points.index.total.tolist() == [1, 1]
    assert "indices add up to +1 under each input" in repr(points)


def test_a_search_that_missed_a_point_says_so_for_its_input():
    # One start, no further ones: under the first input it finds one of nine.
    cell, x = tanh_units(2), np.array([[0.02, 0.9], [0.9, 0.9]])
    points = search(cell, x, [[0.0], [2.0]], effort=0)
    missing = points.index.is_missing.tolist()
    assert points.index.n_points[0] < 9 and points.index.n_points[1] == 1
    assert missing == [points.index.total[0] != 1, False]
    saddle = search(cell, np.zeros((1, 2)) + [0.0, 0.9575], [[0.0]], effort=0)
    assert saddle.fixed.n == 1 and saddle.index.total.tolist() == [-1]
    assert (
        "indices add up to -1, not to +1 as for a complete set: some points are missing"
        in repr(saddle)
    )
    assert "search ended: only the given starts" in repr(saddle)


def test_a_choice_of_points_says_nothing(tmp_path):
    points = search(tanh_units(2), STARTS[2], [[0.0]])
    for some in (points[:], points.fixed, points.stable, points[0], points.get_unique()):
        assert some.index is None and "index" not in repr(some)
        assert "search ended" not in repr(some)


def test_a_saved_result_keeps_it_and_older_files_load(tmp_path):
    inputs = np.repeat([[0.0], [2.0]], 32, axis=0)
    points = search(tanh_units(2), STARTS[2], inputs)
    points.save(tmp_path / "points.h5")
    back = FixedPoints.load(tmp_path / "points.h5")
    assert back.index == points.index and repr(back) == repr(points)
    assert FixedPoints(**points.to_dict()).index == points.index
    points.index.save(tmp_path / "index.h5")
    assert IndexSum.load(tmp_path / "index.h5") == points.index
    older = dataclasses.replace(points, index=None)
    older.save(tmp_path / "older.h5")
    assert FixedPoints.load(tmp_path / "older.h5").index is None


def test_a_result_within_another_keeps_it(tmp_path):
    finder = FixedPointFinder(tanh_units(1), **QUIET)
    points, _ = finder.find_fixed_points(STARTS[1], [[0.0]])
    found = finder.search_deflated(points, n_inits=16)
    found = dataclasses.replace(found, points=points)
    found.save(tmp_path / "deflated.h5")
    assert Deflated.load(tmp_path / "deflated.h5").points.index == points.index


def test_results_under_other_inputs_are_joined_and_under_the_same_are_not():
    cell = tanh_units(2)
    first, second = (search(cell, STARTS[2], [[u]]) for u in (0.0, 2.0))
    both = FixedPoints.concatenate([first, second])
    assert both.index.total.tolist() == [1, 1] and both.index.n_points.tolist() == [9, 1]
    assert both.search_end == "settled"
    stopped = dataclasses.replace(second, search_end="time")
    assert FixedPoints.concatenate([first, stopped]).search_end == "time"
    assert FixedPoints.concatenate([first, first]).index is None
    assert FixedPoints.concatenate([first, first]).search_end is None
    assert FixedPoints.concatenate([first, second[:1]], common=True).index is None


def test_without_bounds_there_is_no_theorem_and_no_accusation():
    # relu(1.5 h - 0.5) has exactly the points 0 and 1, whose indices add up to zero.
    points = search(tanh_units(1, "relu", 1.5, -0.5), STARTS[1], [[0.0]])
    assert points.fixed.n == 2 and only(points) == ("no theorem", "unbounded")
    assert "no theorem on the sum of all indices (no bounds of its states are known)" in repr(
        points
    )
    assert "missing" not in repr(points)


@pytest.mark.parametrize("bounds", [(-1.0, 2.0), (0.0, 1.0), (-1.0, 1.0), (-3.0, 1.5)])
def test_bounds_that_states_leave_are_not_believed(bounds):
    # On [0, 1] it maps the box into itself, with a fixed point on the border.
    points = search(
        lambda h, u: tf.nn.relu(1.5 * h - 0.5), STARTS[1], n_states=1, n_inputs=0, bounds=bounds
    )
    assert points.fixed.n == 2 and only(points) == ("no theorem", "left")
    assert "missing" not in repr(points)


def test_bounds_are_believed_and_it_says_on_which_condition():
    points = search(
        lambda h, u: tf.tanh(2.0 * h), STARTS[2], n_states=2, n_inputs=0, bounds=(-1.0, 1.0)
    )
    assert points.fixed.n == 9 and only(points) == ("+1", "assumed")
    assert "if the network is continuous and stays within its bounds" in repr(points)


@pytest.mark.parametrize("n", [2, 24])
def test_a_corner_that_random_states_do_not_meet_is_tried(n):
    # The sum of all states leaves the box only near two of its corners.
    def step(h, u):
        h = tf.where(h < np.inf, h, 0.0)  # an operation that is not looked into
        total = tf.reduce_sum(h, axis=1, keepdims=True)
        return tf.concat([1.1 / n * total, 0.5 * h[:, 1:]], axis=1)

    points = search(step, STARTS[n], n_states=n, n_inputs=0, bounds=(-1.0, 1.0), effort=0)
    assert only(points)[1] == "left"


@pytest.mark.parametrize(
    ("flow", "bounds", "expected"),
    [
        (lambda h: tf.tanh(2.0 * h) - h, (-1.0, 1.0), ("+1", "assumed")),
        (lambda h: tf.tanh(2.0 * h) - h, None, ("+1", "linear")),
        (
            lambda h: tf.where(h < 9.0, tf.tanh(2.0 * h) - h, -h),
            None,
            ("no theorem", "unbounded"),
        ),
        (lambda h: h - tf.tanh(2.0 * h), (-1.0, 1.0), ("no theorem", "left")),
    ],
)
def test_in_continuous_time_the_flow_must_lead_into_the_box(flow, bounds, expected):
    points = search(
        lambda h, u: flow(h),
        STARTS[2],
        n_states=2,
        n_inputs=0,
        bounds=bounds,
        time="continuous",
    )
    assert points.fixed.n == 9 and only(points) == expected


def test_a_line_of_points_leaves_it_open():
    def step(h, u):
        return tf.concat([tf.clip_by_value(h[:, :1], -1.0, 1.0), 0.5 * h[:, 1:]], axis=1)

    points = search(step, STARTS[2], n_states=2, n_inputs=0, bounds=(-2.0, 2.0))
    assert only(points) == ("undetermined", "linear")
    assert points.index.n_undetermined[0] > 1
    assert "nearly degenerate" in repr(points) and "missing" not in repr(points)


def test_a_pitchfork_leaves_it_open():
    # At gain one the point at zero is degenerate in each direction.
    points = search(tanh_units(2, gain=1.0), STARTS[2], [[0.0]])
    assert only(points)[0] == "undetermined" and "missing" not in repr(points)
    assert "perhaps among" in repr(points)


@pytest.mark.parametrize("gain", [0.5, 2.0])
def test_in_single_precision_it_says_no_more_than_it_knows(gain):
    recurrent = tf.constant(gain * np.eye(2), tf.float32)
    points = search(
        lambda h, u: tf.tanh(tf.matmul(h, recurrent)),
        STARTS[2],
        n_states=2,
        n_inputs=0,
        bounds=(-1.0, 1.0),
    )
    true = 1 if gain < 1 else 9
    assert only(points)[0] == "+1" and points.fixed.n == true


def test_a_search_that_found_nothing_is_called_an_error_of_the_search():
    rng = np.random.default_rng(0)
    cell = keras.layers.GRUCell(24)  # driven so strongly that one start is not enough
    cell.build((None, 1))
    recurrent = 8.0 / np.sqrt(24) * rng.normal(size=(24, 72))
    cell.set_weights([np.zeros((1, 72)), recurrent, 0.3 * rng.normal(size=(2, 72))])
    points = search(cell, rng.normal(size=(1, 24)), [[0.0]], effort=0, max_iters=1)
    assert points.fixed.n == 0 and points.index.has_none.tolist() == [True]
    assert repr(points).startswith("no fixed points")
    words = "no fixed point found, though the network has at least one (Brouwer)"
    assert words in repr(points)


def test_single_inputs_without_a_point_are_named():
    index = IndexSum(
        inputs=np.zeros((3, 1)),
        total=np.array([1, 0, 0]),
        n_points=np.array([3, 0, 0]),
        n_undetermined=np.array([0, 0, 0]),
        self_map=["proved", "proved", "unbounded"],
    )
    assert [str(s) for s in index.status] == ["+1", "missing", "no theorem"]
    words = "; ".join(index.in_words())
    assert "no fixed point found under input 1, though the network has at least one" in words
    assert "indices add up to +1 under 1 of 3 inputs" in words
    assert "no theorem on the sum of all indices under input 2" in words


def test_many_inputs_are_counted():
    n = 40
    total = np.where(np.arange(n) < 10, 3, 1)
    index = IndexSum(np.zeros((n, 1)), total, total, np.zeros(n, int), ["proved"] * n)
    words = "; ".join(index.in_words())
    assert "indices add up to +1 under 30 of 40 inputs" in words
    assert (
        "indices add up to +3 under 10 of 40 inputs, not to +1 as for a complete set" in words
    )


def test_a_coarse_choice_of_the_result_changes_nothing_of_the_index():
    cell = tanh_units(2)
    every, coarse, few = (
        search(cell, STARTS[2], [[0.0]], **options)
        for options in ({}, {"tol_unique": 1.2}, {"max_n_unique": 2})
    )
    assert coarse.n < 9 and few.n == 2
    assert every.index == coarse.index == few.index


def test_without_jacobians_in_the_result_it_is_known_all_the_same():
    points = search(tanh_units(2), STARTS[2], [[0.0]], do_compute_jacobians=False)
    assert points.J_xstar is None and only(points) == ("+1", "proved")


def test_without_matrices_it_is_open():
    points = search(tanh_units(4), STARTS[4], [[0.0]], memory_limit=64.0)
    assert points.J_xstar is None and points.fixed.n > 0
    assert only(points) == ("undetermined", "proved")
    assert points.search_end == SearchEnd.MATRIX_FREE
    assert "exceeds memory_limit" in repr(points)


@pytest.mark.parametrize(
    "cell",
    [
        keras.layers.GRUCell(3),
        keras.layers.LSTMCell(2),
        keras.layers.StackedRNNCells([keras.layers.SimpleRNNCell(2), keras.layers.GRUCell(2)]),
    ],
)
def test_gated_cells_have_the_theorem(cell):
    cell.build((None, 1))
    rng = np.random.default_rng(0)
    cell.set_weights([0.7 * rng.normal(size=w.shape) for w in cell.get_weights()])
    n = FixedPointFinder(cell, **QUIET).system.n_states
    points = search(cell, np.random.default_rng(1).normal(size=(64, n)), [[0.0]])
    assert only(points) == ("+1", "proved")


def test_every_ground_and_status_has_a_sentence():
    for words in (SelfMap, IndexStatus):
        assert len({word.text for word in words}) == len(words)


def test_what_is_no_index_is_refused():
    with pytest.raises(TypeError, match="index: expected an IndexSum or None, received"):
        FixedPoints(xstar=[[0.0]], index=3)


def test_a_leaky_network_given_as_a_function_has_the_theorem():
    weights = np.random.default_rng(3).normal(0, 2.0, (4, 4))

    def velocity(h, u):
        W = tf.constant(weights, h.dtype)
        return -h + tf.tanh(h) @ W + u @ tf.ones([1, 4], h.dtype)

    def leap(h, u):
        return h + 0.1 * velocity(h, u)

    x = np.random.default_rng(0).normal(size=(256, 4))
    for step, time in ((velocity, "continuous"), (leap, "discrete")):
        finder = FixedPointFinder(step, n_states=4, n_inputs=1, time=time, verbose=False)
        points, _ = finder.find_fixed_points(x, [[0.0]])
        assert points.index.self_map.tolist() == ["linear"]
        assert points.index.status == ("+1",)
        assert finder.prove_complete(points, max_seconds=30).codes == ("complete",)


def test_the_linear_part_decides_the_sum():
    # x' = 2 x + tanh(x) / 2 has one fixed point, of index -1
    options = {"n_states": 1, "n_inputs": 0, "verbose": False}
    outwards = FixedPointFinder(lambda h, u: 2.0 * h + 0.5 * tf.tanh(h), **options)
    points, _ = outwards.find_fixed_points([[0.1], [-0.2]])
    assert points.fixed.n == 1
    assert points.index.status == ("no theorem",)


def test_points_beyond_the_bounds_are_none_that_are_missing():
    # x' = 1.5 tanh(2 x) rests at 0 and at 1.49 on both sides, which the bounds leave out
    options = {"n_states": 1, "n_inputs": 0, "verbose": False, "bounds": (-1.0, 1.0)}
    finder = FixedPointFinder(lambda h, u: 1.5 * tf.tanh(2.0 * h), **options)
    points, _ = finder.find_fixed_points(np.linspace(-1, 1, 9)[:, None])
    assert points.fixed.xstar.tolist() == [[0.0]]
    assert points.index.status == ("no theorem",)
