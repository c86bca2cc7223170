"""Files of this and other programs, one module per format."""

from lfads_tf.data.formats import lfads_torch, matlab, nlb

__all__ = ["lfads_torch", "matlab", "nlb"]
