"""Branches and bifurcations of normal forms, all known in closed form."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from fixedpoint_tf import FixedPoints, as_system
from fixedpoint_tf.analysis import (
    BifurcationType,
    BranchEnd,
    Branches,
    continue_branches,
    switch_branch,
)
from fixedpoint_tf.analysis.continuation import joining
from fixedpoint_tf.analysis.continuation.plotting import plot_branches
from fixedpoint_tf.curves.curve import Curve
from fixedpoint_tf.curves.input_path import Path
from fixedpoint_tf.fixed_points.status import Status


def system(step, n_states=1, n_inputs=1, time="discrete"):
    return as_system(step, n_states=n_states, n_inputs=n_inputs, time=time)


@functools.cache  # compiled once
def saddle_node():
    return system(lambda x, u: x + u - x * x)


@functools.cache  # compiled once
def pitchfork(imperfection=0.0):
    return system(lambda x, u: x + u * x - x**3 + imperfection)


def rotor(x, u):
    """``dz/dt = (u + 2 i) z - |z|^2 z``"""
    a, b = x[:, :1], x[:, 1:]
    gain = u - (a * a + b * b)
    return tf.concat([gain * a - 2.0 * b, 2.0 * a + gain * b], 1)


def tanh_cell(kernel, recurrent, bias):
    cell = keras.layers.SimpleRNNCell(len(recurrent))
    cell.build((None, len(kernel)))
    cell.set_weights([np.asarray(kernel), np.asarray(recurrent), np.asarray(bias)])
    return cell


def only(branches, kind):
    found = [b for b in branches.bifurcations if b.bifurcation_type == kind]
    assert len(found) == 1, branches.bifurcations
    return found[0]


# ---- the five bifurcations ----


def test_a_saddle_node_and_the_way_round_it():
    branches = continue_branches(saddle_node(), [[0.9]], [0.81, -1.0], bounds=(-2.0, 2.0))
    fold = only(branches, "saddle-node")
    assert fold.inputs == pytest.approx([0.0], abs=1e-12)
    assert fold.state == pytest.approx([0.0], abs=1e-9)
    assert fold.eigenvalue == pytest.approx(1.0, abs=1e-9)
    assert branches.ends == (("end of path", "end of path"),)
    # Stable above and unstable below, up to where the path began.
    x, u = branches.xstar[:, 0], branches.inputs[:, 0]
    assert x**2 == pytest.approx(u, abs=1e-10)
    assert (branches.is_stable == (x > 0)).all()
    assert x[[0, -1]] == pytest.approx([0.9, -0.9]) and branches.s[-1] == 0.0


def test_a_pitchfork_from_its_stem():
    branches = continue_branches(pitchfork(), [[0.0]], [-1.0, 0.9])
    point = only(branches, "branch point")
    assert point.inputs == pytest.approx([0.0], abs=1e-10)
    assert len(branches.bifurcations) == 1
    other = switch_branch(pitchfork(), branches, [-1.0, 0.9], 0)
    assert other.ends == (("end of path", "end of path"),)
    x, u = other.xstar[:, 0], other.inputs[:, 0]
    assert x**2 == pytest.approx(u, abs=1e-10)
    assert x[[0, -1]] == pytest.approx([-np.sqrt(0.9), np.sqrt(0.9)]) or (
        x[[0, -1]] == pytest.approx([np.sqrt(0.9), -np.sqrt(0.9)])
    )


def test_a_pitchfork_from_an_arm_is_no_saddle_node():
    x = 0.95
    branches = continue_branches(pitchfork(), [[x]], [x * x, -1.0])
    (point,) = branches.bifurcations
    assert point.bifurcation_type == "branch point"
    assert point.inputs == pytest.approx([0.0], abs=1e-9)
    assert point.state == pytest.approx([0.0], abs=1e-9)


def test_a_transcritical_point():
    branches = continue_branches(system(lambda x, u: x + u * x - x * x), [[0.0]], [-1.0, 1.0])
    point = only(branches, "branch point")
    assert point.inputs == pytest.approx([0.0], abs=1e-10)
    other = switch_branch(system(lambda x, u: x + u * x - x * x), branches, [-1.0, 1.0], 0)
    assert other.xstar == pytest.approx(other.inputs, abs=1e-10)


def test_an_imperfect_pitchfork_has_a_saddle_node_and_no_branch_point():
    h = 0.01
    start = np.roots([-1.0, 0.0, 0.9, h]).real.min()
    branches = continue_branches(pitchfork(h), [[start]], [0.9, -1.0])
    (fold,) = branches.bifurcations
    x = -((h / 2.0) ** (1.0 / 3.0))  # where u = 3 x^2 and u x - x^3 + h = 0
    assert fold.bifurcation_type == "saddle-node"
    assert fold.state == pytest.approx([x], abs=1e-9)
    assert fold.inputs == pytest.approx([3.0 * x * x], abs=1e-10)


def test_period_doubling_of_the_logistic_map():
    branches = continue_branches(system(lambda x, u: u * x * (1.0 - x)), [[0.5]], [2.0, 3.7])
    point = only(branches, "period doubling")
    assert point.inputs == pytest.approx([3.0], abs=1e-10)
    assert point.state == pytest.approx([2.0 / 3.0], abs=1e-10)
    assert point.eigenvalue == pytest.approx(-1.0, abs=1e-9)


def test_neimark_sacker_of_the_delayed_logistic_map():
    def step(x, u):
        return tf.concat([u * x[:, :1] * (1.0 - x[:, 1:]), x[:, :1]], 1)

    branches = continue_branches(system(step, 2), [[0.3, 0.3]], [1.5, 2.3])
    point = only(branches, "Neimark-Sacker")
    assert point.inputs == pytest.approx([2.0], abs=1e-9)
    assert point.state == pytest.approx([0.5, 0.5], abs=1e-9)
    assert point.eigenvalue == pytest.approx(np.exp(1j * np.pi / 3.0), abs=1e-9)


def test_hopf_in_continuous_time():
    rotating = system(rotor, 2, time="continuous")
    branches = continue_branches(rotating, [[0.0, 0.0]], [-1.0, 1.3])
    point = only(branches, "Hopf")
    assert point.inputs == pytest.approx([0.0], abs=1e-10)
    assert point.eigenvalue == pytest.approx(2.0j, abs=1e-9)
    assert (branches.is_stable == (branches.inputs[:, 0] < 0)).all()


def test_two_real_eigenvalues_that_meet_and_turn_are_no_bifurcation():
    """Inside the unit circle and outside: a pair is made, and nothing crosses."""

    def step(x, u):
        a, b = x[:, :1], x[:, 1:]
        return tf.concat([0.5 * a + b, u * a + 0.5 * b, 2.0 * x[:, 2:] + a], 1)

    def three(x, u):
        first = step(x[:, :2], u)[:, :2]
        return tf.concat([first, 1.5 * x[:, 2:3] + x[:, 3:], u * x[:, 2:3] + 1.5 * x[:, 3:]], 1)

    branches = continue_branches(system(three, 4), [[0.0] * 4], [-0.2, 0.2])
    assert branches.bifurcations == []


def diagonal(*offsets, time="discrete", flip=1.0):
    """Units by themselves, each with a pitchfork (or a flip) where u is minus its offset."""
    at = np.array(offsets)

    def step(x, u):
        change = (u + tf.constant(at, x.dtype)) * x - x**3
        return change if time == "continuous" else flip * (x + change)

    return system(step, len(offsets), time=time)


@pytest.mark.parametrize(
    ("units", "eigenvalue"),
    [
        (diagonal(0.0, 0.0), 1.0),
        (diagonal(0.0, 0.0, 0.0), 1.0),
        (diagonal(0.0, 0.0, flip=-1.0), -1.0),
        (diagonal(0.0, 0.0, time="continuous"), 0.0),
    ],
    ids=["two", "three", "two flips", "continuous"],
)
def test_real_eigenvalues_that_cross_together_do_not_turn(units, eigenvalue):
    branches = continue_branches(units, np.zeros((1, units.n_states)), [-0.7, 0.6])
    (point,) = branches.bifurcations
    assert point.bifurcation_type == "multiple bifurcation"
    assert point.inputs == pytest.approx([0.0], abs=1e-10)
    assert point.eigenvalue == pytest.approx(eigenvalue, abs=1e-9)
    assert repr(branches).endswith("bifurcations: 1 multiple bifurcation")


def test_the_ring_of_cosine_weights_bifurcates_at_a_double_eigenvalue():
    """h = tanh(u W h) with W of rank 2: both its modes lose stability at u = 1."""
    angles = 2.0 * np.pi * np.arange(8) / 8
    w = np.cos(angles[:, None] - angles) / 4.0
    ring = system(lambda x, u: tf.tanh(u * (x @ tf.constant(w, x.dtype))), 8)
    branches = continue_branches(ring, np.zeros((1, 8)), [0.5, 1.4])
    (point,) = branches.bifurcations
    assert point.bifurcation_type == "multiple bifurcation"
    assert point.inputs == pytest.approx([1.0], abs=1e-10)
    assert point.eigenvalue == pytest.approx(1.0, abs=1e-9)
    figure, ax = branches.plot()
    words = [text.get_text() for text in ax.get_legend().get_texts()]
    assert words[-1] == "1 multiple bifurcation"


def test_two_pitchforks_within_one_step_are_two():
    branches = continue_branches(diagonal(0.0, 1e-3), [[0.0, 0.0]], [-0.7, 0.6])
    assert branches.bifurcation_types == ("branch point",) * 2
    assert branches.bifurcation_inputs[:, 0] == pytest.approx([-1e-3, 0.0], abs=1e-9)


def test_a_pair_beside_a_pitchfork_is_told_from_it():
    def velocity(x, u):
        return tf.concat([rotor(x[:, :2], u), (u + 1e-3) * x[:, 2:] - x[:, 2:] ** 3], 1)

    branches = continue_branches(
        system(velocity, 3, time="continuous"), [[0.0] * 3], [-0.7, 0.6]
    )
    assert branches.bifurcation_types == ("branch point", "Hopf")
    assert branches.bifurcation_inputs[:, 0] == pytest.approx([-1e-3, 0.0], abs=1e-9)
    assert branches.bifurcation_eigenvalues == pytest.approx([0.0, 2.0j], abs=1e-8)


# ---- networks ----


def test_all_modes_of_a_random_network_are_told_apart():
    """h = tanh(u W h): the mode of each eigenvalue of W bifurcates at u = 1 / |eigenvalue|."""
    n = 40
    w = np.random.default_rng(0).normal(size=(n, n)) / np.sqrt(n)
    network = system(lambda x, u: tf.tanh(u * (x @ tf.constant(w.T, x.dtype))), n)
    branches = continue_branches(network, np.zeros((1, n)), [0.5, 2.0])
    modes = sorted((1.0 / abs(v), v) for v in np.linalg.eigvals(w) if v.imag >= 0)
    modes = [(u, v) for u, v in modes if u < 2.0]
    kinds = ["branch point" if v.real > 0 else "period doubling" for _, v in modes]
    kinds = ["Neimark-Sacker" if m[1].imag else k for m, k in zip(modes, kinds, strict=True)]
    assert len(kinds) > 12 and branches.bifurcation_types == tuple(kinds)
    assert branches.bifurcation_inputs[:, 0] == pytest.approx([u for u, _ in modes], abs=1e-8)


def test_the_hysteresis_of_one_tanh_unit():
    w = 2.0
    branches = continue_branches(tanh_cell([[1.0]], [[w]], [0.0]), [[0.99]], [1.0, -1.0])
    folds = branches.bifurcations
    x = np.sqrt(1.0 - 1.0 / w)  # w (1 - x^2) = 1
    u = np.arctanh(x) - w * x
    assert [f.bifurcation_type for f in folds] == ["saddle-node"] * 2
    assert [f.state[0] for f in folds] == pytest.approx([x, -x], abs=1e-9)
    assert [f.inputs[0] for f in folds] == pytest.approx([u, -u], abs=1e-10)
    assert len(branches.crossings(0.5)) == 3
    assert branches.xstar[-1, 0] < 0 and branches.s[-1] == 1.0


def test_a_network_of_many_units_folds_where_its_mode_does():
    """Rank one: x = tanh(m (w v.x + u)), with all units alike on the attractor."""
    n, w = 32, 1.75  # exact in single precision, as the weights are
    signs = np.sign(np.random.default_rng(0).normal(size=n))
    cell = tanh_cell([signs], w / n * np.outer(signs, signs), np.zeros(n))
    branches = continue_branches(cell, [0.98 * signs], [0.8, -0.8])
    x = np.sqrt(1.0 - 1.0 / w)
    u = np.arctanh(x) - w * x
    folds = branches.bifurcations
    assert [f.bifurcation_type for f in folds] == ["saddle-node"] * 2
    assert [f.inputs[0] for f in folds] == pytest.approx([u, -u], abs=1e-9)
    assert folds[0].state == pytest.approx(x * signs, abs=1e-8)


def test_many_points_at_their_own_inputs_at_once():
    u = np.array([[0.81], [0.25], [0.04]])
    points = FixedPoints(xstar=np.sqrt(u), inputs=u)
    branches = continue_branches(saddle_node(), points, [0.9, -1.0], bounds=(-2.0, 2.0))
    # They lie on one parabola.
    assert len(branches) == 1 and branches.branch_of_point.tolist() == [0, 0, 0]
    assert only(branches, "saddle-node").inputs == pytest.approx([0.0], abs=1e-10)
    assert branches.s[[0, -1]] == pytest.approx([0.0, 0.0])  # both ways from the start


def test_branches_that_cross_are_two():
    x = np.sqrt(0.5)
    points = FixedPoints(xstar=[[0.0], [x], [-x], [0.0]], inputs=[[0.5], [0.5], [0.5], [-0.5]])
    branches = continue_branches(pitchfork(), points, [-1.0, 0.9])
    assert branches.branch_of_point.tolist() == [0, 1, 1, 0]
    assert branches.bifurcation_types == ("branch point",) * 2
    assert [len(points) for points in branches] == branches.lengths.tolist()


# ---- paths and ends ----


def test_a_closed_branch_is_gone_round_once():
    isola = system(lambda x, u: x + (x * x + u * u - 0.25))
    branches = continue_branches(isola, [[0.5]], [-1.0, 1.0], start=0.5)
    assert branches.ends == (("closed loop", "closed loop"),)
    assert np.sort(branches.bifurcation_inputs[:, 0]) == pytest.approx([-0.5, 0.5], abs=1e-10)
    turns = np.unwrap(np.arctan2(branches.xstar[:, 0], branches.inputs[:, 0]))
    assert abs(turns[-1] - turns[0]) == pytest.approx(2.0 * np.pi)


def test_straight_lines_a_function_and_a_bent_path_agree():
    fold = system(lambda x, u: x + u[:, :1] + u[:, 1:] - x * x, n_inputs=2)
    straight = continue_branches(fold, [[1.0]], [[0.5, 0.5], [-0.5, -0.5]])
    curved = continue_branches(
        fold, [[1.0]], lambda s: [1.0 - s**2, -s], s_range=(0.0, 2.0), bounds=(-2, 2)
    )
    bent = continue_branches(fold, [[1.0]], [[0.5, 0.5], [0.5, -0.2], [-1.0, -0.2]])
    for branches in (straight, curved, bent):
        assert only(branches, "saddle-node").inputs.sum() == pytest.approx(0.0, abs=1e-9)
    assert only(curved, "saddle-node").s == pytest.approx((np.sqrt(5.0) - 1.0) / 2.0, abs=1e-9)


@pytest.mark.parametrize(
    "convert",
    [
        lambda u: np.array([u], "f4"),
        lambda u: tf.constant([u]),
        lambda u: [np.float32(u)],
        lambda u: np.float32(u),
    ],
)
def test_a_function_in_single_precision_gives_the_answer_of_double(convert):
    options = {"s_range": (0.0, 2.0), "bounds": (-2, 2), "max_points": 300}
    branches, expected = (
        continue_branches(
            saddle_node(), [[1.0]], lambda s, f=f: f(np.cos(2.0 * s) - 0.2), **options
        )
        for f in (convert, lambda u: [u])
    )
    kinds = list(expected.bifurcation_types)
    assert kinds.count("saddle-node") == 1
    assert list(branches.bifurcation_types) == kinds
    assert branches.bifurcation_s == pytest.approx(expected.bifurcation_s, abs=1e-6)
    assert abs(len(branches.s) - len(expected.s)) <= 2


@pytest.mark.parametrize(
    "path",
    [
        lambda s: np.array([int(3 * s)]),
        lambda s: np.array([s], "f2"),
        lambda s: np.float32(abs(s - 0.3)),
    ],
)
def test_a_function_that_jumps_or_is_rounded_to_less_is_refused(path):
    with pytest.raises(ValueError, match="path: expected a function that returns inputs in"):
        continue_branches(saddle_node(), [[1.0]], path)


@pytest.mark.parametrize(
    "path",
    [
        [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]],
        [[0.0, 0.0], [1.0, 0.0], [0.0, 0.0]],
        [[0.0, 0.0], [1.0, 1.0], [1.2, 1.2]],
    ],
    ids=["L", "return", "slower"],
)
@pytest.mark.parametrize("start", [0.0, 0.5, 0.8])
def test_branches_go_round_the_corners_of_a_path(path, start):
    """x = 0.5 x + u_1 + u_2: one fixed point at each input, x = 2 (u_1 + u_2)."""
    linear = system(lambda x, u: 0.5 * x + u[:, :1] + u[:, 1:], n_inputs=2)
    x = 2.0 * Path(path, 2)(np.array([start]))[0].sum()
    branches = continue_branches(linear, [[x]], path, start=start)
    assert branches.ends == (("end of path", "end of path"),)
    assert branches.bifurcations == []
    assert (np.diff(branches.s) > 0).all() and branches.s[[0, -1]].tolist() == [0.0, 1.0]
    assert 0.5 in branches.s
    assert branches.xstar[:, 0] == pytest.approx(2.0 * branches.inputs.sum(axis=1), abs=1e-9)


def test_hysteresis_on_the_way_there_and_back():
    """Down and up again: the branch folds on both ways, at the inputs of one unit."""
    w = 2.0
    x = np.sqrt(1.0 - 1.0 / w)
    u = np.arctanh(x) - w * x
    unit = tanh_cell([[1.0]], [[w]], [0.0])
    branches = continue_branches(unit, [[0.99]], [1.0, -1.0, 1.0])
    assert branches.ends == (("end of path", "end of path"),)
    assert [f.inputs[0] for f in branches.bifurcations] == pytest.approx(
        [u, -u, -u, u], abs=1e-9
    )
    assert {f.bifurcation_type for f in branches.bifurcations} == {"saddle-node"}
    points = FixedPoints(xstar=branches.xstar[[3, -3]], inputs=branches.inputs[[3, -3]])
    assert len(continue_branches(unit, points, [1.0, -1.0, 1.0])) == 1


def test_the_arms_of_a_pitchfork_there_and_back_are_one_loop():
    path = [-1.0, 0.8, -1.0]
    stem = continue_branches(pitchfork(), [[0.0]], path)
    assert stem.bifurcation_types == ("branch point",) * 2
    loop = switch_branch(pitchfork(), stem, path, 0)
    assert loop.ends == (("closed loop", "closed loop"),)
    assert loop.bifurcation_types == ("branch point",) * 2
    assert loop.bifurcation_inputs == pytest.approx(np.zeros((2, 1)), abs=1e-9)
    assert loop.xstar[:, 0] ** 2 == pytest.approx(loop.inputs[:, 0], abs=1e-9)
    assert np.sort(loop.crossings(0.5)[:, 0]) == pytest.approx([-(0.8**0.5), 0.8**0.5])


def test_branches_end_for_reasons_that_are_said():
    far = continue_branches(saddle_node(), [[1.0]], [1.0, -1.0], bounds=(-0.5, 2.0))
    assert far.ends == (("end of path", "left the bounds"),)
    short = continue_branches(saddle_node(), [[1.0]], [1.0, -1.0], max_points=5)
    assert short.ends == (("end of path", "most points"),) and short.lengths.tolist() == [5]
    nothing = continue_branches(saddle_node(), [[1.0]], [-1.0, -2.0])
    assert nothing.branch_of_point.tolist() == [-1] and len(nothing.s) == len(nothing) == 0
    assert repr(nothing) == "no branches; bifurcations: none"


def test_slow_points_begin_no_branch():
    """Newton's method leads from them to some fixed point far away, or to none."""
    points = FixedPoints(
        xstar=[[1.0], [0.1]], inputs=[[1.0]] * 2, status=[Status.FIXED_POINT, Status.SLOW_POINT]
    )
    branches = continue_branches(saddle_node(), points, [1.0, -1.0])
    assert branches.branch_of_point.tolist() == [0, -1] and len(branches) == 1
    with pytest.raises(ValueError, match=r"points: expected a fixed point.*points\.xstar"):
        continue_branches(saddle_node(), points[1:], [1.0, -1.0])
    assert len(continue_branches(saddle_node(), points[1:].xstar, [1.0, -1.0])) == 1


