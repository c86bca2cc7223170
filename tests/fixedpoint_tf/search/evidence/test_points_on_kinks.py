"""What is asked of fixed points on a kink goes by all its sides, as the search does."""

import numpy as np
import pytest
import tensorflow as tf

from fixedpoint_tf import FixedPointFinder, FixedPoints
from fixedpoint_tf.systems.at_points import eigenvalues_of

pytestmark = pytest.mark.slow


def half_stable(h, u):
    """States below 0 leave it for -0.957..., states above come to it."""
    return tf.where(h < 0.0, tf.tanh(2.0 * h), 0.5 * h)


def without_derivatives(points):
    """As they are once slow states have been joined to them."""
    slow = FixedPoints(
        xstar=np.zeros((0, points.n_states)), status=[], state_names=points.state_names
    )
    bare = FixedPoints.concatenate([points, slow], common=True)
    return FixedPoints(
        xstar=bare.xstar, status=bare.status, qstar=bare.qstar, state_names=bare.state_names
    )


@pytest.fixture(scope="module")
def found():
    finder = FixedPointFinder(half_stable, n_states=1, n_inputs=0, verbose=False)
    points, _ = finder.find_fixed_points(np.linspace(-2.0, 2.0, 41)[:, None])
    return finder, points


class TestHalfStablePoint:
    def test_the_search_calls_it_unstable(self, found):
        _, points = found
        assert points.is_stable[np.argsort(points.xstar[:, 0])].tolist() == [True, False]

    def test_new_eigenvalues_are_those_of_the_search(self, found):
        finder, points = found
        bare = without_derivatives(points)
        values = eigenvalues_of(finder.system, bare, np.zeros((bare.n, 0)))
        np.testing.assert_allclose(values, points.eigval_J_xstar, rtol=1e-6)

    def test_it_is_no_attractor_whatever_the_points_carry(self, found):
        finder, points = found
        for some in (points, without_derivatives(points)):
            answer = finder.classify_attractors(some)
            assert repr(answer).startswith(
                "2 isolated points (1 stable, 1 with 1 unstable direction)"
            )

    def test_it_has_one_way_out(self, found):
        """On the other side states come back: that is no way out, and no boundary."""
        finder, points = found
        attractor = int(np.argmin(points.xstar[:, 0]))
        for some in (points, without_derivatives(points)):
            ways = finder.find_connections(some)
            assert ways.target.tolist() == [attractor]
            assert "boundary" not in repr(ways)


@pytest.mark.parametrize("n", [3, 6])
def test_the_middle_of_a_ring_is_a_source_with_slow_states_too(n):
    """The angle is undefined in the middle, where each direction has its own Jacobian."""

    def step(h, u):
        r = tf.sqrt(h[:, :1] ** 2 + h[:, 1:2] ** 2 + 1e-30)
        angle = tf.atan2(h[:, 1:2], h[:, :1] + 1e-14)
        angle, r = angle - 2e-3 * tf.sin(n * angle), r + 0.3 * r * (1.0 - r)
        return tf.concat([r * tf.cos(angle), r * tf.sin(angle), 0.5 * h[:, 2:]], axis=1)

    finder = FixedPointFinder(step, n_states=3, n_inputs=0, verbose=False)
    states = np.random.default_rng(1).normal(size=(128, 3))
    points, _ = finder.find_fixed_points(states)
    joined = FixedPoints.concatenate([points, finder.sample_slow_states(states)], common=True)
    for some in (points, joined):
        answer = finder.classify_attractors(some)
        assert answer.group_type == ("ring", "point")
        assert answer[1].n_unstable.tolist() == [2]
