"""Logarithms against exact values."""

import numpy as np
import pytest
import scipy.special

from lfads_tf._utils.logarithms import log_factorial


def test_log_factorial_is_exact_to_rounding():
    counts = np.concatenate([np.arange(300), [1e3, 1e4, 1e6]]).astype("float32")
    exact = scipy.special.gammaln(counts.astype("float64") + 1)
    np.testing.assert_allclose(log_factorial(counts), exact, rtol=3e-7, atol=1e-6)


@pytest.mark.parametrize(
    ("dtype", "below", "error"),
    [("float64", 60, 1e-11), ("float32", 8, 1.6e-6), ("float32", 60, 2e-5)],
)
def test_log_factorial_is_as_exact_as_its_docstring_says(dtype, below, error):
    counts = np.arange(below, dtype=dtype)
    exact = scipy.special.gammaln(np.arange(below) + 1.0)
    assert abs(log_factorial(counts).numpy() - exact).max() <= error
