"""Each saddle leads where it is known to lead, and basins have the shares they must have."""

import dataclasses
import itertools
import tracemalloc

import numpy as np
import pytest
import tensorflow as tf
from matplotlib import pyplot
from networks import flip_flop_network
from reference import leaky_relu_network, load
from scipy.optimize import brentq

from fixedpoint_tf import FixedPointFinder, FixedPoints, Status, as_system
from fixedpoint_tf._utils import chunks
from fixedpoint_tf.analysis import (
    Basins,
    Connections,
    RunOutcome,
    classify_attractors,
    estimate_basins,
    find_connections,
)
from fixedpoint_tf.analysis import convergence as arrivals
from fixedpoint_tf.analysis.basins import wilson_interval
from fixedpoint_tf.tasks import flip_flop

pytestmark = pytest.mark.slow

LATTICE = np.stack(np.meshgrid([-1.0, 0.0, 1.0], [-1.0, 0.0, 1.0]), -1).reshape(-1, 2)
CORNERS, SIDES, CENTRE = [0, 2, 6, 8], [1, 3, 5, 7], 4


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    pyplot.close("all")


def wells(time="discrete"):
    """Two independent double wells: 4 attractors, 4 saddles, 1 source."""

    def flow(h, u):
        return h - h**3

    def step(h, u):
        return h + 0.1 * flow(h, u)

    system = as_system(step if time == "discrete" else flow, n_states=2, n_inputs=0, time=time)
    return system, FixedPoints(xstar=LATTICE, time=time)


def columns(*parts):
    return tf.concat(parts, axis=1)


def neighbours_on_a_cube(graph, corners):
    """Whether each edge joins two corners that differ in one sign, and each is there once."""
    signs = np.sign(corners)
    apart = (signs[graph.edges[:, 0]] != signs[graph.edges[:, 1]]).sum(axis=1)
    n_bits = corners.shape[1]
    distinct = len(np.unique(graph.edges, axis=0))
    return (apart == 1).all() and distinct == n_bits * 2 ** (n_bits - 1)


