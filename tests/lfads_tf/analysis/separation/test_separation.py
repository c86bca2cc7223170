"""Conditions that are known to be apart, or not, and classifiers against their definitions."""

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier

from lfads_tf.analysis import (
    Separation,
    folds_by_condition,
    folds_by_trial,
    separate_conditions,
)
from lfads_tf.analysis.separation.discriminants import discriminants, greatest_score


def two_directions(seed=0, n_trials=60, n_bins=5):
    """Conditions differ along an axis of small noise, which a large one is mixed with."""
    rng = np.random.default_rng(seed)
    kinds = np.arange(n_trials) % 3
    x = rng.normal(size=(n_trials, n_bins, 2)) * [0.1, 10.0]
    x[..., 0] += kinds[:, None]
    return x @ np.array([[0.8, 0.6], [-0.6, 0.8]]), kinds


class TestClassifiers:
    def test_lda_has_the_scores_of_gaussians_of_one_covariance(self):
        x, kinds = two_directions()
        weights, biases = discriminants(x, kinds, 0.2)
        for t in range(5):
            means = np.array([x[kinds == k, t].mean(0) for k in range(3)])
            rest = x[:, t] - means[kinds]
            c = rest.T @ rest / len(x)
            c = 0.8 * c + 0.2 * np.trace(c) / 2 * np.eye(2)
            distance = [
                np.einsum("bf,fg,bg->b", x[:, t] - m, np.linalg.inv(c), x[:, t] - m)
                for m in means
            ]
            scores = x[:, t] @ weights[t] + biases[t]
            np.testing.assert_allclose(
                scores - scores[:, :1],
                -0.5 * (np.array(distance).T - distance[0][:, None]),
                rtol=1e-5,
                atol=1e-6,
            )

    def test_lda_is_that_of_scikit_learn_where_conditions_have_as_many_trials(self):
        x, kinds = two_directions()
        weights, biases = discriminants(x, kinds, 0.2)
        for t in range(5):
            known = LinearDiscriminantAnalysis("lsqr", shrinkage=0.2).fit(x[:, t], kinds)
            scores = known.decision_function(x[:, t])
            ours = x[:, t] @ weights[t] + biases[t]
            np.testing.assert_allclose(
                ours - ours[:, :1], scores - scores[:, :1], rtol=1e-6, atol=1e-6
            )

    @pytest.mark.parametrize(
        ("kind", "options"),
        [(LinearDiscriminantAnalysis, {}), (RandomForestClassifier, {"n_estimators": 10})],
    )
    def test_any_classifier_tells_conditions_apart(self, kind, options):
        kinds = np.arange(60) % 3
        x = np.random.default_rng(0).normal(size=(60, 5, 2)) + 4 * kinds[:, None, None]
        names = np.array(["left", "right", "up"])[kinds]
        method = kind(**options)
        result = separate_conditions(x, names, method=method)
        again = separate_conditions(x, names, method=method)
        np.testing.assert_array_equal(result.predictions, again.predictions)
        assert result.accuracy.min() > 0.9
        assert vars(method).keys() == vars(kind()).keys()  # nothing is fitted
        assert method.get_params() == kind(**options).get_params()
        part = separate_conditions(x, names, test=(x[:2], names[:2]), method=method)
        assert part.predictions.shape == (2, 5)
        with pytest.raises(ValueError, match="method: expected one of lda, .* received <class"):
            separate_conditions(x, names, method=kind)

    def test_shrunk_to_the_end_it_is_the_nearest_centroid(self):
        x, kinds = two_directions()
        told = greatest_score(*discriminants(x, kinds, 1.0), x)
        means = np.stack([x[kinds == k].mean(0) for k in range(3)])
        nearest = np.linalg.norm(x[:, None] - means, axis=-1).argmin(1)
        np.testing.assert_array_equal(told, nearest)

    def test_lda_sees_past_noise_that_the_nearest_centroid_drowns_in(self):
        x, kinds = two_directions()
        lda = separate_conditions(x, kinds)
        nearest = separate_conditions(x, kinds, method="nearest_centroid")
        assert lda.accuracy.min() > 0.95
        assert nearest.accuracy.max() < 0.7


