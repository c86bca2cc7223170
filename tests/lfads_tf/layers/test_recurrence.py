"""The written-out gradients are those of the equations, found by two other ways."""

import numpy as np
import pytest
import tensorflow as tf
from equations import gru as reference_gru

from lfads_tf.layers import recurrence

N_BINS, N_TRIALS, N_C, N_G, N_F, N_U, N_E, N_SEEN = 6, 4, 3, 5, 4, 2, 3, 6
FLOOR = 1e-3


def draw(rng, *shape, scale=1.0):
    return tf.constant(scale * rng.normal(size=shape))


# --- the GRU alone -----------------------------------------------------------------------


def gru_case(n_bins=N_BINS, seed=0):
    rng = np.random.default_rng(seed)
    x = draw(rng, n_bins, N_TRIALS, 3 * N_G, scale=1.5)
    return x, draw(rng, N_TRIALS, N_G, scale=1.5), draw(rng, N_G, 3 * N_G)


def plain_gru(x_tbk, h, kernel, clip):
    states = []
    for x in tf.unstack(x_tbk):
        h, *_ = recurrence.gru_step(x, h, kernel, clip)
        states.append(h)
    return tf.stack(states)


# --- the GRU with its controller ---------------------------------------------------------


def controlled_case(n_external=N_E, n_bins=N_BINS, masks=True, seed=0):
    """The arguments of which there are gradients, and the others."""
    rng = np.random.default_rng(seed)
    arguments = [
        draw(rng, n_bins, N_TRIALS, 3 * N_C),
        draw(rng, n_bins, N_TRIALS, n_external),
        draw(rng, N_TRIALS, N_C, scale=1.5),
        draw(rng, N_TRIALS, N_G, scale=1.5),
        draw(rng, N_TRIALS, N_F),
        draw(rng, N_F, 3 * N_C),
        draw(rng, N_C, 3 * N_C),
        draw(rng, N_C, 2 * N_U),
        draw(rng, 2 * N_U),
        draw(rng, N_U + n_external, 3 * N_G),
        draw(rng, 3 * N_G),
        draw(rng, N_G, 3 * N_G),
        draw(rng, N_G, N_F),
    ]
    noise = draw(rng, n_bins, N_TRIALS, N_U)
    factor_mask = generator_mask = None
    if masks:
        factor_mask = tf.constant(2.0 * (rng.random((n_bins, N_TRIALS, N_F)) < 0.5))
        generator_mask = tf.constant(2.0 * (rng.random((n_bins, N_TRIALS, N_G)) < 0.5))
    return arguments, (noise, factor_mask, generator_mask)


def fast_controlled(arguments, others, clip):
    x, external, c, g, f, *weights = arguments
    noise, factor_mask, generator_mask = others
    return recurrence.controlled_gru(
        x,
        external,
        noise,
        c,
        g,
        f,
        tuple(weights),
        clip,
        variance_floor=FLOOR,
        factor_mask_tbf=factor_mask,
        generator_mask_tbg=generator_mask,
    )


def plain_controlled(arguments, others, clip):
    """The equations of the docstring, as a plain loop."""
    x, external, c, g, f, w_fc, u_c, w_u, b_u, w_g, b_g, u_g, w_f = arguments
    noise, factor_mask, generator_mask = others
    rows = []
    for t in range(noise.shape[0]):
        f_seen = f if factor_mask is None else f * factor_mask[t]
        c, *_ = recurrence.gru_step(x[t] + f_seen @ w_fc, c, u_c, clip)
        mean, log_variance = tf.split(c @ w_u + b_u, 2, axis=-1)
        u = mean + noise[t] * tf.sqrt(tf.exp(log_variance) + FLOOR)
        drive = tf.concat([u, external[t]], axis=-1) @ w_g + b_g
        g, *_ = recurrence.gru_step(drive, g, u_g, clip)
        f = (g if generator_mask is None else g * generator_mask[t]) @ w_f
        rows.append((c, g, mean, log_variance, u, f))
    return recurrence.Controlled(*(tf.stack(row) for row in zip(*rows, strict=True)))


def gradients(function, arguments, seed=5):
    """Of a random weighted sum of everything that the function returns."""
    rng = np.random.default_rng(seed)
    with tf.GradientTape() as tape:
        tape.watch(arguments)
        outputs = tf.nest.flatten(function(*arguments))
        weights = [tf.constant(rng.normal(size=y.shape), y.dtype) for y in outputs]
        total = tf.add_n([tf.reduce_sum(w * y) for w, y in zip(weights, outputs, strict=True)])
    return tape.gradient(total, arguments)


def assert_close(got, expected, tolerance):
    """Relative to the largest entry of each array."""
    for a, b in zip(got, expected, strict=True):
        a, b = np.asarray(a), np.asarray(b)
        assert a.shape == b.shape
        assert np.isfinite(a).all()
        if b.size:
            np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * max(abs(b).max(), 1e-30))


@pytest.mark.parametrize("clip", [0.6, 5.0])
def test_a_step_is_the_gru_of_the_paper(clip):
    x, h, kernel = gru_case()
    new, *_ = recurrence.gru_step(x[0], h, kernel, clip)
    weights = np.eye(3 * N_G), kernel.numpy(), np.zeros(3 * N_G)
    expected = [
        reference_gru(a, b, weights, clip) for a, b in zip(x[0].numpy(), h.numpy(), strict=True)
    ]
    np.testing.assert_allclose(new, expected, atol=1e-14)


