"""One, two or no replicas of a model: the same loss, to rounding, with all its noise."""

import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from lfads_tf import LFADS, LFADSConfig

PROGRAM = """
import json
import keras
import numpy as np
import tensorflow as tf

processor = tf.config.list_physical_devices("CPU")[0]
two = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(processor, two)

from lfads_tf import LFADS, LFADSConfig

x = np.random.default_rng(0).poisson(0.7, (11, 5, 4)).astype("float32")
config = LFADSConfig(
    n_neurons=4, n_bins=5, bin_width=0.02, generator_units=5, encoder_units=4, n_factors=2,
    n_initial_conditions=3, n_inferred_inputs=1, controller_units=3,
    controller_encoder_units=3, dropout=0.2, coordinated_dropout=0.3, spike_jitter=1,
    temporal_shift=0.5, l2_generator_weight=2.0, warm_up_steps=0,
)
mirrored = tf.distribute.MirroredStrategy
strategies = {
    "none": tf.distribute.get_strategy(), "one": mirrored(["CPU:0"]),
    "two": mirrored(["CPU:0", "CPU:1"]),
}
result = {}
for name, strategy in strategies.items():
    with strategy.scope():
        model = LFADS(config)
        model.compile(OPTIMIZER, jit_compile=False)
    history = model.fit(x, epochs=2, batch_size=6, verbose=0, validation_data=x).history
    more = model.train_on_batch(x[:7]) + model.test_on_batch(x[:7])
    rates = model.predict(x, verbose=0)["rates"].sum((0, 1)).tolist()
    result[name] = {**history, "on_batch": more, "rates": rates}
print(json.dumps(result))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "optimizer",
    [
        # Unlike Adam, it shows gradients of the wrong size.
        "keras.optimizers.SGD(0.3, momentum=0.5)",
        "keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.3, use_ema=True))",
    ],
)
def test_a_strategy_changes_nothing_but_rounding(optimizer):
    """Batches of six and of five trials, which two replicas cannot share evenly."""
    program = PROGRAM.replace("OPTIMIZER", optimizer)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads(done.stdout.splitlines()[-1])
    none = result.pop("none")
    assert none["loss"][1] < none["loss"][0]
    for strategy, values in result.items():
        assert values.keys() == none.keys()
        for name, value in values.items():
            np.testing.assert_allclose(
                value, none[name], rtol=2e-5, atol=1e-7, err_msg=f"{strategy}: {name}"
            )


def test_one_device_trains_as_none():
    """The strategy of a machine that has no more than one."""
    x = np.random.default_rng(0).poisson(0.7, (6, 3, 4)).astype("float32")
    losses = []
    for strategy in (tf.distribute.get_strategy(), tf.distribute.MirroredStrategy(["CPU:0"])):
        with strategy.scope():
            model = LFADS(
                LFADSConfig(
                    n_neurons=4,
                    n_bins=3,
                    bin_width=0.02,
                    n_factors=2,
                    encoder_units=3,
                    generator_units=3,
                )
            )
            model.compile(jit_compile=False)
        losses.append(model.fit(x, epochs=2, verbose=0).history["loss"])
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-6)


def test_strategies_of_several_machines_are_refused():
    config = LFADSConfig(n_neurons=3, n_bins=2, bin_width=0.02, n_factors=2)
    message = "^strategy: expected tf.distribute.MirroredStrategy.*one machine, received .*"
    for strategy in (
        tf.distribute.MultiWorkerMirroredStrategy(),
        tf.distribute.experimental.CentralStorageStrategy(),
    ):
        with strategy.scope(), pytest.raises(ValueError, match=message + "population"):
            LFADS(config)
    model = LFADS(config)
    model.compile(jit_compile=False)
    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        with pytest.raises(
            ValueError, match="^strategy: expected a model that was made in the"
        ):
            model.fit(np.ones((4, 2, 3)), verbose=0)
