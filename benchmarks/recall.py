"""Recall of the fixed-point search on networks whose points are all known: a table.

    python benchmarks/recall.py [--only NAME ...] [--seeds N] [--first-seed K] [--shift K]
        [--set OPTION=VALUE ...] [--peer DIR --peer-python PYTHON] [--peer-seconds 120]
    python benchmarks/recall.py --how-often 300 [--first-seed K] [--set OPTION=VALUE ...]

Starts are drawn by the recipe of the README: 1,024 states on trajectories (on trials, of a
trained network) plus noise of 0.5. Seeds are those of the starts and of the search.

- *true*: fixed points that the network has (see ``recall_networks.py``), with a star where
  they are those of long searches and of all searches of this run together;
- *found*: those among the reported ones, *false*: reported ones from which Newton's method in
  NumPy does not arrive at a fixed point within 1e-4;
- *index*: the sum of the indices of the points that were found, +1 if none is missing, where
  a box is known to be mapped into itself; *rule*: what ended the search;
- *s*: seconds of the processor, all threads; those of the first seed include the compilation;
- *FPF*: FixedPointFinder from the starts of the first seed, in a process of its own, ended
  after ``--peer-seconds`` of the processor. What it reports is true here within 1e-3, and
  what it has found of a network is kept (``RECALL_CACHE``).

``--how-often``: how often the points of small random networks were not all found, and what
the search then said of itself; see ``recall_how_often.py``.
"""

from __future__ import annotations

import argparse
import ast
import dataclasses
import os
import resource
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from recall_known import Known, distinct, kept, newton_from
from recall_networks import ASKED, MAKERS
from scipy.spatial import cKDTree

from fixedpoint_tf import FixedPointFinder
from fixedpoint_tf.analysis.completeness.index import IndexStatus

NEAR = 1e-5  # of the size of a point: two that are one
TRUE, TRUE_OF_PEER = 1e-4, 1e-3  # of the size of a point: its distance from a true one
HEADER = (
    "network", "seed", "true", "found", "false", "index", "rule", "s", "FPF found", "false",
    "s",
)  # fmt: skip
WIDTHS = (18, 6, 6, 6, 6, 13, 14, 7, 10, 6, 7)


@dataclasses.dataclass(frozen=True)
class Search:
    """Points that a search has found, and its summary."""

    xstar: np.ndarray
    index: str
    rule: str
    seconds: float


def refined(known: Known, reported: np.ndarray, near: float = TRUE) -> np.ndarray:
    """Return the fixed point in place of each reported one; NaN where there is none near."""
    x = np.asarray(reported, dtype=np.float64)
    if not len(x):
        return x.reshape(0, known.n_states)
    arrived_at, arrived = newton_from(known.step, x, n_iters=8)
    distance = np.linalg.norm(arrived_at - x, axis=1)
    true = arrived & (distance <= near * (1.0 + np.linalg.norm(x, axis=1)))
    return np.where(true[:, None], arrived_at, np.nan)


def match(truth: np.ndarray, points: np.ndarray) -> tuple[int, int, np.ndarray]:
    """Return how many of the truth were found, how many are false, and the others."""
    true = points[np.isfinite(points).all(axis=1)]
    n_false = len(points) - len(true)
    if not len(true) or not len(truth):
        return 0, n_false, true
    distance, nearest = cKDTree(truth).query(true)
    matched = distance <= NEAR * (1.0 + np.linalg.norm(true, axis=1))
    return len(np.unique(nearest[matched])), n_false, true[~matched]


def search(known: Known, seed: int, options: dict) -> tuple[FixedPointFinder, Search, object]:
    """Search once from the starts of a seed."""
    starts, inputs = known.starts(seed), np.zeros((1, known.n_inputs))
    begin = time.process_time()
    finder = FixedPointFinder(
        known.rnn, **known.options, random_seed=seed, verbose=False, **options
    )
    unique, _ = finder.find_fixed_points(starts, inputs)
    seconds = time.process_time() - begin
    index = finder.sum_index(unique, inputs=inputs if known.n_inputs else None)
    said = index.status[0]
    text = f"{index.total[0]:+d}" if said == IndexStatus.MISSING else str(said)
    rule = str(getattr(unique, "search_end", None) or "-")
    return finder, Search(unique.fixed.xstar, text, rule, seconds), unique


# -- the peer ------------------------------------------------------------------------------