def test_branches_stay_where_the_system_can_have_fixed_points():
    def within(bounds):
        return as_system(lambda x, u: x + u - x * x, n_states=1, n_inputs=1, bounds=bounds)

    stopped = continue_branches(within((-0.5, 2.0)), [[1.0]], [1.0, -1.0])
    assert stopped.ends == (("end of path", "left the bounds"),)
    given = continue_branches(within((-0.5, 2.0)), [[1.0]], [1.0, -1.0], bounds=(-2.0, 2.0))
    assert given.ends == (("end of path", "end of path"),)
    on_the_edge = as_system(  # its states are exactly the bound, to rounding
        lambda x, u: 0.3 * x + 0.7 * 0.1 + 0.0 * u, n_states=1, n_inputs=1, bounds=(0.1, 1.0)
    )
    assert continue_branches(on_the_edge, [[0.1]], [0.0, 1.0]).ends == (("end of path",) * 2,)


def test_an_interrupted_call_returns_what_it_has(monkeypatch):
    before, calls = Curve.correct, []

    def correct(self, *arguments):
        calls.append(1)
        if len(calls) == 8:
            raise KeyboardInterrupt
        return before(self, *arguments)

    monkeypatch.setattr(Curve, "correct", correct)
    branches = continue_branches(saddle_node(), [[1.0]], [1.0, -1.0])
    assert branches.interrupted and 2 < len(branches.s) < 12


