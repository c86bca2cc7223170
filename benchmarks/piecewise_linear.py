"""ReLU networks, the search against all their fixed points: a table, not a test.

    python benchmarks/piecewise_linear.py [--families NAME ...] [--units N ...] [--seeds N]
        [--first-seed N] [--base DIR] [--failures FILE]

**The networks** are random, by seed: Keras's ``SimpleRNN`` and ``GRU`` with
``activation="relu"``, leaky cells with the ReLU outside or inside of the weights, pairs of
units that silence each other, threshold-linear networks, networks of rank two
(``relu_networks.py``). **The truth** comes from code that the package does not share: every
set of active units is solved (``relu_truth.py``); of a GRU whose reset gate moves, roots are
counted by intervals up to four units, and a lower bound comes from Newton's method above
(``relu_gru_truth.py``; such rows carry a +). **The search** is README's: states of 64 runs
under white noise, 1,024 starts with noise as wide as the states, input zero.

``found`` counts true points among those reported as fixed points, ``false`` the points
reported that are not true, ``wrong`` the true ones whose stability is not that of the
Jacobian (points on kinks aside); diverged, unconverged, slow and outlier are of the starts.
``smooth`` are tanh networks with 3 points a pair of units, to compare with. ``--base`` runs
another checkout of the package in the same way and prints its table first.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

COLUMNS = ("points", "found", "false", "wrong", "stable", "stable found", "all found",
           "diverged", "unconverged", "slow", "outlier", "seconds")  # fmt: skip
N_STARTS = 1024
SHARE = 1e-6  # of the largest state: nearer points are the same


def measure(family: str, n_units: int, seed: int) -> dict:
    """Search one network as README says and hold the points against the truth."""
    from relu_networks import N_INPUTS, draw
    from relu_truth import compare_points

    from fixedpoint_tf import FixedPointFinder, Status

    network = draw(family, n_units, seed)
    truth = network.truth
    rng = np.random.default_rng([seed, 1])
    inputs = rng.normal(size=(64, 100, N_INPUTS))
    begin = time.perf_counter()
    finder = FixedPointFinder(network.make(), verbose=False, random_seed=seed)
    states = finder.simulate(inputs)
    starts = finder.sample_states(states, N_STARTS, noise_scale=states.std())
    unique, all_points = finder.find_fixed_points(starts, np.zeros((1, N_INPUTS)))
    seconds = time.perf_counter() - begin
    fixed = unique.fixed
    found, true = compare_points(fixed.xstar, truth.xstar, SHARE)
    wrong = 0
    for x, stable, is_true in zip(fixed.xstar, fixed.is_stable, true, strict=True):
        if is_true:
            nearest = np.abs(truth.xstar - x).max(axis=1).argmin()
            wrong += bool(stable != truth.is_stable[nearest] and not truth.on_kink[nearest])
    by_status = {status: int((all_points.status == status).sum()) for status in Status}
    return {
        "family": family,
        "units": n_units,
        "seed": seed,
        "complete": truth.complete,
        "points": len(truth.xstar),
        "found": int(found.sum()),
        "false": int((~true).sum()),
        "wrong": wrong,
        "stable": int(truth.is_stable.sum()),
        "stable found": int((found & truth.is_stable).sum()),
        "all found": int(found.all()),
        "diverged": by_status[Status.DIVERGED],
        "unconverged": by_status[Status.NOT_CONVERGED],
        "slow": by_status[Status.SLOW_POINT],
        "outlier": by_status[Status.OUTLIER],
        "seconds": seconds,
        "missed": truth.xstar[~found].tolist(),
        "false points": fixed.xstar[~true].tolist(),
    }


def print_row(rows: list[dict], label: str, units: str) -> None:
    """Print the sums of some networks."""
    total = {name: sum(row[name] for row in rows) for name in COLUMNS}
    points = f"{total['points']}{'' if all(r['complete'] for r in rows) else '+'}"
    starts = N_STARTS * len(rows)
    shares = [
        f"{100.0 * total[k] / starts:.2f}%"
        for k in ("diverged", "unconverged", "slow", "outlier")
    ]
    print(
        f"{label:<18}{units:>6}{len(rows):>9}{points:>8}{total['found']:>7}"
        f"{total['false']:>7}{total['wrong']:>7}"
        f"{total['stable found']:>8}/{total['stable']:<5}{total['all found']:>6}/{len(rows):<4}"
        + "".join(f"{share:>10}" for share in shares)
        + f"{total['seconds'] / len(rows):>8.2f}",
        flush=True,
    )


def print_header() -> None:
    print(
        f"{'family':<18}{'units':>6}{'networks':>9}{'points':>8}{'found':>7}{'false':>7}"
        f"{'wrong':>7}{'stable':>14}{'complete':>11}{'diverged':>10}{'unconv.':>10}"
        f"{'slow':>10}{'outlier':>10}{'s':>8}",
        flush=True,
    )


def keep_failures(rows: list[dict], path: Path) -> None:
    """Append the networks that fall short, a line of JSON each."""
    with open(path, "a", encoding="utf-8") as file:
        for row in rows:
            short = row["found"] < row["points"] or row["diverged"] or row["unconverged"]
            if short or row["false"] or row["wrong"]:
                file.write(json.dumps(row) + "\n")


def run_other(base: Path, arguments: argparse.Namespace) -> None:
    """Make the same table for another checkout, in a process of its own."""
    command = [sys.executable, __file__, "--seeds", str(arguments.seeds)]
    command += ["--first-seed", str(arguments.first_seed), "--families", *arguments.families]
    command += ["--units", *map(str, arguments.units)]
    environment = {**os.environ, "PYTHONPATH": str(base)}
    subprocess.run(command, env=environment, check=True)


def main() -> None:
    from relu_networks import FAMILIES

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--families", nargs="+", choices=FAMILIES, default=list(FAMILIES))
    parser.add_argument("--units", nargs="+", type=int, default=list(range(2, 10)))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--base", type=Path, help="a checkout to compare with")
    parser.add_argument("--failures", type=Path, help="a file for the networks that fall short")
    arguments = parser.parse_args()
    if arguments.base is not None:
        run_other(arguments.base.resolve(), arguments)
    import fixedpoint_tf

    print(f"package: {Path(fixedpoint_tf.__file__).parent}", flush=True)
    if arguments.failures is not None:
        arguments.failures.write_text("")
    print_header()
    relu: list[dict] = []
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    for family in arguments.families:
        of_family: list[dict] = []
        for n_units in arguments.units:
            rows = [measure(family, n_units, seed) for seed in seeds]
            print_row(rows, family, str(n_units))
            of_family += rows
            if arguments.failures is not None:
                keep_failures(rows, arguments.failures)
        print_row(of_family, family, "all")
        if family != "smooth":
            relu += of_family
    if relu:
        print_row(relu, "all ReLU", "")


if __name__ == "__main__":
    main()
