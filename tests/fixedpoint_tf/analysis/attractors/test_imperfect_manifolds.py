"""Rings and lines as trained networks have them, where attractors and saddles take turns."""

import numpy as np
import pytest
import tensorflow as tf
from reference import leaky_relu_network, load

from fixedpoint_tf import FixedPointFinder, FixedPoints, Status, as_system
from fixedpoint_tf.analysis import RunOutcome, classify_attractors, sample_slow_states

pytestmark = pytest.mark.slow

D = 8
ROTATION = np.linalg.qr(np.random.default_rng(5).normal(size=(D, D)))[0]


def columns(*parts):
    return tf.concat(parts, axis=1)


def rotated(step, scale=1.0):
    """The same map in rotated coordinates of another size."""

    def turned(h, u):
        z = tf.matmul(h / scale, tf.constant(ROTATION, h.dtype))
        return scale * tf.matmul(step(z), tf.constant(ROTATION.T.copy(), h.dtype))

    return as_system(turned, n_states=D, n_inputs=0)


def fixed(system, x, scale=1.0):
    x = np.concatenate([x, np.zeros((len(x), D - x.shape[1]))], axis=1) @ ROTATION.T
    names = tuple(system.state_names)
    return FixedPoints(xstar=scale * x, status=np.zeros(len(x), np.int8), state_names=names)


def polar(z):
    x = z[:, :1] + 1e-7  # a direction at the origin, too
    return tf.sqrt(x**2 + z[:, 1:2] ** 2), tf.atan2(z[:, 1:2], x)


def circle(angle):
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def ring(n, drift, scale=1.0, pull=0.3):
    """n attractors and n saddles on a circle, a source in the middle."""

    def step(z):
        r, angle = polar(z)
        angle, r = angle - drift * tf.sin(n * angle), r + pull * r * (1.0 - r)
        return columns(r * tf.cos(angle), r * tf.sin(angle), 0.5 * z[:, 2:])

    system = rotated(step, scale)
    x = np.concatenate([circle(np.pi * np.arange(2 * n) / n), np.zeros((1, 2))])
    return system, fixed(system, x, scale)


def with_slow_states(system, points, n, seed=0, scale=1.0):
    if not n:
        return points
    states = scale * np.random.default_rng(seed).normal(size=(1000, D))
    slow = sample_slow_states(system, states, max_points=n, seed=seed)
    return FixedPoints.concatenate([points, slow], common=True)


