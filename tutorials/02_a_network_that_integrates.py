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
# # 2. A network that integrates white noise
#
# **You will learn** how a recurrent network is built and trained in Keras, how to tell whether
# it does what it should, and how its units become neurons that spike. **Time:** under two
# minutes on two cores; `TUTORIALS_FAST=1` in the environment trains for fewer steps. **You
# need** Python; tutorial 1 is a help.
#
# A recurrent network has a state $h_t$, one number for each of its units, and an input $u_t$:
#
# $$h_{t+1} = \tanh(W h_t + B u_t + b), \qquad y_t = C h_t + c .$$
#
# Training finds weights with which the output $y_t$ is what one wants: here the sum of all
# input so far. That takes a memory without end, since what came first must count at the end as
# much as what came last, and nothing in the units provides one: each of them forgets in a
# step. The memory is a matter of the weights between them.
#
# It is the network on which the LFADS tutorial of "Computation through neural population
# dynamics" (Vyas, Golub, Sussillo & Shenoy 2020) infers rates and inputs, with that tutorial's
# numbers. Tutorial 3 does the same with its spikes, whose rates and inputs are known. That is a
# hard case: the input is new in every bin, each bin brings less than two spikes of a
# neuron, and what tells of the input of a bin is a small step along one direction of a
# population that is already moving.

# %%
import os

import keras
import matplotlib.pyplot as plt
import numpy as np

from lfads_tf import Session
from lfads_tf.analysis import principal_components
from lfads_tf.data.synthetic import Synthetic, spikes_from_rates

FAST = bool(os.environ.get("TUTORIALS_FAST"))  # a shorter run, for tests

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
# ## Does it integrate?
#
# Training sees each trial once, so the loss on new trials is what it was in training. The
# error is to be compared with the variance of the target: 1% of it would be a correlation of
# 0.995. (Networks of other seeds integrate as well, but by other means: seed 0 makes one whose
# rates change sign from bin to bin.)

# %%
if __name__ == "__main__":
    plt.rcParams["figure.dpi"] = 144  # sharp on any screen
    model = trained_integrator(seed=5, n_steps=3000 if FAST else 10_000)
    inputs = white_noise(np.random.default_rng(2), 1000)
    targets = inputs.cumsum(axis=1)
    outputs = model.predict(inputs, verbose=0)
    print(
        f"correlation with the sum: {np.corrcoef(outputs.ravel(), targets.ravel())[0, 1]:.5f}"
    )

# %%
if __name__ == "__main__":
    time = 1e3 * BIN_WIDTH * np.arange(N_BINS)  # ms
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    axes[0].step(time, inputs[0, :, 0], where="mid", color="0.6", label="input")
    axes[0].plot(time, targets[0, :, 0], color="black", label="sum so far")
    axes[0].plot(time, outputs[0, :, 0], "--", color="#D55E00", label="output")
    axes[0].set(xlabel="time (ms)", ylabel="input, sum, output", title="one trial")
    axes[0].legend(frameon=False)
    by_bin = ((outputs - targets) ** 2).mean(axis=(0, 2)) / targets.var(axis=(0, 2))
    axes[1].plot(time, 100 * by_bin, color="#0072B2")
    axes[1].set(
        xlabel="time (ms)",
        ylabel="squared error (% of variance)",
        title="1,000 trials",
        ylim=(0, None),
    )
    plt.show()

# %% [markdown]
# **Figure 1.** Left: the input of a trial (grey), its sum (black) and the output of the
# network (dashed), which covers it. Right: the mean squared error in each bin, as a share of
# the variance of the sum in that bin. It stays below 0.05%,
# and is largest at the end, where sums lie that are rare in training.

# %% [markdown]
# ## What is the memory made of?
#
# If the output holds the sum, the state must hold it: somewhere among a hundred
# dimensions. The states of many trials show where.

# %%
if __name__ == "__main__":
    states = keras.ops.convert_to_numpy(model.states(inputs))
    flat = states.reshape(-1, N_UNITS)
    view = principal_components(flat, 2)
    place = view.project(flat)
    explained = view.variances / view.total_variance
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    dots = axes[0].scatter(*place[::10].T, c=targets.ravel()[::10], s=3, cmap="cividis")
    axes[0].set(
        xlabel=f"PC 1 ({explained[0]:.0%})",
        ylabel=f"PC 2 ({explained[1]:.0%})",
        title="states of 1,000 trials",
    )
    figure.colorbar(dots, ax=axes[0], label="sum so far")
    axes[1].set_prop_cycle(color=plt.get_cmap("cividis")(np.linspace(0, 0.9, 8)))
    axes[1].plot(time, states[0, :, :8], linewidth=1.2)
    axes[1].set(xlabel="time (ms)", ylabel="state of a unit", title="8 of 100 units, one trial")
    plt.show()
    of_moment = np.corrcoef(place[:, 0], inputs.ravel())[0, 1]
    of_sum = np.corrcoef(place[:, 1], targets.ravel())[0, 1]
    print(f"PC 1 and the input: r = {of_moment:.2f}; PC 2 and the sum so far: r = {of_sum:.2f}")

