"""What is held out stays out: folds by trial, by condition and by session."""

import numpy as np
import pytest
from sklearn.model_selection import GroupKFold, RepeatedKFold, StratifiedKFold

from lfads_tf.analysis import (
    Kalman,
    OptimalLinear,
    Ridge,
    Wiener,
    cross_validate,
    decode_between_sessions,
    decoding_r_squared,
    fit_decoder,
    folds_by_condition,
    folds_by_splitter,
    folds_by_trial,
    r_squared,
)
from lfads_tf.analysis.decoding.linear import ridge_path


def tuned(seed=0, n_trials=32, n_bins=20, noise=1.0):
    rng = np.random.default_rng(seed)
    behavior = rng.normal(size=(n_trials, n_bins, 2))
    tuning = np.random.default_rng(99).normal(size=(2, 7))
    return behavior @ tuning + noise * rng.normal(size=(n_trials, n_bins, 7)), behavior


class TestFolds:
    def test_by_trial_every_trial_once_and_conditions_even(self):
        conditions = np.repeat(np.arange(8), [9, 5, 7, 5, 11, 5, 6, 12])
        of = folds_by_trial(60, 5, conditions=conditions, seed=1)
        assert (np.bincount(of) == 12).all()
        for kind in range(8):
            counts = np.bincount(of[conditions == kind], minlength=5)
            assert counts.max() - counts.min() <= 1
        np.testing.assert_array_equal(of, folds_by_trial(60, conditions=conditions, seed=1))
        assert (of != folds_by_trial(60, conditions=conditions, seed=2)).any()

    def test_by_splitter_folds_are_those_of_scikit_learn(self):
        conditions, blocks = np.arange(60) % 3, np.arange(60) // 6
        of = folds_by_splitter(GroupKFold(5), 60, groups=blocks)
        assert sorted(np.unique(of)) == list(range(5))
        assert all(len(np.unique(of[blocks == block])) == 1 for block in range(10))
        of = folds_by_splitter(StratifiedKFold(4), 60, conditions=conditions)
        assert all((np.bincount(conditions[of == k]) == 5).all() for k in range(4))
        with pytest.raises(ValueError, match="splitter: .* 0 trials never and 60 several"):
            folds_by_splitter(RepeatedKFold(n_splits=5, n_repeats=2), 60)
        with pytest.raises(TypeError, match="splitter: expected an object with split, .* int"):
            folds_by_splitter(5, 60)

    def test_by_condition_training_and_test_share_no_condition(self):
        conditions = np.random.default_rng(0).permutation(np.arange(40) % 8)
        of = folds_by_condition(conditions)
        for fold in range(8):
            assert not set(conditions[of == fold]) & set(conditions[of != fold])
            assert len(set(conditions[of == fold])) == 1

    def test_wrong_arguments(self):
        with pytest.raises(
            ValueError, match="conditions: expected at least two, received only"
        ):
            folds_by_condition([3, 3, 3])
        with pytest.raises(
            ValueError, match="n_folds: expected a whole number from 2 to 4, received 5"
        ):
            folds_by_trial(4, 5)
        with pytest.raises(ValueError, match="conditions: expected one for each of 4 trials"):
            folds_by_trial(4, 2, conditions=[1, 2])


