"""Models of equal structure share compiled functions, and nothing else."""

import dataclasses
import gc
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf

from lfads_tf import LFADS, LFADSConfig
from lfads_tf.inference import posterior
from lfads_tf.layers.network import Network
from lfads_tf.layers.stateless import StatelessNetwork, stateless_network
from lfads_tf.training import noise_and_masks, sharding, stateless_optimizers, steps
from lfads_tf.training.objective import loss_parts

SIZES = {
    "n_neurons": 4,
    "n_bins": 6,
    "bin_width": 0.02,
    "n_factors": 3,
    "generator_units": 5,
    "encoder_units": 4,
    "controller_encoder_units": 4,
    "controller_units": 4,
    "n_initial_conditions": 3,
}

#: Another value for each attribute of a configuration.
CHANGES = {
    "n_neurons": 5,
    "n_bins": 7,
    "bin_width": 0.05,
    "n_encode_neurons": 3,
    "n_encode_bins": 5,
    "n_external_inputs": 2,
    "n_inferred_inputs": 2,
    "encoder_units": 6,
    "n_initial_conditions": 4,
    "generator_units": 7,
    "n_factors": 2,
    "controller_encoder_units": 5,
    "controller_units": 6,
    "controller_lag": 2,
    "initial_condition_bins": 2,
    "state_clip": 0.2,
    "initial_condition_prior_variance": 0.7,
    "input_prior": "gaussian",
    "input_prior_time_constant": 0.3,
    "input_prior_noise_variance": 0.4,
    "variance_floor": 0.3,
    "observation": "gaussian",
    "gamma_location": 0.3,
    "dropout": 0.4,
    "coordinated_dropout": 0.0,
    "sample_validation": 0.2,
    "spike_jitter": 1,
    "temporal_shift": 0.5,
    "kl_initial_condition_weight": 0.9,
    "kl_inferred_inputs_weight": 0.5,
    "l2_generator_weight": 2.0,
    "l2_controller_weight": 3.0,
    "l2_encoders_weight": 4.0,
    "warm_up_steps": 5,
    "learning_rate": 1e-2,
    "gradient_clip": 2.0,
    "seed": 9,
    "session_names": ("tuesday",),
    "frozen_sessions": ("session",),
    "shared_frozen": True,
    "n_read_in": 3,
    "read_in_trained": False,
    "read_in_start": "pcr",
    "session_neurons": (4, 3),
    "session_encode_neurons": (3, 2),
}
OF_TWO = {"session_names": ("session", "tuesday"), "session_neurons": (4, 4), "n_read_in": 2}
NEEDS = {  # what else a change is one of
    "n_read_in": OF_TWO | {"n_read_in": 3},
    "read_in_trained": OF_TWO | {"read_in_start": "pcr"},
    "read_in_start": OF_TWO,
    "session_neurons": OF_TWO,
    "session_encode_neurons": OF_TWO | {"n_encode_neurons": 3},
    "gamma_location": {"observation": "zero_inflated_gamma"},
    "frozen_sessions": {"session_names": ("session",)},
}

SHARED = {"seed", "learning_rate", "dropout", "coordinated_dropout", "l2_encoders_weight"}


def spikes(n_trials=12, seed=0, n_bins=6):
    return np.random.default_rng(seed).poisson(0.8, (n_trials, n_bins, 4)).astype("f4")


def compiled(seed=0, optimizer=None, jit_compile=False, **changes):
    model = LFADS(LFADSConfig(**{**SIZES, "seed": seed, **changes}))
    model.compile(optimizer, jit_compile=jit_compile)
    return model