class TestWells:
    @pytest.mark.parametrize("time", ["discrete", "continuous"])
    def test_each_saddle_joins_two_corners(self, time):
        found = find_connections(*wells(time))
        graph = found.transition_graph()
        assert np.flatnonzero(found.is_attractor).tolist() == CORNERS
        assert graph.saddles.tolist() == SIDES
        assert graph.edges.tolist() == [[0, 2], [0, 6], [2, 8], [6, 8]]
        assert repr(found) == (
            "28 ways out of 5 saddles; 4 of 4 saddles with 1 unstable direction join 4 pairs "
            "of 4 attractors; 20 ways are samples of a continuum, since 1 point has several "
            "unstable directions; 4 along a boundary between basins, where rounding decides"
        )

    def test_the_two_ways_out_of_a_saddle_are_opposite(self):
        found = find_connections(*wells())
        ways = np.flatnonzero(found.source == 1)  # at (0, -1)
        assert found.sign[ways].tolist() == [1, -1]
        assert np.allclose(found.direction[ways[0]], -found.direction[ways[1]])
        assert np.allclose(np.abs(found.direction[ways[0]]), [1.0, 0.0])
        assert sorted(found.target[ways]) == [0, 2]

    def test_the_source_leads_to_all_corners(self):
        found = find_connections(*wells(), n_directions=40)
        ways = found.source == CENTRE
        assert ways.sum() == 4 + 40
        assert set(CORNERS) <= set(found.target[ways])
        assert (found.is_representative == ways).all()
        # Exactly along an axis states arrive at the saddle, which holds them by symmetry.
        along = ways & (found.sign != 0)
        assert set(found.target[along]) == set(SIDES)
        assert ((found.outcome == RunOutcome.BOUNDARY) == along).all()
        assert np.allclose(np.linalg.norm(found.direction, axis=1), 1.0)

    def test_runs_begin_where_the_linear_picture_holds(self):
        found = find_connections(*wells())
        assert (found.linear_error <= 0.01).all()
        # The cubic term: 0.1 e^3 of 1.1 e, and 0.1 of the distance to the nearest point.
        assert np.allclose(found.offset, 0.1)
        assert np.allclose(found.linear_error[found.sign != 0], 0.1 * 0.01 / 1.1)

    def test_a_strong_curvature_asks_for_a_smaller_offset(self):
        system = as_system(
            lambda h, u: h + 0.1 * h * (1.0 - h) * (h + 0.01), n_states=1, n_inputs=0
        )
        found = find_connections(system, FixedPoints(xstar=[[-0.01], [0.0], [1.0]]))
        assert found.transition_graph().edges.tolist() == [[0, 2]]
        assert (found.offset < 1e-2).all() and (found.linear_error <= 0.01).all()

    def test_steps_are_those_of_the_run_itself(self):
        system, points = wells()
        found = find_connections(system, points, tol=0.01)
        edge = np.flatnonzero(found.source == 1)[0]
        start = found.xstar[1] + found.offset[edge] * found.direction[edge]
        path = system.simulate(np.zeros((1, 200, 0)), start[None])[0]
        away = np.linalg.norm(path - found.xstar[found.target[edge]], axis=1)
        assert found.steps[edge] == np.flatnonzero(away > 0.01)[-1] + 2

    def test_the_same_seed_gives_the_same_ways(self):
        a, b, c = (find_connections(*wells(), seed=seed).direction for seed in (3, 3, 4))
        assert (a == b).all() and (a != c).any()

    def test_the_graph_as_a_matrix(self):
        matrix, names = find_connections(*wells()).adjacency()
        assert names.tolist() == CORNERS
        assert matrix.tolist() == [[0, 1, 1, 0], [1, 0, 0, 1], [1, 0, 0, 1], [0, 1, 1, 0]]

    def test_edges_are_pairs_of_numbers(self):
        edges = find_connections(*wells()).edges
        assert {(1, 0), (1, 2), (3, 0), (3, 6)} <= set(edges)
        assert all(type(end) is int for edge in edges for end in edge)

    def test_points_that_have_their_linearisation_keep_it(self):
        system, points = wells()
        jacobians = system.jacobian(points.xstar, np.zeros((1, 0))).numpy()
        known = dataclasses.replace(points, J_xstar=jacobians).decompose_jacobians()
        assert find_connections(system, known).edges == find_connections(system, points).edges

    def test_only_saddles_are_decomposed_and_few_at_a_time(self, monkeypatch):
        """Right vectors of 4 points are held, not both kinds of all 100."""
        n, d = 100, 48
        system = as_system(
            lambda h, u: h + 0.1 * (h - h**3) + 0.01 * tf.roll(h, 1, axis=1),
            n_states=d,
            n_inputs=0,
        )
        x = np.random.default_rng(0).choice([-1.0, 1.0], size=(n, d))
        x[:4, 0] = 0.0
        points = FixedPoints(xstar=x)
        find_connections(system, points[:5], max_steps=1)  # what is compiled is none of it
        monkeypatch.setattr(chunks, "MEMORY_LIMIT", 8 * chunks.COPIES * 4 * d**2)
        monkeypatch.setattr(arrivals, "CYCLE_WINDOW", 4)
        tracemalloc.start()
        found = find_connections(system, points, max_steps=1)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert set(found.source) == {0, 1, 2, 3}
        assert peak < n * d**2 * 8  # the Jacobians of all, without any vectors

    def test_it_comes_back_from_a_file(self, tmp_path):
        found = find_connections(*wells())
        found.save(tmp_path / "c.h5")
        back = Connections.load(tmp_path / "c.h5")
        assert repr(back) == repr(found) and back.edges == found.edges


