import numpy as np
import pytest

from fixedpoint_tf._utils.selection import (
    distance_outliers,
    is_slow,
    select_distinct,
    state_scale,
)


@pytest.mark.parametrize("seed", range(5))
def test_kept_points_are_apart_and_stand_for_all_others(seed):
    rng = np.random.default_rng(seed)
    points, q, tol = rng.normal(size=(400, 3)), rng.random(400), 0.4
    kept, owner = select_distinct(points, q, tol)
    between = np.linalg.norm(points[kept][:, None] - points[kept][None], axis=-1)
    assert between[~np.eye(len(kept), dtype=bool)].min() > tol
    assert np.linalg.norm(points - points[owner], axis=1).max() <= tol
    assert (q[owner] <= q).all()
    np.testing.assert_array_equal(owner[kept], kept)


def test_a_line_of_points_is_thinned_not_merged_into_one():
    line = np.linspace(0, 10, 1001)[:, None]
    kept, _ = select_distinct(line, np.zeros(1001), tol=0.1)
    assert 50 <= len(kept) <= 101


def test_of_equal_points_the_one_of_lowest_speed_is_kept():
    kept, owner = select_distinct(np.zeros((4, 2)), np.array([3.0, 1.0, 2.0, np.nan]), tol=0.0)
    assert kept.tolist() == [1]
    assert owner.tolist() == [1, 1, 1, 1]


def test_no_points():
    kept, owner = select_distinct(np.zeros((0, 3)), np.zeros(0), 1.0)
    assert len(kept) == len(owner) == 0


def test_stopping_early_leaves_points_without_an_owner():
    kept, owner = select_distinct(np.arange(5.0)[:, None], np.arange(5.0), 0.1, max_kept=2)
    assert kept.tolist() == [0, 1]
    assert owner.tolist() == [0, 1, -1, -1, -1]


def test_an_outlier_is_far_from_the_starts_in_units_of_their_spread():
    starts = np.array([[-1.0, 0.0], [1.0, 0.0]])
    points = np.array([[0.0, 9.9], [0.0, 10.1]])
    assert distance_outliers(points, starts, 10.0).tolist() == [False, True]


def test_a_single_start_sets_no_scale():
    assert not distance_outliers(np.array([[1e6]]), np.zeros((1, 1)), 10.0).any()


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_what_is_slow_does_not_depend_on_the_unit_of_the_states(scale):
    """Of a linear leak of 1 in 100 steps the states are slow, of 1 in 99 steps not all."""
    x = scale * np.linspace(-1.0, 1.0, 21)[:, None]
    size = state_scale(x)
    np.testing.assert_allclose(size, scale)
    assert is_slow(np.abs(x[:, 0]) / 100, size, 100.0).all()
    assert is_slow(np.abs(x[:, 0]) / 99, size, 100.0).sum() == 19
    assert not is_slow(np.array([np.nan]), size, 100.0).any()


def test_states_that_coincide_have_the_size_of_one():
    assert state_scale(np.full((5, 2), 3.0)) == pytest.approx(np.sqrt(18.0))
    assert state_scale(np.zeros((0, 2))) == state_scale(np.full((1, 2), np.nan)) == 0.0
