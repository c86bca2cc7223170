"""Figures show what they say: the right number of markers and lines, names and limits."""

import matplotlib

matplotlib.use("Agg")

import numpy as np
import pytest
from matplotlib import pyplot

from fixedpoint_tf import linearization, plotting
from fixedpoint_tf.fixed_points.plotting import groups_of, mode_lines
from fixedpoint_tf.fixed_points.points import FixedPoints
from fixedpoint_tf.fixed_points.status import Status
from fixedpoint_tf.plotting.projection import principal_components

FIXED, SLOW, NOT_CONVERGED, DIVERGED, *_ = Status


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    pyplot.close("all")


class DoubleWell:
    """dx/dt = x - x^3, dy/dt = -y/2, the other coordinates -z; fixed at x = -1, 0, 1."""

    def __init__(self, n_states=2, n_inputs=0, time="continuous"):
        self.n_states, self.n_inputs, self.time = n_states, n_inputs, time

    def step(self, h, u):
        flow = -0.5 * h
        flow[:, 0] = h[:, 0] - h[:, 0] ** 3
        if self.n_inputs:
            flow[:, 1] += u[:, 0]
        return flow if self.time == "continuous" else h + 0.1 * flow

    def fixed_points(self):
        xstar = np.zeros((3, self.n_states))
        xstar[:, 0] = [-1.0, 0.0, 1.0]
        jacobians = np.tile(-0.5 * np.eye(self.n_states), (3, 1, 1))
        jacobians[:, 0, 0] = [-2.0, 1.0, -2.0]
        if self.time == "discrete":
            jacobians = np.eye(self.n_states) + 0.1 * jacobians
        return FixedPoints(
            xstar=xstar, J_xstar=jacobians, time=self.time, status=[FIXED] * 3, qstar=[0.0] * 3
        ).decompose_jacobians()


def artist(ax, words):
    """The one line whose legend contains the words."""
    found = [line for line in ax.get_lines() if words in line.get_label()]
    assert len(found) == 1, [line.get_label() for line in ax.get_lines()]
    return found[0]


def data(line):
    """(n_points, 2 or 3) of a line."""
    xyz = line.get_data_3d() if hasattr(line, "get_data_3d") else line.get_data()
    return np.stack([np.asarray(x, float) for x in xyz], axis=1)


def n_lines(line):
    """How many lines are drawn as one, with NaN between them."""
    return int(np.isnan(data(line)[:, 0]).sum())


def drawable(fig):
    fig.canvas.draw()
    return fig


