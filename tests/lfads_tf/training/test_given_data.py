"""What fit, evaluate, infer and their kin are given is taken alike, or refused by its name."""

import os

import keras
import numpy as np
import pytest
import tensorflow as tf
from each import each

from lfads_tf import LFADS, LFADSConfig, Session

SPIKES = np.random.default_rng(0).poisson(0.7, (12, 5, 4)).astype("float32")
Dataset = tf.data.Dataset


@pytest.fixture(scope="module")
def model():
    made = LFADS(
        LFADSConfig(
            n_neurons=4,
            n_bins=5,
            bin_width=0.02,
            n_factors=2,
            encoder_units=4,
            generator_units=4,
        )
    )
    made.compile(jit_compile=False)
    return made


def ways(model):
    """All that take trials; each must refuse alike, before any work."""
    return {
        "fit": lambda x: model.fit(x, verbose=0),
        "validation": lambda x: model.fit(SPIKES, validation_data=x, verbose=0),
        "evaluate": lambda x: model.evaluate(x, verbose=0),
        "infer": lambda x: model.infer(x, n_samples=2),
        "predict": lambda x: model.predict(x, verbose=0),
        "train_on_batch": model.train_on_batch,
        "test_on_batch": model.test_on_batch,
        "predict_on_batch": model.predict_on_batch,
    }


ON_BATCH = ("train_on_batch", "test_on_batch", "predict_on_batch")
NAMES = {"infer": "data", "validation": "validation_data"}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (SPIKES.astype(str), "an array of real numbers, received ndarray of <U"),
        (SPIKES.astype("i8").astype("M8[D]"), "an array of real numbers, .* datetime64"),
        (SPIKES + 1j, "an array of real numbers, .*complex"),
        (np.where(SPIKES > 1, None, SPIKES), "an array of real numbers, .*object"),
        ({"spikes": SPIKES}, "an array of real numbers, received dict"),
        ("data.h5", "an array of real numbers, received str"),
        ((trial for trial in SPIKES), "an array of real numbers, received generator"),
        ([[[1], [2, 3]], [[1], [2, 3]]], "an array of real numbers, received list"),
        (SPIKES[0], r"spikes of shape \(n_trials, n_bins, n_neurons\)"),
        (SPIKES.transpose(2, 1, 0), "5 bins and 4 neurons, .* received 5 bins and 12 neurons"),
        (SPIKES * np.nan, "observed samples, received NaN only"),
    ],
)
def test_wrong_trials_are_refused_by_name(model, wrong, message):
    step = int(model.step)
    for way, ask in ways(model).items():
        with pytest.raises(
            (TypeError, ValueError), match=f"^{NAMES.get(way, 'x')}: expected {message}"
        ):
            ask(wrong)
    assert int(model.step) == step


@pytest.mark.parametrize(
    ("pipeline", "message"),
    [
        (Dataset.from_tensor_slices(SPIKES[:0]).batch(8), "at least one batch, received none"),
        (Dataset.from_tensor_slices(SPIKES).batch(8).repeat(), "a tf.data.Dataset that ends"),
        (
            Dataset.from_tensor_slices({"spikes": SPIKES}).batch(8),
            "batches of .*dictionaries of 's",
        ),
        (
            Dataset.from_tensors(tf.ragged.constant([[1.0], [2.0, 3.0]])),
            ".*received RaggedTensor",
        ),
        (Dataset.from_tensors(tf.sparse.from_dense(SPIKES[0])), ".*received SparseTensor"),
        (
            Dataset.from_tensor_slices(SPIKES.astype(str)).batch(8),
            ".*received tensors of string",
        ),
        (Dataset.from_tensor_slices(SPIKES + 1j).batch(8), ".*received tensors of complex"),
        (Dataset.from_tensor_slices(SPIKES), r"(batches of )?spikes of shape \(n_trials"),
        (Dataset.from_tensor_slices(-SPIKES - 1).batch(8), "data of at least 0"),
        (Dataset.from_tensor_slices(SPIKES * np.nan).batch(8), "observed samples, .*NaN only"),
    ],
    ids=[
        "empty",
        "endless",
        "dict",
        "ragged",
        "sparse",
        "text",
        "complex",
        "single",
        "negative",
        "NaN",
    ],
)
def test_wrong_pipelines_are_refused_by_name(model, pipeline, message):
    for way, ask in ways(model).items():
        expected = "the trials of one batch" if way in ON_BATCH else message
        with pytest.raises(
            (TypeError, ValueError), match=f"^{NAMES.get(way, 'x')}: expected {expected}"
        ):
            ask(pipeline)


