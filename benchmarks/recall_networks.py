"""Networks of many fixed points that are all known, by name.

Each maker returns a :class:`recall_known.Known`: the network in a form that
``FixedPointFinder`` takes, its update once more in NumPy, and its fixed points. They are known
because the network falls apart into units (``recall_units.py``), because every set of active
units is enumerated (``recall_relu.py``), because all points lie in a space of a few dimensions
(``recall_low_rank.py``), or by ``prove_complete``. Where none of this holds, the truth is the
union of long searches by Newton's method in NumPy (``recall_coupled.py``): such a row can show
what was missed, not that nothing was.
"""

from __future__ import annotations

from collections.abc import Callable

from recall_coupled import (
    of_training,
    proved,
    random_gru,
    random_lstm,
    random_of_benchmark,
    random_tanh,
    symmetric_tanh,
)
from recall_known import Known
from recall_low_rank import hopfield, hopfield_strong, low_rank
from recall_relu import relu_coupled, relu_pairs, relu_units, relu_winners
from recall_units import (
    driven,
    five_points,
    gru_units,
    lstm_units,
    rotated_tanh,
    shear,
    tanh_units,
)

#: The table of the issue, by name: from a shift of the seed to the network.
ASKED: dict[str, Callable[[int], Known]] = {
    "hopfield-64-4": lambda k: hopfield(64, 4),
    "hopfield-64-5": lambda k: hopfield(64, 5),
    "tanh-units-5": lambda k: tanh_units(5, 0 + k),
    "tanh-units-6": lambda k: tanh_units(6, 1 + k),
    "tanh-rotated-5": lambda k: rotated_tanh(5, 2 + k),
    "tanh-rotated-6": lambda k: rotated_tanh(6, 2 + k),
    "gru-units-5": lambda k: gru_units(5, 4 + k),
    "lstm-units-5": lambda k: lstm_units(5, 5 + k),
    "five-points-3": lambda k: five_points(3, 6 + k),
    "five-points-4": lambda k: five_points(4, 7 + k),
    "relu-units-8": lambda k: relu_units(8, 9 + k),
    "relu-winners-8": lambda k: relu_winners(8, 10 + k),
    "relu-pairs-10": lambda k: relu_pairs(10, 11 + k),
    "symmetric-16": lambda k: symmetric_tanh(16, 0 + k),
    "lfads-lorenz-100": lambda k: of_training("lfads-lorenz-100"),
    "gru-decision-40": lambda k: of_training("gru-decision-40", n_starts=512),
    "RANDOM": lambda k: random_of_benchmark(),
}

#: Coupled networks, most of them not symmetric.
COUPLED: dict[str, Callable[[int], Known]] = {
    "tanh-sheared-6": lambda k: rotated_tanh(6, 3 + k, shear),
    "five-sheared-3": lambda k: five_points(3, 8 + k, shear),
    "driven-4-60": lambda k: driven(4, 60, 21 + k),
    "driven-5-20": lambda k: driven(5, 20, 22 + k),
    "relu-coupled-8": lambda k: relu_coupled(8, 14 + k),
    "relu-coupled-10": lambda k: relu_coupled(10, 15 + k),
    "hopfield-32-4-2": lambda k: hopfield_strong(32, 4, 2.0),
    "low-rank-2": lambda k: proved(low_rank(64, 2, 12 + k)),
    "low-rank-3": lambda k: proved(low_rank(64, 3, 13 + k)),
    "low-rank-3-512": lambda k: proved(low_rank(512, 3, 16 + k)),
    "tanh-random-8": lambda k: proved(random_tanh(8, 17 + k, 5.0)),
    "gru-random-5": lambda k: proved(random_gru(5, 18 + k, 3.0, excitation=6.0)),
    "lstm-random-4": lambda k: proved(random_lstm(4, 19 + k, 2.0, excitation=6.0)),
    "tanh-random-10": lambda k: random_tanh(10, 2 + k),
    "gru-random-20": lambda k: random_gru(20, 24 + k, 6.0),
    "gru-random-40": lambda k: random_gru(40, 23 + k, 6.0),
    "symmetric-16b": lambda k: symmetric_tanh(16, 2 + k, 4.0),
    "tanh-flip-flop-24": lambda k: of_training("tanh-flip-flop-24"),
    "gru-flip-flop-24": lambda k: of_training("gru-flip-flop-24"),
    "lstm-flip-flop-16": lambda k: of_training("lstm-flip-flop-16"),
    "tanh-average-32": lambda k: of_training("tanh-average-32"),
    "tanh-context-64": lambda k: of_training("tanh-context-64"),
    "gru-decision-40b": lambda k: of_training("gru-decision-40b"),
    "lstm-decision-20": lambda k: of_training("lstm-decision-20"),
    "lfads-lorenz-100b": lambda k: of_training("lfads-lorenz-100b"),
}

MAKERS = ASKED | COUPLED
