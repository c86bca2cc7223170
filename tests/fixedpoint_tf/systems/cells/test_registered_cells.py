"""A cell class of a user's own, registered in one place, is as good as the standard ones."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers as L

from fixedpoint_tf import FixedPointFinder, as_system
from fixedpoint_tf.analysis import certify, prove_complete
from fixedpoint_tf.systems import cells
from fixedpoint_tf.systems.cells.curvature import as_arrays, bounds_of
from fixedpoint_tf.systems.cells.registry import is_builtin, kind_of
from fixedpoint_tf.systems.differentiation.autodiff import Autodiff
from fixedpoint_tf.systems.validation.sampled_bounds import (
    check_ball_bounds,
    check_linear_pieces,
)

W = np.diag([1.5, 0.5])


class LeakyCell(L.Layer):
    """``h + alpha (tanh(u B + h W) - h)``, or another function in place of tanh."""

    def __init__(self, units, alpha=0.2, squash="tanh", **kwargs):
        super().__init__(**kwargs)
        self.units, self.alpha, self.squash, self.state_size = units, alpha, squash, units

    def build(self, shape):
        self.b = self.add_weight(shape=(shape[-1], self.units))
        self.w = self.add_weight(shape=(self.units, self.units))

    def call(self, inputs, states, training=False):
        (h,) = states
        drive = tf.matmul(h, self.w) + tf.matmul(inputs, self.b)
        new = h + self.alpha * (getattr(tf, self.squash)(drive) - h)
        return new, [new]

    def get_config(self):
        own = {"units": self.units, "alpha": self.alpha, "squash": self.squash}
        return {**super().get_config(), **own}


@dataclasses.dataclass(frozen=True)
class Leaky(cells.CellEquations):
    units: int
    alpha: float

    @classmethod
    def from_cell(cls, cell):
        return cls(cell.units, cell.alpha) if cell.squash == "tanh" else None

    @staticmethod
    def weights(cell):
        return cell.b, cell.w, np.zeros(cell.units)

    def step(self, w, h, u):
        return h + self.alpha * (tf.tanh(cells.preactivation(w, h, u)) - h)

    def slopes(self, w, h, u):
        return self.alpha * (1.0 - tf.tanh(cells.preactivation(w, h, u)) ** 2)

    def jacobian(self, w, h, u):
        leak = (1.0 - self.alpha) * tf.eye(self.units, dtype=h.dtype)
        return leak + cells.scale_rows(self.slopes(w, h, u), w[1])

    def input_jacobian(self, w, h, u):
        return cells.scale_rows(self.slopes(w, h, u), w[0])

    @property
    def is_smooth(self):
        return True

    def bounds(self):
        return -np.ones(self.units), np.ones(self.units)

    def ball_bounds(self, w, *, jumps=False):
        return leaky_bounds(self.alpha, w)


def leaky_bounds(alpha, w, *, bend=1.0, slope=1.0, error=1.0):
    """The bounds of a leaky cell; with factors on parts of them."""
    kernel, recurrent, bias = cells.Kernel(w[0]), cells.Kernel(w[1]), w[2]

    def bound(states, below, radius):
        h = cells.identity(states)
        a = cells.affine(below, kernel, h, recurrent, bias)
        f = cells.suprema("tanh", a.value, a.width(radius))
        new = states + alpha * (np.tanh(a.value) - states) + (error - 1.0)
        size = np.abs(states) + h.width(radius) + f.size
        return [
            cells.elementwise(
                [a, h],
                new,
                [slope * alpha * f.slope, slope * (1.0 - alpha) * np.ones_like(new)],
                {(0, 0): bend * alpha * f.curvature},
                rounding=cells.ROUNDING * size,
                size=size,
            )
        ]

    return bound


def new_class():
    """A cell class with no equations yet."""
    return type("OwnCell", (LeakyCell,), {})


def make(cell_class, units=2, n_inputs=1, weights=None, **options):
    cell = cell_class(units, name="leaky", **options)
    cell.build((None, n_inputs))
    rng = np.random.default_rng(5)
    cell.set_weights(
        [rng.normal(size=w.shape) for w in cell.weights] if weights is None else weights
    )
    return cell


def registered(equations=Leaky):
    cell_class = new_class()
    cells.register_cell(cell_class)(equations)
    return cell_class


def variant(**members):
    """``Leaky`` with other members, as a user would have written it."""
    return dataclasses.dataclass(frozen=True)(type("Wrong", (Leaky,), members))


def automatic(function, x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = function(x)
    return tape.batch_jacobian(y, x)


def test_points_are_proved_that_were_supported_by_samples():
    weights = [np.ones((1, 2)), W]
    before, after = make(new_class(), weights=weights), make(registered(), weights=weights)
    starts = np.random.default_rng(1).normal(size=(64, 2))
    found = {}
    for name, cell in {"before": before, "after": after}.items():
        finder = FixedPointFinder(cell, verbose=False)
        points = finder.find_fixed_points(starts, np.zeros((1, 1)))[0]
        found[name] = points, finder.certify(points)
    (points, supported), (same, proved) = found["before"], found["after"]
    true = 0.8585596366401104  # tanh(1.5 x) = x
    order = np.argsort(points.xstar[:, 0])
    np.testing.assert_allclose(points.xstar[order, 0], [-true, 0.0, true], atol=1e-12)
    same_order = np.argsort(same.xstar[:, 0])
    np.testing.assert_allclose(same.xstar[same_order], points.xstar[order], atol=1e-12)
    assert supported.codes == ["supported"] * 3 and not supported.proved.any()
    assert proved.codes == ["certified"] * 3 and proved.proved.all()
    assert proved.n_distinct == 3 and sorted(proved.n_unstable) == [0, 0, 1]


@pytest.mark.parametrize("stacked", [False, True])
def test_jacobians_are_those_of_automatic_differentiation(stacked):
    cell = make(registered(), units=4, n_inputs=3)
    if stacked:
        cell = L.StackedRNNCells([L.LSTMCell(3), cell.__class__(4), L.GRUCell(2)])
        cell.build((None, 3))
    system = as_system(cell)
    assert not isinstance(system.equations, Autodiff) and not is_builtin(system.equations)
    rng = np.random.default_rng(0)
    h = tf.constant(rng.normal(size=(5, system.n_states)))
    u, w = tf.constant(rng.normal(size=(5, 3))), system.weights()
    step = system.equations.step
    by_state = automatic(lambda h: step(w, h, u), h)
    by_input = automatic(lambda u: step(w, h, u), u)
    np.testing.assert_allclose(system.jacobian(h, u), by_state, atol=1e-14)
    np.testing.assert_allclose(system.input_jacobian(h, u), by_input, atol=1e-14)


def test_a_stack_with_a_registered_cell_has_certificates():
    # Untrained recurrent weights are orthogonal: a rotation is at a bifurcation.
    keras.utils.set_random_seed(0)
    stack = L.StackedRNNCells([L.GRUCell(3), registered()(2), L.SimpleRNNCell(2)])
    stack.build((None, 1))
    system = as_system(stack)
    finder = FixedPointFinder(stack, verbose=False)
    starts = np.random.default_rng(0).normal(size=(16, system.n_states))
    answer = finder.certify(finder.find_fixed_points(starts, np.zeros((1, 1)))[0])
    assert answer.method == "closed form" and answer.proved.all()


WRONG = {
    "jacobian": (
        {"jacobian": lambda self, w, h, u: cells.scale_rows(self.slopes(w, h, u), w[1])},
        "expected Jacobians of 'leaky' .* Correct the jacobian or input_jacobian of Wrong",
    ),
    "input_jacobian": (
        {"input_jacobian": lambda self, w, h, u: cells.scale_rows(0.5 + 0.0 * h, w[0])},
        "expected Jacobians of 'leaky' .* Correct the jacobian or input_jacobian of Wrong",
    ),
    "step": (
        {"step": lambda self, w, h, u: Leaky.step(self, w, h, u) + 0.1},
        "expected the step of Wrong.* to be the update of 'leaky'",
    ),
    "step, by less than single precision shows": (
        {"step": lambda self, w, h, u: (1.0 + 1e-8) * Leaky.step(self, w, h, u)},
        "expected the step of Wrong.* to be the update of 'leaky'",
    ),
    "number of states": (
        {"n_states": property(lambda self: self.units + 1)},
        "with n_states = 2, received Wrong.* with 3",
    ),
    "names of states": ({"state_names": ("v", "w")}, "to name the 1 states of 'leaky'"),
    "fields that cannot be compared": (
        {"from_cell": classmethod(lambda cls, cell: cls(cell.units, [cell.alpha]))},
        "expected fields of Wrong that can be compared",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_equations_that_are_not_the_cells_are_refused_when_a_system_is_made(name):
    members, message = WRONG[name]
    with pytest.raises(ValueError, match=message):
        as_system(make(registered(variant(**members))))


WRONG_BOUNDS = {
    "curvature": ({"bend": 0.3}, "a bound of the change of its gradient for h"),
    "slope": ({"slope": 0.7}, "a bound of the length of its gradient for h"),
    "value": ({"error": 1.0 + 1e-12}, "a bound of the rounding of its value for h"),
}


@pytest.mark.parametrize("name", WRONG_BOUNDS)
def test_bounds_that_a_sample_breaks_are_refused_when_points_are_certified(name):
    factors, message = WRONG_BOUNDS[name]

    def ball_bounds(self, w, *, jumps=False):
        return leaky_bounds(self.alpha, w, **factors)

    system = as_system(make(registered(variant(ball_bounds=ball_bounds))))
    with pytest.raises(ValueError, match=rf"ball_bounds of Wrong.*: expected {message}"):
        certify(system, np.zeros((1, 2)), inputs=np.zeros((1, 1)))


def test_bounds_of_too_few_states_are_refused():
    def ball_bounds(self, w, *, jumps=False):
        good = leaky_bounds(self.alpha, w)
        return lambda h, below, radius: 2 * good(h, below, radius)

    system = as_system(make(registered(variant(ball_bounds=ball_bounds))))
    with pytest.raises(ValueError, match="expected bounds of 2 states, received 4"):
        certify(system, np.zeros((1, 2)), inputs=np.zeros((1, 1)))


def test_without_bounds_there_is_a_closed_form_and_support_by_samples():
    unbounded = variant(ball_bounds=cells.CellEquations.ball_bounds)
    system = as_system(make(registered(unbounded), weights=[np.ones((1, 2)), W]))
    assert not isinstance(system.equations, Autodiff)
    answer = certify(system, np.zeros((1, 2)), inputs=np.zeros((1, 1)))
    assert answer.codes == ["supported"]


def test_a_cell_that_the_equations_do_not_describe_is_differentiated():
    own = registered()
    others = {
        "from_cell says no": make(own, squash="sin"),
        "a subclass": make(type("Further", (own,), {})),
    }
    patched = make(own)
    patched.call = lambda inputs, states, training=False: (states[0], [0.5 * states[0]])
    others["another call"] = patched
    for name, cell in others.items():
        assert isinstance(as_system(cell).equations, Autodiff), name
    assert not isinstance(as_system(make(own)).equations, Autodiff)


def test_what_the_cell_holds_may_not_change_and_its_weights_may():
    cell = make(registered())
    system, h, u = as_system(cell), np.full((1, 2), 0.5), np.ones((1, 1))
    before = system.step(h, u).numpy()
    cell.set_weights([2.0 * w for w in cell.get_weights()])
    assert np.abs(system.step(h, u) - before).max() > 1e-3
    cell.alpha = 0.5
    with pytest.raises(ValueError, match=r"cell.alpha: expected 0.2 .*, received 0.5"):
        system.step(h, u)


def test_cells_of_equal_fields_share_what_is_compiled_and_others_do_not():
    own = registered()
    first, second, other = (as_system(make(own, alpha=a)).equations for a in (0.2, 0.2, 0.3))
    assert first == second and hash(first) == hash(second) and first != other


def test_equations_can_be_registered_again():
    own = registered(variant())
    cells.register_cell(own)(Leaky)
    assert type(as_system(make(own)).equations) is Leaky


def test_states_have_the_names_that_the_equations_give_them():
    system = as_system(make(registered(variant(state_names=("rate",)))))
    assert system.state_names == [("rate", 2)]


@pytest.mark.parametrize("thing", [3, int, "LeakyCell", keras.layers.Dense(1)])
def test_only_classes_of_layers_take_equations(thing):
    with pytest.raises(TypeError, match="cell_class: expected the class of a Keras cell"):
        cells.register_cell(thing)


def test_the_librarys_cells_keep_their_equations():
    with pytest.raises(ValueError, match="expected a class of your own, received GRUCell"):
        cells.register_cell(keras.layers.GRUCell)


@pytest.mark.parametrize(
    ("equations", "message"),
    [
        (3, "expected a subclass of CellEquations, received 3"),
        (int, "expected a subclass of CellEquations"),
        (type("Plain", (Leaky,), {}), "expected Plain to be a frozen dataclass"),
        (
            dataclasses.dataclass(frozen=True)(type("Empty", (cells.CellEquations,), {})),
            "expected Empty to have from_cell, input_jacobian, jacobian, step, weights",
        ),
    ],
)
def test_only_complete_frozen_dataclasses_are_equations(equations, message):
    with pytest.raises(TypeError, match=message):
        cells.register_cell(new_class())(equations)


STANDARD = {
    "simple": lambda f: L.SimpleRNNCell(4, activation=f),
    "GRU after": lambda f: L.GRUCell(4, activation=f),
    "GRU before": lambda f: L.GRUCell(4, activation=f, reset_after=False),
    "LSTM": lambda f: L.LSTMCell(3, activation=f),
    "stack": lambda f: L.StackedRNNCells(
        [L.GRUCell(3, activation=f, reset_after=False), L.LSTMCell(2), L.SimpleRNNCell(3)]
    ),
    "piecewise linear stack": lambda f: L.StackedRNNCells(
        [L.SimpleRNNCell(3, activation="relu"), L.SimpleRNNCell(2, activation="linear")]
    ),
}


@pytest.mark.parametrize("scale", [0.3, 3.0])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("name", STANDARD)
def test_bounds_of_the_standard_cells_hold_at_samples(name, activation, scale):
    cell = STANDARD[name](activation)
    cell.build((None, 2))
    rng = np.random.default_rng(0)
    cell.set_weights([scale * rng.normal(size=w.shape) for w in cell.get_weights()])
    system = as_system(cell)
    assert is_builtin(system.equations)
    weights = as_arrays(system.weights())
    each = [bounds_of(system.equations, weights, jumps=jumps) for jumps in (False, True)]
    check_ball_bounds(system, each)
    network = system.equations.piecewise_linear(weights)
    if network is not None:
        check_linear_pieces(system, network)
        wrong = dataclasses.replace(network, bias=network.bias + 0.1)
        with pytest.raises(ValueError, match="piecewise linear form"):
            check_linear_pieces(system, wrong)


def resting(factor=1.0):
    """Equations that say what a leaky cell rests at, or a multiple of it."""

    @dataclasses.dataclass(frozen=True)
    class WithMap(Leaky):
        def fixed_point_map(self, w, u):
            kernel, recurrent, bias = w
            return cells.FixedPointMap(
                kernel=factor * recurrent,
                offset=u.matmul(kernel) + bias,
                gates=lambda a: a.activate("tanh"),
                lower=-np.ones(self.units),
                upper=np.ones(self.units),
                lift=lambda h: h,
            )

    return WithMap


def proved(equations, weights, stacked=False):
    n = len(weights)
    cell = make(registered(equations), units=n, weights=[np.zeros((1, n)), weights])
    if stacked:
        above = L.SimpleRNNCell(n, kernel_initializer="identity", recurrent_initializer="zeros")
        cell = L.StackedRNNCells([cell, above])
        cell.build((None, 1))
    system = as_system(cell)
    return prove_complete(system, np.zeros((0, system.n_states)), inputs=[[0.0]])


@pytest.mark.parametrize("stacked", [False, True])
def test_a_registered_cell_is_proved_with_and_without_its_map(stacked):
    weights = np.array([[2.0, 0.3], [-0.4, 1.8]])
    traced, mapped = proved(Leaky, weights, stacked), proved(resting(), weights, stacked)
    assert traced.is_complete and mapped.is_complete
    assert len(traced.xstar) == len(mapped.xstar) > 1
    apart = np.abs(traced.xstar[:, None] - mapped.xstar).max(axis=-1)
    assert apart.min(axis=1).max() < 1e-7


def test_a_map_of_low_rank_is_proved_at_any_size():
    patterns = np.linalg.qr(np.random.default_rng(0).normal(size=(60, 2)))[0]
    weights = 1.5 * patterns @ patterns.T
    assert proved(Leaky, weights).codes == ("too_large",)
    found = proved(resting(), weights)
    assert found.is_complete and len(found.xstar) > 1
    assert found.methods == ("branch and bound in 2 variables",)


@pytest.mark.parametrize("factor", [0.4, 1.1])
def test_a_map_with_other_fixed_points_is_refused(factor):
    with pytest.raises(ValueError, match="fixed_point_map of WithMap: expected the fixed"):
        proved(resting(factor), np.diag([2.0, 1.8]))


def test_every_file_of_a_kind_is_found():
    cells_of_keras = [L.SimpleRNNCell(1), L.GRUCell(1), L.LSTMCell(1)]
    kinds = [kind_of(cell) for cell in [*cells_of_keras, L.StackedRNNCells(cells_of_keras)]]
    files = [kind.__module__.rpartition(".")[2] for kind in kinds]
    assert files == ["simple_rnn", "gru", "lstm", "stacked"]
