"""Callbacks, checkpoints, and training that is broken off."""

import os
import signal
import subprocess
import sys
import time
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

from lfads_tf import LFADS, LFADSConfig, load_model
from lfads_tf.training import checkpoints
from lfads_tf.training.checkpoints import read_history

pytestmark = pytest.mark.slow

SMALL = dict(
    n_neurons=5,
    n_bins=10,
    bin_width=0.02,
    encoder_units=6,
    n_initial_conditions=3,
    generator_units=6,
    n_factors=2,
    warm_up_steps=6,
)
X = np.random.default_rng(0).poisson(0.7, (24, 10, 5)).astype("float32")
VALID = np.random.default_rng(1).poisson(0.7, (10, 10, 5)).astype("float32")


def small_model(**changes):
    model = LFADS(LFADSConfig(**{**SMALL, **changes}))
    model.compile(jit_compile=False)
    return model


def fit(model, directory=None, *, epochs=12, extra=(), **options):
    callbacks = model.default_callbacks(directory, save_every=0.0, **options)
    return model.fit(
        X,
        validation_data=VALID,
        batch_size=8,
        epochs=epochs,
        callbacks=[*callbacks, *extra],
        verbose=0,
    )


class BreakOff(keras.callbacks.Callback):
    def __init__(self, epoch, batch=1):
        super().__init__()
        self.at = epoch, batch

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == self.at:
            raise KeyboardInterrupt


# The learning rate falls on the way, and training stops early: both decisions must survive.
OPTIONS = {"lr_patience": 1, "lr_factor": 0.5, "patience": 6}


CONTROLLER = {"n_inferred_inputs": 1, "controller_encoder_units": 4, "controller_units": 4}


@pytest.mark.parametrize("epoch", [1, 4, 8])
def test_a_run_that_was_broken_off_ends_as_one_that_was_not(epoch, tmp_path):
    whole, broken, resumed = (small_model(learning_rate=0.05) for _ in range(3))
    history = fit(whole, tmp_path / "a", epochs=14, **OPTIONS).history
    with pytest.raises(KeyboardInterrupt):
        fit(broken, tmp_path / "b", epochs=14, extra=[BreakOff(epoch)], **OPTIONS)
    again = fit(resumed, tmp_path / "b", epochs=14, resume=True, **OPTIONS).history
    assert history.keys() == again.keys()
    for name in history:
        np.testing.assert_array_equal(history[name], again[name], err_msg=name)
    for one, other in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert len(set(history["learning_rate"])) > 2
    for name in ("best.keras", "last.keras"):
        one, other = (load_model(tmp_path / run / name) for run in ("a", "b"))
        for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b, err_msg=name)


def test_a_run_that_was_killed_is_resumed(tmp_path):
    """Another process, killed in the middle of training as a scheduler does it."""
    program = (
        "import test_training as t, sys; model = t.small_model(warm_up_steps=20);"
        "t.fit(model, sys.argv[1], epochs=10**6)"
    )
    path = os.pathsep.join([os.path.dirname(__file__), os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "run")],
        env={**os.environ, "PYTHONPATH": path},
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while not (tmp_path / "run" / "state.h5").exists() and time.monotonic() < deadline:
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(getattr(signal, "SIGKILL", signal.SIGTERM))
    process.wait()
    n = len(read_history(tmp_path / "run")["loss"])  # the state's epochs, or one more
    resumed = small_model(warm_up_steps=20)
    history = fit(resumed, tmp_path / "run", epochs=n + 3, resume=True).history
    whole = fit(small_model(warm_up_steps=20), epochs=n + 3).history
    np.testing.assert_array_equal(history["loss"], whole["loss"])


def weights_in(directory):
    """All weights of the models of a folder, by file."""
    return {n: load_model(directory / n).get_weights() for n in ("best.keras", "last.keras")}


@pytest.mark.parametrize("name", ["best.keras", "last.keras", "history.csv", "state.h5"])
def test_a_kill_between_two_files_loses_none_of_them(name, tmp_path, monkeypatch):
    """The state is written last: what it says is done, is there."""
    fit(small_model(learning_rate=0.01), tmp_path / "a", epochs=4)
    writing = checkpoints.writing

    def killed(path, **options):
        if path.name == name and ends.epoch == 3:
            raise KeyboardInterrupt
        return writing(path, **options)

    monkeypatch.setattr(checkpoints, "writing", killed)
    ends = BreakOff(None)
    with pytest.raises(KeyboardInterrupt):
        fit(small_model(learning_rate=0.01), tmp_path / "b", epochs=4, extra=[ends])
    monkeypatch.undo()
    fit(small_model(learning_rate=0.01), tmp_path / "b", epochs=4, resume=True)
    for file, weights in weights_in(tmp_path / "a").items():
        for a, b in zip(weights, weights_in(tmp_path / "b")[file], strict=True):
            np.testing.assert_array_equal(a, b, err_msg=file)
    np.testing.assert_equal(read_history(tmp_path / "b"), read_history(tmp_path / "a"))