def bistable_units(gains, *, n_others=0, scale=1.0, rate=1.0, time="discrete"):
    """Independent units x <- tanh(g x) in rotated coordinates: what leads where is known.

    Returns the system, its 3**n points, the sign of each unit at them, and the rotation.
    """
    n = len(gains) + n_others
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(n, n)))[0]
    gain = np.r_[gains, np.full(n_others, 0.5)]

    def step(h, u):
        z = tf.matmul(h / scale, tf.constant(turn, h.dtype))
        flow = tf.tanh(z * tf.constant(gain, h.dtype)) - z
        later = z + rate * flow if time == "discrete" else flow
        return scale * tf.matmul(later, tf.constant(turn.T.copy(), h.dtype))

    roots = [brentq(lambda x, g=g: np.tanh(g * x) - x, 1e-3, 1.0) for g in gains]
    signs = np.array(list(itertools.product((-1, 0, 1), repeat=len(gains))))
    x = np.concatenate([signs * roots, np.zeros((len(signs), n_others))], axis=1) @ turn.T
    system = as_system(step, n_states=n, n_inputs=0, time=time)
    return system, FixedPoints(xstar=scale * x, time=time), signs, turn


class TestBoundaries:
    """A way that leaves some units on their threshold ends at a saddle, not by chance."""

    @pytest.mark.parametrize(
        ("gains", "options"),
        [
            ([2.0, 2.5], {}),
            ([1.5, 2.0, 3.0], {}),
            ([2.0, 2.001, 2.3], {"n_others": 3}),
            ([1.5, 1.7, 2.2, 3.0], {}),
            ([4.0, 6.0, 8.0], {}),
            ([1.5, 2.0, 3.0], {"rate": 0.1}),
            ([1.5, 2.0, 3.0], {"scale": 1e-6}),
            ([1.5, 2.0, 3.0], {"scale": 1e6}),
            ([1.5, 2.0, 3.0], {"time": "continuous"}),
        ],
    )
    def test_each_way_ends_where_the_exact_way_does(self, gains, options):
        system, points, signs, turn = bistable_units(gains, **options)
        found = find_connections(system, points)
        move = (found.direction @ turn)[:, : len(gains)]
        at = signs[found.source]
        # Units at rest at 0 leave it the way they are pushed; those not pushed stay.
        exact = np.where((at == 0) & (np.abs(move) > 1e-6), np.sign(move), at)
        assert (signs[found.target] == exact).all()
        on_boundary = (exact == 0).any(axis=1)
        assert ((found.outcome == RunOutcome.BOUNDARY) == on_boundary).all()
        assert (found.outcome[~on_boundary] == RunOutcome.FIXED_POINT).all()
        n_bits = len(gains)
        assert len(found.transition_graph().saddles) == n_bits * 2 ** (n_bits - 1)
        assert f"{on_boundary.sum()} along a boundary between basins" in repr(found)

    def test_without_the_saddle_the_end_of_the_way_is_not_known(self):
        system, points, signs, _ = bistable_units([2.0, 2.5])
        zeros = (signs == 0).sum(axis=1)
        found = find_connections(system, points[np.flatnonzero(zeros != 1)], n_directions=0)
        assert set(found.outcome) == {RunOutcome.BOUNDARY}
        assert set(found.target) == {-1}

    def test_a_symmetric_flow_from_saddle_to_saddle(self):
        """One unstable direction, along a mirror line, that ends at a saddle across it."""

        def step(h, u):
            x, y = h[:, :1], h[:, 1:]
            return columns(x + 0.1 * (x - x**3), y + 0.1 * y * (x**2 - 0.5 - y**2))

        system = as_system(step, n_states=2, n_inputs=0)
        y = np.sqrt(0.5)
        x = [[0.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [1.0, y], [1.0, -y], [-1.0, y], [-1.0, -y]]
        found = find_connections(system, FixedPoints(xstar=np.array(x)))
        from_middle = found.source == 0
        assert found.outcome[from_middle].tolist() == [RunOutcome.BOUNDARY] * 2
        assert sorted(found.target[from_middle]) == [1, 2]
        assert sorted(found.transition_graph().saddles) == [1, 2]

    def test_one_source_alone_says_that_its_ways_stand_for_others(self):
        system, points = wells()
        found = find_connections(system, points[[CENTRE, *CORNERS]], n_directions=3)
        assert repr(found).startswith(
            "7 ways out of 1 point; 7 ways are samples of a continuum, since it has several "
            "unstable directions; 4 along a boundary"
        )


class TestInputsOfBasins:
    """One constant input for all states, in either form, or one for each state."""

    @pytest.fixture
    def tilted(self):
        finder = FixedPointFinder(
            lambda h, u: h + 0.1 * (h - h**3 + u), n_states=1, n_inputs=1, verbose=False
        )
        right = np.roots([-1, 0, 1, 2]).real.max()
        x = [[-1.0], [0.0], [1.0], [right]]
        return finder, FixedPoints(xstar=x, inputs=[[0.0], [0.0], [0.0], [2.0]])

    def test_an_input_for_each_state(self, tilted):
        finder, points = tilted
        states = [[-0.5], [0.5], [-0.5], [0.5]]
        each = finder.estimate_basins(points, states, [[0.0], [0.0], [2.0], [2.0]])
        assert each.target.tolist() == [0, 2, 3, 3]
        assert each.attractors.tolist() == [0, 2, 3] and each.counts.tolist() == [1, 1, 2]

    def test_all_forms_of_one_input_are_the_same(self, tilted):
        finder, points = tilted
        states = np.linspace(-2.0, 2.0, 6)[:, None]
        for form in ([2.0], [[2.0]], np.full((6, 1), 2.0)):
            assert finder.estimate_basins(points, states, form).target.tolist() == [3] * 6
        assert (
            finder.estimate_basins(points, states, inputs=[0.0]).target.tolist()
            == [0] * 3 + [2] * 3
        )

    @pytest.mark.parametrize(
        "inputs", [np.zeros((2, 1)), np.zeros((6, 2)), np.zeros((1, 6, 1))]
    )
    def test_other_shapes_are_refused(self, tilted, inputs):
        finder, points = tilted
        with pytest.raises(ValueError, match=r"inputs: expected shape .*\(n=6, 1\), received"):
            finder.estimate_basins(points, np.zeros((6, 1)), inputs)
        with pytest.raises(ValueError, match="inputs: expected finite"):
            finder.estimate_basins(points, np.zeros((6, 1)), [[np.nan]])

    def test_no_attractor_at_that_input_is_said(self, tilted):
        finder, points = tilted
        words = repr(finder.estimate_basins(points, np.zeros((6, 1)), [1.0]))
        assert words == (
            "6 states, but no attractor among the points at their input; 6 at rest elsewhere"
        )


@pytest.mark.parametrize("scale", [1e-6, 1e3])
def test_a_point_all_alone_is_reached_at_any_size_of_the_states(scale):
    decay = as_system(lambda h, u: 0.9 * h, n_states=1, n_inputs=0)
    points = FixedPoints(xstar=np.zeros((1, 1)))
    found = estimate_basins(decay, points, scale * np.array([[0.1], [1.0]]))
    assert found.target.tolist() == [0, 0]
    assert found.steps[1] > found.steps[0] > 0


class TestOtherEnds:
    def test_an_attractor_that_is_not_given_is_a_rest_elsewhere(self):
        system, points = wells()
        found = find_connections(system, points[[1, 2]])
        ends = dict(zip(found.target, found.outcome, strict=True))
        assert ends == {1: RunOutcome.FIXED_POINT, -1: RunOutcome.OTHER_REST}
        assert len(found.transition_graph().edges) == 0
        assert "1 at rest elsewhere" in repr(found)

    @pytest.mark.parametrize("turn", [0.5, 0.05, np.pi, np.pi / 2])
    def test_a_limit_cycle(self, turn):
        rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])

        def step(h, u):
            grown = h * (1.1 - 0.1 * tf.reduce_sum(h * h, axis=1, keepdims=True))
            return tf.matmul(grown, tf.constant(rotation, h.dtype))

        system = as_system(step, n_states=2, n_inputs=0)
        found = find_connections(system, FixedPoints(xstar=np.zeros((1, 2))), max_steps=1000)
        assert set(found.outcome) == {RunOutcome.CYCLE}
        assert np.allclose(np.linalg.norm(found.final, axis=1), 1.0)

    @pytest.mark.parametrize("turn", [3e-3, 8e-4])
    def test_a_limit_cycle_of_thousands_of_steps(self, turn):
        def step(h, u):
            r = tf.sqrt(tf.reduce_sum(h**2, axis=1, keepdims=True))
            angle = tf.atan2(h[:, 1:], h[:, :1]) + turn * (1.0 + 0.5 * tf.cos(h[:, :1]))
            r = r + 0.1 * r * (1.0 - r)
            return tf.concat([r * tf.cos(angle), r * tf.sin(angle)], axis=1)

        system = as_system(step, n_states=2, n_inputs=0)
        points = FixedPoints(xstar=np.zeros((0, 2)), state_names=tuple(system.state_names))
        answer = estimate_basins(system, points, [[0.5, 0.1], [1.5, -0.3], [-1.0, 0.0]])
        assert (answer.outcome == RunOutcome.CYCLE).all()

    def test_a_slow_spiral_inwards_is_no_cycle(self):
        turn = np.array([[np.cos(0.1), np.sin(0.1)], [-np.sin(0.1), np.cos(0.1)]])
        spiral = as_system(
            lambda h, u: 0.9995 * tf.matmul(h, tf.constant(turn, h.dtype)),
            n_states=2,
            n_inputs=0,
        )
        points = FixedPoints(xstar=np.zeros((1, 2)))
        found = estimate_basins(spiral, points, [[1.0, 0.0]], max_steps=100)
        assert found.outcome.tolist() == [RunOutcome.MOVING]

    @pytest.mark.parametrize("decay", [1e-4, 1e-5])
    def test_a_spiral_that_shrinks_by_less_than_a_hundredth_meanwhile(self, decay):
        turn = np.array([[np.cos(0.1), np.sin(0.1)], [-np.sin(0.1), np.cos(0.1)]])
        spiral = as_system(
            lambda h, u: (1.0 - decay) * tf.matmul(h, tf.constant(turn, h.dtype)),
            n_states=2,
            n_inputs=0,
        )
        points = FixedPoints(xstar=np.zeros((1, 2)))
        assert estimate_basins(spiral, points, [[1.0, 0.0]]).outcome.tolist() == [
            RunOutcome.MOVING
        ]

    def test_states_that_run_away(self):
        system = as_system(lambda h, u: h + 0.1 * (h * h - h), n_states=1, n_inputs=0)
        found = find_connections(system, FixedPoints(xstar=[[0.0], [1.0]]))
        by_end = dict(zip(found.outcome, found.target, strict=True))
        assert by_end == {RunOutcome.FIXED_POINT: 0, RunOutcome.DIVERGED: -1}
        assert np.isnan(found.final[found.outcome == RunOutcome.DIVERGED]).all()

    def test_no_saddles_no_connections(self):
        system, points = wells()
        assert repr(find_connections(system, points[CORNERS])) == "no saddles, no connections"
        assert len(find_connections(system, points[:0])) == 0

    def test_slow_points_are_neither_left_nor_reached(self):
        system, points = wells()
        status = np.full(9, Status.FIXED_POINT)
        status[[1, 2]] = Status.SLOW_POINT
        found = find_connections(system, dataclasses.replace(points, status=status))
        assert 1 not in found.source and not {1, 2} & set(found.target)

    def test_an_interruption_keeps_what_has_arrived(self, monkeypatch):
        original, calls = arrivals.run_block, []

        def interrupted(*arguments):
            calls.append(1)
            if len(calls) > 4:
                raise KeyboardInterrupt
            return original(*arguments)

        monkeypatch.setattr(arrivals, "run_block", interrupted)
        found = find_connections(*wells())
        assert found.interrupted and repr(found).endswith("(interrupted)")
        arrived = found.outcome == RunOutcome.FIXED_POINT
        assert arrived.any() and (found.outcome[~arrived] == RunOutcome.NOT_RUN).all()


