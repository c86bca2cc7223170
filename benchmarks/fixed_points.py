"""Speed, recall and truthfulness of the fixed-point search: a table, not a test.

    python benchmarks/fixed_points.py [--workloads DIR] [--peer DIR] [--peer-python PYTHON]
        [--only NAME ...] [--repeats N] [--rounds N] [--long-search] [--cache DIR]
    python benchmarks/fixed_points.py --memory

**What is measured.** The whole call: making the finder, the search, Jacobians and
eigenvalues, from the same starts for both sides. *Cold* is the first call in a fresh
process, after the imports and after the network was built (compilation included); *warm*
is the median of the further calls in that process; *peer* is one call of FPF-Torch (Golub
& Sussillo 2018) with its default options on all cores, in a fresh process after the
imports. Each network is measured by us and by the peer in turn, on the same cores; with
``--rounds`` this is repeated, and the medians are shown.

**The networks.** W1 to W3 are trained workloads, read from a directory. S has the size of
FPF's own example. LSTM, STACK and RANDOM are networks that the search was not tuned on: an
LSTM and a stacked GRU trained on the 3-bit flip-flop, and a random network of gain 1.5.
These four are made from a seed and kept in the cache. Training is reproducible on one
machine, but other hardware rounds differently and ends in somewhat other weights.

**Who says what is a fixed point.** ``judge.py``, which shares no code with the package:
Newton's method in float64, from a reported point, must arrive at |F(x) - x| < 1e-12 within
1e-3 of it, where ``J - I`` is not singular (why is told there). *Found* counts distinct
true points, *false* the points reported as fixed points that are not true. FPF calls all
that it returns fixed points, so its slow points count as false; its true points may be
reported several times, which is not counted as false. The number of points to be found is
known for W1 to W3. For the others it is that of a much longer search (``--long-search``:
20 times the starts, five scales of noise, float64, no shared descents, and the judge's own
Newton iterations; a minute for LSTM or STACK, more than ten for RANDOM where other work
shares the cores), kept in the cache. Where there was none, it is what this run found, and
recall is then not measured: the table marks it.

**What it does not show.** How many fixed points a network has: no search proves that
there are no more. Import time. The effect of other options, of GPUs, of other numbers of
cores. Times on a machine that does something else meanwhile: see the load that is printed.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from judge import distinct, n_found
from networks import ROWS, Network, from_workload

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parent
OUTLIER_SCALE = 10.0  # the finder's, and FPF's


class Failed(Exception):
    """A process of the benchmark ended with an error."""


def run(python: str, script: str, *arguments: object) -> str:
    """Run a script beside this one in a process of its own, and return its output."""
    path = os.pathsep.join(filter(None, [str(CHECKOUT), os.environ.get("PYTHONPATH")]))
    environment = {"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ, "PYTHONPATH": path}
    command = [python, str(HERE / script), *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise Failed(f"{script} ended with code {done.returncode}: {last}")
    return done.stdout


def measured(python: str, script: str, network: Path, *arguments: object) -> dict:
    """Measure a script on a network."""
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.npz"
        run(python, script, network, result, *arguments)
        with np.load(result, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}


def prepare(name: str, options: argparse.Namespace) -> Path | None:
    """Return the file of a network, made if it is not in the cache, or None."""
    path = options.cache / f"{name}.npz"
    if ROWS[name].file is not None:
        source = options.workloads / ROWS[name].file
        if not source.is_file():
            print(f"{name}: skipped, there is no {source}")
            return None
        from_workload(source).save(path)
    elif not path.is_file():
        print(f"{name}: making the network ...", flush=True)
        fresh = path.with_suffix(".new")  # renamed when complete
        said = run(sys.executable, "networks.py", name, fresh)
        os.replace(fresh, path)
        print(f"{name}: {said.strip() or 'made'}", flush=True)
    return path


# -- the reference set --------------------------------------------------------------------


def reference_points(name: str, path: Path, options) -> np.ndarray | None:
    """Return the fixed points of a long search, from the cache or new, or None."""
    network = Network.load(path)
    stored = options.cache / f"{name}.reference.npz"
    if stored.is_file():
        with np.load(stored, allow_pickle=False) as file:
            if str(file["key"]) == network.key:
                return file["points"]
    if not options.long_search:
        return None
    begin = time.perf_counter()
    points = long_search(network, path, name)
    with open(stored, "wb") as file:
        np.savez(file, key=network.key, points=points)
    seconds = time.perf_counter() - begin
    print(f"{name}: the long search found {len(points)} in {seconds:.0f} s", flush=True)
    return points


def long_search(network: Network, path: Path, name: str) -> np.ndarray:
    """Return true points from a long search with the package and the judge's Newton."""
    judge = network.judge()
    judge.check(network.x0)
    candidates = measured(sys.executable, "measure_ours.py", path, "--long")["xstar"]
    _, of_package = judge.true_points(candidates)
    rng = np.random.default_rng(54321)
    n = len(network.x0) // 4
    own = [np.zeros((0, network.x0.shape[1]))]
    for noise in (0.1, 0.5, 1.0, 2.0):
        drawn = network.pool[rng.integers(len(network.pool), size=n)]
        start = drawn + noise * rng.normal(size=drawn.shape)
        x, arrived = judge.newton(start, n_iters=40, longest_step=1.0)
        own.append(x[arrived & near_starts(network, x)])
    of_newton = distinct(np.concatenate(own))
    points = distinct(of_package, of_newton)
    if name == "RANDOM":  # F is odd: with x, -x is a fixed point
        points = distinct(points, -points)
    print(
        f"{name}: {len(of_package)} by the package, {len(of_newton)} by Newton's method, "
        f"{len(points)} together"
    )
    return points


