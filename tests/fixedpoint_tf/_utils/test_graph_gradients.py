"""The graph of a custom gradient goes when nobody holds it, and works until then."""

import gc
import weakref

import pytest
import tensorflow as tf
from tensorflow.python.framework import ops

from fixedpoint_tf._utils.graph_gradients import gradients_kept_with_graphs


@tf.custom_gradient
def doubled(x):
    return 2.0 * x, lambda d: 2.0 * d


def traced():
    function = tf.function(
        lambda x: doubled(x) ** 2, input_signature=[tf.TensorSpec([None], "float64")]
    )
    return function, weakref.ref(function.get_concrete_function().graph)


def registered():
    return {name for name in ops.gradient_registry.list() if name.startswith("CustomGradient")}


def test_a_graph_and_the_entries_of_its_gradients_go_with_their_function():
    gc.collect()
    before = registered()
    with gradients_kept_with_graphs():
        function, graph = traced()
    assert len(registered() - before) == 1 and graph() is not None
    del function
    gc.collect()
    assert graph() is None and registered() <= before


def test_gradients_are_those_of_functions_outside():
    x = tf.constant([1.0, 3.0], "float64")
    with gradients_kept_with_graphs():
        kept, _ = traced()
    for function in (kept, traced()[0]):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                y = function(x)
            slope = inner.gradient(y, x)
        assert slope.numpy().tolist() == [8.0, 24.0]
        assert outer.gradient(slope, x).numpy().tolist() == [8.0, 8.0]


def test_gradients_inside_of_loops_are_there():
    @tf.function(autograph=False)
    def repeated(x):
        return tf.while_loop(lambda i, x: i < 3, lambda i, x: (i + 1, doubled(x)), (0, x))[1]

    x = tf.constant([1.0])
    with gradients_kept_with_graphs():
        repeated(x)
    gc.collect()
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = repeated(x)
    assert tape.gradient(y, x).numpy().tolist() == [8.0]


def test_entries_of_others_stay_as_they_are():
    with gradients_kept_with_graphs():
        pass
    function, _ = traced()
    own = registered()
    entries = {name: ops.gradient_registry._registry[name]["type"] for name in own}
    with pytest.raises(RuntimeError), gradients_kept_with_graphs():
        raise RuntimeError
    after = {name: ops.gradient_registry._registry[name]["type"] for name in own}
    assert entries == after and function is not None
