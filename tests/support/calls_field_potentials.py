"""Calls of field potentials and separation in lfads_tf.analysis that succeed, and kinds."""

from __future__ import annotations

import functools

import numpy as np
from analysis_kinds import (
    bins,
    by_name,
    grid_of_axes,
    labels_of_trials,
    of_scikit_learn,
    pair_of,
)
from analysis_kinds import folds as folds_kind
from argument_kinds import array, flag, number, text, whole
from calls_lfads_analysis import LABELS, RESULT, WIDTH, rates
from public_calls import Call, Excluded


@functools.cache
def potential() -> np.ndarray:
    """Return a field potential and rates of 4 trials and 40 bins."""
    return np.random.default_rng(2).normal(size=(4, 40))


@functools.cache
def two_rates() -> np.ndarray:
    """Return rates of two neurons for the field potential."""
    return np.random.default_rng(3).normal(size=(4, 40, 2))


@functools.cache
def coherence():
    from lfads_tf import analysis

    return analysis.coherence(two_rates(), potential(), 0.01)


@functools.cache
def cross_correlation():
    from lfads_tf import analysis

    return analysis.cross_correlation(
        two_rates(), potential(), 0.01, max_lag=0.05, n_shuffles=20
    )


@functools.cache
def separation():
    from lfads_tf import analysis

    return analysis.separate_conditions(rates(), LABELS, 3)


def _not_classifiers():
    from sklearn.linear_model import LinearRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.preprocessing import StandardScaler

    return [LinearRegression(), KNeighborsClassifier, StandardScaler(), "qda", ""]


POTENTIALS: dict[str, Call | Excluded] = {
    "band_pass": Call(
        lambda: {"values": two_rates(), "bin_width": 0.01, "band": (10.0, 20.0), "order": 2},
        {
            "values": array(axes=(2, 3)),
            "bin_width": WIDTH,
            "band": pair_of(
                (20.0, 10.0),
                (10.0, 10.0),
                (0.0, 10.0),
                (10.0, 60.0),
                (10.0, np.nan),
                ("10", "20"),
                (True, 20.0),
                (None, 20.0),
            ),
            "order": whole(),
        },
    ),
    "coherence": Call(
        lambda: {
            "rates": two_rates(),
            "lfp": potential(),
            "bin_width": 0.01,
            "half_bandwidth": 6.0,
        },
        {
            "rates": array(axes=(2, 3)),
            "lfp": array(tied=(0, 1)),
            "bin_width": WIDTH,
            "half_bandwidth": number(low=2.4, high=50.0),
        },
    ),
    "Coherence": RESULT,
    "Coherence.chance": Call(lambda: {"level": 0.9}, {"level": number(high=1.0)}, on=coherence),
    "Coherence.plot": Call(
        lambda: {"level": 0.9, "with_phase": True},
        {"level": number(high=1.0), "with_phase": flag(), "axes": grid_of_axes()},
        on=coherence,
    ),
    "cross_correlation": Call(
        lambda: {
            "rates": two_rates(),
            "lfp": potential(),
            "bin_width": 0.01,
            "max_lag": 0.05,
            "band": (10.0, 20.0),
            "conditions": np.array([0, 1, 0, 1]),
            "n_shuffles": 3,
            "seed": 0,
        },
        {
            "rates": array(axes=(2, 3)),
            "lfp": array(tied=(0, 1)),
            "bin_width": WIDTH,
            "max_lag": number(low=0.004, high=0.206),
            "band": pair_of((20.0, 10.0), (0.0, 10.0), (10.0, 60.0), ("10", "20")),
            "conditions": labels_of_trials(),
            "n_shuffles": whole(),
        },
    ),
    "CrossCorrelation": RESULT,
    "CrossCorrelation.chance": Call(
        lambda: {"level": 0.9}, {"level": number(high=1.0)}, on=cross_correlation
    ),
    "CrossCorrelation.peak_frequency": Call(
        lambda: {"least": 15.0}, {"least": number(high=50.0)}, on=cross_correlation
    ),
    "CrossCorrelation.plot": Call(
        lambda: {"level": 0.9}, {"level": number(high=1.0)}, on=cross_correlation
    ),
}

SEPARATION: dict[str, Call | Excluded] = {
    "separate_conditions": Call(
        lambda: {
            "features": rates(),
            "conditions": LABELS,
            "folds": 3,
            "test": (rates()[:2], LABELS[:2]),
            "method": "lda",
            "shrinkage": 0.1,
            "seed": 0,
        },
        {
            "features": array(),
            "conditions": labels_of_trials(),
            "folds": folds_kind(6),
            "test": pair_of(
                (rates()[:, :7], LABELS),
                (rates()[..., :2], LABELS),
                (rates()[0], LABELS),
                (rates(), LABELS[:3]),
                (rates(), LABELS + 5),
                (rates() * np.nan, LABELS),
                (rates().astype("U8"), LABELS),
                (rates(), [None] * 6),
            ),
            "method": of_scikit_learn(_not_classifiers),
            "shrinkage": number(high=1.0, closed="both"),
        },
    ),
    "Separation": RESULT,
    "Separation.above_chance": Call(
        lambda: {"level": 0.05}, {"level": number(high=1.0)}, on=separation
    ),
    "Separation.confusion": Call(
        lambda: {"bins": [0, 3]},
        {"bins": bins(8)},
        on=separation,
    ),
    "Separation.first_bin": Call(
        lambda: {"accuracy": 0.5, "start": 1},
        {"accuracy": number(high=1.0, closed="both"), "start": whole(0)},
        on=separation,
    ),
    "plot_separation": Call(
        lambda: {
            "results": {"rates": separation()},
            "bin_width": 0.02,
            "start": -0.1,
            "event": 0.0,
            "event_name": "go",
        },
        {
            "results": by_name({"a": 1}, {"a": None}),
            "bin_width": WIDTH,
            "start": number(low=-np.inf),
            "event": number(low=-np.inf),
            "event_name": text(),
        },
    ),
}

CALLS: dict[str, Call | Excluded] = {
    f"lfads_tf.analysis.{name}": call
    for table in (POTENTIALS, SEPARATION)
    for name, call in table.items()
}
