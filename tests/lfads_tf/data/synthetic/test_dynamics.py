"""The synthetic systems are what they are said to be, and their spikes are Poisson."""

import numpy as np
import pytest

from lfads_tf import Session
from lfads_tf.data import synthetic

FIXED_POINTS = np.array(
    [[0, 0, 0], [72**0.5, 72**0.5, 27], [-(72**0.5), -(72**0.5), 27]]
)  # +-sqrt(beta (rho - 1)), rho - 1


@pytest.fixture(scope="module")
def lorenz():
    return synthetic.lorenz(
        n_trials=60, n_bins=1000, n_neurons=10, n_conditions=30, mean_rate=12.0, seed=3
    )


@pytest.fixture(scope="module")
def pulsed():
    return synthetic.chaotic_rnn_with_pulse(n_trials=300, n_conditions=60, seed=2)


def test_lorenz_rests_at_its_fixed_points_and_shrinks_volumes_everywhere():
    np.testing.assert_allclose(synthetic.lorenz_flow(FIXED_POINTS), 0, atol=1e-13)
    at = np.random.default_rng(0).normal(scale=10, size=(5, 3))
    eps = 1e-4
    divergence = sum(
        (synthetic.lorenz_flow(at + eps * e) - synthetic.lorenz_flow(at - eps * e)) @ e
        for e in np.eye(3)
    ) / (2 * eps)
    np.testing.assert_allclose(divergence, -(10 + 1 + 8 / 3), rtol=1e-8)


def test_the_latents_are_a_solution_of_the_lorenz_system(lorenz):
    # Five bins are fitted by a polynomial whose derivative is the flow in the middle.
    fine = synthetic.lorenz(
        n_trials=4, n_bins=40, n_neurons=2, n_conditions=4, time_per_bin=0.004, seed=3
    ).latents.astype(float)
    slope = (fine[:, :-4] - 8 * fine[:, 1:-3] + 8 * fine[:, 3:-1] - fine[:, 4:]) / (12 * 0.004)
    flow = synthetic.lorenz_flow(fine[:, 2:-2])
    assert np.max(np.abs(slope - flow)) < 2e-3 * np.max(np.abs(flow))


def test_lorenz_stays_on_its_attractor(lorenz):
    x, y, z = np.moveaxis(lorenz.latents.astype(float), -1, 0)
    # No trajectory leaves this ball for good (Leonov), and all are in it in the end.
    radius_squared = (8 / 3) ** 2 * 38**2 / (4 * (8 / 3 - 1))
    assert np.max(x**2 + y**2 + (z - 38) ** 2) < radius_squared
    assert z.min() > 0
    assert abs(z.mean() - 23.55) < 0.3, "the known mean of z"
    assert 0.4 < np.mean(x > 0) < 0.6, "both lobes"


def test_lorenz_circles_two_fixed_points_and_rests_at_none(lorenz):
    distance = np.linalg.norm(lorenz.latents[:, :, None] - FIXED_POINTS, axis=-1)
    near = distance.min(axis=(0, 1))
    assert np.all(near[1:] < 5), "it comes near both centres of the lobes"
    speed = np.linalg.norm(synthetic.lorenz_flow(lorenz.latents), axis=-1)
    assert speed.min() > 1
    assert np.all(distance.max(axis=(0, 1)) > 20)


def test_trials_of_a_condition_share_rates_and_not_spikes(lorenz):
    session = lorenz.session
    assert isinstance(session, Session) and session.conditions.tolist() == [*range(30)] * 2
    np.testing.assert_array_equal(session.true_rates[:30], session.true_rates[30:])
    assert np.all((session.spikes[:30] != session.spikes[30:]).any(axis=(1, 2)))
    starts = lorenz.latents[:30, 0]
    assert len(np.unique(starts, axis=0)) == 30


def test_log_rates_are_linear_in_the_latents_and_have_the_mean_asked_for(lorenz):
    rates = lorenz.session.true_rates.astype(float)
    np.testing.assert_allclose(rates.mean(axis=(0, 1)), 12.0, rtol=1e-5)
    design = np.c_[lorenz.latents.reshape(-1, 3), np.ones(60_000)].astype(float)
    log_rates = np.log(rates).reshape(-1, 10)
    weights = np.linalg.lstsq(design, log_rates, rcond=None)[0]
    np.testing.assert_allclose(design @ weights, log_rates, atol=1e-4)
    assert lorenz.inputs.shape == (60, 1000, 0) and lorenz.pulse_bins.size == 0


@pytest.mark.parametrize("system", ["lorenz", "pulsed"])
def test_spikes_are_poisson_at_the_true_rates(system, request):
    session = request.getfixturevalue(system).session
    expected = session.true_rates.astype(float) * session.bin_width
    residual = session.spikes - expected
    # Mean, and variance over mean, of each neuron within 3 standard errors, up to chance
    # among the neurons: 3 standard errors are left once in 370.
    z_mean = residual.sum(axis=(0, 1)) / np.sqrt(expected.sum(axis=(0, 1)))
    assert np.mean(np.abs(z_mean) < 3) >= 0.95
    assert abs(residual.sum() / np.sqrt(expected.sum())) < 3
    # The variance of (k - m)^2 is m + 2 m^2.
    excess = (residual**2 - expected).sum() / np.sqrt((expected + 2 * expected**2).sum())
    assert abs(excess) < 3
    same_time = (residual[:, :-1] * residual[:, 1:]).sum()
    assert abs(same_time / np.sqrt((expected[:, :-1] * expected[:, 1:]).sum())) < 3


