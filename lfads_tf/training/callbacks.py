"""Callbacks of training: smoothing, learning rate, early stopping, a guard against NaN.

Each is a Keras callback, and those with a memory can hand it over (``state``), so that
training which was broken off goes on as if it had not been
(:mod:`lfads_tf.training.checkpoints`).
"""

from __future__ import annotations

import logging
import math
from typing import Any

import keras
import tensorflow as tf

from fixedpoint_tf._utils.checks import check_number, listed
from fixedpoint_tf._utils.keras_files import not_finite
from lfads_tf.training.objective import PARTS

__all__ = [
    "EarlyStopping",
    "NoEnd",
    "Plateau",
    "SmoothedValidation",
    "StopAtNaN",
    "as_int",
    "constant_rate",
    "say_no_end",
]

MONITOR = "val_nll_smoothed"
#: Below which plateaus do not lower the learning rate, unless another is given.
LEAST_RATE = 1e-5
_LOG = logging.getLogger(__name__)

_NAMES = {
    "nll": "the negative log-likelihood",
    "kl_initial_condition": "the KL divergence of the initial condition",
    "kl_inferred_inputs": "the KL divergence of the inferred inputs",
    "l2": "the L2 penalty",
    "gradient": "the gradient (with every part of the loss still finite)",
    "learning_rate": "the learning rate",
}


#: Batches after which those without an end in sight are first spoken of; then tenfold.
_MANY = 1_000


def say_no_end(n_read: int, n_said: int, name: str, limit: str | None) -> int:
    """Log that batches of unknown number go on, at 1,000, 10,000 and so on.

    Args:
        n_read: batches so far.
        n_said: batches at which it was last said.
        name: name of the argument that they are.
        limit: the argument that says after how many to stop; None: there is none.

    Returns:
        Batches at which it was last said, now.

    Example:
        >>> say_no_end(999, 0, "x", "steps"), say_no_end(1000, 0, "x", "steps")
        (0, 1000)
    """
    if n_read < max(_MANY, 10 * n_said):
        return n_said
    _LOG.warning(
        "%s: %s batches have been read from a tf.data.Dataset of unknown length, with no end "
        "in sight. If it is endless, interrupt (Ctrl-C) and %s.",
        name,
        f"{n_read:,}",
        f"give {limit}" if limit else "hand over data.take(n)",
    )
    return n_read


def as_int(variable: keras.Variable) -> int:
    """Return the variable's value, under a ``tf.distribute`` strategy too."""
    return int(tf.convert_to_tensor(variable))


def constant_rate(optimizer: keras.optimizers.Optimizer) -> float | None:
    """Return the learning rate that callbacks may set, or None for a schedule."""
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)  # of loss scaling
    if not hasattr(optimizer, "learning_rate"):  # several in one
        return None
    rate = optimizer.get_config().get("learning_rate")
    return rate if isinstance(rate, float) else None


class SmoothedValidation(keras.callbacks.Callback):
    """Adds ``val_nll_smoothed`` and ``learning_rate`` to what is known of an epoch.

    The validation likelihood rests on one sample of each posterior and wobbles; an
    exponential mean of it serves the decisions. It stands before all that read it.

    Args:
        share: share of the newest value in the mean.

    Example:
        >>> from types import SimpleNamespace
        >>> smoothed = SmoothedValidation(share=0.5)
        >>> smoothed.set_model(SimpleNamespace(optimizer=keras.optimizers.Adam(0.01)))
        >>> epochs = [{"val_nll": value} for value in (1.0, 0.0, 0.0)]
        >>> for epoch, logs in enumerate(epochs):
        ...     smoothed.on_epoch_end(epoch, logs)
        >>> [logs["val_nll_smoothed"] for logs in epochs]
        [1.0, 0.5, 0.25]
    """

    state = ("value",)

    def __init__(self, share: float = 0.3) -> None:
        super().__init__()
        self.share = check_number(share, "share", high=1.0, closed="high")
        self.value: float | None = None

    def on_train_begin(self, logs: Any = None) -> None:
        self.value = None

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if logs is None:
            return
        rate = getattr(self.model.optimizer, "learning_rate", None)
        if rate is not None:  # several optimizers in one have none in common
            logs["learning_rate"] = float(tf.convert_to_tensor(rate))
        new = logs.get("val_nll")
        if new is None:
            return
        if self.value is None:
            self.value = float(new)
        self.value += self.share * (float(new) - self.value)
        logs[MONITOR] = self.value


class _AfterWarmUp(keras.callbacks.Callback):
    """Judges an epoch only if the weights of the loss no longer rose when it began."""

    _judges = False

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._judges = as_int(self.model.step) >= self.model.config.warm_up_steps

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if logs and MONITOR in logs and self._judges:
            super().on_epoch_end(epoch, logs)


