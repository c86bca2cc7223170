"""Condition means and their match against cases computed by hand."""

import numpy as np
import pytest

from lfads_tf.analysis import condition_means, psth_r_squared


def test_by_hand():
    # Condition means of neuron 0: 1, 3 and 5, 7; PSTH 1, 3, 5, 9 (mean 4.5): error 4.
    # Of neuron 1 all is exact.
    rates = np.zeros((3, 2, 2))
    rates[..., 0] = [[0, 2], [2, 4], [5, 7]]
    rates[..., 1] = [[1, 2], [1, 2], [3, 4]]
    known = np.zeros((2, 2, 2))
    known[..., 0] = [[1, 3], [5, 9]]
    known[..., 1] = [[1, 2], [3, 4]]
    deviation = 3.5**2 + 1.5**2 + 0.5**2 + 4.5**2
    expected = (1 - 4 / deviation + 1) / 2
    got = psth_r_squared(rates, ["a", "a", "b"], known)
    assert got == pytest.approx(expected, rel=1e-12)


def test_conditions_without_trials_and_trials_without_condition():
    rates = np.random.default_rng(0).normal(size=(4, 5, 3))
    known = np.stack([rates[0], np.full((5, 3), 9.0), rates[1:3].mean(0)])
    score = psth_r_squared(rates, [0, 2, 2, -1], known, kinds=[0, 1, 2])
    assert score == pytest.approx(1.0)


def test_jitter_is_undone():
    wave = np.random.default_rng(0).normal(size=(12, 2))
    jitter = np.array([0, 2, -1])
    trials = np.stack([np.roll(wave, -j, axis=0) for j in jitter])
    _, means = condition_means(trials, [1, 1, 1], jitter=jitter)
    np.testing.assert_allclose(means[0, 2:11], wave[2:11])
    _, blurred = condition_means(trials, [1, 1, 1])
    assert not np.allclose(blurred[0, 2:11], wave[2:11])


def test_wrong_arguments():
    rates = np.ones((3, 2, 2))
    with pytest.raises(ValueError, match=r"psth: expected shape \(2, 2, 2\)"):
        psth_r_squared(rates, [0, 0, 1], np.ones((3, 2, 2)))
    with pytest.raises(ValueError, match="conditions: expected trials of the PSTHs"):
        psth_r_squared(rates, [0, 0, 0], np.ones((1, 2, 2)), kinds=[5])
    with pytest.raises(ValueError, match="jitter: expected one whole number for each of 3"):
        condition_means(rates, [0, 0, 1], jitter=[1])


@pytest.mark.parametrize("wrong", [[0, 1.5, 0], [0, np.nan, 0], ["0", "1", "0"]])
def test_jitter_is_whole_and_known(wrong):
    for jitter in (wrong, np.ma.masked_array([0, 1, 0], mask=[False, True, False])):
        with pytest.raises((TypeError, ValueError), match="jitter: expected"):
            condition_means(np.ones((3, 2, 2)), [0, 0, 1], jitter=jitter)


def test_kinds_are_labels_as_conditions_are():
    rates, psth = np.ones((3, 2, 2)), np.zeros((2, 2, 2))
    for kinds in (np.array([0, 1], "M8[s]"), [{}, 1]):
        with pytest.raises(TypeError, match="kinds: expected"):
            psth_r_squared(rates, [0, 0, 1], psth, kinds=kinds)


def test_whole_numbers_of_any_type_move_trials_and_others_are_refused():
    values, conditions = np.arange(24.0).reshape(3, 4, 2), [0, 1, 0]
    expected = condition_means(values, conditions, jitter=[2, -1, 0])[1]
    found = condition_means(values, conditions, jitter=[2.0, -1.0, 0.0])[1]
    np.testing.assert_array_equal(found, expected)
    for wrong in ([0.5, 0, 0], [np.nan, 0, 0], [np.inf, 0, 0], [True, False, True]):
        with pytest.raises(ValueError, match="jitter: expected one whole number"):
            condition_means(values, conditions, jitter=wrong)
