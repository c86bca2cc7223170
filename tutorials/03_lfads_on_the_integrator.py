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
# # 3. LFADS on the integrator
#
# **You will learn** how to fit LFADS to spikes whose rates and inputs are known, how to infer
# the inputs of a network that was recorded without them, and what the parts of the loss say.
# **Time:** about four minutes on two cores; `TUTORIALS_FAST=1` in the environment takes fewer
# trials. **You need** tutorial 2, whose network is recorded here.
#
# The network of tutorial 2 integrates white noise. We keep its spikes and throw away everything
# else: the weights, the rates, the noise that drove it. What can be found again?
#
# LFADS (Pandarinath et al. 2018) is a variational auto-encoder. It assumes that a trial is
# made in three steps:
#
# $$ g_0 \sim \mathcal{N}(\mu_0, \kappa), \qquad u_t \sim p(u), \qquad
#    g_t = \mathrm{GRU}(g_{t-1}, u_t), $$
# $$ f_t = W g_t, \qquad r_t = e^{A f_t + b}, \qquad
#    s_t \sim \mathrm{Poisson}(r_t\, \Delta t): $$
#
# the *generator*, a recurrent network, starts somewhere and is pushed by inputs; few
# *factors* $f$ are read from it, and give the rates of all neurons. Encoders go the other way,
# from spikes to distributions of $g_0$ and $u$. Both are trained together on the evidence lower
# bound,
#
# $$ \log p(s) \ge \mathbb{E}_q[\log p(s \mid g_0, u)] - \mathrm{KL}(q(g_0) \| p(g_0))
#    - \mathrm{KL}(q(u) \| p(u)). $$
#
# The first part asks for rates that explain the spikes. The others put a price on everything
# that the encoders say of a trial, so that noise is not worth saying.

# %%
import importlib
import os

import matplotlib.pyplot as plt
import numpy as np

from lfads_tf import LFADS, LFADSConfig
from lfads_tf.analysis import (
    principal_components,
    select_gaussian_width,
    smooth_gaussian,
    squared_correlation,
)
from lfads_tf.plotting import plot_history, plot_rates_against_truth

# A name that begins with a number is no word of Python.
integrator = importlib.import_module("02_a_network_that_integrates")

FAST = bool(os.environ.get("TUTORIALS_FAST"))  # a shorter run, for tests

plt.rcParams["figure.dpi"] = 144  # sharp on any screen

# %% [markdown]
# ## The recording
#
# A hundred neurons, trials of a second in bins of 40 ms, and less than two spikes a bin.

# %%
network = integrator.trained_integrator(seed=5, n_steps=3000 if FAST else 10_000)
n_trials = 3000 if FAST else 20_480
data = integrator.integrator_spikes(network, n_trials, seed=5)
a, b = int(0.7 * n_trials), int(0.8 * n_trials)
train, valid = data.session.trials(slice(0, a)), data.session.trials(slice(a, b))
test = data.session.trials(slice(b, None))
true_inputs = data.inputs[b:]
print(data.session)

# %% [markdown]
# ## The model
#
# One inferred input, and two departures from the defaults that this case asks for:
#
# - `input_prior="gaussian"`. By default an inferred input is expected to go on as it was (an
#   autoregressive prior). Here it is new in each bin, and should be expected to be.
# - `kl_inferred_inputs_weight=0.1`. A bin says little of its input: less, at the full price of
#   saying it, than it is worth. Training would do without inputs (the KL divergence falls to
#   zero) and leave the rates flat. The weight makes inputs cheaper.

# %%
config = LFADSConfig.for_data(
    train, n_inferred_inputs=1, kl_inferred_inputs_weight=0.1, input_prior="gaussian", seed=0
)
model = LFADS(config)
model.compile()
history = model.fit(
    train,
    validation_data=valid,
    epochs=24 if FAST else 20,
    callbacks=model.default_callbacks(),
    verbose=0,
)
figure, _ = plot_history(history)
plt.show()

# %% [markdown]
# **Figure 1.** The loss and its parts by epoch, in nats a sample (a bin of a neuron). The
# likelihood is that of spikes which were hidden from the encoder (*coordinated dropout*,
# Keshtkaran & Pandarinath 2019): a model that repeats what it is shown gains nothing by it. The
# KL of the inferred inputs stays away from zero: the model uses them. That of the
# initial conditions falls to next to nothing: inputs in the first bins can say where a trial
# begins just as well.

# %% [markdown]
# ## Rates
#
# Held-out trials, against the true rates. The yardstick is that of the LFADS tutorial of
# "Computation through neural population dynamics": the squared correlation over the bins of a
# trial, averaged over trials and neurons. That tutorial printed 0.527 for rates of LFADS and
# 0.333 for a filter by two principal components, on a network of its own.

