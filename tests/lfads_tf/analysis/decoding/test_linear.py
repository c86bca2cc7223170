"""Ridge regression against its equations, and against published numbers on a recording."""

import h5py
import numpy as np
import pytest
import reference
from scipy import ndimage

from lfads_tf.analysis import (
    Ridge,
    cross_validate,
    fit_decoder,
    r_squared,
    smooth_gaussian,
)


def data(seed=0, n_trials=30, n_bins=20, n_features=6, noise=1.0):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n_trials, n_bins, n_features)) * np.geomspace(0.1, 100, 6) + 7
    weights = rng.normal(size=(n_features, 2)) / np.geomspace(0.1, 100, 6)[:, None]
    targets = features @ weights + [3.0, -2.0]
    return features, targets + noise * rng.normal(size=targets.shape)


class TestFit:
    @pytest.mark.parametrize("penalty", [0.0, 0.1, 3.0])
    def test_solves_the_normal_equations_of_standardised_features(self, penalty):
        features, targets = data()
        decoder = fit_decoder(Ridge(penalties=[penalty]), features, targets)
        x, y = features.reshape(-1, 6), targets.reshape(-1, 2)
        z = (x - x.mean(0)) / x.std(0)
        w = np.linalg.solve(
            z.T @ z / len(z) + penalty * np.eye(6), z.T @ (y - y.mean(0)) / len(z)
        )
        expected = (z @ w + y.mean(0)).reshape(targets.shape)
        np.testing.assert_allclose(decoder.predict(features), expected, rtol=1e-9)
        assert decoder.penalty == penalty

    def test_scale_and_offset_of_features_and_number_of_samples_do_not_matter(self):
        features, targets = data()
        once = fit_decoder(Ridge(penalties=[0.3]), features, targets)
        scaled = fit_decoder(Ridge(penalties=[0.3]), 5 * features - 3, targets)
        twice = fit_decoder(
            Ridge(penalties=[0.3]), np.tile(features, (2, 1, 1)), np.tile(targets, (2, 1, 1))
        )
        expected = once.predict(features)
        np.testing.assert_allclose(scaled.predict(5 * features - 3), expected)
        np.testing.assert_allclose(twice.predict(features), expected)

    def test_features_that_repeat_or_never_vary(self):
        features, targets = data()
        plain = fit_decoder(Ridge(penalties=[0.0]), features, targets)
        padded = np.concatenate(
            [features, features[..., :1], np.full((*features.shape[:2], 1), 0.1)], axis=-1
        )
        decoder = fit_decoder(Ridge(penalties=[0.0]), padded, targets)
        assert (decoder.model.weights[-1] == 0).all()
        np.testing.assert_allclose(decoder.model.weights[0], decoder.model.weights[-2])
        np.testing.assert_allclose(decoder.predict(padded), plain.predict(features), rtol=1e-6)

    def test_constant_features_leave_the_mean(self):
        _, targets = data()
        features = np.ones((30, 20, 3))
        decoder = fit_decoder(Ridge(), features, targets)
        np.testing.assert_allclose(decoder.predict(features)[0, 0], targets.mean(axis=(0, 1)))

    def test_samples_with_gaps_are_left_out(self):
        features, targets = data()
        short = fit_decoder(Ridge(penalties=[0.1]), features[:, :12], targets[:, :12])
        features[:, 12:16] = np.nan
        targets[:, 16:, 1] = np.nan
        gappy = fit_decoder(Ridge(penalties=[0.1]), features, targets)
        np.testing.assert_allclose(gappy.model.weights, short.model.weights)
        np.testing.assert_allclose(gappy.model.intercept, short.model.intercept)
        predicted = gappy.predict(features)
        assert np.isnan(predicted[:, 12:16]).all()
        assert np.isfinite(predicted[:, 16:]).all()

    def test_noise_features_ask_for_a_greater_penalty(self):
        rng = np.random.default_rng(0)
        features = rng.normal(size=(20, 5, 60))
        strong = features[..., :1] + 0.01 * rng.normal(size=(20, 5, 1))
        weak = features.mean(-1, keepdims=True) + rng.normal(size=(20, 5, 1))
        assert fit_decoder(Ridge(), features, weak).penalty >= 0.3
        assert fit_decoder(Ridge(), features, strong).penalty <= 0.01

    def test_wrong_arguments(self):
        features, targets = data()
        with pytest.raises(ValueError, match=r"targets: expected shape \(30, 20, n_targets\)"):
            fit_decoder(Ridge(), features, targets[1:])
        with pytest.raises(ValueError, match="penalties: expected numbers of at least 0"):
            fit_decoder(Ridge(penalties=[-1.0]), features, targets)
        with pytest.raises(
            ValueError, match="features: expected at least two training samples"
        ):
            fit_decoder(Ridge(penalties=[1.0]), np.full_like(features, np.nan), targets)
        with pytest.raises(ValueError, match="features: expected finite"):
            fit_decoder(Ridge(), np.full_like(features, np.inf), targets)
        decoder = fit_decoder(Ridge(), features, targets)
        with pytest.raises(ValueError, match="features: expected 6 features on the last axis"):
            decoder.predict(features[..., 1:])


