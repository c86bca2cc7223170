"""Costs and gains of stitching sessions over one Lorenz system.

    python benchmarks/lfads_stitching.py step [--runs 3]
    python benchmarks/lfads_stitching.py gain [--sessions 6] [--trials 40] [--seeds 0 1 2]

**step**: milliseconds from one batch to the next in ``model.fit``, stitched over ``n``
sessions and of a single session with as many neurons as each of them, batches of the same
size. The models are measured in turn, in one process, and the table has the median over runs
of the median of each.

**gain**: sessions of one Lorenz system with disjoint neurons and trials. R² of the rates to
the true ones on validation trials, pooled over neurons: one model over all sessions beside
one model for each. Both have the same sizes, batches and callbacks, and the stitched model
gets as many epochs as make the same number of updates. Do the trajectories of sessions
coincide? One linear map, fitted to the training trials of the first session, reads the state
of the Lorenz system from the factors: R² on validation trials of that session, and of the
others, whose neurons the map has never met.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence

import keras
import numpy as np

from lfads_tf import LFADS, LFADSConfig, Session
from lfads_tf.analysis import Ridge, fit_decoder, r_squared
from lfads_tf.data.synthetic import lorenz_days

# Neurons, bins, batch, and the sizes of the model by the names of LFADSConfig.
SIZES = {
    "small": (
        30,
        50,
        128,
        {
            "encoder_units": 64,
            "n_initial_conditions": 64,
            "generator_units": 64,
            "controller_encoder_units": 64,
            "controller_units": 64,
            "n_inferred_inputs": 2,
            "n_factors": 20,
        },
    ),
    "motor cortex": (
        96,
        40,
        64,
        {"n_inferred_inputs": 2},
    ),
    "mc_maze": (
        182,
        45,
        256,
        {
            "encoder_units": 64,
            "n_initial_conditions": 64,
            "generator_units": 200,
            "controller_encoder_units": 64,
            "controller_units": 64,
            "n_inferred_inputs": 4,
            "n_factors": 100,
        },
    ),
}
N_BATCHES, N_EPOCHS, N_WARM_UP = 4, 6, 4


class Clock(keras.callbacks.Callback):
    """Notes the end of each batch."""

    def __init__(self) -> None:
        super().__init__()
        self.times: list[float] = []

    def on_train_batch_end(self, batch, logs=None) -> None:
        self.times.append(time.perf_counter())


def milliseconds(model: LFADS, data, batch_size: int) -> float:
    clock = Clock()
    model.fit(data, batch_size=batch_size, epochs=N_EPOCHS, callbacks=[clock], verbose=0)
    return 1e3 * statistics.median(np.diff(clock.times)[N_WARM_UP:].tolist())


def step(options: argparse.Namespace) -> None:
    print("| size | sessions | single, ms | stitched, ms | ratio |\n|---|---|---|---|---|")
    for name in options.only:
        n_neurons, n_bins, batch_size, sizes = SIZES[name]
        for n_sessions in options.numbers:
            rng = np.random.default_rng(0)
            spikes = rng.poisson(0.3, (N_BATCHES * batch_size, n_bins, n_neurons))
            parts = np.array_split(spikes.astype(np.float32), n_sessions)
            sessions = [Session(part, 0.01, f"{i}") for i, part in enumerate(parts)]
            models = {
                "single": (LFADS(LFADSConfig(n_neurons, n_bins, 0.01, **sizes)), spikes),
                "stitched": (LFADS(LFADSConfig.for_data(sessions, **sizes)), sessions),
            }
            for model, _ in models.values():
                model.compile()
            taken: dict[str, list[float]] = {kind: [] for kind in models}
            for _ in range(options.runs):
                for kind, (model, data) in models.items():
                    taken[kind].append(milliseconds(model, data, batch_size))
            one, other = (statistics.median(taken[kind]) for kind in models)
            print(
                f"| {name} | {n_sessions} | {one:.1f} | {other:.1f} | {other / one:.2f} |",
                flush=True,
            )


GAIN_SIZES = {
    "generator_units": 40,
    "encoder_units": 24,
    "n_initial_conditions": 24,
    "n_factors": 6,
    "warm_up_steps": 100,
}


def lorenz_sessions(n_sessions: int, n_trials: int, n_neurons: int, seed: int) -> list[Session]:
    """Make sessions of short trials of few spikes, with the state as ``behavior``."""
    return lorenz_days(
        n_sessions,
        n_trials,
        n_neurons,
        n_bins=50,
        n_conditions=10,
        bin_width=0.02,
        mean_rate=8.0,
        time_per_bin=0.03,
        seed=seed,
    )


def fitted(train, valid, epochs: int, **changes) -> LFADS:
    model = LFADS(LFADSConfig.for_data(train, **{**GAIN_SIZES, **changes}))
    model.compile()
    callbacks = model.default_callbacks()
    model.fit(
        train,
        validation_data=valid,
        epochs=epochs,
        batch_size=32,
        callbacks=callbacks,
        verbose=0,
    )
    return model


def score(model: LFADS, valid: Session) -> float:
    rates = model.infer(valid).rates
    return float(r_squared(valid.true_rates, rates, average="pooled"))


def coincidence(model: LFADS, train: Session, valid: Sequence[Session]) -> list[float]:
    """Return R² of the state read from factors by a map fitted to another session."""
    decoder = fit_decoder(Ridge(), model.infer(train).factors, train.behavior)
    found = [decoder.predict(model.infer(session).factors) for session in valid]
    return [
        float(r_squared(session.behavior, states, average="pooled"))
        for session, states in zip(valid, found, strict=True)
    ]


def gain(options: argparse.Namespace) -> None:
    print(
        "| seed | single models | stitched | margin | factors shared | state read in the first "
        "session | in the others |\n|---|---|---|---|---|---|---|"
    )
    for seed in options.seeds:
        sessions = lorenz_sessions(options.sessions, options.trials, options.neurons, seed)
        train, valid = zip(*(session.split(0.2) for session in sessions), strict=True)
        epochs = options.updates // len(sessions)
        model = fitted(list(train), list(valid), epochs)
        stitched = np.mean([score(model, v) for v in valid])
        shared = model.session_agreement(list(train)).factors.shared
        own, *others = coincidence(model, train[0], valid)
        single = np.mean(
            [
                score(fitted(t, v, options.updates), v)
                for t, v in list(zip(train, valid, strict=True))[: options.singles]
            ]
        )
        print(
            f"| {seed} | {single:.3f} | {stitched:.3f} | {stitched - single:+.3f} | "
            f"{shared:.3f} | {own:.3f} | {min(others):.3f} to {max(others):.3f} |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["step", "gain"])
    parser.add_argument("--only", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--numbers", nargs="+", type=int, default=[2, 6], help="of sessions")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--sessions", type=int, default=6)
    parser.add_argument("--trials", type=int, default=40, help="of each session")
    parser.add_argument("--neurons", type=int, default=15, help="of each session")
    parser.add_argument("--updates", type=int, default=600, help="of each model at most")
    parser.add_argument("--singles", type=int, help="how many single models; none: all")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    options = parser.parse_args()
    {"step": step, "gain": gain}[options.what](options)


if __name__ == "__main__":
    main()
