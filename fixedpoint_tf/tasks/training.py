"""Train a network on any of the tasks, until its fixed points can be studied."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np

from fixedpoint_tf._utils.checks import check_choice, check_seed, check_sizes
from fixedpoint_tf._utils.graph_gradients import gradients_kept_with_graphs
from fixedpoint_tf.tasks.catalogue import TASKS
from fixedpoint_tf.tasks.networks import CELLS, check_callbacks, recurrent_network
from fixedpoint_tf.tasks.task import Recipe, Task

__all__ = ["train_task"]


def train_task(
    task: Task | str,
    cell: str | None = None,
    units: int | None = None,
    seed: int = 0,
    *,
    epochs: int | None = None,
    n_trials: int | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> keras.Model:
    """Build a network and train it on a task until its fixed points can be studied.

    The same seed on the same machine gives the same network. Whether it does the task,
    :meth:`Task.error` tells.

    Cost: with the defaults between ten seconds and two minutes on two cores.

    Args:
        task: a :class:`Task`, or the name of one in :data:`fixedpoint_tf.tasks.TASKS`.
        cell: kind of recurrent layer, see :func:`~fixedpoint_tf.tasks.recurrent_network`;
            default: the task's own, for which the recipe was tuned.
        units: number of recurrent units; default: the task's own.
        seed: seed of the trials and of the initial weights.
        epochs: passes over the trials; default: the recipe's.
        n_trials: number of training trials; default: the recipe's.
        callbacks: Keras callbacks, for instance to report progress.

    Returns:
        The trained model, from inputs ``(n, n_time, n_inputs)`` to outputs ``(n, n_time,
        n_outputs)``, with the layers ``"rnn"`` and ``"readout"``.

    Raises:
        TypeError, ValueError: there is no such task or cell, or a number is not positive.

    Example:
        >>> model = train_task("ring_integration", units=4, epochs=1, n_trials=8)
        >>> model.output_shape
        (None, None, 2)
    """
    if isinstance(task, str):
        task = TASKS[check_choice(task, "task", sorted(TASKS))]
    if not isinstance(task, Task):
        raise TypeError(
            f"task: expected a Task or the name of one, received {type(task).__name__}."
        )
    if cell is not None:
        check_choice(cell, "cell", sorted(CELLS))
    if units is not None:
        check_sizes(units=units)
    check_callbacks(callbacks)
    changes: dict[str, Any] = {}
    if epochs is not None:
        changes["epochs"] = epochs
    if n_trials is not None:
        changes["n_trials"] = n_trials
    check_sizes(**changes)
    recipe = dataclasses.replace(task.recipe, **changes)
    rng = np.random.default_rng(check_seed(seed))
    options = {"n_time": recipe.lengths[-1]} if recipe.lengths else {}
    inputs, targets = task(rng, recipe.n_trials, **options)
    model = recurrent_network(
        task.n_inputs,
        task.n_outputs,
        task.units if units is None else units,
        cell=task.cell if cell is None else cell,
        recurrent_gain=recipe.recurrent_gain,
        rng=rng,
    )
    weights = task.weights(*targets.shape[:2])
    taught = _taught(model, recipe, seed)
    with _penalised(model, recipe.weight_penalty), gradients_kept_with_graphs():
        _fit(taught, inputs, targets, weights, recipe, callbacks)
    return model


@contextlib.contextmanager
def _penalised(model: keras.Model, weight_penalty: float) -> Iterator[None]:
    """Penalise the squares of all weights during training only."""
    penalty = keras.regularizers.L2(weight_penalty) if weight_penalty else None
    variables = model.trainable_variables
    for variable in variables:
        variable.regularizer = penalty
    try:
        yield
    finally:
        for variable in variables:
            variable.regularizer = None


def _taught(model: keras.Model, recipe: Recipe, seed: int) -> keras.Model:
    """Return the same layers with noise before them, and the activity as second output."""
    if not recipe.input_noise and not recipe.activity_penalty:
        return model
    inputs = keras.Input(model.input_shape[1:])
    noise = keras.layers.GaussianNoise(recipe.input_noise, seed=seed)
    states = model.get_layer("rnn")(noise(inputs))
    return keras.Model(inputs, [model.get_layer("readout")(states), states])


def _fit(
    taught: keras.Model,
    inputs: np.ndarray,
    targets: np.ndarray,
    weights: np.ndarray | None,
    recipe: Recipe,
    callbacks: Sequence[keras.callbacks.Callback],
) -> None:
    n_steps = recipe.epochs * -(-len(inputs) // recipe.batch_size)
    schedule = keras.optimizers.schedules.CosineDecay(recipe.learning_rate, n_steps)
    two = len(taught.outputs) == 2
    taught.compile(
        keras.optimizers.Adam(schedule, clipnorm=1.0),
        loss=["mse", "mse"] if two else "mse",
        loss_weights=[1.0, recipe.activity_penalty] if two else None,
    )
    lengths = recipe.lengths or (inputs.shape[1],)
    # Where the epochs of each stage end: as equal as whole numbers can be.
    ends = [recipe.epochs * (i + 1) // len(lengths) for i in range(len(lengths))]
    begins = [0, *ends[:-1]]
    for length, begin, end in zip(lengths, begins, ends, strict=True):
        wanted: Any = targets[:, :length]
        counted: Any = None if weights is None else weights[:, :length]
        if two:
            n_states = taught.output_shape[1][-1]
            silence = np.zeros((*wanted.shape[:2], n_states), dtype=np.float32)
            wanted = [wanted, silence]
            counted = None if counted is None else [counted, np.ones_like(counted)]
        if end > begin:
            taught.fit(
                inputs[:, :length],
                wanted,
                sample_weight=counted,
                batch_size=recipe.batch_size,
                initial_epoch=begin,
                epochs=end,
                shuffle=False,
                callbacks=list(callbacks),
                verbose=0,
            )