class TestCrossValidate:
    def test_with_one_penalty_it_is_ridge_of_the_other_folds(self):
        rates, behavior = tuned()
        of = np.arange(32) % 4
        result = cross_validate(rates, behavior, Ridge(penalties=(0.1,)), of)
        known = np.empty_like(behavior)
        for k in range(4):
            (fitted,) = ridge_path(rates[of != k], behavior[of != k], [0.1])
            known[of == k] = fitted.predict(rates[of == k])
        np.testing.assert_allclose(result.predictions, known)
        assert result.r_squared == r_squared(behavior, result.predictions, average="pooled")
        assert result.folds.tolist() == [0, 1, 2, 3] and len(result.decoders) == 4

    @pytest.mark.parametrize(
        "decoder",
        [
            Ridge(lags=(0, 1)),
            Wiener(n_lags=2),
            OptimalLinear(lags=(0, 1)),
            Kalman(),
        ],
        ids=lambda one: type(one).__name__,
    )
    def test_the_held_out_condition_has_no_part_in_its_predictions(self, decoder):
        rates, behavior = tuned()
        of = folds_by_condition(np.arange(32) % 4)
        before = cross_validate(rates, behavior, decoder, of)
        changed = behavior.copy()
        changed[of == 2] = 1e3 * np.random.default_rng(5).normal(size=changed[of == 2].shape)
        after = cross_validate(rates, changed, decoder, of)
        np.testing.assert_array_equal(before.predictions[of == 2], after.predictions[of == 2])
        assert before.decoders[2].penalty == after.decoders[2].penalty
        assert before.decoders[2].lag == after.decoders[2].lag
        assert not np.array_equal(before.predictions[of != 2], after.predictions[of != 2])

    def test_a_condition_recognised_but_not_understood_does_not_carry_over(self):
        # Behaviour is a constant of each condition, and rates say only which condition it is.
        kinds = np.repeat(np.arange(6), 10)
        rates = np.eye(6)[kinds][:, None].repeat(15, 1)
        rates = rates + 0.01 * np.random.default_rng(0).normal(size=rates.shape)
        behavior = np.array([3.0, -1.0, 2.0, -3.0, 1.0, -2.0])[kinds][:, None, None]
        behavior = behavior.repeat(15, 1)
        seen = cross_validate(rates, behavior, folds=folds_by_trial(60, 5, conditions=kinds))
        new = cross_validate(rates, behavior, folds=folds_by_condition(kinds))
        assert seen.r_squared > 0.99
        assert new.r_squared < 0.1

    def test_the_penalty_is_judged_by_the_folds_that_are_left(self):
        # Shared noise of each condition: by trial it is learned, by condition it misleads.
        rng = np.random.default_rng(0)
        kinds = np.arange(40) % 5
        rates = rng.normal(size=(40, 10, 30)) + 3 * rng.normal(size=(5, 1, 30))[kinds]
        behavior = 0.2 * rates[..., :1] + 3 * rng.normal(size=(5, 1, 1))[kinds]
        of = folds_by_condition(kinds)
        result = cross_validate(rates, behavior, folds=of)
        for k, decoder in enumerate(result.decoders):
            rest = of != k
            left = fit_decoder(Ridge(), rates[rest], behavior[rest], folds=of[rest])
            drawn = fit_decoder(Ridge(), rates[rest], behavior[rest], folds=5)
            assert decoder.penalty == left.penalty > drawn.penalty

    def test_the_penalty_may_be_judged_by_random_parts_of_the_training_trials(self):
        rates, behavior = tuned(noise=8.0)
        of = np.arange(32) % 4
        result = cross_validate(rates, behavior, folds=of, inner_folds=3, seed=2)
        for k, decoder in enumerate(result.decoders):
            rest = of != k
            drawn = fit_decoder(Ridge(), rates[rest], behavior[rest], folds=3, seed=2)
            assert decoder.penalty == drawn.penalty
            np.testing.assert_array_equal(
                result.predictions[of == k], drawn.predict(rates[of == k])
            )
        for wrong in (1, 2.5, of):
            with pytest.raises((TypeError, ValueError), match="inner_folds: expected"):
                cross_validate(rates, behavior, folds=of, inner_folds=wrong)

    def test_fold_scores_are_those_of_their_trials(self):
        rates, behavior = tuned()
        of = np.arange(32) % 2
        result = cross_validate(rates, behavior, folds=of)
        for k in (0, 1):
            expected = decoding_r_squared(behavior[of == k], result.predictions[of == k])
            assert result.fold_r_squared[k] == expected


class TestBetweenSessions:
    def test_same_tuning_carries_over_and_another_does_not(self):
        monday, friday = tuned(0, noise=0.1), tuned(1, noise=0.1)
        other = (friday[0] @ np.linalg.qr(np.random.default_rng(0).normal(size=(7, 7)))[0],)
        sessions = {"monday": monday, "friday": friday, "remapped": (*other, friday[1])}
        result = decode_between_sessions(sessions)
        assert result.names == ("monday", "friday", "remapped")
        assert (np.diag(result.r_squared) > 0.95).all()
        assert result.r_squared[0, 1] > 0.95 and result.r_squared[1, 0] > 0.95
        assert (result.r_squared[:2, 2] < 0.5).all() and (result.r_squared[2, :2] < 0.5).all()

    def test_scores_are_those_of_the_other_days_decoder(self):
        monday, friday = tuned(0), tuned(1)
        decoder = Ridge(penalties=(0.3,))
        result = decode_between_sessions({"a": monday, "b": friday}, decoder)
        fitted = fit_decoder(Ridge(penalties=[0.3]), *monday)
        expected = decoding_r_squared(friday[1], fitted.predict(friday[0]))
        assert result.r_squared[0, 1] == expected

    def test_errors_name_the_session(self):
        monday, friday = tuned(0), tuned(1)
        with pytest.raises(ValueError, match="sessions: expected at least two, received 1"):
            decode_between_sessions({"monday": monday})
        with pytest.raises(ValueError, match="7 features and 2 targets, as in 'monday', .* 5"):
            decode_between_sessions(
                {"monday": monday, "friday": (friday[0][..., :5], friday[1])}
            )
        with pytest.raises(ValueError, match="sessions .targets of 'friday'.: expected shape"):
            decode_between_sessions({"monday": monday, "friday": (friday[0], friday[1][:, 1:])})


def test_the_result_is_shown_by_its_scores_and_not_by_its_arrays():
    rates = np.random.default_rng(0).normal(size=(20, 30, 5))
    shown = str(cross_validate(rates, rates[..., :2], folds=2))
    assert shown == "CrossValidated(R^2 1.000; of each fold 0: 1.000, 1: 1.000)"
