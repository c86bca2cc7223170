"""What was made for a finder or a model goes with it: nothing lives on, no graph is left."""

import gc
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.eager import context as eager_context

from fixedpoint_tf import FixedPointFinder
from fixedpoint_tf.tasks import train_task
from lfads_tf import LFADS, LFADSConfig

pytestmark = pytest.mark.slow


def kept(make, n):
    """Graphs and registered functions after making and dropping a few, and what still lives."""
    made = [weakref.ref(thing) for k in range(n) for thing in make(k)]
    gc.collect()
    graphs = sum(type(thing).__name__ == "FuncGraph" for thing in gc.get_objects())
    functions = len(eager_context.context().list_function_names())
    return graphs, functions, sum(one() is not None for one in made)


def asked(rnn, k, **sizes):
    finder = FixedPointFinder(rnn, random_seed=k, verbose=False, **sizes)
    rng = np.random.default_rng(k)
    inputs = rng.normal(size=(4, 20, finder.system.n_inputs))
    states = finder.sample_states(finder.simulate(inputs), 16, noise_scale=0.3)
    points, _ = finder.find_fixed_points(states, np.zeros((1, finder.system.n_inputs)))
    finder.linear_error(points, n_steps=3, n_directions=4)
    finder.sample_slow_states(states, np.zeros((1, finder.system.n_inputs)), n_steps=20)
    return [finder, finder.system, points, finder.sum_index(points)]


def of_layer(layer):
    def make(k):
        keras.utils.set_random_seed(k)
        model = keras.Sequential([keras.Input((None, 2)), layer(4, return_sequences=True)])
        return [model, *asked(model, k)]

    return make


def of_cell(k):
    """A layer whose activation has a gradient of its own, which TensorFlow registers."""
    keras.utils.set_random_seed(k)
    options = {"activation": lambda x: tf.nn.silu(0.5 * x), "return_sequences": True}
    layer = keras.layers.SimpleRNN(3, **options)
    model = keras.Sequential([keras.Input((None, 2)), layer])
    return [model, *asked(model, k)]


def of_function(k):
    weights = np.random.default_rng(k).normal(size=(3, 3)) / 2

    def update(h, u):
        return tf.tanh(tf.matmul(h, tf.constant(weights, h.dtype))) + 0.0 * u[:, :1]

    return [update, *asked(update, k, n_states=3, n_inputs=2)]


def of_task(k):
    model = train_task("flip_flop", seed=k, units=6, epochs=2, n_trials=16)
    return [model, *asked(model, k)]


def of_recordings(k):
    spikes = np.random.default_rng(k).poisson(0.5, (20, 6, 5))
    sizes = {"n_factors": 3, "generator_units": 8, "encoder_units": 8}
    model = LFADS(LFADSConfig(n_neurons=5, n_bins=6, bin_width=0.02, seed=k, **sizes))
    model.compile(jit_compile=False)
    model.fit(spikes[4:], validation_data=spikes[:4], epochs=1, verbose=0)
    model.evaluate(spikes, verbose=0)
    model.predict(spikes, verbose=0)
    model.infer(spikes, n_samples=3)
    return [model, model.network, model.optimizer]


@pytest.mark.parametrize(
    "make",
    [
        of_layer(keras.layers.SimpleRNN),
        of_layer(keras.layers.GRU),
        of_layer(keras.layers.LSTM),
        of_cell,
        of_function,
        of_task,
        of_recordings,
    ],
    ids=["SimpleRNN", "GRU", "LSTM", "own cell", "function", "task", "recordings"],
)
def test_nothing_is_left_of_what_was_dropped(make):
    """The first ones may leave what those of their kind share; later ones leave no more."""
    first = kept(make, 3)
    assert first[2] == 0
    assert kept(lambda k: make(3 + k), 3) == first
