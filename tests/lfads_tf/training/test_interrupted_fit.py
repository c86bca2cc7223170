"""An interrupted ``fit`` raises, and leaves the model with the weights of its last step."""

import keras
import numpy as np
import pytest

from lfads_tf import LFADS, LFADSConfig


class _Interrupt(keras.callbacks.Callback):
    def __init__(self, hook):
        super().__init__()
        setattr(self, hook, self.interrupt)
        self.seen = None

    def on_train_batch_end(self, batch, logs=None):
        self.seen = [keras.ops.convert_to_numpy(w) for w in self.model.trainable_weights]

    def interrupt(self, *arguments, **named):
        raise KeyboardInterrupt


@pytest.fixture(scope="module")
def model():
    model = LFADS(LFADSConfig(n_neurons=6, n_bins=10, bin_width=0.02, n_factors=3))
    adam = keras.optimizers.Adam(0.01, use_ema=True, ema_momentum=0.9)
    model.compile(adam, jit_compile=False)
    return model


@pytest.mark.parametrize("hook", ["on_test_begin", "on_test_batch_end", "on_epoch_end"])
@pytest.mark.parametrize("swap_on_epoch", [False, True])
def test_no_averages_are_left_in_the_place_of_weights(model, hook, swap_on_epoch):
    spikes = np.random.default_rng(0).poisson(0.5, (12, 10, 6)).astype("float32")
    stop = _Interrupt(hook)
    swap = keras.callbacks.SwapEMAWeights(swap_on_epoch=swap_on_epoch)
    with pytest.raises(KeyboardInterrupt):
        model.fit(
            spikes[4:],
            validation_data=spikes[:4],
            batch_size=4,
            epochs=3,
            callbacks=[swap, stop],
            verbose=0,
        )
    for weight, seen in zip(model.trainable_weights, stop.seen, strict=True):
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(weight), seen, rtol=1e-5, atol=1e-6
        )
