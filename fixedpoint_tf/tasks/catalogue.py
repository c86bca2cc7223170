"""The tasks by name, each with the answer that is known beforehand.

The numbers of each recipe were found by trying. ``benchmarks/known_answers.py`` prints, for
any seed, whether the network does the task and what is found of the known answer.
"""

from __future__ import annotations

import numpy as np

from fixedpoint_tf._utils.checks import check_choice
from fixedpoint_tf.tasks.flip_flop import flip_flop
from fixedpoint_tf.tasks.integration import (
    binary_decision,
    context_dependent_integration,
    white_noise_integration,
)
from fixedpoint_tf.tasks.moving_average import pulse_average, two_point_average
from fixedpoint_tf.tasks.ring import ring_integration
from fixedpoint_tf.tasks.sine_wave import sine_waves
from fixedpoint_tf.tasks.task import Condition, Recipe, Task

__all__ = ["TASKS", "task_named"]

_SUSSILLO_BARAK = "Sussillo & Barak (2013), Neural Computation 25(3):626-649"
_VYAS = "Vyas, Golub, Sussillo & Shenoy (2020), Annual Review of Neuroscience 43:249-275"


def _no_input(n_inputs: int) -> tuple[Condition, ...]:
    return (Condition("no input", (0.0,) * n_inputs),)


def _frequency(number: int) -> Condition:
    """Return the static input of one of the 51 frequencies of the sine-wave generator."""
    frequency = np.linspace(0.01, 0.05, 51)[number]
    return Condition(f"{frequency:.4f} cycles a step", ((number + 1) / 51 + 0.25,))


_ALL = (
    Task(
        name="flip_flop",
        generator=flip_flop,
        input_names=("bit 1", "bit 2", "bit 3"),
        n_outputs=3,
        cell="tanh",
        units=24,
        recipe=Recipe(512, 100, learning_rate=1e-2, recurrent_gain=1.0),
        usable_error=0.01,
        conditions=_no_input(3),
        known_answer="27 fixed points: 8 stable, one a memory, and 19 saddles between them",
        reference=_SUSSILLO_BARAK,
    ),
    Task(
        name="sine_waves",
        generator=sine_waves,
        input_names=("frequency",),
        n_outputs=1,
        cell="tanh",
        units=64,
        # The quieter the units, the nearer to linear, and the nearer the frequency at the
        # fixed point to that of the cycle. With a penalty of 2 training may be caught.
        recipe=Recipe(
            64,
            2000,
            lengths=(25, 50, 100, 200),
            recurrent_gain=1.0,
            activity_penalty=1.0,
            input_noise=0.03,
        ),
        usable_error=0.05,
        conditions=tuple(_frequency(number) for number in (0, 12, 25, 38, 50)),
        known_answer=(
            "for each input a fixed point with one unstable turning pair, near the frequency "
            "of the output, and a stable cycle around it"
        ),
        reference=_SUSSILLO_BARAK,
    ),
    Task(
        name="two_point_average",
        generator=two_point_average,
        input_names=("noise",),
        n_outputs=1,
        cell="tanh",
        units=32,
        recipe=Recipe(1024, 60, recurrent_gain=0.5, activity_penalty=1.0),
        usable_error=0.01,
        conditions=_no_input(1),
        known_answer=(
            "one stable fixed point, whose linearisation is the filter: a pulse gives one "
            "half at this step, one half at the next, then nothing"
        ),
        reference="the moving average of white noise, which is linear",
    ),
    Task(
        name="pulse_average",
        generator=pulse_average,
        input_names=("height", "pulse"),
        n_outputs=1,
        cell="tanh",
        units=64,
        recipe=Recipe(4096, 150),
        usable_error=0.02,
        conditions=_no_input(2),
        known_answer=(
            "a plane of slow points, with two modes that last, for the heights of two pulses"
        ),
        reference=_SUSSILLO_BARAK,
    ),
    Task(
        name="white_noise_integration",
        generator=white_noise_integration,
        input_names=("noise",),
        n_outputs=1,
        cell="tanh",
        units=64,
        recipe=Recipe(2048, 100),
        usable_error=0.01,
        conditions=_no_input(1),
        known_answer="a line attractor: one mode that lasts along a line of slow points",
        reference=_VYAS,
    ),
    Task(
        name="binary_decision",
        generator=binary_decision,
        input_names=("noise",),
        n_outputs=1,
        cell="gru",
        units=64,
        # Without the penalties the gates alone keep the sum, each unit for itself: many modes
        # are slow, none of them the line.
        recipe=Recipe(8192, 30, activity_penalty=1.5, input_noise=0.03, weight_penalty=6e-4),
        usable_error=0.2,
        conditions=_no_input(1),
        known_answer="a line attractor: one mode that lasts along a line of slow points",
        reference=_VYAS,
        last_step_only=True,
    ),
    Task(
        name="context_dependent_integration",
        generator=context_dependent_integration,
        input_names=("stream 1", "stream 2", "context 1", "context 2"),
        n_outputs=1,
        cell="tanh",
        units=64,
        recipe=Recipe(4096, 150),
        usable_error=0.02,
        conditions=(
            Condition("context 1", (0.0, 0.0, 1.0, 0.0)),
            Condition("context 2", (0.0, 0.0, 0.0, 1.0)),
        ),
        known_answer=(
            "a line attractor in each context, whose selection vector is orthogonal to the "
            "stream that does not count"
        ),
        reference="Mante, Sussillo, Shenoy & Newsome (2013), Nature 503:78-84",
    ),
    Task(
        name="ring_integration",
        generator=ring_integration,
        input_names=("velocity", "cosine", "sine"),
        n_outputs=2,
        cell="gru",
        units=64,
        recipe=Recipe(4096, 60),
        usable_error=0.02,
        conditions=_no_input(3),
        known_answer="a closed ring of slow points, one for each heading",
        reference="Zhang (1996), Journal of Neuroscience 16(6):2112-2126",
    ),
)

#: The tasks by name. Each is called like its generator of trials.
TASKS: dict[str, Task] = {task.name: task for task in _ALL}


def task_named(name: str) -> Task:
    """Look up a task by its name, or raise a ``ValueError`` with all names.

    Args:
        name: a key of ``TASKS``.

    Example:
        >>> task_named("ring_integration").n_outputs
        2
    """
    return TASKS[check_choice(name, "name", sorted(TASKS))]