class TestRidge:
    def test_each_fold_is_predicted_without_its_trials(self):
        features, targets = data()
        folds = np.arange(30) % 3
        decoded = cross_validate(
            features, targets, Ridge(penalties=[0.1]), folds, inner_folds=5
        )
        for fold in range(3):
            train = folds != fold
            decoder = fit_decoder(Ridge(penalties=[0.1]), features[train], targets[train])
            np.testing.assert_allclose(
                decoded.predictions[~train], decoder.predict(features[~train])
            )
        assert decoded.r_squared == r_squared(targets, decoded.predictions, average="pooled")

    def test_held_out_targets_have_no_part_in_their_predictions(self):
        features, targets = data()
        folds = np.arange(30) % 3
        before = cross_validate(features, targets, Ridge(), folds, inner_folds=5)
        changed = targets.copy()
        changed[folds == 1] = 1e3 * np.random.default_rng(9).normal(size=targets[::3].shape)
        after = cross_validate(features, changed, Ridge(), folds, inner_folds=5)
        held = folds == 1
        np.testing.assert_array_equal(before.predictions[held], after.predictions[held])
        assert before.decoders[1].penalty == after.decoders[1].penalty

    def test_noise_is_not_decoded(self):
        rng = np.random.default_rng(0)
        features, targets = rng.normal(size=(2, 40, 10, 30))
        assert -0.1 < cross_validate(features, targets, Ridge(), inner_folds=5).r_squared <= 0.0

    def test_score_is_the_share_of_signal(self):
        features, _ = data(n_trials=200)
        rng = np.random.default_rng(1)
        z = (features - features.mean((0, 1))) / features.std((0, 1))
        targets = z[..., :2] * 3 + rng.normal(size=(200, 20, 2)) * 4
        assert cross_validate(
            features, targets, Ridge(), inner_folds=5
        ).r_squared == pytest.approx(9 / 25, abs=0.02)

    def test_random_folds_follow_the_seed(self):
        features, targets = data()
        first, again, other = (
            cross_validate(features, targets, Ridge(), 4, seed=seed, inner_folds=5).predictions
            for seed in (0, 0, 1)
        )
        np.testing.assert_array_equal(first, again)
        assert not np.array_equal(first, other)

    def test_gaps_are_left_out_of_the_score(self):
        features, targets = data()
        folds = np.arange(30) % 3
        whole = cross_validate(features[:, :15], targets[:, :15], Ridge(), folds, inner_folds=5)
        features[:, 15:18] = np.nan
        targets[:, 18:] = np.nan
        gappy = cross_validate(features, targets, Ridge(), folds, inner_folds=5)
        assert gappy.r_squared == pytest.approx(whole.r_squared)
        np.testing.assert_allclose(gappy.predictions[:, :15], whole.predictions)
        assert np.isnan(gappy.predictions[:, 15:18]).all()

    def test_wrong_folds(self):
        features, targets = data()
        with pytest.raises(ValueError, match="folds: expected .* each of 30 trials"):
            cross_validate(features, targets, Ridge(), np.zeros(29), inner_folds=5)
        with pytest.raises(
            ValueError, match="folds: expected at least two folds, received only"
        ):
            cross_validate(features, targets, Ridge(), np.zeros(30), inner_folds=5)
        for wrong in (1, 2.5):
            with pytest.raises(ValueError, match="folds: expected at least two folds of at"):
                cross_validate(features, targets, Ridge(), wrong, inner_folds=5)


class TestRecording:
    """Wrist force from motor cortex, 5 folds, R^2 pooled over dimensions."""

    def day(self, name):
        with h5py.File(reference.find("data", "jango_isometric_wrist.h5"), "r") as file:
            trials = file[name]["trials"]
            return [trials[key][()] for key in ("spikes", "force", "fold")]

    @pytest.mark.parametrize(("name", "published"), [("day0", 0.780), ("day16", 0.769)])
    def test_published_baseline(self, name, published):
        spikes, force, fold = self.day(name)
        # These numbers were made with the first and last counts repeated beyond the ends.
        repeated = ndimage.gaussian_filter1d(spikes.astype(float), 3.0, axis=1, mode="nearest")
        baseline = cross_validate(repeated, force, Ridge(), fold, inner_folds=5).r_squared
        assert baseline == pytest.approx(published, abs=0.01)
        # Without that, single counts at the ends weigh less, and smoothing decodes better.
        ours = cross_validate(
            smooth_gaussian(spikes, 0.05, 0.15), force, Ridge(), fold, inner_folds=5
        ).r_squared
        assert baseline + 0.01 < ours < baseline + 0.02

    def test_published_wiener_filter(self):
        spikes, force, fold = self.day("day0")
        lagged = [np.pad(spikes, ((0, 0), (lag, 0), (0, 0)))[:, :34] for lag in range(8)]
        taps, train = np.concatenate(lagged, axis=-1), fold != 0
        decoder = fit_decoder(Ridge(penalties=(0.01, 0.1, 1.0)), taps[train], force[train])
        predicted = decoder.predict(taps[~train])
        score = r_squared(force[~train], predicted, average="pooled")
        assert score == pytest.approx(0.857, abs=0.005)