def of_peer(
    name: str, known: Known, seed: int, options: argparse.Namespace
) -> dict[str, np.ndarray]:
    """Return what FPF reports from the starts of a seed; no points where its time was over."""
    x0 = known.starts(seed).astype(np.float32)
    kind, arrays = known.form

    def make() -> dict[str, np.ndarray]:
        with tempfile.TemporaryDirectory() as folder:
            network, result = Path(folder) / "network.npz", Path(folder) / "result.npz"
            image = known.step(x0[:8].astype(np.float64))
            np.savez(network, kind=kind, x0=x0, image=image, **arrays)
            script = Path(__file__).with_name("recall_peer.py")
            command = [options.peer_python, script, network, result, options.peer]
            limit = options.peer_seconds
            environment = {**os.environ, "OMP_NUM_THREADS": "1"}
            environment.pop("PYTHONPATH", None)
            done = subprocess.run(
                [str(part) for part in command],
                env=environment,
                capture_output=True,
                text=True,
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (limit, limit)),
            )
            if result.is_file():
                with np.load(result) as file:
                    return {key: file[key] for key in file.files}
            if done.returncode > 0:
                raise RuntimeError(done.stderr.strip().splitlines()[-1])
            return {"seconds": np.array(np.inf), "xstar": np.zeros((0, known.n_states))}

    return kept(f"peer-{name}-{options.shift}-{seed}-{options.peer_seconds}", make)


def cells_of_peer(known: Known, truth: np.ndarray, found: dict | None, limit: int) -> list[str]:
    if found is None:
        return ["", "", ""]
    if not np.isfinite(found["seconds"]):
        return ["-", "-", f"> {limit}"]
    n_found, n_false, _ = match(truth, refined(known, found["xstar"], TRUE_OF_PEER))
    return [str(n_found), str(n_false), f"{found['seconds']:.1f}"]


# -- the table -----------------------------------------------------------------------------


def measure(name: str, options: argparse.Namespace) -> tuple[list[list[str]], bool]:
    """Return a row for each seed, and whether every point was found and none false."""
    known = MAKERS[name](options.shift)
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    searches = [search(known, seed, dict(options.set))[1] for seed in seeds]
    points = [refined(known, s.xstar) for s in searches]
    peer = None
    if options.peer is not None:
        peer = of_peer(name, known, options.first_seed, options)
    truth = known.truth
    others = [match(truth, p)[2] for p in points]
    if peer is not None:
        others.append(match(truth, refined(known, peer["xstar"], TRUE_OF_PEER))[2])
    more = distinct(np.concatenate(others))
    if len(more) and known.complete:
        print(f"{name}: {len(more)} true points beyond those that are known to be all")
    truth = np.concatenate([truth, more])
    rows, perfect = [], True
    for seed, done, at in zip(seeds, searches, points, strict=True):
        n_found, n_false, _ = match(truth, at)
        perfect &= n_found == len(truth) and not n_false
        star = "" if known.complete else "*"
        cells = [name, str(seed), f"{len(truth)}{star}", str(n_found), str(n_false)]
        cells += [done.index, done.rule, f"{done.seconds:.1f}"]
        of_seed = peer if seed == options.first_seed else None
        rows.append(cells + cells_of_peer(known, truth, of_seed, options.peer_seconds))
    return rows, perfect


def line(cells: tuple[str, ...] | list[str]) -> str:
    return "| " + " | ".join(c.ljust(w) for c, w in zip(cells, WIDTHS, strict=True)) + " |"


def value(text: str) -> tuple[str, object]:
    name, _, written = text.partition("=")
    return name, ast.literal_eval(written)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", metavar="NAME", help=f"of {', '.join(MAKERS)}")
    parser.add_argument("--seeds", type=int, default=1, help="of the starts and the search")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--shift", type=int, default=0, help="of the seeds of the networks")
    parser.add_argument("--set", nargs="+", type=value, default=[], metavar="OPTION=VALUE")
    parser.add_argument("--peer", type=Path, help="a checkout of FixedPointFinder")
    parser.add_argument("--peer-python", type=Path, help="a Python with torch")
    parser.add_argument("--peer-seconds", type=int, default=120, help="of the processor")
    parser.add_argument("--how-often", type=int, metavar="N", help="searches of small networks")
    return parser.parse_args()


def main() -> None:
    options = parse()
    if options.how_often:
        from recall_how_often import print_table

        print_table(options.how_often, options.first_seed, dict(options.set))
        return
    names = [n for n in MAKERS if not options.only or any(o in n for o in options.only)]
    print(line(HEADER))
    print("|" + "---|" * len(HEADER), flush=True)
    n_perfect = {True: 0, False: 0}
    for name in names:
        rows, perfect = measure(name, options)
        n_perfect[name in ASKED] += perfect
        for cells in rows:
            print(line(cells), flush=True)
    asked = [name for name in names if name in ASKED]
    print(
        f"\nall points in every search and none false: {n_perfect[True]} of {len(asked)} "
        f"networks asked for, {n_perfect[False]} of {len(names) - len(asked)} coupled ones"
    )


if __name__ == "__main__":
    main()
