"""Principal components against the covariance, and where rows are too few for all axes."""

import numpy as np
import pytest

from fixedpoint_tf._utils.principal_components import fit_components


@pytest.mark.parametrize("svd_solver", ["full", "auto"])
@pytest.mark.parametrize("n_rows", [12, 300])
def test_axes_are_those_of_the_covariance_with_a_positive_largest_entry(svd_solver, n_rows):
    rows = np.random.default_rng(0).normal(size=(n_rows, 5)) * [3.0, 0.1, 1.0, 2.0, 0.5] + 7.0
    before = rows.copy()
    fitted = fit_components(rows, svd_solver=svd_solver)
    values, vectors = np.linalg.eigh(np.cov(rows.T, bias=True))
    np.testing.assert_allclose(fitted.squares / n_rows, values[::-1], rtol=1e-9)
    np.testing.assert_allclose(np.abs(fitted.axes @ vectors[:, ::-1]), np.eye(5), atol=1e-7)
    np.testing.assert_array_equal(fitted.mean, rows.mean(axis=0))
    largest = np.abs(fitted.axes).argmax(axis=1)
    assert (fitted.axes[range(5), largest] > 0).all()
    np.testing.assert_array_equal(rows, before)


@pytest.mark.parametrize("n_rows", [0, 1, 2])
def test_too_few_rows_still_give_the_axes_that_are_needed(n_rows):
    rows = np.random.default_rng(0).normal(size=(n_rows, 6))
    fitted = fit_components(rows, 4)
    np.testing.assert_allclose(fitted.axes[:4] @ fitted.axes[:4].T, np.eye(4), atol=1e-12)
    assert (fitted.squares > 1e-20).sum() == max(n_rows - 1, 0)


def test_no_random_number_is_drawn():
    rows = np.random.default_rng(0).normal(size=(600, 550))
    state = np.random.get_state()[1].copy()
    once, again = (fit_components(rows, 2, svd_solver="auto") for _ in range(2))
    np.testing.assert_array_equal(once.axes, again.axes)
    np.testing.assert_array_equal(np.random.get_state()[1], state)
