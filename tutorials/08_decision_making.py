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
# # 8. Decision making and the line attractor
#
# **You will learn** how a network that decides between two answers gathers its evidence: what
# a line attractor is, how to find one where there are few exact fixed points, and how the
# *selection vector* tells what the network listens to. At the end four numbers predict what
# the network of 64 units answers. **Time:** a minute on two cores; `TUTORIALS_FAST=1` in the
# environment trains for fewer epochs. **You need** tutorial 7.

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

from fixedpoint_tf import FixedPointFinder
from fixedpoint_tf.tasks import TASKS, train_task

FAST = bool(os.environ.get("TUTORIALS_FAST"))  # a shorter run, for tests
plt.rcParams["figure.dpi"] = 144  # sharp on any screen

# %% [markdown]
# ## The task
#
# The input is noise about a mean so small that no single step tells its sign. After 25 steps
# the network must say whether the sum so far is above zero (+1) or below (-1); what it says
# before does not count. An animal that judges the direction of flickering dots has a task of
# this kind. The network is a `GRU` with 64 units, trained on the last step alone.

# %%
task = TASKS["binary_decision"]
model = train_task(task, epochs=10 if FAST else None, n_trials=4096 if FAST else None)

inputs, targets = task(np.random.default_rng(1), 1000)
outputs = model.predict(inputs, verbose=0)
sums = inputs.sum(axis=1)[:, 0]
right = np.sign(outputs[:, -1, 0]) == targets[:, -1, 0]
print(f"right in {right.mean():.1%} of new trials")

# %%
figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
steps = np.arange(1, 26)
for trial in range(12):
    upper = targets[trial, -1, 0] > 0
    axes[0].plot(
        steps,
        outputs[trial, :, 0],
        linestyle="-" if upper else "--",
        color="#0072B2" if upper else "#D55E00",
    )
axes[0].set(xlabel="time (steps)", ylabel="output", title="12 trials")
axes[1].plot(sums, outputs[:, -1, 0], ".", color="0.5", markersize=3)
axes[1].axhline(0, color="black", linewidth=0.5)
axes[1].axvline(0, color="black", linewidth=0.5)
axes[1].set(xlabel="sum of the input", ylabel="output at the last step", title="1,000 trials")
plt.show()

# %% [markdown]
# **Figure 1.** Left: the output in twelve trials (blue: their sum ends above zero; orange,
# dashed: below); it wanders as evidence comes and goes. Right: the answer against the sum of
# the evidence. Errors are the few dots in the upper left and lower right quarters, all of
# them at sums near zero: the network does keep the sum.

# %% [markdown]
# ## Where is the sum kept?
#
# Two attractors with a saddle between them would be enough for an answer of two kinds. Are
# they what training made?

# %%
finder = FixedPointFinder(model, effort=1, verbose=False)
states = finder.simulate(inputs[:200])
zero = np.zeros((1, 1))
unique, all_points = finder.find_fixed_points(
    finder.sample_states(states, 128 if FAST else 512, noise_scale=0.1), zero
)
print(unique)
print("longest time constants at each (steps):", unique.time_constants().max(axis=1).round())

# %% [markdown]
# So it looks, but see how slow the points are: several times the 25 steps of a trial. In
# a trial the state hardly feels whether such a point attracts it. What matters is where
# states *linger*. Let those of the trials run on without input for a while, so that
# everything fast is over, and see what is left:

# %%
points = finder.sample_slow_states(states, zero[0])
found = finder.classify_attractors(points, min_time_constant=50.0)
print(found)
points.plot(states, plot_batch_idx=range(40))
plt.show()

# %% [markdown]
# **Figure 2.** What is left is a line (triangles), among trajectories (blue), in three
# principal components. Mind the scales: nearly all of the variance lies along PC 1, which is
# along the line. Each input throws the state a little off the line, and the network takes it
# back within a few steps.
#
# This is a **line attractor**. In the words of linear algebra: at each of its points one
# eigenvalue of the Jacobian is close to 1, with its eigenvector along the line, and all
# others are well inside the unit circle. Along the line nothing pushes, so that a place on
# it is kept: the sum so far. That it is the sum one sees by reading the output
# at each point.

# %%
line = found[0]
on_line = points[line.members]
readout = model.get_layer("readout")
read = readout(on_line.xstar).numpy()[:, 0]
r = np.corrcoef(line.coordinate, read)[0, 1]

figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
axes[0].plot(line.coordinate, read, ".", color="#0072B2")
axes[0].set(xlabel="distance along the line", ylabel="output read there")
found.plot_drift(ax=axes[1])
plt.show()
print(f"correlation of place and output: {r:.4f}")

# %% [markdown]
# **Figure 3.** Left: the output read from each point of the line follows the place on it; it
# levels off at the ends, since only the sign is asked for. Right: the drift along the line,
# how far the state moves in a step without input. The three zeros are the fixed points found
# above: attractors where the curve falls, the saddle where it rises. But between them the
# drift is a few thousandths a step, a few hundredths of the line's length in a trial of 25
# steps. (Each dot is a state near the line or half-way between two of them; near the ends,
# states a little beside the line have a drift of their own.) Whether one calls this two
# attractors or a line depends on how long one waits.

# %% [markdown]
# ## What the network listens to
#
# Near a point of the line, with $\delta h = h - h^*$,
#
# $$\delta h_{t+1} = J\,\delta h_t + B\,u_t, \qquad B = \partial F / \partial u.$$
#
# Let $r_k$ be the right eigenvectors of $J$ and $l_k$ the left ones, with $l_k \cdot r_k =
# 1$. The part of the state along the mode $k$ is $a_k = l_k \cdot \delta h$, and
#
# $$a_{k,t+1} = \lambda_k\, a_{k,t} + (l_k \cdot B)\, u_t .$$
#
# For the mode along the line $\lambda_1 \approx 1$, and $a_1$ is the running sum of the
# input, times $l_1 \cdot B$. So it is the *left* eigenvector, the **selection vector**, that
# decides what is summed (Mante et al. 2013). An input at right angles to it is not seen by
# the line, however strongly it drives the units. What the mode shows in the output
# is $w \cdot r_1$, with the weights $w$ of the readout.

