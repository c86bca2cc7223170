"""Recordings on their way into a model: sessions, files, bins and synthetic data.

``Session`` and the functions on bins are imported from ``lfads_tf``; here are files of other
programs, synthetic data and a recording. NumPy, SciPy and h5py only: nothing here loads
TensorFlow.
"""

from lfads_tf.data import formats, synthetic, wrist

__all__ = ["formats", "synthetic", "wrist"]
