"""The model that a user compiles, fits, saves and asks."""

from __future__ import annotations

import contextlib
import json
import os
import warnings
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from fixedpoint_tf._utils.checks import (
    ArgumentTypeError,
    check_eager,
    check_mapping,
    check_path,
    check_switch,
    check_whole,
    shown,
)
from fixedpoint_tf._utils.files import writing
from fixedpoint_tf._utils.keras_files import check_model_file, is_saved_as_hdf5, warn_of_weights
from lfads_tf.config import LFADSConfig
from lfads_tf.data.compatibility import as_sessions, common_conditions
from lfads_tf.data.session import Session
from lfads_tf.inference import posterior
from lfads_tf.layers.network import Network
from lfads_tf.layers.stateless import stateless_network, train_alike
from lfads_tf.sessions import adding, initial_weights
from lfads_tf.sessions.agreement import SessionAgreement, agreement, averages_of
from lfads_tf.training import batches, checkpoints, checks, sharding, steps, trial_arrays
from lfads_tf.training.callbacks import NoEnd, SmoothedValidation, StopAtNaN
from lfads_tf.training.checkpoints import Checkpoint, default_callbacks
from lfads_tf.training.objective import PARTS, left_out_samples, warmup
from lfads_tf.training.shared_steps import shared_step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lfads_tf.inference.result import Inferred

__all__ = ["LFADS", "load_model"]

#: Of Adam. Gradients of the encoders fall below Keras's own 1e-7.
EPSILON = 1e-10

_FILE = (
    "a name that ends in .keras, since neither Keras nor load_model reads "
    "an LFADS model of another file"
)


