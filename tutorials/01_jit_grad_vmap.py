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
# # 1. jit, grad and vmap in TensorFlow
#
# **You will learn** three operations on functions that all later tutorials build on: compile a
# function, differentiate it, and run it on many inputs at once. They are best known from JAX;
# here they are written in TensorFlow, which also runs on Windows, with the JAX code next to
# each. **Time:** half a minute on two cores. **You need** Python and NumPy. The environment
# variable `TUTORIALS_FAST=1` makes this tutorial and most of the others shorter, with rougher
# results; the texts describe the full run.
#
# | | JAX | TensorFlow |
# |---|---|---|
# | compile | `jax.jit(f)` | `tf.function(f, jit_compile=True)` |
# | differentiate | `jax.grad(f)(x)` | `tf.GradientTape()`, `tape.gradient(y, x)` |
# | Jacobian | `jax.jacobian(f)(x)` | `tape.jacobian(y, x)` |
# | for many inputs | `jax.vmap(f)(xs)` | `tf.vectorized_map(f, xs)` |
# | repeat in time | `jax.lax.scan` | `tf.scan`, `tf.while_loop`, or a Keras `RNN` |
# | random numbers | `jax.random.normal(key)` | `tf.random.stateless_normal(shape, seed)` |
# | arrays | `jax.numpy` | `tf`, `tf.math`, `tf.linalg`; or `keras.ops` |
#
# The function to practise on is one step of a recurrent network, the subject of all tutorials:
#
# $$F(h, u) = \tanh(W h + B u + b).$$

# %%
import os
import timeit

import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

FAST = bool(os.environ.get("TUTORIALS_FAST"))  # a shorter run, for tests
plt.rcParams["figure.dpi"] = 144  # sharp on any screen

N_UNITS, N_INPUTS, N_STEPS = 64, 2, 100
rng = np.random.default_rng(0)
W = tf.constant(rng.normal(0.0, 0.5 / np.sqrt(N_UNITS), (N_UNITS, N_UNITS)))
B = tf.constant(rng.normal(size=(N_UNITS, N_INPUTS)))
b = tf.constant(rng.normal(0.0, 0.1, N_UNITS))


def step(h, u):
    """(N_UNITS,), (N_INPUTS,) -> the next state (N_UNITS,)."""
    return tf.tanh(tf.linalg.matvec(W, h) + tf.linalg.matvec(B, u) + b)


h = tf.constant(rng.normal(size=N_UNITS))
u = tf.constant(rng.normal(size=N_INPUTS))
print(step(h, u).shape, step(h, u).dtype)

# %% [markdown]
# ## jit: compile
#
# Called as it is, `step` runs *eagerly*: Python passes one operation after another to
# TensorFlow, and for small arrays each call takes longer than the arithmetic. `tf.function`
# records the operations once, as a graph, and runs the graph from then on; with
# `jit_compile=True` the compiler XLA, which JAX also uses, turns the graph into machine code
# and fuses operations where it can.
#
# ```python
# run = jax.jit(run)                              # JAX
# run = tf.function(run, jit_compile=True)        # TensorFlow
# ```


# %%
def run(h, inputs):
    """The last state after a sequence of inputs (N_STEPS, N_INPUTS)."""
    for t in tf.range(tf.shape(inputs)[0]):
        h = step(h, inputs[t])
    return h


inputs = tf.constant(rng.normal(size=(N_STEPS, N_INPUTS)))
ways = {
    "eager": run,
    "tf.function": tf.function(run),
    "with XLA": tf.function(run, jit_compile=True),
}
results, seconds = {}, {}
for name, function in ways.items():
    results[name] = function(h, inputs).numpy()  # the first call records and compiles
    repeats = timeit.repeat(
        lambda f=function: f(h, inputs).numpy(), number=2 if FAST else 10, repeat=5
    )
    seconds[name] = min(repeats) / (2 if FAST else 10)
apart = max(np.abs(result - results["eager"]).max() for result in results.values())
print(f"the three ways differ by at most {apart:.0e}")

