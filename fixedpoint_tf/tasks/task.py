"""Tasks: trials, a network to train on them, and the known answer."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import keras
import numpy as np

from fixedpoint_tf._utils.checks import (
    as_numbers,
    check_choice,
    check_function,
    check_instance,
    check_names,
    check_number,
    check_seed,
    check_sizes,
    check_switch,
    check_text,
)
from fixedpoint_tf.tasks.networks import CELLS, check_model

__all__ = ["Condition", "Recipe", "Task"]

Trials = tuple[np.ndarray, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Condition:
    """Constant input of a search for fixed points.

    Attributes:
        label: meaning of the input, for figures and reports.
        inputs: one number for each input of the network.

    Example:
        >>> Condition("no input", (0.0, 0.0)).inputs
        (0.0, 0.0)
    """

    label: str
    inputs: tuple[float, ...]

    def __post_init__(self) -> None:
        check_text(self.label, "label")
        as_numbers(
            self.inputs, "inputs", n_axes=(1,), shape="(n_inputs,)", empty=True, finite=True
        )


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Recipe of training: Adam, with a learning rate that falls to zero.

    Attributes:
        n_trials: number of training trials, drawn once.
        epochs: passes over the trials.
        batch_size: trials per gradient step.
        learning_rate: at the start.
        lengths: numbers of steps per trial, each used for an equal share of the epochs: a
            network that solves short trials learns long ones more easily (Bengio et al. 2009,
            "Curriculum learning"). The last is the full length.
        recurrent_gain: recurrent gain of the initial weights, see
            :func:`fixedpoint_tf.tasks.recurrent_network`.
        activity_penalty: weight of the mean square of the outputs of the recurrent layer
            beside the squared error. It keeps the units where they are nearly linear
            (Sussillo, Churchland, Kaufman & Shenoy 2015).
        input_noise: standard deviation of white noise that is added to the inputs in
            training, fresh at each pass. It excites every mode, so that training damps those
            that would grow by themselves.
        weight_penalty: weight of the sum of the squares of all weights and biases beside
            the squared error. Weights that the task does not use decay, so that few modes stay
            slow.

    Example:
        >>> import dataclasses
        >>> from fixedpoint_tf.tasks import TASKS
        >>> recipe = dataclasses.replace(TASKS["flip_flop"].recipe, epochs=1)
        >>> recipe.epochs, recipe.batch_size == TASKS["flip_flop"].recipe.batch_size
        (1, True)
    """

    n_trials: int
    epochs: int
    batch_size: int = 128
    learning_rate: float = 3e-3
    lengths: tuple[int, ...] = ()
    recurrent_gain: float = 0.7
    activity_penalty: float = 0.0
    input_noise: float = 0.0
    weight_penalty: float = 0.0

    def __post_init__(self) -> None:
        check_sizes(n_trials=self.n_trials, epochs=self.epochs, batch_size=self.batch_size)
        check_number(self.learning_rate, "learning_rate")
        for name in ("recurrent_gain", "activity_penalty", "input_noise", "weight_penalty"):
            check_number(getattr(self, name), name, closed="low")
        as_numbers(
            self.lengths,
            "lengths",
            n_axes=(1,),
            shape="(n,)",
            empty=True,
            finite=True,
            low=1,
            whole=True,
        )


@dataclasses.dataclass(frozen=True)
class Task:
    """Standard task, with the known answer of trained networks.

    A task is called like its generator of trials: ``task(rng, n_trials, n_time=...)``.

    Attributes:
        name: as it is registered in :data:`fixedpoint_tf.tasks.TASKS`.
        generator: draws ``inputs (n_trials, n_time, n_inputs)`` and ``targets (n_trials,
            n_time, n_outputs)``.
        input_names: name of each input.
        n_outputs: width of the output.
        cell: the recurrent layer that is trained by default.
        units: its number of units.
        recipe: settings of the training.
        usable_error: a network whose :meth:`error` is at most this does the task.
        conditions: the constant inputs at which to look for fixed points.
        known_answer: known fixed points of trained networks, in words.
        reference: publication of the known answer.
        last_step_only: True if targets count at the last step only.

    Example:
        >>> import numpy as np
        >>> from fixedpoint_tf.tasks import TASKS
        >>> flip_flop = TASKS["flip_flop"]
        >>> inputs, targets = flip_flop(np.random.default_rng(0), 16)
        >>> inputs.shape[::2], targets.shape[::2], flip_flop.n_inputs
        ((16, 3), (16, 3), 3)
    """

    name: str
    generator: Callable[..., Trials]
    input_names: tuple[str, ...]
    n_outputs: int
    cell: str
    units: int
    recipe: Recipe
    usable_error: float
    conditions: tuple[Condition, ...]
    known_answer: str
    reference: str
    last_step_only: bool = False

    def __post_init__(self) -> None:
        for name in ("name", "known_answer", "reference"):
            check_text(getattr(self, name), name)
        check_function(self.generator, "generator", of=" of rng and n_trials")
        check_names(self.input_names, "input_names")
        check_sizes(n_outputs=self.n_outputs, units=self.units)
        check_choice(self.cell, "cell", sorted(CELLS))
        check_instance(self.recipe, "recipe", Recipe)
        check_number(self.usable_error, "usable_error", closed="low")
        check_switch(self.last_step_only, "last_step_only")
        check_instance(self.conditions, "conditions", tuple, list)
        for condition in self.conditions:
            check_instance(condition, "conditions", Condition)
        if self.last_step_only and self.recipe.lengths:
            # A trial cut short has lost the one step that says what it was about.
            raise ValueError(
                "recipe: expected no lengths where the last step alone counts, received "
                f"{self.recipe.lengths}."
            )

    @property
    def n_inputs(self) -> int:
        """Width of the input."""
        return len(self.input_names)

    def __call__(self, rng: np.random.Generator, n_trials: int, **options) -> Trials:
        """Draw trials, see the generator for its options."""
        return self.generator(rng, n_trials, **options)

    def weights(self, n_trials: int, n_time: int) -> np.ndarray | None:
        """Return the weight of each step, ``(n_trials, n_time)``, or None if all are equal.

        Args:
            n_trials: number of trials.
            n_time: number of steps in a trial.
        """
        check_sizes(n_trials=n_trials, n_time=n_time)
        if not self.last_step_only:
            return None
        weights = np.zeros((n_trials, n_time), dtype=np.float32)
        weights[:, -1] = n_time
        return weights

    def error(self, model: keras.Model, seed: int = 1, n_trials: int = 512) -> float:
        """Return the share of the targets' mean square that a model misses, on new trials.

        Args:
            model: maps inputs to outputs.
            seed: seed of the trials, another than that of the training.
            n_trials: number of trials.

        Returns:
            0 for a perfect model, 1 for one that always answers zero.

        Example:
            >>> import keras
            >>> from fixedpoint_tf.tasks import TASKS
            >>> silent = keras.Sequential([keras.Input((None, 1)), keras.layers.Rescaling(0.0)])
            >>> TASKS["white_noise_integration"].error(silent)
            1.0
        """
        check_model(model)
        check_seed(seed)
        check_sizes(n_trials=n_trials)
        inputs, targets = self.generator(np.random.default_rng(seed), n_trials)
        outputs = np.asarray(model.predict(inputs, verbose=0), dtype=np.float64)
        counted = slice(-1, None) if self.last_step_only else slice(None)
        missed = np.mean((outputs - targets)[:, counted] ** 2)
        return float(missed / np.mean(targets[:, counted].astype(np.float64) ** 2))

    def __repr__(self) -> str:
        return f"Task({self.name}: {self.known_answer})"