class Plateau(_AfterWarmUp, keras.callbacks.ReduceLROnPlateau):
    """Lowers the learning rate when the smoothed validation likelihood no longer gains.

    It does nothing while the weights of the loss still rise, nor to a rate that follows a
    schedule of its own.

    Example:
        >>> plateau = Plateau(MONITOR, mode="min", factor=0.5, patience=20)
        >>> callbacks = [SmoothedValidation(), plateau]  # of fit, in this order
    """

    state = ("wait", "best", "cooldown_counter")

    def on_train_begin(self, logs: Any = None) -> None:
        super().on_train_begin(logs)
        self._scheduled = constant_rate(self.model.optimizer) is None
        if self._scheduled:
            _LOG.info("The learning rate follows its schedule; plateaus do not lower it.")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if not self._scheduled:
            super().on_epoch_end(epoch, logs)


class EarlyStopping(_AfterWarmUp, keras.callbacks.EarlyStopping):
    """Early stopping by the smoothed validation likelihood, which restores the best weights.

    It does nothing while the weights of the loss still rise. The step of training, from
    which its noise follows, and the scalars of the model are not turned back to the best
    epoch: training that goes on would meet the same noise again.

    Example:
        >>> early = EarlyStopping(MONITOR, mode="min", patience=80, restore_best_weights=True)
        >>> callbacks = [SmoothedValidation(), early]  # of fit, in this order
    """

    state = ("wait", "best", "best_epoch", "stopped_epoch")
    monitor_op: Any
    best: Any

    def on_train_begin(self, logs: Any = None) -> None:
        super().on_train_begin(logs)
        if self.monitor_op is None:
            # Kerases before 3.9 do so at the first epoch's end, over what a run remembered.
            self.monitor_op, self.best = keras.ops.less, math.inf

    def on_train_end(self, logs: Any = None) -> None:
        variables = [self.model.step, *self.model.scalars.values()]
        values = [tf.convert_to_tensor(variable).numpy() for variable in variables]
        super().on_train_end(logs)
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)


class NoEnd(keras.callbacks.Callback):
    """Callback that warns of batches of unknown number that have not ended.

    Args:
        name: name of the argument that they are.
        limit: the argument that says after how many to stop.

    Example:
        >>> callbacks = [NoEnd("x", "steps_per_epoch")]  # of fit
    """

    def __init__(self, name: str, limit: str) -> None:
        super().__init__()
        self._name, self._limit = name, limit
        self._said = 0

    def _begin(self, training: bool) -> None:
        if training == (self._limit == "steps_per_epoch"):
            self._said = 0

    def _end_batch(self, batch: int, training: bool) -> None:
        if training == (self._limit == "steps_per_epoch"):
            self._said = say_no_end(batch + 1, self._said, self._name, self._limit)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._begin(training=True)

    def on_test_begin(self, logs: Any = None) -> None:
        self._begin(training=False)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._end_batch(batch, training=True)

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        self._end_batch(batch, training=False)


class StopAtNaN(keras.callbacks.Callback):
    """Ends training with an error at the first loss, gradient or weight that is not finite.

    The weights of the end of the last good epoch are restored before. ``fit`` of the model
    has it always, before all other callbacks, so that none of them keeps such weights.

    Raises:
        FloatingPointError: names the part of the loss and the step.
    """

    def __init__(self) -> None:
        super().__init__()
        self._good: list[Any] = []
        self._epoch: int | None = None

    def _variables(self) -> list[Any]:
        return [*self.model.weights, *self.model.optimizer.variables]

    def _keep(self, epoch: int | None) -> None:
        values = (tf.convert_to_tensor(variable) for variable in self._variables())
        self._good, self._epoch = [value.numpy() for value in values], epoch

    def on_train_begin(self, logs: Any = None) -> None:
        self._keep(None)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if logs is None or all(math.isfinite(float(value)) for value in logs.values()):
            return
        self._stop()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if as_int(self.model.bad_part) >= 0:  # a gradient need not show in the losses
            self._stop()
        if names := not_finite(self.model):  # those of the last step show in no loss
            self._stop(f"a weight ({listed(names)})")
        of_validation = {n: v for n, v in (logs or {}).items() if n.startswith("val_")}
        for name, value in of_validation.items():
            if not math.isfinite(float(value)):
                self._stop(f"{name} of the validation")
        self._keep(epoch)

    def _stop(self, name: str = "the loss") -> None:
        part, step = as_int(self.model.bad_part), as_int(self.model.bad_step)
        if part >= 0:
            name = _NAMES[(*PARTS, "gradient", "learning_rate")[part]]
        else:
            step = as_int(self.model.step) - 1
        is_rate = name == _NAMES["learning_rate"]
        wrong = "negative or not finite" if is_rate else "not finite"
        for variable, value in zip(self._variables(), self._good, strict=True):
            variable.assign(value)
        self.model.stop_training = True
        since = "the start of this training"
        if self._epoch is not None:
            since = f"the end of epoch {self._epoch + 1}"
        raise FloatingPointError(
            f"Training stopped at step {step}: {name} is {wrong}. The weights of {since} "
            "were restored. A lower learning_rate or gradient_clip in the configuration, or "
            "a longer warm_up_steps, usually helps."
        )
