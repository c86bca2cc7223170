"""Frequency of missed fixed points, and of warnings about them.

    python benchmarks/recall.py --how-often 300 [--first-seed K] [--set OPTION=VALUE ...]

Small random networks of each class, two searches each. Their points are known without the
package: by construction, by every set of active units, or as the union of a long search in
NumPy with the points of the proof. Starts are 256 states by the recipe of the README.
After each search ``prove_complete`` is asked, with the points that were found.

- *missed*: searches with at least one point missing; *index wrong*: those of them where the
  index was other than +1, which is a proof that points are missing; *their rules*: what ended
  how many of them;
- *proved*: searches whose points the proof called all; *wrongly*: those where they were not,
  or where it did not find a point that exists; *turned up*: searches with missing points for
  which the proof found every one.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Callable, Iterator

import numpy as np
from recall import match, refined, search
from recall_coupled import random_gru, random_lstm, random_tanh, symmetric_tanh
from recall_known import Known, distinct
from recall_low_rank import low_rank
from recall_relu import relu_coupled, relu_network, relu_winners
from recall_units import five_points, rotated_tanh, shear, tanh_units

N_STARTS = 256
SEEDS = 2  # searches of a network
LONG = 2_000  # starts of a long search
SECONDS = 5.0  # of a proof
HEADER = (
    "class", "searches", "points", "false", "missed", "index wrong", "their rules",
    "proved", "wrongly", "turned up", "s",
)  # fmt: skip


def relu_random(n: int, seed: int) -> Known:
    """Draw Gaussian weights and biases."""
    rng = np.random.default_rng(seed)
    return relu_network(1.6 * rng.normal(size=(n, n)) / np.sqrt(n), rng.normal(size=n))


#: By class: from a seed to a network.
CLASSES: dict[str, Callable[[int], Known]] = {
    "tanh, 4 units": lambda k: random_tanh(4, k, 4.0, LONG),
    "tanh, 7 units": lambda k: random_tanh(7, k, 5.0, LONG),
    "tanh, 8 units, symmetric": lambda k: symmetric_tanh(8, k, 3.0, LONG),
    "tanh, 24 units of rank 2": lambda k: low_rank(24, 2, k),
    "tanh, 5 bistable units": lambda k: tanh_units(5, k),
    "4 bistable units, sheared": lambda k: rotated_tanh(4, k, shear),
    "3 units of five points": lambda k: five_points(3, k),
    "GRU, 3 units": lambda k: random_gru(3, k, 3.0, LONG, 4.0),
    "GRU, 6 units": lambda k: random_gru(6, k, 3.0, LONG, 4.0),
    "LSTM, 3 units": lambda k: random_lstm(3, k, 2.0, LONG, 5.0),
    "ReLU, 8 units": lambda k: relu_random(8, k),
    "ReLU, 7 units, coupled": lambda k: relu_coupled(7, k),
    "ReLU, 7 units, winners": lambda k: relu_winners(7, k),
}


@dataclasses.dataclass
class Row:
    """Counts over the searches of a class."""

    searches: int = 0
    points: int = 0
    false: int = 0
    missed: int = 0
    index_wrong: int = 0
    proved: int = 0
    wrongly: int = 0
    turned_up: int = 0
    seconds: float = 0.0
    rules: collections.Counter = dataclasses.field(default_factory=collections.Counter)

    def add(self, other: Row) -> None:
        for field in dataclasses.fields(self):
            total = getattr(self, field.name) + getattr(other, field.name)
            setattr(self, field.name, total)

    def cells(self, name: str) -> list[str]:
        rules = ", ".join(f"{rule} {n}" for rule, n in self.rules.most_common()) or "-"
        counts = [self.searches, self.points, self.false, self.missed, self.index_wrong]
        last = [self.proved, self.wrongly, self.turned_up, round(self.seconds)]
        return [name, *map(str, counts), rules, *map(str, last)]


def of_network(known: Known, seeds: Iterator[int], options: dict) -> Row:
    """Search a network several times and count; its truth grows by all that was found."""
    done = []
    for seed in seeds:
        finder, found, unique = search(known, seed, options)
        inputs = np.zeros((1, known.n_inputs)) if known.n_inputs else None
        proof = finder.prove_complete(unique.fixed, inputs=inputs, max_seconds=SECONDS)
        done.append((found, refined(known, found.xstar), proof))
    others = [match(known.truth, points)[2] for _, points, _ in done]
    others += [match(known.truth, refined(known, proof.xstar))[2] for *_, proof in done]
    truth = np.concatenate([known.truth, distinct(np.concatenate(others))])
    row = Row()
    for found, points, proof in done:
        n_found, n_false, _ = match(truth, points)
        n_proved, _, _ = match(truth, refined(known, proof.xstar))
        missed = n_found < len(truth)
        row.searches += 1
        row.points += len(truth)
        row.false += n_false
        row.missed += missed
        row.seconds += found.seconds
        row.index_wrong += missed and found.index[0] in "+-" and found.index != "+1"
        row.rules.update([found.rule] if missed else [])
        row.proved += proof.is_complete and not len(proof.new)
        row.wrongly += proof.is_complete and n_proved < len(truth)
        row.turned_up += missed and n_proved == len(truth)
    return row


def print_table(n_searches: int, first_seed: int, options: dict) -> None:
    """Print a row for each class, and their sum."""
    print("| " + " | ".join(HEADER) + " |\n|" + "---|" * len(HEADER), flush=True)
    n_networks = -(-n_searches // (SEEDS * len(CLASSES)))
    total = Row()
    for name, make in CLASSES.items():
        row = Row()
        for number in range(first_seed, first_seed + n_networks):
            known = dataclasses.replace(make(number), n_starts=N_STARTS)
            row.add(of_network(known, range(number, number + SEEDS), options))
        total.add(row)
        print("| " + " | ".join(row.cells(name)) + " |", flush=True)
    print("| " + " | ".join(total.cells("all")) + " |", flush=True)
