"""Places where many branches meet: all points given keep a branch that passes through them."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from fixedpoint_tf import FixedPoints, as_system
from fixedpoint_tf.analysis import continue_branches, switch_branch

pytestmark = pytest.mark.slow

MEETING = "border branch point"


def relu_units(w):
    w = np.asarray(w)
    return as_system(
        lambda x, u: tf.nn.relu(x @ tf.constant(w.T, x.dtype) + u),
        n_states=len(w), n_inputs=1,
    )  # fmt: skip


def tanh_units(w):
    w = np.asarray(w)
    return as_system(
        lambda x, u: tf.tanh(u * (x @ tf.constant(w.T, x.dtype))), n_states=len(w), n_inputs=1
    )


def of_relu_units(w, u):
    """All fixed points of h = relu(W h + u), a set of active units at a time."""
    n, found = len(w), []
    u = np.broadcast_to(u, n)
    for active in itertools.product([False, True], repeat=n):
        on = np.flatnonzero(active)
        h = np.zeros(n)
        h[on] = np.linalg.solve(np.eye(len(on)) - w[np.ix_(on, on)], u[on])
        if np.allclose(np.maximum(w @ h + u, 0.0), h, rtol=0.0, atol=1e-12):
            found.append(h)
    return np.array(found)


def winner_take_all(n, excitation=0.5):
    return (excitation + 1.0) * np.eye(n) - 1.0


def check_passed(branches, points, s):
    """Each point lies on its branch: at a row, or between two."""
    assert (branches.branch_of_point >= 0).all()
    for x, place, number in zip(points, s, branches.branch_of_point, strict=True):
        rows = branches.rows(int(number))
        off = np.abs(branches.xstar[rows] - x).max(axis=1) + np.abs(branches.s[rows] - place)
        if off.min() > 1e-9:  # passed between two rows
            near = np.abs(crossings_of(branches, int(number), place) - x).max(axis=1)
            assert near.min() < 1e-2


def crossings_of(branches, number, s):
    rows = branches.rows(number)
    place, x = branches.s[rows], branches.xstar[rows]
    found = [np.full((1, x.shape[1]), np.inf)]
    for i in np.flatnonzero((place[:-1] - s) * (place[1:] - s) <= 0):
        gap = place[i + 1] - place[i]
        share = (s - place[i]) / gap if gap else 0.0
        found.append((x[i] + share * (x[i + 1] - x[i]))[None])
    return np.concatenate(found)


def same_points(one, other, tol):
    """Two sets of points hold the same, each once."""
    assert len(one) == len(other)
    apart = np.abs(one[:, None] - other[None]).max(axis=2)
    assert (apart.min(axis=1) < tol).all() and (apart.min(axis=0) < tol).all()


# ---- units that all reach their thresholds at one input ----


@pytest.mark.parametrize("path", ([[-1.0], [1.0]], [[1.0], [-1.0]], [[-0.5], [0.9]]))
def test_all_states_of_a_symmetric_competition_have_a_branch(path):
    """At u = 0 the 2^n - 1 sets of winners and the silent state are one point."""
    w = winner_take_all(3)
    points = of_relu_units(w, 0.5)
    assert len(points) == 7
    place = (0.5 - path[0][0]) / (path[1][0] - path[0][0])
    branches = continue_branches(relu_units(w), points, path, start=place)
    assert branches.n == 7 and sorted(branches.branch_of_point) == list(range(7))
    check_passed(branches, points, np.full(7, place))
    assert set(branches.bifurcation_types) == {MEETING} and len(branches.bifurcations) == 7
    assert branches.bifurcation_inputs == pytest.approx(0.0, abs=1e-10)
    assert branches.bifurcation_states == pytest.approx(0.0, abs=1e-10)
    for s in (0.137, 0.613, 0.871):
        u = path[0][0] + s * (path[1][0] - path[0][0])
        same_points(branches.crossings(s), of_relu_units(w, u), 1e-9)
    # The way on that is straighter than all others is taken; the other six branches end.
    whole = [ends for ends in branches.ends if ends == ("end of path", "end of path")]
    assert len(whole) == 1 and sum(MEETING in ends for ends in branches.ends) == 6
    assert sum(point.change.endswith("branch ends") for point in branches.bifurcations) == 6


def test_points_at_several_inputs_have_one_branch_each_once():
    w = winner_take_all(3)
    inputs = np.repeat([-1.0, 0.0274, 1.0], [1, 7, 7])
    x = np.concatenate([of_relu_units(w, u) for u in (-1.0, 0.0274, 1.0)])
    given = FixedPoints(xstar=x, inputs=inputs[:, None], eigval_J_xstar=np.zeros((15, 3)))
    for order in (np.arange(15), np.arange(15)[::-1], np.random.default_rng(0).permutation(15)):
        branches = continue_branches(relu_units(w), given[order], [[-1.0], [1.0]])
        assert branches.n == 7
        check_passed(branches, x[order], (inputs[order] + 1.0) / 2.0)
        for s in (0.21, 0.507, 0.73):
            same_points(branches.crossings(s), of_relu_units(w, 2.0 * s - 1.0), 1e-9)


def test_the_silent_state_alone_says_that_others_begin():
    w = winner_take_all(3)
    units = relu_units(w)
    branches = continue_branches(units, np.zeros((1, 3)), [[-1.0], [1.0]])
    (point,) = branches.bifurcations
    assert point.bifurcation_type == MEETING and point.change == "stable -> unstable"
    assert branches.ends == (("end of path", "end of path"),)
    others = switch_branch(units, branches, [[-1.0], [1.0]], 0)
    both = np.concatenate([branches.crossings(0.8), others.crossings(0.8)])
    same_points(both, of_relu_units(w, 0.6), 1e-9)


def test_an_end_at_a_meeting_leads_to_all_others():
    w = winner_take_all(3)
    units = relu_units(w)
    branches = continue_branches(units, [[0.0, 0.0, 1.0]], [[-1.0], [1.0]], start=0.75)
    assert branches.ends == ((MEETING, "end of path"),)
    (point,) = branches.bifurcations
    assert point.after == 0 and point.change == "stable branch ends"
    others = switch_branch(units, branches, [[-1.0], [1.0]], 0)
    both = np.concatenate([branches.crossings(0.8), others.crossings(0.8)])
    same_points(both, of_relu_units(w, 0.6), 1e-9)
    same_points(others.crossings(0.2), np.zeros((1, 3)), 1e-12)


def test_a_start_where_seven_branches_meet_follows_all():
    w = winner_take_all(3)
    for path, n_below in (([[-1.0], [1.0]], 1), ([[0.0], [1.0]], 0)):
        start = 0.5 if n_below else 0.0
        branches = continue_branches(relu_units(w), np.zeros((1, 3)), path, start=start)
        s = start + 0.3 * (1.0 - start)
        u = path[0][0] + s * (path[1][0] - path[0][0])
        # Of the branches that begin at the point the one that it lies on is returned first.
        same_points(branches.crossings(s), of_relu_units(w, u), 1e-9)
        assert branches.branch_of_point.tolist() == [0]


@pytest.mark.parametrize("w", (winner_take_all(2), winner_take_all(4), winner_take_all(3, 0.8)))
def test_other_competitions(w):
    points = of_relu_units(w, 0.4)
    branches = continue_branches(relu_units(w), points, [[-1.0], [1.0]], start=0.7)
    check_passed(branches, points, np.full(len(points), 0.7))
    same_points(branches.crossings(0.83), of_relu_units(w, 0.66), 1e-9)
    same_points(branches.crossings(0.3), of_relu_units(w, -0.4), 1e-9)
    assert set(branches.bifurcation_types) == {MEETING}


@pytest.mark.parametrize("seed", (2, 11, 25, 28, 41))
def test_random_networks_without_bias(seed):
    """At u = 0 all units are at their thresholds, and two pairs of branches meet."""
    generator = np.random.default_rng(seed)
    w, v = 1.2 * generator.normal(size=(4, 4)), generator.normal(size=4)
    sides = [of_relu_units(w, u * v).reshape(-1, 4) for u in (-0.4, 0.4)]
    x, inputs = np.concatenate(sides), np.repeat([-0.4, 0.4], [len(one) for one in sides])
    assert len(x) == 4
    along = [-v, v]  # of a network whose units have an input each
    given = FixedPoints(xstar=x, inputs=np.outer(inputs, v), eigval_J_xstar=np.zeros((4, 4)))
    network = as_system(
        lambda h, u: tf.nn.relu(h @ tf.constant(w.T, h.dtype) + u), n_states=4, n_inputs=4
    )
    branches = continue_branches(network, given, along)
    check_passed(branches, x, (inputs + 1.0) / 2.0)
    assert set(branches.bifurcation_types) == {MEETING}
    for s in (0.1, 0.37, 0.66, 0.9):
        truth = of_relu_units(w, (2.0 * s - 1.0) * v).reshape(-1, 4)
        passed = branches.crossings(s)
        assert len(passed) == len(truth)
        if len(truth):
            same_points(passed, truth, 1e-8 * (1.0 + np.abs(truth).max()))


# ---- smooth units with the symmetry of a polygon ----


def of_tanh_units(w, u):
    """Fixed points of h = tanh(u W h) that Newton's method finds from many states."""
    found = [np.zeros(len(w))]
    for h in np.random.default_rng(0).normal(size=(300, len(w))):
        for _ in range(100):
            image = np.tanh(u * w @ h)
            slopes = (1.0 - image**2)[:, None] * u * w - np.eye(len(w))
            h = h - np.linalg.lstsq(slopes, image - h, rcond=None)[0]
        new = all(np.abs(h - other).max() > 1e-6 for other in found)
        if new and np.abs(np.tanh(u * w @ h) - h).max() < 1e-12:
            found.append(h)
    return np.array(found)


