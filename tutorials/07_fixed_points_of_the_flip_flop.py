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
# # 7. Fixed points of the flip-flop
#
# **You will learn** what a fixed point of a recurrent network is and how one is found; how to
# tell a true one from a state that is merely slow; how to read stability from eigenvalues; and
# how the points together, memories and the saddles between them, explain what a network does.
# **Time:** half a minute on two cores; `TUTORIALS_FAST=1` in the environment starts from fewer
# states. **You need** Python, and a rough idea of what a recurrent network is (tutorial 2).
#
# A recurrent network is a map of its state and its input to the next state,
#
# $$h_{t+1} = F(h_t, u_t).$$
#
# With tens or hundreds of units, plots of single units rarely explain the computation. The idea
# of Sussillo & Barak (2013) is to look for states that do not change: for a constant input $u$
# (often: no input) a *fixed point* satisfies $F(h^*, u) = h^*$. Near it the network is nearly
# linear,
#
# $$h_{t+1} - h^* \approx J\,(h_t - h^*), \qquad J = \frac{\partial F}{\partial h}(h^*, u),$$
#
# and linear systems can be understood completely: along an eigenvector of $J$ with eigenvalue
# $\lambda$ a deviation is multiplied by $\lambda$ in each step. Where all $|\lambda| < 1$
# the point attracts: it can hold a memory. Where some $|\lambda| > 1$ it is a *saddle*: states
# on its two sides move apart, often towards different attractors.

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

from fixedpoint_tf import FixedPointFinder
from fixedpoint_tf.plotting import plot_flow, plot_q
from fixedpoint_tf.tasks import TASKS, train_task

FAST = bool(os.environ.get("TUTORIALS_FAST"))  # a shorter run, for tests
plt.rcParams["figure.dpi"] = 144  # sharp on any screen

# %% [markdown]
# ## The task: remember three bits
#
# Three inputs carry pulses, +1 or -1, at random times. Each of the three outputs is to show
# the sign of the last pulse on its input, for as long as no other comes. So the network has to
# keep $2^3 = 8$ memories apart. No input holds them, so its own dynamics must. The network is a
# simple (vanilla) RNN,
#
# $$h_{t+1} = \tanh(W h_t + B u_t + b), \qquad y_t = C h_t + c,$$
#
# with 24 units. `train_task` draws trials and trains it.

# %%
task = TASKS["flip_flop"]
model = train_task(task)
print(f"share of the target that is missed on new trials: {task.error(model):.5f}")

# %%
inputs, targets = task(np.random.default_rng(1), 128, pulse_probability=0.15)
outputs = model.predict(inputs, verbose=0)

figure, axes = plt.subplots(3, 1, figsize=(7, 4), sharex=True, layout="constrained")
for bit, ax in enumerate(axes):
    ax.bar(np.arange(64), inputs[0, :, bit], color="0.6", label="input")
    ax.step(np.arange(64), targets[0, :, bit], color="black", where="mid", label="target")
    ax.plot(outputs[0, :, bit], "--", color="#D55E00", label="output")
    ax.set(ylabel=f"bit {bit + 1}", yticks=[-1, 0, 1])
axes[0].legend(frameon=False, ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0))
axes[-1].set_xlabel("time (steps)")
plt.show()

# %% [markdown]
# **Figure 1.** One trial. Pulses (grey bars) set each bit; the output (dashed) follows the
# target (black) from one pulse to the next, so the network has learned the task. How?

# %% [markdown]
# ## Look for the points
#
# A fixed point is a state where the *speed*
#
# $$q(h) = \tfrac{1}{2}\,|F(h, u) - h|^2$$
#
# is zero. The finder starts from many states that the network visits, with noise added, and
# moves each of them downhill on $q$. The weights stay fixed; the state is optimised. The noise
# should be wide: trajectories converge to memories and pass saddles quickly, so that starts
# taken from trajectories alone would find the memories only.

# %%
# At effort 1, the default, further starts follow until they lead to nothing new.
finder = FixedPointFinder(model, effort=1, verbose=False)
states = finder.simulate(inputs)  # (trials, time, units)
initial_states = finder.sample_states(states, 512 if FAST else 1024, noise_scale=0.5)
unique, all_points = finder.find_fixed_points(initial_states, np.zeros((1, 3)))
print(unique)

# %%
plot_q(all_points, tol_q=finder.config.tol_q)
plt.show()

# %% [markdown]
# **Figure 2.** The speed at the end of every search. All starts ended near $q = 10^{-31}$, the
# rounding limit of numbers with 16 digits, far below the tolerance (dashed; the axis leaves out
# the empty decades before it). In other networks a second group often lies to the right, the
# *slow points*: local minima of $q$ that are not zero. Only where a wide gap separates the two
# groups should a point be called a fixed point.

# %%
unique.plot(states, plot_batch_idx=range(20), plot_start_time=10)
plt.show()

# %% [markdown]
# **Figure 3.** The points among trajectories, in the first three principal components. The
# eight stable points (black) are the corners of a cube: the eight memories. Trajectories
# (blue) jump between corners when a pulse comes. On the edges, on the faces and in the
# middle of the cube lie saddles (open diamonds), with lines along their unstable directions.

