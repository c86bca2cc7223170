"""Every optimizer of Keras, and what Keras offers beside them, trains a model."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from lfads_tf import LFADS, LFADSConfig, load_model
from lfads_tf.training import steps

BASES = {"Optimizer", "LossScaleOptimizer", "MultiOptimizer"}
NAMES = [
    name
    for name, kind in vars(keras.optimizers).items()
    if isinstance(kind, type)
    and issubclass(kind, keras.optimizers.Optimizer)
    and name not in BASES
]


def adam(**options):
    return keras.optimizers.Adam(1e-2, **options)


def several():
    makers = keras.optimizers
    if not hasattr(makers, "MultiOptimizer"):
        pytest.skip("This Keras has no MultiOptimizer.")
    return makers.MultiOptimizer(makers.OptimizerMap(adam(), {".*kernel": makers.SGD(0.1)}))


OPTIMIZERS = {
    **{name: lambda name=name: getattr(keras.optimizers, name)(1e-2) for name in NAMES},
    "loss scaling": lambda: keras.optimizers.LossScaleOptimizer(adam()),
    "a factor of the loss": lambda: keras.optimizers.SGD(0.1, loss_scale_factor=1024.0),
    "averages": lambda: adam(use_ema=True, ema_momentum=0.5),
    "averages put in": lambda: adam(use_ema=True, ema_overwrite_frequency=2),
    "accumulation": lambda: keras.optimizers.SGD(0.1, gradient_accumulation_steps=2),
    "a schedule": lambda: keras.optimizers.AdamW(
        keras.optimizers.schedules.CosineDecay(1e-2, 100), weight_decay=0.1
    ),
    "several": several,
}
QUICK = {"RMSprop", "averages", "loss scaling"}


def small_model(optimizer, **changes):
    sizes = {"n_neurons": 4, "n_bins": 5, "n_factors": 2, "n_initial_conditions": 3}
    units = {"encoder_units": 4, "generator_units": 5, "warm_up_steps": 0}
    changes = {"dropout": 0.0, "coordinated_dropout": 0.0, **changes}
    model = LFADS(LFADSConfig(bin_width=0.02, **{**sizes, **units, **changes}))
    model.compile(optimizer, jit_compile=False)
    return model


def spikes(n_trials=12):
    return np.random.default_rng(0).poisson(0.7, (n_trials, 5, 4)).astype("float32")


def same(ours, theirs):
    pairs = zip(ours, theirs, strict=True)
    return all(np.array_equal(np.asarray(a), np.asarray(b)) for a, b in pairs)


@pytest.mark.parametrize(
    "name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in OPTIMIZERS]
)
def test_every_optimizer_learns_and_comes_back_identical_from_a_file(name, tmp_path):
    model = small_model(OPTIMIZERS[name]())
    model.fit(spikes(), verbose=0)  # the first step of Ftrl is to zero, from where it learns
    before = model.evaluate(spikes(), verbose=0)[0]
    model.fit(spikes(), epochs=9, verbose=0)
    assert model.evaluate(spikes(), verbose=0)[0] < before
    model.save(tmp_path / "model.keras")
    again = load_model(tmp_path / "model.keras")
    assert same(again.get_weights(), model.get_weights())
    assert same(again.optimizer.variables, model.optimizer.variables)
    going_on = [m.fit(spikes(), verbose=0).history["loss"] for m in (model, again)]
    assert going_on[0] == going_on[1]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_update_is_the_one_that_keras_makes(name):
    """Of a dense model, by the function with which a model of spikes is updated."""
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(3, 8, 4)).astype("f4"), rng.normal(size=(3, 8, 2)).astype("f4")
    weights = [rng.normal(size=shape).astype("f4") for shape in ((4, 3), (3,), (3, 2), (2,))]
    dense = keras.layers.Dense
    models = [
        keras.Sequential([keras.layers.Input((4,)), dense(3, activation="tanh"), dense(2)])
        for _ in range(2)
    ]
    for model in models:
        model.set_weights(weights)
        model.compile(OPTIMIZERS[name](), loss="mse", run_eagerly=True)
        model.optimizer.build(model.trainable_variables)
    keras_own, ours = models
    variables = ours.trainable_variables
    update = steps.update(ours.optimizer, variables, compiled=False).apply
    for inputs, targets in zip(x, y, strict=True):
        keras_own.train_on_batch(inputs, targets)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(ours(inputs) - targets))
        update([tape.gradient(loss, [v.value for v in variables])], tf.constant(1e9))
    for one, other in zip(ours.get_weights(), keras_own.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    assert not same(ours.get_weights(), weights)


@pytest.mark.parametrize("changes", [{}, {"n_inferred_inputs": 1}, {"n_external_inputs": 2}])
def test_no_weight_is_of_size_0(changes):
    model = small_model("adam", **changes)
    assert all(0 not in weight.shape for weight in model.weights)


def test_tensorboard_draws_all_weights(tmp_path):
    pytest.importorskip("tensorboard")
    board = keras.callbacks.TensorBoard(tmp_path, write_images=True, histogram_freq=1)
    model = small_model("adam")
    model.fit(spikes(), validation_data=spikes(), callbacks=[board], verbose=0)
    assert list(tmp_path.glob("*/events*"))


def test_the_optimizer_begins_with_the_weights_that_training_begins_with():
    """A schedule-free one keeps a copy of them, which fit sets after the compilation."""
    if not hasattr(keras.optimizers, "ScheduleFreeAdamW"):
        pytest.skip("This Keras has no ScheduleFreeAdamW.")
    model = small_model(keras.optimizers.ScheduleFreeAdamW(0.0))
    model.fit(spikes() + 3, verbose=0)
    assert (model.network.read_out_bias.numpy() > 1).all()


@pytest.mark.parametrize(
    ("optimizer", "message"),
    [
        (keras.optimizers.Adam, "a Keras optimizer or its name, received <class"),
        ("adamm", "a Keras optimizer or its name, received 'adamm'"),
        (1e-3, "a Keras optimizer or its name, received 0.001"),
    ],
)
def test_what_is_no_optimizer_is_refused(optimizer, message):
    with pytest.raises(ValueError, match=f"^optimizer: expected {message}"):
        small_model(optimizer)


def test_an_optimizer_of_another_model_is_refused():
    optimizer = adam()
    optimizer.build([keras.Variable(1.0)])
    with pytest.raises(ValueError, match="^optimizer: expected one of the model's own"):
        small_model(optimizer)


def test_what_keras_cannot_do_under_a_strategy_is_refused():
    with tf.distribute.OneDeviceStrategy("CPU:0").scope():
        for options in ({"gradient_accumulation_steps": 2}, {"ema_overwrite_frequency": 3}):
            with pytest.raises(
                ValueError, match=f"^optimizer: expected none with {[*options][0]}"
            ):
                small_model(adam(use_ema=True, **options))