def test_what_a_run_overwrites_is_gone_before_it_begins(tmp_path):
    """A run killed before its first writing must not be resumed as the one before it."""
    fit(small_model(), tmp_path, epochs=2)
    with pytest.raises(KeyboardInterrupt):
        fit(small_model(), tmp_path, epochs=2, overwrite=True, extra=[BreakOff(0, 0)])
    assert os.listdir(tmp_path) == []
    resumed = fit(small_model(), tmp_path, epochs=3, resume=True).history
    assert resumed["loss"] == fit(small_model(), epochs=3).history["loss"]


def test_validation_now_and_then_leaves_gaps_in_the_history(tmp_path):
    model = small_model()
    model.fit(
        X,
        validation_data=VALID,
        validation_freq=2,
        epochs=5,
        batch_size=8,
        verbose=0,
        callbacks=model.default_callbacks(tmp_path, save_every=0.0),
    )
    history = read_history(tmp_path)
    assert np.isnan(history["val_nll"]).tolist() == [True, False, True, False, True]
    assert np.isfinite(history["loss"]).all()


def test_only_the_same_run_is_resumed(tmp_path):
    fit(small_model(dropout=0.1), tmp_path, epochs=1)
    state = (tmp_path / "state.h5").read_bytes()

    def refuses(message, model=None, x=X, valid=VALID, batch_size=8):
        model = small_model() if model is None else model
        with pytest.raises(ValueError, match=message):
            model.fit(
                x,
                validation_data=valid,
                epochs=2,
                batch_size=batch_size,
                verbose=0,
                callbacks=model.default_callbacks(tmp_path, resume=True),
            )
        assert int(model.step) == 0

    other = small_model(dropout=0.5, kl_initial_condition_weight=1.0)
    had = "expected dropout=0.1, kl_initial_condition_weight=0.3"
    refuses(f"{had}; received dropout=0.5, kl_in", other)
    refuses("expected n_factors=2; received n_factors=3", small_model(n_factors=3))
    refuses("batch_size=8; received batch_size=9", batch_size=9)
    refuses("other trials in x,", x=X[::-1])
    refuses("other trials in validation_data", valid=VALID[1:])
    refuses("other trials in validation_data", valid=None)
    sgd = small_model()
    sgd.compile("sgd", jit_compile=False)
    refuses("optimizer='Adam'; received optimizer='SGD'", sgd)
    assert (tmp_path / "state.h5").read_bytes() == state


def test_a_finished_run_is_not_trained_further(tmp_path):
    model = small_model()
    history = fit(model, tmp_path / "a", epochs=100, **OPTIONS).history
    n = len(history["loss"])
    assert n < 100  # stopped early
    os.remove(tmp_path / "a" / "best.keras")
    again = small_model()
    assert (
        len(fit(again, tmp_path / "a", epochs=100, resume=True, **OPTIONS).history["loss"]) == n
    )
    for one, other in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    rates = load_model(tmp_path / "a" / "best.keras").infer(VALID, n_samples=0).rates
    np.testing.assert_array_equal(rates, model.infer(VALID, n_samples=0).rates)


def test_a_run_is_not_overwritten_without_being_asked(tmp_path):
    fit(small_model(), tmp_path, epochs=1)
    with pytest.raises(FileExistsError, match="resume=True.*overwrite=True"):
        small_model().default_callbacks(tmp_path)
    fit(small_model(), tmp_path, epochs=2, overwrite=True)
    assert len(read_history(tmp_path)["loss"]) == 2
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]