def computed(network, config):
    """All that compiled functions compute of weights, data and noise."""
    n, e = config.n_neurons, config.n_external_inputs
    rng = np.random.default_rng(3)
    batch = {
        "spikes_btn": tf.constant(rng.poisson(1.0, (4, config.n_bins, n)) + 0.5, tf.float32),
        "external_bte": tf.constant(rng.normal(size=(4, config.n_bins, e)), tf.float32),
        "weight_b": tf.ones((4,)),
    }
    if len(config.session_names) > 1:
        batch["session_b"] = tf.constant([0, 1, 1, 0])
    session = network.session_weights(batch)
    decoded = posterior.at_means(network, batch, session)
    answers = [decoded.generator, posterior.rates(network, decoded.factors, session)]
    if config.sample_validation:
        shape = (4, config.encoded_bins, config.encoded_neurons)
        batch["train_mask_btn"] = tf.constant(rng.integers(0, 2, shape), tf.float32)
    noise = noise_and_masks.draw([1, 2], config, 4, training=True)
    scalars = {name: tf.constant(float(getattr(config, name))) for name in steps.SCALARS}
    parts = loss_parts(network, batch, noise, scalars, tf.constant(50.0))
    return [*answers, *parts.values()]


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(LFADSConfig)])
@pytest.mark.filterwarnings("ignore:n_factors")
def test_a_shared_network_computes_what_the_models_own_does(name):
    """For each attribute: it is a part of the structure, or the same functions serve it."""
    base = {**SIZES, "n_inferred_inputs": 1, **NEEDS.get(name, {})}
    first = stateless_network(Network(LFADSConfig(**base)), compiled=False)
    own = Network(LFADSConfig(**{**base, name: CHANGES[name]}))
    session_name = own.config.session_names[0]
    weights = own.sessions.of(session_name)
    own.sessions.assign(session_name, weights._replace(out_bias=weights.out_bias + 0.3))
    shared = stateless_network(own, compiled=False)
    with shared.with_weights(shared.weights_of(own)) as network:
        assert network is not own
        received = computed(network, own.config)
    for one, other in zip(received, computed(own, own.config), strict=True):
        np.testing.assert_array_equal(one, other)
    if name in SHARED:
        assert shared is first


def test_a_second_model_of_equal_sizes_compiles_nothing():
    first = compiled(jit_compile=True)
    first.fit(spikes(), validation_data=spikes(8, 1), verbose=0)
    first.infer(spikes(), n_samples=3)
    functions = dict(first._stateless._functions)
    steps_of_keras = {"copy", "train_step", "test_step"}
    compiled_by_xla = {"loss_and_gradients", "loss_only", "update", "posterior"}
    assert {key if isinstance(key, str) else key[0] for key in functions} == (
        steps_of_keras | compiled_by_xla
    )
    graphs = [f for f in functions.values() if not isinstance(f, LFADS)]
    traces = [f.experimental_get_tracing_count() for f in graphs]
    second = compiled(
        7, keras.optimizers.Adam(1e-2, epsilon=1e-10), True, dropout=0.4, learning_rate=1e-2
    )
    second.fit(spikes(seed=2), validation_data=spikes(8, 3), verbose=0)
    second.infer(spikes(seed=2), n_samples=3)
    assert second._stateless is first._stateless
    assert second._stateless._functions == functions
    assert [f.experimental_get_tracing_count() for f in graphs] == traces


def test_a_dropped_model_leaves_its_programs_to_the_next_and_nothing_else():
    first = compiled(jit_compile=True)
    first.fit(spikes(), verbose=0)
    stateless = first._stateless
    gone = [weakref.ref(thing) for thing in (first, first.network, first.optimizer)]
    del first
    gc.collect()
    assert [thing() for thing in gone] == [None] * 3
    assert compiled(3, jit_compile=True)._stateless is stateless


def test_what_was_not_compiled_by_xla_goes_with_the_last_model():
    first, second = compiled(state_clip=4.25), compiled(1, state_clip=4.25)
    kept = weakref.ref(first._stateless)
    assert second._stateless is kept()
    del first
    gc.collect()
    assert kept() is not None
    del second
    gc.collect()
    assert kept() is None


def test_what_xla_did_not_compile_goes_also_where_another_model_was_compiled_by_it():
    kept = compiled(jit_compile=True, state_clip=4.75)
    model = compiled(state_clip=4.75)
    model.fit(spikes(), verbose=0)
    gone = weakref.ref(model._stateless)
    assert gone() is not kept._stateless
    del model
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("n_shards", [2, 3])
def test_each_number_of_shards_has_a_graph(n_shards, monkeypatch):
    kept = compiled(state_clip=4.0 + n_shards / 16)
    kept.fit(spikes(), verbose=0)
    before = len(kept._stateless._functions)
    monkeypatch.setattr(sharding, "default_shards", lambda n: n_shards)
    compiled(5, state_clip=4.0 + n_shards / 16).fit(spikes(), verbose=0)
    assert len(kept._stateless._functions) == before + 1


