"""Data for models: sessions, files, bins and synthetic data.

``Session`` and the functions on bins are documented in ``lfads_tf`` and can be imported from
here too; files of other programs, synthetic data and a recording are here only. NumPy, SciPy
and h5py only: nothing here loads TensorFlow.
"""

from lfads_tf.data import formats, synthetic
from lfads_tf.data.binning import bin_spikes as bin_spikes
from lfads_tf.data.binning import chop as chop
from lfads_tf.data.binning import merge as merge
from lfads_tf.data.binning import rebin as rebin
from lfads_tf.data.binning import segment as segment
from lfads_tf.data.session import Session as Session
from lfads_tf.data.wrist import fetch_isometric_wrist

__all__ = ["fetch_isometric_wrist", "formats", "synthetic"]
