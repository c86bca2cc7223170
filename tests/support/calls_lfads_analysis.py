"""Calls of metrics, smoothing and folds in lfads_tf.analysis that succeed, and kinds."""

from __future__ import annotations

import functools

import numpy as np
from analysis_kinds import (
    labels_of_trials,
    masks,
    numbers,
    observed,
    of_scikit_learn,
    samples,
)
from argument_kinds import array, choice, flag, instance, number, text, whole
from public_calls import Call, Excluded

RESULT = Excluded("a result that the library makes and users only read; its methods are tried")
WIDTH = number()
LABELS = np.array([0, 1, 0, 1, 0, 1])


@functools.cache
def counts() -> np.ndarray:
    """Return counts of 6 trials, 8 bins and 3 neurons."""
    return np.random.default_rng(0).poisson(2.0, (6, 8, 3)).astype(float)


@functools.cache
def rates() -> np.ndarray:
    """Return rates of the same trials."""
    return np.random.default_rng(1).gamma(4.0, 5.0, (6, 8, 3))


@functools.cache
def components():
    from lfads_tf import analysis

    return analysis.principal_components(rates(), 2)


def _not_splitters():
    from sklearn.model_selection import GroupKFold

    return [GroupKFold, "a b", b"a b"]


def _splitter():
    from sklearn.model_selection import KFold

    return KFold(3)


def smoothed(**more):
    return {"spikes": counts(), "bin_width": 0.02, "sd": 0.05, **more}


def scored(**more):
    return {"rates": rates(), "spikes": counts(), "bin_width": 0.02, **more}


def nlb_parts():
    """Return rates and behaviour of training and of evaluated trials."""
    return {
        "train_rates": rates(),
        "train_behavior": rates()[..., :2] - 1.0,
        "eval_rates": rates()[:4],
        "eval_behavior": rates()[:4, :, :2] - 1.0,
        "bin_width": 0.02,
        "train_masks": np.array([[True], [True], [True], [True], [True], [False]]),
        "eval_masks": np.array([[True], [True], [True], [False]]),
        "penalties": [0.1, 1.0],
    }


def nlb_files():
    """Return the arrays of the benchmark's files of targets and of predictions."""
    told = {"eval_rates_heldin": rates()[..., :2], "eval_rates_heldout": rates()[..., 2:]}
    return {
        "targets": {"eval_spikes_heldout": counts()[..., 2:]},
        "submission": told,
        "dataset": "mc_maze",
        "bin_width": 0.02,
    }


PAIRED = {"true": samples(), "estimated": array(axes=(2, 3), tied=(0, 1, 2))}
SCORED = {
    "spikes": samples(low=0.0),
    "bin_width": WIDTH,
    "per_neuron": flag(),
}

SMOOTHING: dict[str, Call | Excluded] = {
    "GaussianWidth": RESULT,
    "smooth_gaussian": Call(
        smoothed, {"spikes": samples(), "bin_width": WIDTH, "sd": number()}
    ),
    "smooth_causal_gaussian": Call(
        smoothed, {"spikes": samples(), "bin_width": WIDTH, "sd": number()}
    ),
    "smooth_pca": Call(
        lambda: smoothed(n_components=2, fitted_to=counts()),
        {
            "spikes": samples(),
            "bin_width": WIDTH,
            "sd": number(),
            "n_components": whole(most=3),
            "fitted_to": samples(tied=(2,)),
        },
    ),
    "select_gaussian_width": Call(
        lambda: {
            "train_spikes": counts(),
            "bin_width": 0.02,
            "candidates": [0.02, 0.05],
            "true_rates": rates(),
        },
        {
            "train_spikes": samples(),
            "bin_width": WIDTH,
            "candidates": numbers(closed=False),
            "true_rates": observed(tied=(0, 1, 2)),
        },
    ),
}

