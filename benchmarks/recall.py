"""Recall of the fixed-point search on networks whose points are all known: a table.

    python benchmarks/recall.py [--only NAME ...] [--seeds N] [--shift K]
        [--set OPTION=VALUE ...]

Starts are drawn by the recipe of the README: 1,024 states on trajectories plus noise of 0.5.
*True* is the number of fixed points that the network has (see ``recall_networks.py``; a star
where they are only those of long searches), *found* those among the reported ones, *false*
the reported ones from which Newton's method in NumPy does not arrive at a fixed point within
1e-4, *more* the true ones that were not known. Seconds are those of the processor over all
threads, and those of the clock; the first seed includes the compilation. *Rule* is what ended
the search. *Index* is the sum of the indices of the points that were found, +1 if none is
missing, where a box is known to be mapped into itself.
"""

from __future__ import annotations

import argparse
import ast
import time

import numpy as np
from recall_networks import MAKERS, Known, newton
from scipy.spatial import cKDTree

from fixedpoint_tf import FixedPointFinder
from fixedpoint_tf.analysis.completeness.index import IndexStatus

NEAR = 1e-5  # of the size of a point: two that are one
HEADER = (
    "network", "seed", "true", "found", "false", "more", "cpu s", "clock s", "index", "rule",
)  # fmt: skip


def judge(known: Known, reported: np.ndarray) -> tuple[int, int, int]:
    """Return how many known points were found, how many reported are false, how many new."""
    if not len(reported):
        return 0, 0, 0
    size = 1.0 + np.linalg.norm(reported, axis=1)
    distance, nearest = cKDTree(known.truth).query(reported)
    matched = distance <= NEAR * size
    n_found = len(np.unique(nearest[matched]))
    n_false = n_more = 0
    for x in reported[~matched]:
        arrived = newton(known.step, x[None], n_iters=6)
        near = len(arrived) and np.linalg.norm(arrived[0] - x) <= 1e-4 * (1.0 + np.abs(x).max())
        n_more += bool(near)
        n_false += not near
    return n_found, n_false, n_more


def measure(name: str, known: Known, seed: int, options: dict) -> list[str]:
    """Search once; the cells of its row."""
    starts = known.starts(seed)
    inputs = np.zeros((1, known.n_inputs))
    cpu, clock = time.process_time(), time.perf_counter()
    finder = FixedPointFinder(
        known.rnn, **known.options, random_seed=seed, verbose=False, **options
    )
    unique, _ = finder.find_fixed_points(starts, inputs)
    cpu, clock = time.process_time() - cpu, time.perf_counter() - clock
    n_found, n_false, n_more = judge(known, unique.fixed.xstar)
    n_true = f"{len(known.truth)}{'' if known.complete else '*'}"
    rule = str(getattr(unique, "search_end", None) or "-")
    counts = [n_true, str(n_found), str(n_false), str(n_more)]
    index = finder.sum_index(unique, inputs=inputs)
    seen = str(index.status[0])
    seen = f"{index.total[0]:+d}" if seen == IndexStatus.MISSING else seen
    return [name, str(seed), *counts, f"{cpu:.2f}", f"{clock:.2f}", seen, rule]


def value(text: str) -> tuple[str, object]:
    name, _, written = text.partition("=")
    return name, ast.literal_eval(written)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", metavar="NAME", help=f"of {', '.join(MAKERS)}")
    parser.add_argument("--seeds", type=int, default=1, help="of the starts and the search")
    parser.add_argument("--shift", type=int, default=0, help="of the seeds of the networks")
    parser.add_argument("--set", nargs="+", type=value, default=[], metavar="OPTION=VALUE")
    options = parser.parse_args()
    names = [n for n in MAKERS if not options.only or any(o in n for o in options.only)]
    widths = [16, 4, 5, 5, 5, 5, 7, 7, 12, 20]
    print("  ".join(c.ljust(w) for c, w in zip(HEADER, widths, strict=True)), flush=True)
    for name in names:
        known = MAKERS[name](options.shift)
        for seed in range(options.seeds):
            cells = measure(name, known, seed, dict(options.set))
            line = "  ".join(c.ljust(w) for c, w in zip(cells, widths, strict=True))
            print(line.rstrip(), flush=True)


if __name__ == "__main__":
    main()
