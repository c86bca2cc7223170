"""Recordings on their way into a model: sessions, files, bins and synthetic data.

NumPy, SciPy and h5py only: nothing here loads TensorFlow.
"""

from lfads_tf.data import days, lfads_torch, nlb, oscillations, synthetic, wrist
from lfads_tf.data.sessions import Session
from lfads_tf.data.windows import bin_spikes, chop, merge, rebin, segment

__all__ = [
    "Session",
    "bin_spikes",
    "chop",
    "days",
    "lfads_torch",
    "merge",
    "nlb",
    "oscillations",
    "rebin",
    "segment",
    "synthetic",
    "wrist",
]
