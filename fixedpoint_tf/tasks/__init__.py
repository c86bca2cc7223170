"""Standard tasks of the field: trials, a network to train on them, and the known answer.

:data:`TASKS` holds each :class:`Task` by name. It is called like its generator of trials,
with a ``numpy.random.Generator`` and the number of trials, and returns ``inputs (n_trials,
n_time, n_inputs)`` and ``targets (n_trials, n_time, n_outputs)``, both float32.
:func:`train_task` trains a network on it; the task knows at which constant inputs to look
for fixed points, and the known answer.

Example:
    >>> import numpy as np
    >>> from fixedpoint_tf.tasks import TASKS
    >>> task = TASKS["flip_flop"]
    >>> inputs, targets = task(np.random.default_rng(0), 16)
    >>> inputs.shape
    (16, 64, 3)
    >>> task
    Task(flip_flop: 27 fixed points: 8 stable, one a memory, and 19 saddles between them)
"""

from fixedpoint_tf.tasks.catalogue import TASKS, task_named
from fixedpoint_tf.tasks.flip_flop import flip_flop, train_flip_flop
from fixedpoint_tf.tasks.integration import (
    binary_decision,
    context_dependent_integration,
    white_noise_integration,
)
from fixedpoint_tf.tasks.moving_average import pulse_average, two_point_average
from fixedpoint_tf.tasks.networks import recurrent_network, train
from fixedpoint_tf.tasks.ring import ring_integration
from fixedpoint_tf.tasks.sine_wave import sine_waves
from fixedpoint_tf.tasks.task import Condition, Recipe, Task
from fixedpoint_tf.tasks.training import train_task

__all__ = [
    "TASKS",
    "Condition",
    "Recipe",
    "Task",
    "binary_decision",
    "context_dependent_integration",
    "flip_flop",
    "pulse_average",
    "recurrent_network",
    "ring_integration",
    "sine_waves",
    "task_named",
    "train",
    "train_flip_flop",
    "train_task",
    "two_point_average",
    "white_noise_integration",
]
