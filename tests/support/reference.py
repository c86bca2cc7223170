"""Networks with known fixed points, read from data that may be missing on a user's machine."""

from __future__ import annotations

import json
import os
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

FOLDER = "FIXEDPOINT_TF_REFERENCE"


def find(*parts: str) -> Path:
    """Find a file of the reference data, or skip the test and say why."""
    if FOLDER not in os.environ:
        pytest.skip(f"reference data: the environment variable {FOLDER} names no folder")
    path = Path(os.environ[FOLDER]).joinpath(*parts)
    if not path.is_file():
        pytest.skip(f"reference data: {path} is missing")
    return path


def load(*parts: str) -> dict[str, np.ndarray]:
    """Read one ``.npz`` of the reference data."""
    path = find(*parts)
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def meta(data: dict[str, np.ndarray]) -> dict:
    return json.loads(str(data["meta"]))


def leaky_relu_network(data: dict[str, np.ndarray]):
    """Return the update ``f(h, u)`` of a leaky ReLU network, full or low rank."""
    alpha = float(data["alpha"])

    def constant(name, like):
        return tf.constant(data[name], like.dtype)

    if "m" in data:
        n = len(data["m"])

        def step(h, u):
            rates = tf.nn.relu(h + constant("b_rec", h))
            current = tf.matmul(
                tf.matmul(rates, constant("n", h)), constant("m", h), transpose_b=True
            )
            return (1 - alpha) * h + alpha * (current / n + tf.matmul(u, constant("w_inp", h)))

    else:

        def step(h, u):
            current = tf.matmul(tf.nn.relu(h), constant("W_rec", h), transpose_b=True)
            drive = tf.matmul(u, constant("W_in", h), transpose_b=True)
            return (1 - alpha) * h + alpha * (current + drive + constant("b_rec", h))

    return step


def workload_cell(data: dict[str, np.ndarray]):
    """Return the Keras cell of a benchmark workload, with its weights."""
    n = int(data["n_hidden"])
    gru = str(data["kind"]) == "gru"
    cell = keras.layers.GRUCell(n) if gru else keras.layers.SimpleRNNCell(n)
    cell.build((None, int(data["n_inputs"])))
    cell.set_weights([data["keras_kernel"], data["keras_recurrent_kernel"], data["keras_bias"]])
    return cell
