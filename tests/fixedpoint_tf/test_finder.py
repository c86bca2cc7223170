import functools
import logging

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.optimize import brentq

from fixedpoint_tf import FixedPointFinder, Status, as_system
from fixedpoint_tf.search import linearization
from fixedpoint_tf.search import search as search_module

QUIET = {"verbose": False}


def bistable(h, u):
    return tf.tanh(2.0 * h + tf.pad(u, [[0, 0], [0, h.shape[1] - u.shape[1]]]))


@functools.cache
def bistable_system(n):
    """What is compiled of it serves all finders."""
    return as_system(bistable, n_states=n, n_inputs=1, bounds=(-1, 1))


def bistable_finder(n=2, **options):
    return FixedPointFinder(bistable_system(n), **{**QUIET, **options})


def starts(n, d, scale=1.0, seed=0):
    return scale * np.random.default_rng(seed).uniform(-1, 1, size=(n, d))


def root(input_, low, high):
    return brentq(lambda h: np.tanh(2 * h + input_) - h, low, high, xtol=1e-15)


@pytest.mark.parametrize("method", ["newton", "adam"])
def test_all_nine_points_of_two_bistable_units(method):
    finder = bistable_finder(method=method)
    unique, all_points = finder.find_fixed_points(starts(200, 2), [[0.0]])
    r = root(0.0, 0.5, 1.0)
    expected = {(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1)}
    found = unique.fixed.xstar
    assert {tuple(row) for row in np.round(found / r).astype(int).tolist()} == expected
    np.testing.assert_allclose(found, r * np.round(found / r), atol=1e-9)
    assert len(unique.fixed.stable) == 4
    assert sorted(unique.fixed.n_unstable) == [0] * 4 + [1] * 4 + [2]
    assert len(all_points) == 200


def test_same_seed_same_answer():
    a = bistable_finder(random_seed=3).find_fixed_points(starts(100, 2), [[0.1]])
    b = bistable_finder(random_seed=3).find_fixed_points(starts(100, 2), [[0.1]])
    for x, y in zip(a, b, strict=True):
        for name, value in x.to_dict().items():
            np.testing.assert_array_equal(value, getattr(y, name), err_msg=name)


def test_sampling_repeats_with_the_seed():
    trajectory = starts(20, 2).reshape(2, 10, 2)
    draws = [
        bistable_finder(random_seed=s).sample_states(trajectory, 5, noise_scale=0.1)
        for s in (0, 0, 1)
    ]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[0], draws[2])


def test_every_array_belongs_to_the_final_state():
    finder = bistable_finder()
    for points in finder.find_fixed_points(starts(100, 2), [[0.2]]):
        image = finder.system.step(points.xstar, points.inputs).numpy()
        np.testing.assert_allclose(points.F_xstar, image, atol=1e-14)
        speed = 0.5 * np.sum((image - points.xstar) ** 2, axis=1)
        np.testing.assert_allclose(points.qstar, speed, atol=1e-28)


def test_points_under_different_inputs_are_different_points():
    x = np.repeat(starts(60, 1), 2, axis=0)
    u = np.tile([[0.0], [0.05]], (60, 1))
    unique, all_points = bistable_finder(1).find_fixed_points(
        x, u, cond_ids=np.tile([7, 9], 60)
    )
    for value, label in ((0.0, 7), (0.05, 9)):
        chosen = unique.fixed[unique.fixed.inputs[:, 0] == value]
        expected = [root(value, *b) for b in ((-1, -0.5), (-0.4, 0.3), (0.5, 1))]
        np.testing.assert_allclose(np.sort(chosen.xstar[:, 0]), expected, atol=1e-9)
        assert (chosen.cond_id == label).all()
    np.testing.assert_array_equal(all_points.inputs, u)


