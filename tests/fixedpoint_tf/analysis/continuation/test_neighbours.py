"""Branches that other branches pass near by: each is followed on its own, and given once."""

import numpy as np
import pytest
import tensorflow as tf

from fixedpoint_tf import FixedPoints, as_system
from fixedpoint_tf.analysis import continue_branches, switch_branch

FOLD, CROSSING = "border-collision fold", "border branch point"
WHOLE = ("end of path", "end of path")


def system(step, n_states=1):
    return as_system(step, n_states=n_states, n_inputs=1)


def zigzag(n, size):
    """x/2 + u + kinks that turn the slope of u = x/2 - g(x) from 1/2 to -0.7 and back."""
    at = np.linspace(-0.5, 0.5, n) * size
    turns = np.where(np.arange(n) % 2 == 0, 1.2, -1.2)

    def step(x, u):
        kinks = tf.constant(turns, x.dtype) * tf.nn.relu(x - tf.constant(at, x.dtype))
        return 0.5 * x + u + tf.reduce_sum(kinks, 1, keepdims=True)

    corners = np.array([-3.0, *at, 3.0])
    ramp = np.maximum(corners[:, None] - at, 0.0)
    return step, corners, 0.5 * corners - (turns * ramp).sum(axis=1)


def states_at(corners, inputs, u):
    """Where the broken line through corners has an input."""
    share = (u - inputs[:-1]) / np.diff(inputs)
    inside = (share > 0.0) & (share < 1.0)
    return (corners[:-1] + share * np.diff(corners))[inside]


@pytest.mark.parametrize(
    ("n", "size"),
    [
        (40, 1.0),
        (12, 1.0),
        *(pytest.param(12, size, marks=pytest.mark.slow) for size in (0.1, 1e-2, 1e-3)),
        (12, 1e-5),
    ],
)
def test_a_zigzag_of_any_size(n, size):
    step, corners, inputs = zigzag(n, size)
    ends = (-0.3, 0.3)
    places = np.unique([*ends, np.clip(np.median(inputs[1:-1]), *ends)])
    found = [(x, u) for u in places for x in states_at(corners, inputs, u)]
    x, u = np.array(found).T[:, :, None]
    branches = continue_branches(system(step), FixedPoints(xstar=x, inputs=u), ends)
    n_ends = sum(len(states_at(corners, inputs, u)) for u in ends)
    assert branches.n == n_ends // 2
    assert set(branches.ends) == {WHOLE} and (branches.branch_of_point >= 0).all()
    inner = inputs[1:-1]
    folds = np.sort(inner[(inner > ends[0]) & (inner < ends[1])])
    assert set(branches.bifurcation_types) <= {FOLD}
    assert np.sort(branches.bifurcation_inputs[:, 0]) == pytest.approx(folds, abs=1e-10)
    for s in (0.13, 0.37, 0.81):
        truth = states_at(corners, inputs, ends[0] + s * (ends[1] - ends[0]))
        assert np.sort(branches.crossings(s)[:, 0]) == pytest.approx(truth, abs=1e-9)


@pytest.mark.parametrize(("gap", "n"), [(1e-1, 3), (1e-2, 3), (1e-3, 3), (1e-3, 2), (1e-5, 2)])
def test_curved_branches_side_by_side(gap, n):
    """x = sin(3 u) + k gap for k = 0 to n - 1, by turns stable and unstable."""

    def step(x, u):
        product = tf.ones_like(x)
        for k in range(n):
            product *= (x - tf.sin(3.0 * u) - k * gap) / gap
        return x - 0.15 * gap * product

    begin = np.sin(-0.9) + gap * np.arange(n)[:, None]
    branches = continue_branches(system(step), begin, [-0.3, 0.3])
    assert branches.ends == (WHOLE,) * n and branches.bifurcations == []
    assert branches.branch_of_point.tolist() == list(range(n))
    for k in range(n):
        one = branches.points(k)
        truth = np.sin(3.0 * one.inputs[:, 0]) + k * gap
        assert one.xstar[:, 0] == pytest.approx(truth, abs=1e-3 * gap)


