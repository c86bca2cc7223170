"""What a trained model's rates are worth: metrics, the smoothing baseline, decoding.

NumPy and SciPy only. Trials are ``(n_trials, n_bins, n)``; rates are in spikes/s, spikes are
counts, widths and times in seconds; NaN means "not observed".
"""

from lfads_tf.analysis import components, decoding, metrics, smoothing

__all__ = ["components", "decoding", "metrics", "smoothing"]
