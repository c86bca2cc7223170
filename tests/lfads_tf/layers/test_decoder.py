"""The decoder computes the equations of the paper, trial by trial."""

import equations
import keras
import numpy as np
import pytest
import tensorflow as tf
from layers import (
    assert_every_weight_has_a_gradient,
    assert_serialises,
    gru_weights,
    randomize,
)

from lfads_tf.layers.decoder import Decoder, unit_columns

N_BINS, N_TRIALS = 6, 4
N_G, N_F, N_IC, N_U, N_E, N_C, N_SEEN = 5, 3, 4, 2, 3, 4, 6
CLIP, FLOOR = 0.7, 0.01


def decoder(n_inferred, n_external, dtype="float64", **options):
    layer = Decoder(
        N_G,
        N_F,
        N_IC,
        n_inferred_inputs=n_inferred,
        n_external_inputs=n_external,
        controller_units=N_C,
        clip=CLIP,
        variance_floor=FLOOR,
        dtype=dtype,
        **options,
    )
    layer.build((None, None, N_SEEN))
    randomize(layer)
    return layer


def arguments(n_inferred, n_external, seed=0):
    """Initial conditions, what the controller sees, measured inputs and noise."""
    rng = np.random.default_rng(seed)
    shapes = [
        (N_TRIALS, N_IC),
        (N_BINS, N_TRIALS, N_SEEN if n_inferred else 0),
        (N_BINS, N_TRIALS, n_external),
        (N_BINS, N_TRIALS, n_inferred),
    ]
    return [rng.normal(0, 1, shape) for shape in shapes]


def dropout_masks(seed=1):
    rng = np.random.default_rng(seed)
    shapes = {
        "initial_bg": (N_TRIALS, N_G),
        "factors_tbf": (N_BINS, N_TRIALS, N_F),
        "generator_tbg": (N_BINS, N_TRIALS, N_G),
    }
    return {name: rng.choice([0.0, 2.0], shape) for name, shape in shapes.items()}


def expected(layer, initial, controller_input, external, noise, masks):
    """Every trial by itself; a list of arrays ``(n_bins, n_trials, size)``."""
    w = {
        name: getattr(layer, name).numpy()
        for name in (
            "initial_kernel",
            "initial_bias",
            "factor_kernel",
            "controller_initial",
            "input_kernel",
            "input_bias",
        )
        if hasattr(layer, name)
    }
    to_factors = equations.unit_norm(w["factor_kernel"])
    n_u = noise.shape[-1]
    out = [[[] for _ in range(N_TRIALS)] for _ in range(6)]
    ones = {
        "initial_bg": np.ones((N_TRIALS, N_G)),
        "factors_tbf": np.ones((N_BINS, N_TRIALS, N_F)),
        "generator_tbg": np.ones((N_BINS, N_TRIALS, N_G)),
    }
    masks = {**ones, **masks}
    for i in range(N_TRIALS):
        g = initial[i] @ w["initial_kernel"] + w["initial_bias"]
        f = (g * masks["initial_bg"][i]) @ to_factors
        c = w.get("controller_initial")
        for t in range(N_BINS):
            mean = sd = u = np.zeros(0)
            if n_u:
                from_factors = f * masks["factors_tbf"][t, i]
                x = np.concatenate([controller_input[t, i], from_factors])
                c = equations.gru(x, c, gru_weights(layer.controller), CLIP)
                parameters = c @ w["input_kernel"] + w["input_bias"]
                mean, variance = parameters[:n_u], np.exp(parameters[n_u:]) + FLOOR
                sd = np.sqrt(variance)
                u = mean + sd * noise[t, i]
            drive = np.concatenate([u, external[t, i]])
            g = equations.gru(drive, g, gru_weights(layer.generator), CLIP)
            f = (g * masks["generator_tbg"][t, i]) @ to_factors
            row = (f, g, np.zeros(0) if c is None else c, mean, sd, u)
            for kept, value in zip(out, row, strict=True):
                kept[i].append(value)
    return [np.swapaxes(np.array(kept), 0, 1) for kept in out]


CASES = [(0, 0), (0, N_E), (N_U, 0), (N_U, N_E)]


@pytest.mark.parametrize("with_masks", [False, True])
@pytest.mark.parametrize(("n_inferred", "n_external"), CASES)
def test_decoder(n_inferred, n_external, with_masks):
    layer = decoder(n_inferred, n_external)
    inputs = arguments(n_inferred, n_external)
    masks = dropout_masks() if with_masks else {}
    decoded = layer(*inputs, masks={k: tf.constant(v) for k, v in masks.items()})
    for name, got, right in zip(
        decoded._fields, decoded, expected(layer, *inputs, masks), strict=True
    ):
        assert tuple(got.shape) == right.shape, name
        np.testing.assert_allclose(got, right, atol=1e-12, err_msg=name)
    assert np.any(np.abs(decoded.generator) == CLIP)


