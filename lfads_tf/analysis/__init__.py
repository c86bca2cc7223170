"""What a trained model's rates are worth: metrics, baselines, behaviour, field potentials.

NumPy and SciPy only. Trials are ``(n_trials, n_bins, n)``; rates are in spikes/s, spikes are
counts, widths and times in seconds; NaN means "not observed".
"""

from lfads_tf.analysis import (
    coherence,
    components,
    decoders,
    decoding,
    dimensions,
    folds,
    kalman,
    lfp,
    metrics,
    nlb,
    optimal_linear,
    psth,
    separation,
    smoothing,
    validation,
)

__all__ = [
    "coherence",
    "components",
    "decoders",
    "decoding",
    "dimensions",
    "folds",
    "kalman",
    "lfp",
    "metrics",
    "nlb",
    "optimal_linear",
    "psth",
    "separation",
    "smoothing",
    "validation",
]