def test_an_interrupt_among_the_bifurcations_keeps_the_branches(monkeypatch):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    whole = continue_branches(saddle_node(), [[1.0]], [1.0, -1.0], bounds=(-2, 2))
    monkeypatch.setattr(joining, "detect", interrupt)
    branches = continue_branches(saddle_node(), [[1.0]], [1.0, -1.0], bounds=(-2, 2))
    assert branches.interrupted and branches.bifurcations == []
    assert (branches.xstar == whole.xstar).all() and branches.ends == whole.ends


def test_a_state_at_a_point_of_the_branch_is_given_once():
    branches = continue_branches(system(lambda x, u: 0.5 * x + u), [[0.0]], [0.0, 1.0])
    for k in (0, 3, len(branches.s) - 1):
        assert branches.crossings(branches.s[k]).tolist() == [branches.xstar[k].tolist()]
    assert branches.crossings(0.123) == pytest.approx(0.246)
    isola = system(lambda x, u: x + (x * x + u * u - 0.25))
    ring = continue_branches(isola, [[0.5]], [-1.0, 1.0], start=0.5)
    assert np.sort(ring.crossings(ring.s[0])[:, 0]) == pytest.approx([-0.5, 0.5], abs=1e-2)


def test_answers_survive_a_file(tmp_path):
    branches = continue_branches(pitchfork(), [[0.0]], [-1.0, 1.0])
    branches.save(tmp_path / "b.h5")
    back = Branches.load(tmp_path / "b.h5")
    assert repr(back) == repr(branches)
    assert back.ends == branches.ends
    assert repr(back.bifurcations) == repr(branches.bifurcations)
    assert back.ends[0][0] is BranchEnd.END_OF_PATH
    assert back.bifurcation_types[0] is BifurcationType.BRANCH_POINT