def test_an_input_of_its_own_for_every_start():
    u = np.linspace(-0.5, 0.5, 80)[:, None]
    _, all_points = bistable_finder(1).find_fixed_points(starts(80, 1), u)
    np.testing.assert_array_equal(all_points.inputs, u)
    assert (all_points.status == Status.FIXED_POINT).mean() > 0.8
    fixed = all_points[all_points.status == Status.FIXED_POINT]
    np.testing.assert_allclose(np.tanh(2 * fixed.xstar + fixed.inputs), fixed.xstar)


def test_a_line_attractor_is_thinned_not_merged_into_one():
    cell = keras.layers.SimpleRNNCell(2, activation="linear")
    cell.build((None, 1))
    cell.set_weights([np.zeros((1, 2)), np.diag([1.0, 0.5]), np.zeros(2)])
    finder = FixedPointFinder(cell, tol_unique=0.1, **QUIET)
    unique, all_points = finder.find_fixed_points(starts(300, 2), [[0.0]])
    assert (all_points.status == Status.FIXED_POINT).all()
    line = np.sort(unique.xstar[:, 0])
    assert 8 <= len(line) <= 21
    assert np.diff(line).min() > 0.1 and np.diff(line).max() < 0.3
    np.testing.assert_allclose(unique.smallest_singular_value, 0.0, atol=1e-12)
    assert set(unique.stability_class) == {"marginal"}


def test_no_two_unique_points_are_near_and_every_dropped_one_is_near_a_better():
    finder = bistable_finder(2, tol_unique=1.2)
    unique, all_points = finder.find_fixed_points(starts(200, 2), [[0.0]])
    distance = np.linalg.norm(unique.xstar[:, None] - unique.xstar[None], axis=-1)
    assert distance[~np.eye(len(unique), dtype=bool)].min() > 1.2
    kept = all_points[np.isin(all_points.status, [Status.FIXED_POINT, Status.SLOW_POINT])]
    near = np.linalg.norm(kept.xstar[:, None] - unique.xstar[None], axis=-1).min(axis=1)
    assert near.max() <= 1.2


def test_a_ghost_is_a_slow_point_and_not_a_fixed_point():
    # h + 0.01 + h^2 nearly touches the diagonal at 0 and never crosses it.
    finder = FixedPointFinder(lambda h, u: h + 1e-2 + h**2, n_states=1, n_inputs=1, **QUIET)
    unique, all_points = finder.find_fixed_points(starts(50, 1), [[0.0]])
    assert len(unique.fixed) == 0
    assert len(unique.slow) == 1
    np.testing.assert_allclose(unique.xstar, 0.0, atol=1e-3)
    np.testing.assert_allclose(unique.qstar, 0.5e-4, rtol=1e-3)


@pytest.mark.parametrize(
    "scale", [1.0, *(pytest.param(scale, marks=pytest.mark.slow) for scale in (1e-3, 1e3))]
)
@pytest.mark.parametrize("time", ["discrete", "continuous"])
def test_a_stationary_speed_is_no_slow_point_where_states_rush_past(time, scale):
    """The speed of a flow past the origin is lowest there; slow is what lingers."""

    def velocity(rest):
        def flow(h, u):
            z = h / scale
            along = rest + tf.reduce_sum(z**2, axis=1, keepdims=True)
            return scale * tf.concat([along, -0.5 * z[:, 1:]], axis=1)

        return flow

    def finder(rest):
        flow = velocity(rest)
        step = flow if time == "continuous" else lambda h, u: h + flow(h, u)
        options = {
            "n_states": 2,
            "n_inputs": 0,
            "time": time,
            "bounds": (-9 * scale, 9 * scale),
        }
        return FixedPointFinder(step, **options, **QUIET)

    states = scale * starts(50, 2)
    ghost, _ = finder(1e-3).find_fixed_points(states)
    assert len(ghost.fixed) == 0 and len(ghost.slow) == 1
    rushing, all_points = finder(1.3).find_fixed_points(states)
    assert len(rushing) == 0
    assert (all_points.status == Status.NOT_SLOW).any()
    assert " not slow; 2 units" in repr(all_points)