class TestStateSpace:
    def test_three_dimensions(self):
        system = DoubleWell(5, time="discrete")
        fps = system.fixed_points()
        slow = FixedPoints(
            xstar=np.full((2, 5), 0.3), status=[SLOW, NOT_CONVERGED], qstar=[1, 1]
        )
        fps = FixedPoints.concatenate([fps, with_all(slow, fps)])
        trajectories = np.random.default_rng(0).normal(size=(7, 11, 5))
        fig, ax = plotting.plot_fixed_points(
            fps, trajectories, plot_batch_idx=range(4), plot_start_time=2
        )
        assert ax.name == "3d"
        pca = principal_components(trajectories.reshape(-1, 5), 3)
        np.testing.assert_allclose(
            data(artist(ax, "2 stable fixed points")), pca.points(fps.xstar[[0, 2]])
        )
        np.testing.assert_allclose(
            data(artist(ax, "1 unstable fixed point")), pca.points(fps.xstar[[1]])
        )
        assert len(data(artist(ax, "1 slow point"))) == 1
        drawn = artist(ax, "4 trajectories")
        assert n_lines(drawn) == 4
        np.testing.assert_allclose(data(drawn)[:9], pca.points(trajectories[0, 2:]))
        assert n_lines(artist(ax, "unstable modes")) == 1
        labels = [ax.get_xlabel(), ax.get_ylabel(), ax.get_zlabel()]
        assert labels == [f"PC {i + 1} ({s:.0%})" for i, s in enumerate(pca.explained)]
        markers = {
            artist(ax, words).get_marker()
            for words in ("2 stable", "1 unstable fixed", "1 slow")
        }
        assert len(markers) == 3
        assert artist(ax, "2 stable").get_markerfacecolor() != "white"
        assert artist(ax, "1 unstable fixed").get_markerfacecolor() == "white"
        drawable(fig)

    def test_components_of_the_points_without_trajectories(self):
        fps = FixedPoints(xstar=np.random.default_rng(0).normal(size=(9, 6)), status=[0] * 9)
        _, ax = plotting.plot_fixed_points(fps)
        expected = principal_components(fps.xstar, 3).points(fps.xstar)
        np.testing.assert_allclose(data(artist(ax, "9 fixed points")), expected)

    def test_one_point_alone(self):
        fps = FixedPoints(xstar=np.ones((1, 9)), status=[0])
        fig, ax = plotting.plot_fixed_points(fps)
        np.testing.assert_allclose(data(artist(ax, "1 fixed point")), [[0, 0, 0]], atol=1e-12)
        assert ax.get_xlabel() == "PC 1"
        drawable(fig)

    def test_trajectories_with_missing_states(self):
        trajectories = np.random.default_rng(0).normal(size=(3, 8, 4))
        trajectories[1, 5:] = np.nan
        fps = FixedPoints(xstar=np.zeros((1, 4)), status=[0])
        fig, ax = plotting.plot_fixed_points(fps, trajectories)
        assert np.isfinite(data(artist(ax, "1 fixed point"))).all()
        drawable(fig)

    def test_two_units_in_their_own_coordinates(self):
        fps = DoubleWell().fixed_points()
        fig, ax = plotting.plot_fixed_points(fps, np.zeros((4, 2)), mode_scale=0.25)
        np.testing.assert_allclose(data(artist(ax, "2 stable")), [[-1, 0], [1, 0]])
        ends = data(artist(ax, "unstable modes"))[:2]
        np.testing.assert_allclose(np.sort(ends[:, 0]), [-0.25, 0.25])
        np.testing.assert_allclose(ends[:, 1], 0.0)
        assert (ax.get_xlabel(), ax.get_ylabel()) == ("state 1", "state 2")
        assert n_lines(artist(ax, "1 trajectory")) == 1
        drawable(fig)

    def test_named_states_name_the_axes(self):
        fps = FixedPoints(xstar=[[0.0, 0.0]], state_names=[("h", 1), ("c", 1)], status=[0])
        _, ax = plotting.plot_fixed_points(fps)
        assert (ax.get_xlabel(), ax.get_ylabel()) == ("h", "c")

    def test_one_unit(self):
        fps = FixedPoints(
            xstar=[[0.0], [1.0]],
            eigval_J_xstar=[[1.5], [0.5]],
            eigvec_J_xstar=np.ones((2, 1, 1)),
            status=[0, 0],
        )
        fig, ax = plotting.plot_fixed_points(fps)
        np.testing.assert_allclose(data(artist(ax, "1 stable")), [[1.0, 0.0]])
        assert ax.get_xlabel() == "state" and len(ax.get_yticks()) == 0
        drawable(fig)
        fig, ax = plotting.plot_fixed_points(fps, np.full((2, 5, 1), 0.7), plot_start_time=1)
        assert ax.get_ylabel() == "time (steps)"
        np.testing.assert_allclose(data(artist(ax, "2 traj"))[:4, 1], [1, 2, 3, 4])
        drawable(fig)

    def test_slow_points_are_never_drawn_as_fixed_points(self):
        fps = DoubleWell(4).fixed_points()
        slow = FixedPoints(**(fps.to_dict() | {"status": [SLOW] * 3}))
        _, ax = plotting.plot_fixed_points(slow)
        assert [line.get_label() for line in ax.get_lines()] == ["3 slow points"]

    def test_without_status_nothing_is_called_a_fixed_point(self):
        fps = FixedPoints(**(DoubleWell(4).fixed_points().to_dict() | {"status": None}))
        _, ax = plotting.plot_fixed_points(fps)
        labels = [text.get_text() for text in ax.get_legend().get_texts()]
        assert labels == ["unstable modes", "1 unstable point", "2 stable points"]

    def test_modes_of_a_complex_pair_span_the_plane_of_the_rotation(self):
        jacobian = np.zeros((1, 3, 3))
        jacobian[0, :2, :2] = [[1.0, -0.8], [0.8, 1.0]]
        fps = FixedPoints(xstar=np.zeros((1, 3)), J_xstar=jacobian).decompose_jacobians()
        lines = mode_lines(groups_of(fps), 1.0, 3)
        directions = lines[:, 1] - lines[:, 0]
        assert len(lines) == 2
        np.testing.assert_allclose(directions[0] @ directions[1], 0.0, atol=1e-12)
        np.testing.assert_allclose(directions[:, 2], 0.0, atol=1e-12)

    def test_given_axes_and_figures_are_used(self):
        fps = DoubleWell(4).fixed_points()
        given = pyplot.figure()
        ax = given.add_subplot(projection="3d")
        assert plotting.plot_fixed_points(fps, ax=ax) == (given, ax)
        other = pyplot.figure()
        assert plotting.plot_fixed_points(fps, fig=other)[0] is other
        with pytest.raises(ValueError, match="ax: expected 3d axes, received rectilinear"):
            plotting.plot_fixed_points(fps, ax=other.add_subplot())

    def test_bad_arguments_are_named(self):
        fps = DoubleWell(4).fixed_points()
        with pytest.raises(ValueError, match=r"state_traj: .*n_states=4, received \(2, 3, 5\)"):
            plotting.plot_fixed_points(fps, np.zeros((2, 3, 5)))
        with pytest.raises(
            ValueError, match="mode_scale: expected a number of at least 0, received -1"
        ):
            plotting.plot_fixed_points(fps, mode_scale=-1)

    def test_by_method_and_by_the_old_name(self):
        fps = DoubleWell(4).fixed_points()
        assert plotting.plot_fps is plotting.plot_fixed_points
        _, ax = fps.plot(mode_scale=0.0)
        assert [line.get_label() for line in ax.get_lines()] == [
            "1 unstable fixed point",
            "2 stable fixed points",
        ]