# ---- bad input ----


@pytest.mark.parametrize(
    ("path", "options", "message"),
    [
        ([0.0], {}, r"path: expected shape \(n >= 2, n_inputs=1\).*received shape \(1, 1\)"),
        ([0.5, 0.5], {}, "path: expected inputs that change"),
        (lambda s: [0.5], {}, "path: expected inputs that change"),
        ([[0.0, 1.0], [1.0, 1.0]], {}, r"received shape \(2, 2\)"),
        ([0.0, np.nan], {}, "path: expected finite"),
        (
            lambda s: [s, s],
            {},
            r"path: expected a function that returns finite inputs of shape \(1,\)",
        ),
        ([0.0, 1.0], {"s_range": (0, 1)}, "s_range: expected None but for a function"),
        (
            [0.0, 1.0],
            {"start": 2.0},
            "start: expected a place on the path, 0.0 to 1.0, received 2.0",
        ),
        ([0.0, 1.0], {"max_step": -1}, "max_step: expected a positive number, received -1"),
        (
            [0.0, 1.0],
            {"first_step": 1.0},
            "first_step: expected a length from min_step to max_step",
        ),
        ([0.0, 1.0], {"max_points": 1}, "max_points: expected a whole number of at least 2"),
        ([0.0, 1.0], {"bounds": 3}, r"bounds: expected \(lower, upper\)"),
    ],
)
def test_bad_input_is_refused(path, options, message):
    with pytest.raises(ValueError, match=message):
        continue_branches(saddle_node(), [[1.0]], path, **options)