def test_an_endless_pipeline_is_looked_at_as_far_as_it_is_used(model):
    unseen = np.full_like(SPIKES, np.nan)
    data = Dataset.from_tensor_slices(np.concatenate([unseen, SPIKES])).batch(6).repeat()
    assert np.isfinite(model.evaluate(data, steps=3, verbose=0)[0])
    with pytest.raises(ValueError, match="^x: expected observed samples, received NaN only"):
        model.evaluate(data, steps=2, verbose=0)


def test_batches_that_do_not_fit_the_first_are_refused(model):
    spec = tf.TensorSpec((None, None, 4))
    for parts, message in (
        ((SPIKES[:4], SPIKES[:8]), "no batch larger than the first, of 4 trials"),
        ((SPIKES[:4], SPIKES[:4, :3]), r"batches of shape \(n_trials, 5, 4\), as the first"),
    ):
        data = Dataset.from_generator(lambda parts=parts: iter(parts), output_signature=spec)
        with pytest.raises(ValueError, match=f"^x: expected {message}"):
            model.fit(data, verbose=0)


def test_a_pipeline_that_says_no_shape_is_taken(model):
    data = Dataset.from_generator(lambda: iter(SPIKES), output_types=tf.float32).batch(5)
    ours = model.evaluate(SPIKES, batch_size=5, verbose=0)
    np.testing.assert_allclose(model.evaluate(data, verbose=0), ours, rtol=0.1)


def test_the_same_trials_in_any_form_say_the_same(model):
    session = Session(SPIKES, 0.02)
    forms = [SPIKES, session, [session], (SPIKES, None), SPIKES.tolist(), tf.constant(SPIKES)]
    forms.append(list(SPIKES))
    asks = [
        ways(model)[way] for way in ("infer", "test_on_batch", "predict", "predict_on_batch")
    ]
    for ask in asks:
        first, *others = [ask(form) for form in forms]
        for other in others:
            np.testing.assert_array_equal(
                *(
                    tf.nest.flatten(list(r.values()) if isinstance(r, dict) else r)[0]
                    for r in (first, other)
                )
            )
    two = model.infer([SPIKES[0], SPIKES[1]], n_samples=2)
    np.testing.assert_array_equal(two.rates, model.infer(SPIKES[:2], n_samples=2).rates)
    masked = np.ma.masked_array(SPIKES, mask=SPIKES > 1)
    missing = np.where(SPIKES > 1, np.nan, SPIKES)
    assert model.test_on_batch(masked) == model.test_on_batch(missing)


def test_predict_takes_a_pipeline_whole(model):
    ours = model.predict(SPIKES, verbose=0)
    data = Dataset.from_tensor_slices(SPIKES).batch(5)
    endless = Dataset.from_tensor_slices(SPIKES).repeat().batch(5)
    for given, steps in ((data, None), (endless, 3)):
        found = model.predict(given, steps=steps, verbose=0)
        np.testing.assert_allclose(found["rates"][:12], ours["rates"], rtol=1e-5)
        assert len(found["rates"]) == (12 if steps is None else 15)