class TestSeparation:
    def test_conditions_apart_from_a_known_bin_on(self):
        kinds = np.array(["a", "b", "c", "d"])[np.arange(80) % 4]
        x = np.random.default_rng(0).normal(size=(80, 12, 3))
        x[:, 7:, 1] += 50 * (np.arange(80) % 4)[:, None]
        result = separate_conditions(x, kinds, seed=1)
        np.testing.assert_array_equal(result.predictions[:, 7:], kinds[:, None].repeat(5, 1))
        assert result.accuracy[:7].max() < 0.5
        assert result.first_bin() == result.first_bin(0.9) == 7
        assert result.first_bin(start=9) == 9
        np.testing.assert_array_equal(result.confusion(slice(7, None)), np.eye(4))
        np.testing.assert_allclose(result.confusion().sum(1), 1.0)

    def test_noise_is_chance(self):
        x = np.random.default_rng(0).normal(size=(400, 10, 4))
        result = separate_conditions(x, np.arange(400) % 4)
        assert result.chance == 0.25
        assert abs(result.accuracy.mean() - 0.25) < 0.03
        assert result.accuracy.max() < result.above_chance(1e-4)
        assert result.first_bin(0.9) is None

    def test_the_level_above_chance_is_the_binomial_one(self):
        one = Separation(np.array([0, 1]), np.zeros(10), np.zeros((10, 1)), 0.5)
        # P(at least 9 of 10) = 11 / 1024 > 0.01 >= P(10 of 10)
        assert one.above_chance(0.01) == 1.0
        assert one.above_chance(0.02) == 0.9
        np.testing.assert_array_equal(one.accuracy, [1.0])
        np.testing.assert_array_equal(one.standard_error, [0.0])

    def test_held_out_trials_have_no_part_in_their_answers(self):
        x, kinds = two_directions()
        of = folds_by_trial(60, 4, conditions=kinds)
        before = separate_conditions(x, kinds, of)
        renamed = kinds.copy()
        renamed[of == 1] = np.roll(kinds[of == 1], 1)
        after = separate_conditions(x, renamed, of)
        np.testing.assert_array_equal(before.predictions[of == 1], after.predictions[of == 1])

    def test_of_trials_that_are_held_out_already(self):
        x, kinds = two_directions()
        names = np.array(["left", "right", "up"])[kinds]
        of = folds_by_trial(60, 4, conditions=kinds)
        whole = separate_conditions(x, names, of)
        held = of == 2
        part = separate_conditions(
            x[~held], names[~held], of[~held], test=(x[held], names[held])
        )
        np.testing.assert_array_equal(part.predictions, whole.predictions[held])
        np.testing.assert_array_equal(part.conditions, names[held])
        only = separate_conditions(x[~held], names[~held], test=(x[:1], names[:1]))
        assert only.predictions.shape == (1, 5) and only.chance == 1.0
        with pytest.raises(ValueError, match="test: expected conditions .* received down"):
            separate_conditions(x, names, test=(x[:1], ["down"]))
        with pytest.raises(ValueError, match="test: expected 5 bins of 2 features"):
            separate_conditions(x, names, test=(x[:, 1:], names))

    def test_features_that_never_vary_within_conditions(self):
        kinds = np.arange(12) % 3
        x = np.zeros((12, 2, 2))
        x[:, 1, 0] = kinds
        result = separate_conditions(x, kinds, 3)
        assert result.accuracy[1] == 1.0

    def test_wrong_arguments(self):
        x, kinds = two_directions()
        with pytest.raises(ValueError, match="method: expected one of lda, nearest_centroid"):
            separate_conditions(x, kinds, method="svm")
        with pytest.raises(ValueError, match="features: expected finite numbers"):
            separate_conditions(np.where(x > 5, np.nan, x), kinds)
        with pytest.raises(
            ValueError, match="conditions: expected at least two, received only"
        ):
            separate_conditions(x, np.ones(60))
        with pytest.raises(ValueError, match="shrinkage: expected 0 to 1"):
            separate_conditions(x, kinds, shrinkage=2.0)
        with pytest.raises(ValueError, match="folds: .* a fold .0. that holds all trials of 0"):
            separate_conditions(x, kinds, folds_by_condition(kinds))
