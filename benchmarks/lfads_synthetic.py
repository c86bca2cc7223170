"""Inputs inferred by ``lfads_tf``: an integrator network, and a chaotic one with a pulse.

    python benchmarks/lfads_synthetic.py [--only integrator pulse] [--seeds 0]

Models have the default configuration and callbacks but for one inferred input and what
``SETTINGS`` says, and are judged on trials that had no part in training. Seconds are those
of ``compile`` and ``fit``, compiling included.

**integrator**: a tanh network of 100 units that integrates white noise, 25 bins
(``tutorials/02_a_network_that_integrates.py``). The measure is that of the LFADS tutorial of
google-research/computation-thru-dynamics: the squared correlation over the bins of each
trial, averaged over trials and neurons. It printed 0.527 for rates, 0.333 for its filter by
two principal components, and 0.510 for the input, for a network of its own. Networks
differ in how much a bin tells of the state, which that filter measures; those of the
default seeds are about as hard as the published one. The last row is what can be known:
the most likely input and first state, given the spikes and the true network.

**pulse**: a chaotic network of 50 units, 100 bins, struck once in each trial
(``lfads_tf.data.synthetic.chaotic_rnn_with_pulse``). The energy of the inferred input
is the squared deviation from its median over the trial; *near* is the share of it within 3
bins of the pulse (7 of 100 bins), *found* the share of trials with its largest value there.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tutorials"))

import keras
import tensorflow as tf

from lfads_tf import LFADS, LFADSConfig, Session
from lfads_tf.analysis import (
    r_squared,
    select_gaussian_width,
    smooth_gaussian,
    squared_correlation,
)
from lfads_tf.data.synthetic import Synthetic, chaotic_rnn_with_pulse

# A name that begins with a number is no word of Python.
integrator_rnn = importlib.import_module("02_a_network_that_integrates")

EPOCHS = {"integrator": 20, "pulse": 150}
SEEDS = {"integrator": [1, 4, 5], "pulse": [0]}
# The integrator's input is new in each bin, and a bin tells little of it: at its full price
# an input is not worth what it says of hidden samples, and training does without. The prior
# is white, as the input is: an autoregressive one learns to integrate in the generator's
# place, and the inferred input is then the sum.
SETTINGS: dict[str, dict] = {
    "integrator": {"kl_inferred_inputs_weight": 0.1, "input_prior": "gaussian"},
    "pulse": {},
}
NEAR = 3  # bins


def parts(n_trials: int) -> tuple[slice, slice, slice]:
    """Divide 100 trials into 70 for training, 10 for validation and 20 held out."""
    a, b = int(0.7 * n_trials), int(0.8 * n_trials)
    return slice(0, a), slice(a, b), slice(b, None)


def fitted(name: str, session: Session, seed: int) -> tuple[LFADS, str]:
    train, valid, _ = (session.trials(part) for part in parts(len(session)))
    begin = time.perf_counter()
    config = LFADSConfig.for_data(train, n_inferred_inputs=1, seed=seed, **SETTINGS[name])
    model = LFADS(config)
    model.compile()
    history = model.fit(
        train,
        validation_data=valid,
        epochs=EPOCHS[name],
        callbacks=model.default_callbacks(),
        verbose=0,
    )
    n_epochs = len(history.history["loss"])
    return model, f"{time.perf_counter() - begin:.0f} ({n_epochs} epochs)"


def component_filter(train: np.ndarray, test: np.ndarray, n: int) -> np.ndarray:
    """Filter spikes of single bins by their first principal components."""
    flat = train.reshape(-1, train.shape[-1])
    mean = flat.mean(axis=0)
    _, vectors = np.linalg.eigh(np.cov(flat.T))
    rows = vectors[:, ::-1].T[:n]
    return (test - mean) @ rows.T @ rows + mean


def most_likely(network: keras.Model, spikes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the rates and inputs of greatest posterior density, given the true network.

    What is random about a trial is made of independent normal numbers, by which the
    density is climbed: two means, seven bins before the trial and all bins of it.
    """
    counts = tf.constant(spikes, tf.float32)
    before, within = integrator_rnn.BINS_BEFORE, integrator_rnn.N_BINS
    normals = tf.Variable(tf.zeros((len(spikes), 2 + before + within)))

    def rates_and_inputs(z: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        mean = integrator_rnn.MEAN + integrator_rnn.MEAN_SD * z[:, :2]
        noise = integrator_rnn.NOISE * z[:, 2:]
        first = tf.pad(mean[:, :1] + noise[:, :before], [(0, 0), (0, 1)])
        inputs = mean[:, 1:] + noise[:, before:]
        start = network.states(first[..., None])[:, -1]
        states = network.states(inputs[..., None], start)
        return integrator_rnn.MAX_RATE * 0.5 * (1.0 + states), inputs[..., None]

    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.1, 300))
    optimizer.build([normals])

    @tf.function
    def gradient() -> tf.Tensor:
        with tf.GradientTape() as tape:
            expected = rates_and_inputs(normals)[0] * integrator_rnn.BIN_WIDTH
            likelihood = tf.reduce_sum(counts * tf.math.log(expected + 1e-9) - expected)
            loss = 0.5 * tf.reduce_sum(tf.square(normals)) - likelihood
        return tape.gradient(loss, normals)

    for _ in range(300):
        optimizer.apply([gradient()], [normals])
    rates, inputs = rates_and_inputs(normals)
    return rates.numpy(), inputs.numpy()


