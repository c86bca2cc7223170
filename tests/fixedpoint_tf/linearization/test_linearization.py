"""Facts of linear algebra and of dynamics that the linearisation must reproduce."""

import numpy as np
import pytest

from fixedpoint_tf import linearization as lin


@pytest.fixture
def jacobians():
    return np.random.default_rng(0).normal(0.0, 0.4, (5, 6, 6))


def rotation(angle, radius=1.0):
    c, s = np.cos(angle), np.sin(angle)
    return radius * np.array([[c, -s], [s, c]])


class TestDecompose:
    @pytest.mark.parametrize("time", ["discrete", "continuous"])
    def test_eigenvectors_satisfy_their_equations(self, jacobians, time):
        values, right, left = lin.decompose(jacobians, time)
        np.testing.assert_allclose(jacobians @ right, right * values[:, None, :], atol=1e-12)
        np.testing.assert_allclose(left @ jacobians, values[:, :, None] * left, atol=1e-12)
        np.testing.assert_allclose(left @ right, np.tile(np.eye(6), (5, 1, 1)), atol=1e-12)
        np.testing.assert_allclose(np.linalg.norm(right, axis=1), 1.0)

    def test_right_vectors_alone_are_the_same(self, jacobians):
        jacobians[1, 0, 0] = np.nan
        values, right = lin.right_eigenvectors(jacobians)
        both = lin.decompose(jacobians)
        np.testing.assert_array_equal(values, both[0])
        np.testing.assert_array_equal(right, both[1])
        assert np.isnan(both[2][1]).all() and np.isfinite(both[2][0]).all()
        assert lin.right_eigenvectors(np.zeros((0, 3, 3)))[1].shape == (0, 3, 3)

    def test_fastest_growing_first(self, jacobians):
        values, _, _ = lin.decompose(jacobians)
        assert (np.diff(np.abs(values), axis=1) <= 1e-12).all()
        values, _, _ = lin.decompose(jacobians, "continuous")
        assert (np.diff(values.real, axis=1) <= 1e-12).all()

    def test_order_among_equals_is_settled(self):
        blocks = np.zeros((1, 4, 4))
        blocks[0, :2, :2] = rotation(np.pi / 2)
        blocks[0, 2, 2], blocks[0, 3, 3] = -1.0, 1.0
        values, _, _ = lin.decompose(blocks)
        np.testing.assert_allclose(values[0], [1.0, 1j, -1j, -1.0], atol=1e-12)

    def test_result_is_complex128_also_where_all_eigenvalues_are_real(self):
        for array in lin.decompose(np.diag([0.5, 0.9])[None].astype(np.float32)):
            assert array.dtype == np.complex128

    def test_nan_jacobian_leaves_the_others_alone(self, jacobians):
        expected = lin.decompose(jacobians[1:])
        jacobians[0, 2, 3] = np.nan
        got = lin.decompose(jacobians)
        for whole, rest in zip(got, expected, strict=True):
            assert np.isnan(whole[0]).all()
            np.testing.assert_array_equal(whole[1:], rest)
        assert lin.n_unstable(got[0])[0] == -1
        assert not lin.is_stable(got[0])[0]
        assert lin.classify(got[0])[0] == "unknown"

    def test_defective_eigenvalues_have_no_left_vectors_and_the_others_keep_theirs(
        self, jacobians
    ):
        # An exact Jordan block of the eigenvalue 0 beside a simple eigenvalue 0.9.
        exact = np.zeros((6, 6))
        exact[0, 0], exact[4, 5] = 0.9, 1.0
        with np.errstate(all="raise"):
            values, right, left = lin.decompose(np.stack([exact, jacobians[0]]))
        np.testing.assert_allclose(values[0, 0], 0.9)
        np.testing.assert_allclose(left[0, 0] @ right[0], np.eye(6)[0], atol=1e-9)
        np.testing.assert_allclose(left[0, 0] @ exact, 0.9 * left[0, 0], atol=1e-12)
        assert np.isnan(left[0, 1:]).any(axis=1).sum() >= 2
        np.testing.assert_allclose(left[1] @ right[1], np.eye(6), atol=1e-12)

    def test_every_left_vector_given_is_one(self):
        # Random similarities of Jordan blocks, which rounding splits more or less.
        rng = np.random.default_rng(1)
        for _ in range(20):
            jordan = np.diag([0.9, 0.5, 0.5, 0.3])
            jordan[1, 2] = 1.0
            mix = rng.normal(size=(4, 4))
            matrix = mix @ jordan @ np.linalg.inv(mix)
            _, right, left = lin.decompose(matrix[None])
            given = np.isfinite(left[0]).all(axis=1)
            assert given[0] and given[3]
            np.testing.assert_allclose((left[0] @ right[0])[given], np.eye(4)[given], atol=1e-6)

    def test_one_matrix_without_eigenvalues_does_not_take_the_batch_down(
        self, jacobians, monkeypatch
    ):
        expected, _, _ = lin.decompose(jacobians)
        true_eig = np.linalg.eig

        def fails_on_the_second(a):
            if np.array_equal(a, jacobians[1]):
                raise np.linalg.LinAlgError("Eigenvalues did not converge")
            return true_eig(a)

        monkeypatch.setattr(np.linalg, "eig", fails_on_the_second)
        values, _, _ = lin.decompose(jacobians)
        assert np.isnan(values[1]).all()
        np.testing.assert_allclose(values[[0, 2, 3, 4]], expected[[0, 2, 3, 4]])

    def test_no_points_and_no_states(self):
        assert [a.shape for a in lin.decompose(np.zeros((0, 4, 4)))] == [
            (0, 4),
            (0, 4, 4),
            (0, 4, 4),
        ]
        assert lin.decompose(np.zeros((3, 0, 0)))[0].shape == (3, 0)

    def test_bad_arguments_are_named(self):
        with pytest.raises(ValueError, match=r"jacobians: expected .* received \(3, 2\)"):
            lin.decompose(np.zeros((3, 2)))
        with pytest.raises(ValueError, match="time: expected .* received 'other'"):
            lin.decompose(np.zeros((1, 2, 2)), "other")


