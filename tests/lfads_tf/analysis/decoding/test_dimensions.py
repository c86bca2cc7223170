"""R^2 over dimensions where the number that behaviour needs is known."""

import numpy as np
import pytest

from lfads_tf.analysis import (
    Ridge,
    cross_validate,
    decode_over_dimensions,
    decoding_r_squared,
    fit_decoder,
    principal_components,
)


def known(n_trials=30, seed=0):
    """Four orthogonal latents of falling variance; behaviour is the third."""
    rng = np.random.default_rng(seed)
    latent = rng.normal(size=(n_trials, 25, 4)) * [8.0, 4.0, 2.0, 1.0]
    axes = np.linalg.qr(rng.normal(size=(12, 4)))[0]
    return latent @ axes.T, latent[..., 2:3]


def test_behaviour_comes_with_the_component_that_carries_it():
    features, behavior = known()
    result = decode_over_dimensions(features, behavior, dimensions=(1, 2, 3, 4, 50))
    assert result.dimensions.tolist() == [1, 2, 3, 4, 12]
    assert (result.r_squared[:2] < 0.05).all()
    assert (result.r_squared[2:] > 0.98).all()
    assert result.needed() == 3 and result.fold_r_squared.shape == (5, 5)
    np.testing.assert_allclose(result.explained[3:], 1.0)
    np.testing.assert_allclose(result.explained[0], 64 / 85, atol=0.03)


def test_all_dimensions_without_penalty_are_all_features():
    features, behavior = known()
    features = features + np.random.default_rng(1).normal(size=features.shape)
    of = np.arange(30) % 3
    decoder = Ridge(penalties=(0.0,))
    result = decode_over_dimensions(features, behavior, decoder, of)
    whole = cross_validate(features, behavior, decoder, of)
    np.testing.assert_allclose(result.fold_r_squared[-1], whole.fold_r_squared)


def test_components_come_from_the_training_trials():
    features, behavior = known()
    features = features + np.random.default_rng(1).normal(size=features.shape)
    train, test = (features[:20], behavior[:20]), (features[20:], behavior[20:])
    decoder = Ridge(penalties=(0.1,))
    result = decode_over_dimensions(*train, decoder, test=test, dimensions=[3])
    fitted = principal_components(train[0], 3)
    linear = fit_decoder(Ridge(penalties=[0.1]), fitted.project(train[0]), train[1])
    predicted = linear.predict(fitted.project(test[0]))
    np.testing.assert_allclose(
        result.fold_r_squared[0, 0], decoding_r_squared(test[1], predicted)
    )


def test_wrong_arguments():
    features, behavior = known()
    with pytest.raises(
        ValueError, match="dimensions: expected a whole number of at least 1, received 0"
    ):
        decode_over_dimensions(features, behavior, dimensions=[0])
