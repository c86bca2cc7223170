"""Cycles through kinks, where the stability is that of all the pieces that meet there."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from fixedpoint_tf import as_system
from fixedpoint_tf.analysis import Cycles, find_cycles
from fixedpoint_tf.analysis.cycles.maps import VariationalMap
from fixedpoint_tf.analysis.cycles.orbits.sides import every_product_decays
from fixedpoint_tf.analysis.cycles.orbits.solving import KnownOrbits
from fixedpoint_tf.linearization import Stability

pytestmark = pytest.mark.slow

NONE = np.zeros((1, 0))


@functools.cache  # compiled once
def visiting(k, at, *pieces):
    """Turning by 1/k of a circle; at the k-th step, two matrices act on what is beside.

    Args:
        at: of the kink in the first coordinate beside the circle.
        pieces: rows of the matrices, where that coordinate is below and above.
    """
    below, above = (np.array(piece) for piece in pieces)

    def step(h, u):
        angle = tf.atan2(h[:, 1:2], h[:, :1])
        angle = angle + 2 * np.pi / k - 0.3 / k * tf.sin(k * angle)  # locked at k points
        radius = 0.5 + 0.5 * tf.norm(h[:, :2], axis=1, keepdims=True)
        y = h[:, 2:]
        shifted = y - at * np.eye(y.shape[1])[0]
        sides = [shifted @ tf.constant(a.T, h.dtype) for a in (below, above)]
        kinked = tf.where(y[:, :1] > at, sides[1], sides[0])
        y = tf.where(h[:, :1] > 0.999, kinked + at * np.eye(y.shape[1])[0], y)
        return tf.concat([radius * tf.cos(angle), radius * tf.sin(angle), y], 1)

    return as_system(step, n_states=2 + len(below), n_inputs=0)


def solved(system, k, beside):
    """The cycle through (1, 0), found from near it."""
    known = KnownOrbits(VariationalMap(system), 1e-4)
    angle = 2 * np.pi * np.arange(k) / k
    guess = np.column_stack([np.cos(angle), np.sin(angle), np.tile(beside, (k, 1))])
    (index,) = known.solve(guess[None], NONE)
    return known.found[index]


def rates(pieces, rounds=400):
    """Growth per round of deviations of many directions, carried from piece to piece."""
    below, above = (np.array(piece) for piece in pieces)
    y = np.random.default_rng(0).normal(size=(4000, len(below)))
    total = np.zeros(len(y))
    for _ in range(rounds):
        y = np.where(y[:, :1] > 0, y @ above.T, y @ below.T)
        size = np.maximum(np.linalg.norm(y, axis=1, keepdims=True), 1e-300)
        total += np.log(size[:, 0])
        y = y / size
    return total / rounds


CONTRACTING = (((0.5, 0.2), (-0.1, 0.4)), ((-0.6, 0.2), (0.3, 0.4)))
#: The second of these spreads by 1.5 along (1, 0), on its own side.
SADDLE = (((0.5, 0.0), (0.0, 0.4)), ((1.5, 0.0), (0.0, 0.4)))
#: Each alone contracts, but what goes from one to the other grows (Do & Baek 2006).
TOGETHER = (((-0.3, 1.0), (-0.9, 0.0)), ((-1.8, 1.0), (-0.9, 0.0)))
#: The first spreads by -2, to the side that shrinks to a fifth.
RETURNING = (((-2.0, 0.0), (0.0, 0.3)), ((0.2, 0.0), (0.0, 0.3)))


@pytest.mark.parametrize("k", [2, 5])
@pytest.mark.parametrize(
    ("pieces", "allowed"),
    [
        (CONTRACTING, {"stable"}),
        (SADDLE, {"unstable"}),
        (TOGETHER, {"unstable"}),
        (RETURNING, {"stable", "undecided"}),
    ],
    ids=["contracting", "saddle", "together", "returning"],
)
def test_a_cycle_on_a_kink_has_the_stability_of_all_sides(k, pieces, allowed):
    grows = rates(pieces).max() > 0.0
    orbit = solved(visiting(k, 0.0, *pieces), k, [0.0, 0.0])
    assert orbit.on_kink and orbit.kink_stability in allowed
    assert ("stable" in allowed) != grows
    assert orbit.is_stable == (orbit.kink_stability == "stable")


@pytest.mark.parametrize("seed", range(8))
def test_no_drawn_cycle_on_a_kink_is_called_stable_where_deviations_grow(seed):
    rng = np.random.default_rng(seed)
    d, k = int(rng.integers(1, 4)), int(rng.integers(2, 7))
    below = rng.normal(size=(d, d)) * rng.uniform(0.3, 1.5) / d**0.5
    above = below + np.outer(rng.normal(size=d), np.eye(d)[0])
    pieces = [tuple(map(tuple, piece)) for piece in (below, above)]
    rate = rates(pieces).max()
    orbit = solved(visiting(k, 0.0, *pieces), k, np.zeros(d))
    assert orbit.kink_stability != ("stable" if rate > 0 else "unstable")
    if max(np.linalg.norm(piece, 2) for piece in (below, above)) < 1:
        assert orbit.kink_stability == "stable"


def kinked_at_0(below, above):
    """0 -> 1 -> 0, with slopes of its own below and above 0."""
    fall = 2.0 * (1.0 + above)  # beyond 1/2, so that 1 is mapped to 0

    def step(h, u):
        rise = above * tf.nn.relu(h) - below * tf.nn.relu(-h)
        return 1.0 + rise - fall * tf.nn.relu(h - 0.5)

    return as_system(step, n_states=1, n_inputs=0), above - fall


@pytest.mark.parametrize(
    ("below", "above", "stability"),
    [
        (0.25, 0.1, "stable"),
        (0.9, 0.1, "stable"),  # what is below grows and is above next, where it decays
        (0.9, 0.9, "unstable"),  # both ways grow, each into the other
        (-0.9, 0.1, "unstable"),
        (-0.5, -0.3, "stable"),
        (0.4, -0.9, "stable"),
    ],
)
def test_in_one_dimension_both_ways_are_followed(below, above, stability):
    system, at_1 = kinked_at_0(below, above)
    y = np.array([1.0, -1.0])  # both ways to deviate from 0, once around after another
    with np.errstate(over="ignore"):
        for _ in range(2000):
            y = at_1 * np.where(y > 0, above * y, below * y)
    true = "stable" if (np.abs(y) < 1e-3).all() else "unstable"
    known = KnownOrbits(VariationalMap(system), 1e-4)
    (index,) = known.solve(np.array([[[0.0], [1.0]]]), NONE)
    assert known.found[index].on_kink
    assert known.found[index].kink_stability == true == stability


def test_a_cycle_that_all_starts_come_to_is_said_to_be_stable():
    """0 -> 1 -> 0, with multipliers 0.75 and 0.3 once around to both sides of the kink."""

    def step(h, u):
        return 1.0 - 0.5 * tf.nn.relu(h) - tf.nn.relu(h - 0.5) + 0.2 * tf.nn.relu(-h)

    system = as_system(step, n_states=1, n_inputs=0)
    cycles = find_cycles(system, [[0.05], [-0.1], [0.3]], max_period=0)
    assert cycles.period.tolist() == [2] and cycles.on_kink.tolist() == [True]
    assert cycles.kink_stability == ("stable",) and cycles.is_stable[0]
    assert cycles.kink_stability[0] is Stability.STABLE
    with pytest.raises(IndexError, match="index: expected one of 1 cycles, received 1"):
        cycles.orbit(1)
    assert cycles.multipliers[0, 0] == pytest.approx(0.75, abs=1e-6)  # of the slower side
    assert cycles.n_starts.tolist() == [3]
    assert repr(cycles).startswith("a stable cycle: the oscillation takes 2 steps")


def test_what_is_not_decided_is_said_and_kept_in_files(tmp_path):
    cycles = find_cycles(visiting(5, 0.0, *RETURNING), [[1.0, 0.1, 0.05, 0.02]], max_period=0)
    assert cycles.on_kink.tolist() == [True]
    assert cycles.stability_in_words() == cycles.kink_stability == ("undecided",)
    assert not cycles.is_stable[0]
    assert repr(cycles).startswith("a cycle of undecided stability: the oscillation takes 5")
    assert "through a kink" in repr(cycles)
    cycles.save(tmp_path / "cycles.h5")
    back = Cycles.load(tmp_path / "cycles.h5")
    assert repr(back) == repr(cycles) and back.kink_stability == cycles.kink_stability


@pytest.mark.parametrize("seed", range(6))
def test_products_that_decay_are_told_from_those_that_do_not(seed):
    """The growth of the worst of many long products is a bound from below."""
    rng = np.random.default_rng(seed)
    pair = rng.normal(size=(2, 3, 3))
    worst = 0.0
    for _ in range(4000):
        order = rng.integers(0, 2, int(rng.integers(1, 13)))
        product = np.linalg.multi_dot([*pair[order], np.eye(3), np.eye(3)])
        worst = max(worst, np.abs(np.linalg.eigvals(product)).max() ** (1 / len(order)))
    assert not every_product_decays(1.02 / worst * pair)
    assert every_product_decays(0.8 / worst * pair)
