"""Checks common to all layers."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf


def randomize(layer, seed=0, scale=0.7):
    """Set every weight of a built layer to a random value, so that none stays at zero."""
    rng = np.random.default_rng(seed)
    for weight in layer.weights:
        weight.assign(rng.normal(0, scale, weight.shape))


def gru_weights(cell):
    return [w.numpy() for w in (cell.kernel, cell.recurrent_kernel, cell.bias)]


def assert_serialises(layer, inputs, path, build=None):
    """Check that a layer is restored from its configuration and from a saved model.

    Args:
        layer: with random weights.
        inputs: time-major arrays, the first dimension known.
        path: a folder.
        build: the input shape with which it was built, if it was built by hand.
    """
    config = layer.get_config()
    again = type(layer).from_config(config)
    assert again.get_config() == config
    if build is None:
        again(*inputs)
    else:
        again.build(build)
    assert [w.shape for w in again.weights] == [w.shape for w in layer.weights]
    again.set_weights(layer.get_weights())
    expected = tf.nest.flatten(layer(*inputs))
    assert_same(again(*inputs), expected)

    symbols = [keras.Input(batch_shape=x.shape, dtype=str(x.dtype.name)) for x in inputs]
    model = keras.Model(symbols, tf.nest.flatten(layer(*symbols)))
    model.save(path / "model.keras")
    loaded = keras.models.load_model(path / "model.keras")
    assert_same(loaded(list(inputs)), expected)
    for mine, theirs in zip(model.weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(mine.numpy(), theirs.numpy())


def assert_same(got, expected):
    for a, b in zip(tf.nest.flatten(got), tf.nest.flatten(expected), strict=True):
        np.testing.assert_array_equal(a, b)


def assert_every_weight_has_a_gradient(layer, inputs):
    with tf.GradientTape() as tape:
        outputs = tf.nest.flatten(layer(*inputs))
        loss = tf.add_n([tf.reduce_sum(tf.sin(y)) for y in outputs])
    for weight, slope in zip(
        layer.trainable_weights,
        tape.gradient(loss, layer.trainable_variables),
        strict=True,
    ):
        assert slope is not None, weight.path
        assert np.isfinite(slope).all(), weight.path
        assert weight.shape.num_elements() == 0 or np.any(np.asarray(slope) != 0), weight.path