def with_all(points, like):
    """The points with a row in each array that the others have."""
    values, right, left = linearization.decompose(np.tile(0.5 * np.eye(5), (points.n, 1, 1)))
    return FixedPoints(
        xstar=points.xstar,
        J_xstar=np.tile(0.5 * np.eye(5), (points.n, 1, 1)),
        eigval_J_xstar=values,
        eigvec_J_xstar=right,
        left_eigvec_J_xstar=left,
        status=points.status,
        qstar=points.qstar,
        time=like.time,
    )


class TestEigenvalues:
    def test_discrete(self):
        fps = DoubleWell(5, time="discrete").fixed_points()
        fig, ax = plotting.plot_eigenvalues(fps)
        circle = data(artist(ax, "unit circle"))
        np.testing.assert_allclose(np.linalg.norm(circle, axis=1), 1.0)
        stable = data(artist(ax, "2 stable fixed points"))
        values = fps.eigval_J_xstar[[0, 2]].ravel()
        np.testing.assert_allclose(stable, np.stack([values.real, values.imag], axis=1))
        assert len(data(artist(ax, "1 unstable fixed point"))) == 5
        assert (ax.get_xlabel(), ax.get_ylabel()) == ("Re λ", "Im λ")
        drawable(fig)

    def test_continuous(self):
        _, ax = plotting.plot_eigenvalues(DoubleWell(3).fixed_points())
        np.testing.assert_array_equal(data(artist(ax, "imaginary axis"))[:, 0], 0.0)
        assert ax.get_xlabel() == "Re λ (1/time)"

    def test_rounding_of_real_eigenvalues_is_not_stretched(self):
        _, ax = plotting.plot_eigenvalues(DoubleWell(3).fixed_points())
        assert np.ptp(ax.get_ylim()) >= 0.2 * np.ptp(ax.get_xlim())

    def test_needs_eigenvalues(self):
        with pytest.raises(ValueError, match="fps: expected points with eigenvalues"):
            plotting.plot_eigenvalues(FixedPoints(xstar=np.zeros((1, 2))))


