"""What ``lfads_tf`` infers of inputs: an integrator network, and a chaotic one with a pulse.

    python benchmarks/lfads_synthetic.py [--only integrator pulse] [--seeds 0]

Every model has the default configuration and callbacks but for one inferred input, and
is judged on trials that had no part in training. Seconds are those of ``compile`` and
``fit``, compiling included.

**integrator**: a tanh network of 100 units that integrates white noise
(``tutorials/integrator_rnn.py``), 25 bins. The measure is that of the LFADS tutorial of
google-research/computation-thru-dynamics: the squared correlation over the bins of each
trial, averaged over trials and neurons. It printed 0.527 for rates, 0.333 for its filter by
principal components, and 0.510 for the input, for a network and spikes of its own.

**pulse**: a chaotic network of 50 units, 100 bins, struck once in each trial
(``lfads_tf.data.synthetic.chaotic_rnn_with_pulse``). The energy of the inferred input is the
squared deviation from its median over the trial; *near* is the share of it within 3 bins of
the pulse (7 of 100 bins), *found* the share of trials with its largest value there.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tutorials"))

import integrator_rnn

from lfads_tf import LFADS, LFADSConfig, Session
from lfads_tf.analysis import metrics, smoothing
from lfads_tf.data.synthetic import Synthetic, chaotic_rnn_with_pulse

EPOCHS = {"integrator": 40, "pulse": 150}
NEAR = 3  # bins


def parts(n_trials: int) -> tuple[slice, slice, slice]:
    """Trials for training, for validation, and held out: 70, 10 and 20 of 100."""
    a, b = int(0.7 * n_trials), int(0.8 * n_trials)
    return slice(0, a), slice(a, b), slice(b, None)


def fitted(session: Session, seed: int, epochs: int) -> tuple[LFADS, str]:
    train, valid, _ = (session.trials(part) for part in parts(len(session)))
    begin = time.perf_counter()
    model = LFADS(LFADSConfig.for_data(train, n_inferred_inputs=1, seed=seed))
    model.compile()
    history = model.fit(
        train,
        validation_data=valid,
        epochs=epochs,
        callbacks=model.default_callbacks(),
        verbose=0,
    )
    n_epochs = len(history.history["loss"])
    return model, f"{time.perf_counter() - begin:.0f} ({n_epochs} epochs)"


def component_filter(train: np.ndarray, test: np.ndarray, n: int) -> np.ndarray:
    """Rates by the first principal components of single bins of smoothed spikes."""
    flat = train.reshape(-1, train.shape[-1])
    mean = flat.mean(axis=0)
    _, _, rows = np.linalg.svd(flat - mean, full_matrices=False)
    return (test - mean) @ rows[:n].T @ rows[:n] + mean


def integrator(seed: int) -> None:
    begin = time.perf_counter()
    data = integrator_rnn.integrator_spikes(integrator_rnn.trained_integrator(seed), 8192, seed)
    made = time.perf_counter() - begin
    print(f"\nintegrator, seed {seed}: network and spikes in {made:.0f} s; {data.session}\n")
    print("| | r² of rates | r² of the input | R² of rates, pooled | seconds |")
    print("|---|---|---|---|---|")
    training, _, held_out = parts(len(data.session))
    train, test = data.session.trials(training), data.session.trials(held_out)

    def row(name: str, rates: np.ndarray, of_input: str, seconds: str) -> None:
        squared = metrics.squared_correlation(test.true_rates, rates)
        pooled = metrics.r_squared(test.true_rates, rates, average="pooled")
        print(f"| {name} | {squared:.3f} | {of_input} | {pooled:.3f} | {seconds} |", flush=True)

    sd = smoothing.best_gaussian(train.spikes, train.bin_width, true_rates=train.true_rates).sd
    smoothed = [smoothing.gaussian(s.spikes, s.bin_width, sd) for s in (train, test)]
    row(f"Gaussian, {1e3 * sd:.0f} ms (best)", smoothed[1], "-", "-")
    for n in (1, 3):
        row(f"and {n} principal components", component_filter(*smoothed, n), "-", "-")
    model, seconds = fitted(data.session, seed, EPOCHS["integrator"])
    inferred = model.infer(test)
    true_inputs = data.inputs[held_out]
    of_input = metrics.squared_correlation(true_inputs, inferred.inferred_input_mean)
    row("ours", inferred.rates, f"{of_input:.3f}", seconds)


def energy(inputs: np.ndarray) -> np.ndarray:
    """Of inferred inputs ``(n_trials, n_bins, n)``: what is far from the trial's median."""
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
        pooled = metrics.r_squared(test.true_rates, rates, average="pooled")
        mean = metrics.r_squared(test.true_rates, rates)
        print(f"| {name} | {pooled:.3f} | {mean:.3f} | {of_pulse} | {seconds} |", flush=True)

    sd = smoothing.best_gaussian(train.spikes, train.bin_width, true_rates=train.true_rates).sd
    smoothed = smoothing.gaussian(test.spikes, test.bin_width, sd)
    row(f"Gaussian, {1e3 * sd:.0f} ms (best)", smoothed, "- | -", "-")
    model, seconds = fitted(data.session, seed, EPOCHS["pulse"])
    inferred = model.infer(test)
    of_bin = energy(inferred.inferred_input_mean)
    distance = np.abs(np.arange(of_bin.shape[1]) - data.pulse_bins[held_out][:, None])
    near = of_bin[distance <= NEAR].sum() / of_bin.sum()
    found = np.mean(distance[np.arange(len(of_bin)), of_bin.argmax(axis=1)] <= NEAR)
    row("ours", inferred.rates, f"{near:.2f} | {found:.2f}", seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=EPOCHS, default=list(EPOCHS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    options = parser.parse_args()
    for name in options.only:
        for seed in options.seeds:
            {"integrator": integrator, "pulse": pulse}[name](seed)


if __name__ == "__main__":
    main()
