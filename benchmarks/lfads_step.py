"""Milliseconds a training step of ``lfads_tf``, beside lfads-torch at the same size.

    python benchmarks/lfads_step.py
    python benchmarks/lfads_step.py --peer LFADS_TORCH --peer-python PYTHON [--runs 3]

LFADS_TORCH is a checkout of lfads-torch, PYTHON an interpreter with torch and Lightning (see
``measure_lfads_torch.py``). Each measurement is a process of its own, ours and the peer's in
turn, with all cores; the table has the median over runs of each median.

Ours is what ``model.fit`` takes from one batch to the next: reading the batch, noise, loss,
gradient, clipping, Adam, callbacks. The peer's is the step alone, without Lightning's own
work, which favours it. Both sizes count trained weights. First step: from the call of
``compile`` (the peer: from making the model) to the end of the first step.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent

# Sizes of lfads-torch's own model files for two data sets of the Neural Latents Benchmark,
# and a small one, by the names of LFADSConfig.
SMALL = {
    "n_neurons": 30,
    "n_bins": 50,
    "encoder_units": 64,
    "n_initial_conditions": 64,
    "controller_encoder_units": 64,
    "controller_units": 64,
    "generator_units": 64,
    "n_factors": 20,
    "n_inferred_inputs": 2,
    "batch_size": 128,
}
SIZES = {
    "small": SMALL,
    "mc_maze": {
        **SMALL,
        "n_neurons": 182,
        "n_encode_neurons": 137,
        "n_bins": 45,
        "n_encode_bins": 35,
        "generator_units": 200,
        "n_factors": 100,
        "n_inferred_inputs": 4,
        "batch_size": 256,
    },
    "mc_maze_small": {
        "n_neurons": 142,
        "n_encode_neurons": 107,
        "n_bins": 180,
        "n_encode_bins": 140,
        "encoder_units": 100,
        "n_initial_conditions": 100,
        "controller_encoder_units": 80,
        "controller_units": 80,
        "generator_units": 100,
        "n_factors": 40,
        "n_inferred_inputs": 4,
        "batch_size": 64,
    },
}
N_BATCHES, N_EPOCHS, N_WARM_UP = 4, 8, 4


def measure(name: str) -> dict:
    """Measure one step of this package, in this process."""
    import keras
    import numpy as np

    from lfads_tf import LFADS, LFADSConfig

    size = dict(SIZES[name])
    batch_size = size.pop("batch_size")
    config = LFADSConfig(bin_width=0.01, **size)
    rng = np.random.default_rng(0)
    shape = (N_BATCHES * batch_size, config.n_bins, config.n_neurons)
    spikes = rng.poisson(0.3, shape).astype(np.float32)
    times = []

    class Clock(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            times.append(time.perf_counter())

    model = LFADS(config)
    begin = time.perf_counter()
    model.compile()
    model.fit(spikes, batch_size=batch_size, epochs=N_EPOCHS, callbacks=[Clock()], verbose=0)
    steps = np.diff(times)[N_WARM_UP:]
    return {
        "milliseconds": 1e3 * float(np.median(steps)),
        "first_step_seconds": times[0] - begin,
        "n_parameters": int(sum(np.prod(v.shape) for v in model.trainable_variables)),
        "peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def run(command: list[object]) -> str:
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stderr[-3000:]}")
    return done.stdout


def measure_ours(name: str) -> dict:
    return json.loads(run([sys.executable, __file__, "--measure", name]).splitlines()[-1])


def measure_peer(name: str, options: argparse.Namespace) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        asked, result = Path(folder, "options.json"), Path(folder, "result.json")
        asked.write_text(json.dumps(SIZES[name]), encoding="utf-8")
        script = HERE / "measure_lfads_torch.py"
        run([options.peer_python, script, "step", asked, result, options.peer])
        return json.loads(result.read_text(encoding="utf-8"))


def median(results: list[dict]) -> dict:
    names = ("milliseconds", "first_step_seconds", "n_parameters", "peak_megabytes")
    return {name: statistics.median(result[name] for result in results) for name in names}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", type=Path, help="a checkout of lfads-torch")
    parser.add_argument("--peer-python", default=sys.executable, help="has torch")
    parser.add_argument("--runs", type=int, default=3, help="of each (%(default)s)")
    parser.add_argument("--only", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--measure", choices=SIZES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure)))
        return
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    print(f"{cores} cores, {options.runs} runs; ours / lfads-torch\n")
    print("| size | weights | ms a step | times faster | first step, s | peak MB | ratio |")
    print("|---|---|---|---|---|---|---|")
    for name in options.only:
        ours, peers = [], []
        for _ in range(options.runs):
            ours.append(measure_ours(name))
            if options.peer:
                peers.append(measure_peer(name, options))
        us, peer = median(ours), median(peers) if peers else None

        def pair(key: str, digits: int, us: dict = us, peer: dict | None = peer) -> str:
            other = f"{peer[key]:,.{digits}f}" if peer else "-"
            return f"{us[key]:,.{digits}f} / {other}"

        faster = f"{peer['milliseconds'] / us['milliseconds']:.2f}" if peer else "-"
        memory = f"{us['peak_megabytes'] / peer['peak_megabytes']:.2f}" if peer else "-"
        print(
            f"| {name} | {pair('n_parameters', 0)} | {pair('milliseconds', 1)} | {faster} | "
            f"{pair('first_step_seconds', 1)} | {pair('peak_megabytes', 0)} | {memory} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