def test_points_must_be_on_the_path_and_of_the_kind():
    points = FixedPoints(xstar=np.ones((1, 1)), inputs=np.full((1, 1), 3.0))
    with pytest.raises(ValueError, match=r"is 2 from those of point 0.*start="):
        continue_branches(saddle_node(), points, [1.0, -1.0])
    with pytest.raises(ValueError, match="discrete system, received those of a continuous one"):
        continue_branches(
            saddle_node(), FixedPoints(xstar=[[1.0]], time="continuous"), [0.0, 1.0]
        )
    with pytest.raises(ValueError, match="expected a branch point .*received a saddle"):
        switch_branch(
            saddle_node(), continue_branches(saddle_node(), [[0.9]], [0.81, -1]), [0.81, -1], 0
        )
    with pytest.raises(ValueError, match=r"path: expected that of branches, at s = 0\.5"):
        switch_branch(
            pitchfork(), continue_branches(pitchfork(), [[0.0]], [-1.0, 1.0]), [-1.0, 0.5], 0
        )


def test_places_of_inputs_on_a_path():
    path = Path([[0.0, 0.0], [1.0, 0.0], [1.0, 4.0]], 2)
    s, distance = path.place(np.array([[0.5, 0.0], [1.0, 0.0], [1.0, 3.0], [1.5, 4.0]]))
    assert s == pytest.approx([0.25, 0.5, 0.875, 1.0], abs=1e-12)
    assert distance == pytest.approx([0.0, 0.0, 0.0, 0.5], abs=1e-12)