@keras.saving.register_keras_serializable(package="lfads_tf", name="LFADS")
class LFADS(keras.Model):
    """Latent factor analysis via dynamical systems, for one recording session or several.

    A sequential variational auto-encoder (Pandarinath et al. 2018, Nature Methods 15:805):
    from a trial's spikes an encoder infers a distribution over the initial state of a recurrent
    network, the generator; the generator runs from there, with a controller also driven by
    inferred inputs, and its factors give the rates.

    A model has a list of sessions, usually one, whose trials are passed as a session or as
    arrays. For several sessions with different neurons (:meth:`LFADSConfig.for_data` of a list)
    each has a read-in and a read-out of its own, and everything between them is shared; such a
    model is stitched over its sessions, and knows them by their names.

    Args:
        config: sizes, priors and regularisation, e.g. of :meth:`LFADSConfig.for_data`.
        **kwargs: those of ``keras.Model``, such as ``name``.

    Attributes:
        config: as given.
        network: the layers.
        scalars: variables by name that may be assigned during training (see
            ``training.steps.SCALARS``); a new value compiles nothing. A dropout
            rate that the configuration has at 0 is left out of the graph, and stays 0.

    Example:
        >>> import numpy as np
        >>> spikes = np.random.default_rng(0).poisson(0.5, (20, 10, 6))
        >>> config = LFADSConfig(n_neurons=6, n_bins=10, bin_width=0.02, n_factors=3)
        >>> model = LFADS(config)
        >>> model.compile()
        >>> history = model.fit(spikes, epochs=2, verbose=0)
        >>> model.infer(spikes, n_samples=5).rates.shape
        (20, 10, 6)
    """

    def __init__(self, config: LFADSConfig, **kwargs: Any) -> None:
        check_eager("models")
        if not isinstance(config, LFADSConfig):
            raise ArgumentTypeError(
                "config: expected an LFADSConfig, such as LFADSConfig.for_data(session), "
                f"received {shown(config)}."
            )
        sharding.check_strategy()
        # Likelihoods need single precision, whatever Keras's policy is for other models.
        super().__init__(dtype="float32", **kwargs)
        self.config = config
        self._made_under = tf.distribute.get_strategy()
        self.network = Network(config, name="network", dtype="float32")
        self.scalars = {
            name: self._scalar(name, getattr(config, name)) for name in steps.SCALARS
        }
        self.step = self._scalar("step", 0, "int64")
        #: Index of the first bad part of the loss (-1: none) and the step at which it was.
        self.bad_part = self._scalar("bad_part", -1, "int32")
        self.bad_step = self._scalar("bad_step", -1, "int64")
        names = ["loss", *PARTS, *(["sv_nll"] if config.sample_validation else [])]
        self._means = {name: keras.metrics.Mean(name=name) for name in names}
        self.built = True

    def _scalar(self, name: str, value: float, dtype: str = "float32") -> keras.Variable:
        return self.add_weight(
            shape=(),
            initializer=keras.initializers.Constant(value),
            trainable=False,
            dtype=dtype,
            aggregation="only_first_replica",
            name=name,
        )

    @property
    def generator(self) -> keras.layers.Layer:
        """The generator as a Keras cell, with inferred inputs first, then measured ones."""
        return self.network.decoder.generator

    # Compiling and fitting.

    def compile(
        self,
        optimizer: Any = None,
        *,
        jit_compile: bool | str = "auto",
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        **unknown: Any,
    ) -> None:
        """Prepare the model for training.

        Args:
            optimizer: a Keras optimizer or its name; Adam with the learning rate of the
                configuration if none is given, and an epsilon far below the gradients of a
                loss that is a mean over samples. The gradient's norm is bounded before it,
                by ``gradient_clip`` of the configuration.
            jit_compile: compile the loss and its gradient by XLA, as ``"auto"`` does too.
            run_eagerly: run step by step in Python, to look for errors.
            steps_per_execution: training steps between two calls of the callbacks; a number,
                since Keras 3 no longer chooses it ("auto").
            **unknown: none; other arguments of Keras's ``compile`` are refused by name.

        Raises:
            TypeError: a loss, metrics or another argument of Keras's.
            ValueError: no optimizer, one of another model, or a setting that Keras cannot
                apply under the ``tf.distribute`` strategy of the model.

        Example:
            >>> model = LFADS(LFADSConfig(n_neurons=6, n_bins=10, bin_width=0.02, n_factors=3))
            >>> model.compile(keras.optimizers.AdamW(1e-3))
            >>> type(model.optimizer).__name__
            'AdamW'
        """
        checks.check_compile_keywords(unknown)
        if not isinstance(jit_compile, str) or jit_compile != "auto":
            check_switch(jit_compile, "jit_compile")
        check_switch(run_eagerly, "run_eagerly")
        check_whole(steps_per_execution, "steps_per_execution")
        sharding.check_strategy(self._made_under)
        with self.distribute_strategy.scope():
            if optimizer is None:
                optimizer = keras.optimizers.Adam(self.config.learning_rate, epsilon=EPSILON)
            optimizer = checks.check_optimizer(
                optimizer, self.trainable_variables, alone=not tf.distribute.has_strategy()
            )
        # The outer function must not be compiled: it runs one compiled function a core.
        super().compile(
            optimizer=optimizer,
            jit_compile=False,
            run_eagerly=run_eagerly,
            steps_per_execution=steps_per_execution,
        )
        self._compile_arguments = {
            "jit_compile": jit_compile,
            "run_eagerly": run_eagerly,
            "steps_per_execution": steps_per_execution,
        }
        self._optimizer_settings = checkpoints.settings_of(optimizer)
        compiled = bool(jit_compile) and not run_eagerly
        with self.distribute_strategy.scope():
            self._stateless = stateless_network(self.network, compiled=compiled)
        self._shard_gradients = steps.loss_and_gradients(self._stateless, compiled=compiled)
        self._shard_loss = steps.loss_only(self._stateless, compiled=compiled)
        update = steps.update(
            self.optimizer,
            self.trainable_variables,
            compiled=compiled,
            network=self._stateless,
        )
        self._update_weights, self._prepare_update = update

    def fit(
        self,
        x: Any,
        y: None = None,
        *,
        batch_size: int = 64,
        epochs: int = 1,
        validation_data: Any = None,
        callbacks: Sequence[keras.callbacks.Callback] | None = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        session_weights: Any = "trials",
        validation_freq: Any = 1,
        validation_steps: int | None = None,
        verbose: Any = "auto",
        **unknown: Any,
    ) -> keras.callbacks.History:
        """Train the model.

        The first call sets the bias of the read-out to the data's mean rates. Batches have
        equal sizes, ``batch_size`` at most; their order follows from the configuration's
        seed and the epoch.

        Args:
            x: a :class:`~lfads_tf.Session`; spikes ``(n_trials, n_bins, n_neurons)``
                with NaN where nothing was observed, or a list of trials ``(n_bins,
                n_neurons)``, shorter ones padded; a pair of spikes and external inputs;
                or a ``tf.data.Dataset`` of batches of either. With several sessions: a list of
                them, later also some of them only.
            y: None: spikes are their own target.
            batch_size: trials at most.
            epochs: at most, with early stopping among the callbacks.
            validation_data: trials of the same kind, not trained on.
            callbacks: e.g. of :meth:`default_callbacks`.
            initial_epoch: the epoch to begin with.
            steps_per_epoch: for a ``tf.data.Dataset`` without end only. One that does not say
                how many batches it has (``from_generator``) is read until it ends; after
                1,000 batches, and each tenfold, the log says that it has not.
            session_weights: how several sessions weigh in training and in
                validation: by their ``"trials"``; ``"sessions"``, all alike; or a weight for
                each by its name.
            validation_freq: as in Keras: epochs from one validation to the next.
            validation_steps: as in Keras: batches of a validation.
            verbose: as in Keras.
            **unknown: none; what Keras's ``fit`` has and this one has not is refused by name.

        Returns:
            Keras's history, means over each epoch in nats a sample.

        Raises:
            TypeError: a ``y``, or another argument of Keras's that would have no effect.
            ValueError: data that do not fit the model, an argument out of range, or a folder
                to be resumed that holds another run.
            FileExistsError: another run writes to the folder of a checkpoint.
            FloatingPointError: a part of the loss, a weight or the learning rate is no longer
                finite; the weights of the last good epoch are back in place.
            KeyboardInterrupt: at Ctrl-C; the weights are those of the last step, and a run
                folder holds the state from which ``fit`` goes on.

        Example:
            >>> import numpy as np
            >>> spikes = np.random.default_rng(0).poisson(0.5, (20, 10, 6))
            >>> model = LFADS(LFADSConfig(n_neurons=6, n_bins=10, bin_width=0.02, n_factors=3))
            >>> model.compile(jit_compile=False)  # so small a model is not worth compiling
            >>> history = model.fit(spikes[4:], validation_data=spikes[:4], epochs=2, verbose=0)
            >>> history.epoch, len(history.history["val_nll"])
            ([0, 1], 2)
        """
        is_pipeline = isinstance(x, tf.data.Dataset)
        self._check_ready("fit")
        checks.check_targets(y)
        checks.check_keywords(unknown)
        check_whole(batch_size, "batch_size")
        check_whole(epochs, "epochs", least=0)
        check_whole(initial_epoch, "initial_epoch", least=0)
        checks.check_steps(steps_per_epoch, is_pipeline)
        checks.check_optional_whole(validation_steps, "validation_steps")
        checks.check_validation_freq(validation_freq)
        checks.check_verbose(verbose)
        checks.check_session_weights(session_weights, self.config)
        callbacks = checks.check_callbacks(callbacks)
        swaps = checks.check_averages(callbacks, self.optimizer)
        checks.check_rate_callbacks(callbacks, self.optimizer)
        limit = ("steps_per_epoch", steps_per_epoch)
        trials = self._checked(x, "x", session_weights, limit, training=True)
        watching = _watching(x, "x", *limit)
        limit = ("validation_steps", validation_steps)
        valid = self._checked(validation_data, "validation_data", session_weights, limit)
        watching += _watching(validation_data, "validation_data", *limit)
        checkpoint = next((c for c in callbacks if isinstance(c, Checkpoint)), None)
        with checkpoint.locked() if checkpoint else contextlib.nullcontext():
            finished = False
            if checkpoint is not None:
                by_name = not isinstance(session_weights, str)
                settings = {
                    **self.config.to_dict(),
                    **self._settings_of_optimizer(),
                    "batch_size": int(batch_size) if isinstance(trials, dict) else None,
                    "session_weights": dict(session_weights) if by_name else session_weights,
                }
                checkpoint.swaps = swaps
                start, finished = checkpoint.begin(
                    settings, {"x": trials, "validation_data": valid}
                )
                initial_epoch = max(initial_epoch, start)
            if isinstance(trials, dict):
                first = trials
                data, steps_per_epoch = batches.batches(
                    trials, batch_size, seed=self.config.seed, first_epoch=initial_epoch
                )
            else:
                with checks.as_value_errors():
                    first, data = next(iter(trials)), trials
            self._begin(first, x)
            if valid is None and any(isinstance(c, SmoothedValidation) for c in callbacks):
                warnings.warn(
                    "validation_data: expected validation trials for the callbacks, received "
                    "none. The learning rate is constant, training does not stop early, and "
                    "no best model is kept.",
                    stacklevel=2,
                )
            if isinstance(valid, dict):
                valid, _ = batches.batches(valid, batch_size)
            with checks.as_value_errors(), checks.own_weights(callbacks):
                history = super().fit(
                    data,
                    epochs=initial_epoch if finished else epochs,
                    validation_data=valid,
                    callbacks=[StopAtNaN(), *callbacks, *watching],
                    initial_epoch=initial_epoch,
                    steps_per_epoch=steps_per_epoch,
                    shuffle=False,
                    validation_freq=validation_freq,
                    validation_steps=validation_steps,
                    verbose=verbose,
                )
            if checkpoint is not None and checkpoint.resume:
                checkpoint.fill(history)
            return history

    def evaluate(
        self,
        x: Any = None,
        *,
        batch_size: int = 64,
        session_weights: Any = "trials",
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
        verbose: Any = "auto",
        **of_fit: Any,
    ) -> Any:
        """Return the loss and its parts in nats per sample, each with its final weight.

        With coordinated dropout in the configuration the likelihood is that of samples
        hidden from the encoder, always the same ones.

        Args:
            x: as in :meth:`fit`.
            batch_size: trials at most.
            session_weights: as in :meth:`fit`.
            steps: as in Keras: batches of a ``tf.data.Dataset`` without end.
            callbacks: as in Keras.
            return_dict: whether to return the parts by name.
            verbose: as in Keras.
            **of_fit: arguments that Keras's ``fit`` passes for validation.

        Returns:
            The loss and its parts, numbers in the order of Keras's ``metrics_names``; with
            ``return_dict=True`` by name.

        Raises:
            ValueError: data that do not fit the model, or a batch size out of range.

        Example:
            >>> import numpy as np
            >>> spikes = np.random.default_rng(0).poisson(0.5, (20, 10, 6))
            >>> model = LFADS(LFADSConfig(n_neurons=6, n_bins=10, bin_width=0.02, n_factors=3))
            >>> model.compile(jit_compile=False)
            >>> sorted(model.evaluate(spikes, verbose=0, return_dict=True))
            ['kl_inferred_inputs', 'kl_initial_condition', 'l2', 'loss', 'nll']
        """
        if not of_fit.get("_use_cached_eval_dataset"):
            self._check_ready("evaluate")
            for unknown, value in of_fit.items():
                raise TypeError(
                    f"{unknown}: expected no argument that evaluate does not list, received "
                    f"{shown(value)}."
                )
            check_whole(batch_size, "batch_size")
            checks.check_session_weights(session_weights, self.config)
            checks.check_optional_whole(steps, "steps")
            checks.check_verbose(verbose)
            check_switch(return_dict, "return_dict")
            callbacks = checks.check_callbacks(callbacks) + _watching(x, "x", "steps", steps)
            x = self._checked(x, "x", session_weights, ("steps", steps))
            if isinstance(x, dict):
                x, _ = batches.batches(x, batch_size)
        with checks.as_value_errors():
            return super().evaluate(
                x,
                verbose=verbose,
                steps=steps,
                callbacks=callbacks,
                return_dict=return_dict,
                **of_fit,
            )

    def train_on_batch(
        self,
        x: Any,
        y: None = None,
        sample_weight: None = None,
        class_weight: None = None,
        return_dict: bool = False,
    ) -> Any:
        """Update the weights once, by the trials given.

        Args:
            x: as in :meth:`fit`, but no ``tf.data.Dataset``. If it is the first step of all,
                it begins as :meth:`fit` does, with the mean rates of these trials.
            y: None: spikes are their own target.
            sample_weight: none; NaN marks samples that were not observed.
            class_weight: none.
            return_dict: whether to return the parts by name.

        Returns:
            The loss and its parts, as :meth:`evaluate` does, and the share of the warm-up.

        Raises:
            TypeError: targets or weights that are not None, or data that are not numbers.
            ValueError: data that do not fit the model.

        Example:
            >>> import numpy as np
            >>> spikes = np.random.default_rng(0).poisson(0.5, (20, 10, 6))
            >>> model = LFADS(LFADSConfig(n_neurons=6, n_bins=10, bin_width=0.02, n_factors=3))
            >>> model.compile(jit_compile=False)
            >>> loss, *parts = model.train_on_batch(spikes)
            >>> int(model.step)
            1
        """
        checks.check_no_weights(sample_weight=sample_weight, class_weight=class_weight)
        return self._on_batch("train_on_batch", x, y, return_dict)

    def test_on_batch(
        self, x: Any, y: None = None, sample_weight: None = None, return_dict: bool = False
    ) -> Any:
        """Return the loss of the trials given and its parts, without any update.

        Args:
            x: as in :meth:`train_on_batch`.
            y: None: spikes are their own target.
            sample_weight: none; NaN marks samples that were not observed.
            return_dict: whether to return the parts by name.

        Raises:
            TypeError: targets or weights that are not None, or data that are not numbers.
            ValueError: data that do not fit the model.

        Example:
            >>> import numpy as np
            >>> spikes = np.random.default_rng(0).poisson(0.5, (20, 10, 6))
            >>> model = LFADS(LFADSConfig(n_neurons=6, n_bins=10, bin_width=0.02, n_factors=3))
            >>> model.compile(jit_compile=False)
            >>> sorted(model.test_on_batch(spikes, return_dict=True))
            ['kl_inferred_inputs', 'kl_initial_condition', 'l2', 'loss', 'nll']
        """
        checks.check_no_weights(sample_weight=sample_weight)
        return self._on_batch("test_on_batch", x, y, return_dict)

    def _on_batch(self, ask: str, x: Any, y: None, return_dict: bool) -> Any:
        """Take one step, of training or of validation, on the trials given."""
        self._check_ready(ask)
        checks.check_targets(y)
        check_switch(return_dict, "return_dict")
        checks.check_one_batch(x)
        trials = self._checked(x, "x", "trials")
        if ask == "train_on_batch":
            self._begin(trials, x)
            self.make_train_function()
            run: Any = self.train_function
        else:
            self.make_test_function()
            run = self.test_function
        batch, _ = batches.batches(trials, len(trials["spikes_btn"]))
        self.reset_metrics()
        logs = run(iter(self.distribute_strategy.experimental_distribute_dataset(batch)))
        logs = {name: float(value) for name, value in logs.items()}
        return logs if return_dict else [logs[name] for name in logs]

    def predict(
        self,
        x: Any,
        batch_size: int = 64,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> dict[str, Any]:
        """Return rates and factors at the means of the posteriors, as :meth:`call` does.

        :meth:`infer` averages rates over the posteriors instead; use it to estimate rates.

        Args:
            x: as in :meth:`fit`. With several sessions, rates of neurons that a session does
                not have are meaningless.
            batch_size: trials at most.
            verbose: as in Keras.
            steps: as in Keras: batches of a ``tf.data.Dataset`` without end.
            callbacks: as in Keras.

        Raises:
            TypeError: data that are not numbers.
            ValueError: data that do not fit the model, or an argument out of range.

        Example:
            >>> import numpy as np
            >>> spikes = np.random.default_rng(0).poisson(0.5, (20, 10, 6))
            >>> model = LFADS(LFADSConfig(n_neurons=6, n_bins=10, bin_width=0.02, n_factors=3))
            >>> model.predict(spikes, verbose=0)["factors"].shape
            (20, 10, 3)
        """
        sharding.check_strategy(self._made_under)
        checks.check_weights(self)
        check_whole(batch_size, "batch_size")
        checks.check_optional_whole(steps, "steps")
        checks.check_verbose(verbose)
        callbacks = checks.check_callbacks(callbacks)
        if isinstance(x, tf.data.Dataset):
            checks.check_pipeline(x, "x", self.config, None if steps else "steps")
            x, steps = batches.joined(x, "x", steps), None
        trials = self._checked(x, "x", "trials")
        data, _ = batches.batches(trials, batch_size)
        found = super().predict(data, verbose=verbose, steps=steps, callbacks=callbacks)
        found = {name: array[: len(trials["spikes_btn"])] for name, array in found.items()}
        checks.check_rates(found["rates"])
        return found

    def predict_on_batch(self, x: Any) -> dict[str, Any]:
        """Return what :meth:`predict` does, of the trials of one batch.

        Args:
            x: as in :meth:`train_on_batch`.

        Raises:
            TypeError: data that are not numbers.
            ValueError: data that do not fit the model.

        Example:
            >>> import numpy as np
            >>> model = LFADS(LFADSConfig(n_neurons=6, n_bins=10, bin_width=0.02, n_factors=3))
            >>> model.predict_on_batch(np.ones((2, 10, 6)))["rates"].shape
            (2, 10, 6)
        """
        checks.check_one_batch(x)
        trials = self._checked(x, "x", "trials")
        return self.predict(x, batch_size=len(trials["spikes_btn"]), verbose=0)

    def _check_ready(self, ask: str) -> None:
        """Refuse a model that is not compiled, or was made under another strategy."""
        sharding.check_strategy(self._made_under)
        if not self.compiled:
            raise ValueError(
                f"{ask}: expected a compiled model, received one that is not. Call "
                "model.compile() first."
            )
        self._stateless.check_trained(self.network)
        checks.check_weights(self)
        if ask in ("fit", "train_on_batch"):
            checks.check_rate(self.optimizer)

    def _begin(self, trials: Any, data: Any) -> None:
        """Set the first weights before the first step, and have the optimizer know them."""
        if int(tf.convert_to_tensor(self.step)) == 0:
            initial_weights.start(self.network, trials, data)
        if not self.optimizer.built:  # not before: some begin with a copy of the weights
            self._build_optimizer()

    def _build_optimizer(self) -> None:
        with self.distribute_strategy.scope():
            self.optimizer.build(self.trainable_variables)

    def _checked(
        self,
        data: Any,
        name: str,
        session_weights: Any,
        limit: tuple[str, int | None] = ("steps", None),
        *,
        training: bool = False,
    ) -> Any:
        """Return checked arrays by name, or batches if batches were given, or None."""
        if data is None and name == "validation_data":
            return None
        if data is None:
            raise ValueError(f"{name}: expected a Session, arrays or batches, received None.")
        if isinstance(data, tf.data.Dataset):
            argument, n_used = limit
            checks.check_pipeline(data, name, self.config, None if n_used else argument)
            with checks.as_value_errors():
                return batches.padded_batches(data, self.config, name, n_used)
        return trial_arrays.as_arrays(
            data, self.config, name=name, training=training, session_weights=session_weights
        )

    default_callbacks = staticmethod(default_callbacks)

    # Asking a trained model.

    def infer(self, data: Any, *, n_samples: int = 50, seed: int = 0) -> Inferred:
        """Infer rates, factors, initial conditions and inputs of any trials.

        Each trial is encoded once and decoded from ``n_samples`` samples of its posterior,
        over which the results are averaged.

        Args:
            data: as in :meth:`fit`, with any number of trials; a ``tf.data.Dataset`` is used
                whole. A model that encodes fewer neurons or bins than it reconstructs also
                takes the encoded ones alone. With several sessions: one of them, known by its
                name.
            n_samples: 0: decode the means of the posteriors instead.
            seed: seed of the samples.

        Returns:
            :class:`~lfads_tf.inference.result.Inferred`.

        Raises:
            TypeError: a model of several sessions is given anything but a session.
            ValueError: data that do not fit the model, external inputs that are missing, a
                session that a model of several does not know.

        Example:
            >>> import numpy as np
            >>> spikes = np.random.default_rng(0).poisson(0.5, (20, 10, 6))
            >>> model = LFADS(LFADSConfig(n_neurons=6, n_bins=10, bin_width=0.02, n_factors=3))
            >>> inferred = model.infer(spikes, n_samples=5)
            >>> inferred.rates.shape, inferred.factors.shape
            ((20, 10, 6), (20, 10, 3))
        """
        checks.check_weights(self)
        if isinstance(data, tf.data.Dataset):
            checks.check_pipeline(data, "data", self.config)
            data = batches.joined(data)
        inferred = posterior.infer(self, data, n_samples=n_samples, seed=seed)
        checks.check_rates(inferred.rates)
        return inferred

    def factors_of(self, states: Any) -> Any:
        """Return the factors of states of the generator.

        They are linear in the state, so that fixed points of :attr:`generator` can be drawn
        among the factors of trials, and averages of states among averages of factors.

        Args:
            states: states of the generator, ``(..., generator_units)``.

        Returns:
            ``(..., n_factors)``, a NumPy array of float32.

        Raises:
            TypeError: not an array of real numbers.
            ValueError: states of another size.

        Example:
            >>> model = LFADS(LFADSConfig(n_neurons=6, n_bins=10, bin_width=0.02, n_factors=3))
            >>> model.factors_of([[0.0] * model.generator.units]).tolist()
            [[0.0, 0.0, 0.0]]
        """
        return posterior.factors_of(self.network, states)

    def rates_of(self, states: Any, session: Any = None) -> Any:
        """Return the rates of states of the generator.

        Rates are a nonlinear function of the state: the rates of an average state are not the
            average rates.

        Args:
            states: states of the generator, ``(..., generator_units)``.
            session: for a model of several sessions, the name of the one whose rates are
                returned.

        Returns:
            ``(..., n_neurons)``, a NumPy array of float32: spikes/s, or with another
            observation model than Poisson the expected data, in their unit.

        Raises:
            TypeError: not an array of real numbers.
            ValueError: states of another size; a session that is missing, or that the model
                does not know.

        Example:
            >>> model = LFADS(LFADSConfig(n_neurons=2, n_bins=10, bin_width=0.02, n_factors=1))
            >>> model.rates_of([[0.0] * model.generator.units]).round(3).tolist()
            [[50.0, 50.0]]
        """
        return posterior.rates_of(self.network, states, session)

    @property
    def posterior(self) -> Any:
        """The compiled function behind :meth:`infer`."""
        compiled = self._compile_arguments["jit_compile"] if self.compiled else True
        self._of_posterior = stateless_network(self.network, compiled=bool(compiled))
        run = posterior.posterior_function(self._of_posterior, compiled=bool(compiled))
        return partial(run, self._of_posterior.weights_of(self.network))

    # Several sessions.

    def add_session(
        self,
        session: Session,
        *,
        reference_sessions: Any = None,
        freeze_shared: bool = True,
    ) -> LFADS:
        """Return a copy of this model that has one session more.

        Its weights are those of this model. When it is fitted to the new session, the
        read-ins and read-outs of the others stay what they are, and with ``freeze_shared``
        all that sessions share does too: what is inferred of the older sessions then stays
        the same to the last digit, whatever the new session is.

        Every model takes in sessions. Where there is no read-in, the neurons of the first
        session become the space in which the encoders see all sessions: its own read-in is
        the identity, and that of the new session leads to what the first session's neurons
        would have done, by regression of condition averages on as many shared principal
        components as there are factors (Pandarinath et al. 2018, online methods).

        Args:
            session: the new one, with trials for training.
            reference_sessions: sessions that the model knows, with trials of the same
                conditions: the new read-in begins by regression onto what theirs lead to,
                and the new read-out by regression onto their factors. None: both begin at
                random.
            freeze_shared: False: what the sessions share is trained with the new session.

        Returns:
            The new model, compiled if this one is, with a new optimizer.

        Raises:
            TypeError: no session, or ``freeze_shared`` that is neither true nor false.
            ValueError: a name that the model knows, a session that does not fit the model,
                or conditions that are not those of the sessions it should be like.

        Example:
            >>> import numpy as np
            >>> from lfads_tf import Session
            >>> days = [
            ...     Session(np.ones((8, 10, n)), 0.02, f"day{n}", conditions=np.arange(8) % 2)
            ...     for n in (5, 6)
            ... ]
            >>> model = LFADS(LFADSConfig.for_data(days[0], n_factors=3))
            >>> model.compile(jit_compile=False)
            >>> history = model.fit(days[0], verbose=0)
            >>> more = model.add_session(days[1], reference_sessions=days[0])
            >>> history = more.fit(days[1], verbose=0)
            >>> more.infer(days[1], n_samples=2).rates.shape
            (8, 10, 6)
        """
        old = self.config
        checks.check_new_session(session, old)
        check_switch(freeze_shared, "freeze_shared")
        config = old.with_session(
            session.name,
            session.n_neurons,
            session.n_encode_neurons or session.n_neurons,
            shared_frozen=freeze_shared,
        )
        trial_arrays.arrays_of_session(session, config, name="session", encoded_only=False)
        references: list[Session] = []
        if reference_sessions is not None:
            name = "reference_sessions"
            references = trial_arrays.known_sessions(reference_sessions, old, name)
            as_sessions([*references, session], name)
            common_conditions([*references, session], name)
        new = type(self)(config, name=self.name)
        adding.assign_common(self.network, new.network)
        new.step.assign(self.step)
        for scalar_name, scalar in self.scalars.items():
            new.scalars[scalar_name].assign(scalar)
        if self.compiled:
            new.compile_from_config({**self.get_compile_config(), "optimizer_built": False})
        sessions, bias = new.network.sessions, new.network.bias_for(session.spikes)
        sessions.assign(session.name, sessions.of(session.name)._replace(out_bias=bias))
        if references:
            adding.begin_like(self, new, session, references)
        return new

    def session_agreement(self, sessions: Any, *, n_samples: int = 10) -> SessionAgreement:
        """Measure how far the condition averages of sessions agree, before or after training.

        Args:
            sessions: that the model knows, with the same conditions.
            n_samples: as in :meth:`infer`.

        Returns:
            ``SessionAgreement``: agreement in what the read-ins lead to, and in factor
            space.

        Raises:
            TypeError: no sessions, or a model of a single session.
            ValueError: sessions that the model does not know, or a condition that one lacks.

        Example:
            >>> import numpy as np
            >>> from lfads_tf import Session
            >>> days = [
            ...     Session(np.ones((8, 10, n)), 0.02, f"day{n}", conditions=np.arange(8) % 2)
            ...     for n in (5, 6)
            ... ]
            >>> model = LFADS(LFADSConfig.for_data(days, n_factors=3))
            >>> model.session_agreement(days).factors.names
            ('day5', 'day6')
        """
        if not self.config.n_read_in:
            raise TypeError(
                "model: expected one stitched over sessions, LFADS(LFADSConfig.for_data("
                "[session, ...])), received a model of a single session."
            )
        known = trial_arrays.known_sessions(sessions, self.config, "sessions")
        labels = common_conditions(known)
        seen, factors = {}, {}
        for session in known:
            inferred = self.infer(session, n_samples=n_samples)
            seen[session.name], factors[session.name] = averages_of(
                self.network, session, inferred.factors, labels
            )
        return SessionAgreement(agreement(seen), agreement(factors), labels, factors)

    # What Keras calls in training.

    def make_train_function(self, force: bool = False) -> None:
        """Make the function by which ``fit`` trains on a batch, shared where it can be.

        Args:
            force: make it again where there is one.
        """
        if force or getattr(self, "train_function", None) is None:
            self.train_function = (
                shared_step(self, "train_step") if type(self) is LFADS else None
            )
        super().make_train_function()  # makes one where there is none

    def make_test_function(self, force: bool = False) -> None:
        """Make the function by which ``evaluate`` takes a batch, shared where it can be.

        Args:
            force: make it again where there is one.
        """
        if force or getattr(self, "test_function", None) is None:
            self.test_function = shared_step(self, "test_step") if type(self) is LFADS else None
        super().make_test_function()  # makes one where there is none

    def _numbers(self) -> dict[str, tf.Tensor]:
        """Return the numbers of the configuration that a step needs, as tensors."""
        config = self.config
        return {
            "seed": tf.constant(config.seed),
            "warm_up_steps": tf.constant(config.warm_up_steps),
            "gradient_clip": tf.constant(config.gradient_clip),
        }

    def train_step(
        self, data: Any, numbers: dict[str, tf.Tensor] | None = None
    ) -> dict[str, tf.Tensor]:
        """Update the weights once, for ``fit``."""
        numbers = numbers or self._numbers()
        batch = batches.checked_batch(data, self.config)
        scalars = self._scalar_values()
        shards = steps.make_shards(
            batch, self.config, numbers["seed"], self.step, training=True
        )
        warm_up = warmup(self.step, numbers["warm_up_steps"])
        rate = getattr(self.optimizer, "learning_rate", 0.0)  # before the update: it may fall
        weights = self._stateless.weights_of(self.network)
        results, n_samples = steps.over_shards(
            self._shard_gradients, weights, shards, scalars, warm_up
        )
        parts = steps.added([parts for parts, _ in results])
        norm = self._update_weights(
            [gradients for _, gradients in results], numbers["gradient_clip"]
        )
        bad = steps.first_bad_part(parts, norm, rate)
        is_first = tf.logical_and(bad >= 0, self.bad_part < 0)
        self.bad_part.assign(tf.where(is_first, bad, self.bad_part))
        self.bad_step.assign(tf.where(is_first, self.step, self.bad_step))
        self.step.assign_add(1)
        return {**self._averaged(parts, n_samples, batch), "warm_up": warm_up}

    def test_step(
        self, data: Any, numbers: dict[str, tf.Tensor] | None = None
    ) -> dict[str, tf.Tensor]:
        """Compute the loss of a batch with its final weights, for ``evaluate`` and ``fit``."""
        batch = batches.checked_batch(data, self.config)
        batch.pop("train_mask_btn", None)
        scalars = self._scalar_values()
        seed, step = (numbers or self._numbers())["seed"], tf.zeros((), tf.int64)
        shards = steps.make_shards(batch, self.config, seed, step, training=False)
        weights = self._stateless.weights_of(self.network)
        results, n_samples = steps.over_shards(
            self._shard_loss, weights, shards, scalars, tf.ones(())
        )
        return self._averaged(steps.added(results), n_samples, batch)

    def _scalar_values(self) -> dict[str, tf.Tensor]:
        return {name: tf.convert_to_tensor(value) for name, value in self.scalars.items()}

    def _averaged(self, parts, n_samples, batch) -> dict[str, tf.Tensor]:
        """Return means over the epoch so far, each sample with the same weight."""
        for name in ("loss", *PARTS):
            # Each replica has its part of a mean over the samples of all.
            self._means[name].update_state(sharding.replicas() * parts[name], n_samples)
        names = ["loss", *PARTS]
        if "left_out" in parts:
            n_left_out = tf.reduce_sum(left_out_samples(batch))
            mean = tf.math.divide_no_nan(parts["left_out"], n_left_out)
            self._means["sv_nll"].update_state(mean, n_left_out)
            names.append("sv_nll")
        return {name: self._means[name].result() for name in names}

    @property
    def metrics(self) -> list[keras.Metric]:
        return list(self._means.values())

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        # Before Keras makes tensors of what was given, which have no masks.
        return super().__call__(self._as_batch(inputs), *args, **kwargs)

    def call(self, inputs: Any, training: bool | None = None) -> dict[str, tf.Tensor]:
        """Compute rates and factors at the means of the posteriors, without sampling.

        Args:
            inputs: spikes ``(n_trials, n_bins, n_neurons)``, or a pair of spikes and
                external inputs ``(n_trials, n_bins, n_external_inputs)``.
            training: passed by Keras; without effect.

        Returns:
            ``"rates"``, ``(n_trials, n_bins, n_neurons)`` in spikes/s (with another
            observation model than Poisson the expected data, in their unit), and
            ``"factors"``, ``(n_trials, n_bins, n_factors)``.

        Raises:
            TypeError: data that are not numbers.
            ValueError: data that do not fit the model, missing or unexpected external
                inputs.
        """
        if training is not None and not tf.is_tensor(training):
            check_switch(training, "training")
        batch = batches.checked_batch(self._as_batch(inputs), self.config, "inputs")
        session = self.network.session_weights(batch)
        decoded = posterior.at_means(self.network, batch, session)
        rates = posterior.rates(self.network, decoded.factors, session)
        return {
            "rates": tf.transpose(rates, (1, 0, 2)),
            "factors": tf.transpose(decoded.factors, (1, 0, 2)),
        }

    def _as_batch(self, inputs: Any) -> Any:
        """Check a user's trials, and pass on the package's own batches unchecked."""
        parts = inputs if isinstance(inputs, tuple | list) else [inputs]
        symbolic = any(isinstance(part, keras.KerasTensor) for part in parts)
        if symbolic or not tf.executing_eagerly():
            return inputs
        if isinstance(inputs, dict) and all(map(tf.is_tensor, inputs.values())):
            return inputs  # a batch of predict
        checks.check_one_batch(inputs, "inputs")
        return trial_arrays.as_arrays(inputs, self.config, name="inputs")

    # Saving.

    def save(self, filepath: Any, overwrite: bool = True) -> None:
        """Save the model, whole or not at all.

        Args:
            filepath: path of a ``.keras`` file.
            overwrite: replace an existing file, after the new one is complete.

        Raises:
            ValueError: another ending: Keras could not load the model from an HDF5 file.
            FileExistsError: the file exists, and ``overwrite`` is False.

        Warns:
            UserWarning: weights that are not finite, by name.

        Example:
            >>> import tempfile
            >>> model = LFADS(LFADSConfig(n_neurons=6, n_bins=10, bin_width=0.02, n_factors=3))
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     model.save(Path(folder, "model.keras"))
            ...     [path.name for path in Path(folder).iterdir()]
            ['model.keras']
        """
        check_path(filepath, "filepath")
        check_switch(overwrite, "overwrite")
        if Path(filepath).suffix != ".keras":
            raise ValueError(f"filepath: expected {_FILE}, received {filepath!r}.")
        warn_of_weights(self, filepath)
        with writing(filepath, overwrite=overwrite, make_folder=False) as path:
            super().save(path)

    def get_config(self) -> dict[str, Any]:
        if is_saved_as_hdf5():  # by keras.models.save_model, which asks for nothing else
            raise ValueError(
                f"filepath: expected {_FILE}, received one that ends in .h5 or .hdf5."
            )
        return {"config": self.config.to_dict(), "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> LFADS:
        check_mapping(config, "config")
        check_mapping(custom_objects, "custom_objects", none=True)
        if "config" not in config:
            raise ValueError(
                f"config: expected what get_config gave, received {shown(config)}."
            )
        return cls(LFADSConfig.from_dict(config["config"]), name=config.get("name"))

    def get_compile_config(self) -> dict[str, Any]:
        if not self.compiled:
            return {}
        return {
            "optimizer": keras.saving.serialize_keras_object(self.optimizer),
            "optimizer_built": self.optimizer.built,
            "optimizer_settings": json.dumps(self._settings_of_optimizer()),
            **self._compile_arguments,
        }

    def compile_from_config(self, config: dict[str, Any]) -> None:
        arguments = dict(config)
        built = arguments.pop("optimizer_built", True)
        settings = arguments.pop("optimizer_settings", None)
        optimizer = keras.saving.deserialize_keras_object(arguments.pop("optimizer"))
        self.compile(optimizer, **arguments)
        if built:
            self._build_optimizer()
        if settings is not None:
            self._optimizer_settings = json.loads(settings)

    def _copied(self) -> LFADS:
        """Return a compiled model of equal structure and settings, with weights of its own."""
        copy = LFADS(self.config)
        train_alike(copy.network, self.network)
        copy.compile_from_config({**self.get_compile_config(), "optimizer_built": False})
        copy._build_optimizer()
        copy._prepare_update()  # variables of its own, which no graph can make
        return copy

    def _settings_of_optimizer(self) -> dict[str, Any]:
        """Return the optimizer's settings before callbacks changed them."""
        if int(tf.convert_to_tensor(self.optimizer.iterations)) == 0:
            self._optimizer_settings = checkpoints.settings_of(self.optimizer)
        return self._optimizer_settings


def _watching(data: Any, name: str, limit: str, n_used: int | None) -> list[Any]:
    """Return the watcher for batches of unknown number, which may never end."""
    return [NoEnd(name, limit)] if n_used is None and batches.says_no_number(data) else []


def load_model(path: str | os.PathLike[str]) -> LFADS:
    """Load a model that ``save`` or a checkpoint wrote, identical to what it was.

    ``keras.models.load_model`` does the same once this package's model is imported.

    Args:
        path: a ``.keras`` file.

    Returns:
        The model, compiled if it was.

    Raises:
        TypeError: the file holds another kind of model.
        ValueError: there is no such file, it is no ``.keras`` file, or damaged.

    Warns:
        UserWarning: weights that are not finite, by name.

    Example:
        >>> import os, tempfile
        >>> import numpy as np
        >>> spikes = np.random.default_rng(0).poisson(0.5, (20, 10, 6))
        >>> model = LFADS(LFADSConfig(n_neurons=6, n_bins=10, bin_width=0.02, n_factors=3))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "model.keras")
        ...     model.save(path)
        ...     again = load_model(path)
        >>> again.config == model.config
        True
        >>> bool((again.infer(spikes).rates == model.infer(spikes).rates).all())
        True
    """
    check_path(path)
    if Path(path).suffix != ".keras":
        raise ValueError(
            f"path: expected the name of a .keras file, in which LFADS models are saved, "
            f"received {os.fspath(path)!r}."
        )
    check_model_file(path, "path")
    try:
        model = keras.models.load_model(path)
    except (KeyError, OSError) as error:
        raise ValueError(
            f"path: expected a saved LFADS model, received {os.fspath(path)!r}, which is "
            f"damaged ({error})."
        ) from error
    if not isinstance(model, LFADS):
        raise TypeError(
            f"path: expected a saved LFADS model, received a {type(model).__name__}."
        )
    warn_of_weights(model, path)
    return model
