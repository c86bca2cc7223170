"""What is held out stays out: folds by trial, by condition and by session."""

import numpy as np
import pytest
from sklearn.model_selection import GroupKFold, RepeatedKFold, StratifiedKFold

from lfads_tf.analysis.decoding import cross_validation as validation
from lfads_tf.analysis.decoding import decoders, folds
from lfads_tf.analysis.decoding import linear as decoding


def tuned(seed=0, n_trials=32, n_bins=20, noise=1.0):
    rng = np.random.default_rng(seed)
    behavior = rng.normal(size=(n_trials, n_bins, 2))
    tuning = np.random.default_rng(99).normal(size=(2, 7))
    return behavior @ tuning + noise * rng.normal(size=(n_trials, n_bins, 7)), behavior


class TestFolds:
    def test_by_trial_every_trial_once_and_conditions_even(self):
        conditions = np.repeat(np.arange(8), [9, 5, 7, 5, 11, 5, 6, 12])
        of = folds.by_trial(60, 5, conditions=conditions, seed=1)
        assert (np.bincount(of) == 12).all()
        for kind in range(8):
            counts = np.bincount(of[conditions == kind], minlength=5)
            assert counts.max() - counts.min() <= 1
        np.testing.assert_array_equal(of, folds.by_trial(60, conditions=conditions, seed=1))
        assert (of != folds.by_trial(60, conditions=conditions, seed=2)).any()

    def test_by_splitter_folds_are_those_of_scikit_learn(self):
        conditions, blocks = np.arange(60) % 3, np.arange(60) // 6
        of = folds.by_splitter(GroupKFold(5), 60, groups=blocks)
        assert sorted(np.unique(of)) == list(range(5))
        assert all(len(np.unique(of[blocks == block])) == 1 for block in range(10))
        of = folds.by_splitter(StratifiedKFold(4), 60, conditions=conditions)
        assert all((np.bincount(conditions[of == k]) == 5).all() for k in range(4))
        with pytest.raises(ValueError, match="splitter: .* 0 trials never and 60 several"):
            folds.by_splitter(RepeatedKFold(n_splits=5, n_repeats=2), 60)
        with pytest.raises(TypeError, match="splitter: expected an object with split, .* int"):
            folds.by_splitter(5, 60)

    def test_by_condition_training_and_test_share_no_condition(self):
        conditions = np.random.default_rng(0).permutation(np.arange(40) % 8)
        of = folds.by_condition(conditions)
        for fold in range(8):
            assert not set(conditions[of == fold]) & set(conditions[of != fold])
            assert len(set(conditions[of == fold])) == 1

    def test_wrong_arguments(self):
        with pytest.raises(
            ValueError, match="conditions: expected at least two, received only"
        ):
            folds.by_condition([3, 3, 3])
        with pytest.raises(
            ValueError, match="n_folds: expected a whole number from 2 to 4, received 5"
        ):
            folds.by_trial(4, 5)
        with pytest.raises(ValueError, match="conditions: expected one for each of 4 trials"):
            folds.by_trial(4, 2, conditions=[1, 2])