# %%
some = on_line[:: len(on_line) // 40]
heard = finder.analyze_sensitivity(some, readout, input_names=["evidence"])
print(heard)
heard.plot(n_modes=5)
plt.show()

# %% [markdown]
# **Figure 4.** The five slowest modes (rows), at the median of points along the line: the
# angle between input vector and selection vector, and below it how far a unit of input
# moves the state along the mode. The first mode is the line: its time constant is a hundred
# times that of the others, and the input lines up with its selection vector. (Two random
# directions in 64 dimensions are at 90 ± 7 degrees.) The other modes hardly hear the input,
# and forget it within a step or two.

# %% [markdown]
# ## Four numbers for 64 units
#
# If this is how the network works, then $\lambda_1$, $l_1 \cdot B$ and $w \cdot r_1$ of the
# point in the middle of the line, and the output $y_0$ read there, predict the answer:
#
# $$y \approx y_0 + (w \cdot r_1)\,(l_1 \cdot B) \sum_t \lambda_1^{25 - t}\, u_t .$$

# %%
middle = finder.analyze_sensitivity(on_line[int(np.abs(read).argmin())], readout)
rate = middle.eigenvalues[0, 0].real
gain = (middle.readout_effect[0, 0, 0] * middle.input_effect[0, 0, 0]).real
predicted = read[np.abs(read).argmin()] + gain * inputs[:, :, 0] @ rate ** (25 - steps)
agreement = np.corrcoef(predicted, outputs[:, -1, 0])[0, 1]
same = np.mean(np.sign(predicted) == np.sign(outputs[:, -1, 0]))

plt.figure(figsize=(4.5, 3.6), layout="constrained")
plt.plot(predicted, outputs[:, -1, 0], ".", color="#0072B2", markersize=3)
plt.axline((0, 0), slope=1, color="black", linewidth=0.8)
plt.xlabel("predicted from one mode at one point")
plt.ylabel("output of the network")
plt.show()
print(f"eigenvalue {rate:.4f}, gain {gain:.2f}: the same answer in {same:.1%} of trials")

# %% [markdown]
# **Figure 5.** The answer of the network against the prediction, one dot per trial; the line is
# where both are equal. In the middle the dots follow it. Where the sum is large the output
# levels off, which linear dynamics about a single point cannot predict.

# %% [markdown]
# ## The fact of this tutorial

# %%
print(
    f"a {line.group_type} of {len(line)} points; place and output: |r| = {abs(r):.4f}; "
    f"input at {np.median(heard.input_angle[:, 0, 0]):.0f} degrees to the selection vector; "
    f"one mode predicts the output with r = {agreement:.3f} and {same:.1%} of the answers"
)

# %% [markdown]
# ## Exercises
#
# **1.** What does the line look like for a network that must report the sum itself, at each
# step? Take `TASKS["white_noise_integration"]`, which is a plain tanh network, and compare
# the correlation of place and output.
#
# <details><summary>Answer</summary>
#
# ```python
# task_1 = TASKS["white_noise_integration"]
# model_1 = train_task(task_1)
# finder_1 = FixedPointFinder(model_1, verbose=False)
# states_1 = finder_1.simulate(task_1(np.random.default_rng(1), 200)[0])
# points_1 = finder_1.sample_slow_states(states_1, zero[0])
# line_1 = finder_1.classify_attractors(points_1, min_time_constant=50.0)[0]
# read_1 = model_1.get_layer("readout")(points_1.xstar[line_1.members]).numpy()[:, 0]
# print(line_1, np.corrcoef(line_1.coordinate, read_1)[0, 1])
# ```
#
# It is a line again, and now the place on it *is* the output: |r| is above 0.999, since every
# value of the sum counts and not only its sign.
#
# </details>
#
# **2.** How strong must constant evidence be, so that one of the two answers has no attractor
# left? Predict it from Figures 3 and 4, then look.
#
# <details><summary>Answer</summary>
#
# An attractor vanishes when the input outweighs the drift that leads to it everywhere between
# it and the saddle. A unit of input moves the state by 1.7 along the line. On the side of the
# answer -1 the drift is at most 0.0012 a step, so positive evidence of 0.0012 / 1.7, about
# 0.0007, is enough; on the side of +1 it is 0.0033, so negative evidence of about 0.002.
#
# ```python
# starts = finder.sample_states(states, 512, noise_scale=0.1)
# for level in (0.0005, 0.001, -0.0005, -0.001, -0.002, -0.004):
#     print(level, finder.find_fixed_points(starts, np.full((1, 1), level))[0].fixed)
# ```
#
# Three points are left at 0.0005 and one at 0.001; three at -0.002 and one at -0.004. Both are
# far below the noise of 0.125 of a single step: the attractors have little to say here.
#
# </details>
#
# ## References
#
# - Mante V, Sussillo D, Shenoy KV, Newsome WT (2013). Context-dependent computation by
#   recurrent dynamics in prefrontal cortex. *Nature* 503:78-84.
# - Seung HS (1996). How the brain keeps the eyes still. *PNAS* 93:13339-13344.
# - Vyas S, Golub MD, Sussillo D, Shenoy KV (2020). Computation through neural population
#   dynamics. *Annual Review of Neuroscience* 43:249-275.