class TestSpeeds:
    def test_a_row_for_each_status(self):
        fps = FixedPoints(
            xstar=np.zeros((7, 2)),
            qstar=[0.0, 1e-30, 1e-28, 1e-6, 1e-5, np.nan, np.inf],
            status=[FIXED, FIXED, FIXED, SLOW, NOT_CONVERGED, DIVERGED, DIVERGED],
        )
        fig, ax = plotting.plot_q(fps, tol_q=1e-12)
        assert [label.get_text() for label in ax.get_yticklabels()] == [
            "diverged (2)\n2 without finite q",
            "not converged (1)",
            "slow point (1)",
            "fixed point (3)",
        ]
        bars = [bar for bar in ax.patches if bar.get_height() > 0]
        assert len(bars) == 5  # All three fixed points are apart.
        for bar, q in zip(bars, [1e-5, 1e-6, 1e-31, 1e-30, 1e-28], strict=True):
            left = bar.get_x()
            assert left <= q <= (left + bar.get_width()) * (1 + 1e-9)
        assert {text.get_text() for text in ax.texts} == {"tol_q", "q = 0"}
        assert ax.get_xscale() == "log"
        assert ax.get_xlabel() == "speed q = ½ |F(x) − x|²"
        drawable(fig)

    def test_all_zero(self):
        drawable(plotting.plot_q(DoubleWell().fixed_points())[0])

    def test_a_far_tolerance_leaves_no_empty_axis(self):
        q = np.geomspace(1e-32, 1e-30, 20)
        fps = FixedPoints(xstar=np.zeros((20, 2)), qstar=q, status=np.zeros(20, int))
        fig, ax = plotting.plot_q(fps, tol_q=1e-12)
        drawable(fig)
        at = ax.transLimits.transform(
            ax.transScale.transform([[1e-32, 0], [1e-30, 0], [1e-12, 0]])
        )
        assert at[1, 0] - at[0, 0] > 0.4 and 0.9 < at[2, 0] < 1.0
        assert {text.get_text() for text in ax.texts} == {"tol_q", "//"}
        assert sum(bar.get_height() > 0 for bar in ax.patches) > 10

    def test_needs_q(self):
        with pytest.raises(ValueError, match="fps: expected points with qstar"):
            plotting.plot_q(FixedPoints(xstar=np.zeros((1, 2))))


class TestFlow:
    @pytest.mark.parametrize("time", ["discrete", "continuous"])
    def test_two_units(self, time):
        system = DoubleWell(time=time)
        fig, ax = plotting.plot_flow(system, system.fixed_points(), n_grid=21, n_arrows=8)
        np.testing.assert_allclose(data(artist(ax, "2 stable")), [[-1, 0], [1, 0]])
        quiver = next(c for c in ax.collections if type(c).__name__ == "Quiver")
        flow = DoubleWell().step(quiver.XY.copy(), None)
        flow /= np.linalg.norm(flow, axis=1, keepdims=True)
        np.testing.assert_allclose(np.stack([quiver.U, quiver.V], axis=1), flow, atol=1e-9)
        mesh = next(c for c in ax.collections if type(c).__name__ == "QuadMesh")
        scale = 0.1 if time == "discrete" else 1.0
        corner = np.array([[ax.get_xlim()[0], ax.get_ylim()[0]]])
        np.testing.assert_allclose(
            mesh.get_array().ravel()[0],
            scale * np.linalg.norm(DoubleWell().step(corner, None)),
        )
        unit = "|F(h) − h| (per step)" if time == "discrete" else "|dh/dt| (1/time)"
        assert fig.axes[1].get_ylabel() == f"speed {unit}"
        drawable(fig)

    def test_a_plane_through_three_points(self):
        system = DoubleWell(4)
        points = np.zeros((3, 4))
        points[:, 0], points[2, 3] = [-1.0, 1.0, 0.0], 1.0
        fps = system.fixed_points()
        fps = FixedPoints(xstar=np.vstack([fps.xstar, [[0, 9, 0, 0]]]), status=[0] * 4)
        fig, ax = plotting.plot_flow(system, points, fps=fps, n_grid=11, n_arrows=5)
        artist(ax, "4 fixed points (1 off the plane, faint)")
        assert ax.get_xlabel() == "plane axis 1"
        drawable(fig)

    def test_a_plane_that_is_not_through_the_origin(self):
        # All speed is out of the plane z = 1: colour shows it, no arrow can.
        class Falls:
            n_states, n_inputs, time = 3, 0, "continuous"

            def step(self, h, u):
                return np.tile([0.0, 0.0, -2.0], (len(h), 1))

        points = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 1.0], [0.0, 1.0, 1.0]])
        fig, ax = plotting.plot_flow(Falls(), points, n_grid=5, n_arrows=3)
        mesh, quiver = ax.collections
        np.testing.assert_allclose(mesh.get_array(), 2.0)
        np.testing.assert_allclose(np.hypot(quiver.U, quiver.V), 0.0)
        drawable(fig)

    def test_the_input_is_that_of_the_points(self):
        system = DoubleWell(n_inputs=1)
        fps = FixedPoints(xstar=[[-1.0, 1.0], [1.0, 1.0]], inputs=[[0.5], [0.5]], status=[0, 0])
        _, ax = plotting.plot_flow(system, fps, n_grid=5, n_arrows=3)
        quiver = ax.collections[1]
        middle = np.isclose(quiver.XY[:, 1], 1.0)  # dy/dt = 0.5 - y/2 = 0 here.
        np.testing.assert_allclose(quiver.V[middle], 0.0, atol=1e-12)
        given = plotting.plot_flow(system, fps.xstar, np.array([0.5]), n_grid=5, n_arrows=3)
        np.testing.assert_array_equal(given[1].collections[1].V, quiver.V)

    @pytest.mark.parametrize(
        ("system", "points", "options", "message"),
        [
            (DoubleWell(4), np.zeros((3, 5)), {}, r"points: .*n_states=4\), received \(3, 5\)"),
            (DoubleWell(4), np.zeros((2, 4)), {}, "points: expected at least 3.*received 2"),
            (DoubleWell(4), np.zeros((3, 4)), {}, "points: expected points that span a plane"),
            (DoubleWell(4), np.full((3, 4), np.nan), {}, "points: expected finite numbers"),
            (DoubleWell(1), np.zeros((3, 1)), {}, "system: expected at least 2 states"),
            (DoubleWell(2, 3), np.zeros((1, 2)), {}, r"inputs: .*n_inputs=3.*received None"),
            (
                DoubleWell(2, 3),
                np.zeros((1, 2)),
                {"inputs": np.zeros(2)},
                r"inputs: .*n_inputs=3.*received \(2,\)",
            ),
            (
                DoubleWell(2, 1),
                FixedPoints(xstar=np.zeros((2, 2)), inputs=[[0.0], [1.0]]),
                {},
                "inputs: expected one input, since the points have several",
            ),
        ],
    )
    def test_bad_arguments_are_named(self, system, points, options, message):
        with pytest.raises(ValueError, match=message):
            plotting.plot_flow(system, points, **options)


