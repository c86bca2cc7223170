"""Checks that a user's update is a map: the same at each call, row by row."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from fixedpoint_tf._utils.graph_gradients import gradients_kept_with_graphs

__all__ = ["check_map"]

Update = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


def check_map(update: Update, name: str, n_states: int, n_inputs: int, dtype: str) -> None:
    """Refuse an update that is no map of each state by itself, and say why.

    Args:
        update: from ``(n, n_states)`` and ``(n, n_inputs)`` to ``(n, n_states)``.
        name: its name in errors.
        n_states: width of its states.
        n_inputs: width of its inputs.
        dtype: in which it is evaluated.

    Raises:
        ValueError: it is noisy, mixes its rows or cannot be compiled.

    Example:
        >>> check_map(lambda h, u: 0.5 * h, "halve", 2, 0, "float64")
    """
    rng = np.random.default_rng(2)
    h, u = rng.normal(size=(4, n_states)), rng.normal(size=(4, n_inputs))
    others = np.vstack([h[:1], 2.0 + rng.normal(size=(3, n_states))])
    rolled = np.vstack([h[3:], h[:3]]), np.vstack([u[3:], u[:3]])

    def image(h: np.ndarray, u: np.ndarray) -> np.ndarray:
        value = update(tf.constant(h, dtype), tf.constant(u, dtype))
        return tf.cast(value, "float64").numpy()

    expected = f"rnn: expected {name!r} to map each state by itself and always alike, received"
    first = image(h, u)
    size = max(np.abs(first[np.isfinite(first)]).max(initial=0.0), np.finfo(float).tiny)
    # NumPy knows no bfloat16, which has 8 bits.
    eps = 2.0**-7 if dtype == "bfloat16" else float(np.finfo(dtype).eps)
    if not np.allclose(image(h, u), first, rtol=0.0, atol=8.0 * eps * size, equal_nan=True):
        raise ValueError(
            f"{expected} other new states of the same states at a second call: noise that is "
            "always on. Switch it off where call is not training (training=False), or pass a "
            "cell without noise."
        )
    width = np.sqrt(n_states + n_inputs) * (1.0 + size)
    # A part may compute in single precision, which rounds by the place and number of rows.
    single = max(eps, float(np.finfo(np.float32).eps))

    def alike(value: np.ndarray, other: np.ndarray, atol: float) -> bool:
        return np.allclose(value, other, rtol=0.0, atol=atol, equal_nan=True)

    if not (
        alike(image(others, u)[:1], first[:1], 64.0 * eps * width)
        and alike(image(h[:1], u[:1]), first[:1], 64.0 * single * width)
    ):
        raise ValueError(
            f"{expected} a first row that changes with the other rows: statistics of the "
            "batch, or a mean or product over it. Use the inference form (training=False), and "
            "let a function take rows of states, (n, n_states), rather than one state."
        )
    again = np.roll(image(*rolled), -1, axis=0)
    if not alike(again, first, 16.0 * single * (1.0 + size)):
        raise ValueError(
            f"{expected} other new states of the same state in another row: an operation over "
            "rows (such as a cumulative sum), or noise of a fixed seed for each row. Let "
            "each row depend on itself alone, and switch noise off where call is not training."
        )
    try:
        shapes = [tf.TensorSpec([None, k], dtype) for k in (n_states, n_inputs)]
        graph = tf.function(update, input_signature=shapes, autograph=False)
        graph._omit_frequent_tracing_warning = True  # one line serves every network
        with gradients_kept_with_graphs():
            graph.get_concrete_function()
    except Exception as error:  # noqa: BLE001 - whatever the update does
        raise ValueError(
            f"rnn: expected {name!r} to consist of TensorFlow operations, received one that "
            "cannot be compiled, for example with NumPy on the states. Call such a part "
            "by tf.numpy_function(part, [h, u], h.dtype), with derivatives='differences': "
            f"{error}"
        ) from error
