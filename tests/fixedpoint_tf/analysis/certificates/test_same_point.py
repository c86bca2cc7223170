"""Which certified points are the same: trees give what a comparison of all pairs gives."""

import numpy as np
import pytest

from fixedpoint_tf.analysis.certificates.same_point import compare_points, shrink_to_others


def by_pairs(x, u, certified, existence, uniqueness):
    """The same, pair by pair in the order of the points."""
    n = len(x)
    distance = np.linalg.norm(x[:, None] - x, axis=2)
    together = (u[:, None] == u).all(axis=2)
    others = np.where(together & ~np.eye(n, dtype=bool), distance, np.inf)
    same_as, apart = np.full(n, -1), []
    for i in np.flatnonzero(certified):
        firsts = [j for j in range(i) if same_as[j] == j and together[i, j]]
        same = [
            j
            for j in firsts
            if distance[i, j] <= existence[i] + existence[j]
            and (
                distance[i, j] + existence[i] <= uniqueness[j]
                or distance[i, j] + existence[j] <= uniqueness[i]
            )
        ]
        same_as[i] = same[0] if same else i
        near = [j for j in apart if together[i, j]]
        if not same and all(distance[i, j] > existence[i] + existence[j] for j in near):
            apart.append(i)
    shrunk = uniqueness.copy()
    for i in np.flatnonzero(certified):
        free = [
            distance[i, j] - existence[j]
            for j in range(n)
            if same_as[j] == j and together[i, j] and j != same_as[i]
        ]
        shrunk[i] = max(existence[i], min([uniqueness[i], *free]))
    return others.min(axis=1), same_as, len(apart), shrunk


@pytest.mark.parametrize("seed", range(40))
def test_as_by_all_pairs(seed):
    rng = np.random.default_rng(seed)
    n, d = rng.integers(1, 50), rng.integers(1, 4)
    places = rng.normal(size=(rng.integers(1, 8), d))
    noise = 10.0 ** rng.integers(-9, 0) * rng.normal(size=(n, d)) * (rng.random((n, 1)) < 0.7)
    x = places[rng.integers(len(places), size=n)] + noise
    u = rng.integers(0, rng.integers(1, 4), size=(n, 2)).astype(float)
    certified = rng.random(n) < 0.8
    existence = np.where(certified, 10.0 ** rng.uniform(-9, 0, size=n), np.nan)
    uniqueness = existence * 10.0 ** rng.uniform(0, 4, size=n)
    found = compare_points(x, u, certified, existence, uniqueness)
    nearest, same_as, n_distinct, shrunk = by_pairs(x, u, certified, existence, uniqueness)
    np.testing.assert_allclose(found[0], nearest, rtol=1e-9)
    np.testing.assert_array_equal(found[1], same_as)
    assert found[2] == n_distinct
    reach = shrink_to_others(x, u, found[1], existence, uniqueness)
    np.testing.assert_allclose(reach, shrunk, rtol=1e-9)


def test_points_that_are_not_finite_have_no_neighbours():
    x = np.array([[0.0], [np.nan], [1.0]])
    certified, radius = np.array([True, False, True]), np.array([1e-9, np.nan, 1e-9])
    nearest, same_as, n = compare_points(x, np.zeros((3, 0)), certified, radius, 1e3 * radius)
    assert nearest.tolist() == [1.0, np.inf, 1.0] and same_as.tolist() == [0, -1, 2] and n == 2