# %%
inferred = model.infer(test)
sd = select_gaussian_width(
    train.spikes, train.bin_width, [0.04, 0.1, 0.3, 1.0], true_rates=train.true_rates
).sd
smoothed = smooth_gaussian(test.spikes, test.bin_width, sd)
two = principal_components(train.spikes, 2)
filtered = two.reconstruct(two.project(test.spikes)) / test.bin_width
r2 = {
    name: squared_correlation(test.true_rates, rates)
    for name, rates in (
        ("LFADS", inferred.rates),
        (f"smoothed, {1e3 * sd:.0f} ms (best)", smoothed),
        ("two principal components", filtered),
    )
}
of_input = squared_correlation(true_inputs, inferred.inferred_input_mean)
for name, value in r2.items():
    print(f"r² of rates, {name}: {value:.3f}")

# %%
figure, _ = plot_rates_against_truth(
    inferred, test.true_rates, bin_width=test.bin_width, smoothed=smoothed, average="pooled"
)
plt.show()

# %% [markdown]
# **Figure 2.** Left: true rates (dashed) of a neuron that is found well, a typical one and a
# bad one, in three held-out trials. Right: all samples (neurons, trials and bins), inferred or
# smoothed against true rate; the colour counts samples. R² here is the share of the variance of
# all rates that is explained, and not the r² within trials above; it is below zero where the
# constant mean would be nearer to the truth. Smoothing over time cannot work here at any width:
# the rates jump from bin to bin with the input. LFADS averages over neurons instead.

# %% [markdown]
# ## Inputs
#
# An inferred input has no unit and no sign of its own, so we look at its correlation with the
# true one, trial by trial, and scale it for the eye by one regression over all trials.

# %%
x, y = inferred.inferred_input_mean.ravel(), true_inputs.ravel()
slope, offset = np.polyfit(x, y, 1)
time = 1e3 * test.bin_width * np.arange(test.n_bins)
figure, axes = plt.subplots(1, 3, figsize=(10, 2.8), layout="constrained")
axes[1].sharey(axes[0])
for trial, axis in enumerate(axes[:2]):
    axis.step(time, true_inputs[trial, :, 0], where="mid", color="black", label="true")
    axis.step(
        time,
        slope * inferred.inferred_input_mean[trial, :, 0] + offset,
        where="mid",
        color="#0072B2",
        label="inferred, scaled",
    )
    axis.set(xlabel="time (ms)", title=f"trial {trial + 1}")
axes[0].set_ylabel("input")
axes[0].legend(
    frameon=False, fontsize="small", ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1.1)
)
sums = (true_inputs[..., 0], slope * inferred.inferred_input_mean[..., 0] + offset)
axes[2].plot(*(part[:200].sum(axis=1) for part in sums), ".", color="#0072B2", markersize=3)
axes[2].axline((0, 0), slope=1, color="0.6", linewidth=1)
axes[2].set(
    xlabel="sum of the true input", ylabel="sum of the inferred one", title="200 trials"
)
plt.show()
print(
    f"r² within trials: rates {r2['LFADS']:.3f}, smoothed {list(r2.values())[1]:.3f}, filter "
    f"{list(r2.values())[2]:.3f}; input {of_input:.3f}"
)

# %% [markdown]
# **Figure 3.** Left, middle: two held-out trials. The inferred input (blue) goes up and down
# with the true one (black) most of the time, from spikes alone, and is tamer: where the spikes
# leave doubt, the posterior mean stays near zero, as it should. Right: sums over the trial, one
# dot per trial; on the line both are equal.
#
# How much could be known? `benchmarks/lfads_synthetic.py` climbs the likelihood of the *true*
# network for the most likely input: 0.60 to 0.65 for the input and 0.65 to 0.68 for the
# rates. What LFADS reaches without knowing the network, 0.51 to 0.58 and 0.55 to 0.58
# on three networks, is most of it.
#
# ## Exercises
#
# **1.** Set `kl_inferred_inputs_weight` back to 1. What becomes of the KL of the inputs, and
# of the rates?
#
# <details><summary>Answer</summary>
#
# Leave it out of the configuration. The KL of the inputs falls to zero within the warm-up and
# the inferred inputs with it: a *collapse*. What is left are rates that the initial condition
# can foretell. If you meet this in your data, lower the weight, or ask whether the data need
# inputs at all.
#
# </details>
#
# **2.** Which neurons are found badly, and why?
#
# <details><summary>Answer</summary>
#
# ```python
# each = squared_correlation(test.true_rates, inferred.rates, average=None)
# deviation = test.true_rates.std(axis=1).mean(axis=0)
# print(np.corrcoef(each, deviation)[0, 1])
# ```
#
# Those that hardly change within a trial: there is little to correlate with, and what there
# is drowns in the noise of the estimate.
#
# </details>
#
# ## References
#
# - Keshtkaran MR, Pandarinath C (2019). Enabling hyperparameter optimization in sequential
#   autoencoders for spiking neural data. *NeurIPS* 32.
# - Pandarinath C, O'Shea DJ, Collins J, et al. (2018). Inferring single-trial neural population
#   dynamics using sequential auto-encoders. *Nature Methods* 15:805-815.
# - Vyas S, Golub MD, Sussillo D, Shenoy KV (2020). Computation through neural population
#   dynamics. *Annual Review of Neuroscience* 43:249-275.
