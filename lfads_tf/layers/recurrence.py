"""Loops over time with fast gradients: the clipped GRU, alone and with a controller.

Automatic differentiation of a loop adds up a weight gradient at every step and stores every
intermediate value. Here each loop has its gradient written out (``tf.custom_gradient``):

- forward, the states and the three gates of each step are kept, nothing else;
- backward, one loop finds the gradient at the pre-activations ``a_t`` of each step;
- each weight gradient is then a single matrix product over all steps and trials, since
  ``dL/dW = sum_t s_t' da_t`` for every product ``a_t = s_t W``.

The equations are those of a GRU with the reset gate applied before the product (Cho et al.
2014), its state clipped as in LFADS (Pandarinath et al. 2018)::

    z, r = sigmoid(x_zr + h U_zr)          update and reset gate
    n    = tanh(x_n + (r * h) U_n)         candidate
    h'   = clip(z * h + (1 - z) * n)

Everything is time-major, ``(n_bins, n_trials, ...)``, named ``_tb...`` below. The functions
run with or without XLA and hold no state; the tests hold them against automatic
differentiation of :func:`gru_step` written as a plain loop.
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from fixedpoint_tf._utils.graph_gradients import gradients_kept_with_graphs

__all__ = ["Controlled", "controlled_gru", "gru", "gru_step", "posterior_sd"]


class Controlled(NamedTuple):
    """Outputs of :func:`controlled_gru`, each ``(n_bins, n_trials, size)``."""

    controller: tf.Tensor
    generator: tf.Tensor
    mean: tf.Tensor
    log_variance: tf.Tensor
    inputs: tf.Tensor
    factors: tf.Tensor


def posterior_sd(log_variance, variance_floor):
    """Return a posterior's standard deviation, its variance kept above a floor.

    Args:
        log_variance: as the encoder or the controller says it, of any shape.
        variance_floor: added to the variance.

    Example:
        >>> float(posterior_sd(tf.zeros(()), 3.0))
        2.0
    """
    return tf.sqrt(tf.exp(log_variance) + variance_floor)


def gru_step(x, h, recurrent_kernel, clip):
    """Compute one step of the clipped GRU.

    Args:
        x: input to the gates z, r, n, projected and with its bias, ``(n_trials, 3 * units)``.
        h: state, ``(n_trials, units)``.
        recurrent_kernel: ``(units, 3 * units)``.
        clip: bound on the absolute value of the state.

    Returns:
        The next state and the gates z, r and n, each ``(n_trials, units)``.

    Example:
        >>> h, z, r, n = gru_step(tf.zeros((1, 6)), tf.ones((1, 2)), tf.zeros((2, 6)), 5.0)
        >>> h.numpy().tolist()
        [[0.5, 0.5]]
    """
    units = h.shape[-1]
    zr = tf.sigmoid(x[:, : 2 * units] + tf.matmul(h, recurrent_kernel[:, : 2 * units]))
    z, r = zr[:, :units], zr[:, units:]
    n = tf.tanh(x[:, 2 * units :] + tf.matmul(r * h, recurrent_kernel[:, 2 * units :]))
    return tf.clip_by_value(z * h + (1 - z) * n, -clip, clip), z, r, n


def _gru_step_gradient(d_new, h, z, r, n, kernel_zr_t, kernel_n_t, clip):
    """Return gradients at x (in three parts) and at h, given that at the next state."""
    inside = tf.abs(z * h + (1 - z) * n) <= clip
    d_new = tf.where(inside, d_new, tf.zeros_like(d_new))
    d_n = d_new * (1 - z) * (1 - n * n)
    d_rh = tf.matmul(d_n, kernel_n_t)
    d_z = d_new * (h - n) * z * (1 - z)
    d_r = d_rh * h * r * (1 - r)
    d_x = tf.concat([d_z, d_r, d_n], axis=-1)
    d_h = d_new * z + d_rh * r + tf.matmul(d_x[:, : 2 * h.shape[-1]], kernel_zr_t)
    return d_x, d_h


def _recurrent_kernel_gradient(h_tbh, r_tbh, d_x_tbk):
    """Return the gradient at the recurrent kernel, from the states that entered each step."""
    units = h_tbh.shape[-1]
    d_zr = _summed_product(h_tbh, d_x_tbk[..., : 2 * units])
    d_n = _summed_product(r_tbh * h_tbh, d_x_tbk[..., 2 * units :])
    return tf.concat([d_zr, d_n], axis=-1)


def _summed_product(a_tbm, b_tbn):
    """Return ``sum_t a_t' b_t`` as one matrix product, ``(m, n)``."""
    a = tf.reshape(a_tbm, (-1, a_tbm.shape[-1]))
    return tf.matmul(a, tf.reshape(b_tbn, (-1, b_tbn.shape[-1])), transpose_a=True)