def test_points_of_different_inputs_are_not_connected():
    """The input tilts a double well until only one well is left."""
    system = as_system(lambda h, u: h + 0.1 * (h - h**3 + u), n_states=1, n_inputs=1)
    x = [[-1.0], [0.0], [1.0], [np.roots([-1, 0, 1, 2]).real.max()]]
    points = FixedPoints(xstar=x, inputs=[[0.0], [0.0], [0.0], [2.0]])
    found = find_connections(system, points)
    assert found.condition.tolist() == [0, 0, 0, 1]
    assert found.transition_graph().edges.tolist() == [[0, 2]]
    states = np.linspace(-2.0, 2.0, 20)[:, None]
    assert set(estimate_basins(system, points, states, [2.0]).target) == {3}
    assert set(estimate_basins(system, points, states, [[0.0]]).target) == {0, 2}
    with pytest.raises(ValueError, match=r"inputs: expected .* at 2 inputs; received None"):
        estimate_basins(system, points, states)


@pytest.fixture(scope="module")
def memory():
    """A flip-flop of 3 bits: the system, its points and the bits that they hold."""
    model = flip_flop_network()
    drive, _ = flip_flop(np.random.default_rng(1), 64, pulse_probability=0.1)
    finder = FixedPointFinder(model, random_seed=0, verbose=False)
    states = finder.sample_states(finder.simulate(drive), 400, noise_scale=0.5)
    points, _ = finder.find_fixed_points(states, np.zeros((1, 3)))
    bits = model.get_layer("readout")(points.xstar.astype(np.float32)).numpy()
    return finder.system, points, bits