# %% [markdown]
# ## Count them
#
# Twenty-seven is no accident. One bit alone would need two stable points and, between them,
# one unstable point where the decision falls: three. Three bits that do not disturb one
# another have $3^3 = 27$: choose for each bit "+", "-" or "between". With $k$ of them
# between there are $\binom{3}{k}\,2^{3-k}$ points with $k$ unstable directions:

# %%
counts = np.bincount(unique.fixed.n_unstable, minlength=4)
for k, (count, expected) in enumerate(zip(counts, (8, 12, 6, 1), strict=True)):
    print(f"{count:3d} points with {k} unstable directions, expected {expected}")

# %% [markdown]
# ## Trust them
#
# A small $q$ proves nothing: slow motion makes $q$ small as well. The Newton-Kantorovich
# theorem gives a proof. From the residual, the inverse of $J - I$ and a bound on how fast $J$
# changes it follows that there is exactly one true fixed point within a certain radius. And
# have all been found? If many starts have each ended in a point that others found too, then one
# more start is unlikely to find a new one (Good-Turing estimate).

# %%
certificates = finder.certify(unique)
print(certificates)
print(finder.estimate_coverage(all_points))

# %% [markdown]
# ## What leads where
#
# A saddle with one unstable direction can be left in two ways. Running the network from a small
# step along each of them shows which two memories the saddle separates.

# %%
connections = finder.find_connections(unique)
print(connections)
connections.plot(higher=False)
plt.show()

# %% [markdown]
# **Figure 4.** Arrows lead from each saddle with one unstable direction (diamond) to the two
# memories that it separates. They are the twelve edges of a cube, drawn in an oblique view:
# every saddle stands between two memories that differ in one bit, where the bit flips. No
# saddle joins two memories that differ in two bits, although the training does not require that
# the bits are stored separately.

# %%
read = model.get_layer("readout")(unique.xstar).numpy()
bits = np.sign(read).astype(int)
graph = connections.transition_graph()
flipped = (bits[graph.edges[:, 0]] != bits[graph.edges[:, 1]]).sum(axis=1)

# %% [markdown]
# The flow on one face of the cube shows how a bit is kept and how it flips. Take the four
# memories in which the first bit is +1.

# %%
face = read[:, 0] > 0.5
corners = unique.xstar[face & unique.is_stable]
plot_flow(finder.system, corners, np.zeros(3), fps=unique[face], margin=0.2)
plt.show()

# %% [markdown]
# **Figure 5.** Speed (colour) and direction (arrows) in the plane nearest to four memories. The
# points lie a little in front of it or behind it and are drawn where they project to, so that
# some stand beside the darkest place of the plane and not on it. Each memory has a basin, from
# which all arrows lead to it: noise that stays inside is corrected. The saddles between the
# corners, and the point in the middle with two unstable directions, are slow as well, but
# arrows lead away from them. A pulse carries the state across the ridge on which they stand,
# and the flow does the rest.

# %% [markdown]
# ## The fact of this tutorial

# %%
is_cube = len(graph.edges) == 12 and (flipped == 1).all()
print(
    f"{unique.fixed.n} fixed points: {tuple(counts.tolist())} with 0, 1, 2 and 3 unstable "
    f"directions; {certificates.certified.sum()} certified; the graph of memories "
    f"{'is' if is_cube else 'is not'} a cube"
)

# %% [markdown]
# ## Exercises
#
# **1.** How many fixed points does a flip-flop of two bits have, and of which kinds? Predict,
# then look.
#
# <details><summary>Answer</summary>
#
# $3^2 = 9$: four memories, four saddles with one unstable direction, one point with two.
#
# ```python
# from fixedpoint_tf.tasks import train_flip_flop
#
# two = train_flip_flop(n_bits=2)
# finder_2 = FixedPointFinder(two, verbose=False)
# inputs_2, _ = task(np.random.default_rng(1), 128, n_bits=2)
# starts = finder_2.sample_states(finder_2.simulate(inputs_2), 1024, noise_scale=0.5)
# print(finder_2.find_fixed_points(starts, np.zeros((1, 2)))[0])
# ```
#
# </details>
#
# **2.** All fixed points so far are those at zero input. Hold the first input at a constant
# value instead, from 0 up to 1, and follow the points. What happens to the memories in which
# the first bit is -1?
#
# <details><summary>Answer</summary>
#
# ```python
# branches = finder.continue_branches(unique, [np.zeros(3), np.array([1.0, 0.0, 0.0])])
# print(branches)
# branches.plot()
# ```
#
# The input pushes each memory of -1 towards the saddle on the edge to its neighbour with +1.
# At less than 0.05 the two meet and vanish together: a *saddle-node bifurcation*. The other
# points with a first bit of -1 or "between" vanish in the same way, each with a partner: nine
# pairs. Nothing is left to hold the old memory, and the state goes to the new one. That is how
# a pulse (of height 1, but one step long) writes a bit.
#
# </details>
#
# ## References
#
# - Sussillo D, Barak O (2013). Opening the black box. *Neural Computation* 25:626-649.
# - Golub MD, Sussillo D (2018). FixedPointFinder. *JOSS* 3(31):1003.
# - Ortega JM (1968). The Newton-Kantorovich theorem. *American Mathematical Monthly*
#   75:658-660.
# - Good IJ (1953). The population frequencies of species and the estimation of population
#   parameters. *Biometrika* 40:237-264.
