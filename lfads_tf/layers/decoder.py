"""Decoder from the initial condition to factors: controller, inferred inputs, generator."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
import tensorflow as tf

from lfads_tf.layers import recurrence
from lfads_tf.layers.cells import ClippedGRUCell
from lfads_tf.layers.initializers import MeanAndLogVariance, scaled_normal

__all__ = ["Decoded", "Decoder", "unit_columns"]


class Decoded(NamedTuple):
    """Outputs of the decoder, time-major, with empty inferred inputs without controller.

    Attributes:
        factors: ``(n_bins, n_trials, n_factors)``.
        generator: states, ``(n_bins, n_trials, generator_units)``.
        controller: states, ``(n_bins, n_trials, controller_units)``.
        input_mean: mean of the posterior over inferred inputs, ``(n_bins, n_trials,
            n_inferred)``.
        input_sd: its standard deviation.
        inputs: the samples that drove the generator.
    """

    factors: tf.Tensor
    generator: tf.Tensor
    controller: tf.Tensor
    input_mean: tf.Tensor
    input_sd: tf.Tensor
    inputs: tf.Tensor


def unit_columns(kernel):
    """Return a kernel ``(n_in, n_out)`` with the weights of each output scaled to norm 1.

    Example:
        >>> unit_columns(tf.constant([[3.0], [4.0]])).numpy().round(2).tolist()
        [[0.6], [0.8]]
    """
    return tf.math.l2_normalize(kernel, axis=0)


@keras.saving.register_keras_serializable(package="lfads_tf", name="Decoder")
class Decoder(keras.layers.Layer):
    """Runs the generator, and the controller if there is one, over all bins.

    With a controller each bin is that of :func:`lfads_tf.layers.recurrence.controlled_gru`;
    without one the generator runs on its own or on measured inputs. Factors are a product of
    the generator's state with a kernel whose weights for each factor have norm 1, so that the
    scale of the factors lies in the generator and in the read-out only.

    Args:
        generator_units: number of units of the generator.
        n_factors: number of factors.
        n_initial_conditions: dimensions of the initial condition.
        n_inferred_inputs: 0: no controller.
        n_external_inputs: number of measured inputs.
        controller_units: number of units of the controller.
        clip: bound on the absolute value of the states.
        variance_floor: added to the variance of the posterior over inferred inputs.
        initial_variance: about which that variance starts: the prior's.
        seed: seed of the weights.

    Example:
        >>> decoder = Decoder(8, 3, 4)
        >>> decoder.build((None, None, 0))
        >>> decoder(tf.zeros((2, 4)), tf.zeros((10, 2, 0)), tf.zeros((10, 2, 0))).factors.shape
        TensorShape([10, 2, 3])
    """

    def __init__(
        self,
        generator_units: int,
        n_factors: int,
        n_initial_conditions: int,
        *,
        n_inferred_inputs: int = 0,
        n_external_inputs: int = 0,
        controller_units: int = 0,
        clip: float = 5.0,
        variance_floor: float = 1e-4,
        initial_variance: float = 0.1,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.generator_units, self.n_factors = generator_units, n_factors
        self.n_initial_conditions = n_initial_conditions
        self.n_inferred_inputs, self.n_external_inputs = n_inferred_inputs, n_external_inputs
        self.controller_units = controller_units if n_inferred_inputs else 0
        self.clip, self.variance_floor, self.seed = clip, variance_floor, seed
        self.initial_variance = initial_variance
        policy = self.dtype_policy
        self.generator = ClippedGRUCell(
            generator_units, clip, seed=seed, name="generator", dtype=policy
        )
        self.controller = None
        if n_inferred_inputs:
            self.controller = ClippedGRUCell(
                controller_units, clip, seed=seed + 2, name="controller", dtype=policy
            )

    def build(self, input_shape: Any) -> None:
        """Make the weights.

        Args:
            input_shape: ends in the width of what the encoder gives the controller.
        """
        n_g, n_f, n_u = self.generator_units, self.n_factors, self.n_inferred_inputs
        n_ic, n_c = self.n_initial_conditions, self.controller_units
        self.generator.build((None, n_u + self.n_external_inputs))
        self.initial_kernel = self.add_weight(
            shape=(n_ic, n_g),
            initializer=scaled_normal(n_ic, self.seed + 4),
            name="initial_kernel",
        )
        self.initial_bias = self.add_weight(
            shape=(n_g,), initializer="zeros", name="initial_bias"
        )
        self.factor_kernel = self.add_weight(
            shape=(n_g, n_f),
            initializer=scaled_normal(n_g, self.seed + 5),
            name="factor_kernel",
        )
        if self.controller is None:
            return
        self.controller.build((None, int(input_shape[-1]) + n_f))
        self.controller_initial = self.add_weight(
            shape=(n_c,), initializer="zeros", name="controller_initial"
        )
        self.input_kernel = self.add_weight(
            shape=(n_c, 2 * n_u),
            initializer=scaled_normal(n_c, self.seed + 6),
            name="input_kernel",
        )
        self.input_bias = self.add_weight(
            shape=(2 * n_u,),
            initializer=MeanAndLogVariance(self.initial_variance),
            name="input_bias",
        )

    def initial_states(self, initial_bi):
        """Return the generator's state before the first bin, ``(n_trials, generator_units)``.

        Args:
            initial_bi: initial conditions, ``(n_trials, n_initial_conditions)``.
        """
        kernel = tf.convert_to_tensor(self.initial_kernel)
        return tf.matmul(initial_bi, kernel) + self.initial_bias

    def call(self, initial_bi, controller_input_tbk, external_tbe, noise_tbu=None, masks=None):
        """Run the generator, and the controller if any, over all bins.

        Args:
            initial_bi: initial conditions, ``(n_trials, n_initial_conditions)``.
            controller_input_tbk: what the encoder gives the controller, ``(n_bins, n_trials,
                k)``, of width 0 without controller; its bins are those decoded.
            external_tbe: measured inputs, ``(n_bins, n_trials, n_external_inputs)``.
            noise_tbu: standard normal noise of the inferred inputs, ``(n_bins, n_trials,
                n_inferred_inputs)``; None: their means.
            masks: dropout masks by name, of the shapes that the names' ends tell:
                ``initial_bg``, ``factors_tbf``, ``generator_tbg``; missing ones drop
                nothing.

        Returns:
            :class:`Decoded`.
        """
        masks = masks or {}
        kernel = unit_columns(tf.convert_to_tensor(self.factor_kernel))
        g0 = self.initial_states(initial_bi)
        if self.controller is None:
            return self._uncontrolled(g0, external_tbe, kernel, masks.get("generator_tbg"))
        n_trials, n_f = tf.shape(g0)[0], self.n_factors
        f0 = tf.matmul(g0 * masks["initial_bg"] if "initial_bg" in masks else g0, kernel)
        c0 = tf.zeros((n_trials, 1), g0.dtype) + self.controller_initial
        controller_kernel = tf.convert_to_tensor(self.controller.kernel)
        # The part of the input that needs no loop is projected for all bins at once.
        x_tbk = tf.tensordot(controller_input_tbk, controller_kernel[:-n_f], 1)
        x_tbk = x_tbk + self.controller.bias
        if noise_tbu is None:
            n_bins = controller_input_tbk.shape[0]
            noise_tbu = tf.zeros((n_bins, n_trials, self.n_inferred_inputs), g0.dtype)
        weights = (
            controller_kernel[-n_f:],
            self.controller.recurrent_kernel,
            self.input_kernel,
            self.input_bias,
            self.generator.kernel,
            self.generator.bias,
            self.generator.recurrent_kernel,
            kernel,
        )
        out = recurrence.controlled_gru(
            x_tbk,
            external_tbe,
            noise_tbu,
            c0,
            g0,
            f0,
            tuple(tf.convert_to_tensor(w) for w in weights),
            self.clip,
            variance_floor=self.variance_floor,
            factor_mask_tbf=masks.get("factors_tbf"),
            generator_mask_tbg=masks.get("generator_tbg"),
        )
        sd = recurrence.posterior_sd(out.log_variance, self.variance_floor)
        return Decoded(out.factors, out.generator, out.controller, out.mean, sd, out.inputs)

    def _uncontrolled(self, g0, external_tbe, factor_kernel, mask_tbg):
        x_tbk = self.generator.project(external_tbe)
        recurrent = tf.convert_to_tensor(self.generator.recurrent_kernel)
        g_tbg = recurrence.gru(x_tbk, g0, recurrent, self.clip)
        kept = g_tbg if mask_tbg is None else g_tbg * mask_tbg
        nothing = g_tbg[..., :0]
        factors = tf.tensordot(kept, factor_kernel, 1)
        return Decoded(factors, g_tbg, nothing, nothing, nothing, nothing)

    def get_config(self) -> dict[str, Any]:
        names = (
            "generator_units",
            "n_factors",
            "n_initial_conditions",
            "n_inferred_inputs",
            "n_external_inputs",
            "controller_units",
            "clip",
            "variance_floor",
            "initial_variance",
            "seed",
        )
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