class TestTimeScales:
    def test_a_rotation_by_an_angle_has_its_frequency(self):
        for angle in (0.1, 1.0, 3.0):
            values, _, _ = lin.decompose(rotation(angle, 0.95)[None])
            np.testing.assert_allclose(lin.frequencies(values), angle / (2 * np.pi))
            np.testing.assert_allclose(
                lin.frequencies(values, dt=0.02), angle / (2 * np.pi * 0.02)
            )

    def test_time_constants(self):
        np.testing.assert_allclose(lin.time_constants([0.9]), -1.0 / np.log(0.9))
        np.testing.assert_allclose(lin.time_constants([1 / 0.9]), -1.0 / np.log(0.9))
        np.testing.assert_array_equal(lin.time_constants([1.0, 0.0, 1j]), [np.inf, 0.0, np.inf])
        np.testing.assert_allclose(lin.time_constants([-0.25 + 3j], "continuous"), 4.0)

    def test_steps_of_a_flow_and_the_flow_agree(self):
        flow = np.array([-0.3 + 2.0j, -1.0, 0.2])
        dt = 0.1
        steps = np.exp(flow * dt)
        np.testing.assert_allclose(
            lin.time_constants(steps, dt=dt), lin.time_constants(flow, "continuous")
        )
        np.testing.assert_allclose(
            lin.frequencies(steps, dt=dt), lin.frequencies(flow, "continuous")
        )

    @pytest.mark.parametrize("measure", [lin.time_constants, lin.frequencies])
    def test_eigenvalues_in_continuous_time_need_no_step(self, measure):
        with pytest.raises(ValueError, match="dt: expected None for a continuous system"):
            measure([-1.0], "continuous", dt=0.1)

    @pytest.mark.parametrize("dt", [0.0, -1.0, np.nan])
    def test_bad_dt(self, dt):
        with pytest.raises(ValueError, match="dt: expected a positive number"):
            lin.frequencies([0.9], dt=dt)