class TestTrainedNetworks:
    def test_the_memories_of_a_flip_flop_are_the_corners_of_a_cube(self, memory):
        system, points, bits = memory
        found = find_connections(system, points)
        graph = found.transition_graph()
        assert found.is_attractor.sum() == 8
        assert len(graph.saddles) == (points.n_unstable == 1).sum() == 12
        assert neighbours_on_a_cube(graph, bits)
        assert (found.outcome == RunOutcome.FIXED_POINT).all()

    def test_states_near_a_memory_are_in_its_basin(self, memory):
        system, points, _ = memory
        stable = np.flatnonzero(points.is_stable)
        noise = 0.05 * np.random.default_rng(0).normal(size=(8, points.n_states))
        found = estimate_basins(system, points, points.xstar[stable] + noise)
        assert found.target.tolist() == stable.tolist()

    def test_a_ring_of_attractors_and_saddles(self):
        data = load("rnn", "relu_lowrank_reach_rnn.npz")
        system = as_system(leaky_relu_network(data), n_states=60, n_inputs=2)
        x = data["zero.xstar"]
        points = FixedPoints(xstar=x, inputs=np.tile(data["zero.input"], (len(x), 1)))
        found = find_connections(system, points)
        matrix, _ = found.adjacency()
        assert len(found.transition_graph().saddles) == 8
        assert (matrix.sum(axis=1) == 2).all()
        # Going round visits all of them: one ring, not two.
        reach = np.linalg.matrix_power(matrix + np.eye(8, dtype=int), 8)
        assert (reach > 0).all()

    def test_the_way_out_of_a_focus_ends_on_the_limit_cycle(self):
        data = load("rnn", "relu_lowrank_osc_rnn.npz")
        system = as_system(
            leaky_relu_network(data), n_states=len(data["m"]), n_inputs=len(data["w_inp"])
        )
        x = data["zero.xstar"]
        points = FixedPoints(xstar=x, inputs=np.tile(data["zero.input"], (len(x), 1)))
        found = find_connections(system, points, max_steps=4000)
        assert set(found.outcome) == {RunOutcome.CYCLE}


