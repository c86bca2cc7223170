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
# # 9. Context-dependent integration
#
# **You will learn** how one network processes the same input in one of two ways, depending on a
# context cue, and how linearised dynamics show which input it integrates and which it ignores.
# The analysis is that of Mante, Sussillo, Shenoy & Newsome (2013). **Time:** a minute on two
# cores; `TUTORIALS_FAST=1` in the environment trains for fewer epochs. **You need** tutorial 8:
# line attractors and selection vectors.

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

from fixedpoint_tf import FixedPointFinder, FixedPoints
from fixedpoint_tf.tasks import TASKS, train_task

FAST = bool(os.environ.get("TUTORIALS_FAST"))  # a shorter run, for tests
plt.rcParams["figure.dpi"] = 144  # sharp on any screen
BLUE, ORANGE = "#0072B2", "#D55E00"

# %% [markdown]
# ## The task
#
# A monkey sees coloured dots that move. In one context it must judge the motion, in the other
# the colour. Both are always shown, and a cue says which one is relevant. Neurons in prefrontal
# cortex represent the irrelevant stream as strongly as the relevant one, so it is not filtered
# out before it arrives there. How then is it ignored?
#
# In the model of the task, two inputs are streams of noise, and two more give the context: one
# of these is 1 and the other 0 for the whole trial. The output is the running sum of the
# relevant stream. A plain network of 64 tanh units learns it.

# %%
task = TASKS["context_dependent_integration"]
print("inputs:", ", ".join(task.input_names))
model = train_task(task, epochs=60 if FAST else None, n_trials=2048 if FAST else None)
print(f"share of the target that is missed on new trials: {task.error(model):.4f}")

# %%
inputs, targets = task(np.random.default_rng(1), 400)
outputs = model.predict(inputs, verbose=0)
sums = inputs[:, :, :2].sum(axis=1)
in_context = [inputs[:, 0, 2 + context] == 1.0 for context in (0, 1)]

figure, axes = plt.subplots(
    2, 2, figsize=(7, 6), sharex=True, sharey=True, layout="constrained"
)
for context, row in enumerate(axes):
    for stream, ax in enumerate(row):
        trials = in_context[context]
        color = BLUE if stream == context else ORANGE
        ax.plot(sums[trials, stream], outputs[trials, -1, 0], ".", color=color)
        ax.set_title(f"context {context + 1}, stream {stream + 1}")
figure.supxlabel("sum of the stream")
figure.supylabel("output at the end of the trial")
plt.show()

# %% [markdown]
# **Figure 1.** The output at the end of each trial against the sum of either stream. In each
# context the output equals the sum of the relevant stream (blue, on the diagonal) and does not
# depend on the other (orange). The network and its weights are the same in both rows.

# %% [markdown]
# ## One line for each context
#
# The context is a constant input, so each context has fixed points of its own. As in tutorial
# 8, the network is run on from the states of trials, with both streams at zero, until fast
# transients have decayed.

# %%
finder = FixedPointFinder(model, verbose=False)
states = finder.simulate(inputs)
lines, points = [], []
for context, condition in enumerate(task.conditions):
    settled = finder.sample_slow_states(states[in_context[context]], condition.inputs)
    largest = finder.classify_attractors(settled, min_time_constant=50.0)[0]
    print(f"{condition.label}: {largest!r}")
    lines.append(largest)
    points.append(settled[largest.members])

# %%
both = finder.classify_attractors(FixedPoints.concatenate(points), min_time_constant=50.0)
_, ax = both.plot()
for text in ax.get_legend().get_texts():  # conditions stand in the order of their inputs
    for condition, constant in enumerate(both.inputs):
        name = f"context {2 if constant[3] else 1}"
        text.set_text(text.get_text().replace(f"condition {condition}", name))
plt.show()

# %% [markdown]
# **Figure 2.** The two lines of slow points, one for each context, in the plane of their first
# two principal components. The context moves the whole line to another place in state space,
# where the units work at other slopes of tanh, so that the dynamics are different.

