# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Spikes of a network that integrates white noise
#
# The LFADS tutorial of "Computation through neural population dynamics" (Vyas, Golub,
# Sussillo & Shenoy 2020) infers rates and inputs of a network that was trained to integrate
# white noise. Here such a network is trained in Keras, with that tutorial's numbers, and
# turned into spikes whose rates and inputs are known.
#
# It is a hard case: the input is new in every bin, each bin brings less than two spikes of
# a neuron, and what tells of the input of a bin is a small step along one direction of a
# population that is already moving.

# %%
import keras
import matplotlib.pyplot as plt
import numpy as np

from lfads_tf.data import Session
from lfads_tf.data.synthetic import Synthetic, spikes_from_rates

N_UNITS = 100
N_BINS = 25
BIN_WIDTH = 0.04  # s: a trial lasts 1 s
MAX_RATE = 80.0  # spikes/s, of a unit at +1; at -1 it is silent

# %% [markdown]
# ## The task
#
# The input of a bin is normal about the mean of its trial; the target is the sum so far.

# %%
NOISE = 0.025 / np.sqrt(BIN_WIDTH)  # standard deviation in a bin: 0.125
MEAN, MEAN_SD = -0.01, 0.02  # of the mean of a trial


def white_noise(rng, n_trials, n_bins=N_BINS):
    """Inputs ``(n_trials, n_bins, 1)``."""
    mean = rng.normal(MEAN, MEAN_SD, (n_trials, 1, 1))
    return (mean + NOISE * rng.standard_normal((n_trials, n_bins, 1))).astype(np.float32)


# %% [markdown]
# ## The network
#
# A hundred tanh units, a linear readout, and a first state that is learned as well. The L2
# penalty on all weights keeps the units from saturating.


# %%
class Integrator(keras.Model):
    """A vanilla network with a readout; inputs and outputs ``(n_trials, n_bins, 1)``."""

    def __init__(self, seed=0):
        super().__init__()
        penalty = keras.regularizers.L2(2e-4)
        seeds = iter(range(10 * seed, 10 * seed + 10))

        def normal(sd):
            return keras.initializers.RandomNormal(stddev=sd, seed=next(seeds))

        self.rnn = keras.layers.SimpleRNN(
            N_UNITS,
            return_sequences=True,
            kernel_initializer=normal(1.0),
            recurrent_initializer=normal(0.85 / np.sqrt(N_UNITS)),
            kernel_regularizer=penalty,
            recurrent_regularizer=penalty,
            bias_regularizer=penalty,
        )
        self.readout = keras.layers.Dense(
            1,
            kernel_initializer=normal(1.0 / np.sqrt(N_UNITS)),
            kernel_regularizer=penalty,
        )
        self.start = self.add_weight(
            shape=(N_UNITS,), initializer=normal(0.1), regularizer=penalty, name="start"
        )

    def states(self, inputs, start=None):
        """States of all units, from the learned first state or from given ones."""
        if start is None:
            start = keras.ops.zeros_like(inputs[:, 0, :1]) + self.start
        return self.rnn(inputs, initial_state=start)

    def call(self, inputs):
        return self.readout(self.states(inputs))


def trained_integrator(seed=0, n_steps=10_000, batch_size=128):
    """Trains a network to return the sum of its input so far, on trials it sees once."""
    rng = np.random.default_rng(seed)
    inputs = white_noise(rng, n_steps * batch_size)
    model = Integrator(seed)
    # A large epsilon makes of Adam nearly gradient descent with momentum, which reaches
    # networks of lower rates of change than Adam as it is. Recurrent networks meet rare,
    # very large gradients (Pascanu, Mikolov & Bengio 2013): their norm is clipped.
    rate = keras.optimizers.schedules.ExponentialDecay(0.025, 1, 0.99975)
    optimizer = keras.optimizers.Adam(rate, epsilon=0.1, global_clipnorm=10.0)
    model.compile(optimizer, loss="mse", jit_compile=True)
    model.fit(inputs, inputs.cumsum(axis=1), batch_size=batch_size, shuffle=False, verbose=0)
    return model


# %% [markdown]
# ## Spikes
#
# Each trial starts elsewhere on the network's line of fixed points: where seven bins of
# noise and one without have taken it. A rate is proportional to how far a unit is above
# its lowest value, and spikes are Poisson.

# %%
BINS_BEFORE = 7


def integrator_spikes(model, n_trials=20480, seed=0):
    """Spikes of a trained network, their true rates (in the session) and true inputs."""
    rng = np.random.default_rng([seed, 1])
    before = np.pad(white_noise(rng, n_trials, BINS_BEFORE), [(0, 0), (0, 1), (0, 0)])
    inputs = white_noise(rng, n_trials)
    start = model.states(before)[:, -1]
    states = keras.ops.convert_to_numpy(model.states(inputs, start))
    rates = MAX_RATE * 0.5 * (1.0 + states)
    spikes = spikes_from_rates(rates, BIN_WIDTH, rng)
    session = Session(spikes, BIN_WIDTH, "integrator_rnn", true_rates=rates)
    return Synthetic(session, states, inputs, np.zeros(0, np.int64))


# %% [markdown]
# ## All of it
#
# Under a minute on two cores. The error is to be compared with the variance of the target.
# (Networks of other seeds integrate as well, but by other means: seed 0 makes one whose
# rates change sign from bin to bin.)

# %%
if __name__ == "__main__":
    model = trained_integrator(seed=5)
    inputs = white_noise(np.random.default_rng(2), 1000)
    targets = inputs.cumsum(axis=1)
    outputs = model.predict(inputs, verbose=0)
    error = np.mean((outputs - targets) ** 2)
    print(f"squared error of the sum: {error:.6f}, of a variance of {targets.var():.3f}")

# %%
if __name__ == "__main__":
    data = integrator_spikes(model, seed=5)
    rates = data.session.true_rates
    print(data.session)
    print(f"mean rate: {rates.mean():.1f} spikes/s")

# %% [markdown]
# Left, what the network was trained on. Right, what LFADS is given of one trial (the
# spikes) and what it is to find again (the rates): a bin of a neuron says next to nothing,
# and the hundred of them together say something.

# %%
if __name__ == "__main__":
    time = 1e3 * BIN_WIDTH * np.arange(N_BINS)
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.2), layout="constrained")
    axes[0].step(time, inputs[0, :, 0], where="post", color="0.6", label="input")
    axes[0].plot(time, targets[0, :, 0], color="black", label="sum so far")
    axes[0].plot(time, outputs[0, :, 0], "--", color="#D55E00", label="output")
    axes[0].set(xlabel="time (ms)", ylabel="input, output", title="the task")
    axes[0].legend(frameon=False)
    order = np.argsort(rates[0, -1] - rates[0, 0])
    for axis, values, title in (
        (axes[1], rates[0], "true rates (spikes/s)"),
        (axes[2], data.session.spikes[0], "spikes a bin"),
    ):
        image = axis.imshow(
            values[:, order].T,
            aspect="auto",
            origin="lower",
            extent=(0, 1e3 * BIN_WIDTH * N_BINS, 0, N_UNITS),
            cmap="viridis",
        )
        axis.set(xlabel="time (ms)", ylabel="unit, sorted", title=title)
        figure.colorbar(image, ax=axis)
    plt.show()