def _arrays(n_bins, like, sizes):
    """Return a TensorArray of ``(n_trials, size)`` for each size."""
    shapes = [like.shape[:1].concatenate(size) for size in sizes]
    return tuple(
        tf.TensorArray(like.dtype, n_bins, element_shape=shape, clear_after_read=False)
        for shape in shapes
    )


def _previous(states_tbh, initial_bh):
    """Return the states that entered each step."""
    return tf.concat([initial_bh[None], states_tbh[:-1]], axis=0)


def _loop(n_bins, body, state, arrays, *, reverse=False):
    """Run ``body(t, *state)`` over time in one loop, and return stacked rows and the state."""
    n_state = len(state)

    def step(i, *carry):
        t = n_bins - 1 - i if reverse else i
        new, rows = body(t, *carry[:n_state])
        written = (a.write(t, row) for a, row in zip(carry[n_state:], rows, strict=True))
        return (i + 1, *new, *written)

    carry = tf.while_loop(
        lambda i, *_: i < n_bins,
        step,
        (tf.constant(0), *state, *arrays),
        maximum_iterations=n_bins,
        parallel_iterations=1,
    )
    return [a.stack() for a in carry[1 + n_state :]], carry[1 : 1 + n_state]


@gradients_kept_with_graphs()
def gru(x_tbk, h0_bh, recurrent_kernel, clip):
    """Run the clipped GRU over all bins.

    Args:
        x_tbk: inputs to the gates z, r, n, projected and with their bias,
            ``(n_bins, n_trials, 3 * units)``; the number of bins must be known.
        h0_bh: initial state, ``(n_trials, units)``.
        recurrent_kernel: ``(units, 3 * units)``.
        clip: bound on the absolute value of the state.

    Returns:
        The state after each bin, ``(n_bins, n_trials, units)``.

    Example:
        >>> gru(tf.zeros((4, 2, 9)), tf.zeros((2, 3)), tf.zeros((3, 9)), 5.0).shape
        TensorShape([4, 2, 3])
    """

    @tf.custom_gradient
    def run(x_tbk, h0_bh, recurrent_kernel):
        n_bins, units = x_tbk.shape[0], h0_bh.shape[-1]

        def forward(t, h):
            h, z, r, n = gru_step(x_tbk[t], h, recurrent_kernel, clip)
            return (h,), (h, z, r, n)

        (h_tbh, z_tbh, r_tbh, n_tbh), _ = _loop(
            n_bins, forward, (h0_bh,), _arrays(n_bins, h0_bh, [units] * 4)
        )

        def gradient(d_tbh):
            before_tbh = _previous(h_tbh, h0_bh)
            kernel_zr_t = tf.transpose(recurrent_kernel[:, : 2 * units])
            kernel_n_t = tf.transpose(recurrent_kernel[:, 2 * units :])

            def backward(t, d_h):
                d_x, d_h = _gru_step_gradient(
                    d_h + d_tbh[t],
                    before_tbh[t],
                    z_tbh[t],
                    r_tbh[t],
                    n_tbh[t],
                    kernel_zr_t,
                    kernel_n_t,
                    clip,
                )
                return (d_h,), (d_x,)

            (d_x_tbk,), (d_h0,) = _loop(
                n_bins,
                backward,
                (tf.zeros_like(h0_bh),),
                _arrays(n_bins, h0_bh, [3 * units]),
                reverse=True,
            )
            return d_x_tbk, d_h0, _recurrent_kernel_gradient(before_tbh, r_tbh, d_x_tbk)

        return h_tbh, gradient

    return run(x_tbk, h0_bh, recurrent_kernel)


