"""The result: every way of choosing, joining, changing and storing points keeps all of it."""

import dataclasses
import subprocess
import sys

import h5py
import numpy as np
import pytest

from fixedpoint_tf import linearization
from fixedpoint_tf._utils.checksums import write_checksum
from fixedpoint_tf.fixed_points.points import FixedPoints
from fixedpoint_tf.fixed_points.status import Status

PER_POINT = [f.name for f in dataclasses.fields(FixedPoints) if f.metadata]


def make_points(n=6, n_states=4, n_inputs=2, *, seed=0, **changes):
    """Points with every attribute there is."""
    rng = np.random.default_rng(seed)
    jacobians = rng.normal(0.0, 0.6, (n, n_states, n_states))
    values, right, left = linearization.decompose(jacobians)
    x, image = rng.normal(size=(2, n, n_states))
    arrays = {
        "xstar": x,
        "x_init": rng.normal(size=(n, n_states)),
        "inputs": rng.normal(size=(n, n_inputs)),
        "F_xstar": image,
        "qstar": 0.5 * ((image - x) ** 2).sum(axis=1),
        "dq": rng.uniform(size=n),
        "n_iters": rng.integers(1, 50, n),
        "J_xstar": jacobians,
        "dFdu": rng.normal(size=(n, n_states, n_inputs)),
        "eigval_J_xstar": values,
        "eigvec_J_xstar": right,
        "left_eigvec_J_xstar": left,
        "growth_at_kink": np.where(np.arange(n) % 2, np.nan, np.abs(values).max(axis=1)),
        "is_stable": linearization.is_stable(values),
        "cond_id": np.arange(n) % 2,
        "status": np.arange(n) % 5,
        "newton_step": rng.uniform(size=n),
        "smallest_singular_value": rng.uniform(size=n),
        "n_at_bound": np.arange(n) % 3,
        "tol_unique": 1e-4,
        "time": "discrete",
        "state_names": [("h", n_states - 1), ("c", 1)],
    }
    return FixedPoints(**(arrays | changes))


def with_unstable(counts, status=None, n_states=32, **rest):
    """Points with so many unstable directions each."""
    values = np.full((len(counts), n_states), 0.5)
    for row, count in zip(values, counts, strict=True):
        row[:count] = 1.5
    return FixedPoints(
        xstar=np.zeros((len(counts), n_states)),
        eigval_J_xstar=values,
        status=np.zeros(len(counts), int) if status is None else status,
        **rest,
    )


def assert_equal(a, b):
    assert a.to_dict().keys() == b.to_dict().keys()
    for name, value in a.to_dict().items():
        other = getattr(b, name)
        if isinstance(value, np.ndarray):
            assert value.dtype == other.dtype, name
            np.testing.assert_array_equal(value, other, err_msg=name)
        else:
            assert value == other, name


@pytest.fixture
def fps():
    return make_points()


@pytest.fixture
def empty():
    return make_points()[:0]


def test_numbers_of_starts_belong_to_a_whole_set(tmp_path):
    counts = {"FIXED_POINT": 90, "NOT_CONVERGED": 9, "DIVERGED": 1}
    points = make_points(start_counts=counts)
    assert "of 100 starts 9 did not converge, 1 diverged" in repr(points)
    points.save(tmp_path / "points.h5")
    assert FixedPoints.load(tmp_path / "points.h5").start_counts == counts
    assert points[:1].start_counts is None
    assert FixedPoints.concatenate([points, points]).start_counts is None
    with pytest.raises(ValueError, match="start_counts: expected .* received"):
        make_points(start_counts={"LOST": 1})


