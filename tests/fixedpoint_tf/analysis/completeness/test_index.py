"""The indices of all fixed points add up to one, and a sum of another value shows a gap."""

import dataclasses

import keras
import numpy as np
import pytest

from fixedpoint_tf import FixedPointFinder
from fixedpoint_tf.analysis.completeness.index import IndexStatus, sum_index


def tanh_units(n, activation="tanh", gain=2.0, bias=0.0):
    cell = keras.layers.SimpleRNNCell(n, activation=activation)
    cell.build((None, 1))
    cell.set_weights([np.ones((1, n)), gain * np.eye(n), np.full(n, bias)])
    return cell


def search(cell, inputs=((0.0,),)):
    finder = FixedPointFinder(cell, verbose=False)
    n_states = finder.system.n_states
    starts = np.random.default_rng(0).normal(size=(64 * len(inputs), n_states))
    u = np.repeat(np.array(inputs), 64, axis=0)
    return finder.find_fixed_points(starts, u)[0], finder.system


def without(points, k):
    """The set of a search that missed a point."""
    kept = np.arange(points.n) != k
    return dataclasses.replace(points[kept], start_counts=points.start_counts)


def test_all_points_of_a_bounded_network_add_up_to_one():
    points, system = search(tanh_units(2), [(0.0,), (2.0,)])
    found = sum_index(system, points)
    assert found.n_points.tolist() == [9, 1]
    assert found.total.tolist() == [1, 1]
    assert set(found.status) == {IndexStatus.PLUS_ONE}


def test_one_missing_point_is_always_seen():
    points, system = search(tanh_units(2))
    for k in range(points.n):
        found = sum_index(system, without(points, k))
        assert found.status == (IndexStatus.MISSING,)


def test_an_input_under_which_nothing_was_found_is_one_where_points_are_missing():
    points, system = search(tanh_units(2), [(0.0,), (1.0,)])
    some = dataclasses.replace(
        points[points.inputs[:, 0] == 0.0], start_counts=points.start_counts, index=points.index
    )
    found = sum_index(system, some, inputs=np.array([[0.0], [1.0]]))
    assert found.status == (IndexStatus.PLUS_ONE, IndexStatus.MISSING)


def test_without_a_theorem_nothing_is_said():
    # relu(1.5 h - 0.5) has exactly the points 0 and 1, whose indices add up to zero.
    points, system = search(tanh_units(1, "relu", 1.5, -0.5))
    assert sorted(points.fixed.xstar.round(9).ravel().tolist()) == [0.0, 1.0]
    found = sum_index(system, points)
    assert (found.total.tolist(), found.status) == ([0], (IndexStatus.NO_THEOREM,))


def test_a_point_too_near_a_bifurcation_leaves_it_open():
    points, system = search(tanh_units(1))
    near = dataclasses.replace(points, smallest_singular_value=np.full(3, 1e-9))
    assert sum_index(system, near).status == (IndexStatus.UNDETERMINED,)


@pytest.mark.parametrize(
    ("cell", "is_self_map"),
    [
        (keras.layers.GRUCell(2), True),
        (keras.layers.GRUCell(2, activation="relu"), False),
        (keras.layers.LSTMCell(2), True),
        (keras.layers.LSTMCell(2, activation="relu"), False),
        (keras.layers.StackedRNNCells([keras.layers.GRUCell(2) for _ in range(2)]), True),
    ],
)
def test_the_theorem_is_claimed_where_the_box_is_kept(cell, is_self_map):
    cell.build((None, 1))
    assert FixedPointFinder(cell).system.equations.is_self_map == is_self_map


def test_a_choice_of_points_is_refused():
    points, system = search(tanh_units(1))
    with pytest.raises(ValueError, match="points: expected the whole first result"):
        sum_index(system, points.fixed)


def test_inputs_are_rows_of_the_width_of_the_network():
    points, system = search(tanh_units(1))
    with pytest.raises(ValueError, match=r"inputs: expected shape \(n, n_inputs\) = \(n, 1\)"):
        sum_index(system, points, inputs=[[0.0, 0.0]])
    alone = FixedPointFinder(lambda h, u: 0.5 * h, n_states=1, n_inputs=0, verbose=False)
    points, _ = alone.find_fixed_points([[1.0], [0.5]])
    assert sum_index(alone.system, points, inputs=np.zeros((1, 0))).n_points.tolist() == [1]


def test_points_and_inputs_are_of_the_network_and_its_search():
    points, system = search(tanh_units(2))
    with pytest.raises(ValueError, match="2 states, received|1 states, received"):
        sum_index(search(tanh_units(1))[1], points)
    with pytest.raises(ValueError, match="points: expected fixed points of"):
        sum_index(search(tanh_units(2, gain=3.0))[1], points)
    for other in (5.0, np.nan):
        with pytest.raises(ValueError, match="inputs: expected"):
            sum_index(system, points, inputs=[[other]])


def test_sums_are_drawn_on_whole_numbers():
    points, _ = search(tanh_units(2), [(0.0,), (2.0,)])
    fig, ax = points.index.plot()
    fig.canvas.draw()
    ticks = ax.get_yticks()
    assert (ticks == np.round(ticks)).all() and len(ticks) >= 3
