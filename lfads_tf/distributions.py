"""The distributions of TensorFlow Probability, or what to install where they are missing.

Releases of TensorFlow Probability need a TensorFlow at least as new as they are, which pip
does not know of: beside an older TensorFlow it installs one that cannot be imported.
"""

from __future__ import annotations

import tensorflow as tf

try:
    import tensorflow_probability as tfp
except ImportError as error:
    raise ImportError(
        f"lfads_tf: expected a tensorflow-probability that goes with TensorFlow "
        f"{tf.__version__}, received none that can be imported ({error}). For TensorFlow 2.16 "
        'and 2.17 it is "tensorflow-probability==0.24.*", for later ones 0.25, each with a '
        "tf-keras of the version of TensorFlow."
    ) from error

__all__ = ["tfd"]

tfd = tfp.distributions