class TestStability:
    @pytest.mark.parametrize(
        ("eigenvalues", "expected", "number"),
        [
            ([0.9, 0.1], "stable", 0),
            ([1.1, 0.1], "saddle", 1),
            ([1.1, -1.2], "unstable", 2),
            ([1.0 + 1e-8, 0.1], "marginal", 0),
            ([1.1, 1.0], "unstable", 1),
            ([1j, 0.1], "marginal", 0),
        ],
    )
    def test_discrete(self, eigenvalues, expected, number):
        values = np.array([eigenvalues])
        assert lin.classify(values).tolist() == [expected]
        assert lin.n_unstable(values).tolist() == [number]
        assert lin.is_stable(values).tolist() == [expected == "stable"]
        # The same modes as a flow: the logarithm of the step.
        flow = np.log(values.astype(complex))
        assert lin.classify(flow, "continuous").tolist() == [expected]
        assert lin.n_unstable(flow, "continuous").tolist() == [number]

    def test_every_class_is_a_member_of_the_enum_and_equal_to_its_word(self):
        values = [[0.9, 0.5], [1.2, 0.5], [1.2, 1.1], [1.0, 0.5], [np.nan, 0.5]]
        found = lin.classify(values)
        assert [lin.Stability(word) for word in found] == found.tolist()
        assert (found == lin.Stability.SADDLE).tolist() == [False, True, False, False, False]
        assert all(member.text and str(member) == member for member in lin.Stability)

    def test_tolerance_is_an_argument(self):
        assert lin.classify([[0.999, 0.5]], tol=0.01).tolist() == ["marginal"]


class TestLinearTrajectories:
    def test_a_linear_system_is_followed_exactly(self):
        rng = np.random.default_rng(2)
        A, B, b = rng.normal(0, 0.3, (4, 4)), rng.normal(size=(4, 2)), rng.normal(size=4)
        u = rng.normal(size=2)
        xstar = np.linalg.solve(np.eye(4) - A, B @ u + b)
        du = rng.normal(size=(3, 10, 2))
        x = rng.normal(size=(3, 4))
        true = np.empty((3, 10, 4))
        for t in range(10):
            x = x @ A.T + (u + du[:, t]) @ B.T + b
            true[:, t] = x
        start = np.random.default_rng(2)
        for size in ((4, 4), (4, 2), 4, 2, (3, 10, 2)):
            start.normal(size=size)
        got = lin.linear_trajectories(xstar, A, start.normal(size=(3, 4)), 10, B, du)
        np.testing.assert_allclose(got, true, atol=1e-12)

    def test_one_deviation_for_all_steps_or_all_trajectories(self):
        A, B = np.eye(2) * 0.5, np.ones((2, 1))
        starts = np.zeros((3, 2))
        full = lin.linear_trajectories([0, 0], A, starts, 4, B, np.ones((3, 4, 1)))
        for shape in ((1,), (4, 1)):
            same = lin.linear_trajectories([0, 0], A, starts, 4, B, np.ones(shape))
            np.testing.assert_array_equal(same, full)

    def test_the_states_leave_a_slow_point_with_its_drift(self):
        got = lin.linear_trajectories([2.0], [[1.0]], [2.0], 3, drift=[0.1])
        np.testing.assert_allclose(got.ravel(), [2.1, 2.2, 2.3])

    def test_a_singular_flow_is_solved_exactly(self):
        # dx/dt = y + 1, dy/dt = 0: x = x0 + (y0 + 1) t.
        got = lin.linear_trajectories(
            [0, 0], [[0, 1], [0, 0]], [[5, 2]], 4, drift=[1, 0], time="continuous", dt=0.25
        )
        np.testing.assert_allclose(got[0, :, 0], 5 + 3 * 0.25 * np.arange(1, 5))
        np.testing.assert_allclose(got[0, :, 1], 2.0)

    def test_no_steps(self):
        assert lin.linear_trajectories([0.0], [[1.0]], [[1.0]], 0).shape == (1, 0, 1)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"xstar": [[0.0]]}, "xstar: expected shape"),
            ({"jacobian": np.eye(3)}, r"jacobian: expected shape \(2, 2\), received \(3, 3\)"),
            ({"initial_states": np.ones((1, 3))}, "initial_states: expected shape"),
            ({"n_steps": -1}, "n_steps: expected a whole number of at least 0, received -1"),
            ({"input_jacobian": np.ones((2, 1))}, "expected both or neither"),
            (
                {"input_jacobian": np.ones((2, 1)), "input_deviation": np.ones((4, 1))},
                "input_deviation: expected shape",
            ),
            ({"drift": [1.0]}, "drift: expected shape"),
            ({"dt": 0.1}, "dt: expected None for a discrete system"),
            ({"time": "continuous"}, "dt: expected a positive number for a continuous"),
        ],
    )
    def test_bad_arguments_are_named(self, change, message):
        arguments = {
            "xstar": [0.0, 0.0],
            "jacobian": np.eye(2),
            "initial_states": np.ones((1, 2)),
            "n_steps": 3,
        }
        with pytest.raises(ValueError, match=message):
            lin.linear_trajectories(**(arguments | change))