def test_the_best_weights_are_back_at_the_end(tmp_path):
    model = small_model(learning_rate=0.05)
    history = fit(model, tmp_path, epochs=15).history
    first = -(-6 // 3)  # epochs of the warm-up, in which nothing is decided
    best = first + int(np.argmin(history["val_nll_smoothed"][first:]))
    value = model.evaluate(VALID, batch_size=8, verbose=0, return_dict=True)["nll"]
    assert value == pytest.approx(history["val_nll"][best], rel=1e-5)
    last = load_model(tmp_path / "last.keras").evaluate(
        VALID, batch_size=8, verbose=0, return_dict=True
    )
    assert last["nll"] == pytest.approx(history["val_nll"][-1], rel=1e-5)


def test_the_best_weights_do_not_turn_back_the_step(tmp_path):
    """A following fit must not meet the same noise again, nor older scalars."""
    model = small_model(learning_rate=0.05)

    class Assign(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.scalars["dropout"].assign(0.01 * epoch)

    history = fit(model, tmp_path, epochs=100, extra=[Assign()], patience=2).history
    n = len(history["loss"])
    assert n < 100
    assert int(model.step) == 3 * n
    assert float(model.scalars["dropout"]) == pytest.approx(0.01 * (n - 1))


def test_the_warm_up_is_counted_in_steps_not_in_epochs_of_this_fit():
    model = small_model(learning_rate=0.05)
    batches = tf.data.Dataset.from_generator(
        lambda: iter(X.reshape(3, 8, 10, 5)), output_signature=tf.TensorSpec((8, 10, 5))
    )

    def judged(**options):
        early = next(
            c for c in model.default_callbacks() if isinstance(c, keras.callbacks.EarlyStopping)
        )
        smoothed = model.default_callbacks()[0]
        model.fit(
            batches, validation_data=VALID, callbacks=[smoothed, early], verbose=0, **options
        )
        return early.best is not None and bool(np.isfinite(early.best))

    assert not judged(epochs=2)  # whose steps are 0 to 5, all of the warm-up
    assert judged(epochs=1)  # the first after it, though the first of this fit


def test_nothing_is_decided_during_the_warm_up():
    model = small_model(warm_up_steps=30, learning_rate=0.05)  # 10 epochs of 3 steps
    history = fit(model, epochs=30, patience=1, lr_patience=1, lr_factor=0.5).history
    assert history["learning_rate"][:10] == [history["learning_rate"][0]] * 10
    assert 10 < len(history["loss"]) < 30
    assert history["warm_up"][-1] == 1.0


@pytest.mark.parametrize(
    ("weight", "part"),
    [
        ("read_out_bias", "the negative log-likelihood"),
        ("initial_condition_prior/mean", "the KL divergence of the initial condition"),
        ("input_prior/log_noise_variance", "the KL divergence of the inferred inputs"),
    ],
)
def test_nan_stops_training_and_is_named(weight, part):
    model = small_model(**CONTROLLER)
    variable = next(v for v in model.weights if v.path.endswith(weight))

    class Poison(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if int(self.model.step) == 7:
                variable.assign(np.full(variable.shape, np.nan))

    with pytest.raises(FloatingPointError, match=f"step 7: {part} is not finite.*epoch 2"):
        fit(model, extra=[Poison()])
    assert all(np.isfinite(w).all() for w in model.get_weights())
    assert int(model.step) == 6  # the end of the second epoch of three steps
    fit(model, epochs=1)  # and it can go on


def test_a_gradient_that_is_not_finite_is_named():
    model = small_model()

    class Poison(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if int(self.model.step) == 4:
                self.model._update_weights = poisoned

    update = model._update_weights

    def poisoned(gradients, norm):
        return update([[g * float("nan") for g in shard] for shard in gradients], norm)

    model.run_eagerly = True
    with pytest.raises(FloatingPointError, match="step 4: the gradient"):
        fit(model, epochs=2, extra=[Poison()])


def test_a_bad_gradient_does_not_reach_the_folder(tmp_path):
    """The last good epoch stays there, and training can go on from it."""
    model = small_model(warm_up_steps=0)
    update = model._update_weights

    def poisoned(gradients, norm):
        bad = [[tf.where(model.step < 8, g, np.nan) for g in shard] for shard in gradients]
        return update(bad, norm)

    model._update_weights = poisoned  # in the last step of the third epoch
    keras.Model.make_train_function(model)  # a graph of its own
    with pytest.raises(FloatingPointError, match="step 8: the gradient.*epoch 2"):
        fit(model, tmp_path, epochs=4)
    for file, weights in weights_in(tmp_path).items():
        assert all(np.isfinite(w).all() for w in weights), file
    assert len(read_history(tmp_path)["loss"]) == 2
    resumed = fit(small_model(warm_up_steps=0), tmp_path, epochs=4, resume=True).history
    assert resumed["loss"] == fit(small_model(warm_up_steps=0), epochs=4).history["loss"]


def test_training_that_nothing_can_judge_is_warned_of_once():
    model = small_model()
    with pytest.warns(UserWarning, match="validation_data: expected .* received none") as told:
        model.fit(X, epochs=2, verbose=0, callbacks=model.default_callbacks())
    assert len([w for w in told if w.category is UserWarning]) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        model.fit(X, epochs=2, verbose=0)


def test_a_schedule_of_learning_rates_is_left_to_itself(caplog):
    model = small_model(warm_up_steps=0)
    schedule = keras.optimizers.schedules.ExponentialDecay(0.05, 3, 0.5)
    model.compile(keras.optimizers.Adam(schedule), jit_compile=False)
    with caplog.at_level("INFO", logger="lfads_tf"):
        history = fit(model, epochs=8, lr_patience=1).history
    np.testing.assert_allclose(
        history["learning_rate"], 0.05 * 0.5 ** np.arange(1, 9), rtol=1e-5
    )
    assert "schedule" in caplog.text


def test_the_same_seed_gives_the_same_model_and_another_another():
    losses = [
        fit(small_model(seed=s, **CONTROLLER), epochs=2).history["loss"] for s in (0, 0, 1)
    ]
    assert losses[0] == losses[1] != losses[2]
