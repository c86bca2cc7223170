"""What the network listens to, and where its linearisation holds, against exact answers."""

import dataclasses
import tracemalloc

import keras
import numpy as np
import pytest
import tensorflow as tf
from matplotlib import pyplot

from fixedpoint_tf import FixedPoints, as_system
from fixedpoint_tf._utils import chunks
from fixedpoint_tf.analysis import analyze_sensitivity
from fixedpoint_tf.analysis.sensitivity import (
    LinearError,
    Sensitivity,
    linear_error,
    nonnormality,
    rollouts,
)
from fixedpoint_tf.analysis.sensitivity.angles import angles
from fixedpoint_tf.analysis.sensitivity.nonnormality import (
    henrici_departure,
    initial_growth,
    peak_amplification,
)
from fixedpoint_tf.analysis.sensitivity.plotting import plot_alignment, plot_linear_error
from fixedpoint_tf.analysis.sensitivity.readout import readout_matrix
from fixedpoint_tf.systems import simulation


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    pyplot.close("all")


def linear_system(J, B, time="discrete"):
    """h' = J h + B u (or dh/dt)."""
    J, B = np.asarray(J, float), np.asarray(B, float)

    def step(h, u):
        by_state = tf.matmul(h, tf.constant(J.T, h.dtype))
        return by_state + tf.matmul(u, tf.constant(B.T, h.dtype))

    return as_system(step, n_states=J.shape[0], n_inputs=B.shape[1], time=time)


def figure_words(fig):
    return " ".join(text.get_text() for text in fig.findobj(pyplot.Text))


def at_origin(system, n=1):
    return FixedPoints(
        xstar=np.zeros((n, system.n_states)),
        inputs=np.zeros((n, system.n_inputs)),
        time=system.time,
    )


