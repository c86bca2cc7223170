"""Calls of lfads_tf.plotting that succeed, and the kinds of their arguments."""

from __future__ import annotations

import numpy as np
from analysis_kinds import (
    by_name,
    grid_of_axes,
    labels_of_trials,
    observed,
    pair_of,
    places,
)
from argument_kinds import array, choice, flag, number, whole
from calls_lfads_analysis import LABELS, WIDTH, counts, rates
from public_calls import Call, Excluded

START = number(low=-np.inf)
HISTORY = {"nll": [3.0, 1.5], "val_nll": [3.1, 2.2], "l2": [0.1, 0.1]}

PLOTTING: dict[str, Call | Excluded] = {
    "condition_colors": Excluded(
        "any number of labels is right; tests/lfads_tf/plotting tries wrong ones"
    ),
    "plot_factors": Call(
        lambda: {
            "inferred": rates(),
            "conditions": LABELS,
            "bin_width": 0.02,
            "n_factors": 2,
            "n_single_trials": 1,
            "start": -0.1,
        },
        {
            "cyclic": flag(),
            "inferred": array(),
            "conditions": labels_of_trials(),
            "bin_width": WIDTH,
            "n_factors": whole(),
            "n_single_trials": whole(0),
            "start": START,
            "axes": grid_of_axes(),
        },
    ),
    "plot_history": Call(
        lambda: {"history": HISTORY},
        {
            "history": by_name(
                {"nll": ["1.0", "2.0"]},
                {"nll": [[1.0, 2.0], [1.0]]},
                {"nll": [[1.0], [2.0]]},
                {"nll": [1j, 2.0]},
                {"nll": [1.0, 2.0], "loss": [1.0]},
                {"nll": np.array(["2020-01-01"], "M8[D]")},
                {"accuracy": [1.0]},
                keys=False,
            ),
            "axes": grid_of_axes(),
        },
    ),
    "plot_initial_conditions": Call(
        lambda: {"inferred": rates()[:, 0], "conditions": LABELS, "components": (1, 3)},
        {
            "cyclic": flag(),
            "inferred": array(),
            "conditions": labels_of_trials(),
            "components": pair_of((0, 1), (1, 4), (1.0, 2.0), ("1", "2"), (True, 2), (-1, 1)),
        },
    ),
    "plot_inferred_inputs": Call(
        lambda: {
            "inferred": rates(),
            "bin_width": 0.02,
            "conditions": LABELS,
            "event_bins": np.array([2, 3, 2, 3, 2, 4]),
            "start": -0.1,
        },
        {
            "cyclic": flag(),
            "inferred": observed(),
            "bin_width": WIDTH,
            "conditions": labels_of_trials(),
            "event_bins": observed(axes=(0, 1), tied=(0,), low=0.0, high=7.0),
            "trials": places(6),
            "start": START,
            "axes": grid_of_axes(),
        },
        given={"trials": lambda: {"trials": [0, 2], "conditions": None}},
    ),
    "plot_rates_against_truth": Call(
        lambda: {
            "rates": rates() + 1.0,
            "true_rates": rates(),
            "bin_width": 0.02,
            "smoothed": rates() + 2.0,
            "trials": [0],
            "neurons": [1],
            "average": "neurons",
            "start": -0.1,
        },
        {
            "rates": array(tied=(0, 1, 2)),
            "true_rates": observed(),
            "bin_width": WIDTH,
            "smoothed": observed(tied=(0, 1, 2)),
            "trials": places(6),
            "neurons": places(3),
            "average": choice(),
            "start": START,
            "axes": grid_of_axes(),
        },
    ),
    "plot_trials": Call(
        lambda: {
            "data": counts(),
            "inferred": rates(),
            "bin_width": 0.02,
            "trials": [0],
            "neurons": [1],
            "smoothing_sd": 0.05,
            "true_rates": rates(),
            "start": -0.1,
        },
        {
            "data": observed(),
            "inferred": observed(tied=(0, 1, 2)),
            "bin_width": WIDTH,
            "trials": places(6),
            "neurons": places(3),
            "smoothing_sd": number(),
            "true_rates": observed(tied=(0, 1, 2)),
            "start": START,
            "axes": grid_of_axes(),
        },
    ),
}
CALLS = {f"lfads_tf.plotting.{name}": call for name, call in PLOTTING.items()}