class TestConstruction:
    def test_the_maker_fills_every_attribute(self, fps):
        assert [k for k, v in fps.to_dict().items() if v is None] == [
            "start_counts",
            "search_end",
            "index",
        ]

    def test_only_the_points_are_needed(self):
        fps = FixedPoints(xstar=np.ones((2, 3)))
        assert (fps.n, fps.n_states, fps.n_inputs, len(fps)) == (2, 3, 0, 2)
        assert fps.n_unstable is None and fps.stability_class is None

    def test_arrays_have_their_types(self, fps):
        float32 = FixedPoints(xstar=np.ones((1, 2), np.float32), status=[Status.SLOW_POINT])
        assert float32.xstar.dtype == np.float64
        assert float32.status.dtype == np.int8
        assert fps.eigval_J_xstar.dtype == np.complex128
        assert fps.n_iters.dtype == np.int64

    def test_stability_follows_from_the_eigenvalues(self):
        assert with_unstable([0, 1]).is_stable.tolist() == [True, False]

    def test_on_a_kink_the_growth_over_all_sides_decides(self):
        growth = [1.1, 0.9, 1.0, np.nan, 2.0, 1.0]
        points = with_unstable([0, 1, 2, 1, 32, 0], growth_at_kink=growth)
        assert points.is_stable.tolist() == [False, True, False, False, False, False]
        assert points.n_unstable.tolist() == [1, 0, 0, 1, 32, 0]
        assert points.stability_class.tolist() == [
            "unstable", "stable", "marginal", "saddle", "unstable", "marginal",
        ]  # fmt: skip
        assert repr(points).startswith(
            "6 fixed points: 1 stable, 2 with 1 unstable direction, 1 with 32, 2 marginal"
        )
        assert points.unstable.n == 3 and points.stable.n == 1

    def test_it_cannot_be_changed_by_accident(self, fps):
        with pytest.raises(dataclasses.FrozenInstanceError):
            fps.xstar = np.zeros((1, 4))

    @pytest.mark.parametrize(
        ("change", "error", "message"),
        [
            ({"xstar": np.ones(3)}, ValueError, r"xstar: .*\(n, n_states\), received \(3,\)"),
            ({"xstar": None}, TypeError, "xstar: expected numbers"),
            ({"xstar": np.ones((6, 4), complex)}, TypeError, "xstar: .*complex128"),
            ({"x_init": np.ones((5, 4))}, ValueError, r"x_init: .*n=6.*received \(5, 4\)"),
            ({"inputs": np.ones((6, 3))}, ValueError, r"dFdu: .*n_inputs=3.*received"),
            ({"J_xstar": np.ones((6, 4, 3))}, ValueError, r"J_xstar: .*received \(6, 4, 3\)"),
            ({"qstar": np.ones((6, 1))}, ValueError, r"qstar: .*\(n=6\), received \(6, 1\)"),
            ({"status": np.full(6, 7)}, ValueError, r"status: .*0 to 5, received \[7\]"),
            ({"n_iters": np.full(6, 1.5)}, TypeError, "n_iters: .*int64, received float64"),
            ({"is_stable": np.zeros(6)}, TypeError, "is_stable: .*bool, received float64"),
            (
                {"tol_unique": -1.0},
                ValueError,
                "tol_unique: expected .*at least 0, received -1.0",
            ),
            ({"tol_unique": np.nan}, ValueError, "tol_unique: .*received nan"),
            ({"time": "other"}, ValueError, "time: expected .*received 'other'"),
            ({"state_names": [("h", 3)]}, ValueError, "state_names: .*n_states = 4, received"),
        ],
    )
    def test_bad_arguments_are_named(self, change, error, message):
        with pytest.raises(error, match=message):
            make_points(**change)


class TestChoosing:
    @pytest.mark.parametrize(
        ("index", "rows"),
        [
            (2, [2]),
            (-1, [5]),
            (np.int64(3), [3]),
            (slice(1, 5, 2), [1, 3]),
            (np.array([True, False, False, True, False, False]), [0, 3]),
            ([4, 0, 0], [4, 0, 0]),
            (np.array([-1, 1]), [5, 1]),
            ([], []),
            (np.zeros(6, bool), []),
        ],
    )
    def test_index_drops_no_attribute(self, fps, index, rows):
        chosen = fps[index]
        assert chosen.n == len(rows)
        for name in PER_POINT:
            np.testing.assert_array_equal(getattr(chosen, name), getattr(fps, name)[rows])
        assert (chosen.tol_unique, chosen.state_names) == (fps.tol_unique, fps.state_names)

    def test_a_continuous_system_stays_one(self):
        assert make_points(time="continuous")[[0]].time == "continuous"

    @pytest.mark.parametrize("index", [6, -7])
    def test_out_of_range(self, fps, index):
        with pytest.raises(IndexError, match="6 points"):
            fps[index]

    @pytest.mark.parametrize("index", ["a", True, 1.5, np.zeros((2, 2), int), (0, 1, None)])
    def test_other_indices(self, fps, index):
        with pytest.raises((TypeError, ValueError)):
            fps[index]

    def test_iteration_gives_points_one_by_one(self, fps):
        singles = list(fps)
        assert [single.n for single in singles] == [1] * 6
        assert_equal(FixedPoints.concatenate(singles), fps)

    def test_by_status_and_stability(self):
        fps = with_unstable([0, 1, 0, 2, 0], status=[0, 0, 1, 1, 2])
        assert (fps.fixed.n, fps.slow.n) == (2, 2)
        assert (fps.stable.n, fps.unstable.n) == (1, 1)  # No slow point among them.

    def test_a_marginal_point_is_neither_stable_nor_unstable(self):
        fps = FixedPoints(xstar=[[0.0]], eigval_J_xstar=[[1.0]], status=[0])
        assert (fps.stable.n, fps.unstable.n) == (0, 0)
        assert fps.stability_class.tolist() == ["marginal"]

    def test_without_status_nothing_is_called_fixed(self):
        with pytest.raises(ValueError, match="status: expected one for each point"):
            FixedPoints(xstar=np.zeros((2, 3))).fixed  # noqa: B018

    def test_named_blocks_of_the_state(self, fps):
        np.testing.assert_array_equal(fps.states("c"), fps.xstar[:, 3:])
        with pytest.raises(ValueError, match=r"name: expected one of \['h', 'c'\]"):
            fps.states("z")