class TestNonNormality:
    @pytest.mark.parametrize(("a", "b", "c"), [(0.9, 5.0, 0.5), (0.5, -3.0, 0.5), (0.9, 0, 0)])
    def test_henrici_number_of_a_triangle_is_what_is_off_its_diagonal(self, a, b, c):
        assert henrici_departure([[a, b], [0.0, c]]) == pytest.approx(abs(b), abs=1e-14)

    def test_a_normal_matrix_departs_by_nothing_and_never_grows(self):
        angle = 0.3
        turn = 0.95 * np.array(
            [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        )
        assert henrici_departure(turn) < 1e-14
        assert initial_growth(turn) == pytest.approx(0.95)
        assert peak_amplification(turn) == (1.0, 0.0)

    def test_transient_peak_of_a_triangle(self):
        # J^t = [[a^t, b (a^t - c^t) / (a - c)], [0, c^t]]
        a, b, c = 0.9, 5.0, 0.5
        sizes = [
            np.linalg.norm([[a**t, b * (a**t - c**t) / (a - c)], [0, c**t]], 2)
            for t in range(60)
        ]
        peak, time = peak_amplification([[a, b], [0.0, c]])
        assert time == np.argmax(sizes) == 3
        assert peak == pytest.approx(max(sizes), rel=1e-13)

    def test_the_peak_of_a_stable_matrix_does_not_depend_on_the_horizon(self):
        matrix = np.array([[0.9, 5.0], [0.0, 0.5]])
        assert peak_amplification(matrix, horizon=50) == peak_amplification(matrix, horizon=900)

    @pytest.mark.parametrize("scale", [1.0, 1e-3, 1e3])
    def test_a_late_peak_is_reached_in_continuous_time(self, scale):
        # exp(J t) of [[-1, k], [0, -1]] is e^-t [[1, k t], [0, 1]], at most near k / e, t = 1
        peak, time = peak_amplification(scale * np.array([[-1, 1e3], [0, -1]]), "continuous")
        exact = np.linalg.norm([[1.0, 1e3], [0.0, 1.0]], 2) / np.e
        assert peak == pytest.approx(exact, rel=1e-6)
        assert time * scale == pytest.approx(1.0, rel=1e-5)

    @pytest.mark.parametrize("a", [0.9, 0.999, 0.99999])
    def test_a_late_peak_is_reached_in_steps(self, a):
        # J^t = a^t [[1, t / a], [0, 1]]
        peak, time = peak_amplification([[a, 1.0], [0.0, a]])
        t = np.round(-1.0 / np.log(a)) + np.arange(-3, 4)
        sizes = [a**s * np.linalg.norm([[1.0, s / a], [0.0, 1.0]], 2) for s in t]
        assert peak == pytest.approx(max(sizes), rel=1e-9)
        assert abs(time - t[3]) <= 3

    def test_a_late_peak_between_quarter_turns_is_found(self):
        # J^4 is symmetric: only steps between the fours grow
        turn = np.array([[0.0, -4.0], [0.25, 0.0]])
        jordan = np.kron([[0.99, 0.1], [0.0, 0.99]], turn)
        power, sizes = np.eye(4), [1.0]
        for _ in range(3000):
            power = power @ jordan
            sizes.append(np.linalg.norm(power, 2))
        peak, time = peak_amplification(jordan)
        assert (peak, time) == (pytest.approx(max(sizes), rel=1e-9), np.argmax(sizes))

    @pytest.mark.parametrize("time", ["discrete", "continuous"])
    def test_an_integrator_grows_to_the_length_of_its_selection_vector(self, time):
        line, selection = np.array([1.0, 0.0, 0.0]), np.array([1.0, 2.0, 2.0])
        projection = np.outer(line, selection)
        edge = 1.0 if time == "discrete" else 0.0
        matrix = edge * projection + (edge - 0.01) * (np.eye(3) - projection)
        peak, _ = peak_amplification(matrix, time)
        assert peak == pytest.approx(3.0, rel=2e-3)

    @pytest.mark.parametrize(
        ("matrix", "time"),
        [
            ([[1.1]], "discrete"),
            ([[1.0, 1.0], [0.0, 1.0]], "discrete"),
            ([[0.1]], "continuous"),
            ([[0.0, 1.0], [0.0, 0.0]], "continuous"),
        ],
    )
    def test_growth_without_end_has_no_largest_factor(self, matrix, time):
        assert peak_amplification(matrix, time) == (np.inf, np.inf)

    def test_growth_without_end_reaches_the_horizon(self):
        assert peak_amplification(np.array([[1.1]]), horizon=20) == (
            pytest.approx(1.1**20),
            20.0,
        )

    def test_transient_peak_in_continuous_time(self):
        # exp(J t) = [[e^-t, k (e^-t - e^-2t)], [0, e^-2t]]; its norm on a fine grid
        k = 8.0
        t = np.linspace(0.0, 3.0, 30_001)
        first, second = np.exp(-t), np.exp(-2.0 * t)
        matrices = np.zeros((len(t), 2, 2))
        matrices[:, 0, 0], matrices[:, 1, 1] = first, second
        matrices[:, 0, 1] = k * (first - second)
        sizes = np.linalg.norm(matrices, 2, axis=(1, 2))
        peak, time = peak_amplification([[-1.0, k], [0.0, -2.0]], "continuous")
        assert peak == pytest.approx(sizes.max(), rel=1e-8)
        assert time == pytest.approx(t[sizes.argmax()], abs=1e-3)

    def test_numerical_abscissa_of_a_triangle(self):
        # largest root of the symmetric part [[a, b/2], [b/2, c]]
        a, b, c = -1.0, 8.0, -2.0
        expected = (a + c) / 2 + np.sqrt(((a - c) / 2) ** 2 + (b / 2) ** 2)
        assert initial_growth([[a, b], [0.0, c]], "continuous") == pytest.approx(expected)
        assert initial_growth([[a, b], [0.0, c]]) == pytest.approx(
            np.linalg.svd([[a, b], [0.0, c]], compute_uv=False)[0]
        )

    def test_nan_stays_nan(self):
        matrix = np.full((2, 2), np.nan)
        assert np.isnan([henrici_departure(matrix), initial_growth(matrix)]).all()
        assert np.isnan(peak_amplification(matrix)).all()


class TestAngles:
    def test_to_a_line_and_to_a_plane(self):
        vectors = np.array([[1.0, 0.0, 0.0], [1.0, 0.0, 1.0], [0.0, 0.0, 2.0], [0.0] * 3])
        line, plane = np.array([1.0, 0, 0]), np.array([1.0, 2.0j, 0])
        np.testing.assert_allclose(
            angles(vectors, np.stack([line + 0j, plane])),
            [[0.0, 45.0, 90.0, np.nan], [0.0, 45.0, 90.0, np.nan]],
            atol=1e-12,
        )

    def test_the_phase_of_an_eigenvector_means_nothing(self):
        rng = np.random.default_rng(0)
        vectors = rng.normal(size=(3, 5))
        modes = rng.normal(size=(2, 5)) + 1j * rng.normal(size=(2, 5))
        modes[1] = modes[1].real
        np.testing.assert_allclose(
            angles(vectors, modes), angles(vectors, modes * np.exp(0.7j)), atol=1e-9
        )

    def test_to_a_plane_is_the_angle_of_the_projection(self):
        rng = np.random.default_rng(1)
        vector = rng.normal(size=6)
        mode = rng.normal(size=6) + 1j * rng.normal(size=6)
        basis, _ = np.linalg.qr(np.stack([mode.real, mode.imag], axis=1))
        inside = np.linalg.norm(basis.T @ vector) / np.linalg.norm(vector)
        expected = np.degrees(np.arccos(inside))
        assert angles(vector[None], mode[None])[0, 0] == pytest.approx(expected)

    @pytest.mark.parametrize("degrees", [1e-9, 1e-5, 1.0, 89.99999, 90.0 - 1e-9, 90.0])
    @pytest.mark.parametrize("plane", [False, True], ids=["line", "plane"])
    def test_small_and_almost_right_angles_keep_their_digits(self, degrees, plane):
        """An angle made by turning, in a random basis: good to the rounding of its parts."""
        basis, _ = np.linalg.qr(np.random.default_rng(2).normal(size=(7, 7)))
        inside, other, outside = basis[:, :3].T
        # of the small of the two, cosine or sine, what is known to full relative precision
        near, far = np.radians(degrees), np.radians(90.0 - degrees)
        cosine, sine = (
            (np.sin(far), np.cos(far)) if degrees > 45 else (np.cos(near), np.sin(near))
        )
        vector = cosine * inside + sine * outside
        mode = inside + 0.0j
        if plane:
            mode = (0.6 * inside + 0.8 * other) + 1e-3j * (0.8 * inside - 0.6 * other)
        # the short axis of the plane, 1e-3 of the long one, is known to 1e3 eps
        tolerance = np.degrees(64 * np.finfo(float).eps * (1e3 if plane else 1.0))
        got = angles(vector[None], mode[None] * np.exp(1.1j))[0, 0]
        assert got == pytest.approx(degrees, rel=0, abs=tolerance)

    @pytest.mark.parametrize("scale", [1e-200, 1e-9, 1e9, 1e200])
    def test_lengths_mean_nothing(self, scale):
        vector, mode = np.array([[1.0, 1.0, 0.0]]), np.array([[1.0 + 0j, 0.0, 0.0]])
        for a, b in ((scale, 1.0), (1.0, scale), (scale, scale)):
            assert angles(a * vector, b * mode)[0, 0] == pytest.approx(45.0)


class TestSensitivity:
    """An integrator made by hand, after Mante et al. (2013).

    The right eigenvector of the eigenvalue 1 is r, its left one l, with l r = 1. Both
    inputs push equally far; one lies along l, the other orthogonal to it.
    """

    N = 8

    @pytest.fixture
    def integrator(self):
        rng = np.random.default_rng(3)
        basis, _ = np.linalg.qr(rng.normal(size=(self.N, self.N)))
        line, other, third = basis[:, 0], basis[:, 1], basis[:, 2]
        selection = line + 2.0 * other
        rest = 0.5 * (np.eye(self.N) - np.outer(line, selection))
        J = np.outer(line, selection) + rest
        relevant = selection / np.linalg.norm(selection)
        irrelevant = (2.0 * line - other) / np.sqrt(5.0)  # orthogonal to the selection
        assert abs(irrelevant @ selection) < 1e-14
        system = linear_system(J, np.stack([relevant, irrelevant, 0 * third], axis=1))
        return system, line, selection, third

    def test_selection_vector_is_the_left_eigenvector(self, integrator):
        system, line, selection, _ = integrator
        answer = analyze_sensitivity(system, at_origin(system))
        assert answer.eigenvalues[0, 0] == pytest.approx(1.0)
        sign = np.sign(answer.mode_vectors[0, :, 0].real @ line)
        np.testing.assert_allclose(sign * answer.mode_vectors[0, :, 0], line, atol=1e-12)
        np.testing.assert_allclose(sign * answer.selection_vectors[0, 0], selection, atol=1e-12)
        assert answer.condition[0, 0] == pytest.approx(np.sqrt(5.0))

    def test_the_irrelevant_input_is_as_large_and_yet_not_heard(self, integrator):
        system, _, selection, _ = integrator
        answer = analyze_sensitivity(system, at_origin(system))
        sizes = np.linalg.norm(answer.input_vectors[0], axis=0)
        assert sizes[0] == pytest.approx(sizes[1])
        np.testing.assert_allclose(
            np.abs(answer.input_effect[0, 0]), [np.linalg.norm(selection), 0, 0], atol=1e-12
        )
        # The step of the network is float64, its eigenvectors are good to condition x eps.
        np.testing.assert_allclose(answer.input_angle[0, 0], [0.0, 90.0, np.nan], atol=1e-11)

    def test_the_effect_is_what_a_pulse_leaves_behind(self, integrator):
        system, line, _, _ = integrator
        answer = analyze_sensitivity(system, at_origin(system))
        pulses = np.zeros((3, 80, 3))
        pulses[range(3), 0, range(3)] = 1.0
        left_behind = system.simulate(pulses)[:, -1] @ line
        np.testing.assert_allclose(
            np.abs(left_behind), np.abs(answer.input_effect[0, 0]), atol=1e-12
        )

    def test_readout_sees_the_line_or_does_not(self, integrator):
        system, line, _, third = integrator
        answer = analyze_sensitivity(system, at_origin(system), np.stack([2.0 * line, third]))
        np.testing.assert_allclose(
            np.abs(answer.readout_effect[0, :, 0]), [2.0, 0.0], atol=1e-12
        )
        np.testing.assert_allclose(answer.readout_angle[0, :, 0], [0.0, 90.0], atol=1e-11)

    def test_says_which_input_is_heard(self, integrator):
        system, *_ = integrator
        names = ["motion", "colour", "nothing"]
        answer = analyze_sensitivity(system, at_origin(system), input_names=names)
        assert "listens most to motion (median effect 2.2, at 0 degrees)" in repr(answer)

    @pytest.mark.parametrize(
        ("values", "time"),
        [([1.5, 0.99], "discrete"), ([0.5, -0.01], "continuous"), ([0.3, -1.0], "discrete")],
    )
    def test_the_slowest_mode_is_not_the_one_that_grows(self, values, time):
        system = linear_system(np.diag(values), np.eye(2), time)
        answer = analyze_sensitivity(system, at_origin(system), input_names=["first", "second"])
        assert "the slowest listens most to second" in repr(answer)
        kept = analyze_sensitivity(system, at_origin(system), n_modes=1)
        assert "the slowest of these listens most to" in repr(kept)

    def test_says_how_far_perturbations_grow_where_they_decay(self):
        gains = np.array([1.5, 0.5])

        def step(h, u):  # the second state, kept by u, chooses the gain of the first
            x, which = h[:, :1], h[:, 1:]
            return tf.concat([x * (1.5 - which), which * 0.0 + u], axis=1)

        system = as_system(step, n_states=2, n_inputs=1)
        inputs = np.array([[0.0], [1.0]])
        points = FixedPoints(xstar=np.hstack([0.0 * inputs, inputs]), inputs=inputs)
        answer = analyze_sensitivity(system, points)
        np.testing.assert_allclose(answer.eigenvalues[:, 0], gains)
        assert answer.peak_amplification.tolist() == [np.inf, 1.0]
        assert "grow up to 1-fold, without end at 1 point" in repr(answer)

    def test_chunks_change_nothing_and_bound_the_memory(self, monkeypatch):
        J = np.random.default_rng(0).normal(0, 0.5 / 8, (48, 64, 64))
        system = linear_system(J[0], np.eye(64)[:, :2])
        points = dataclasses.replace(at_origin(system, 48), J_xstar=J)
        readout = np.eye(64)[:3]
        whole = analyze_sensitivity(system, points, readout, n_modes=2)
        monkeypatch.setattr(chunks, "MEMORY_LIMIT", 8 * chunks.COPIES * 5 * 64 * 64)
        tracemalloc.start()
        parts = analyze_sensitivity(system, points, readout, n_modes=2)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 2 * J.nbytes, "two sets of eigenvectors alone would take 4 times J"
        for field in dataclasses.fields(Sensitivity):
            np.testing.assert_array_equal(
                getattr(parts, field.name), getattr(whole, field.name), field.name
            )

    def test_interrupted_it_returns_what_is_there(self, integrator, monkeypatch, tmp_path):
        system, *_ = integrator
        monkeypatch.setattr(chunks, "MEMORY_LIMIT", 1)
        calls, whole = [], nonnormality.henrici_departure

        def stop_at_the_third(matrix):
            calls.append(1)
            if len(calls) == 3:
                raise KeyboardInterrupt
            return whole(matrix)

        monkeypatch.setattr(nonnormality, "henrici_departure", stop_at_the_third)
        answer = analyze_sensitivity(system, at_origin(system, 4))
        assert answer.interrupted and repr(answer).endswith("(interrupted)")
        assert "listens most to input 1 (median effect 2.2, at 0 degrees)" in repr(answer)
        assert np.isnan(answer.eigenvalues).any(axis=1).tolist() == [False, False, True, True]
        fig, ax = answer.plot()
        fig.canvas.draw()
        assert "median of 2 points" in figure_words(fig)
        answer.plot(point=3)[0].canvas.draw()
        answer.save(tmp_path / "answer.h5")
        assert Sensitivity.load(tmp_path / "answer.h5").interrupted

    def test_progress_is_shown_where_asked_for(self, integrator, capfd):
        system, *_ = integrator
        analyze_sensitivity(system, at_origin(system, 2))
        assert not capfd.readouterr().err
        analyze_sensitivity(system, at_origin(system, 2), verbose=True)
        assert "sensitivity: 100%" in capfd.readouterr().err

    def test_comes_back_as_it_was(self, integrator, tmp_path):
        system, *_ = integrator
        answer = analyze_sensitivity(system, at_origin(system, 2))
        answer.save(tmp_path / "answer.h5")
        back = Sensitivity.load(tmp_path / "answer.h5")
        np.testing.assert_array_equal(back.input_effect, answer.input_effect)
        assert (back.readout_effect, repr(back)) == (None, repr(answer))

    def test_time_constants_in_seconds(self):
        system = linear_system([[0.9]], [[1.0]])
        answer = analyze_sensitivity(system, at_origin(system), dt=0.01)
        assert answer.time_constants[0, 0] == pytest.approx(-0.01 / np.log(0.9))

    def test_continuous_time(self):
        J = np.array([[-1.0, 4.0], [0.0, -2.0]])
        system = linear_system(J, np.eye(2), time="continuous")
        answer = analyze_sensitivity(system, at_origin(system))
        np.testing.assert_allclose(answer.time_constants, [[1.0, 0.5]])
        np.testing.assert_allclose(np.abs(answer.input_effect[0, 0]), [1.0, 4.0])
        assert answer.henrici[0] == pytest.approx(4.0 / np.linalg.norm(J))
        assert answer.initial_growth[0] > 0.0

    def test_a_turning_mode_hears_its_plane_and_nothing_outside(self):
        J = np.diag([0.0, 0.0, 0.2])
        J[:2, :2] = [[0.0, -0.9], [0.9, 0.0]]
        system = linear_system(J, np.eye(3))
        answer = analyze_sensitivity(system, at_origin(system), n_modes=2)
        assert answer.eigenvalues.shape == (1, 2)
        np.testing.assert_allclose(answer.input_angle[0, :, 0], 0.0, atol=1e-11)
        np.testing.assert_allclose(answer.input_angle[0, :, 2], 90.0)

    def test_a_keras_readout_of_an_lstm_reads_its_output_alone(self):
        inputs = keras.Input((None, 2))
        states = keras.layers.LSTM(3, return_sequences=True)(inputs)
        readout = keras.layers.Dense(1)
        model = keras.Model(inputs, readout(states))
        system = as_system(model)
        points = at_origin(system)
        answer = analyze_sensitivity(system, points, readout)
        whole = np.zeros((1, 6))
        whole[:, :3] = np.asarray(readout.kernel).T
        np.testing.assert_allclose(
            answer.readout_effect, analyze_sensitivity(model, points, whole).readout_effect
        )

    @pytest.mark.parametrize("widths", [(3, 3), (4, 2)])
    @pytest.mark.parametrize("kind", ["SimpleRNN", "GRU", "LSTM"])
    def test_a_keras_readout_of_a_stack_reads_its_last_layer(self, kind, widths):
        keras.utils.set_random_seed(0)
        cells = [getattr(keras.layers, f"{kind}Cell")(width) for width in widths]
        inputs, readout = keras.Input((None, 2)), keras.layers.Dense(1)
        model = keras.Model(inputs, readout(keras.layers.RNN(cells)(inputs)))
        system = as_system(model)
        x = np.random.default_rng(0).normal(size=(2, 5, 2))
        state = system.simulate(x)[:, -1]
        weights = readout_matrix(readout, system)
        np.testing.assert_allclose(
            state @ weights.T + np.asarray(readout.bias), model(x).numpy(), atol=1e-6
        )

    def test_a_layer_that_reads_another_state_is_refused(self):
        readout = keras.layers.Dense(1)
        readout.build((None, 4))
        cells = [keras.layers.LSTMCell(4), keras.layers.LSTMCell(2)]
        layer = keras.layers.RNN(cells)
        layer.build((None, None, 1))
        with pytest.raises(ValueError, match=r"readout: expected shape \(n_outputs, 12\)"):
            readout_matrix(readout, as_system(layer))

    def test_a_readout_the_other_way_round_is_named(self):
        with pytest.raises(
            ValueError, match=r"received shape \(2, 1\), of which the transpose"
        ):
            readout_matrix(np.ones((2, 1)), linear_system(np.eye(2), np.eye(2)))

    def test_no_points_is_an_answer(self):
        system = linear_system(np.eye(2), np.eye(2))
        answer = analyze_sensitivity(system, at_origin(system, 0))
        assert repr(answer) == "0 points, 2 modes each"
        plot_alignment(answer)[0].canvas.draw()

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"n_modes": 0}, "n_modes: expected a whole number of at least 1, received 0"),
            ({"horizon": -1.0}, "horizon: expected a positive number, received -1.0"),
            ({"input_names": ["a"]}, "input_names: expected 2 names of inputs, received 1"),
            (
                {"input_names": "ab"},
                "input_names: expected a list of names of inputs, received 'ab'",
            ),
            ({"input_names": np.array(["a"])}, "input_names: expected 2 names of inputs"),
            ({"input_names": []}, "input_names: expected 2 names of inputs, received 0"),
            ({"readout": np.zeros((1, 3))}, r"readout: expected shape \(n_outputs, 2\)"),
            ({"dt": -1.0}, "dt: expected a positive number"),
        ],
    )
    def test_bad_arguments_are_refused(self, change, message):
        system = linear_system(np.eye(2), np.eye(2))
        with pytest.raises(ValueError, match=message):
            analyze_sensitivity(system, at_origin(system), **change)

    def test_names_may_come_in_an_array(self, tmp_path):
        system = linear_system(np.eye(2), np.eye(2))
        answer = analyze_sensitivity(
            system, at_origin(system), input_names=np.array(["a", "b"])
        )
        answer.save(tmp_path / "answer.h5")
        assert Sensitivity.load(tmp_path / "answer.h5").input_names == ["a", "b"]

    @pytest.mark.parametrize("ask", [analyze_sensitivity, linear_error])
    def test_what_is_not_finite_is_refused_by_name(self, ask):
        system, nan = linear_system(np.eye(2), np.eye(2)), [[0.0, np.nan]]
        with pytest.raises(ValueError, match="^points: expected finite numbers, received NaN"):
            ask(system, FixedPoints(xstar=nan, inputs=np.zeros((1, 2))))
        with pytest.raises(
            ValueError, match="^points.inputs: expected finite numbers, received NaN"
        ):
            ask(system, FixedPoints(xstar=np.zeros((1, 2)), inputs=nan))

    def test_points_of_another_system_are_refused(self):
        system, other = (linear_system(np.eye(n), np.eye(n)) for n in (2, 3))
        with pytest.raises(
            ValueError, match="a discrete system of 2 states, received .* one of 3"
        ):
            analyze_sensitivity(system, at_origin(other))
        with pytest.raises(TypeError, match="points: expected a FixedPoints, received ndarray"):
            analyze_sensitivity(system, np.zeros((1, 2)))
        with pytest.raises(ValueError, match="points: expected inputs.*received None"):
            analyze_sensitivity(system, FixedPoints(xstar=np.zeros((1, 2))))