def near_starts(network: Network, x: np.ndarray) -> np.ndarray:
    """Mark the points that are no outliers by the rule of the finder and of FPF."""
    x0 = network.x0.astype(np.float64)
    centre = x0.mean(axis=0)
    scale = np.linalg.norm(x0 - centre, axis=1).mean()
    return np.linalg.norm(x - centre, axis=1) <= OUTLIER_SCALE * scale


# -- a row of the table -------------------------------------------------------------------


def measure_row(name: str, path: Path, options) -> dict:
    """Measure both sides in turn, round by round, then judge them."""
    ours, peer = [], []
    with_peer = options.peer is not None and ROWS[name].peer
    trouble = ""
    for _ in range(options.rounds):
        repeats = ("--repeats", options.repeats)
        ours.append(measured(sys.executable, "measure_ours.py", path, *repeats))
        if with_peer and not trouble:
            try:
                peer.append(
                    measured(options.peer_python, "measure_peer.py", path, options.peer)
                )
            except Failed as error:
                trouble = str(error)
    network = Network.load(path)
    reference = reference_points(name, path, options)
    row = {
        "name": name,
        "network": network,
        "cold": float(np.median([r["cold"] for r in ours])),
        "warm": np.concatenate([r["warm"] for r in ours]),
        "n_slow": int(ours[-1]["n_slow"]),
        "n_by_status": ours[-1]["n_by_status"],
        "versions": {str(r["version"]) for r in ours + peer},
        "peer": float(np.median([r["seconds"] for r in peer])) if peer else None,
        "trouble": trouble,
    }
    row |= judged(name, network, ours[-1], peer[-1] if peer else None, reference)
    return row


def judged(name: str, network: Network, ours: dict, peer: dict | None, reference) -> dict:
    """Count the true and false points that each side reported, and all points."""
    judge = network.judge()
    judge.check(network.x0)
    sets = {"ours": ours["xstar"]} | ({} if peer is None else {"peer": peer["xstar"]})
    true = {side: judge.true_points(points) for side, points in sets.items()}
    every = [points for _, points in true.values()]
    known = distinct(*every, *([] if reference is None else [reference]))
    expected = ROWS[name].n_expected
    row: dict = {"n_known": max(len(known), expected or 0)}
    row["measured_recall"] = expected is not None or reference is not None
    if reference is not None and len(known) > len(reference):
        print(f"{name}: {len(known) - len(reference)} points that the long search missed")
    if expected is not None and len(known) > expected:
        print(f"{name}: {len(known)} true points, where {expected} were expected")
    for side, (is_true, points) in true.items():
        row[f"{side}_reported"] = len(is_true)
        row[f"{side}_found"] = n_found(points, known)
        row[f"{side}_false"] = int((~is_true).sum())
    return row


# -- printing -----------------------------------------------------------------------------

HEADER = (
    "name", "network", "starts", "cold s", "warm s", "(range)", "peer s", "warm x", "cold x",
    "found", "false", "slow", "not conv.", "peer found", "peer false", "peer total",
)  # fmt: skip


def seconds(value: float) -> str:
    return f"{value:.3f}" if value < 1 else f"{value:.2f}" if value < 10 else f"{value:.1f}"


def cells(row: dict) -> list[str]:
    """Return the text of a row."""
    warm, peer = row["warm"], row["peer"]
    known = f"{row['n_known']}{'' if row['measured_recall'] else '*'}"
    n_lost = row["n_by_status"][2:].sum()  # not converged, diverged, outliers
    dash = "failed" if row["trouble"] else "-" if ROWS[row["name"]].peer else "-+"
    has_peer = peer is not None
    ratio = [f"{peer / t:.1f}" for t in (np.median(warm), row["cold"])] if has_peer else "--"
    return [
        row["name"],
        ROWS[row["name"]].title,
        str(len(row["network"].x0)),
        seconds(row["cold"]),
        seconds(float(np.median(warm))),
        f"{seconds(warm.min())}-{seconds(warm.max())}",
        seconds(peer) if has_peer else dash,
        *ratio,
        f"{row['ours_found']}/{known}",
        str(row["ours_false"]),
        str(row["n_slow"]),
        f"{100.0 * n_lost / row['n_by_status'].sum():.1f}%",
        f"{row['peer_found']}/{known}" if has_peer else "-",
        str(row["peer_false"]) if has_peer else "-",
        str(row["peer_reported"]) if has_peer else "-",
    ]


