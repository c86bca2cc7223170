"""Principal components against their definition."""

import numpy as np
import pytest

from lfads_tf.analysis import principal_components


def low_rank(n_samples=400, n_features=7, rank=2, seed=0):
    rng = np.random.default_rng(seed)
    axes = np.linalg.qr(rng.normal(size=(n_features, rank)))[0]
    return rng.normal(size=(n_samples, rank)) * [5.0, 1.0] @ axes.T + 3.0, axes


def test_directions_and_variances_of_a_plane():
    features, axes = low_rank()
    fitted = principal_components(features, 2)
    np.testing.assert_allclose(fitted.axes @ fitted.axes.T, axes @ axes.T, atol=1e-12)
    scores = fitted.project(features)
    np.testing.assert_allclose(scores.mean(0), 0.0, atol=1e-12)
    np.testing.assert_allclose(scores.var(0), fitted.variances)
    np.testing.assert_allclose(np.cov(scores.T)[0, 1], 0.0, atol=1e-12)
    np.testing.assert_allclose(fitted.total_variance, features.var(0).sum())
    np.testing.assert_allclose(fitted.reconstruct(scores), features)


def test_signs_are_fixed_and_gaps_left_out():
    features, _ = low_rank()
    fitted = principal_components(features)
    assert (fitted.axes[np.abs(fitted.axes).argmax(0), np.arange(7)] > 0).all()
    gappy = np.concatenate([features, np.full((3, 7), np.nan)]).reshape(13, 31, 7)
    again = principal_components(gappy)
    np.testing.assert_allclose(again.axes[:, :2], fitted.axes[:, :2])
    assert np.isnan(again.project(gappy)[-1, -3:]).all()


def test_wrong_arguments():
    features, _ = low_rank()
    with pytest.raises(
        ValueError, match="n_components: expected a whole number from 1 to 7, received 8"
    ):
        principal_components(features, 8)
    with pytest.raises(ValueError, match="features: expected at least two samples"):
        principal_components(features[:1])
    fitted = principal_components(features, 2)
    with pytest.raises(ValueError, match="features: expected 7 features"):
        fitted.project(features[:, :3])
    with pytest.raises(ValueError, match="scores: expected 2 on the last axis"):
        fitted.reconstruct(features)