# ---- figures ----


def test_diagrams_say_what_is_drawn():
    branches = continue_branches(tanh_cell([[1.0]], [[2.0]], [0.0]), [[0.99]], [1.0, -1.0])
    figure, ax = branches.plot()
    words = [text.get_text() for text in ax.get_legend().get_texts()]
    assert words == ["stable", "unstable", "2 saddle-nodes"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("input", "h")
    # Solid up to the bifurcation itself, and not beyond it.
    solid = [line for line in ax.get_lines() if line.get_linestyle() == "-"]
    ends = np.concatenate(
        [line.get_ydata()[[0, -1]] for line in solid if line.get_xdata().size]
    )
    x = np.sqrt(0.5)
    assert np.abs(ends[:, None] - [x, -x]).min(axis=0) == pytest.approx([0, 0], abs=1e-9)
    assert plot_branches(branches, [1.0], ax=ax)[1] is ax
    nothing = continue_branches(saddle_node(), [[1.0]], [-1.0, -2.0])
    assert nothing.plot()[1].get_legend().get_texts()[0].get_text() == "no branches"
    for show, message in [(3, "one of 1 units"), ("mean", "'norm'"), ([1.0, 2.0], "shape")]:
        with pytest.raises(ValueError, match=message):
            branches.plot(show=show)


def test_a_closed_form_without_kinks_is_not_searched_for_them(monkeypatch):
    """The branch is that of the same equations as a function, of which nothing is known."""
    from fixedpoint_tf.curves.kinks import crossing as passing

    searched = []
    crosses = passing.crosses
    monkeypatch.setattr(
        passing, "crosses", lambda curve, *rest: searched.append(1) or crosses(curve, *rest)
    )
    kernel, w = np.array([[1.0, 0.0]]), np.array([[1.75, 0.5], [-0.25, 0.25]])
    cell = tanh_cell(kernel, w, np.zeros(2))
    known = continue_branches(cell, [[-0.95, 0.0]], [-0.5, 0.5])
    assert not searched

    def step(x, u):
        return tf.tanh(x @ tf.constant(w, x.dtype) + u @ tf.constant(kernel, x.dtype))

    unknown = continue_branches(
        system(step, 2), [[-0.95, 0.0]], [-0.5, 0.5], bounds=(-1.0, 1.0)
    )
    assert searched and known.count_bifurcations()[("saddle-node", "")] == 2
    assert known.bifurcation_types == unknown.bifurcation_types
    assert known.bifurcation_s == pytest.approx(unknown.bifurcation_s, abs=1e-7)
    assert known.ends == unknown.ends
