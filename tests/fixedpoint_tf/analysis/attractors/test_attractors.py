"""Lines, rings, planes and isolated points are told apart where the truth is known."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from matplotlib import pyplot
from reference import leaky_relu_network, load

from fixedpoint_tf import FixedPoints, SearchEnd, Status, as_system
from fixedpoint_tf.analysis import (
    Attractors,
    GroupType,
    classify_attractors,
    sample_slow_states,
)
from fixedpoint_tf.analysis import convergence as arrivals
from fixedpoint_tf.analysis.attractors import grouping as slow_groups
from fixedpoint_tf.analysis.attractors.line_or_ring import (
    local_dimension,
    neighbour_pairs,
    trace_curve,
)

ROTATION = np.linalg.qr(np.random.default_rng(0).normal(size=(10, 10)))[0]


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    pyplot.close("all")


def columns(*parts):
    return tf.concat(parts, axis=1)


def posed(step, x, **options):
    """A system without inputs and its points."""
    system = as_system(step, n_states=x.shape[1], n_inputs=0, **options)
    return system, FixedPoints(xstar=x, time=system.time)


def on_axes(x, step, **options):
    """The same in 10 rotated dimensions, those not given decaying."""

    def rotated(h, u):
        z = tf.matmul(h, tf.constant(ROTATION, h.dtype))
        return tf.matmul(step(z), tf.constant(ROTATION.T.copy(), h.dtype))

    x = np.concatenate([x, np.zeros((len(x), 10 - x.shape[1]))], axis=1)
    return posed(rotated, x @ ROTATION.T, **options)


def circle(angle):
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def ring(angle, drift=0.0):
    """States relax to the unit circle, on which the angle moves by drift * sin(8 angle)."""

    def step(z):
        radius = tf.norm(z[:, :2], axis=1, keepdims=True)
        angle = tf.atan2(z[:, 1:2], z[:, :1])
        angle, radius = angle + drift * tf.sin(8 * angle), 0.5 * radius + 0.5
        return columns(radius * tf.cos(angle), radius * tf.sin(angle), 0.3 * z[:, 2:])

    return on_axes(circle(angle), step)


def integrator(x, n_null):
    """A linear network with null directions (eigenvalue 1) and others of 0.5."""
    return on_axes(x, lambda z: columns(z[:, :n_null], 0.5 * z[:, n_null:]))


def parabola(t):
    """Not orthogonal to its stable directions, which turn along it."""

    def step(h, u):
        away = h[:, 1:] - h[:, :1] ** 2
        return columns(h[:, :1] + 0.1 * away, h[:, 1:] - 0.5 * away)

    return posed(step, np.stack([t, t**2], axis=1))


def valleys(lines, t):
    """h2 falls into wells at -1 and 1, with a ridge at 0; nothing moves along h1."""

    def step(h, u):
        return columns(h[:, :1], h[:, 1:] + 0.1 * (h[:, 1:] - h[:, 1:] ** 3))

    x = [np.stack([t, np.full(len(t), at)], axis=1) for at in lines]
    return posed(step, np.concatenate(x))


def only(answer):
    assert len(answer) == 1, answer
    return answer[0]


class TestLines:
    def test_an_integrator_is_a_line_without_drift(self):
        t = np.random.default_rng(0).permutation(np.linspace(-1.0, 3.0, 50))
        group = only(classify_attractors(*integrator(t[:, None], 1)))
        assert (group.group_type, group.agree) == ("line", True)
        assert (group.dimension_spectral, group.dimension_local) == (1, 1)
        assert group.length == pytest.approx(4.0)
        assert group.largest_drift < 1e-12
        assert group.return_time == pytest.approx(1 / np.log(2))
        assert group.gap_ratio == pytest.approx(1.0)
        # The order along the line is that of t, from one end or the other.
        assert np.allclose(np.abs(np.diff(t[group.members])), 4.0 / 49)
        assert np.allclose(np.diff(group.coordinate), 4.0 / 49)

    def test_a_curved_line(self):
        t = np.linspace(-2.0, 2.0, 60)
        group = only(classify_attractors(*parabola(t)))
        assert group.group_type == "line"
        exact = 2 * np.sqrt(17) + 0.5 * np.arcsinh(4.0)
        assert group.length == pytest.approx(exact, rel=1e-3)
        assert group.members.tolist() in (list(range(60)), list(range(60))[::-1])

    def test_noisy_points_of_a_line(self):
        rng = np.random.default_rng(0)
        t = rng.uniform(0.0, 10.0, 200)
        x = np.concatenate([t[:, None], 0.1 * rng.normal(size=(200, 9))], axis=1)
        system, _ = integrator(t[:, None], 1)
        group = only(classify_attractors(system, FixedPoints(xstar=x @ ROTATION.T)))
        assert group.group_type == "line"
        assert group.length == pytest.approx(np.ptp(t), rel=1e-6)
        assert group.largest_drift < 1e-6

    def test_a_leak_is_a_drift_towards_the_middle(self):
        leak = 1e-3

        def step(z):
            return columns((1 - leak) * z[:, :1], 0.5 * z[:, 1:])

        t = np.linspace(-1.0, 1.0, 41)
        group = only(classify_attractors(*on_axes(t[:, None], step)))
        assert group.group_type == "line"
        assert group.time_along == pytest.approx(1000, rel=1e-3)
        from_middle = group.coordinate - 0.5 * group.length
        assert np.allclose(group.drift, -leak * from_middle, rtol=1e-6, atol=1e-12)
        # States on a line that is gone in 20 steps are on no line attractor.
        fast = on_axes(t[:, None], lambda z: columns(0.95 * z[:, :1], 0.5 * z[:, 1:]))
        assert set(classify_attractors(*fast).group_type) == {"point"}

    def test_two_lines_are_two_and_the_ridge_between_does_not_attract(self):
        t = np.linspace(-2.0, 2.0, 40)
        answer = classify_attractors(*valleys([-1.0, 1.0], t))
        assert answer.group_type == ("line", "line")
        assert [sorted(g.members) for g in answer] in (
            [list(range(40)), list(range(40, 80))],
            [list(range(40, 80)), list(range(40))],
        )
        assert np.allclose(answer.return_time, -1 / np.log(0.8))
        with_ridge = classify_attractors(*valleys([-1.0, 0.0, 1.0], t))
        assert with_ridge.group_type == ("line",) * 3
        assert np.isinf(with_ridge.return_time).sum() == 1

    def test_in_continuous_time(self):
        t = np.linspace(-1.0, 1.0, 30)
        x = np.stack([t, 0 * t], axis=1)

        def velocity(h, u):
            return columns(0.0 * h[:, :1], -2.0 * h[:, 1:])

        group = only(classify_attractors(*posed(velocity, x, time="continuous")))
        assert group.group_type == "line"
        assert group.return_time == pytest.approx(0.5)
        assert "unit of time" in repr(group)


class TestRings:
    @pytest.mark.parametrize("n", [8, 16, 100])
    def test_a_ring_without_drift(self, n):
        group = only(classify_attractors(*ring(2 * np.pi * np.arange(n) / n)))
        assert (group.group_type, group.agree) == ("ring", True)
        assert group.length == pytest.approx(n * 2 * np.sin(np.pi / n))
        assert group.largest_drift < 1e-12
        steps = np.diff(np.append(group.members, group.members[0])) % n
        assert set(steps) in ({1}, {n - 1})

    def test_random_points_on_a_ring(self):
        angle = np.random.default_rng(1).uniform(0.0, 2 * np.pi, 150)
        group = only(classify_attractors(*ring(angle)))
        assert group.group_type == "ring"
        assert group.length == pytest.approx(2 * np.pi, rel=1e-2)

    def test_a_ring_of_saddles_and_attractors_drifts_at_the_known_speed(self):
        group = only(classify_attractors(*ring(2 * np.pi * np.arange(16) / 16, drift=1e-4)))
        assert group.group_type == "ring"
        assert (group.n_unstable > 0).sum() == 8
        # Midway, at odd multiples of 1/16 of pi, the sine is 1 or -1.
        assert np.allclose(np.abs(group.drift_between), 1e-4, rtol=1e-3)
        assert np.abs(group.drift).max() < 1e-12
        assert group.time_along == pytest.approx(1 / 8e-4, rel=1e-2)

    def test_an_open_arc_is_a_line(self):
        # The end points are near, but no ring attractor: nothing holds states in the gap.
        # The arc goes on a little beyond them, so that rounding does not put them outside.
        angle = np.linspace(0.15 * np.pi, 1.85 * np.pi, 60)

        def step(z):
            radius = tf.norm(z[:, :2], axis=1, keepdims=True)
            leave = 0.3 * tf.nn.relu(z[:, :1] / radius - np.cos(0.149 * np.pi))
            angle = tf.atan2(z[:, 1:2], z[:, :1])
            angle = angle + leave * tf.sign(angle)
            radius = 0.5 * radius + 0.5
            return columns(radius * tf.cos(angle), radius * tf.sin(angle), 0.3 * z[:, 2:])

        assert only(classify_attractors(*on_axes(circle(angle), step))).group_type == "line"

    def test_the_ring_of_a_trained_network(self):
        data = load("rnn", "relu_lowrank_reach_rnn.npz")
        system = as_system(leaky_relu_network(data), n_states=60, n_inputs=2)
        x = data["zero.xstar"]
        points = FixedPoints(xstar=x, inputs=np.tile(data["zero.input"], (len(x), 1)))
        answer = classify_attractors(system, points, min_time_constant=50)
        assert answer.group_type == ("ring", "point")  # the source is apart, a point by itself
        assert answer.n_members.tolist() == [16, 1]
        assert (answer[0].n_unstable > 0).sum() == 8
        # Saddles and attractors alternate.
        unstable = answer[0].n_unstable > 0
        assert (unstable != np.roll(unstable, 1)).all()
        assert data["zero.n_unstable"][answer[1].members[0]] == 2


class TestPlanes:
    def grid(self, n=6):
        return np.stack(np.meshgrid(np.arange(n), np.arange(n)), -1).reshape(-1, 2) / n

    def test_two_null_directions_are_a_plane(self):
        group = only(classify_attractors(*integrator(self.grid(), 2)))
        assert (group.group_type, group.agree) == ("plane", True)
        assert np.isnan(group.coordinate).all() and np.isnan(group.length)
        assert group.largest_drift < 1e-12

    def test_points_along_one_line_of_a_plane_disagree_with_the_spectrum(self):
        group = only(
            classify_attractors(*integrator(self.grid()[:6] * [[3.0, 1.0]], 2), min_points=5)
        )
        assert (group.group_type, group.agree) == ("unclear", False)
        assert (group.dimension_spectral, group.dimension_local) == (2, 1)
        assert "2 slow modes but 1-dimensional" in repr(group)


class TestIsolatedPoints:
    def memories(self, n):
        """n independent bistable units: 3**n fixed points on a lattice."""
        root = 0.9575040240772687  # of x = tanh(2 x)
        lattice = np.stack(np.meshgrid(*[[-root, 0.0, root]] * n), axis=-1).reshape(-1, n)
        return posed(lambda h, u: tf.tanh(2.0 * h), lattice)

    def test_two_memories_are_no_line(self):
        answer = classify_attractors(*self.memories(1))
        assert answer.group_type == ("point",) * 3
        assert repr(answer) == "3 isolated points (2 stable, 1 with 1 unstable direction)"

    def test_the_27_points_of_a_flip_flop_are_27_points(self):
        answer = classify_attractors(*self.memories(3))
        assert answer.group_type == ("point",) * 27
        assert answer.agree.all()

    def test_a_ghost_without_neighbours_is_unclear(self):
        system, points = integrator(np.zeros((1, 1)), 1)
        group = only(classify_attractors(system, points))
        assert (group.group_type, group.agree) == ("unclear", False)
        assert "1 slow mode but no neighbours" in repr(group)

    def test_a_few_points_are_too_few(self):
        system, points = integrator(np.linspace(0.0, 1.0, 5)[:, None], 1)
        group = only(classify_attractors(system, points))
        assert (group.group_type, group.agree) == ("unclear", True)
        assert "too few points to tell" in repr(group)

    def test_no_points(self):
        system, points = self.memories(1)
        assert repr(classify_attractors(system, points[:0])) == "no points"

    def test_what_did_not_converge_is_left_out(self):
        system, points = self.memories(1)
        status = [Status.FIXED_POINT, Status.NOT_CONVERGED, Status.SLOW_POINT]
        answer = classify_attractors(system, FixedPoints(xstar=points.xstar, status=status))
        assert sorted(answer.members) == [0, 2]
        # The slow point has no slow mode, so that it belongs to no manifold.
        kinds = dict(zip(answer.members.tolist(), answer.group_type, strict=True))
        assert kinds == {0: "point", 2: "unclear"}


class TestAnswersOfASearch:
    """Either answer of a search will do, and what fixed points cannot tell is said."""

    @pytest.fixture
    def answers(self):
        """A line of fixed points at z1 = 0, and where 60 starts on it ended, some twice."""
        system, line = integrator(np.linspace(-1, 1, 30)[:, None], 1)
        every = FixedPoints(
            xstar=np.concatenate([line.xstar, line.xstar + 1e-6, np.full((2, 10), np.nan)]),
            qstar=np.r_[np.full(30, 1e-20), np.full(30, 1e-12), np.full(2, np.nan)],
            status=np.r_[
                np.full(60, Status.FIXED_POINT), [Status.DIVERGED, Status.NOT_CONVERGED]
            ],
        )
        return system, every

    def test_where_each_start_ended_is_sorted_as_the_distinct_points_are(self, answers):
        system, every = answers
        unique = every[:30]
        answer, of_unique = (
            classify_attractors(system, every),
            classify_attractors(system, unique),
        )
        assert repr(answer) == repr(of_unique)
        assert sorted(answer.members) == list(range(30))
        assert (answer.n_left_out, answer.n_repeated, answer.n_slow_points) == (2, 30, 0)

    def test_a_fixed_point_stands_for_the_slow_ones_at_it(self, answers):
        system, every = answers
        status = np.repeat([Status.SLOW_POINT, Status.FIXED_POINT], 30)
        both = dataclasses.replace(every[:60], status=status)
        assert sorted(classify_attractors(system, both).members) == list(range(30, 60))

    def test_fixed_points_alone_that_cannot_be_joined_say_so(self):
        """Three fixed points far apart on a slow ring: too few to see the ring."""
        system, points = ring(2 * np.pi * np.arange(3) / 3, drift=1e-4)
        alone = dataclasses.replace(points, status=np.full(3, Status.FIXED_POINT))
        words = repr(classify_attractors(system, alone))
        assert words.startswith("an unclear group of 3 points;")
        assert "no slow points are among those given" in words and "sample_slow_states" in words
        # Of points without a status none is known to be slow, and none not to be.
        assert "no slow points" not in repr(classify_attractors(system, points))

    def test_nor_is_it_said_where_the_manifold_shows(self, answers):
        assert "no slow points" not in repr(classify_attractors(*answers))

    def test_no_fixed_or_slow_point_among_many_is_said(self, answers):
        system, every = answers
        answer = classify_attractors(system, every[60:])
        assert repr(answer) == "no points: of 2 points given none are fixed or slow"


def test_conditions_are_kept_apart():
    """A line that the input shifts: the points of two inputs are two lines."""
    system = as_system(
        lambda h, u: columns(h[:, :1], 0.5 * h[:, 1:] + u), n_states=2, n_inputs=1
    )
    t = np.linspace(-1, 1, 20)
    x = np.concatenate([np.stack([t, np.full(20, 2.0 * u)], axis=1) for u in (0.0, 0.01)])
    answer = classify_attractors(
        system, FixedPoints(xstar=x, inputs=np.repeat([[0.0], [0.01]], 20, 0))
    )
    assert answer.group_type == ("line", "line")
    assert answer.condition.tolist() == [0, 1]
    assert answer.inputs.ravel().tolist() == [0.0, 0.01]
    assert repr(answer).endswith("2 lines of 40 points in all, at 2 inputs")


def test_given_eigenvalues_are_used():
    system, points = integrator(np.linspace(0, 1, 20)[:, None], 1)
    fast = FixedPoints(xstar=points.xstar, eigval_J_xstar=np.full((20, 10), 0.5))
    assert set(classify_attractors(system, fast).group_type) == {"point"}


def test_the_answer_comes_back_from_a_file(tmp_path):
    answer = classify_attractors(*valleys([-1.0, 1.0], np.linspace(-2.0, 2.0, 20)))
    answer.save(tmp_path / "a.h5")
    back = Attractors.load(tmp_path / "a.h5")
    assert repr(back) == repr(answer)
    assert repr(back[1]) == repr(answer[1])
    assert all(word is GroupType.LINE for word in back.group_type)
    with pytest.raises(IndexError, match="group: expected one of 2 groups, received 2"):
        back[2]


class TestInterruption:
    """Two lines, of which the second is being looked at when Ctrl-C comes."""

    def interrupted_at(self, monkeypatch, name, call):
        original, calls = getattr(slow_groups.ManifoldGrouper, name), []

        def stop(self, *arguments):
            calls.append(1)
            if len(calls) == call:
                raise KeyboardInterrupt
            return original(self, *arguments)

        monkeypatch.setattr(slow_groups.ManifoldGrouper, name, stop)
        return classify_attractors(*valleys([-1.0, 1.0], np.linspace(-2.0, 2.0, 20)))

    def test_the_groups_found_by_then_are_kept(self, monkeypatch, tmp_path):
        answer = self.interrupted_at(monkeypatch, "describe", 2)
        assert answer.interrupted and answer.group_type == ("line",)
        assert answer.n_slow.tolist() == [1] * 20
        assert repr(answer).endswith("(interrupted)")
        answer.save(tmp_path / "a.h5")
        assert Attractors.load(tmp_path / "a.h5").interrupted

    def test_before_any_group_there_is_none(self, monkeypatch):
        answer = self.interrupted_at(monkeypatch, "groups", 1)
        assert answer.interrupted and len(answer) == 0
        assert repr(answer) == "no points (interrupted)"

    def test_a_whole_answer_is_not_marked(self):
        assert not classify_attractors(*integrator(np.zeros((1, 1)), 1)).interrupted

    def test_states_are_returned_as_far_as_they_had_settled(self, monkeypatch, tmp_path):
        run_block, calls = arrivals.run_block, []

        def stop(*arguments):
            calls.append(1)
            if len(calls) == 3:
                raise KeyboardInterrupt
            return run_block(*arguments)

        system = as_system(
            lambda h, u: h * tf.constant([1.0, 0.98], h.dtype), n_states=2, n_inputs=0
        )
        states = np.random.default_rng(0).normal(size=(50, 2))
        monkeypatch.setattr(arrivals, "run_block", stop)
        found = sample_slow_states(system, states, n_steps=1000)
        assert found.search_end == SearchEnd.INTERRUPTED
        assert "search ended: interrupted from the keyboard" in repr(found)
        assert found.n_iters.tolist() == [64] * found.n
        np.testing.assert_allclose(found.xstar, found.x_init * [1.0, 0.98**64], rtol=1e-12)
        found.save(tmp_path / "slow.h5")
        assert FixedPoints.load(tmp_path / "slow.h5").search_end == SearchEnd.INTERRUPTED
        monkeypatch.setattr(arrivals, "run_block", run_block)
        whole = sample_slow_states(system, states, n_steps=1000)
        assert whole.search_end is None and whole.n_iters.tolist() == [1000] * whole.n


def test_bars_are_shown_where_asked_for(capsys):
    system, points = integrator(np.linspace(0, 1, 20)[:, None], 1)
    classify_attractors(system, sample_slow_states(system, points.xstar))
    assert capsys.readouterr().err == ""
    classify_attractors(
        system, sample_slow_states(system, points.xstar, verbose=True), verbose=True
    )
    shown = capsys.readouterr().err
    assert "simulating: 100%" in shown and "examining groups: 100%" in shown


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"min_time_constant": 1.0},
            "min_time_constant: expected a number above 1, received 1.0",
        ),
        (
            {"min_time_constant": "long"},
            "min_time_constant: expected a number above 1, received 'long'",
        ),
        (
            {"min_points": 2.5},
            "min_points: expected a whole number of at least 3, received 2.5",
        ),
        ({"dt": 0.1}, "dt: expected None for a discrete system, received 0.1"),
    ],
)
def test_bad_options_are_refused(changes, message):
    system, points = integrator(np.zeros((1, 1)), 1)
    with pytest.raises(ValueError, match=message):
        classify_attractors(system, points, **changes)


def test_points_of_another_system_are_refused():
    system, points = integrator(np.zeros((1, 1)), 1)
    with pytest.raises(ValueError, match="points: expected those of a discrete system of 10"):
        classify_attractors(system, FixedPoints(xstar=np.zeros((1, 3))))
    with pytest.raises(TypeError, match="points: expected a FixedPoints, received ndarray"):
        classify_attractors(system, points.xstar)
    driven = as_system(lambda h, u: h + u, n_states=1, n_inputs=1)
    with pytest.raises(ValueError, match=r"inputs of shape \(n, n_inputs=1\), received None"):
        classify_attractors(driven, FixedPoints(xstar=np.zeros((1, 1))))


class TestSampling:
    def leaky_ring(self):
        """8 attractors and 8 saddles on a ring that is slow between them."""
        return ring(2 * np.pi * np.arange(16) / 16, drift=1e-4)

    def test_states_settle_on_the_ring_and_are_spread_along_it(self):
        system, exact = self.leaky_ring()
        states = np.random.default_rng(0).normal(size=(2000, 10))
        found = sample_slow_states(system, states, max_points=100)
        z = found.xstar @ ROTATION
        assert np.allclose(np.linalg.norm(z[:, :2], axis=1), 1.0)
        assert np.abs(z[:, 2:]).max() < 1e-12
        assert 60 < found.n <= 100
        assert (found.status == Status.SLOW_POINT).all()
        angle = np.sort(np.arctan2(z[:, 1], z[:, 0]))
        assert np.diff(angle).min() > 0.5 * found.tol_unique
        group = only(classify_attractors(system, found))
        assert group.group_type == "ring"
        assert group.largest_drift == pytest.approx(1e-4, rel=0.02)

    def test_trajectories_are_taken_as_they_are(self):
        system, _ = self.leaky_ring()
        paths = np.random.default_rng(0).normal(size=(4, 30, 10))
        assert sample_slow_states(system, paths).n == 120

    def test_all_states_at_one_attractor_are_one(self):
        system, _ = integrator(np.zeros((1, 1)), 1)
        assert sample_slow_states(system, np.tile(ROTATION[:, 0], (50, 1))).n == 1

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"max_points": 0}, "max_points: expected a whole number of at least 1"),
            ({"n_steps": -1}, "n_steps: expected a whole number of at least 0"),
            ({"inputs": [1.0]}, r"inputs: expected shape \(n_inputs,\)"),
        ],
    )
    def test_bad_options_are_refused(self, changes, message):
        system, _ = self.leaky_ring()
        with pytest.raises(ValueError, match=message):
            sample_slow_states(system, np.zeros((3, 10)), **changes)


class TestGeometry:
    @pytest.mark.parametrize("n", [16, 50, 200])
    @pytest.mark.parametrize("seed", range(5))
    def test_dimensions_of_random_samples(self, n, seed):
        rng = np.random.default_rng(seed)
        clouds = {
            1: [rng.random((n, 1)), circle(2 * np.pi * rng.random(n))],
            2: [rng.random((n, 2)), rng.random((n, 2)) * [[4.0, 1.0]]],
        }
        for dimension, of in clouds.items():
            for cloud in of:
                flat = np.concatenate([cloud, np.zeros((n, 10 - cloud.shape[1]))], axis=1)
                assert local_dimension(flat @ ROTATION.T)[0] == dimension

    def test_a_lattice_is_no_line(self):
        lattice = np.stack(np.meshgrid(*[[-1.0, 0.0, 1.0]] * 3), axis=-1).reshape(-1, 3)
        assert local_dimension(lattice)[0] == 3

    def test_a_few_points(self):
        assert local_dimension(np.zeros((1, 4))) == (0, 0.0)
        assert local_dimension(np.eye(4)[:2])[0] == 1
        assert neighbour_pairs(np.zeros((1, 4))).shape == (0, 2)

    def test_a_branch_is_not_covered(self):
        t = np.linspace(0.0, 3.0, 50)
        star = [np.stack([t * np.cos(a), t * np.sin(a)], axis=1) for a in (0.0, 2.0, 4.0)]
        assert trace_curve(np.concatenate(star)).covered < 0.75

    def test_many_points_use_no_table_of_distances(self):
        t = np.linspace(0.0, 1.0, 3500)[:, None]
        curve = trace_curve(t)
        assert curve.length == pytest.approx(1.0)
        assert np.allclose(np.abs(np.diff(curve.coordinate)), 1 / 3499)


class TestFigures:
    def labels(self, ax):
        return [text.get_text() for text in ax.get_legend().get_texts()]

    def test_a_ring_is_drawn_closed(self):
        answer = classify_attractors(*ring(2 * np.pi * np.arange(16) / 16, drift=1e-4))
        figure, ax = answer.plot()
        assert self.labels(ax) == ["ring of 16 points"]
        assert len(ax.get_lines()[0].get_xdata()) == 17
        figure.canvas.draw()

    def test_it_is_laid_out_with_the_ticks_that_are_shown(self):
        """They change once one unit is as long along both axes; labels then need room."""
        figure, ax = classify_attractors(*ring(2 * np.pi * np.arange(16) / 16)).plot()
        laid_out = ax.get_position().bounds
        figure.canvas.draw()
        assert laid_out == pytest.approx(ax.get_position().bounds, abs=1e-3)

    def test_the_drift_along_it(self):
        answer = classify_attractors(*ring(2 * np.pi * np.arange(16) / 16, drift=1e-4))
        figure, ax = answer.plot_drift()
        assert self.labels(ax) == ["8 members, stable", "8 members, unstable"]
        curve = ax.get_lines()[1]
        assert len(curve.get_xdata()) == 33 and np.all(np.diff(curve.get_xdata()) > 0)
        figure.canvas.draw()

    def test_no_drift_along_a_plane(self):
        grid = np.stack(np.meshgrid(np.arange(5), np.arange(5)), -1).reshape(-1, 2) / 5
        answer = classify_attractors(*integrator(grid, 2))
        with pytest.raises(ValueError, match="group: expected a line or a ring, received 0"):
            answer.plot_drift()
        assert self.labels(answer.plot()[1]) == ["plane of 25 points"]

    def test_lines_of_one_condition(self):
        answer = classify_attractors(*valleys([-1.0, 0.0, 1.0], np.linspace(-2.0, 2.0, 20)))
        assert self.labels(answer.plot(condition=0)[1]) == ["line of 20 points"] * 3
        with pytest.raises(
            ValueError, match="condition: expected one of 1 conditions, received 1"
        ):
            answer.plot(condition=1)

    def test_lines_at_several_inputs_have_names_of_their_own(self):
        system = as_system(
            lambda h, u: columns(h[:, :1], 0.5 * h[:, 1:] + u), n_states=2, n_inputs=1
        )
        t, inputs = np.linspace(-2.0, 2.0, 20), np.repeat([[0.0], [1.0]], 20, axis=0)
        x = np.concatenate([np.stack([t, np.full(20, at)], axis=1) for at in (0.0, 2.0)])
        answer = classify_attractors(system, FixedPoints(xstar=x, inputs=inputs))
        assert self.labels(answer.plot()[1]) == [
            "line of 20 points, condition 0",
            "line of 20 points, condition 1",
        ]
        assert self.labels(answer.plot(condition=1)[1]) == ["line of 20 points"]

    def test_nothing_to_draw(self):
        system, points = integrator(np.zeros((1, 1)), 1)
        assert self.labels(classify_attractors(system, points[:0]).plot()[1]) == ["no points"]
