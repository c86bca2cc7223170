"""Standard tasks of the field, as generators of trials, and a network to train on them.

Every generator takes a ``numpy.random.Generator`` and the number of trials, and returns
``inputs (n_trials, n_time, n_inputs)`` and ``targets (n_trials, n_time, n_outputs)``, both
float32. :data:`TASKS` lists them by name.

Example:
    >>> import numpy as np
    >>> from fixedpoint_tf.tasks import TASKS
    >>> inputs, targets = TASKS["flip_flop"](np.random.default_rng(0), 16)
    >>> inputs.shape
    (16, 64, 3)
"""

from collections.abc import Callable

import numpy as np

from fixedpoint_tf.tasks.flipflop import flip_flop, train_flip_flop
from fixedpoint_tf.tasks.integration import (
    binary_decision,
    context_dependent_integration,
    white_noise_integration,
)
from fixedpoint_tf.tasks.moving_average import two_point_average
from fixedpoint_tf.tasks.networks import recurrent_network, train
from fixedpoint_tf.tasks.sine_wave import sine_waves

__all__ = [
    "TASKS",
    "binary_decision",
    "context_dependent_integration",
    "flip_flop",
    "recurrent_network",
    "sine_waves",
    "train",
    "train_flip_flop",
    "two_point_average",
    "white_noise_integration",
]

TASKS: dict[str, Callable[..., tuple[np.ndarray, np.ndarray]]] = {
    "binary_decision": binary_decision,
    "context_dependent_integration": context_dependent_integration,
    "flip_flop": flip_flop,
    "sine_waves": sine_waves,
    "two_point_average": two_point_average,
    "white_noise_integration": white_noise_integration,
}