class TestRings:
    # Every two of the three parameters meet in all their values.
    @pytest.mark.parametrize(
        ("n", "drift", "n_slow"),
        [
            (n, drift, (0, 50)[(i + j) % 2])
            for i, n in enumerate((2, 3, 5, 16))
            for j, drift in enumerate((1e-5, 1e-3, 5e-3))
        ],
    )
    def test_attractors_and_saddles_are_one_ring_without_the_source(self, n, drift, n_slow):
        system, points = ring(n, drift)
        answer = classify_attractors(system, with_slow_states(system, points, n_slow))
        assert answer.group_type == ("ring", "point")
        points_of = answer[0].members[~answer[0].is_slow_state]
        assert sorted(points_of) == list(range(2 * n))
        assert answer[1].members.tolist() == [2 * n]
        words = f"a ring of {2 * n} points"
        assert repr(answer).startswith(words + (" and " if n_slow else ", "))
        assert answer[0].length == pytest.approx(2 * np.pi, rel=0.03)
        assert answer[0].largest_drift == pytest.approx(drift, rel=0.3)
        # Once around: attractors and saddles take turns.
        unstable = answer[0].n_unstable[~answer[0].is_slow_state] > 0
        assert (unstable != np.roll(unstable, 1)).all()

    @pytest.mark.parametrize("scale", [1e-6, 1e-3, 1e3])
    def test_the_size_of_the_states_changes_nothing(self, scale):
        system, points = ring(5, 1e-3, scale)
        answer = classify_attractors(system, with_slow_states(system, points, 50, scale=scale))
        assert answer.group_type == ("ring", "point")
        assert answer[0].length == pytest.approx(2 * np.pi * scale, rel=0.03)
        assert answer[0].return_time == pytest.approx(-1 / np.log(0.7), rel=1e-3)

    def test_a_ring_that_attracts_slowly(self):
        system, points = ring(6, 1e-3, pull=0.02)
        assert classify_attractors(system, with_slow_states(system, points, 80)).group_type == (
            "ring",
            "point",
        )

    def test_states_that_hurry_around_hold_no_angle(self):
        system, points = ring(5, 0.05)  # across the radius in 20 steps
        answer = classify_attractors(system, points)
        assert set(answer.group_type) == {"point"}
        assert (
            classify_attractors(system, points, min_time_constant=15.0).group_type[0] == "ring"
        )

    def test_a_source_as_slow_as_the_ring_is_apart(self):
        """It has a slow mode, too, and lies nearer to the ring than the points on it do."""

        def step(z):
            x = z[:, :2]
            r2 = tf.reduce_sum(x**2, axis=1, keepdims=True)
            r, angle = polar(x)
            angle = angle - 2e-3 * r2 * tf.sin(2 * angle)
            x = (1.0 + 8e-3 * (1.0 - r2)) * columns(r * tf.cos(angle), r * tf.sin(angle))
            return columns(x, 0.5 * z[:, 2:])

        system = rotated(step)
        points = fixed(
            system, np.concatenate([circle(np.pi * np.arange(4) / 2), np.zeros((1, 2))])
        )
        for n_slow in (0, 100):
            answer = classify_attractors(system, with_slow_states(system, points, n_slow))
            assert answer.group_type == ("ring", "point")
            assert answer[1].members.tolist() == [4]

    def test_two_rings_are_two_and_the_one_between_does_not_attract(self):
        def step(z):
            r, angle = polar(z)
            angle, r = angle - 5e-3 * tf.sin(5 * angle), r + 0.3 * r * (1.0 - r)
            side = z[:, 2:3] + 0.3 * (z[:, 2:3] - z[:, 2:3] ** 3)
            return columns(r * tf.cos(angle), r * tf.sin(angle), side, 0.5 * z[:, 3:])

        system = rotated(step)
        around = circle(np.pi * np.arange(10) / 5)
        x = [np.column_stack([around, np.full(10, side)]) for side in (-1.0, 0.0, 1.0)]
        answer = classify_attractors(system, fixed(system, np.concatenate(x)))
        assert answer.group_type[:2] == ("ring", "ring")
        assert set(answer.group_type[2:]) == {"point"}
        assert [sorted(group.members) for group in answer][:2] in (
            [list(range(10)), list(range(20, 30))],
            [list(range(20, 30)), list(range(10))],
        )
        assert repr(answer).startswith("2 rings of 20 points in all, 10 isolated points (")

    def test_a_ring_that_repels_and_is_barely_slow(self):
        """Its modes along it have a time constant of 100 steps within rounding."""

        def step(z):
            r, angle = polar(z)
            angle, r = angle - 2e-3 * tf.sin(5 * angle), r + 0.3 * r * (1.0 - r)
            around = columns(r * tf.cos(angle), r * tf.sin(angle))
            return columns(around, 1.5 * z[:, 2:3], 0.5 * z[:, 3:])

        system = rotated(step)
        answer = classify_attractors(system, fixed(system, circle(np.pi * np.arange(10) / 5)))
        assert answer.group_type == ("ring",) and answer.dimension_spectral.tolist() == [1]
        assert "does not return" in repr(answer)

    @pytest.mark.parametrize("n_slow", [0, 100, 300, 1000])
    @pytest.mark.parametrize("seed", [0, 1])
    def test_the_ring_of_a_trained_network_however_it_is_sampled(self, n_slow, seed):
        data = load("rnn", "relu_lowrank_reach_rnn.npz")
        system = as_system(leaky_relu_network(data), n_states=60, n_inputs=2)
        x, u = data["zero.xstar"], data["zero.input"]
        points = FixedPoints(
            xstar=x,
            inputs=np.tile(u, (len(x), 1)),
            status=np.zeros(len(x), np.int8),
            state_names=tuple(system.state_names),
        )
        if n_slow:
            states = np.abs(x).max() * np.random.default_rng(seed).normal(size=(2000, 60))
            slow = sample_slow_states(system, states, u, max_points=n_slow, seed=seed)
            points = FixedPoints.concatenate([points, slow], common=True)
        answer = classify_attractors(system, points)
        assert answer.group_type == ("ring", "point")
        assert "a ring of 16 points" in repr(answer)
        assert (~answer[0].is_slow_state).sum() == 16
        assert data["zero.n_unstable"][answer[1].members[0]] == 2


