"""Accuracy and time of ``lfads_tf`` on known rates and on a real recording.

    python benchmarks/lfads_quality.py --data DIR [--only lorenz wrist] [--folds 0 1 2 3 4]
    python benchmarks/lfads_quality.py --data DIR --peer LFADS_TORCH --peer-python PYTHON

DIR holds ``lorenz_known_rates.h5`` (60 neurons, 640 + 160 trials of 100 bins, true rates) and
``jango_isometric_wrist.h5`` (macaque motor cortex, 96 channels, wrist force, two days).
LFADS_TORCH and PYTHON are those of ``measure_lfads_torch.py``.

Every model has the default configuration and the default callbacks; what differs is said by
its name. Seconds are those of ``compile`` and ``fit``, compiling included.

**lorenz**: R² of the rates of the validation trials. *Drift* is what R² loses when training
goes on for half as many epochs again, without early stopping.

**wrist**: one model a fold of the file. The held-out fold has no part in training: an eighth
of the other trials decides on the learning rate and the best weights. Force is decoded from
the rates by same-bin ridge regression, whose penalty is chosen within the training trials;
bits/spike are those of the held-out trials, against the mean rates of the training trials.
The peer is shown the held-out fold as its validation trials, which favours it.

The peer gets four times the seconds that ours took, on the same data.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np

from lfads_tf import LFADS, LFADSConfig, Session
from lfads_tf.analysis import (
    Ridge,
    bits_per_spike,
    fit_decoder,
    mean_rates,
    r_squared,
    select_gaussian_width,
    smooth_gaussian,
)

EPOCHS = {"lorenz": 250, "wrist": 350}
DAYS = ("day0", "day16")
N_INPUTS = (0, 2)


def fitted(train, valid, epochs: int, *, stretch: int = 1, **changes) -> tuple[LFADS, dict]:
    """Fit a model of one or several sessions, and return seconds and epochs."""
    begin = time.perf_counter()
    model = LFADS(LFADSConfig.for_data(train, **changes))
    model.compile()
    return model, trained(model, train, valid, epochs, stretch=stretch, begin=begin)


def trained(
    model: LFADS, train, valid, epochs: int, *, stretch: int = 1, begin: float | None = None
) -> dict:
    """Train a model, and return the time it took.

    Args:
        model: compiled.
        train: what it is trained on.
        valid: trials that decide on the learning rate and the best weights.
        epochs: at most.
        stretch: times as many epochs, and as much patience: for few trials, of which an
            epoch has few batches.
        begin: when the clock was started, if it was.

    Returns:
        ``seconds``, ``epochs`` and ``updates``.
    """
    begin = time.perf_counter() if begin is None else begin
    before = int(model.step.numpy())
    history = model.fit(
        train,
        validation_data=valid,
        epochs=epochs * stretch,
        callbacks=model.default_callbacks(patience=80 * stretch, lr_patience=20 * stretch),
        verbose=0,
    )
    return {
        "seconds": time.perf_counter() - begin,
        "epochs": len(history.history["loss"]),
        "updates": int(model.step.numpy()) - before,
    }


def peer(options: argparse.Namespace, asked: dict, **arrays) -> dict:
    """Return the results of lfads-torch on the same data."""
    with tempfile.TemporaryDirectory() as folder:
        names = [Path(folder, name) for name in ("options.json", "data.npz", "result.npz")]
        names[0].write_text(json.dumps({"curve_every_epochs": 10**6, **asked}))
        np.savez(names[1], **arrays)
        script = Path(__file__).with_name("measure_lfads_torch.py")
        command = [options.peer_python, script, "fit", *names, options.peer]
        done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"the peer failed:\n{done.stderr[-3000:]}")
        with np.load(names[2]) as result:
            return {name: result[name] for name in result.files}


def truth_row(name: str, rates: np.ndarray, session: Session, seconds: object) -> str:
    pooled = r_squared(session.true_rates, rates, average="pooled")
    each = r_squared(session.true_rates, rates, average=None)
    return (
        f"| {name} | {pooled:.3f} | {np.mean(each):.3f} | {np.median(each):.3f} | {seconds} |"
    )


def lorenz(options: argparse.Namespace) -> None:
    path = options.data / "lorenz_known_rates.h5"
    train, valid = (Session.load(path, split=s, bin_width=0.01) for s in ("train", "valid"))
    print("\n| lorenz | R² pooled | mean over neurons | median | seconds |")
    print("|---|---|---|---|---|")
    sd = select_gaussian_width(train.spikes, 0.01, true_rates=train.true_rates).sd
    smoothed = smooth_gaussian(valid.spikes, 0.01, sd)
    print(truth_row(f"Gaussian, {1e3 * sd:.0f} ms (best)", smoothed, valid, "-"), flush=True)
    for seed in options.seeds:
        model, told = fitted(train, valid, EPOCHS["lorenz"], seed=seed)
        rates = model.infer(valid).rates
        seconds = f"{told['seconds']:.0f} ({told['epochs']} epochs)"
        print(truth_row(f"ours, seed {seed}", rates, valid, seconds), flush=True)
        before = r_squared(valid.true_rates, rates, average="pooled")
        n = told["epochs"]
        model.fit(train, epochs=n + n // 2, initial_epoch=n, verbose=0)
        rates = model.infer(valid).rates
        after = r_squared(valid.true_rates, rates, average="pooled")
        print(truth_row(f"the same, {n // 2} epochs on", rates, valid, "-"))
        print(f"\ndrift of seed {seed}: {after - before:+.4f}\n", flush=True)
    if options.peer:
        asked = {"settings": "lorenz", "budget_seconds": 4 * told["seconds"]}
        theirs = peer(
            options,
            asked,
            train_spikes=train.spikes,
            valid_spikes=valid.spikes,
            valid_truth=valid.true_rates * 0.01,
        )
        seconds = f"{float(theirs['seconds']):.0f} ({int(theirs['n_epochs'])} epochs)"
        print(truth_row("lfads-torch", theirs["valid_rates"] / 0.01, valid, seconds))


def decoded(of_train, of_test, train: Session, test: Session) -> tuple[float, float]:
    """Return held-out R² of force, and bits/spike, of rates."""
    decoder = fit_decoder(Ridge(), of_train, train.behavior)
    prediction = decoder.predict(of_test)
    force = r_squared(test.behavior, prediction, average="pooled")
    means = mean_rates(train.spikes, train.bin_width)
    bits = bits_per_spike(of_test, test.spikes, test.bin_width, reference=means)
    return float(force), float(bits)


def wrist(options: argparse.Namespace) -> None:
    path = options.data / "jango_isometric_wrist.h5"
    print("\n| wrist | fold | force R² | bits/spike | seconds | epochs |")
    print("|---|---|---|---|---|---|", flush=True)
    for day in options.days:
        session = Session.load(path, group=f"{day}/trials")
        with h5py.File(path) as file:
            folds = file[f"{day}/trials/fold"][()]
        smoothed = smooth_gaussian(session.spikes, session.bin_width, 0.15)
        values = []
        for fold in options.folds:
            inside, outside = folds != fold, folds == fold
            train, test = session.trials(inside), session.trials(outside)
            force, _ = decoded(smoothed[inside], smoothed[outside], train, test)
            values.append(force)
        print(f"| {day}, Gaussian 150 ms | mean | {np.mean(values):.3f} | - | - | - |")
        for n_inputs in options.inputs:
            results = []
            for fold in options.folds:
                train, test = session.trials(folds != fold), session.trials(folds == fold)
                inner, judge = train.split(0.125)
                model, told = fitted(inner, judge, EPOCHS["wrist"], n_inferred_inputs=n_inputs)
                rates = model.infer(train).rates, model.infer(test).rates
                force, bits = decoded(*rates, train, test)
                results.append((force, bits, told["seconds"], told["epochs"]))
                print(
                    f"| {day}, {n_inputs} inputs | {fold} | {force:.3f} | {bits:.3f} | "
                    f"{told['seconds']:.0f} | {told['epochs']} |",
                    flush=True,
                )
                if options.peer and fold == options.folds[0]:
                    _peer_on_wrist(options, day, n_inputs, fold, told, train, test)
            mean, sd = np.mean(results, axis=0), np.std(results, axis=0)
            print(
                f"| **{day}, {n_inputs} inputs** | mean ± s.d. | {mean[0]:.3f} ± {sd[0]:.3f} | "
                f"{mean[1]:.3f} ± {sd[1]:.3f} | {mean[2]:.0f} | {mean[3]:.0f} |",
                flush=True,
            )


def _peer_on_wrist(options, day, n_inputs, fold, told, train, test) -> None:
    settings = "wrist_inputs" if n_inputs else "wrist"
    asked = {"settings": settings, "budget_seconds": 4 * told["seconds"]}
    theirs = peer(options, asked, train_spikes=train.spikes, valid_spikes=test.spikes)
    rates = (theirs[f"{name}_rates"] / train.bin_width for name in ("train", "valid"))
    force, bits = decoded(*rates, train, test)
    print(
        f"| {day}, {n_inputs} inputs, lfads-torch | {fold} | {force:.3f} | {bits:.3f} | "
        f"{float(theirs['seconds']):.0f} | {int(theirs['n_epochs'])} |",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the two files")
    parser.add_argument("--only", nargs="+", choices=EPOCHS, default=list(EPOCHS))
    parser.add_argument("--folds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    parser.add_argument("--days", nargs="+", choices=DAYS, default=DAYS)
    parser.add_argument("--inputs", nargs="+", type=int, default=N_INPUTS)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--peer", type=Path, help="a checkout of lfads-torch")
    parser.add_argument("--peer-python", default=sys.executable, help="has torch")
    options = parser.parse_args()
    for name in options.only:
        {"lorenz": lorenz, "wrist": wrist}[name](options)


if __name__ == "__main__":
    main()