def test_q_below_its_tolerance_does_not_make_a_fixed_point():
    finder = FixedPointFinder(lambda h, u: h + 1e-7 + h**2, n_states=1, n_inputs=1, **QUIET)
    unique, _ = finder.find_fixed_points(starts(50, 1), [[0.0]])
    assert len(unique.fixed) == 0
    assert unique.slow.qstar.max() < 1e-12


def test_running_away_is_divergence_and_no_point():
    finder = FixedPointFinder(
        lambda h, u: h + 1.0 / (1.0 + h**2), n_states=1, n_inputs=1, **QUIET
    )
    unique, all_points = finder.find_fixed_points(1.0 + starts(20, 1), [[0.0]])
    assert len(unique) == 0
    assert (all_points.status == Status.DIVERGED).all()
    assert "no" in repr(unique)


@pytest.mark.slow
def test_a_slow_point_far_from_the_starts_is_an_outlier_and_a_fixed_point_is_not():
    def far(h, u):  # a ghost near 6, where h + 0.01 (0.01 + (h - 6)^2) hardly moves
        return tf.where(h < 3.0, 0.5 * h, h + 0.01 * (0.01 + (h - 6.0) ** 2))

    def farther(h, u):  # a fixed point at 6 that repels
        return h - 0.01 * h * (6.0 - h)

    options = {"n_states": 1, "n_inputs": 1, "bounds": (-10, 10), **QUIET}
    x = np.concatenate([starts(60, 1, 0.1), [[5.5]]])
    unique, all_points = FixedPointFinder(far, **options).find_fixed_points(x, [[0.0]])
    np.testing.assert_allclose(unique.xstar, 0.0, atol=1e-8)
    assert all_points.status[-1] == Status.OUTLIER
    assert "of 61 starts 1 ended far from the others" in repr(unique)
    kept, _ = FixedPointFinder(
        far, do_exclude_distance_outliers=False, **options
    ).find_fixed_points(x, [[0.0]])
    np.testing.assert_allclose(np.sort(kept.xstar[:, 0]), [0.0, 6.0], atol=1e-3)
    both, _ = FixedPointFinder(farther, **options).find_fixed_points(x, [[0.0]])
    np.testing.assert_allclose(np.sort(both.xstar[:, 0]), [0.0, 6.0], atol=1e-8)


@pytest.mark.parametrize("share", [True, False])
def test_sharing_descents_changes_no_set_of_fixed_points(share):
    unique, _ = bistable_finder(3, share_descents=share).find_fixed_points(
        starts(400, 3), [[0.0]]
    )
    assert len(unique.fixed) == 27


@pytest.mark.slow
def test_without_room_for_a_jacobian_the_same_points_are_found():
    rng = np.random.default_rng(0)
    cell = keras.layers.SimpleRNNCell(40)
    cell.build((None, 2))
    cell.set_weights(
        [rng.normal(size=(2, 40)), 1.4 * rng.normal(size=(40, 40)) / np.sqrt(40), np.zeros(40)]
    )
    x = starts(300, 40)
    dense, _ = FixedPointFinder(cell, **QUIET).find_fixed_points(x, [[0.0, 0.0]])
    free, _ = FixedPointFinder(cell, memory_limit=1000, **QUIET).find_fixed_points(
        x, [[0.0, 0.0]]
    )
    assert free.J_xstar is None
    assert len(free.fixed) >= 0.8 * len(dense.fixed) > 2
    distance = np.linalg.norm(free.fixed.xstar[:, None] - dense.fixed.xstar[None], axis=-1)
    assert (distance.min(axis=1) < 1e-6).mean() > 0.8


