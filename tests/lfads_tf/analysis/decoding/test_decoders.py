"""Decoders whose answers are known: from algebra, from each other, from dense computation."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge as SklearnRidge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lfads_tf.analysis import Kalman, OptimalLinear, Ridge, Wiener, fit_decoder
from lfads_tf.analysis.decoding import kalman, lags, optimal_linear
from lfads_tf.analysis.decoding.folds import fold_labels


def tuned(seed=0, n_trials=24, n_bins=30, n_neurons=9, noise=0.5):
    """Rates tuned to two dimensions of behaviour, with noise of full covariance."""
    rng = np.random.default_rng(seed)
    behavior = rng.normal(size=(n_trials, n_bins, 2)) * [1.0, 3.0] + [2.0, -1.0]
    tuning = rng.normal(size=(n_neurons, 2))
    mixing = rng.normal(size=(n_neurons, n_neurons)) * noise
    rates = (
        behavior @ tuning.T + 20 + rng.normal(size=(*behavior.shape[:2], n_neurons)) @ mixing
    )
    return rates, behavior, tuning


class TestDelayed:
    def test_lags_move_features_within_each_trial(self):
        x = np.arange(8.0).reshape(2, 4, 1)
        np.testing.assert_array_equal(
            lags.delayed(x, [1, -2], filling=[9.0])[..., 0],
            [[9, 0, 1, 2], [9, 4, 5, 6]],
        )
        np.testing.assert_array_equal(
            lags.delayed(x, [1, -2], filling=[9.0])[..., 1],
            [[2, 3, 9, 9], [6, 7, 9, 9]],
        )
        assert np.isnan(lags.delayed(x, [7])).all()

    def test_lags_need_trials(self):
        with pytest.raises(
            ValueError, match="features: expected shape .* since there are lags"
        ):
            lags.delayed(np.zeros((8, 2)), [1])


class TestOptimalLinear:
    def test_without_noise_it_is_the_least_squares_inverse_of_the_tuning(self):
        rates, behavior, tuning = tuned(noise=0.0)
        for shrinkage in (0.0, 0.5, 1.0):
            (decoder,) = optimal_linear.optimal_linear_estimators(rates, behavior, [shrinkage])
            np.testing.assert_allclose(decoder.weights, np.linalg.pinv(tuning).T, atol=1e-9)
            np.testing.assert_allclose(decoder.predict(rates), behavior, atol=1e-8)

    def test_with_all_noise_kept_it_is_regression_without_penalty(self):
        rates, behavior, _ = tuned()
        (decoder,) = optimal_linear.optimal_linear_estimators(rates, behavior)
        ridge = fit_decoder(Ridge(penalties=[0.0]), rates, behavior)
        np.testing.assert_allclose(decoder.weights, ridge.model.weights, rtol=1e-8)
        np.testing.assert_allclose(decoder.intercept, ridge.model.intercept, rtol=1e-8)

    def test_with_independent_noise_it_is_the_formula_of_the_paper(self):
        rates, behavior, _ = tuned()
        (decoder,) = optimal_linear.optimal_linear_estimators(rates, behavior, [1.0])
        x, y = rates.reshape(-1, 9), behavior.reshape(-1, 2)
        x, y = x - x.mean(0), y - y.mean(0)
        tuning = np.linalg.lstsq(y, x, rcond=None)[0]
        means = y @ tuning
        q = means.T @ means / len(x) + np.diag((x - means).var(0))
        expected = np.linalg.solve(q, x.T @ y / len(x))
        np.testing.assert_allclose(decoder.weights, expected, rtol=1e-8)

    def test_few_samples_of_independent_noise_ask_for_shrinkage(self):
        rng = np.random.default_rng(3)
        behavior = rng.normal(size=(12, 10, 1))
        tuning = rng.normal(size=60)
        rates = behavior * tuning + 3 * rng.normal(size=(12, 10, 60))
        fitted = fit_decoder(OptimalLinear(), rates, behavior)
        assert fitted.penalty >= 0.3

    def test_wrong_arguments(self):
        rates, behavior, _ = tuned()
        with pytest.raises(ValueError, match="shrinkages: expected numbers from 0 to 1"):
            optimal_linear.optimal_linear_estimators(rates, behavior, [1.5])
        with pytest.raises(ValueError, match="shrinkages: expected numbers from 0 to 1"):
            OptimalLinear(shrinkages=(2.0,))
        with pytest.raises(ValueError, match="features: expected at least two training"):
            optimal_linear.optimal_linear_estimators(np.full_like(rates, np.nan), behavior)


class TestKalman:
    A = np.array([[0.9, 0.2], [-0.2, 0.9]])
    H = np.array([[1.0, 0.0], [0.5, 2.0], [-1.0, 1.0]])

    def known(self):
        return kalman.KalmanFilter(
            self.A,
            np.diag([0.1, 0.3]),
            self.H,
            np.array([[1.0, 0.3, 0.0], [0.3, 2.0, 0.1], [0.0, 0.1, 0.5]]),
            np.array([0.5, -0.5]),
            np.diag([2.0, 1.0]),
            np.array([10.0, 20.0, 30.0]),
            np.array([1.0, 2.0]),
            0.0,
        )

    def test_means_are_those_of_the_joint_gaussian_given_the_past(self):
        fitted, n_bins = self.known(), 6
        x = np.random.default_rng(0).normal(size=(2, n_bins, 3)) * 3 + fitted.features_mean
        got = fitted.predict(x)
        # The states of all bins as one Gaussian vector, built step by step.
        mean, cov = [fitted.initial_mean], np.zeros((2 * n_bins, 2 * n_bins))
        cov[:2, :2] = fitted.initial_covariance
        for t in range(1, n_bins):
            now, before = slice(2 * t, 2 * t + 2), slice(2 * t - 2, 2 * t)
            mean.append(self.A @ mean[-1])
            cov[now, : 2 * t] = self.A @ cov[before, : 2 * t]
            cov[: 2 * t, now] = cov[now, : 2 * t].T
            cov[now, now] = self.A @ cov[before, before] @ self.A.T + fitted.transition_noise
        mean = np.concatenate(mean)
        for t in range(n_bins):
            h = np.kron(np.eye(t + 1), self.H)
            s = cov[: 2 * t + 2, : 2 * t + 2]
            q = np.kron(np.eye(t + 1), fitted.observation_noise)
            gain = s @ h.T @ np.linalg.inv(h @ s @ h.T + q)
            for trial in range(2):
                seen = (x[trial, : t + 1] - fitted.features_mean).ravel()
                state = mean[: 2 * t + 2] + gain @ (seen - h @ mean[: 2 * t + 2])
                np.testing.assert_allclose(
                    got[trial, t], state[-2:] + fitted.targets_mean, rtol=1e-6
                )

    def test_a_system_without_noise_is_recovered(self):
        starts = np.random.default_rng(0).normal(size=(20, 2))
        centred = np.stack([starts @ np.linalg.matrix_power(self.A, t).T for t in range(8)], 1)
        centred = np.concatenate([centred, -centred])
        (fitted,) = kalman.kalman_filters(centred @ self.H.T + 5, centred)
        np.testing.assert_allclose(fitted.transition, self.A, atol=1e-10)
        np.testing.assert_allclose(fitted.observation, self.H, atol=1e-10)
        np.testing.assert_allclose(fitted.transition_noise, 0.0, atol=1e-20)
        predicted = fitted.predict(centred @ self.H.T + 5)
        np.testing.assert_allclose(predicted, centred, atol=1e-6)

    def test_gaps_are_bridged_by_the_transition(self):
        fitted = self.known()
        x = np.random.default_rng(0).normal(size=(2, 6, 3)) + fitted.features_mean
        x[0, 3:] = np.nan
        got = fitted.predict(x) - fitted.targets_mean
        np.testing.assert_allclose(got[0, 4], self.A @ got[0, 3])
        np.testing.assert_allclose(got[0, 3], self.A @ got[0, 2])

    def test_the_future_has_no_part(self):
        rates, behavior, _ = tuned()
        fitted = fit_decoder(Kalman(shrinkages=(0.1,)), rates, behavior)
        before = fitted.predict(rates)
        rates[:, 20:] += 50
        after = fitted.predict(rates)
        np.testing.assert_array_equal(before[:, :20], after[:, :20])

    def test_it_needs_trials(self):
        with pytest.raises(ValueError, match="features: expected shape .n_trials, n_bins"):
            kalman.kalman_filters(np.zeros((9, 2)), np.zeros((9, 1)))
        with pytest.raises(
            ValueError, match=r"features: expected shape \(n_trials, n_bins, 3\)"
        ):
            self.known().predict(np.zeros((2, 5, 4)))


class TestFit:
    def test_wiener_filter_without_lags_is_ridge(self):
        rates, behavior, _ = tuned()
        wiener = fit_decoder(Wiener(n_lags=0), rates, behavior)
        ridge = fit_decoder(Ridge(), rates, behavior)
        np.testing.assert_array_equal(wiener.model.weights, ridge.model.weights)
        assert wiener.penalty == ridge.penalty

    def test_the_penalty_of_ridge_is_the_best_of_a_cross_validation_by_scikit_learn(self):
        rates, behavior, _ = tuned(n_trials=8, n_bins=6, noise=3.0)
        fitted = fit_decoder(Ridge(), rates, behavior, folds=4, seed=7)
        fold = fold_labels(4, 8, seed=7)

        def told(penalty, train, test):
            alpha = penalty * train.sum() * 6
            ridge = make_pipeline(StandardScaler(), SklearnRidge(alpha=alpha))
            ridge.fit(rates[train].reshape(-1, 9), behavior[train].reshape(-1, 2))
            return ridge.predict(rates[test].reshape(-1, 9)).reshape(-1, 6, 2)

        errors = [
            sum(
                ((behavior[fold == k] - told(penalty, fold != k, fold == k)) ** 2).sum()
                for k in range(4)
            )
            for penalty in Ridge().penalties
        ]
        assert fitted.penalty == Ridge().penalties[np.argmin(errors)] > 0.0
        every = np.ones(8, bool)
        np.testing.assert_allclose(fitted.predict(rates), told(fitted.penalty, every, every))

    def test_samples_without_trials_are_decoded_as_trials_of_one_bin(self):
        rates, behavior, _ = tuned(n_bins=1)
        trials = fit_decoder(Ridge(), rates, behavior).predict(rates)
        samples = fit_decoder(Ridge(), rates[:, 0], behavior[:, 0]).predict(rates[:, 0])
        np.testing.assert_allclose(samples, trials[:, 0])

    @pytest.mark.parametrize("shape", [(0, 9), (0, 30, 9)])
    def test_of_no_samples_nothing_is_predicted(self, shape):
        rates, behavior, _ = tuned()
        told = fit_decoder(Ridge(penalties=[0.1]), rates, behavior).predict(np.zeros(shape))
        assert told.shape == (*shape[:-1], 2)

    @pytest.mark.parametrize("lag", [-3, 0, 4])
    @pytest.mark.parametrize("kind", [Ridge, OptimalLinear, Kalman])
    def test_the_lag_is_recovered(self, kind, lag):
        rates, behavior, _ = tuned(n_bins=40)
        late = np.roll(behavior, lag, axis=1)
        fitted = fit_decoder(kind(lags=range(-6, 7)), rates, late)
        assert fitted.lag == lag and fitted.taps == (lag,)

    def test_wiener_filter_finds_a_convolution_exactly(self):
        x = np.random.default_rng(0).normal(size=(10, 50, 2))
        kernel = np.array([1.0, -2.0, 0.5])
        y = sum(k * lags.delayed(x, [i], filling=0.0) for i, k in enumerate(kernel))
        y = y.sum(-1, keepdims=True)
        y[:, :2] = np.nan  # there the kernel reaches before the trial
        decoder = Wiener(n_lags=2, penalties=(0.0,))
        fitted = fit_decoder(decoder, x, y)
        np.testing.assert_allclose(
            fitted.model.weights.reshape(3, 2), kernel[:, None].repeat(2, 1), atol=1e-12
        )

    def test_before_the_trial_stands_the_mean_of_training(self):
        rates, behavior, _ = tuned()
        decoder = Ridge(lags=(2,), penalties=(0.1,))
        fitted = fit_decoder(decoder, rates, behavior)
        np.testing.assert_allclose(fitted.filling, rates.mean((0, 1)))
        predicted = fitted.predict(rates)
        assert (predicted[:, :2] == predicted[0, 0]).all()
        np.testing.assert_allclose(predicted[:, 2:], fitted.model.predict(rates[:, :-2]))

    def test_a_gap_gives_no_prediction_where_it_is_used(self):
        rates, behavior, _ = tuned()
        rates[0, 10, 3] = np.nan
        decoder = Wiener(n_lags=3, penalties=(0.1,))
        predicted = fit_decoder(decoder, rates, behavior).predict(rates)
        np.testing.assert_array_equal(
            np.isnan(predicted[0]).all(-1), (np.arange(30) >= 10) & (np.arange(30) <= 13)
        )
        assert np.isfinite(predicted[1:]).all()

    def test_wrong_arguments(self):
        rates, behavior, _ = tuned()
        with pytest.raises(TypeError, match="decoder: expected Ridge, Wiener, .* received str"):
            fit_decoder("ridge", rates, behavior)
        with pytest.raises(TypeError, match="lags: expected a whole number .*received"):
            Ridge(lags=(0.5,))
        for wrong in (-1.0, np.inf, np.nan):
            with pytest.raises(ValueError, match="penalties: expected numbers of at least 0"):
                Ridge(penalties=(wrong,))
        with pytest.raises(
            ValueError, match="n_lags: expected a whole number from 0 to 10000, received -1"
        ):
            Wiener(n_lags=-1)
        fitted = fit_decoder(Ridge(), rates, behavior)
        with pytest.raises(ValueError, match="features: expected 9 features on the last axis"):
            fitted.predict(rates[..., :4])
