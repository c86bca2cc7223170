"""Each metric of the benchmark against a case computed by hand."""

import warnings

import numpy as np
import pytest

from lfads_tf import Session
from lfads_tf.analysis import (
    bits_per_spike,
    co_smoothing,
    evaluate_nlb,
    forward_prediction,
    nlb_behavior_r_squared,
    poisson_log_likelihood,
    psth_r_squared,
)
from lfads_tf.data.formats import nlb as files


def hand_bits(expected, counts):
    """sum over samples of x log(m / mean) - (m - mean), per spike, in bits."""
    mean = counts.mean(axis=(0, 1))
    gain = counts * np.log(expected / mean) - (expected - mean)
    return gain.sum() / counts.sum() / np.log(2)


class TestBitsPerSpike:
    def test_co_smoothing_by_hand(self):
        # Neuron 1 is held out: two bins, 3 spikes and 1, predicted as 2 and 1; mean 2.
        spikes = np.array([[[0.0, 3.0], [4.0, 1.0], [9.0, 50.0]]])
        rates = np.array([[[5.0, 20.0], [5.0, 10.0], [5.0, 7.0]]])
        got = co_smoothing(rates, spikes, 0.1, n_encode_neurons=1, n_encode_bins=2)
        by_hand = (3 * np.log(2 / 2) - (2 - 2) + 1 * np.log(1 / 2) - (1 - 2)) / 4 / np.log(2)
        assert got == pytest.approx(by_hand, rel=1e-12)

    def test_forward_prediction_by_hand(self):
        # Bins 1 and 2 are forward; both neurons count: 1, 3 (mean 2) and 2, 0 (mean 1).
        spikes = np.array([[[7.0, 7.0], [1.0, 2.0], [3.0, 0.0]]])
        rates = np.array([[[1.0, 1.0], [10.0, 20.0], [40.0, 5.0]]])
        got = forward_prediction(rates, spikes, 0.1, n_encode_bins=1)
        gain = np.log(1 / 2) - (1 - 2)
        gain += 3 * np.log(4 / 2) - (4 - 2)
        gain += 2 * np.log(2 / 1) - (2 - 1)
        gain += 0 - (0.5 - 1)
        assert got == pytest.approx(gain / 6 / np.log(2), rel=1e-12)

    def test_many_trials(self):
        rng = np.random.default_rng(0)
        rates = rng.gamma(2.0, 10.0, (6, 12, 8))
        spikes = rng.poisson(0.05 * rates).astype(float)
        got = co_smoothing(rates, spikes, 0.05, 5, 9)
        assert got == pytest.approx(hand_bits(0.05 * rates[:, :9, 5:], spikes[:, :9, 5:]))
        got = forward_prediction(rates, spikes, 0.05, 9)
        assert got == pytest.approx(hand_bits(0.05 * rates[:, 9:], spikes[:, 9:]))

    def test_nothing_held_out(self):
        ones = np.ones((2, 5, 3))
        with pytest.raises(
            ValueError,
            match="n_encode_neurons: expected a whole number from 1 to 2, received 3",
        ):
            co_smoothing(ones, ones, 0.1, 3)
        with pytest.raises(
            ValueError, match="n_encode_bins: expected a whole number from 1 to 4, received 5"
        ):
            forward_prediction(ones, ones, 0.1, 5)
        with pytest.raises(ValueError, match=r"rates: expected shape \(2, 5, 3\)"):
            co_smoothing(ones[1:], ones, 0.1, 2)