class TestBasins:
    def test_quadrants(self):
        states = np.random.default_rng(0).uniform(-1.5, 1.5, (2000, 2))
        found = estimate_basins(*wells(), states)
        truth = np.array([0, 2, 6, 8])[(states[:, 0] > 0) + 2 * (states[:, 1] > 0)]
        assert (found.target == truth).all()
        assert found.attractors.tolist() == CORNERS
        assert found.counts.sum() == 2000
        assert (found.lower < 0.25).all() and (found.upper > 0.25).all()

    def test_in_continuous_time(self):
        found = estimate_basins(*wells("continuous"), [[0.3, -2.0], [-0.1, 0.4]])
        assert found.target.tolist() == [2, 6]

    def test_a_state_on_the_ridge_stays_at_the_saddle(self):
        found = estimate_basins(*wells(), [[0.0, 0.5], [0.0, 0.0]])
        assert found.target.tolist() == [7, CENTRE]
        assert found.attractors.tolist() == [0, 2, 4, 6, 7, 8]

    def test_many_states_take_the_memory_of_a_few(self):
        states = np.random.default_rng(0).uniform(-1.5, 1.5, (70_000, 2))
        assert estimate_basins(*wells(), states).counts.sum() == 70_000

    def test_wilson_intervals(self):
        # Brown, Cai & DasGupta (2001): for 0 of n the upper end is z^2 / (n + z^2).
        lower, upper = wilson_interval(np.array([0, 50, 100]), 100)
        z2 = 1.959963984540054**2
        assert np.allclose(upper[0], z2 / (100 + z2))
        assert np.allclose(lower[2], 100 / (100 + z2))
        assert np.allclose(lower[1] + upper[1], 1.0)
        assert wilson_interval(np.array([0]), 0) == (0.0, 1.0)

    def test_wilson_intervals_cover(self):
        rng = np.random.default_rng(0)
        lower, upper = wilson_interval(rng.binomial(50, 0.2, 4000), 50)
        assert np.mean((lower <= 0.2) & (upper >= 0.2)) == pytest.approx(0.95, abs=0.02)

    def test_it_comes_back_from_a_file(self, tmp_path):
        found = estimate_basins(*wells(), LATTICE + 0.1)
        found.save(tmp_path / "b.h5")
        assert repr(Basins.load(tmp_path / "b.h5")) == repr(found)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tol": 0.7}, "tol: expected a number between 0 and 0.5, received 0.7"),
        ({"max_steps": 0}, "max_steps: expected a whole number of at least 1, received 0"),
        (
            {"n_directions": -1},
            "n_directions: expected a whole number of at least 0, received -1",
        ),
        ({"dt": 0.1}, "dt: expected None for a discrete system"),
    ],
)
def test_bad_options_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        find_connections(*wells(), **changes)