@gradients_kept_with_graphs()
def controlled_gru(
    x_tbk,
    external_tbe,
    noise_tbu,
    controller0_bc,
    generator0_bg,
    factors0_bf,
    weights,
    clip,
    *,
    variance_floor,
    factor_mask_tbf=None,
    generator_mask_tbg=None,
):
    """Run controller, inferred inputs, generator and factors over all bins.

    Each bin (Pandarinath et al. 2018, online methods)::

        c   = GRU(x + (mask * f) W_fc, c)             controller
        u   ~ N(c W_u + b_u)                          inferred inputs
        g   = GRU([u, external] W_g + b_g, g)         generator
        f   = (mask * g) W_f                          factors

    Args:
        x_tbk: what the encoder gives the controller, projected and with its bias,
            ``(n_bins, n_trials, 3 * controller)``.
        external_tbe: measured inputs, ``(n_bins, n_trials, n_external)``, possibly none.
        noise_tbu: standard normal noise of the samples, ``(n_bins, n_trials, n_inferred)``;
            zeros give the means.
        controller0_bc, generator0_bg, factors0_bf: initial states.
        weights: a tuple of the controller's kernel for the factors and its recurrent kernel,
            the kernel ``(controller, 2 * n_inferred)`` and bias of the posterior's mean and
            log variance, the generator's kernel, bias and recurrent kernel, and the factors'
            kernel, ``(generator, n_factors)``.
        clip: bound on the absolute value of both states.
        variance_floor: added to the variance of the posterior.
        factor_mask_tbf: dropout of the factors on the way to the controller, or none.
        generator_mask_tbg: dropout of the generator on the way to the factors, or none.

    Returns:
        Six arrays; ``inputs`` are the samples u.
    """

    def masked(value, mask, t):
        return value if mask is None else value * mask[t]

    @tf.custom_gradient
    def run(x_tbk, external_tbe, controller0, generator0, factors0, *weights):
        w_fc, u_c, w_u, b_u, w_g, b_g, u_g, w_f = weights
        n_bins, n_u = noise_tbu.shape[0], noise_tbu.shape[-1]
        n_c, n_g, n_f = (s.shape[-1] for s in (controller0, generator0, factors0))

        def forward(t, c, g, f):
            x = x_tbk[t] + tf.matmul(masked(f, factor_mask_tbf, t), w_fc)
            c, *c_gates = gru_step(x, c, u_c, clip)
            mean_lv = tf.matmul(c, w_u) + b_u
            sd = posterior_sd(mean_lv[:, n_u:], variance_floor)
            u = mean_lv[:, :n_u] + sd * noise_tbu[t]
            x = tf.matmul(tf.concat([u, external_tbe[t]], axis=-1), w_g) + b_g
            g, *g_gates = gru_step(x, g, u_g, clip)
            f = tf.matmul(masked(g, generator_mask_tbg, t), w_f)
            return (c, g, f), (c, *c_gates, g, *g_gates, mean_lv, u, f)

        sizes = [n_c] * 4 + [n_g] * 4 + [2 * n_u, n_u, n_f]
        rows, _ = _loop(
            n_bins,
            forward,
            (controller0, generator0, factors0),
            _arrays(n_bins, controller0, sizes),
        )
        c_tbc, cz, cr, cn, g_tbg, gz, gr, gn, mean_lv_tbu, u_tbu, f_tbf = rows

        def gradient(d_c_tbc, d_g_tbg, d_mean_tbu, d_lv_tbu, d_u_tbu, d_f_tbf):
            c_before, g_before = _previous(c_tbc, controller0), _previous(g_tbg, generator0)
            f_before = _previous(f_tbf, factors0)
            variance = tf.exp(mean_lv_tbu[..., n_u:])
            # d(sd * noise) / d(log variance)
            slope_tbu = noise_tbu * variance / (2 * tf.sqrt(variance + variance_floor))
            u_cz, u_cn = tf.transpose(u_c[:, : 2 * n_c]), tf.transpose(u_c[:, 2 * n_c :])
            u_gz, u_gn = tf.transpose(u_g[:, : 2 * n_g]), tf.transpose(u_g[:, 2 * n_g :])
            w_fc_t, w_u_t, w_f_t = (tf.transpose(w) for w in (w_fc, w_u, w_f))
            w_g_t = tf.transpose(w_g[:n_u])

            def backward(t, d_c, d_g, d_f):
                d_f = d_f + d_f_tbf[t]
                d_g = d_g + d_g_tbg[t]
                d_g = d_g + masked(tf.matmul(d_f, w_f_t), generator_mask_tbg, t)
                d_xg, d_g = _gru_step_gradient(
                    d_g, g_before[t], gz[t], gr[t], gn[t], u_gz, u_gn, clip
                )
                d_u = d_u_tbu[t] + tf.matmul(d_xg, w_g_t)
                d_mean_lv = tf.concat(
                    [d_mean_tbu[t] + d_u, d_lv_tbu[t] + d_u * slope_tbu[t]], axis=-1
                )
                d_c = d_c + d_c_tbc[t] + tf.matmul(d_mean_lv, w_u_t)
                d_xc, d_c = _gru_step_gradient(
                    d_c, c_before[t], cz[t], cr[t], cn[t], u_cz, u_cn, clip
                )
                d_f_before = masked(tf.matmul(d_xc, w_fc_t), factor_mask_tbf, t)
                return (d_c, d_g, d_f_before), (d_xc, d_xg, d_mean_lv, d_f)

            state = (controller0, generator0, factors0)
            (d_xc, d_xg, d_mean_lv, d_f), d_state = _loop(
                n_bins,
                backward,
                tuple(tf.zeros_like(s) for s in state),
                _arrays(n_bins, controller0, [3 * n_c, 3 * n_g, 2 * n_u, n_f]),
                reverse=True,
            )
            f_in = f_before if factor_mask_tbf is None else f_before * factor_mask_tbf
            g_out = g_tbg if generator_mask_tbg is None else g_tbg * generator_mask_tbg
            inputs = tf.concat([u_tbu, external_tbe], axis=-1)
            d_weights = (
                _summed_product(f_in, d_xc),
                _recurrent_kernel_gradient(c_before, cr, d_xc),
                _summed_product(c_tbc, d_mean_lv),
                tf.reduce_sum(d_mean_lv, axis=(0, 1)),
                _summed_product(inputs, d_xg),
                tf.reduce_sum(d_xg, axis=(0, 1)),
                _recurrent_kernel_gradient(g_before, gr, d_xg),
                _summed_product(g_out, d_f),
            )
            d_external = tf.einsum("tbk,ek->tbe", d_xg, w_g[n_u:])
            return (d_xc, d_external, *d_state, *d_weights)

        mean, log_variance = mean_lv_tbu[..., :n_u], mean_lv_tbu[..., n_u:]
        return (c_tbc, g_tbg, mean, log_variance, u_tbu, f_tbf), gradient

    return Controlled(
        *run(x_tbk, external_tbe, controller0_bc, generator0_bg, factors0_bf, *weights)
    )
