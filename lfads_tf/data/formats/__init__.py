"""Files of this and other programs, one module a format."""

from lfads_tf.data.formats import lfads_torch, matlab, nlb

__all__ = ["lfads_torch", "matlab", "nlb"]