# %%
figure, ax = plt.subplots(figsize=(5.5, 2.0), layout="constrained")
milliseconds = [1e3 * s for s in seconds.values()]
ax.plot(milliseconds, list(seconds), "o", color="#0072B2")
for name, ms in zip(seconds, milliseconds, strict=True):
    ax.annotate(f"{ms:,.2f} ms", (ms, name), (8, 0), textcoords="offset points", va="center")
ax.invert_yaxis()
ax.margins(y=0.25)
ax.set(xscale="log", xlim=(min(milliseconds) / 3, 10 * max(milliseconds)))
ax.set(xlabel=f"time for {N_STEPS} steps of one network (ms)")
ax.grid(axis="y", color="0.9")
plt.show()

# %% [markdown]
# **Figure 1.** The same hundred steps in three ways, on a logarithmic axis: a graph is many
# times faster than eager calls, and a compiled one faster still. The numbers depend on the
# machine; their order does not.
#
# Three rules avoid surprises; they are the same in JAX:
#
# - Python code in the function runs only once, when the function is recorded: a `print` appears
#   once, and an `if` on a Python number takes the same branch ever after. (`tf.print` and
#   `tf.cond`, or an `if` on a tensor, act at each call.)
# - For each new shape or type the function is recorded again, and for each new *Python*
#   number too: pass tensors.
# - The first call is slow. Time the second.

# %% [markdown]
# ## grad: differentiate
#
# Training needs the gradient of a loss, and finding fixed points needs the Jacobian of a step;
# neither has to be derived by hand. TensorFlow records the operations under a `GradientTape`
# and goes through the record backwards.
#
# ```python
# gradient = jax.grad(q)(h, u)                    # JAX
#
# with tf.GradientTape() as tape:                 # TensorFlow
#     tape.watch(h)                               # a tf.Variable is watched by itself
#     speed = q(h, u)
# gradient = tape.gradient(speed, h)
# ```
#
# Take the speed whose zeros are the fixed points, $q(h) = \frac12 |F(h, u) - h|^2$. By
# the chain rule
#
# $$\nabla q = (J - I)^\top (F(h, u) - h), \qquad
# J = \frac{\partial F}{\partial h} = \mathrm{diag}(1 - F(h, u)^2)\, W ,$$
#
# so the gradient and the Jacobian can both be checked.


# %%
def q(h, u):
    """The speed of the state h."""
    return 0.5 * tf.reduce_sum((step(h, u) - h) ** 2)


with tf.GradientTape() as tape:
    tape.watch(h)
    speed = q(h, u)
gradient = tape.gradient(speed, h)

with tf.GradientTape() as tape:
    tape.watch(h)
    next_h = step(h, u)
jacobian = tape.jacobian(next_h, h)

analytic_jacobian = (1.0 - next_h[:, None] ** 2) * W
analytic_gradient = tf.linalg.matvec(
    analytic_jacobian - tf.eye(N_UNITS, dtype=tf.float64), next_h - h, transpose_a=True
)
gradient_error = np.abs(gradient - analytic_gradient).max()
print(f"gradient: differs from the formula by at most {gradient_error:.0e}")
print(f"Jacobian: {np.abs(jacobian - analytic_jacobian).max():.0e}")

# %% [markdown]
# ## vmap: many at once
#
# `q` is written for one state, which is the easiest to write, but a search starts from a
# thousand. `tf.vectorized_map` turns a function of one state into a function of many, with
# products of two matrices in place of products of a matrix and a vector, and without a loop.
#
# ```python
# speeds = jax.vmap(q, in_axes=(0, None))(states, u)             # JAX
# speeds = tf.vectorized_map(lambda h: q(h, u), states)          # TensorFlow
# ```

# %%
n_states = 200 if FAST else 1000
states = tf.constant(rng.uniform(-1.0, 1.0, size=(n_states, N_UNITS)))


@tf.function
def speeds_of(states):
    """(n, N_UNITS) -> (n,)."""
    return tf.vectorized_map(lambda h: q(h, u), states)


looped = np.array([q(h, u).numpy() for h in states])
vmap_error = np.abs(speeds_of(states) - looped).max()
of_loop = min(timeit.repeat(lambda: [q(h, u) for h in states], number=1, repeat=2))
of_vmap = min(timeit.repeat(lambda: speeds_of(states).numpy(), number=1, repeat=5))
print(f"differs from the loop by at most {vmap_error:.0e}")
print(f"loop {1e3 * of_loop:.1f} ms, vectorized_map {1e3 * of_vmap:.2f} ms, {n_states} states")

