"""Enclosures in few coordinates hold what the map gives, and its derivatives, to rounding."""

from fractions import Fraction

import keras
import numpy as np
import pytest

from fixedpoint_tf import as_system
from fixedpoint_tf._utils.duals import Dual
from fixedpoint_tf._utils.intervals import Interval
from fixedpoint_tf.analysis.completeness.proof.coordinates import Coordinates
from fixedpoint_tf.systems.cells.curvature import as_arrays
from fixedpoint_tf.systems.enclosures.linear import LinearEnclosure


def coordinates(kind, seed, n=24, rank=3):
    rng = np.random.default_rng(seed)
    cell = getattr(keras.layers, f"{kind}Cell")(n)
    cell.build((None, 1))
    n_gates = {"SimpleRNN": 1, "GRU": 3}[kind]
    recurrent = rng.normal(size=(n, rank)) @ rng.normal(size=(rank, n_gates * n)) / n * 2.0
    weights = cell.get_weights()
    weights[1] = recurrent
    cell.set_weights(weights)
    system = as_system(cell)
    w = as_arrays(system.weights("float64"))
    return Coordinates(system.equations.fixed_point_map(w, Interval.at(np.array([0.2]))))


@pytest.mark.parametrize("kind", ["SimpleRNN", "GRU"])
@pytest.mark.parametrize("width", [1e-9, 1e-3, 1.0])
def test_values_slopes_and_lines_are_enclosed(kind, width):
    space = coordinates(kind, 0)
    assert space.is_reduced and space.is_single == (kind == "SimpleRNN")
    k = space.to.shape[1]
    rng = np.random.default_rng(1)
    centre = rng.normal(size=(8, k)) * 2.0
    radius = width * rng.uniform(size=(8, k))
    box = Interval(centre - radius, centre + radius)
    value, slope = space.enclose(box)
    linear = space.enclose_linearly(box)
    matrix = rng.normal(size=(8, k, k))
    product = linear.rest_times(matrix)
    network = space.network
    step = 1e-6
    for _ in range(40):
        x = np.clip(centre + radius * rng.uniform(-1, 1, size=(8, k)), box.lower, box.upper)

        def image(at):
            arguments = Interval.at(at @ space.back + network.offset.centre)
            return network.gates(Dual.constants(arguments)).value.centre @ space.to

        y = image(x)
        slack = 1e-6 if space.left_out.size.max() > 1e-9 else 1e-12
        assert (y >= value.lower - slack).all() and (y <= value.upper + slack).all()
        off = y - (linear.slope @ (x - box.centre)[..., None])[..., 0]
        assert (off >= linear.rest.lower - slack).all()
        assert (off <= linear.rest.upper + slack).all()
        moved = (matrix @ off[..., None])[..., 0]
        assert (moved >= product.lower - 10 * slack).all()
        assert (moved <= product.upper + 10 * slack).all()
        differences = np.stack(
            [(image(x + step * e) - image(x - step * e)) / (2.0 * step) for e in np.eye(k)], -1
        )
        assert (differences >= slope.lower - 1e-7).all()
        assert (differences <= slope.upper + 1e-7).all()
    if width == 1e-9:  # and no wider than they need be
        assert (slope.upper - slope.lower).max() < 1e-3


@pytest.mark.parametrize("seed", range(3))
def test_a_product_with_the_rest_is_exact_to_rounding(seed):
    rng = np.random.default_rng(seed)
    n, k = 6, 3
    units = rng.normal(size=(1, n)) * 10.0 ** rng.integers(-6, 6, size=n)
    to = rng.normal(size=(n, k)) * 10.0 ** rng.integers(-6, 6, size=(n, k))
    matrix = rng.normal(size=(1, k, k)) * 10.0 ** rng.integers(-6, 6, size=(k, k))
    besides = Interval.at(np.zeros((1, k)))
    rest = Interval.at(units).matmul(to)
    got = LinearEnclosure(np.zeros((1, k, k)), rest, Interval.at(units), to, besides)
    product = got.rest_times(matrix)
    for j in range(k):
        exact = sum(
            Fraction(matrix[0, j, i]) * Fraction(units[0, u]) * Fraction(to[u, i])
            for i in range(k)
            for u in range(n)
        )
        assert Fraction(product.lower[0, j]) <= exact <= Fraction(product.upper[0, j])