class TestCrossValidate:
    def test_with_one_penalty_it_is_ridge(self):
        rates, behavior = tuned()
        of = np.arange(32) % 4
        result = validation.cross_validate(
            rates, behavior, decoders.Ridge(penalties=(0.1,)), of
        )
        known = decoding.ridge(rates, behavior, of, penalties=[0.1])
        np.testing.assert_array_equal(result.predictions, known.predictions)
        assert result.r_squared == known.r_squared
        assert result.folds.tolist() == [0, 1, 2, 3] and len(result.decoders) == 4

    @pytest.mark.parametrize(
        "decoder",
        [
            decoders.Ridge(lags=(0, 1)),
            decoders.Wiener(n_lags=2),
            decoders.OptimalLinear(lags=(0, 1)),
            decoders.Kalman(),
        ],
        ids=lambda one: type(one).__name__,
    )
    def test_the_held_out_condition_has_no_part_in_its_predictions(self, decoder):
        rates, behavior = tuned()
        of = folds.by_condition(np.arange(32) % 4)
        before = validation.cross_validate(rates, behavior, decoder, of)
        changed = behavior.copy()
        changed[of == 2] = 1e3 * np.random.default_rng(5).normal(size=changed[of == 2].shape)
        after = validation.cross_validate(rates, changed, decoder, of)
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
        seen = validation.cross_validate(
            rates, behavior, folds=folds.by_trial(60, 5, conditions=kinds)
        )
        new = validation.cross_validate(rates, behavior, folds=folds.by_condition(kinds))
        assert seen.r_squared > 0.99
        assert new.r_squared < 0.1

    def test_the_penalty_is_judged_by_the_folds_that_are_left(self):
        # Shared noise of each condition: by trial it is learned, by condition it misleads.
        rng = np.random.default_rng(0)
        kinds = np.arange(40) % 5
        rates = rng.normal(size=(40, 10, 30)) + 3 * rng.normal(size=(5, 1, 30))[kinds]
        behavior = 0.2 * rates[..., :1] + 3 * rng.normal(size=(5, 1, 1))[kinds]
        of = folds.by_condition(kinds)
        result = validation.cross_validate(rates, behavior, folds=of)
        for k, decoder in enumerate(result.decoders):
            rest = of != k
            left = decoders.fit(decoders.Ridge(), rates[rest], behavior[rest], folds=of[rest])
            drawn = decoders.fit(decoders.Ridge(), rates[rest], behavior[rest], folds=5)
            assert decoder.penalty == left.penalty > drawn.penalty

    def test_fold_scores_are_those_of_their_trials(self):
        rates, behavior = tuned()
        of = np.arange(32) % 2
        result = validation.cross_validate(rates, behavior, folds=of)
        for k in (0, 1):
            expected = validation.score(behavior[of == k], result.predictions[of == k])
            assert result.fold_r_squared[k] == expected


class TestBetweenSessions:
    def test_same_tuning_carries_over_and_another_does_not(self):
        monday, friday = tuned(0, noise=0.1), tuned(1, noise=0.1)
        other = (friday[0] @ np.linalg.qr(np.random.default_rng(0).normal(size=(7, 7)))[0],)
        sessions = {"monday": monday, "friday": friday, "remapped": (*other, friday[1])}
        result = validation.between_sessions(sessions)
        assert result.names == ("monday", "friday", "remapped")
        assert (np.diag(result.r_squared) > 0.95).all()
        assert result.r_squared[0, 1] > 0.95 and result.r_squared[1, 0] > 0.95
        assert (result.r_squared[:2, 2] < 0.5).all() and (result.r_squared[2, :2] < 0.5).all()

    def test_scores_are_those_of_the_other_days_decoder(self):
        monday, friday = tuned(0), tuned(1)
        decoder = decoders.Ridge(penalties=(0.3,))
        result = validation.between_sessions({"a": monday, "b": friday}, decoder)
        fitted = decoding.fit_ridge(*monday, penalties=[0.3])
        expected = validation.score(friday[1], decoding.predict(fitted, friday[0]))
        assert result.r_squared[0, 1] == expected

    def test_errors_name_the_session(self):
        monday, friday = tuned(0), tuned(1)
        with pytest.raises(ValueError, match="sessions: expected at least two, received 1"):
            validation.between_sessions({"monday": monday})
        with pytest.raises(ValueError, match="7 features and 2 targets, as in 'monday', .* 5"):
            validation.between_sessions(
                {"monday": monday, "friday": (friday[0][..., :5], friday[1])}
            )
        with pytest.raises(ValueError, match="sessions: 'friday': targets: expected shape"):
            validation.between_sessions(
                {"monday": monday, "friday": (friday[0], friday[1][:, 1:])}
            )