RING = np.cos(np.pi / 2.0 * np.subtract.outer(np.arange(4), np.arange(4))) / 2.0


@pytest.mark.parametrize(
    ("w", "number"),
    ((np.eye(3) - 1.0 / 3.0, 13), (RING, 9), (np.eye(2), 9), (np.eye(3), 27)),
    ids=("triangle", "square", "two alone", "three alone"),
)
def test_all_arms_of_a_pitchfork_with_symmetry(w, number):
    """At u = 1 a double or triple eigenvalue passes 1, and all arms leave the origin."""
    points = of_tanh_units(w, 1.5)
    assert len(points) == number
    branches = continue_branches(tanh_units(w), points, [[0.5], [1.5]], start=1.0)
    check_passed(branches, points, np.ones(number))
    assert branches.n == (number + 1) // 2  # each arm and the one that mirrors it, the stem
    same_points(branches.crossings(0.9), of_tanh_units(w, 1.4), 1e-2)
    same_points(branches.crossings(0.2), np.zeros((1, len(w))), 1e-9)
    assert branches.bifurcation_s == pytest.approx(0.5, abs=1e-9)
    crossed = np.array([kind == "branch point" for kind in branches.bifurcation_types])
    assert crossed.sum() == number // 2
    assert branches.bifurcation_states[crossed] == pytest.approx(0.0, abs=1e-8)