def test_an_interruption_returns_what_has_been_found(monkeypatch, caplog):
    finder = bistable_finder(2)
    finish_members = search_module.Search._finish_members

    def interrupted(self, chosen):
        finish_members(self, chosen[:3])
        raise KeyboardInterrupt

    monkeypatch.setattr(search_module.Search, "_finish_members", interrupted)
    with caplog.at_level(logging.WARNING):
        unique, all_points = finder.find_fixed_points(starts(100, 2), [[0.0]])
    assert "interrupted" in caplog.text
    assert 3 <= len(unique.fixed) <= 6  # of each of the two interruptions
    assert len(all_points) == 100
    assert (all_points.status == Status.NOT_CONVERGED).any()


def test_the_finder_says_whether_its_last_search_was_interrupted(monkeypatch):
    finder = bistable_finder(2)

    def interrupted(self):
        raise KeyboardInterrupt

    assert not finder.interrupted
    with monkeypatch.context() as patch:
        patch.setattr(search_module.Search, "run", interrupted)
        finder.find_fixed_points(starts(9, 2), [[0.0]])
    assert finder.interrupted
    finder.find_fixed_points(starts(9, 2), [[0.0]])
    assert not finder.interrupted


def test_interrupted_early_what_starts_came_near_is_still_located(monkeypatch):
    calls = []

    def interrupted(self):
        raise KeyboardInterrupt

    monkeypatch.setattr(search_module.Search, "attract", interrupted)
    sharpen = search_module.Search.sharpen
    monkeypatch.setattr(
        search_module.Search,
        "sharpen",
        lambda self: sharpen(self) if calls.append(1) or len(calls) > 1 else interrupted(self),
    )
    unique, _ = bistable_finder(2).find_fixed_points(starts(100, 2), [[0.0]])
    assert len(unique.fixed) >= 8
    assert unique.fixed.newton_step.max() < 1e-7


def test_interrupted_while_linearising_it_returns_the_points(monkeypatch):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(linearization, "map_chunks", interrupted)
    unique, _ = bistable_finder(2).find_fixed_points(starts(100, 2), [[0.0]])
    assert len(unique.fixed) == 9
    assert unique.J_xstar is None


def test_jacobians_of_few_points_at_a_time_are_the_same():
    whole, _ = bistable_finder(2).find_fixed_points(starts(100, 2), [[0.0]])
    few, _ = bistable_finder(2, memory_limit=600.0).find_fixed_points(starts(100, 2), [[0.0]])
    np.testing.assert_array_equal(few.xstar, whole.xstar)
    # The tanh of a number that is left over from a packet of the processor rounds otherwise.
    np.testing.assert_allclose(few.J_xstar, whole.J_xstar, rtol=1e-14, atol=1e-15)


def test_very_verbose_writes_lines(capfd):
    options = {"verbose": True, "super_verbose": True, "n_iters_per_print_update": 1}
    bistable_finder(2, **options).find_fixed_points(starts(50, 2), [[0.0]])
    out, err = capfd.readouterr()
    assert out == ""
    assert "50 of 50 starts done" in err


def test_silence_is_complete(capfd):
    bistable_finder(2).find_fixed_points(starts(50, 2), [[0.0]])
    out, err = capfd.readouterr()
    assert out == "" and err == ""


def test_verbose_shows_points_done_and_median_speed(capfd):
    bistable_finder(2, verbose=True).find_fixed_points(starts(50, 2), [[0.0]])
    out, err = capfd.readouterr()
    assert out == ""
    assert "50/50" in err and "median q" in err


@pytest.mark.parametrize("verbose", [False, True])
def test_questions_show_a_bar_if_the_finder_does(verbose, capfd):
    finder = bistable_finder(1, verbose=verbose)
    unique, _ = finder.find_fixed_points([[0.3]], [[0.0]])
    capfd.readouterr()
    finder.certify(unique)
    assert ("certificates" in capfd.readouterr().err) == verbose
    finder.certify(unique, verbose=False)
    assert capfd.readouterr().err == ""


def test_at_most_so_many_unique_points():
    unique, _ = bistable_finder(2, max_n_unique=4).find_fixed_points(starts(200, 2), [[0.0]])
    assert len(unique) == 4