class TestLines:
    def line(self, k, drift, scale=1.0):
        """2 k + 1 points on a parabola, attractors at both ends."""

        def step(z):
            x = z[:, :1]
            inside = tf.cast(tf.abs(x) <= 1.0, x.dtype)
            out = tf.nn.relu(tf.abs(x) - 1.0) * tf.sign(x)
            later = x - drift * tf.sin(k * np.pi * x) * inside - 0.02 * out
            away = 0.5 * (z[:, 1:2] - 0.3 * x**2)
            return columns(later, 0.3 * later**2 + away, 0.5 * z[:, 2:])

        system = rotated(step, scale)
        x = np.arange(-k, k + 1) / k
        return system, fixed(system, np.stack([x, 0.3 * x**2], axis=1), scale)

    @pytest.mark.parametrize(
        ("drift", "scale"), [(1e-4, 1e-3), (1e-4, 1.0), (3e-3, 1.0), (3e-3, 1e3)]
    )
    def test_a_broken_line_is_one_line(self, drift, scale):
        system, points = self.line(4, drift, scale)
        answer = classify_attractors(system, points)
        assert answer.group_type == ("line",)
        assert answer[0].members.tolist() in (list(range(9)), list(range(9))[::-1])
        sampled = classify_attractors(system, with_slow_states(system, points, 60, scale=scale))
        assert sampled.group_type == ("line",)
        assert sampled[0].length > 1.2 * answer[0].length  # it goes on beyond the last point

    def test_two_memories_and_the_threshold_between_are_no_line(self):
        system = as_system(lambda h, u: tf.tanh(2.0 * h), n_states=1, n_inputs=0)
        x = np.array([[-0.9575040240772687], [0.0], [0.9575040240772687]])
        points = FixedPoints(
            xstar=x, status=np.zeros(3, np.int8), state_names=tuple(system.state_names)
        )
        states = np.linspace(-0.9, 0.9, 50)[:, None]
        slow = sample_slow_states(system, states, n_steps=0)
        joined = FixedPoints.concatenate([points, slow], common=True)
        assert set(classify_attractors(system, joined).group_type) == {"point"}


@pytest.mark.parametrize("drift", [1e-4, 3e-3])
def test_a_torus_of_points_is_a_sheet(drift):
    def step(z):
        parts = []
        for i in (0, 2):
            r, angle = polar(z[:, i : i + 2])
            angle, r = angle - drift * tf.sin(3 * angle), r + 0.3 * r * (1.0 - r)
            parts += [r * tf.cos(angle), r * tf.sin(angle)]
        return columns(*parts, 0.5 * z[:, 4:])

    system = rotated(step)
    angle = np.pi * np.arange(6) / 3
    first, second = (part.ravel() for part in np.meshgrid(angle, angle))
    points = fixed(system, np.concatenate([circle(first), circle(second)], axis=1))
    for n_slow in (0, 200):
        answer = classify_attractors(system, with_slow_states(system, points, n_slow))
        assert answer.group_type == ("plane",)
        assert repr(answer).startswith("a plane of 36 points")