@pytest.mark.parametrize("n_bins", [1, N_BINS])
@pytest.mark.parametrize("clip", [0.6, 100.0])
def test_gru_and_its_gradient_are_those_of_a_plain_loop(clip, n_bins):
    arguments = gru_case(n_bins)
    states = recurrence.gru(*arguments, clip)
    clipped = np.mean(np.abs(states) == clip)
    assert (0.02 < clipped < 0.9) if clip < 1 else clipped == 0
    np.testing.assert_allclose(states, plain_gru(*arguments, clip), atol=1e-14)
    got = gradients(lambda *a: recurrence.gru(*a, clip), arguments)
    assert_close(got, gradients(lambda *a: plain_gru(*a, clip), arguments), 1e-12)


@pytest.mark.parametrize("n_bins", [1, N_BINS])
@pytest.mark.parametrize("masks", [False, True])
@pytest.mark.parametrize("n_external", [0, N_E])
@pytest.mark.parametrize("clip", [0.6, 100.0])
def test_controlled_gru_and_its_gradients_are_those_of_a_plain_loop(
    clip, n_external, masks, n_bins
):
    arguments, others = controlled_case(n_external, n_bins, masks)
    fast = fast_controlled(arguments, others, clip)
    plain = plain_controlled(arguments, others, clip)
    assert_close(fast, plain, 1e-13)
    if clip < 1:
        assert np.mean(np.abs(fast.controller) == clip) > 0.02
        assert np.mean(np.abs(fast.generator) == clip) > 0.02
    got = gradients(lambda *a: fast_controlled(a, others, clip), arguments)
    assert_close(got, gradients(lambda *a: plain_controlled(a, others, clip), arguments), 1e-12)


@pytest.mark.parametrize("output", recurrence.Controlled._fields)
def test_a_loss_of_one_output_alone_has_the_right_gradient(output):
    arguments, others = controlled_case()

    def of(function):
        return gradients(lambda *a: getattr(function(a, others, 0.6), output), arguments)

    plain = of(plain_controlled)
    zeros = [
        tf.zeros_like(a) if g is None else g for a, g in zip(arguments, plain, strict=True)
    ]
    assert_close(of(fast_controlled), zeros, 1e-12)


@pytest.mark.parametrize("which", range(13))
def test_gradients_are_slopes(which):
    """By central differences along random directions of each argument."""
    arguments, others = controlled_case(seed=2)
    rng = np.random.default_rng(which)
    direction = draw(rng, *arguments[which].shape)
    weights = [draw(rng, *y.shape) for y in fast_controlled(arguments, others, 0.6)]

    def loss(*changed):
        outputs = fast_controlled(changed, others, 0.6)
        return tf.add_n([tf.reduce_sum(w * y) for w, y in zip(weights, outputs, strict=True)])

    def at(step):
        moved = list(arguments)
        moved[which] = moved[which] + step * direction
        return float(loss(*moved))

    with tf.GradientTape() as tape:
        tape.watch(arguments)
        value = loss(*arguments)
    slope = float(tf.reduce_sum(tape.gradient(value, arguments[which]) * direction))
    step = 1e-6
    assert (at(step) - at(-step)) / (2 * step) == pytest.approx(slope, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("n_external", [0, N_E])
def test_xla_gives_the_same(n_external):
    arguments, others = controlled_case(n_external)

    def values_and_gradients(*a):
        return fast_controlled(a, others, 0.6), gradients(
            lambda *b: fast_controlled(b, others, 0.6), a
        )

    compiled = tf.function(values_and_gradients, jit_compile=True)(*arguments)
    graph = tf.function(values_and_gradients)(*arguments)
    eager = values_and_gradients(*arguments)
    for got in (compiled, graph):
        assert_close(tf.nest.flatten(got), tf.nest.flatten(eager), 1e-12)


def test_xla_gives_the_same_for_the_gru_alone():
    arguments = gru_case()

    def both(*a):
        return recurrence.gru(*a, 0.6), gradients(lambda *b: recurrence.gru(*b, 0.6), a)

    compiled = tf.function(both, jit_compile=True)(*arguments)
    assert_close(tf.nest.flatten(compiled), tf.nest.flatten(both(*arguments)), 1e-12)


def test_single_precision_agrees_with_double():
    arguments, others = controlled_case()
    single, single_others = (
        tf.nest.map_structure(lambda x: tf.cast(x, tf.float32), part)
        for part in (arguments, others)
    )
    got = gradients(lambda *a: fast_controlled(a, single_others, 0.6), single)
    expected = gradients(lambda *a: fast_controlled(a, others, 0.6), arguments)
    assert all(g.dtype == tf.float32 for g in got)
    assert_close(got, expected, 2e-5)


def test_zero_noise_drives_the_generator_by_the_means():
    arguments, (noise, *masks) = controlled_case()
    out = fast_controlled(arguments, (tf.zeros_like(noise), *masks), 5.0)
    np.testing.assert_array_equal(out.inputs, out.mean)


def test_trials_do_not_mix():
    """The states of a trial are the same alone as in a batch."""
    arguments, others = controlled_case()
    together = fast_controlled(arguments, others, 5.0)
    x, external, *states_and_weights = arguments
    states, weights = states_and_weights[:3], states_and_weights[3:]
    alone = fast_controlled(
        [x[:, 1:2], external[:, 1:2], *(s[1:2] for s in states), *weights],
        [other[:, 1:2] for other in others],
        5.0,
    )
    assert_close(alone, [y[:, 1:2] for y in together], 1e-13)
