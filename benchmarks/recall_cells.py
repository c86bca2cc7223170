"""Equations of gated cells in NumPy, with no constant input, for searches of their own.

At a fixed point of a GRU the state is the candidate, whatever the update gate; at one of an
LSTM the cell state is ``i g / (1 - f)``. So both have a map of the hidden state alone with the
same fixed points.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import keras
import numpy as np
from recall_known import Step, built, sigmoid


@dataclasses.dataclass(frozen=True)
class Equations:
    """A gated network.

    Attributes:
        cell: for the finder.
        step: the update of all states.
        reduced: the map of the hidden state that has the same fixed points.
        jacobian: of the reduced map; None: by differences.
        lift: from hidden states at fixed points to all states.
        form: see :class:`recall_known.Known`.
    """

    cell: keras.layers.Layer
    step: Step
    reduced: Step
    jacobian: Step | None
    lift: Callable[[np.ndarray], np.ndarray]
    form: tuple[str, dict[str, np.ndarray]]


def gru(recurrent: np.ndarray, bias: np.ndarray) -> Equations:
    """Return a GRU whose reset gate follows the product, ``bias`` of two rows."""
    n = len(recurrent)
    wz, wr, wh = np.split(recurrent, 3, axis=1)
    bz, br, bh = np.split(bias[0], 3)
    cz, cr, ch = np.split(bias[1], 3)

    def reduced(h):
        return np.tanh(bh + sigmoid(h @ wr + br + cr) * (h @ wh + ch))

    def step(h):
        z = sigmoid(h @ wz + bz + cz)
        return z * h + (1.0 - z) * reduced(h)

    def jacobian(h):
        r, p = sigmoid(h @ wr + br + cr), h @ wh + ch
        by_c = 1.0 - np.tanh(bh + r * p) ** 2
        by_r = by_c * p * r * (1.0 - r)
        return by_r[:, :, None] * wr.T + (by_c * r)[:, :, None] * wh.T

    cell = built(keras.layers.GRUCell(n), [np.zeros((1, 3 * n)), recurrent, bias])
    form = ("gru", {"recurrent": recurrent, "bias": bias})
    return Equations(cell, step, reduced, jacobian, lambda h: h, form)


def gru_before(recurrent: np.ndarray, bias: np.ndarray, cell: keras.layers.Layer) -> Equations:
    """Return a GRU whose reset gate comes before the product; its cell is given."""
    wz, wr, wh = np.split(recurrent, 3, axis=1)
    bz, br, bh = np.split(bias, 3)

    def reduced(h):
        return np.tanh(bh + (sigmoid(h @ wr + br) * h) @ wh)

    def step(h):
        z = sigmoid(h @ wz + bz)
        return z * h + (1.0 - z) * reduced(h)

    def jacobian(h):
        r = sigmoid(h @ wr + br)
        by_c = 1.0 - reduced(h) ** 2
        through = (wr * (h * r * (1.0 - r))[:, None, :]) @ wh + r[:, :, None] * wh
        return by_c[:, :, None] * through.transpose(0, 2, 1)

    form = ("gru_before", {"recurrent": recurrent, "bias": bias})
    return Equations(cell, step, reduced, jacobian, lambda h: h, form)


def lstm(recurrent: np.ndarray, bias: np.ndarray) -> Equations:
    """Return an LSTM; its states are hidden and cell states in one row."""
    n = len(recurrent)

    def gates(h):
        i, f, g, o = np.split(h @ recurrent + bias, 4, axis=1)
        return sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)

    def step(x):
        h, c = np.split(x, 2, axis=1)
        i, f, g, o = gates(h)
        c = f * c + i * g
        return np.concatenate([o * np.tanh(c), c], axis=1)

    def settled(h):
        i, f, g, o = gates(h)
        return i * g / np.maximum(1.0 - f, 1e-300), o

    def reduced(h):
        c, o = settled(h)
        return o * np.tanh(c)

    cell = built(keras.layers.LSTMCell(n), [np.zeros((1, 4 * n)), recurrent, bias])
    form = ("lstm", {"recurrent": recurrent, "bias": bias})
    lift = lambda h: np.concatenate([h, settled(h)[0]], axis=1)  # noqa: E731
    return Equations(cell, step, reduced, None, lift, form)
