"""Networks that no one here wrote, with fixed points known from elsewhere."""

import numpy as np
import pytest
from reference import leaky_relu_network, load, meta, workload_cell

from fixedpoint_tf import FixedPointFinder

pytestmark = pytest.mark.slow

NETWORKS = ["relu_lowrank_reach_rnn", "relu_lowrank_osc_rnn", "psychrnn_pdm_relu50"]


def starts(finder, u, x0, n=512, seed=0):
    """States along runs from many places, and around them."""
    rng = np.random.default_rng(seed)
    scale = 1.0 + np.abs(x0).max()
    h = x0 + scale * rng.normal(size=(64, finder.system.n_states))
    inputs = np.broadcast_to(u, (64, 200, len(u)))
    states = finder.simulate(inputs, h)
    return finder.sample_states(states, n, noise_scale=0.5 * states.std())


def case(name, label):
    data = load("rnn", f"{name}.npz")
    u = data[f"{label}.input"]
    finder = FixedPointFinder(
        leaky_relu_network(data),
        n_states=meta(data)["n_hidden"],
        n_inputs=len(u),
        verbose=False,
    )
    x0 = data["x0"] if "x0" in data else data["init_state"]
    unique, _ = finder.find_fixed_points(starts(finder, u, x0), u[None])
    return unique, data[f"{label}.xstar"], data[f"{label}.n_unstable"]


def matches(found, expected):
    distance = np.linalg.norm(found[:, None] - expected[None], axis=-1)
    return distance.min(axis=1), distance.argmin(axis=1)


@pytest.mark.parametrize("name", NETWORKS)
def test_exactly_the_reference_set(name):
    labels = [c["input"] for c in meta(load("rnn", f"{name}.npz"))["cases"]]
    for label in labels:
        unique, expected, n_unstable = case(name, label)
        fixed = unique.fixed
        assert len(fixed) == len(expected), (label, unique)
        distance, number = matches(fixed.xstar, expected)
        assert distance.max() < 1e-6, label
        assert sorted(number) == list(range(len(expected))), label
        np.testing.assert_array_equal(fixed.n_unstable, n_unstable[number])


def test_a_ring_of_eight_attractors():
    unique, *_ = case("relu_lowrank_reach_rnn", "zero")
    assert len(unique.fixed) == 17
    assert len(unique.fixed.stable) == 8


def test_a_limit_cycle_is_no_fixed_point():
    unique, *_ = case("relu_lowrank_osc_rnn", "zero")
    assert len(unique.fixed) == 1
    assert unique.fixed.n_unstable.tolist() == [2]
    # The focus turns once in about fifty steps, as the cycle around it does.
    assert 30 < 1 / np.abs(unique.fixed.frequencies()[0, 0]) < 80


@pytest.mark.parametrize(
    "name, n_fixed", [("W1_gru32", 27), ("W2_gru128", 1), ("W3_tanh256", 27)]
)
def test_benchmark_networks_lose_no_point_and_invent_none(name, n_fixed):
    data = load("workloads", f"{name}.npz")
    finder = FixedPointFinder(workload_cell(data), verbose=False)
    n = 256 if name == "W2_gru128" else None
    unique, all_points = finder.find_fixed_points(data["x0"][:n], data["inputs"])
    assert len(unique.fixed) == n_fixed
    assert unique.fixed.newton_step.max() < 1e-7
    assert (unique.fixed.qstar < 1e-20).all()
    assert np.isin(all_points.status, [0, 1]).mean() > 0.99