class TestBehavior:
    def test_one_rate_by_hand(self):
        # Centred counts -1, 1 five times over, behaviour twice as large; penalty 1:
        # weight = 2 * 10 / (10 + 1), and on test rates -2, 2 the error is 4 - 2 w each.
        train = np.tile([-1.0, 1.0], 5).reshape(1, 10, 1)
        test = np.array([[[-2.0], [2.0]]])
        got = nlb_behavior_r_squared(
            10 * (train + 5),
            2 * train,
            10 * (test + 5),
            2 * test,
            bin_width=0.1,
            penalties=[1.0],
        )
        assert got == pytest.approx(1 - (1 / 11) ** 2, rel=1e-12)

    def test_mean_over_dimensions_and_masks_and_gaps_left_out(self):
        rng = np.random.default_rng(0)
        x = rng.normal(size=(16, 10, 3)) + 20
        y = np.stack([x[..., 0], rng.normal(size=(16, 10)) * 9], axis=-1)
        mask = np.stack([np.arange(16) < 8, np.arange(16) >= 8], axis=1)
        options = {"bin_width": 0.02, "penalties": [1e-9]}
        parts = [nlb_behavior_r_squared(x[m], y[m], x[m], y[m], **options) for m in mask.T]
        both = nlb_behavior_r_squared(x, y, x, y, train_masks=mask, eval_masks=mask, **options)
        assert both == pytest.approx(np.mean(parts))
        assert both == pytest.approx(0.5, abs=0.05)  # one dimension is told, one is noise
        gappy = np.concatenate([y, np.full((1, 10, 2), np.nan)])
        more = np.concatenate([x, 99 + x[:1]])
        same = nlb_behavior_r_squared(more, gappy, more, gappy, **options)
        assert same == pytest.approx(nlb_behavior_r_squared(x, y, x, y, **options))

    def test_the_penalty_is_that_of_the_best_block_scores(self):
        rng = np.random.default_rng(1)
        x = rng.gamma(1.0, 50.0, (6, 10, 20))
        y = 0.02 * x[..., :1] + rng.normal(size=(6, 10, 1)) * 4
        chosen = nlb_behavior_r_squared(x, y, x, y, bin_width=0.02, penalties=[1e-4, 100.0])
        alone = [
            nlb_behavior_r_squared(x, y, x, y, bin_width=0.02, penalties=[p])
            for p in (1e-4, 100.0)
        ]
        assert chosen == alone[1] < alone[0]  # the smaller fits the trained samples better

    def test_wrong_arguments(self):
        x, y = np.ones((4, 5, 3)), np.ones((4, 5, 2))
        with pytest.raises(ValueError, match=r"train_masks: expected shape \(4, 1\)"):
            nlb_behavior_r_squared(x, y, x, y, bin_width=0.1, train_masks=np.ones((3, 1)))
        for wrong in (np.full((4, 1), "no"), np.full((4, 1), 1j), np.full((4, 1), 2)):
            with pytest.raises((TypeError, ValueError), match="train_masks: expected"):
                nlb_behavior_r_squared(x, y, x, y, bin_width=0.1, train_masks=wrong)
        with pytest.raises(ValueError, match="penalties: expected numbers above 0"):
            nlb_behavior_r_squared(x, y, x, y, bin_width=0.1, penalties=[0.0])