METRICS: dict[str, Call | Excluded] = {
    "r_squared": Call(
        lambda: {"true": rates(), "estimated": rates() + 1.0},
        {**PAIRED, "average": choice()},
    ),
    "squared_correlation": Call(
        lambda: {"true": rates(), "estimated": rates() ** 2},
        {
            "true": observed(),
            "estimated": array(axes=(2, 3), tied=(0, 1, 2)),
            "average": choice(),
        },
    ),
    "mean_rates": Call(
        lambda: {"spikes": counts(), "bin_width": 0.02},
        {"spikes": samples(low=0.0), "bin_width": WIDTH},
    ),
    "poisson_log_likelihood": Call(
        scored, {"rates": array(axes=3, tied=(0, 1, 2), low=0.0), **SCORED}
    ),
    "bits_per_spike": Call(
        lambda: scored(reference=np.ones(3)),
        {
            "rates": array(axes=3, tied=(0, 1, 2), low=0.0),
            **SCORED,
            "reference": array(axes=(1, 3), tied=(0,), low=0.0),
        },
    ),
    "co_smoothing": Call(
        lambda: scored(n_encode_neurons=2, n_encode_bins=6),
        {
            "rates": array(tied=(0, 1, 2), low=0.0),
            "spikes": observed(low=0.0),
            "bin_width": WIDTH,
            "n_encode_neurons": whole(most=2),
            "n_encode_bins": whole(most=8),
        },
    ),
    "forward_prediction": Call(
        lambda: scored(n_encode_bins=6),
        {
            "rates": array(tied=(0, 1, 2), low=0.0),
            "spikes": observed(low=0.0),
            "bin_width": WIDTH,
            "n_encode_bins": whole(most=7),
        },
    ),
    "nlb_behavior_r_squared": Call(
        nlb_parts,
        {
            "train_rates": samples(),
            "train_behavior": samples(tied=(0, 1)),
            "eval_rates": samples(tied=(2,)),
            "eval_behavior": samples(tied=(0, 1, 2)),
            "bin_width": WIDTH,
            "train_masks": masks(),
            "eval_masks": masks(),
            "penalties": numbers(closed=False),
        },
    ),
    "evaluate_nlb": Call(
        nlb_files,
        {
            # A dictionary without the arrays is a KeyError that names them.
            "targets": instance(dict, str),
            "submission": instance(dict, str),
            "dataset": text(),
            "bin_width": WIDTH,
        },
    ),
    "condition_means": Call(
        lambda: {
            "values": rates(),
            "conditions": LABELS,
            "jitter": np.array([0, 1, 0, -1, 0, 2]),
        },
        {
            "values": observed(),
            "conditions": labels_of_trials(),
            "jitter": array(tied=(0,), whole=True),
        },
    ),
    "psth_r_squared": Call(
        lambda: {
            "rates": rates(),
            "conditions": LABELS,
            "psth": rates()[:2],
            "kinds": np.array([0, 1]),
            "jitter": np.array([0, 1, 0, -1, 0, 2]),
        },
        {
            "rates": observed(),
            "conditions": labels_of_trials(),
            "psth": observed(tied=(1, 2)),
            "kinds": labels_of_trials(all_known=True),
            "jitter": array(tied=(0,), whole=True),
        },
    ),
    "PrincipalComponents": RESULT,
    "PrincipalComponents.project": Call(
        lambda: {"features": rates()},
        {"features": observed(axes=(1, 2, 3, 4, 5), tied=(2,), empty=True)},
        on=components,
    ),
    "PrincipalComponents.reconstruct": Call(
        lambda: {"scores": rates()[..., :2]},
        {"scores": observed(axes=(1, 2, 3, 4, 5), tied=(2,), empty=True)},
        on=components,
    ),
    "principal_components": Call(
        lambda: {"features": rates(), "n_components": 2},
        {"features": samples(), "n_components": whole(most=3)},
    ),
}

CALLS: dict[str, Call | Excluded] = {
    f"lfads_tf.analysis.{name}": call
    for table in (SMOOTHING, METRICS)
    for name, call in table.items()
}
CALLS["lfads_tf.analysis.folds_by_splitter"] = Call(
    lambda: {
        "splitter": _splitter(),
        "n_trials": 6,
        "conditions": LABELS,
        "groups": LABELS,
    },
    {
        "splitter": of_scikit_learn(_not_splitters),
        "n_trials": whole(2),
        "conditions": labels_of_trials(),
        "groups": labels_of_trials(),
    },
)
CALLS["lfads_tf.analysis.folds_by_condition"] = Call(
    lambda: {"conditions": LABELS},
    {"conditions": labels_of_trials(all_known=True, any_number=True)},
)
CALLS["lfads_tf.analysis.folds_by_trial"] = Call(
    lambda: {"n_trials": 6, "n_folds": 3, "conditions": LABELS, "seed": 0},
    {
        "n_trials": whole(2),
        "n_folds": whole(2, 6),
        "conditions": labels_of_trials(),
    },
)
