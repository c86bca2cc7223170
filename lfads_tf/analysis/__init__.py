"""What a trained model's rates are worth: metrics, smoothing, decoding, field potentials.

NumPy and SciPy only. Trials are ``(n_trials, n_bins, n)``; rates are in spikes/s, spikes are
counts, widths and times in seconds; NaN means "not observed".
"""

from lfads_tf.analysis import coherence, decoding, lfp, metrics, smoothing

__all__ = ["coherence", "decoding", "lfp", "metrics", "smoothing"]