class TestCycles:
    """States that go round for ever one way are no ring of fixed points."""

    def cycle(self, turn, uneven=0.0):
        def step(h, u):
            r, angle = polar(h)
            angle, r = angle + turn * (1.0 + uneven * tf.sin(3 * angle)), r + 0.3 * r * (1 - r)
            return columns(r * tf.cos(angle), r * tf.sin(angle), 0.5 * h[:, 2:])

        return step

    @pytest.mark.parametrize("turn", [1e-5, 1e-3, -3e-3])
    @pytest.mark.parametrize("uneven", [0.0, 0.7])
    def test_a_slow_one(self, turn, uneven):
        system = as_system(self.cycle(turn, uneven), n_states=3, n_inputs=0)
        states = np.random.default_rng(0).normal(size=(400, 3))
        answer = classify_attractors(system, sample_slow_states(system, states, max_points=150))
        assert answer.group_type == ("cycle",)
        assert repr(answer).startswith("states settle on a cycle: use find_cycles")
        drift = np.concatenate([answer[0].drift, answer[0].drift_between])
        assert (drift > 0).all() or (drift < 0).all()
        once = 2 * np.pi / (abs(turn) * np.sqrt(1 - uneven**2))
        assert answer[0].turn == pytest.approx(once, rel=0.05)

    @pytest.mark.parametrize("turn", [0.3, 0.7, 2.0, 2 * np.pi / 5])
    def test_a_fast_one_has_no_slow_points(self, turn):
        system = as_system(self.cycle(turn), n_states=3, n_inputs=0)
        states = np.random.default_rng(0).normal(size=(400, 3))
        sampled = sample_slow_states(system, states, max_points=100)
        assert (sampled.status == Status.NOT_SLOW).all()
        assert repr(sampled) == f"no fixed points; {sampled.n} not slow; 3 units"
        answer = classify_attractors(system, sampled)
        assert len(answer) == 0
        assert (answer.outcomes == RunOutcome.CYCLE).all()
        assert repr(answer) == "states settle on a cycle: use find_cycles"

    def test_the_answer_of_a_search_tells_it_too(self):
        finder = FixedPointFinder(self.cycle(0.01), n_states=3, n_inputs=0, verbose=False)
        states = np.random.default_rng(0).normal(size=(64, 3))
        unique, all_points = finder.find_fixed_points(states)
        for points in (unique.slow, all_points):
            assert "states settle on a cycle: use find_cycles" in repr(
                finder.classify_attractors(points)
            )

    @pytest.mark.parametrize("pull", [0.0, 0.6, 0.9])
    def test_its_few_slow_places_are_no_unclear_group(self, pull):
        """All that a search finds of an uneven cycle are the places where it is slowest."""

        def step(h, u):
            r, angle = polar(h)
            angle = angle + 3e-3 * (1.0 - pull * tf.sin(5 * angle))
            r = r + 0.3 * r * (1.0 - r)
            return columns(r * tf.cos(angle), r * tf.sin(angle), 0.5 * h[:, 2:])

        finder = FixedPointFinder(step, n_states=3, n_inputs=0, verbose=False)
        places = (np.pi / 2 + 2 * np.pi * np.arange(5)) / 5
        x = np.concatenate([circle(places), np.zeros((5, 1))], axis=1)
        names = tuple(finder.system.state_names)
        slow = FixedPoints(xstar=x, status=np.ones(5, np.int8), state_names=names)
        for n in (1, 5):
            answer = finder.classify_attractors(slow[:n])
            assert repr(answer).startswith("states settle on a cycle: use find_cycles")
            assert len(answer) == 0 and answer.n_turning == n
        source = FixedPoints(
            xstar=np.zeros((1, 3)), status=np.zeros(1, np.int8), state_names=names
        )
        answer = finder.classify_attractors(FixedPoints.concatenate([source, slow]))
        assert answer.group_type == ("point",) and answer.n_turning == 5
        assert repr(answer) == (
            "states settle on a cycle: use find_cycles, 1 isolated point (with 2 unstable "
            "directions); 5 slow states lie on it or lead to it"
        )

    def test_a_ring_with_fixed_points_is_none(self):
        system, points = ring(4, 1e-3)
        slow = with_slow_states(system, points, 60)
        assert classify_attractors(system, slow[len(points) :]).group_type == ("ring",)

    def test_in_continuous_time(self):
        def flow(h, u):
            x, y = h[:, :1], h[:, 1:]
            grow = 1.0 - x * x - y * y
            return columns(x * grow - 1e-3 * y, y * grow + 1e-3 * x)

        system = as_system(flow, n_states=2, n_inputs=0, time="continuous")
        states = np.random.default_rng(0).normal(size=(300, 2))
        answer = classify_attractors(
            system, sample_slow_states(system, states, n_steps=3000, max_points=100)
        )
        assert answer.group_type == ("cycle",)
        assert answer[0].turn == pytest.approx(2000 * np.pi, rel=0.05)


