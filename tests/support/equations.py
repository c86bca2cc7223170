"""The equations of LFADS in NumPy, one trial and one bin at a time.

Written from Pandarinath et al. 2018 (online methods), to hold the package against. Weights
stand as in the package: each gate's block in the order update, reset, candidate.
"""

from __future__ import annotations

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def gru(x, h, weights, clip):
    """Return the next state, ``(units,)``, from input ``(n_in,)`` and state ``(units,)``.

    ``weights`` are the kernel, the recurrent kernel and the bias.
    """
    units = len(h)
    of_x = [block for block in np.split(weights[0], 3, axis=1)]
    of_h = [block for block in np.split(weights[1], 3, axis=1)]
    bias = np.split(weights[2], 3)
    update = sigmoid(x @ of_x[0] + h @ of_h[0] + bias[0])
    reset = sigmoid(x @ of_x[1] + h @ of_h[1] + bias[1])
    candidate = np.tanh(x @ of_x[2] + (reset * h) @ of_h[2] + bias[2])
    new = update * h + (1 - update) * candidate
    assert new.shape == (units,)
    return np.minimum(np.maximum(new, -clip), clip)


def run_gru(x, h, weights, clip):
    """Return the states after each bin, ``(n_bins, units)``, for one trial."""
    states = []
    for x_t in x:
        h = gru(x_t, h, weights, clip)
        states.append(h)
    return np.array(states)


def bidirectional(x, initial, forward, backward, clip):
    """Return both directions' states of one trial in order of time, from two initial ones."""
    there = run_gru(x, initial[0], forward, clip)
    back = run_gru(x[::-1], initial[1], backward, clip)[::-1]
    return there, back


def unit_norm(kernel):
    """Divide each column by its length."""
    return np.stack([w / np.sqrt(np.sum(w**2)) for w in kernel.T], axis=1)