def print_table(rows: list[dict]) -> None:
    lines = [list(HEADER), *(cells(row) for row in rows)]
    widths = [max(len(line[k]) for line in lines) for k in range(len(HEADER))]
    rule = ["-" * width for width in widths]
    print()
    for line in (lines[0], rule, *lines[1:]):
        print("| " + " | ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) + " |")
    print()
    print("warm x, cold x: seconds of the peer over ours. found: distinct true fixed points")
    print("of those known. false: reported as fixed points and none. not conv.: starts that")
    print("ended in neither a fixed nor a slow point. peer total: all that the peer reported.")
    if not all(row["measured_recall"] for row in rows):
        print("* no reference set: only what this run found. --long-search makes one.")
    if not all(ROWS[row["name"]].peer for row in rows):
        print("+ FPF-Torch takes neither an LSTM nor several layers.")
    for row in rows:
        if row["trouble"]:
            print(f"{row['name']}: the peer failed: {row['trouble']}")


def print_machine(label: str) -> None:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    print(f"{label}: {cores or os.cpu_count()} cores{load}, Python {platform.python_version()}")


def print_memory(options: argparse.Namespace) -> None:
    """Print the peak memory of many states of the largest workload."""
    path = prepare("W3", options)
    if path is None:
        return
    result = measured(
        sys.executable, "measure_ours.py", path, "--memory", options.memory_states
    )
    true, points = Network.load(path).judge().true_points(result["xstar"])
    n_lost = result["n_by_status"][2:].sum()
    print(
        f"{options.memory_states} states of 256 units: peak resident memory "
        f"{result['peak']:.2f} GB ({result['before']:.2f} GB before the call), "
        f"{result['seconds']:.1f} s cold; {len(points)} fixed points, "
        f"{int((~true).sum())} false, {100.0 * n_lost / options.memory_states:.2f}% of the "
        "starts not converged"
    )


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Speed, recall and truthfulness of the fixed-point search.",
        epilog="What is measured, how, and what it does not show: see the top of the file.",
    )
    parser.add_argument(
        "--workloads",
        type=Path,
        default=CHECKOUT.parent / "shared" / "workloads",
        help="directory of W1 to W3 (default: ../shared/workloads beside the checkout)",
    )
    parser.add_argument("--peer", type=Path, help="a checkout of FixedPointFinder")
    parser.add_argument(
        "--peer-python", default=sys.executable, help="a Python with torch (default: this one)"
    )
    parser.add_argument(
        "--only", nargs="+", type=str.upper, choices=list(ROWS), metavar="NAME",
        help=f"some of {', '.join(ROWS)}",
    )  # fmt: skip
    parser.add_argument("--repeats", type=int, default=5, help="warm calls (default 5)")
    parser.add_argument(
        "--rounds", type=int, default=1, help="times that we and the peer run in turn"
    )
    parser.add_argument(
        "--long-search",
        action="store_true",
        help="make the reference sets that are not in the cache (minutes)",
    )
    parser.add_argument(
        "--cache",
        type=Path,
        default=Path(tempfile.gettempdir()) / "fixedpoint_tf_benchmark",
        help="where networks and reference sets are kept",
    )
    parser.add_argument("--memory", action="store_true", help="measure memory and stop")
    parser.add_argument("--memory-states", type=int, default=100_000, metavar="N")
    options = parser.parse_args(arguments)
    if options.repeats < 1 or options.rounds < 1:
        parser.error("--repeats and --rounds must be at least 1")
    if options.peer is not None:
        options.peer = options.peer.resolve()
        if not (options.peer / "FixedPointFinderTorch.py").is_file():
            parser.error(f"--peer: there is no FixedPointFinderTorch.py in {options.peer}")
    return options


def main() -> None:
    options = parse()
    options.cache.mkdir(parents=True, exist_ok=True)
    print_machine("before")
    if options.memory:
        print_memory(options)
        return
    wanted = options.only or list(ROWS)
    # Training and long searches first: they would warm the machine for one side only.
    paths = {name: prepare(name, options) for name in wanted}
    paths = {name: path for name, path in paths.items() if path is not None}
    for name, path in paths.items():
        if ROWS[name].n_expected is None:
            reference_points(name, path, options)
    rows = []
    for name, path in paths.items():
        print(f"{name}: measuring ...", flush=True)
        rows.append(measure_row(name, path, options))
    print_machine("after")
    if rows:
        print(" | ".join(sorted(set().union(*(row["versions"] for row in rows)))))
        print_table(rows)


if __name__ == "__main__":
    main()