@pytest.mark.parametrize(
    ("states", "options", "message"),
    [
        (np.zeros((3, 5)), {}, "states: expected shape"),
        ([[np.nan, 0.0]], {}, "states: expected finite"),
        (
            np.zeros((1, 2)),
            {"confidence": 95},
            "confidence: expected a number between 0",
        ),
        (np.zeros((1, 2)), {"inputs": [1.0]}, r"inputs: expected shape .* received \(1,\)"),
    ],
)
def test_bad_states_are_refused(states, options, message):
    with pytest.raises(ValueError, match=message):
        estimate_basins(*wells(), states, **options)


def test_a_step_that_is_none_is_refused():
    with pytest.raises(ValueError, match="dt: expected a positive number, received -1"):
        find_connections(*wells("continuous"), dt=-1)


class TestFigures:
    def test_the_graph(self):
        figure, ax = find_connections(*wells()).plot()
        assert [text.get_text() for text in ax.get_legend().get_texts()] == [
            "1 point with several unstable directions",
            "4 saddles with 1 unstable direction",
            "4 attractors",
            "4 ways along a boundary between basins",
        ]
        assert len(ax.texts) == len(find_connections(*wells()).edges)  # one arrow each
        figure.canvas.draw()

    def test_without_the_higher_ones_and_at_given_places(self):
        found = find_connections(*wells())
        _, ax = found.plot(higher=False, coordinates=2.0 * LATTICE)
        assert len(ax.texts) == 8
        with pytest.raises(
            ValueError, match=r"coordinates: expected shape \(n, 2\) = \(9, 2\)"
        ):
            found.plot(coordinates=LATTICE[:3])

    def test_ends_elsewhere_are_stars(self):
        system, points = wells()
        _, ax = find_connections(system, points[[1, 2]]).plot()
        labels = [text.get_text() for text in ax.get_legend().get_texts()]
        assert "1 way at rest elsewhere" in labels

    def test_one_unit_is_a_line(self):
        wells = as_system(lambda h, u: h + 0.1 * (h - h**3), n_states=1, n_inputs=0)
        points = FixedPoints(xstar=np.array([[-1.0], [0.0], [1.0]]))
        figure, ax = find_connections(wells, points).plot()
        assert figure.get_size_inches()[1] < 3.0 and len(ax.get_yticks()) == 0
        assert ax.get_xlabel() == "state"

    def test_basins(self):
        _, ax = estimate_basins(*wells(), LATTICE + 0.1).plot()
        assert len(ax.patches) == 4
        assert ax.get_xlim()[0] == 0.0

    def test_nothing_to_draw(self):
        system, points = wells()
        _, ax = find_connections(system, points[:0]).plot()
        assert ax.get_legend().get_texts()[0].get_text() == "no fixed points"