@pytest.mark.parametrize("jit_compile", [False, True])
def test_models_that_share_functions_share_no_numbers(jit_compile):
    """Trained in turn, or one alone: the same weights, and the same answers."""

    def answers(model):
        return [*model.get_weights(), *model.infer(spikes(), n_samples=2)]

    alone = compiled(jit_compile=jit_compile)
    for _ in range(2):
        alone.fit(spikes(), verbose=0)
    expected = answers(alone)
    one, other = compiled(jit_compile=jit_compile), compiled(4, jit_compile=jit_compile)
    for _ in range(2):
        one.fit(spikes(), verbose=0)
        other.fit(spikes(seed=5), verbose=0)
    for a, b in zip(answers(one), expected, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not all(map(np.array_equal, answers(other), expected))


def test_a_network_changed_by_hand_shares_nothing():
    usual, changed = compiled(), compiled()
    changed.network.decoder.clip = 0.1
    changed.compile(jit_compile=False)
    assert changed._stateless.network is changed.network
    states = [m.infer(spikes(), n_samples=2).generator_states for m in (usual, changed)]
    assert np.abs(states[1]).max() <= np.float32(0.1) < np.abs(states[0]).max()


class Louder(Network):
    """A network of a user's own."""

    def read_out(self, factors_tbf, session):
        return 2.0 * super().read_out(factors_tbf, session)


def test_a_network_of_another_class_shares_nothing():
    network = Louder(LFADSConfig(**SIZES))
    assert stateless_network(network, compiled=False).network is network


def test_weights_frozen_after_the_compilation_are_refused():
    model = compiled()
    model.network.decoder.generator.trainable = False
    with pytest.raises(ValueError, match="trainable: expected the same weights .* again"):
        model.fit(spikes(), verbose=0)
    model.compile(jit_compile=False)
    before = model.generator.get_weights()
    model.fit(spikes(), verbose=0)
    for one, other in zip(model.generator.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_constraint_on_a_weight_holds():
    model = compiled()
    model.network.decoder.generator.recurrent_kernel.constraint = keras.constraints.NonNeg()
    model.compile(jit_compile=False)
    model.fit(spikes(), verbose=0)
    assert (model.network.decoder.generator.recurrent_kernel.numpy() >= 0).all()


OPTIMIZERS = {
    name: getattr(keras.optimizers, name)
    for name in stateless_optimizers.NAMES
    if hasattr(keras.optimizers, name)
}
OPTIONS = {
    "plain": {},
    "all": {"weight_decay": 1e-2, "use_ema": True, "clipvalue": 0.05},
    "schedule": {
        "learning_rate": keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5),
        "clipnorm": 0.1,
    },
    "scaled": {"loss_scale_factor": 8.0, "global_clipnorm": 0.3},
}


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_copied_optimizer_updates_as_the_original_does(name, options):
    rng = np.random.default_rng(0)
    network = Network(LFADSConfig(**SIZES))
    stateless = StatelessNetwork(Network(LFADSConfig(**SIZES)))
    start = network.get_weights()
    ends = []
    for shared in (None, stateless):
        network.set_weights(start)
        optimizer = OPTIMIZERS[name](**OPTIONS[options])
        optimizer.build(network.trainable_variables)
        assert stateless_optimizers.settings(optimizer, []) is not None
        update = steps.update(
            optimizer, network.trainable_variables, compiled=False, network=shared
        ).apply
        norms = []
        for seed in range(3):
            rng = np.random.default_rng(seed)
            shards = [
                [tf.constant(rng.normal(size=v.shape), tf.float32) for v in start]
                for _ in range(2)
            ]
            norms.append(float(update(shards, tf.constant(0.7))))
        ends.append([*network.get_weights(), *map(np.asarray, optimizer.variables), norms])
    for one, other in zip(*ends, strict=True):
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(ends[1][0], start[0])


def exempted(optimizer):
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    return optimizer


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda: keras.optimizers.Adam(gradient_accumulation_steps=2),
        lambda: keras.optimizers.Adam(use_ema=True, ema_overwrite_frequency=2),
        lambda: exempted(keras.optimizers.AdamW()),
        lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam()),
        lambda: keras.optimizers.Nadam(),
        lambda: type("Own", (keras.optimizers.Adam,), {})(),
    ],
)
def test_other_optimizers_have_no_copy(optimizer):
    assert stateless_optimizers.settings(optimizer(), []) is None
    model = compiled(optimizer=optimizer(), state_clip=3.5)
    model.fit(spikes(), epochs=2, verbose=0)
    assert set(model._stateless._functions) == {
        "loss_and_gradients",
        "loss_only",
    }


def test_a_setting_changed_after_the_compilation_counts():
    """Here as with Keras: it is read when the first step is made."""
    one, other = compiled(optimizer=keras.optimizers.SGD(0.1)), compiled(optimizer="sgd")
    other.optimizer.learning_rate = 0.1
    other.optimizer.weight_decay = 0.5
    for model in (one, other):
        model.fit(spikes(), verbose=0)
    assert not np.array_equal(*(m.network.read_out_kernel.numpy() for m in (one, other)))