def test_rates_of_an_integrator_become_counts_of_the_same_shape():
    rates = np.abs(np.cumsum(np.random.default_rng(0).normal(size=(20, 25, 100)), axis=1)) * 5
    rates[3, 20:] = np.nan
    spikes = synthetic.spikes_from_rates(rates, 0.04, seed=1)
    np.testing.assert_array_equal(np.isnan(spikes), np.isnan(rates))
    expected = np.nansum(rates) * 0.04
    assert abs(np.nansum(spikes) - expected) < 3 * np.sqrt(expected)
    assert np.all(synthetic.spikes_from_rates(np.zeros(5), 0.1, seed=0) == 0)


def test_the_network_obeys_its_equation(pulsed):
    x, u = pulsed.latents.astype(float), pulsed.inputs.astype(float)
    rate = 0.01 / 0.025
    drive = (x[:, 1:] - (1 - rate) * x[:, :-1]) / rate
    regressors = np.concatenate([np.tanh(x[:, :-1]), u[:, 1:]], axis=-1).reshape(-1, 51)
    weights, *_ = np.linalg.lstsq(regressors, drive.reshape(-1, 50), rcond=None)
    np.testing.assert_allclose(regressors @ weights, drive.reshape(-1, 50), atol=1e-4)
    # The entries of 50 x 50 normal weights have variance 1.5^2 / 50.
    assert abs(weights[:50].std() * np.sqrt(50) / 1.5 - 1) < 3 / np.sqrt(2 * 2500)
    np.testing.assert_allclose(
        pulsed.session.true_rates, 15 * (1 + np.tanh(pulsed.latents)), rtol=1e-4, atol=1e-4
    )


def test_each_trial_has_one_pulse_in_its_middle_half(pulsed):
    assert pulsed.inputs.shape == (300, 100, 1)
    assert np.all((pulsed.inputs != 0).sum(axis=(1, 2)) == 1)
    np.testing.assert_array_equal(pulsed.inputs[..., 0].argmax(axis=1), pulsed.pulse_bins)
    assert pulsed.pulse_bins.min() >= 25 and pulsed.pulse_bins.max() < 75
    assert len(np.unique(pulsed.pulse_bins)) > 40


def test_the_pulse_shows_from_its_own_bin_on_and_not_before(pulsed):
    quiet = synthetic.chaotic_rnn_with_pulse(
        n_trials=300, n_conditions=60, pulse_size=0.0, seed=2
    )
    differs = (pulsed.session.true_rates != quiet.session.true_rates).any(axis=2)
    np.testing.assert_array_equal(differs.argmax(axis=1), pulsed.pulse_bins)
    change = np.abs(pulsed.session.true_rates - quiet.session.true_rates).mean(axis=2)
    assert change[np.arange(300), pulsed.pulse_bins].min() > 5, "it moves the rates by far"
    # Without pulses the trials of a condition are one trajectory.
    np.testing.assert_allclose(quiet.latents[:60], quiet.latents[60:120], atol=1e-5)


def test_the_network_does_not_die_away_above_gain_one_and_does_below():
    def late(gain):
        data = synthetic.chaotic_rnn_with_pulse(
            20, 300, n_conditions=20, gain=gain, pulse_size=0.0, seed=0
        )
        return data.latents[:, -50:].std()

    assert late(1.5) > 0.3
    assert late(0.5) < 1e-3


def make_lorenz(seed):
    return synthetic.lorenz(n_trials=4, n_bins=10, n_neurons=8, n_conditions=2, seed=seed)


def make_pulsed(seed):
    return synthetic.chaotic_rnn_with_pulse(n_trials=4, n_conditions=2, seed=seed)


@pytest.mark.filterwarnings("ignore:spikes")
@pytest.mark.parametrize("make", [make_lorenz, make_pulsed])
def test_all_follows_from_the_seed(make):
    first, again, other = (make(seed) for seed in (5, 5, 6))
    for get in (
        lambda d: d.session.spikes,
        lambda d: d.session.true_rates,
        lambda d: d.latents,
        lambda d: d.inputs,
    ):
        np.testing.assert_array_equal(get(first), get(again))
    assert not np.array_equal(first.session.spikes, other.session.spikes)
    assert not np.array_equal(first.latents, other.latents)


def test_global_random_numbers_are_left_alone():
    before = np.random.get_state()[1].copy()
    make_pulsed(0)
    np.testing.assert_array_equal(np.random.get_state()[1], before)


@pytest.mark.parametrize(
    ("make", "options", "error", "message"),
    [
        (
            synthetic.lorenz,
            {"n_trials": 0},
            ValueError,
            "n_trials: expected a whole number of at least 1",
        ),
        (synthetic.lorenz, {"n_bins": 2.5}, TypeError, "n_bins: expected a whole number"),
        (synthetic.lorenz, {"mean_rate": -1.0}, ValueError, "mean_rate: expected a positive"),
        (synthetic.lorenz, {"time_per_bin": 0}, ValueError, "time_per_bin: expected"),
        (synthetic.lorenz, {"n_trials": 5}, ValueError, "n_conditions: expected at most one"),
        (
            synthetic.chaotic_rnn_with_pulse,
            {"n_bins": 3},
            ValueError,
            "n_bins: expected a whole number of at",
        ),
        (
            synthetic.chaotic_rnn_with_pulse,
            {"gain": np.inf},
            ValueError,
            "gain: expected a fin",
        ),
        (
            synthetic.chaotic_rnn_with_pulse,
            {"bin_width": 0.05},
            ValueError,
            "time_constant: expected at least a bin",
        ),
        (
            synthetic.spikes_from_rates,
            {"rates": [-1.0], "bin_width": 0.1, "seed": 0},
            ValueError,
            "rates: expected finite rates of at least 0",
        ),
    ],
)
def test_options_out_of_range_are_refused(make, options, error, message):
    with pytest.raises(error, match=message):
        make(**options)