class TestArriving:
    """States within a radius that leave it again have not arrived."""

    def test_inside_the_radius_but_outside_an_unstable_cycle(self):
        # A stable focus in an unstable cycle of radius 0.003, in a stable one of radius 1.
        def step(h, u):
            radius = tf.norm(h, axis=1, keepdims=True)
            grown = radius + 0.5 * radius * (radius - 0.003) * (1.0 - radius)
            turn = tf.constant(
                [[np.cos(0.5), np.sin(0.5)], [-np.sin(0.5), np.cos(0.5)]], h.dtype
            )
            return (h @ turn) * grown / radius

        system = as_system(step, n_states=2, n_inputs=0)
        points = FixedPoints(
            xstar=np.array([[0.0, 0.0]]),
            J_xstar=0.9985
            * np.array([[[np.cos(0.5), -np.sin(0.5)], [np.sin(0.5), np.cos(0.5)]]]),
            status=np.zeros(1, np.int8),
        ).decompose_jacobians()
        angle = np.linspace(0, 2 * np.pi, 20)
        states = 0.0045 * np.column_stack([np.cos(angle), np.sin(angle)])
        found = estimate_basins(system, points, states)
        assert (found.target == -1).all()

    def test_the_step_follows_the_fastest_of_all_points(self):
        slow, fast = np.zeros((20, 1)), np.full((1, 1), 100.0)
        system = as_system(
            lambda h, u: h * (u - h**2), n_states=1, n_inputs=1, time="continuous"
        )
        points = FixedPoints(
            xstar=np.concatenate([slow, np.zeros((1, 1)), [[10.0]], [[-10.0]]]),
            inputs=np.concatenate([slow + np.arange(1, 21)[:, None], fast, fast, fast]),
            time="continuous",
        )
        found = find_connections(system, points)
        assert (found.outcome[found.source == 20] == RunOutcome.FIXED_POINT).all()

    def test_states_too_fast_for_the_step_are_run_in_shorter_ones(self):
        system = as_system(lambda h, u: h - h**3, n_states=1, n_inputs=0, time="continuous")
        points = FixedPoints(xstar=np.array([[-1.0], [0.0], [1.0]]), time="continuous")
        found = estimate_basins(system, points, np.linspace(-30, 30, 40)[:, None])
        assert found.target.tolist() == [0] * 20 + [2] * 20

    @pytest.mark.parametrize("ask", [find_connections, classify_attractors])
    def test_a_point_that_is_not_finite_is_named(self, ask):
        system = as_system(lambda h, u: 0.5 * h, n_states=1, n_inputs=0)
        points = FixedPoints(xstar=np.array([[0.0], [np.nan]]))
        with pytest.raises(ValueError, match=r"points: expected finite .* row 1"):
            ask(system, points)


def test_basins_take_all_states_of_trajectories():
    states = np.random.default_rng(0).uniform(-1.5, 1.5, (4, 5, 2))
    system, points = wells()
    assert (estimate_basins(system, points, states).target.shape) == (20,)


def test_one_of_anything_is_singular():
    system, points = wells()
    one = estimate_basins(system, points, points.xstar[:1])
    assert repr(one).startswith("1 state reaches 1 of 4 attractors")
    assert "share of the state that arrives there" in one.plot()[1].get_xlabel()