def test_jacobians_and_modes_can_be_left_out():
    x = starts(50, 2)
    unique, _ = bistable_finder(do_compute_jacobians=False).find_fixed_points(x, [[0.0]])
    assert unique.J_xstar is None and unique.eigval_J_xstar is None
    unique, _ = bistable_finder(do_decompose_jacobians=False).find_fixed_points(x, [[0.0]])
    assert unique.J_xstar is not None and unique.eigval_J_xstar is None


def test_a_function_in_single_precision_alone_is_found_as_exactly_as_it_can_be():
    weights = tf.Variable(2.0 * np.eye(2), dtype=tf.float32)
    finder = FixedPointFinder(
        lambda h, u: tf.tanh(h @ weights), n_states=2, n_inputs=1, bounds=(-1, 1), **QUIET
    )
    unique, _ = finder.find_fixed_points(starts(200, 2), [[0.0]])
    assert len(unique.fixed) == 9
    r = root(0.0, 0.5, 1.0)
    np.testing.assert_allclose(
        unique.fixed.xstar, r * np.round(unique.fixed.xstar / r), atol=1e-5
    )


def test_continuous_time_is_stable_where_real_parts_are_negative():
    # dh/dt = h - h^3: 0 is unstable, +-1 are stable with eigenvalue -2.
    finder = FixedPointFinder(
        lambda h, u: h - h**3, n_states=1, n_inputs=1, time="continuous", **QUIET
    )
    unique, _ = finder.find_fixed_points(starts(50, 1, 2.0), [[0.0]])
    order = np.argsort(unique.xstar[:, 0])
    np.testing.assert_allclose(unique.xstar[order, 0], [-1, 0, 1], atol=1e-9)
    np.testing.assert_array_equal(unique.is_stable[order], [True, False, True])
    np.testing.assert_allclose(unique.eigval_J_xstar[order, 0].real, [-2, 1, -2], atol=1e-8)


def test_lstm_states_nested_or_flat_are_the_same_search():
    keras.utils.set_random_seed(0)
    layer = keras.layers.LSTM(4)
    layer.build((None, 5, 2))
    h, c = starts(30, 4), starts(30, 4, seed=1)
    finder = FixedPointFinder(layer, **QUIET)
    nested, _ = finder.find_fixed_points([h, c], [[0.0, 0.0]])
    flat, _ = finder.find_fixed_points(np.hstack([h, c]), [[0.0, 0.0]])
    np.testing.assert_array_equal(nested.xstar, flat.xstar)
    assert nested.states("c").shape == (len(nested), 4)


def test_rerunning_outliers_takes_lost_points_further():
    options = {"max_iters": 2, "share_descents": False}
    x = starts(200, 3)
    _, once = bistable_finder(3, **options).find_fixed_points(x, [[0.0]])
    _, again = bistable_finder(
        3, do_rerun_q_outliers=True, outlier_q_scale=1e-9, **options
    ).find_fixed_points(x, [[0.0]])
    lost = [(points.status == Status.NOT_CONVERGED).sum() for points in (once, again)]
    assert lost[1] < lost[0]


def test_a_plane_of_fixed_points_is_known_for_one_and_not_explored():
    # The right-hand side vanishes on a plane: two of four dimensions do not move.
    half = np.array([[0.3, 0.7, -0.2, 0.5], [0.1, -0.3, 0.9, 0.2]])
    A = np.vstack([half[0], 2 * half[0], half[1], 2 * half[1]])
    finder = FixedPointFinder(
        lambda h, u: h + 0.5 * tf.tanh(tf.matmul(h, A.T)), n_states=4, n_inputs=0, **QUIET
    )
    unique, _ = finder.find_fixed_points(starts(24, 4, 0.5), None)
    assert len(unique.fixed) <= 24
    assert unique.newton_step.max() < 1e-7
    np.testing.assert_allclose(unique.smallest_singular_value, 0.0, atol=1e-12)
