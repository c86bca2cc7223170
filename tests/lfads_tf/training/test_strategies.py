"""Training on several replicas, here two virtual devices of one processor."""

import json
import subprocess
import sys

import numpy as np
import pytest

pytestmark = pytest.mark.slow

PROGRAM = """
import json
import keras
import numpy as np
import tensorflow as tf

processor = tf.config.list_physical_devices("CPU")[0]
two = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(processor, two)

from lfads_tf import LFADS, LFADSConfig

x = np.random.default_rng(0).poisson(0.7, (64, 10, 5)).astype("float32")
config = LFADSConfig(
    n_neurons=5, n_bins=10, bin_width=0.02, generator_units=8, encoder_units=6, n_factors=2,
    n_initial_conditions=3, dropout=0.0, coordinated_dropout=0.0, l2_generator_weight=2.0,
    warm_up_steps=0, gradient_clip=10.0,
)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
result = {}
for name, scope in (("one", None), ("two", strategy.scope())):
    if scope is None:
        model = LFADS(config)
    else:
        with scope:
            model = LFADS(config)
    # Unlike Adam, it shows gradients of the wrong size.
    model.compile(keras.optimizers.SGD(0.5), jit_compile=False)
    history = model.fit(x, epochs=8, batch_size=32, verbose=0, validation_data=x)
    names = ("loss", "kl_initial_condition", "val_nll", "l2")
    result[name] = {k: history.history[k] for k in names}
    result[name]["steps"] = int(tf.convert_to_tensor(model.step))
    result[name]["rates"] = float(model.infer(x, n_samples=20).rates.mean())
print(json.dumps(result))
"""


def test_two_replicas_train_as_one():
    """Up to the noise of the posteriors, which differs by replica."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads(done.stdout.splitlines()[-1])
    one, two = result["one"], result["two"]
    assert one["steps"] == two["steps"] == 16
    for name, tolerance in (("loss", 0.02), ("val_nll", 0.02), ("l2", 1e-3), ("rates", 0.05)):
        np.testing.assert_allclose(two[name], one[name], rtol=tolerance, err_msg=name)
    np.testing.assert_allclose(
        two["kl_initial_condition"], one["kl_initial_condition"], rtol=0.15
    )