@pytest.mark.parametrize("n_states", [1, 2, 5])
@pytest.mark.parametrize(
    "plot", [plotting.plot_fixed_points, plotting.plot_eigenvalues, plotting.plot_q]
)
def test_no_points_at_all_is_a_figure_that_says_so(plot, n_states):
    fig, ax = plot(FixedPoints(xstar=np.zeros((0, n_states)), status=[]))
    assert any("no " in text.get_text() for text in ax.get_legend().get_texts())
    drawable(fig)


def test_no_points_but_trajectories_and_flow():
    empty = FixedPoints(xstar=np.zeros((0, 4)), status=[])
    fig, ax = plotting.plot_fixed_points(empty, np.random.default_rng(0).normal(size=(2, 9, 4)))
    artist(ax, "2 trajectories")
    drawable(fig)
    drawable(plotting.plot_flow(DoubleWell(2), empty[:0].transform(np.ones((4, 2))))[0])


def test_principal_components_are_those_of_the_covariance():
    data = np.random.default_rng(0).normal(size=(200, 5)) * [3.0, 0.1, 1.0, 2.0, 0.5]
    pca = principal_components(data, 3)
    values, vectors = np.linalg.eigh(np.cov(data.T))
    np.testing.assert_allclose(pca.explained, values[::-1][:3] / values.sum())
    np.testing.assert_allclose(
        np.abs(np.sum(pca.axes.T * vectors[:, ::-1][:, :3], axis=0)), 1.0
    )
    few = principal_components(data[:2], 3)
    np.testing.assert_allclose(few.axes @ few.axes.T, np.eye(3), atol=1e-12)
    with pytest.raises(ValueError, match="n_components: expected 0 to n_states=5, received 6"):
        principal_components(data, 6)


def test_a_line_of_points_is_drawn_as_a_line_and_not_its_rounding():
    rng = np.random.default_rng(0)
    line = np.linspace(-1, 1, 20)[:, None] * np.eye(4)[:1] + 1e-17 * rng.normal(size=(20, 4))
    _, ax = plotting.plot_fixed_points(FixedPoints(xstar=line, status=np.zeros(20, int)))
    widths = [np.ptp(limit()) for limit in (ax.get_xlim, ax.get_ylim, ax.get_zlim)]
    assert min(widths) > 0.5 * max(widths)


def test_a_tolerance_far_from_the_speeds_is_in_the_picture():
    fps = FixedPoints(xstar=np.zeros((2, 1)), qstar=[1e-31, 2e-31], status=[0, 0])
    _, ax = plotting.plot_q(fps, tol_q=1e-12)
    low, high = ax.get_xlim()
    assert low < 1e-31 and high > 1e-12