def test_without_noise_the_means_drive_the_generator():
    layer = decoder(N_U, N_E)
    initial, controller_input, external, noise = arguments(N_U, N_E)
    decoded = layer(initial, controller_input, external)
    np.testing.assert_array_equal(decoded.inputs, decoded.input_mean)
    right = expected(layer, initial, controller_input, external, 0 * noise, {})
    np.testing.assert_allclose(decoded.factors, right[0], atol=1e-12)


def test_one_mask_alone_may_be_given():
    layer = decoder(N_U, N_E)
    inputs = arguments(N_U, N_E)
    for name, mask in dropout_masks().items():
        decoded = layer(*inputs, masks={name: tf.constant(mask)})
        right = expected(layer, *inputs, {name: mask})
        np.testing.assert_allclose(decoded.factors, right[0], atol=1e-12, err_msg=name)


def test_the_norm_of_the_factor_weights_does_not_matter():
    """The scale of the factors lies in the generator and in the read-out only."""
    layer = decoder(N_U, 0)
    inputs = arguments(N_U, 0)
    before = layer(*inputs).factors
    layer.factor_kernel.assign(layer.factor_kernel * np.array([0.1, 3.0, 20.0]))
    np.testing.assert_allclose(layer(*inputs).factors, before, atol=1e-12)


def test_unit_columns():
    kernel = np.random.default_rng(0).normal(size=(7, 3))
    scaled = unit_columns(tf.constant(kernel)).numpy()
    np.testing.assert_allclose(np.linalg.norm(scaled, axis=0), 1.0, rtol=1e-14)
    np.testing.assert_allclose(scaled, equations.unit_norm(kernel), rtol=1e-14)


def test_factors_at_a_bin_do_not_depend_on_later_inputs():
    """Time runs forward in the generator: measured inputs act from their bin on."""
    layer = decoder(N_U, N_E)
    initial, controller_input, external, noise = arguments(N_U, N_E)
    before = layer(initial, controller_input, external, noise).factors.numpy()
    external = external.copy()
    external[3, 0] += 1.0
    after = layer(initial, controller_input, external, noise).factors.numpy()
    moved = np.any(before != after, axis=2)
    np.testing.assert_array_equal(moved[:, 0], np.arange(N_BINS) >= 3)
    assert not moved[:, 1:].any()


def test_the_variance_of_inferred_inputs_stays_above_its_floor():
    layer = decoder(N_U, 0)
    layer.input_bias.assign([0.0] * N_U + [-1e4] * N_U)
    inputs = arguments(N_U, 0)
    with tf.GradientTape() as tape:
        decoded = layer(*inputs)
        loss = tf.reduce_sum(decoded.input_sd) + tf.reduce_sum(decoded.factors)
    np.testing.assert_allclose(decoded.input_sd, np.sqrt(FLOOR), rtol=1e-9)
    slopes = tape.gradient(loss, layer.trainable_variables)
    assert all(np.isfinite(slope).all() for slope in slopes)


def test_the_posterior_of_inferred_inputs_starts_about_as_wide_as_the_prior():
    layer = Decoder(N_G, N_F, N_IC, n_inferred_inputs=N_U, controller_units=N_C)
    layer.build((None, None, N_SEEN))
    mean, log_variance = np.split(layer.input_bias.numpy(), 2)
    np.testing.assert_array_equal(mean, 0.0)
    np.testing.assert_allclose(np.exp(log_variance), 0.1, rtol=1e-6)


def test_the_generator_is_a_cell_of_keras():
    """Run by Keras on the inputs that drove it, from the state it started from."""
    layer = decoder(N_U, N_E)
    initial, controller_input, external, noise = arguments(N_U, N_E)
    decoded = layer(initial, controller_input, external, noise)
    start = initial @ layer.initial_kernel.numpy() + layer.initial_bias.numpy()
    drive = np.concatenate([decoded.inputs, external], axis=2).swapaxes(0, 1)
    rnn = keras.layers.RNN(layer.generator, return_sequences=True, dtype="float64")
    states = rnn(drive, initial_state=[tf.constant(start)])
    np.testing.assert_allclose(np.swapaxes(states, 0, 1), decoded.generator, atol=1e-12)


@pytest.mark.parametrize(("n_inferred", "n_external"), CASES)
def test_decoder_serialises(n_inferred, n_external, tmp_path):
    layer = decoder(n_inferred, n_external, "float32", seed=4, initial_variance=0.2)
    inputs = [tf.constant(x, tf.float32) for x in arguments(n_inferred, n_external)]
    assert_serialises(layer, inputs, tmp_path, build=(None, None, N_SEEN))


@pytest.mark.parametrize(("n_inferred", "n_external"), CASES)
def test_every_weight_has_a_gradient(n_inferred, n_external):
    layer = decoder(n_inferred, n_external)
    inputs = [tf.constant(x) for x in arguments(n_inferred, n_external)]
    assert_every_weight_has_a_gradient(layer, inputs)