def test_steps_on_batches_are_those_of_fit():
    """Trials are all alike, and do not say in which order fit drew them."""
    config = LFADSConfig(
        n_neurons=4,
        n_bins=5,
        bin_width=0.02,
        n_factors=2,
        encoder_units=4,
        generator_units=4,
    )
    losses = []
    trials = SPIKES[[0] * 6]
    for way in ("fit", "train_on_batch"):
        made = LFADS(config)
        made.compile(keras.optimizers.SGD(0.0), jit_compile=False)
        if way == "fit":
            losses.append(made.fit(trials, epochs=2, verbose=0).history["loss"])
        else:
            losses.append([made.train_on_batch(trials)[0] for _ in range(2)])
        assert int(made.step) == 2
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"callbacks": keras.callbacks.TerminateOnNaN()}, "callbacks: expected a list"),
        ({"callbacks": ["x"]}, "callbacks: expected a list of Keras's callbacks, .* 'x'"),
        ({"epochs": 1.5}, "epochs: expected a whole number"),
        ({"epochs": True}, "epochs: expected a whole number"),
        ({"initial_epoch": -1}, "initial_epoch: expected a whole number"),
        ({"validation_freq": 0}, "validation_freq: expected a whole number"),
        ({"validation_freq": ["x"]}, "validation_freq: expected a whole number"),
        ({"validation_steps": 0}, "validation_steps: expected a whole number"),
        ({"verbose": "x"}, "verbose: expected 'auto', 0, 1 or 2"),
        ({"batch_size": None}, "batch_size: expected a whole number"),
    ],
)
def test_arguments_of_fit_are_checked_when_given(model, arguments, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        model.fit(SPIKES, **{"verbose": 0, **arguments})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"jit_compile": "yes"}, "jit_compile: expected True or False"),
        ({"run_eagerly": "no"}, "run_eagerly: expected True or False"),
        ({"steps_per_execution": 0}, "steps_per_execution: expected a whole number"),
        ({"steps_per_execution": "auto"}, "steps_per_execution: expected a whole number"),
    ],
)
def test_arguments_of_compile_are_checked_when_given(model, arguments, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        model.compile(**arguments)


def test_a_model_that_is_not_compiled_says_so():
    made = LFADS(LFADSConfig(n_neurons=4, n_bins=5, bin_width=0.02, n_factors=2))
    with pytest.raises(ValueError, match="^fit: expected a compiled model"):
        made.fit(SPIKES)


@each(
    case=[
        ({"save_every": float("nan")}, "save_every: expected a number of at least 0"),
        ({"save_every": "1"}, "save_every: expected a number"),
        ({"patience": "3"}, "patience: expected a whole number"),
        ({"patience": float("nan")}, "patience: expected a whole number"),
        ({"patience": -1}, "patience: expected a whole number of at least 0"),
        ({"lr_patience": None}, "lr_patience: expected a whole number"),
        ({"lr_factor": float("nan")}, "lr_factor: expected a number between 0 and 1"),
        ({"lr_factor": 1.0}, "lr_factor: expected a number between 0 and 1"),
        ({"least_learning_rate": "x"}, "least_learning_rate: expected a number"),
        ({"resume": 1}, "resume: expected True or False"),
        ({"resume": True}, "resume: expected a directory"),
        ({"overwrite": "yes"}, "overwrite: expected True or False"),
        ({"directory": 3}, "directory: expected a path"),
        ({"directory": ""}, "directory: expected a path"),
        ({"directory": __file__}, "directory: expected a folder, received the file"),
        ({"overwrite": True}, "overwrite: expected a directory"),
        ({"directory": os.devnull}, "directory: expected a folder, received '/dev/null'"),
        ({"directory": "/proc/no/such"}, "directory: expected a folder, received '/proc"),
        ({"directory": f"{__file__}/a"}, "directory: expected a folder, received"),
        ({"directory": "a" * 300}, "directory: expected a folder, received"),
        ({"directory": "a", "resume": True, "overwrite": True}, "resume: expected resume or"),
    ],
)
def test_all_of_default_callbacks_is_checked_when_they_are_made(case):
    arguments, message = case
    with pytest.raises(ValueError, match=f"^{message}"):
        LFADS.default_callbacks(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_samples": 2.0}, "n_samples: expected a whole number of at least 0"),
        ({"n_samples": True}, "n_samples: expected a whole number of at least 0"),
        ({"n_samples": "3"}, "n_samples: expected a whole number of at least 0"),
        ({"seed": -1}, "seed: expected a whole number"),
        ({"seed": 1.5}, "seed: expected a whole number"),
        ({"seed": 2**70}, "seed: expected a whole number"),
    ],
)
def test_arguments_of_infer_are_checked_when_given(model, arguments, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        model.infer(SPIKES, **arguments)


def settings(**changes):
    return keras.optimizers.AdamW(**{"learning_rate": 1e-2, "weight_decay": 0.0, **changes})


def trained(optimizer, epochs, folder, extra=(), **options):
    made = LFADS(
        LFADSConfig(
            n_neurons=4,
            n_bins=5,
            bin_width=0.02,
            n_factors=2,
            encoder_units=3,
            generator_units=3,
            warm_up_steps=0,
        )
    )
    made.compile(optimizer, jit_compile=False)
    callbacks = [*made.default_callbacks(folder, **options), *extra]
    made.fit(SPIKES, validation_data=SPIKES, epochs=epochs, callbacks=callbacks, verbose=0)
    return made


def test_a_run_goes_on_with_all_settings_of_its_optimizer(tmp_path):
    lowering = {"lr_patience": 0, "lr_factor": 0.5}
    model = trained(settings(), 4, tmp_path, **lowering)
    assert float(model.optimizer.learning_rate) < 1e-2  # a plateau's doing, no other setting
    for name, value, shown in (
        (
            "weight_decay",
            5.0,
            "optimizer.weight_decay=0.0; received optimizer.weight_decay=5.0",
        ),
        ("beta_1", 0.5, "optimizer.beta_1=0.9; received optimizer.beta_1=0.5"),
        ("learning_rate", 0.5, r"optimizer.learning_rate=0.00999\d*; received .*=0.5"),
        ("use_ema", True, "optimizer.use_ema=False; received optimizer.use_ema=True"),
        ("global_clipnorm", 1.0, "optimizer.global_clipnorm=None; received .*=1.0"),
    ):
        with pytest.raises(ValueError, match=f"^resume: expected {shown}"):
            trained(settings(**{name: value}), 4, tmp_path, resume=True)
    callbacks = model.default_callbacks(tmp_path, resume=True, **lowering)
    model.fit(SPIKES, validation_data=SPIKES, epochs=5, callbacks=callbacks, verbose=0)
    assert int(model.step) == 5


@pytest.mark.slow
@pytest.mark.parametrize("swap_on_epoch", [False, True])
def test_a_run_with_averages_of_weights_goes_on_as_if_never_broken_off(tmp_path, swap_on_epoch):
    def swap():
        return [keras.callbacks.SwapEMAWeights(swap_on_epoch=swap_on_epoch)]

    def averaging():
        return settings(use_ema=True, ema_momentum=0.8)

    trained(averaging(), 2, tmp_path, swap())
    resumed = trained(averaging(), 4, tmp_path, swap(), resume=True)
    whole = trained(averaging(), 4, None, swap())
    for one, other in zip(resumed.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_averages_that_are_not_there_or_would_be_written_as_the_state_are_refused(tmp_path):
    swap = keras.callbacks.SwapEMAWeights(swap_on_epoch=True)
    with pytest.raises(
        ValueError, match="^callbacks: expected SwapEMAWeights with an optimizer"
    ):
        trained(settings(), 1, None, [swap])
    checkpoint = LFADS.default_callbacks(tmp_path)[-1]
    with pytest.raises(ValueError, match="^callbacks: expected SwapEMAWeights.*behind those"):
        trained(settings(use_ema=True), 1, None, [swap, checkpoint])