class TestEvaluate:
    def case(self):
        rng = np.random.default_rng(0)
        rates = rng.gamma(3.0, 10.0, (20, 13, 8))
        spikes = rng.poisson(0.02 * rates).astype("float32")
        behavior = rates[:, :10, :2] + rng.normal(size=(20, 10, 2))
        train, test = slice(0, 12), slice(12, 20)
        data = Session(spikes[train], 0.02, n_encode_neurons=6, n_encode_bins=10)
        submission = files.predictions(rates[train], rates[test], data)
        target = {
            "eval_spikes_heldout": spikes[test, :10, 6:],
            "eval_spikes_heldin_forward": spikes[test, 10:, :6],
            "eval_spikes_heldout_forward": spikes[test, 10:, 6:],
            "train_behavior": behavior[train],
            "eval_behavior": behavior[test],
            "psth": 0.02 * rates[test, :10].reshape(4, 2, 10, 8).mean(1) + 0.1,
            "eval_cond_idx": [np.array([2 * k, 2 * k + 1]) for k in range(4)],
        }
        return rates, spikes, behavior, target, submission, train, test

    def test_from_files_each_metric_is_its_function_on_spikes_per_second(self, tmp_path):
        rates, spikes, behavior, target, submission, train, test = self.case()
        paths = tmp_path / "target.h5", tmp_path / "submission.h5"
        files.write(paths[0], target, group="mc_maze_20")
        files.write(paths[1], submission, group="mc_maze_20")
        result = evaluate_nlb(*paths, "mc_maze", 0.02)
        assert list(result) == ["co-bps", "vel R2", "psth R2", "fp-bps"]
        assert result["co-bps"] == pytest.approx(
            co_smoothing(rates[test], spikes[test], 0.02, 6, 10), rel=1e-6
        )
        assert result["fp-bps"] == pytest.approx(
            forward_prediction(rates[test], spikes[test], 0.02, 10), rel=1e-6
        )
        expected = nlb_behavior_r_squared(
            rates[train, :10], behavior[train], rates[test, :10], behavior[test], bin_width=0.02
        )
        assert result["vel R2"] == pytest.approx(expected, rel=1e-6)
        expected = psth_r_squared(
            0.02 * rates[test, :10], np.repeat(np.arange(4), 2), target["psth"]
        )
        assert result["psth R2"] == pytest.approx(expected, rel=1e-6)

    def test_what_is_missing_is_named(self):
        *_, target, submission, _, _ = self.case()
        del submission["eval_rates_heldout"]
        with pytest.raises(KeyError, match="expected eval_rates_heldout, received eval_rates_"):
            evaluate_nlb(target, submission, "mc_maze", 0.02)

    @pytest.mark.parametrize("factor", [50.0, 0.02])
    def test_rates_of_another_unit_are_noticed(self, factor):
        *_, target, submission, _, _ = self.case()
        told = {name: factor * value for name, value in submission.items()}
        with pytest.warns(UserWarning, match=r"eval_rates_heldout.*Are they in spikes/bin\?"):
            evaluate_nlb(target, told, "mc_maze", 0.02)
        forward = {k: v * (factor if "forward" in k else 1) for k, v in submission.items()}
        with pytest.warns(UserWarning, match=r"forward'.*Are they in spikes/bin\?"):
            evaluate_nlb(target, forward, "mc_maze", 0.02)

    @pytest.mark.parametrize("scale", [0.3, 1.0, 4.0])
    def test_rates_of_a_poor_model_are_not(self, scale):
        *_, target, submission, _, _ = self.case()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            told = {name: scale * value for name, value in submission.items()}
            evaluate_nlb(target, told, "mc_maze", 0.02)

    @pytest.mark.parametrize(
        "score",
        [
            lambda rates, spikes: bits_per_spike(rates, spikes, 0.02),
            lambda rates, spikes: poisson_log_likelihood(rates, spikes, 0.02),
            lambda rates, spikes: co_smoothing(rates, spikes, 0.02, 6),
            lambda rates, spikes: forward_prediction(rates, spikes, 0.02, 10),
        ],
    )
    def test_rates_in_spikes_per_bin_are_noticed_where_seconds_are_expected(self, score):
        rates, spikes, *_ = self.case()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            score(rates, spikes)
        with pytest.warns(UserWarning, match=r"like the spikes per bin .* in spikes/s\?"):
            score(0.02 * rates, spikes)

    @pytest.mark.parametrize("name", ["mc_mase", "MC_Maze", "area2bump", "mc_maze_20", "mc_rt"])
    def test_a_misspelt_data_set_is_refused_with_the_known_ones(self, name):
        *_, target, submission, _, _ = self.case()
        with pytest.raises(ValueError, match="dataset: expected area2_bump, dmfc_rsg.*Is it"):
            evaluate_nlb(target, submission, name, 0.02)

    @pytest.mark.parametrize("name", ["our_monkey", "mc_maze_simulated", "lorenz"])
    def test_a_data_set_of_ones_own_has_a_name_of_its_own(self, name):
        *_, target, submission, _, _ = self.case()
        known = evaluate_nlb(target, submission, "mc_maze", 0.02)
        assert evaluate_nlb(target, submission, name, 0.02) == known

    @pytest.mark.parametrize(
        ("kind", "right", "wrong"),
        [
            ("targets", "eval_spikes_heldin_forward", "eval_spikes_heldin_foward"),
            ("targets", "eval_behavior", "eval_behaviour"),
            ("targets", "psth", "PSTH"),
            ("targets", "eval_cond_idx", "eval_cond_index"),
            ("submission", "eval_rates_heldout_forward", "eval_forward_rates_heldout"),
            ("submission", "train_rates_heldin", "train_rates_held_in"),
        ],
    )
    def test_a_misspelt_array_is_refused_and_not_left_out(self, kind, right, wrong):
        *_, target, submission, _, _ = self.case()
        given = {"targets": target, "submission": submission}
        given[kind][wrong] = given[kind].pop(right)
        with pytest.raises(ValueError, match=f"{kind}: expected names such as {right}, rec"):
            evaluate_nlb(**given, dataset="mc_maze", bin_width=0.02)
