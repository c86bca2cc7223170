"""Recordings on their way into a model: sessions, files, bins and synthetic data.

NumPy, SciPy and h5py only: nothing here loads TensorFlow.
"""

from lfads_tf.data import synthetic, wrist
from lfads_tf.data.formats import lfads_torch, nlb
from lfads_tf.data.session import Session
from lfads_tf.data.windows import bin_spikes, chop, merge, rebin, segment

__all__ = [
    "Session",
    "bin_spikes",
    "chop",
    "lfads_torch",
    "merge",
    "nlb",
    "rebin",
    "segment",
    "synthetic",
    "wrist",
]