# %% [markdown]
# **Figure 2.** Left: states of a thousand trials in their first two principal components,
# coloured by the sum of the input at that time. The direction of most variance, PC 1, is
# above all the input of the moment (r = -0.93); the sum runs at an angle to it, mostly
# along PC 2 (0.78). Right: single units, of which none looks like an integrator by
# itself. Tutorial 8 finds the line along which such a network keeps its sum, and says
# what makes it a memory.

# %% [markdown]
# ## The spikes

# %%
if __name__ == "__main__":
    data = integrator_spikes(model, seed=5, n_trials=1000 if FAST else 20480)
    rates = data.session.true_rates
    print(data.session)
    print(f"mean rate: {rates.mean():.1f} spikes/s")

# %%
if __name__ == "__main__":
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    order = np.argsort(rates[0, -1] - rates[0, 0])
    for axis, values, title in (
        (axes[0], rates[0], "true rates (spikes/s)"),
        (axes[1], data.session.spikes[0], "spikes per bin"),
    ):
        image = axis.imshow(
            values[:, order].T,
            aspect="auto",
            origin="lower",
            extent=(0, 1e3 * BIN_WIDTH * N_BINS, 0, N_UNITS),
            cmap="viridis",
        )
        axis.set(xlabel="time (ms)", ylabel="unit, by change of its rate", title=title)
        figure.colorbar(image, ax=axis)
    plt.show()

# %% [markdown]
# **Figure 3.** One trial: the rates of all units (left), which LFADS is to find again, and the
# spikes (right), which are all it is given. Units are sorted by how much their rate changes
# from the first bin to the last, the falling ones below. A bin of a neuron says next to
# nothing, and the hundred of them together say something.

# %% [markdown]
# ## The fact of this tutorial

# %%
if __name__ == "__main__":
    error = np.mean((outputs - targets) ** 2)
    print(f"squared error of the sum: {error:.6f}, of a variance of {targets.var():.3f}")

# %% [markdown]
# ## Exercises
#
# **1.** The network was trained on trials of 25 bins. Does it go on to integrate for 100?
#
# <details><summary>Answer</summary>
#
# ```python
# longer = white_noise(np.random.default_rng(3), 1000, n_bins=100)
# sums = longer.cumsum(axis=1)
# missed = ((model.predict(longer, verbose=0) - sums) ** 2).mean(axis=(0, 2))
# print((missed / sums.var(axis=(0, 2)))[[24, 49, 99]])
# ```
#
# Not well: the error is below 0.1% of the variance at the 25th bin, 2% at the 50th and 18% at
# the 100th. The sum spreads beyond the values met in training, where the units saturate and
# the line on which the sum is kept comes to its end.
#
# </details>
#
# **2.** How long does the network remember? Give it one pulse in the first bin and nothing
# afterwards, for 200 bins, and compare with a run without the pulse.
#
# <details><summary>Answer</summary>
#
# ```python
# pulse = np.zeros((2, 200, 1), np.float32)
# pulse[1, 0] = 0.5
# without, with_pulse = model.predict(pulse, verbose=0)[:, :, 0]
# print((with_pulse - without)[[0, 24, 49, 99, 199]])
# ```
#
# Much longer than a trial: of 0.47 after the first bin, 0.45 are left after 200 (8 s).
# Where the sum stays within what was trained, the memory is nearly perfect.
#
# </details>
#
# ## References
#
# - Vyas S, Golub MD, Sussillo D, Shenoy KV (2020). Computation through neural population
#   dynamics. *Annual Review of Neuroscience* 43:249-275.
# - Pascanu R, Mikolov T, Bengio Y (2013). On the difficulty of training recurrent neural
#   networks. *ICML*.
# - Pandarinath C et al. (2018). Inferring single-trial neural population dynamics using
#   sequential auto-encoders. *Nature Methods* 15:805-815.