class TestUnique:
    def test_no_two_kept_points_are_near_and_lower_q_wins(self):
        fps = FixedPoints(
            xstar=[[0.0], [0.4], [0.8], [5.0]], qstar=[1.0, 0.5, 1.0, 1.0], tol_unique=0.5
        )
        np.testing.assert_array_equal(fps.get_unique().xstar, [[0.4], [5.0]])

    def test_one_state_under_two_inputs_is_two_points(self):
        fps = FixedPoints(xstar=[[0.0], [0.0], [0.0]], inputs=[[0.0], [1.0], [1.0]])
        assert fps.get_unique().n == 2

    def test_points_that_are_no_numbers_are_left_out(self):
        fps = FixedPoints(xstar=[[np.nan], [1.0], [1.0], [np.inf]])
        np.testing.assert_array_equal(fps.get_unique().xstar, [[1.0]])

    def test_all_attributes_remain(self, fps):
        twice = FixedPoints.concatenate([fps, fps])
        assert_equal(twice.get_unique(), fps)

    def test_find_and_in(self, fps):
        assert fps.find(fps[3]).tolist() == [3]
        assert fps[3] in fps
        moved = dataclasses.replace(fps[3], inputs=fps[3].inputs + 1.0)
        assert moved not in fps
        assert dataclasses.replace(moved, inputs=None, dFdu=None) in fps

    def test_find_refuses_what_is_not_one_point(self, fps):
        with pytest.raises(ValueError, match="point: expected one point with n_states=4"):
            fps.find(fps)
        with pytest.raises(ValueError, match="received 1 with n_states=3"):
            fps.find(FixedPoints(xstar=np.zeros((1, 3))))
        with pytest.raises(TypeError, match="point: expected a FixedPoints"):
            np.zeros(4) in fps  # noqa: B015


class TestConcatenate:
    def test_keeps_everything_in_order(self, fps):
        assert_equal(FixedPoints.concatenate([fps[:2], fps[2:3], fps[3:]]), fps)

    def test_an_empty_set_adds_nothing(self, fps):
        bare = FixedPoints(
            xstar=np.zeros((0, 4)), tol_unique=fps.tol_unique, state_names=fps.state_names
        )
        assert_equal(FixedPoints.concatenate([bare, fps, bare]), fps)
        assert FixedPoints.concatenate([bare, bare]).n == 0

    def test_joined_sets_keep_the_smallest_tolerance(self):
        near, far = (make_points(tol_unique=tol) for tol in (1e-6, 1e-3))
        for sets in ([near, far], [far, near]):
            assert FixedPoints.concatenate(sets).tol_unique == 1e-6

    def test_refusals_name_what_differs(self, fps):
        with pytest.raises(ValueError, match="parts: expected at least one"):
            FixedPoints.concatenate([])
        with pytest.raises(ValueError, match="one value of time"):
            FixedPoints.concatenate([fps, make_points(time="continuous")])
        with pytest.raises(ValueError, match="one value of n_states"):
            FixedPoints.concatenate([fps, make_points(n_states=5)])
        with pytest.raises(ValueError, match="expected dFdu in all sets or in none"):
            FixedPoints.concatenate([fps, make_points(dFdu=None)])

    def test_only_what_all_have_is_kept_where_that_is_asked_for(self, fps):
        poor = make_points(dFdu=None, J_xstar=None)
        joined = FixedPoints.concatenate([fps, poor], common=True)
        assert joined.n == fps.n + poor.n
        assert joined.dFdu is None and joined.J_xstar is None
        np.testing.assert_array_equal(joined.qstar[: fps.n], fps.qstar)


