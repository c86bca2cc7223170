"""A deflated search finds the points that plain starts never meet."""

import functools

import numpy as np
import pytest
import tensorflow as tf
from networks import flip_flop_network

from fixedpoint_tf import FixedPointFinder, FixedPoints, Status, as_system
from fixedpoint_tf.analysis import Deflated, search_deflated
from fixedpoint_tf.search.search import Search
from fixedpoint_tf.search.solvers.deflated import push
from fixedpoint_tf.tasks import flip_flop

pytestmark = pytest.mark.slow

ROOTS = np.array([-2.0, -0.5, 0.3, 1.0, 2.5])


@functools.cache
def polynomial(time="discrete"):
    """A scalar map whose fixed points are ``ROOTS``."""

    def step(h, u):
        value = 0.1 * tf.reduce_prod(h - tf.constant(ROOTS, h.dtype), axis=1, keepdims=True)
        return h - value + 0.0 * u if time == "discrete" else -value + 0.0 * u

    return as_system(step, n_states=1, n_inputs=1, time=time)


def known(x, **options):
    x = np.atleast_2d(x)
    fields = {"inputs": np.zeros((len(x), 1)), "status": np.zeros(len(x), int), **options}
    return FixedPoints(xstar=x, **fields)


@pytest.fixture(scope="module")
def memory():
    model = flip_flop_network()
    finder = FixedPointFinder(model, verbose=False)
    drive, _ = flip_flop(np.random.default_rng(1), 64, n_bits=3, pulse_probability=0.1)
    states = finder.simulate(drive)
    starts = finder.sample_states(states, 512, noise_scale=0.5)
    return finder.system, finder.find_fixed_points(starts, np.zeros((1, 3)))[0]


@pytest.mark.parametrize("time", ["discrete", "continuous"])
def test_all_roots_of_a_polynomial_from_one_of_them(time):
    found = search_deflated(polynomial(time), known([[0.3]], time=time))
    assert sorted(found.points.xstar.ravel()) == pytest.approx(ROOTS)
    assert found.is_new.tolist() == [False] + [True] * 4
    assert (found.points.status == Status.FIXED_POINT).all()


def test_a_root_that_plain_starts_never_meet():
    # Every start given falls in the well of the origin; another pair lies behind a ridge.
    def step(h, u):
        far = h - tf.constant([[3.0, 0.0]], h.dtype)
        near = tf.exp(-tf.reduce_sum(far**2, axis=1, keepdims=True))
        return 0.5 * h + 3.5 * near * tf.constant([[1.0, 0.0]], h.dtype) + 0.0 * u

    system = as_system(step, n_states=2, n_inputs=1)
    starts = 0.2 * np.random.default_rng(0).normal(size=(64, 2))
    finder = FixedPointFinder(system, effort=0, verbose=False)
    plain, _ = finder.find_fixed_points(starts, [[0.0]])
    assert plain.fixed.n == 1
    found = search_deflated(system, plain, initial_states=starts)
    assert found.new.n >= 1
    x = found.points.xstar
    assert np.abs(system.step(x, np.zeros((1, 1))).numpy() - x).max() < 1e-9
    assert np.linalg.norm(found.new.xstar, axis=1).min() > 1.0


def test_from_the_eight_memories_to_the_saddles_between_them(memory):
    system, unique = memory
    stable = unique.stable
    assert (stable.n, unique.fixed.n) == (8, 27)
    found = search_deflated(system, stable)
    assert found.points.n == 27
    away = np.linalg.norm(found.points.xstar[:, None] - unique.fixed.xstar, axis=2)
    assert away.min(axis=1).max() < 1e-7 and len(set(away.argmin(axis=1))) == 27
    assert not found.is_new[:8].any() and found.is_new[8:].all()
    # Located, verified and linearised as the finder does.
    assert found.new.newton_step.max() < 1e-7
    assert found.new.J_xstar.shape == (19, 24, 24)
    assert sorted(found.points.n_unstable) == sorted(unique.fixed.n_unstable)


def test_nothing_new_where_there_is_nothing():
    system = as_system(lambda h, u: 0.5 * h + u, n_states=3, n_inputs=3)
    found = search_deflated(system, known(np.zeros((1, 3)), inputs=np.zeros((1, 3))))
    assert found.new.n == 0 and found.points.n == 1
    assert repr(found) == "0 new fixed points beside 1 known point, from 128 deflated starts"


def test_each_input_is_searched_by_itself():
    system = as_system(lambda h, u: h - h**3 + u * h, n_states=1, n_inputs=1)
    points = known([[0.0], [0.0]], inputs=[[1.0], [-1.0]], cond_id=[4, 7])
    found = search_deflated(system, points)
    assert sorted(found.new.xstar.ravel()) == pytest.approx([-1.0, 1.0])
    assert found.new.inputs.tolist() == [[1.0], [1.0]]
    assert found.new.cond_id.tolist() == [4, 4]


