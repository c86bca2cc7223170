"""Samples come from where the runs have been."""

import numpy as np
import pytest

from fixedpoint_tf.systems import sampling
from fixedpoint_tf.systems.system import StateLayout

VECTOR = StateLayout(("h",), (2,))
TIMES = np.stack(np.meshgrid(np.arange(5.0), np.arange(7.0), indexing="ij"), axis=-1)


def test_samples_are_states_of_the_trajectories():
    drawn = sampling.sample_states(VECTOR, TIMES, 200, np.random.default_rng(0))
    assert drawn.shape == (200, 2)
    assert {tuple(row) for row in drawn} <= {tuple(row) for row in TIMES.reshape(-1, 2)}
    assert len(np.unique(drawn, axis=0)) == 35  # with replacement, each of them sooner or later


def test_a_mask_chooses_what_may_be_drawn():
    valid = np.zeros((5, 7), dtype=bool)
    valid[1, 2] = valid[3, 6] = True
    drawn = sampling.sample_states(VECTOR, TIMES, 50, np.random.default_rng(0), valid_bxt=valid)
    assert {tuple(row) for row in drawn} == {(1, 2), (3, 6)}


def test_invalid_times_may_hold_nan():
    broken = TIMES.copy()
    broken[0] = np.nan
    valid = np.isfinite(broken).all(axis=-1)
    rng = np.random.default_rng(0)
    drawn = sampling.sample_states(VECTOR, broken, 50, rng, valid_bxt=valid)
    assert np.isfinite(drawn).all()
    with pytest.raises(ValueError, match=r"state_traj \(at the times drawn\): expected finite"):
        sampling.sample_states(VECTOR, broken, 50, rng)


def test_noise_has_the_standard_deviation_asked_for():
    zeros = np.zeros((2, 2, 2))
    drawn = sampling.sample_states(
        VECTOR, zeros, 5000, np.random.default_rng(0), noise_scale=0.3
    )
    assert 0.29 < drawn.std() < 0.31 and abs(drawn.mean()) < 0.01


def test_the_generator_decides():
    draws = [
        sampling.sample_states(VECTOR, TIMES, 10, np.random.default_rng(seed), noise_scale=0.1)
        for seed in (0, 0, 1)
    ]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[0], draws[2])


def test_inputs_are_drawn_with_the_states_of_the_same_time():
    inputs, states = sampling.sample_inputs_and_states(
        VECTOR, 10 * TIMES, TIMES, 40, np.random.default_rng(0), n_inputs=2
    )
    np.testing.assert_array_equal(inputs, 10 * states)


def test_noise_falls_on_states_alone():
    inputs, states = sampling.sample_inputs_and_states(
        VECTOR, TIMES, TIMES, 40, np.random.default_rng(0), n_inputs=2, noise_scale=0.1
    )
    np.testing.assert_array_equal(inputs, np.round(inputs))
    assert 0.05 < (states - inputs).std() < 0.15


def test_nested_trajectories_are_drawn_together():
    layout = StateLayout(("h", "c"), (2, 2))
    drawn = sampling.sample_states(layout, [TIMES, -TIMES], 20, np.random.default_rng(0))
    np.testing.assert_array_equal(drawn[:, :2], -drawn[:, 2:])


BAD_SAMPLES = {
    "rank": (TIMES[0], {}, r"state_traj: expected shape \(n_batch, n_time, n_states\)"),
    "number": (
        TIMES,
        {"n_inits": 0},
        "n_inits: expected a whole number of at least 1, received 0",
    ),
    "fraction": (TIMES, {"n_inits": 2.5}, "n_inits: expected a whole number"),
    "mask": (
        TIMES,
        {"valid_bxt": np.ones((7, 5), bool)},
        r"valid_bxt: expected booleans of shape \(n_batch, n_time\) = \(5, 7\), received bool "
        "of shape",
    ),
    "mask of numbers": (
        TIMES,
        {"valid_bxt": np.ones((5, 7))},
        "expected booleans .* received float64",
    ),
    "nothing valid": (TIMES, {"valid_bxt": np.zeros((5, 7), bool)}, "at least one time of one"),
    "noise": (
        TIMES,
        {"noise_scale": -1.0},
        "noise_scale: expected a number of at least 0, received -1.0",
    ),
    "words for noise": (TIMES, {"noise_scale": "a"}, "noise_scale: expected .*, received 'a'"),
    "no trials": (np.zeros((0, 7, 2)), {}, "state_traj: expected at least one"),
}


@pytest.mark.parametrize("case", BAD_SAMPLES)
def test_bad_samples(case):
    states, options, message = BAD_SAMPLES[case]
    options = {"n_inits": 3, "rng": np.random.default_rng(0), **options}
    with pytest.raises(ValueError, match=message):
        sampling.sample_states(VECTOR, states, **options)


def test_inputs_of_other_trials():
    with pytest.raises(
        ValueError, match=r"inputs: expected the trials and times of state_traj"
    ):
        sampling.sample_inputs_and_states(
            VECTOR, TIMES[:2], TIMES, 3, np.random.default_rng(0), n_inputs=2
        )