class TestTransform:
    @pytest.fixture
    def U(self):
        return np.random.default_rng(1).normal(size=(4, 4))

    def test_an_invertible_matrix_keeps_the_dynamics(self, fps, U):
        new = fps.transform(U, offset=2.0)
        np.testing.assert_allclose(new.xstar, fps.xstar @ U + 2.0)
        np.testing.assert_allclose(new.x_init, fps.x_init @ U + 2.0)
        np.testing.assert_allclose(new.F_xstar, fps.F_xstar @ U + 2.0)
        right, left = new.eigvec_J_xstar, new.left_eigvec_J_xstar
        scaled = right * new.eigval_J_xstar[:, None, :]
        np.testing.assert_allclose(new.J_xstar @ right, scaled, atol=1e-10)
        np.testing.assert_allclose(left @ right, np.tile(np.eye(4), (6, 1, 1)), atol=1e-10)
        again = linearization.decompose(new.J_xstar)[0]
        np.testing.assert_allclose(again, fps.eigval_J_xstar, atol=1e-10)

    def test_the_response_to_an_input_is_the_same(self, fps, U):
        du = np.array([0.3, -0.7])
        new = fps.transform(U, offset=np.arange(4.0))
        np.testing.assert_allclose(new.dFdu @ du, (fps.dFdu @ du) @ U)

    def test_there_and_back(self, fps, U):
        back = fps.transform(U, 1.5).transform(np.linalg.inv(U), -1.5 * np.linalg.inv(U).sum(0))
        for name in PER_POINT:
            np.testing.assert_allclose(getattr(back, name), getattr(fps, name), atol=1e-9)

    def test_projection_on_fewer_dimensions(self, fps):
        axes = np.linalg.qr(np.random.default_rng(2).normal(size=(4, 2)))[0]
        new = fps.transform(axes)
        assert new.n_states == 2
        assert new.eigvec_J_xstar.shape == (6, 2, 4)
        assert new.left_eigvec_J_xstar.shape == (6, 4, 2)
        np.testing.assert_array_equal(new.eigval_J_xstar, fps.eigval_J_xstar)
        assert_equal(new[:3], fps[:3].transform(axes))

    def test_a_velocity_has_no_origin(self):
        fps = make_points(time="continuous")
        np.testing.assert_allclose(fps.transform(np.eye(4), 3.0).F_xstar, fps.F_xstar)

    def test_bad_arguments_are_named(self, fps):
        with pytest.raises(ValueError, match=r"U: .*n_states=4.*received \(3, 3\)"):
            fps.transform(np.eye(3))
        with pytest.raises(ValueError, match=r"offset: .*n_new=4.*received \(2,\)"):
            fps.transform(np.eye(4), np.zeros(2))


class TestStorage:
    def test_round_trip_of_every_attribute(self, fps, tmp_path):
        fps.save(tmp_path / "a.h5")
        assert_equal(FixedPoints.load(tmp_path / "a.h5"), fps)

    def test_round_trip_of_what_was_not_computed(self, tmp_path):
        bare = FixedPoints(xstar=np.ones((2, 3)), time="continuous")
        bare.save(str(tmp_path / "a.h5"))
        assert_equal(FixedPoints.load(str(tmp_path / "a.h5")), bare)

    def test_file_names_its_format_and_holds_plain_arrays(self, fps, tmp_path):
        fps.save(tmp_path / "a.h5")
        with h5py.File(tmp_path / "a.h5") as file:
            assert file.attrs["format"] == "fixedpoint_tf.FixedPoints"
            assert file.attrs["format_version"] == 1
            assert set(file) == set(PER_POINT)

    def test_damage_is_named(self, fps, tmp_path):
        fps.save(tmp_path / "a.h5")
        with h5py.File(tmp_path / "a.h5", "a") as file:
            del file["qstar"]
            file["qstar"] = np.zeros(5)
        write_checksum(tmp_path / "a.h5")
        with pytest.raises(ValueError, match=r"a.h5', which is damaged \(qstar: expected"):
            FixedPoints.load(tmp_path / "a.h5")
        with h5py.File(tmp_path / "a.h5", "a") as file:
            del file["qstar"], file["xstar"]
        write_checksum(tmp_path / "a.h5")
        with pytest.raises(ValueError, match="a.h5', which is damaged .*xstar"):
            FixedPoints.load(tmp_path / "a.h5")

    def test_foreign_file_is_named(self, tmp_path):
        (tmp_path / "a.pkl").write_bytes(b"\x80\x04K\x01.")
        with pytest.raises(ValueError, match="a.pkl', which is no HDF5 file"):
            FixedPoints.load(tmp_path / "a.pkl")