def test_an_input_without_points_keeps_the_labels_of_the_others():
    system = as_system(lambda h, u: 0.5 * h + u, n_states=1, n_inputs=1)
    found = search_deflated(system, known([[0.0]], cond_id=[4]), inputs=[[0.0], [1.0]])
    assert found.points.xstar.ravel() == pytest.approx([0.0, 2.0])
    assert found.points.cond_id.tolist() == [4, -1]


def test_without_known_points_it_is_a_plain_search():
    none = FixedPoints(xstar=np.zeros((0, 1)), inputs=np.zeros((0, 1)), status=[])
    found = search_deflated(polynomial(), none, inputs=[[0.0]])
    assert sorted(found.new.xstar.ravel()) == pytest.approx(ROOTS)


def test_slow_points_are_kept_and_do_not_push():
    points = known([[0.3], [1.7]], status=[0, 1])
    found = search_deflated(polynomial(), points)
    assert found.points[1].status.tolist() == [Status.SLOW_POINT]
    assert sorted(found.points.fixed.xstar.ravel()) == pytest.approx(ROOTS)


def test_the_push_is_the_gradient_of_its_logarithm():
    rng = np.random.default_rng(0)
    x, roots, h = rng.normal(size=(5, 3)), rng.normal(size=(4, 3)), 1e-6
    length = np.full(5, 0.7)
    value, gradient = push(x, roots, length)
    square = ((x[:, None] - roots) ** 2).sum(axis=2)
    assert value == pytest.approx(np.log(np.prod(0.49 / square + 1.0, axis=1)))
    for i, direction in enumerate(np.eye(3)):
        up, down = (push(x + s * h * direction, roots, length)[0] for s in (1, -1))
        assert gradient[:, i] == pytest.approx((up - down) / (2 * h), rel=1e-5, abs=1e-6)
    assert push(x, np.zeros((0, 3)), length)[0].tolist() == [0.0] * 5


def test_same_seed_same_answer_saved_as_it_was(tmp_path):
    one, two = (
        search_deflated(polynomial(), known([[0.3]]), n_inits=16, seed=5) for _ in range(2)
    )
    assert one.points.xstar.tolist() == two.points.xstar.tolist()
    one.save(tmp_path / "d.h5")
    back = Deflated.load(tmp_path / "d.h5")
    assert repr(back) == repr(one)
    assert back.is_new.tolist() == one.is_new.tolist()
    assert back.new.J_xstar is None  # the known point had none to stand beside
    assert back.points.xstar.tolist() == one.points.xstar.tolist()
    assert back.points.state_names == one.points.state_names


def test_interrupted_keeps_what_was_found(monkeypatch):
    import fixedpoint_tf.analysis.completeness.deflation as room

    verify, calls = room._verify, []

    def stop_at_the_second(*arguments):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return verify(*arguments)

    monkeypatch.setattr(room, "_verify", stop_at_the_second)
    found = search_deflated(polynomial(), known([[0.3]]))
    assert found.interrupted and found.new.n >= 1 and "interrupted" in repr(found)


def test_an_interruption_inside_its_finder_ends_it(monkeypatch):
    run, calls = Search.run, []

    def stop_at_the_first(search):
        calls.append(1)
        run(search)
        raise KeyboardInterrupt

    monkeypatch.setattr(Search, "run", stop_at_the_first)
    found = search_deflated(polynomial(), known([[0.3]]))
    assert found.interrupted and len(calls) == 1
    assert found.new.n >= 1, "what its finder had found by then is kept"


def test_rings_mark_the_new_points(memory):
    system, unique = memory
    points = unique.fixed
    found = Deflated(points, np.arange(27) > 20, 10, 5, False)
    _, axes = found.plot()
    assert "6 new" in [t.get_text() for t in axes.get_legend().texts]


@pytest.mark.parametrize(
    ("points", "options", "error", "message"),
    [
        (np.zeros((1, 1)), {}, TypeError, "points: expected a FixedPoints"),
        (
            known(np.zeros((1, 2))),
            {},
            ValueError,
            "points: expected those of a discrete system of 1",
        ),
        (
            FixedPoints(xstar=[[0.0]], status=[0]),
            {},
            ValueError,
            "inputs: expected an array of width 1",
        ),
        (known([[0.3]]), {"n_inits": 0}, ValueError, "n_inits: expected a whole number"),
        (
            known([[0.3]]),
            {"max_rounds": 1.5},
            ValueError,
            "max_rounds: expected a whole number",
        ),
        (known([[0.3]]), {"length": -1.0}, ValueError, "length: expected a positive number"),
        (known([[0.3]]), {"inputs": [[0.0, 1.0]]}, ValueError, r"inputs: expected shape"),
        (
            known([[0.3]]),
            {"initial_states": [[np.nan]]},
            ValueError,
            "initial_states: expected finite",
        ),
    ],
)
def test_bad_input_is_refused(points, options, error, message):
    with pytest.raises(error, match=message):
        search_deflated(polynomial(), points, **options)