# %% [markdown]
# ## All three: a search for fixed points in ten lines
#
# Go downhill on $q$ from many states at once. Row i of the gradient of the *sum* of all speeds
# is the gradient of speed i, since the speed of each state depends on that state alone.
#
# ```python
# @jax.jit                                                       # JAX
# def descend(states):
#     return states - rate * jax.vmap(jax.grad(q), in_axes=(0, None))(states, u0)
# ```
#
# `jit_compile=True` is left out here: with it the same step took two hundred times as long on
# two cores. Compiling does not always make code faster: measure it.


# %%
@tf.function
def descend(states, u, rate):
    """One step of gradient descent for every state; also their speeds before it."""
    with tf.GradientTape() as tape:
        tape.watch(states)
        speeds = tf.vectorized_map(lambda h: q(h, u), states)
    return states - rate * tape.gradient(speeds, states), speeds


no_input, rate = tf.zeros(N_INPUTS, tf.float64), tf.constant(0.1, tf.float64)
found, speeds = states, []
for _ in range(200 if FAST else 1000):
    found, now = descend(found, no_input, rate)
    speeds.append(now)
speeds = np.array(speeds)

figure, ax = plt.subplots(figsize=(5.5, 3.2), layout="constrained")
lines = ax.semilogy(speeds[:, :30], color="#56B4E9", linewidth=0.6)
lines[0].set_label("30 states")
ax.semilogy(np.median(speeds, axis=1), color="black", label=f"median of {n_states} states")
ax.set(xlabel="steps of gradient descent", ylabel="speed q")
ax.legend(frameon=False)
plt.show()
print(f"largest distance between two of the states found: {np.ptp(found, axis=0).max():.1e}")

# %% [markdown]
# **Figure 2.** The speed during the descent, of thirty states (blue) and the median of all
# (black). It falls nearly in a straight line on a logarithmic axis: steadily, but slowly. All
# states reach the same point, since this random network, whose weights are small, has only one
# fixed point. Trained networks have many, and `FixedPointFinder` (tutorial 7) finds them with
# Newton's method in place of gradient descent: some ten steps rather than a thousand.

# %% [markdown]
# ## The fact of this tutorial

# %%
print(
    f"gradient against the formula: {gradient_error:.0e}; vmap against the loop: "
    f"{vmap_error:.0e}; jit against eager: {apart:.0e}"
)

# %% [markdown]
# ## Exercises
#
# **1.** Compute the Jacobians at all states at once, `(n_states, N_UNITS, N_UNITS)`.
#
# <details><summary>Answer</summary>
#
# ```python
# @tf.function
# def jacobians(states):
#     with tf.GradientTape() as tape:
#         tape.watch(states)
#         after = tf.vectorized_map(lambda h: step(h, u), states)
#     return tape.batch_jacobian(after, states)
# ```
#
# `batch_jacobian` assumes that row i of the result depends on row i of the states only. In JAX
# it is `jax.vmap(jax.jacobian(step), in_axes=(0, None))(states, u)`.
#
# </details>
#
# **2.** Predict how often "recorded" is printed, then try.
#
# ```python
# @tf.function
# def scaled(h, factor):
#     print("recorded")
#     return factor * h
#
# for factor in (1.0, 2.0, 3.0):
#     scaled(h, factor)
# for factor in (1.0, 2.0, 3.0):
#     scaled(h, tf.constant(factor, tf.float64))
# ```
#
# <details><summary>Answer</summary>
#
# Four times: once for each Python number, since a Python number becomes part of the graph, and
# once for all tensors of the same type and shape.
#
# </details>
#
# ## References
#
# - Bradbury J et al. (2018). JAX: composable transformations of Python+NumPy programs.
# - Abadi M et al. (2016). TensorFlow: a system for large-scale machine learning. *OSDI*
#   16:265-283.
# - Baydin AG, Pearlmutter BA, Radul AA, Siskind JM (2018). Automatic differentiation in machine
#   learning: a survey. *JMLR* 18(153):1-43.