def integrator(seed: int) -> None:
    begin = time.perf_counter()
    network = integrator_rnn.trained_integrator(seed)
    data = integrator_rnn.integrator_spikes(network, 20480, seed)
    made = time.perf_counter() - begin
    print(f"\nintegrator, seed {seed}: network and spikes in {made:.0f} s; {data.session}\n")
    print("| | r² of rates | r² of the input | R² of rates, pooled | seconds |")
    print("|---|---|---|---|---|")
    training, _, held_out = parts(len(data.session))
    train, test = data.session.trials(training), data.session.trials(held_out)
    test, true_inputs = test.trials(slice(0, 1000)), data.inputs[held_out][:1000]

    def row(name: str, rates: np.ndarray, of_input: str, seconds: str, n: int = 1000) -> None:
        squared = squared_correlation(test.true_rates[:n], rates)
        pooled = r_squared(test.true_rates[:n], rates, average="pooled")
        print(f"| {name} | {squared:.3f} | {of_input} | {pooled:.3f} | {seconds} |", flush=True)

    sd = select_gaussian_width(train.spikes, train.bin_width, true_rates=train.true_rates).sd
    smoothed = smooth_gaussian(test.spikes, test.bin_width, sd)
    row(f"Gaussian, {1e3 * sd:.0f} ms (best)", smoothed, "-", "-")
    counts = component_filter(train.spikes, test.spikes, 2)
    row("2 principal components", counts / test.bin_width, "-", "-")
    model, seconds = fitted("integrator", data.session, seed)
    inferred = model.infer(test)
    of_input = squared_correlation(true_inputs, inferred.inferred_input_mean)
    row("ours", inferred.rates, f"{of_input:.3f}", seconds)
    rates, inputs = most_likely(network, test.spikes[:200])
    of_input = squared_correlation(true_inputs[:200], inputs)
    row("most likely, true network", rates, f"{of_input:.3f}", "-", n=200)


def energy(inputs: np.ndarray) -> np.ndarray:
    """Return the energy of inferred inputs about each trial's median."""
    deviation = inputs - np.median(inputs, axis=1, keepdims=True)
    return np.square(deviation).sum(axis=2)


def pulse(seed: int) -> None:
    data: Synthetic = chaotic_rnn_with_pulse(seed=seed)
    print(f"\npulse, seed {seed}: {data.session}\n")
    print("| | R² of rates, pooled | mean over neurons | near | found | seconds |")
    print("|---|---|---|---|---|---|")
    training, _, held_out = parts(len(data.session))
    train, test = data.session.trials(training), data.session.trials(held_out)

    def row(name: str, rates: np.ndarray, of_pulse: str, seconds: str) -> None:
        pooled = r_squared(test.true_rates, rates, average="pooled")
        mean = r_squared(test.true_rates, rates)
        print(f"| {name} | {pooled:.3f} | {mean:.3f} | {of_pulse} | {seconds} |", flush=True)

    sd = select_gaussian_width(train.spikes, train.bin_width, true_rates=train.true_rates).sd
    smoothed = smooth_gaussian(test.spikes, test.bin_width, sd)
    row(f"Gaussian, {1e3 * sd:.0f} ms (best)", smoothed, "- | -", "-")
    model, seconds = fitted("pulse", data.session, seed)
    inferred = model.infer(test)
    of_bin = energy(inferred.inferred_input_mean)
    distance = np.abs(np.arange(of_bin.shape[1]) - data.pulse_bins[held_out][:, None])
    near = of_bin[distance <= NEAR].sum() / of_bin.sum()
    found = np.mean(distance[np.arange(len(of_bin)), of_bin.argmax(axis=1)] <= NEAR)
    row("ours", inferred.rates, f"{near:.2f} | {found:.2f}", seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=EPOCHS, default=list(EPOCHS))
    parser.add_argument("--seeds", nargs="+", type=int, help="of data, networks and models")
    options = parser.parse_args()
    for name in options.only:
        for seed in options.seeds or SEEDS[name]:
            {"integrator": integrator, "pulse": pulse}[name](seed)


if __name__ == "__main__":
    main()