class TestLinearError:
    def test_a_linear_system_has_none(self):
        rng = np.random.default_rng(0)
        system = linear_system(rng.normal(0, 0.3, (5, 5)), rng.normal(size=(5, 2)))
        answer = linear_error(system, at_origin(system, 2), n_steps=20)
        assert answer.relative.shape == (2, 13, 32)
        assert answer.relative.max() < 1e-12
        np.testing.assert_array_equal(answer.radius(), 1.0)

    def test_of_a_quadratic_map_it_is_the_square_of_the_distance(self):
        system = as_system(lambda h, u: 0.5 * h + 3.0 * h * h, n_states=1, n_inputs=0)
        distances = np.array([1e-3, 1e-2, 1e-1])
        answer = linear_error(
            system,
            FixedPoints(xstar=np.zeros((1, 1))),
            distances,
            n_steps=1,
            directions=[[1.0], [-2.0]],
        )
        expected = np.repeat(3.0 * distances[:, None] ** 2, 2, axis=1)
        np.testing.assert_allclose(answer.absolute[0], expected, rtol=1e-9)
        moved = np.abs([[0.5 * d + 3 * d * d, -0.5 * d + 3 * d * d] for d in distances])
        np.testing.assert_allclose(answer.relative[0], expected / moved, rtol=1e-9)

    def test_over_several_steps_it_is_of_second_order(self):
        rng = np.random.default_rng(1)
        cell = keras.layers.SimpleRNNCell(6)
        cell.build((None, 1))
        cell.set_weights([np.zeros((1, 6)), rng.normal(0, 0.4, (6, 6)), 0.3 * np.ones(6)])
        system = as_system(cell)
        x = np.zeros((1, 6))
        for _ in range(500):
            x = system.step(x, [[0.0]]).numpy()
        points = FixedPoints(xstar=x, inputs=[[0.0]])
        answer = linear_error(system, points, [1e-4, 1e-3], n_steps=5)
        ratio = answer.absolute[0, 1] / answer.absolute[0, 0]
        np.testing.assert_allclose(ratio, 100.0, rtol=0.05)

    def test_the_drift_of_a_slow_point_is_part_of_the_linear_picture(self):
        system = as_system(lambda h, u: 0.9 * h + 0.01, n_states=1, n_inputs=0)
        answer = linear_error(system, FixedPoints(xstar=np.zeros((1, 1))))
        assert answer.absolute.max() < 1e-12

    def test_continuous_time_against_the_exact_solution(self):
        # dx/dt = -x + x^2: x(t) = 1 / (1 + (1/x0 - 1) e^t); linear: x0 e^-t
        system = as_system(lambda h, u: h * h - h, n_states=1, n_inputs=0, time="continuous")
        points = FixedPoints(xstar=np.zeros((1, 1)), time="continuous")
        dt, x0 = 0.05, 0.2
        answer = linear_error(system, points, [x0], 10, directions=[[1.0]], dt=dt)
        t = dt * np.arange(1, 11)
        true = 1.0 / (1.0 + (1.0 / x0 - 1.0) * np.exp(t))
        expected = np.sqrt(np.mean((true - x0 * np.exp(-t)) ** 2))
        assert answer.absolute.item() == pytest.approx(expected, rel=1e-5)

    def test_radius_is_where_it_first_fails(self):
        relative = np.array([[[0.01, 0.02], [0.05, 0.2], [0.03, 0.05]]])
        answer = LinearError(np.array([0.1, 0.2, 0.3]), relative, relative, 1, "discrete")
        assert answer.radius(0.1).tolist() == [0.1]
        assert answer.radius(0.1, quantile=0.0).tolist() == [0.3]
        assert answer.radius(0.001).tolist() == [0.0]

    def test_a_network_that_diverges_is_not_linear_there(self):
        system = as_system(lambda h, u: h**3, n_states=1, n_inputs=0)
        answer = linear_error(system, FixedPoints(xstar=np.zeros((1, 1))), [0.5, 1e3], 300)
        assert np.isposinf(answer.relative[0, 1]).all()
        assert np.isfinite(answer.relative[0, 0]).all()

    def test_same_seed_same_directions_and_pieces_do_not_matter(self, monkeypatch):
        W = np.random.default_rng(2).normal(0, 0.5, (4, 4))
        system = as_system(
            lambda h, u: tf.tanh(tf.matmul(h, tf.constant(W, h.dtype))), n_states=4, n_inputs=0
        )
        points = FixedPoints(xstar=np.zeros((3, 4)))
        whole = linear_error(system, points, seed=5)
        monkeypatch.setattr(chunks, "MEMORY_LIMIT", 8 * chunks.COPIES * 10 * 4 * 7)
        pieces = linear_error(system, points, seed=5)
        np.testing.assert_allclose(pieces.relative, whole.relative, atol=1e-12)
        assert not np.array_equal(whole.relative, linear_error(system, points).relative)

    def test_interrupted_it_returns_what_is_there(self, monkeypatch):
        system = linear_system(0.5 * np.eye(2), np.eye(2))
        monkeypatch.setattr(chunks, "MEMORY_LIMIT", 1)
        calls, run = [], simulation.roll_out

        def stop(*args, **options):
            calls.append(1)
            if len(calls) > 2 * 13:
                raise KeyboardInterrupt
            return run(*args, **options)

        monkeypatch.setattr(rollouts.simulation, "roll_out", stop)
        answer = linear_error(system, at_origin(system, 4), n_directions=1)
        assert answer.interrupted and "(interrupted)" in repr(answer)
        np.testing.assert_array_equal(np.isnan(answer.radius()), [False, False, True, True])

    def test_comes_back_as_it_was(self, tmp_path):
        system = linear_system(0.5 * np.eye(2), np.eye(2))
        answer = linear_error(system, at_origin(system), n_directions=3)
        answer.save(tmp_path / "answer.h5")
        back = LinearError.load(tmp_path / "answer.h5")
        np.testing.assert_array_equal(back.relative, answer.relative)
        assert repr(back) == repr(answer)
        assert "within 10 % up to a distance of 1, in 3 directions" in repr(back)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"distances": [0.0]}, "distances: expected positive numbers"),
            ({"n_steps": 0}, "n_steps: expected a whole number of at least 1, received 0"),
            ({"n_directions": 0}, "n_directions: expected a whole number of at least 1"),
            (
                {"directions": np.zeros((1, 2))},
                "directions: expected finite vectors other than zero",
            ),
            ({"directions": np.ones((1, 3))}, r"shape \(n_directions, 2\), received \(1, 3\)"),
            ({"dt": 0.1}, "dt: expected None for a discrete system, received 0.1"),
        ],
    )
    def test_bad_arguments_are_refused(self, change, message):
        system = linear_system(np.eye(2), np.eye(2))
        with pytest.raises(ValueError, match=message):
            linear_error(system, at_origin(system), **change)

    def test_continuous_time_needs_a_step(self):
        system = linear_system(-np.eye(2), np.eye(2), time="continuous")
        with pytest.raises(ValueError, match="dt: expected a positive number"):
            linear_error(system, at_origin(system))


