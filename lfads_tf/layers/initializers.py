"""Starting values of the weights."""

from __future__ import annotations

import keras

__all__ = ["GatesBias", "MeanAndLogVariance", "scaled_normal"]


def scaled_normal(n_in: int, seed: int) -> keras.initializers.Initializer:
    """Draw normal weights of variance ``1 / n_in``, for sums of variance 1.

    Args:
        n_in: number of terms of the sum.
        seed: seed of the draw.

    Example:
        >>> weights = scaled_normal(400, seed=0)((400, 300))
        >>> round(float(keras.ops.std(weights)), 2)
        0.05
    """
    return keras.initializers.RandomNormal(stddev=max(n_in, 1) ** -0.5, seed=seed)


@keras.saving.register_keras_serializable(package="lfads_tf", name="GatesBias")
class GatesBias(keras.initializers.Initializer):
    """Bias of a GRU: 1 for the update and reset gates, 0 for the candidate.

    With the update gate open the state changes slowly at first, so that gradients reach
    far back in time (Sussillo et al. 2016, arXiv:1608.06315).

    Example:
        >>> GatesBias()((6,)).numpy().tolist()
        [1.0, 1.0, 1.0, 1.0, 0.0, 0.0]
    """

    def __call__(self, shape, dtype=None, **kwargs):
        units = shape[-1] // 3
        ops = keras.ops
        return ops.concatenate([ops.ones((2 * units,), dtype), ops.zeros((units,), dtype)])

    def get_config(self):
        return {}


@keras.saving.register_keras_serializable(package="lfads_tf", name="MeanAndLogVariance")
class MeanAndLogVariance(keras.initializers.Initializer):
    """Bias of a posterior: 0 for the means, the logarithm of one variance for the rest.

    Posteriors that start as wide as their prior spare the first steps a large KL.

    Args:
        variance: at the start.

    Example:
        >>> MeanAndLogVariance(1.0)((4,)).numpy().tolist()
        [0.0, 0.0, 0.0, 0.0]
    """

    def __init__(self, variance: float) -> None:
        self.variance = variance

    def __call__(self, shape, dtype=None, **kwargs):
        ops, half = keras.ops, shape[-1] // 2
        log_variance = ops.log(ops.full((half,), self.variance, dtype))
        return ops.concatenate([ops.zeros((half,), dtype), log_variance])

    def get_config(self):
        return {"variance": self.variance}