class TestNoFixedPoints:
    @pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
    def test_a_shift_has_no_slow_points(self, scale):
        system = as_system(lambda h, u: h + scale, n_states=2, n_inputs=0)
        states = scale * np.random.default_rng(0).normal(size=(80, 2))
        answer = classify_attractors(system, sample_slow_states(system, states))
        assert len(answer) == 0 and answer.n_slow_points == 0
        assert repr(answer).startswith("no points: of 80 points given none are fixed or slow")
        assert "64 keep moving" in repr(answer)

    def test_states_that_all_move_on_are_no_sheet(self):
        """Far away they move more slowly, but past each other in a tenth of ``slow``."""
        finder = FixedPointFinder(
            lambda h, u: columns(h[:, :2] + 0.2 + 0.1 * tf.tanh(h[:, :2]), 0.5 * h[:, 2:]),
            n_states=8, n_inputs=0, verbose=False,
        )  # fmt: skip
        states = np.random.default_rng(1).normal(size=(256, 8))
        unique, _ = finder.find_fixed_points(states)
        both = FixedPoints.concatenate([unique, finder.sample_slow_states(states)], common=True)
        for points in (unique, both):
            answer = finder.classify_attractors(points)
            assert len(answer) == 0
            assert repr(answer).startswith("no points: of ")

    def test_slow_points_that_are_none_by_the_time_asked_for_are_counted(self):
        system = as_system(lambda h, u: 0.98 * h, n_states=1, n_inputs=0)
        x = np.linspace(-1.0, 1.0, 20)[:, None]
        points = FixedPoints(xstar=x, status=np.full(20, Status.SLOW_POINT))
        answer = classify_attractors(system, points, min_time_constant=100.0)
        assert answer.n_not_slow == 8  # beyond 0.625, 1.25 times as fast as 1 / slow
        assert "8 are no slow points by min_time_constant = 100" in repr(answer)

    def test_one_of_anything_is_singular(self):
        system = as_system(lambda h, u: h + 1.0, n_states=1, n_inputs=0)
        points = FixedPoints(xstar=np.zeros((1, 1)), status=[Status.SLOW_POINT])
        words = repr(classify_attractors(system, points))
        assert words.startswith(
            "no points: of 1 point given none is a fixed or slow point; 1 is no"
        )
        assert "1 keeps moving" in words


def test_slow_states_that_lead_to_a_memory_are_counted():
    system = as_system(lambda h, u: h + 0.1 * (h - h**3), n_states=1, n_inputs=0)
    x = np.array([[-1.0], [0.0], [1.0], [0.01]])
    status = [Status.FIXED_POINT] * 3 + [Status.SLOW_POINT]
    answer = classify_attractors(system, FixedPoints(xstar=x, status=status))
    assert answer.group_type == ("point",) * 3 and answer.n_drawn == 1
    assert repr(answer) == (
        "3 isolated points (2 stable, 1 with 1 unstable direction), "
        "1 slow state that leads to a point"
    )


def test_attractors_alone_are_called_so():
    system = as_system(lambda h, u: h + 0.1 * (h - h**3), n_states=1, n_inputs=0)
    answer = classify_attractors(system, FixedPoints(xstar=np.array([[-1.0], [1.0]])))
    assert repr(answer) == "2 isolated attractors"
    one = classify_attractors(system, FixedPoints(xstar=np.array([[1.0]])))
    assert repr(one) == "1 isolated attractor"


@pytest.mark.parametrize("value", [0.0, -1.0, "long", True])
def test_a_bad_time_constant_is_refused(value):
    system = as_system(lambda h, u: 0.5 * h, n_states=1, n_inputs=0)
    with pytest.raises(ValueError, match="min_time_constant"):
        sample_slow_states(system, np.zeros((2, 1)), min_time_constant=value)