# %% [markdown]
# ## Which stream does each line integrate?
#
# Near a line, $\delta h_{t+1} = J\,\delta h_t + B\,u_t$. A stream $i$ enters along its *input
# vector*, the column $b_i$ of $B = \partial F/\partial u$. The part of it that is integrated
# along the line is $l \cdot b_i$, where $l$ is the *selection vector*, the left eigenvector of
# $J$ whose eigenvalue is near 1. There are two ways to ignore a stream: make $b_i$ small, so
# that the stream does not enter, or make $l$ orthogonal to $b_i$, so that it enters but is not
# integrated.

# %%
readout = model.get_layer("readout")
heard = [
    finder.analyze_sensitivity(some[:: len(some) // 40], readout, input_names=task.input_names)
    for some in points
]
figure, axes = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
for context, ax in enumerate(axes):
    heard[context].plot(ax=ax, n_modes=5)
    ax.set_title(f"context {context + 1}: " + ax.get_title(), fontsize="medium")
plt.show()

# %% [markdown]
# **Figure 3.** For each of the five slowest modes (rows) and each input (columns): the angle
# between input vector and selection vector and, below it, how far one unit of the input moves
# the state along the mode. Look at the first row, the mode along the line, whose time constant
# is far longer than all others. In context 1 its selection vector is aligned with stream 1 and
# orthogonal to stream 2; in context 2 it is the reverse. (Two random directions in 64
# dimensions are at 90 ± 7 degrees.)
#
# What about the input vectors? If the irrelevant stream were kept out, its input vector would
# be short.

# %%
angle = [np.median(of.input_angle[:, 0, :2], axis=0) for of in heard]
effect = [np.median(np.abs(of.input_effect[:, 0, :2]), axis=0) for of in heard]
for context in (0, 1):
    lengths = np.median(np.linalg.norm(heard[context].input_vectors, axis=1), axis=0)
    print(f"context {context + 1}: input vectors of length {lengths[:2].round(2)}")

# %% [markdown]
# Both streams enter at full strength in both contexts: no gate keeps either out. So which of
# the two changes with the context: the selection vector, or the input vectors (whose entries
# are proportional to the slopes of the units, $1 - h^2$)? Combine the selection vector of one
# context with the input vectors of the other, and see whether the right stream is still
# selected.

# %%
# The sign of an eigenvector is free: a selection vector that raises the output is wanted.
selection = [
    (np.sign(of.readout_effect[:, 0, :1].real) * of.selection_vectors[:, 0].real).mean(axis=0)
    for of in heard
]
for i in (0, 1):
    for j in (0, 1):
        taken_up = selection[i] @ heard[j].input_vectors[:, :, :2].mean(axis=0)
        print(
            f"selection vector of context {i + 1}, input vectors of context {j + 1}:", end=" "
        )
        print(f"stream 1 {taken_up[0]:5.2f}, stream 2 {taken_up[1]:5.2f}")

# %% [markdown]
# When both come from the same context, one stream is integrated and the other is not. When one
# of them is swapped, both streams are integrated. So here each of them does about half of the
# selection. In the network of Mante and colleagues the input vectors were the same in both
# contexts, and only the selection vector changed. In tanh units, whose slopes depend on the
# context, both can change. In both networks the irrelevant stream enters but is not integrated.

# %% [markdown]
# ## Watch it happen
#
# Start the network in the middle of its line and give one pulse on one stream. Either pulse
# moves the state; what matters is how much of this movement remains.

# %%
figure, axes = plt.subplots(
    2, 2, figsize=(9, 5), sharex=True, sharey="row", layout="constrained"
)
kept = np.zeros((2, 2))
for context, condition in enumerate(task.conditions):
    read = readout(points[context].xstar).numpy()[:, 0]
    start = points[context].xstar[np.abs(read).argmin()]
    driven = np.tile(condition.inputs, (3, 30, 1))  # nothing, a pulse on 1, a pulse on 2
    driven[1, 4, 0] = driven[2, 4, 1] = 0.5
    after = finder.simulate(driven, np.tile(start, (3, 1)))
    for stream, color, style in ((0, BLUE, "-"), (1, ORANGE, "--")):
        moved = after[1 + stream] - after[0]
        output = (readout(after[1 + stream]) - readout(after[0])).numpy()[:, 0]
        kept[context, stream] = output[-1]
        options = {"color": color, "linestyle": style, "label": f"pulse on stream {stream + 1}"}
        axes[0, context].plot(np.linalg.norm(moved, axis=1), **options)
        axes[1, context].plot(output, **options)
    axes[0, context].set_title(condition.label)
    axes[1, context].axhline(0.5, color="0.5", linewidth=0.7, linestyle=":")
    axes[1, context].set_xlabel("time (steps)")
axes[0, 0].set(ylabel="distance moved", ylim=(0, None))
axes[1, 0].set_ylabel("change of the output")
axes[0, 0].legend(frameon=False)
plt.show()

# %% [markdown]
# **Figure 4.** A pulse of 0.5 at step 4, on stream 1 (blue) or on stream 2 (orange, dashed).
# Top: distance by which it moves the state. Bottom: change of the output (dotted: 0.5, the
# right sum). At first both pulses move the state a long way, in either context. The pulse on
# the relevant stream is kept: the state stays displaced along the line. The effect of the other
# decays within some ten steps, and the state returns to where it was, since it moved along fast
# modes only. This is what Mante and colleagues saw in the recordings: the irrelevant stream is
# present, but is not integrated.

# %% [markdown]
# ## The fact of this tutorial

# %%
for context in (0, 1):
    print(
        f"context {context + 1}: a {lines[context].group_type}; selection vector at "
        f"{angle[context][context]:.0f} degrees to its stream, at "
        f"{angle[context][1 - context]:.0f} to the other; effects "
        f"{effect[context][context]:.2f} and {effect[context][1 - context]:.2f}"
    )

# %% [markdown]
# ## Exercises
#
# **1.** One readout must serve the lines of both contexts. Predict the angle between the
# *directions* of the two lines (the right eigenvectors of the first mode), then measure it.
#
# <details><summary>Answer</summary>
#
# ```python
# a, b = (
#     (np.sign(of.readout_effect[:, 0, :1].real) * of.mode_vectors[:, :, 0].real).mean(axis=0)
#     for of in heard
# )
# print(np.degrees(np.arccos(a @ b / np.linalg.norm(a) / np.linalg.norm(b))))
# ```
#
# About 8 degrees: the lines are almost parallel (Figure 2), as they must be if one readout is
# to give the position along either.
#
# </details>
#
# **2.** What does the network do when both context inputs are 1, and what when both are 0? Set
# them so, look for the line, and find out which stream it integrates.
#
# <details><summary>Answer</summary>
#
# ```python
# for cue in (0.0, 1.0):
#     constant = np.array([0.0, 0.0, cue, cue])
#     told = inputs.copy()
#     told[:, :, 2:] = cue
#     settled = finder.sample_slow_states(finder.simulate(told), constant)
#     group = finder.classify_attractors(settled, min_time_constant=50.0)[0]
#     answer = finder.analyze_sensitivity(settled[group.members], input_names=task.input_names)
#     print(cue, group, np.median(np.abs(answer.input_effect[:, 0, :2]), axis=0).round(2))
# ```
#
# With both at 0 the network has no line: the largest group is a single point. With both at 1 it
# has a short piece of a line (of length 0.3, where each context has more than 4), which
# integrates both streams, a third as strongly. The network was never trained on either case,
# and one trained from another seed may do something else: only behaviour that the task demands
# is common to all.
#
# </details>
#
# ## References
#
# - Mante V, Sussillo D, Shenoy KV, Newsome WT (2013). Context-dependent computation by
#   recurrent dynamics in prefrontal cortex. *Nature* 503:78-84.
# - Sussillo D, Barak O (2013). Opening the black box. *Neural Computation* 25:626-649.