class TestFigures:
    def test_alignment_shows_the_angles(self):
        system = linear_system(np.diag([1.0, 0.5, 0.2]), np.eye(3)[:, :2])
        answer = analyze_sensitivity(system, at_origin(system, 2), input_names=["a", "b"])
        fig, ax = answer.plot(n_modes=2)
        fig.canvas.draw()
        words = [text.get_text() for text in ax.texts]
        assert words == ["0°\n1", "90°\n0", "90°\n0", "0°\n1"]
        assert [label.get_text() for label in ax.get_yticklabels()] == ["1 (∞)", "2 (1.44)"]

    def test_a_point_that_is_not_there_is_refused(self):
        system = linear_system(np.eye(2), np.eye(2))
        with pytest.raises(IndexError, match="point: expected one of 1 points, received 1"):
            plot_alignment(analyze_sensitivity(system, at_origin(system)), 1)

    def test_error_against_distance(self):
        system = as_system(lambda h, u: 0.5 * h + h * h, n_states=1, n_inputs=0)
        answer = linear_error(system, FixedPoints(xstar=np.zeros((2, 1))))
        fig, ax = answer.plot()
        fig.canvas.draw()
        assert len(ax.get_lines()) == 2 + 1, "a line a point, and the tolerance"

    def test_drawn_into_given_axes(self):
        system = linear_system(0.5 * np.eye(2), np.eye(2))
        fig, axes = pyplot.subplots(1, 2)
        points = at_origin(system)
        assert plot_alignment(analyze_sensitivity(system, points), ax=axes[0]) == (fig, axes[0])
        assert plot_linear_error(linear_error(system, points), ax=axes[1]) == (fig, axes[1])