class TestRepr:
    @pytest.mark.parametrize(
        ("counts", "status", "expected"),
        [
            (
                [0] * 8 + [1] * 12 + [2] * 6 + [3],
                None,
                "27 fixed points: 8 stable, 12 with 1 unstable direction, 6 with 2, 1 with 3; "
                "32 units",
            ),
            ([0], None, "1 fixed point (stable); 32 units"),
            ([2], None, "1 fixed point (2 unstable directions); 32 units"),
            ([1, 1], None, "2 fixed points (all with 1 unstable direction); 32 units"),
            ([], None, "no fixed points; 32 units"),
            ([0, 1], [2, 3], "no fixed points; 1 not converged; 1 diverged; 32 units"),
        ],
    )
    def test_stories(self, counts, status, expected):
        assert repr(with_unstable(counts, status)) == expected

    def test_slow_points_are_not_counted_as_fixed_points(self):
        fps = with_unstable(
            [0] + [1] * 46, [0] + [1] * 46, n_states=128, n_at_bound=[0] * 6 + [2] * 41
        )
        assert repr(fps) == "1 fixed point (stable); 46 slow points (41 at a bound); 128 units"

    def test_other_stories(self):
        assert repr(FixedPoints(xstar=np.zeros((1200, 3)))) == (
            "1,200 points of unknown status; 3 units"
        )
        assert repr(FixedPoints(xstar=np.zeros((0, 3)))) == "no points; 3 units"
        values = [[np.nan], [1.0], [0.1]]
        fps = FixedPoints(
            xstar=np.zeros((3, 1)), eigval_J_xstar=values, status=[0] * 3, time="continuous"
        )
        assert repr(fps) == (
            "3 fixed points: 2 with 1 unstable direction, 1 of unknown stability; 1 unit, "
            "continuous time"
        )
        assert repr(make_points(1)).endswith("4 state variables (h 3, c 1)")


class TestEmpty:
    def test_everything_works_without_points(self, empty, fps, tmp_path):
        assert (len(empty), list(empty), bool(empty)) == (0, [], False)
        for chosen in (empty[:], empty[[]], empty[np.zeros(0, bool)], empty.fixed, empty.slow):
            assert_equal(chosen, empty)
        assert_equal(empty.get_unique(), empty)
        assert fps[0] not in empty
        assert empty.stable.n == empty.unstable.n == 0
        assert empty.time_constants().shape == empty.frequencies(dt=0.1).shape == (0, 4)
        assert empty.n_unstable.shape == empty.stability_class.shape == (0,)
        assert empty.transform(np.ones((4, 2))).xstar.shape == (0, 2)
        assert_equal(empty.decompose_jacobians(), empty)
        assert_equal(FixedPoints.concatenate([empty, empty]), empty)
        assert repr(empty) == "no fixed points; 4 state variables (h 3, c 1)"
        empty.save(tmp_path / "a.h5")
        assert_equal(FixedPoints.load(tmp_path / "a.h5"), empty)


def test_decompose_jacobians_adds_what_it_says():
    full = make_points()
    bare = make_points(eigval_J_xstar=None, eigvec_J_xstar=None, left_eigvec_J_xstar=None)
    assert_equal(bare.decompose_jacobians(), full)
    with pytest.raises(ValueError, match="J_xstar: expected an array, received None"):
        FixedPoints(xstar=np.zeros((1, 2))).decompose_jacobians()
    with pytest.raises(ValueError, match="eigval_J_xstar: expected an array"):
        bare.time_constants()


def test_time_scales_are_those_of_the_eigenvalues():
    fps = make_points()
    values = fps.eigval_J_xstar
    np.testing.assert_allclose(fps.time_constants(), 1.0 / np.abs(np.log(np.abs(values))))
    np.testing.assert_allclose(
        fps.frequencies(dt=0.5), np.abs(np.angle(values)) / (2 * np.pi) / 0.5
    )


def test_every_attribute_is_rebuilt_from_the_dictionary():
    fps = make_points()
    assert_equal(FixedPoints(**fps.to_dict()), fps)


def test_every_status_has_a_sentence():
    assert len({status.text for status in Status}) == len(Status)


def test_matplotlib_is_not_needed_until_something_is_drawn():
    # Keras imports matplotlib by itself where it can, so it is hidden here.
    code = (
        "import sys\n"
        "sys.modules['matplotlib'] = None\n"
        "import fixedpoint_tf.plotting\n"
        "from fixedpoint_tf.fixed_points.points import FixedPoints\n"
        "repr(FixedPoints(xstar=[[0.0]]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
