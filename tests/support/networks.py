"""A trained network, for all tests that only look at it."""

import functools
from pathlib import Path

import numpy as np

from fixedpoint_tf.tasks import recurrent_network

WEIGHTS = Path(__file__).parents[1] / "data" / "flip_flop.npz"


@functools.cache
def flip_flop_network():
    """Return the 3-bit flip-flop that ``train_flip_flop(0)`` trained once.

    A search leaves it unchanged. ``tests/fixedpoint_tf/cli`` trains one and finds its points.
    """
    model = recurrent_network(3, 3, 24, rng=np.random.default_rng(0))
    with np.load(WEIGHTS) as weights:
        model.set_weights([weights[f"arr_{k}"] for k in range(len(weights.files))])
    return model