@pytest.mark.parametrize(("radius", "gap"), [(0.3, 1e-3), (0.01, 1e-4)])
def test_a_closed_branch_beside_a_long_one(radius, gap):
    """x = 0, and a circle that comes as near to it as the gap."""
    centre = radius + gap

    def step(x, u):
        circle = ((x - centre) ** 2 + u**2 - radius**2) / radius**2
        return x - 0.1 * radius * (x / centre) * circle

    begin = [[0.0], [centre + radius], [centre - radius]]
    branches = continue_branches(system(step), begin, [-1.0, 1.0], start=0.5)
    assert branches.branch_of_point.tolist() == [0, 1, 1]
    assert branches.ends == (WHOLE, ("closed loop", "closed loop"))
    folds = branches.bifurcation_inputs[
        [kind == "saddle-node" for kind in branches.bifurcation_types], 0
    ]
    assert np.sort(folds) == pytest.approx([-radius, radius], abs=1e-8)
    loop = branches.points(1)
    distance = np.hypot(loop.xstar[:, 0] - centre, loop.inputs[:, 0])
    assert distance == pytest.approx(radius, abs=1e-8)


def test_a_loop_is_closed_only_by_its_own_start():
    """Begun between two folds, the branch passes the start's plane again, 0.02 beside it."""
    step, corners, inputs = zigzag(2, 0.03)
    begin = np.array([[corners[1] - 0.002]])
    u = 0.5 * begin
    branches = continue_branches(
        system(step), FixedPoints(xstar=begin, inputs=u), [-0.3, 0.3], first_step=0.05
    )
    assert branches.ends == (WHOLE,) and branches.bifurcation_types == (FOLD, FOLD)


# ---- the other ways out of a border branch point ----


def test_the_other_diagonal():
    """x = x + (|u| - |x|) / 2: begun on one diagonal, the other is found where they cross."""
    cross = system(lambda x, u: x + 0.5 * (tf.abs(u) - tf.abs(x)))
    one = continue_branches(cross, [[1.0]], [-1.0, 1.0])
    other = switch_branch(cross, one, [-1.0, 1.0], 0)
    assert other.ends == (WHOLE,) and other.bifurcation_types == (CROSSING,)
    assert other.xstar[:, 0] == pytest.approx(other.inputs[:, 0], abs=1e-10)


def test_the_arms_of_a_pitchfork_with_corners():
    """x = x/2 + (|x + u| - |x - u|)/2: 0, and from u = 0 on also -2 u and 2 u."""
    fork = system(lambda x, u: 0.5 * x + 0.5 * (tf.abs(x + u) - tf.abs(x - u)))
    stem = continue_branches(fork, [[0.0]], [-1.0, 1.0])
    assert stem.bifurcation_types == (CROSSING,)
    assert stem.xstar[:, 0] == pytest.approx(0.0, abs=1e-12)
    arms = switch_branch(fork, stem, [-1.0, 1.0], 0)
    assert arms.ends == (WHOLE,)
    assert np.abs(arms.xstar[:, 0]) == pytest.approx(2.0 * arms.inputs[:, 0], abs=1e-10)
    assert np.sort(arms.xstar[[0, -1], 0]) == pytest.approx([-2.0, 2.0], abs=1e-10)


def test_nothing_leads_on_from_a_fold():
    fold = system(lambda x, u: u + tf.where(x < 0, 0.5 * x, 1.5 * x))
    branches = continue_branches(fold, [[-0.6]], [-0.3, 0.3])
    with pytest.raises(ValueError, match="border branch point, .*received a border-collision"):
        switch_branch(fold, branches, [-0.3, 0.3], 0)
    with pytest.raises(
        ValueError, match="bifurcation: expected one of 1 bifurcations of branches"
    ):
        switch_branch(fold, branches, [-0.3, 0.3], 1)
