"""The model as a user meets it: fitted, evaluated, saved, loaded, asked."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from lfads_tf import LFADS, LFADSConfig, Session, load_model
from lfads_tf.training import batches, sharding

pytestmark = pytest.mark.slow

SMALL = dict(
    n_neurons=7,
    n_bins=12,
    bin_width=0.02,
    encoder_units=8,
    n_initial_conditions=4,
    generator_units=10,
    n_factors=3,
    controller_encoder_units=6,
    controller_units=5,
    warm_up_steps=10,
)


def spikes(n_trials=40, seed=0, n_bins=12, n_neurons=7):
    rng = np.random.default_rng(seed)
    phase = rng.uniform(0, 2 * np.pi, (n_trials, 1, 1))
    time = np.arange(n_bins)[None, :, None]
    rates = np.exp(np.sin(0.5 * time + phase + np.arange(n_neurons)) - 0.5)
    return rng.poisson(rates).astype("float32")


def small_model(compiled=False, **changes):
    """Without XLA by default: it takes longer to compile than these few steps to run."""
    model = LFADS(LFADSConfig(**{**SMALL, **changes}))
    model.compile(jit_compile=compiled)
    return model


KINDS = {
    "plain": {},
    "controller": {"n_inferred_inputs": 2},
    "gaussian inputs": {"n_inferred_inputs": 1, "input_prior": "gaussian"},
    "co-smoothing": {"n_encode_neurons": 5, "n_encode_bins": 9, "n_inferred_inputs": 1},
    "segment": {"initial_condition_bins": 4, "n_inferred_inputs": 1, "controller_lag": 2},
    "no dropout": {"dropout": 0.0, "coordinated_dropout": 0.0},
    "augmented": {"spike_jitter": 2, "temporal_shift": 1.0},
    "samples left out": {"sample_validation": 0.2},
    "gaussian": {"observation": "gaussian"},
    "gamma": {"observation": "gamma"},
    "zero-inflated gamma": {"observation": "zero_inflated_gamma"},
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_model_learns_and_comes_back_identical_from_a_file(kind, tmp_path):
    model = small_model(**KINDS[kind])
    x = spikes()
    if "gamma" in kind and "zero" not in kind:
        x = x + 0.5
    # What moves in time at random, or is judged by fewer samples, takes longer to show.
    epochs = 150 if kind in ("augmented", "samples left out") else 25
    history = model.fit(x, epochs=epochs, batch_size=20, verbose=0, validation_data=x[:20])
    nll = history.history["nll"]
    assert np.mean(nll[-5:]) < np.mean(nll[:5])
    assert np.isfinite(history.history["val_loss"]).all()

    model.save(tmp_path / "model.keras")
    again = load_model(tmp_path / "model.keras")
    assert again.config == model.config
    for name, one, other in zip(
        model.infer(x[:3])._fields, model.infer(x[:3]), again.infer(x[:3]), strict=True
    ):
        np.testing.assert_array_equal(one, other, err_msg=name)
    assert again.evaluate(x, verbose=0, return_dict=True) == model.evaluate(
        x, verbose=0, return_dict=True
    )
    # The optimizer came along: both train on alike.
    one = model.fit(x, epochs=1, verbose=0).history["loss"]
    assert again.fit(x, epochs=1, verbose=0).history["loss"] == one


def test_a_new_rate_compiles_nothing():
    model = small_model(compiled=True, n_inferred_inputs=1)
    model.fit(spikes(), epochs=1, verbose=0, batch_size=20)
    traces = model._shard_gradients.experimental_get_tracing_count()
    rates = {"dropout": 0.3, "coordinated_dropout": 0.5, "l2_generator_weight": 0.1}
    for name, value in rates.items():
        model.scalars[name].assign(value)
    model.optimizer.learning_rate.assign(1e-4)
    history = model.fit(spikes(), epochs=1, initial_epoch=0, verbose=0, batch_size=20)
    assert model._shard_gradients.experimental_get_tracing_count() == traces
    assert history.history["l2"][0] > 0


@pytest.mark.parametrize("changes", [{}, {"n_inferred_inputs": 2}], ids=["plain", "controller"])
def test_neither_xla_nor_the_number_of_shards_changes_the_loss(changes, monkeypatch):
    losses = {}
    for compiled in (True, False):
        for n_shards in (1, 3) if compiled else (1,):
            monkeypatch.setattr(sharding, "default_shards", lambda n, s=n_shards: s)
            model = small_model(compiled, **changes)
            history = model.fit(spikes(), epochs=4, batch_size=20, verbose=0)
            losses[compiled, n_shards] = history.history["loss"]
    first = losses.pop((True, 1))
    for key, other in losses.items():
        np.testing.assert_allclose(other, first, rtol=2e-5, err_msg=str(key))


def test_padding_of_the_last_batch_has_no_weight():
    # 41 trials in batches of 21 leave one row of padding.
    model = small_model(dropout=0.0, coordinated_dropout=0.0)
    x = spikes(41)
    whole = model.evaluate(x, batch_size=41, verbose=0, return_dict=True)
    parts = model.evaluate(x, batch_size=21, verbose=0, return_dict=True)
    # Samples of the posteriors differ by batch, the divergence does not.
    assert parts["kl_initial_condition"] == pytest.approx(
        whole["kl_initial_condition"], rel=1e-5
    )
    assert parts["nll"] == pytest.approx(whole["nll"], rel=0.02)


def test_bins_that_were_not_observed_have_no_say():
    model = small_model(dropout=0.0, coordinated_dropout=0.0)
    x = spikes()
    x[:, 8:, 2] = np.nan
    x[:, :, 4] = np.nan
    other = x.copy()
    model.fit(x, epochs=1, verbose=0)
    weights = (model.network.read_out_kernel, model.network.read_out_bias)
    before = [np.array(w) for w in weights]
    history = model.fit(x, epochs=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    # Nothing of the neuron that was never observed pulls at what reads it out.
    for old, new in zip(before, map(np.array, weights), strict=True):
        changed = (old != new).reshape(-1, 7).all(0)
        assert changed.tolist() == [True] * 4 + [False] + [True] * 2
    assert np.isfinite(model.infer(x).rates).all()
    np.testing.assert_array_equal(x, other)  # the caller's array stays as it was


def test_the_likelihood_adds_up_over_what_was_observed():
    """The encoders see the first bins only; the likelihood of the others is a plain sum."""
    model = small_model(n_encode_bins=8, coordinated_dropout=0.0)
    x = spikes()

    def total(*hidden):
        seen = np.isfinite(x).all(axis=0)
        for neurons in hidden:
            seen[8:, neurons] = False
        data = np.where(seen, x, np.nan)
        mean = model.evaluate(data, verbose=0, return_dict=True)["nll"]
        return mean * np.isfinite(data).sum()

    some, others = slice(0, 2), slice(2, 7)
    assert total() + total(some, others) == pytest.approx(total(some) + total(others), rel=1e-5)


def test_tensorflow_pipelines_train_as_arrays_do():
    """The same trials in the same order give the same history."""
    x = spikes(40)
    from_arrays, from_pipeline = small_model(), small_model()
    shuffled = batches.batches({"spikes_btn": x}, 40, seed=from_arrays.config.seed)[0]
    data = shuffled.map(lambda batch: batch["spikes_btn"])
    one = from_arrays.fit(x, epochs=8, batch_size=40, verbose=0)
    other = from_pipeline.fit(data, epochs=8, steps_per_epoch=1, verbose=0)
    for name, values in one.history.items():
        np.testing.assert_allclose(other.history[name], values, rtol=1e-5, err_msg=name)


def test_the_smaller_last_batch_of_a_pipeline_counts_as_what_it_is():
    x = spikes(40)
    model = small_model(dropout=0.0, coordinated_dropout=0.0)
    data = tf.data.Dataset.from_tensor_slices(x).batch(15)  # the last batch has 10
    one, other = (model.evaluate(d, verbose=0, return_dict=True) for d in (x, data))
    assert one["kl_initial_condition"] == pytest.approx(other["kl_initial_condition"], rel=1e-5)


def test_inference_takes_a_pipeline_whole():
    model = small_model()
    x = spikes(10)
    data = tf.data.Dataset.from_tensor_slices(x).batch(4)
    np.testing.assert_array_equal(model.infer(data).rates, model.infer(x).rates)
    with pytest.raises(ValueError, match="data: expected a tf.data.Dataset that ends"):
        model.infer(data.repeat())
    with pytest.raises(ValueError, match="data: expected at least one batch, received none"):
        model.infer(data.take(0))
    external = np.random.default_rng(1).normal(size=(10, 12, 2)).astype("float32")
    model = small_model(n_external_inputs=2)
    data = tf.data.Dataset.from_tensor_slices((x, external)).batch(4)
    np.testing.assert_array_equal(model.infer(data).rates, model.infer((x, external)).rates)


@pytest.mark.parametrize("policy", ["mixed_float16", "float64"])
def test_a_dtype_policy_of_keras_changes_nothing(policy):
    """Spikes and their likelihoods are computed in single precision, whatever else is."""
    x = spikes()

    def trained():
        model = small_model(n_inferred_inputs=1)
        history = model.fit(x, epochs=2, verbose=0, validation_data=x).history
        return history, model(x)["rates"].numpy()

    history, rates = trained()
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        other, other_rates = trained()
    finally:
        keras.config.set_dtype_policy(before)
    assert history == other
    np.testing.assert_array_equal(rates, other_rates)


def test_sessions_and_external_inputs():
    x = spikes()
    external = np.random.default_rng(1).normal(size=(40, 12, 2)).astype("float32")
    session = Session.from_arrays(x, 0.02, external_inputs=external)
    config = LFADSConfig.for_data(session, **{k: SMALL[k] for k in ("generator_units",)})
    assert (config.n_external_inputs, config.n_factors) == (2, 7)
    model = LFADS(config)
    model.compile()
    model.fit(session, epochs=2, verbose=0)
    np.testing.assert_array_equal(model.infer(session).rates, model.infer((x, external)).rates)
    changed = model.infer((x, external + 1.0)).rates
    assert not np.allclose(changed, model.infer(session).rates)
    with pytest.raises(ValueError, match="external inputs.*n_external_inputs=2, received none"):
        model.infer(x)
    with pytest.raises(ValueError, match="n_inferred_inputs"):
        small_model().fit((x, external))


def test_inference_does_not_depend_on_its_chunks():
    model = small_model(n_inferred_inputs=1)
    x = spikes(70)
    model.fit(x, epochs=2, verbose=0)
    at_means = model.infer(x, n_samples=0)
    for n in (1, 5, 64, 70):  # each compiled for another number of trials
        np.testing.assert_allclose(
            model.infer(x[:n], n_samples=0).rates, at_means.rates[:n], rtol=1e-5
        )
    direct = model(x)
    np.testing.assert_allclose(at_means.rates, direct["rates"], rtol=1e-5)
    np.testing.assert_allclose(at_means.factors, direct["factors"], rtol=1e-4, atol=1e-6)
    same, again = model.infer(x[:4], seed=3), model.infer(x[:4], seed=3)
    np.testing.assert_array_equal(same.rates, again.rates)


def test_posterior_averages_converge_with_the_samples():
    model = small_model(n_inferred_inputs=1)
    x = spikes(8)
    model.fit(spikes(40), epochs=3, verbose=0)
    one, other = (model.infer(x, n_samples=2000, seed=seed).rates for seed in (0, 1))
    few = model.infer(x, n_samples=20, seed=2).rates
    error = np.abs(one - other).mean()
    assert error < 0.2 * np.abs(few - one).mean()  # 10 times fewer by the square root


def test_forward_prediction_takes_the_encoded_part_alone():
    model = small_model(**KINDS["co-smoothing"])
    x = spikes(6)
    np.testing.assert_array_equal(model.infer(x[:, :9, :5]).rates, model.infer(x).rates)
    assert model.infer(x[:, :9, :5]).rates.shape == (6, 12, 7)


def test_samples_left_out_are_measured_where_they_were_observed():
    """As many samples again that are not observed change nothing in their mean."""
    changes = {"sample_validation": 0.25, "dropout": 0.0, "coordinated_dropout": 0.0}
    x = spikes(40)
    history = small_model(**changes).fit(x, epochs=1, verbose=0).history
    assert history["sv_nll"][0] == pytest.approx(history["nll"][0], rel=0.1)
    half = np.where(np.arange(12)[None, :, None] < 6, x, np.nan)
    history = small_model(**changes).fit(half, epochs=1, verbose=0).history
    assert history["sv_nll"][0] == pytest.approx(history["nll"][0], rel=0.1)


def test_the_generator_is_a_cell_that_runs_as_the_model_ran_it():
    model = small_model()
    inferred = model.infer(spikes(5), n_samples=0)
    rnn = keras.layers.RNN(model.generator, return_sequences=True)
    states = inferred.generator_states
    on = rnn(tf.zeros((5, 11, 0)), initial_state=[tf.constant(states[:, 0])])
    np.testing.assert_allclose(on, states[:, 1:], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.full((4, 12, 7), -1.0), "at least 0.*received a least value of -1"),
        (np.full((4, 12, 7), 0.5), "whole numbers.*received 0.5"),
        (np.full((4, 12, 7), np.nan), "NaN only"),
        (np.full((4, 12, 7), np.inf), "infinity"),
        (np.ones((12, 7)), "expected spikes of shape .n_trials, n_bins, n_neurons.*12, 7"),
        (np.ones((4, 13, 7)), "12 bins and 7 neurons.*received 13 bins"),
        (np.ones((4, 12, 8)), "12 bins and 7 neurons.*8 neurons"),
        (np.ones((0, 12, 7)), "at least one trial"),
    ],
)
def test_bad_data_are_refused_before_training(bad, message):
    model = small_model()
    for ask in (model.fit, model.infer, model.evaluate):
        with pytest.raises(ValueError, match=message):
            ask(bad)
    assert int(model.step) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"batch_size": 0}, "batch_size: expected a whole number of at least 1, received 0"),
        ({"batch_size": 2.5}, "batch_size: expected a whole number .*, received 2.5"),
        ({"steps_per_epoch": 2}, "steps_per_epoch: .* tf.data.Dataset .*received 2"),
        ({"y": spikes()}, "y: expected none, .* received an array"),
        ({"validation_split": 0.2}, "validation_split: .*validation_data.* received 0.2"),
        ({"shuffle": True}, "shuffle: .*validation_freq.* received True"),
    ],
)
def test_arguments_that_would_have_no_effect_are_refused(arguments, message):
    model = small_model()
    with pytest.raises((TypeError, ValueError), match=message):
        model.fit(spikes(), **arguments)
    assert int(model.step) == 0
    if "batch_size" in arguments:
        with pytest.raises(ValueError, match=message):
            model.evaluate(spikes(), **arguments)


def test_a_session_of_other_bins_is_refused():
    session = Session.from_arrays(spikes(), 0.01)
    with pytest.raises(ValueError, match="bins of 0.02 s.*received bins of 0.01 s"):
        small_model().fit(session)


def test_what_is_odd_but_possible_is_warned_of():
    x = spikes()
    x[:, :, 3] = 0
    with pytest.warns(UserWarning, match="1 of 7 neurons are silent in all trials .3."):
        small_model().fit(x, epochs=1, verbose=0)
    with pytest.warns(UserWarning, match="8 factors for 7 neurons"):
        LFADSConfig(**{**SMALL, "n_factors": 8})


def test_other_models_are_not_loaded_as_lfads(tmp_path):
    other = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1)])
    other.save(tmp_path / "a.keras")
    with pytest.raises(TypeError, match="expected a saved LFADS model, received a Sequential"):
        load_model(tmp_path / "a.keras")


@pytest.mark.parametrize("ask", ["fit", "evaluate"])
def test_no_data_at_all_is_refused_by_name(ask):
    model = LFADS(LFADSConfig(n_neurons=3, n_bins=4, bin_width=0.02))
    model.compile(jit_compile=False)
    with pytest.raises(ValueError, match="^x: expected a Session, arrays .* received None"):
        getattr(model, ask)(None)
