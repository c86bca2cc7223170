"""What a trained model knows: when an input came, and in what order bins follow."""

import numpy as np
import pytest

from lfads_tf import LFADS, LFADSConfig
from lfads_tf.analysis import r_squared, select_gaussian_width, smooth_gaussian
from lfads_tf.data.synthetic import chaotic_rnn_with_pulse

pytestmark = pytest.mark.slow

N_TRAIN, N_VALID = 400, 60
NEAR = 3  # bins


@pytest.fixture(scope="module")
def pulsed():
    """A model with one inferred input, and the held-out trials with their pulses."""
    data = chaotic_rnn_with_pulse(
        560, 60, 30, n_conditions=20, pulse_size=30.0, max_rate=60.0, seed=0
    )
    rows = np.random.default_rng(0).permutation(560)
    train, valid, test = np.split(rows, [N_TRAIN, N_TRAIN + N_VALID])
    session = data.session.trials(train)
    config = LFADSConfig.for_data(
        session,
        n_inferred_inputs=1,
        encoder_units=32,
        n_initial_conditions=16,
        generator_units=40,
        n_factors=12,
        controller_encoder_units=32,
        controller_units=32,
    )
    model = LFADS(config)
    model.compile()
    model.fit(
        session,
        validation_data=data.session.trials(valid),
        batch_size=40,
        epochs=60,
        callbacks=model.default_callbacks(),
        verbose=0,
    )
    return model, data.session.trials(test), data.pulse_bins[test]


def test_the_time_of_a_pulse_is_inferred(pulsed):
    """A guess within the half of the trial where pulses are would be right in 7 of 30."""
    model, session, pulse_bins = pulsed
    inputs = model.infer(session).inferred_input_mean[..., 0]
    energy = np.square(inputs - np.median(inputs, axis=1, keepdims=True))
    found = np.abs(energy.argmax(axis=1) - pulse_bins) <= NEAR
    assert found.mean() > 0.7


def test_rates_are_nearer_to_the_truth_than_the_best_smoothing(pulsed):
    model, session, _ = pulsed
    truth = session.true_rates
    sd = select_gaussian_width(session.spikes, session.bin_width, true_rates=truth).sd
    smoothed = smooth_gaussian(session.spikes, session.bin_width, sd)
    ours = r_squared(truth, model.infer(session).rates, average="pooled")
    assert ours > r_squared(truth, smoothed, average="pooled") + 0.1


def test_data_shuffled_in_time_are_less_likely(pulsed):
    model, session, _ = pulsed
    rng = np.random.default_rng(1)
    orders = rng.permuted(np.tile(np.arange(session.n_bins), (len(session), 1)), axis=1)
    shuffled = np.take_along_axis(session.spikes, orders[:, :, None], axis=1)
    nll = [
        model.evaluate(spikes, batch_size=100, verbose=0, return_dict=True)["nll"]
        for spikes in (session.spikes, shuffled)
    ]
    assert nll[0] < nll[1] - 0.01
