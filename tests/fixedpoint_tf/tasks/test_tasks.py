"""What every task promises, and the rule of each."""

import numpy as np
import pytest
from each import each

from fixedpoint_tf import tasks
from fixedpoint_tf.tasks import TASKS

N_TRIALS, N_TIME = 12, 20


@pytest.fixture(params=sorted(TASKS))
def task(request):
    return TASKS[request.param]


def test_arrays_have_the_shapes_and_type_promised(task):
    inputs, targets = task(np.random.default_rng(0), N_TRIALS, n_time=N_TIME)
    for array in (inputs, targets):
        assert array.dtype == np.float32
        assert array.ndim == 3
        assert array.shape[:2] == (N_TRIALS, N_TIME)
        assert np.isfinite(array).all()
        assert array.flags.writeable


def test_randomness_comes_from_the_generator_alone(task):
    np.random.seed(0)
    state = np.random.get_state()[1].copy()
    first = task(np.random.default_rng(1), N_TRIALS)
    again = task(np.random.default_rng(1), N_TRIALS)
    other = task(np.random.default_rng(2), N_TRIALS)
    np.testing.assert_array_equal(state, np.random.get_state()[1])
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    assert not np.array_equal(first[0], other[0])


def test_a_bare_seed_is_refused(task):
    with pytest.raises(
        TypeError, match=r"rng: expected a numpy.random.Generator.*, received int"
    ):
        task(0, N_TRIALS)


@each(
    name=["n_trials", "n_time"],
    case=[(0, ValueError), (-1, ValueError), (2.5, TypeError), (True, TypeError)],
)
def test_a_size_that_is_no_positive_integer_is_refused(task, name, case):
    size, error = case
    sizes = {"n_trials": 1, name: size}
    with pytest.raises(
        error, match=f"{name}: expected a whole number of at least 1, received {size}"
    ):
        task(np.random.default_rng(0), **sizes)


def test_sine_waves_turn_at_the_frequency_that_the_input_names():
    n_time = 400
    inputs, targets = tasks.sine_waves(
        np.random.default_rng(0), 40, n_time=n_time, n_frequencies=5, slowest=0.01, fastest=0.05
    )
    assert np.all(inputs == inputs[:, :1]), "the input is static"
    number = np.round((inputs[:, 0, 0] - 0.25) * 5).astype(int)
    assert set(number) == {1, 2, 3, 4, 5}
    peak = np.abs(np.fft.rfft(targets[..., 0], axis=1)).argmax(axis=1) / n_time
    np.testing.assert_allclose(peak, 0.01 * number)


@pytest.mark.parametrize(("slowest", "fastest"), [(0.0, 0.1), (0.2, 0.1), (0.1, 0.6)])
def test_frequencies_that_a_sequence_cannot_hold_are_refused(slowest, fastest):
    with pytest.raises(ValueError, match="0 < slowest <= fastest <= 0.5 cycles a step"):
        tasks.sine_waves(np.random.default_rng(0), 1, slowest=slowest, fastest=fastest)


def test_two_point_average_counts_nothing_before_the_first_step():
    inputs, targets = tasks.two_point_average(np.random.default_rng(0), 5, n_inputs=2)
    np.testing.assert_allclose(targets[:, 0], inputs[:, 0] / 2, rtol=1e-6)
    expected = (inputs[:, 1:] + inputs[:, :-1]) / 2
    np.testing.assert_allclose(targets[:, 1:], expected, rtol=1e-5, atol=1e-7)


def test_integration_sums_and_the_decision_is_its_sign_at_the_end():
    inputs, sums = tasks.white_noise_integration(np.random.default_rng(3), 50)
    same, decisions = tasks.binary_decision(np.random.default_rng(3), 50)
    np.testing.assert_array_equal(inputs, same)
    np.testing.assert_allclose(sums, np.cumsum(inputs, axis=1), atol=1e-5)
    np.testing.assert_array_equal(decisions[:, -1], np.sign(sums[:, -1]))
    assert not decisions[:, :-1].any()


def test_context_chooses_the_stream():
    inputs, targets = tasks.context_dependent_integration(
        np.random.default_rng(4), 60, n_streams=3
    )
    streams, context = inputs[..., :3], inputs[..., 3:]
    assert np.all(context == context[:, :1]), "the context is held"
    np.testing.assert_array_equal(context.sum(axis=2), 1.0)
    assert context[:, 0].any(axis=0).all(), "every context occurs"
    chosen = context[:, 0].argmax(axis=1)
    expected = np.cumsum(streams, axis=1)[np.arange(60), :, chosen]
    np.testing.assert_allclose(targets[..., 0], expected, atol=1e-5)


@pytest.mark.parametrize(
    "name", ["binary_decision", "context_dependent_integration", "white_noise_integration"]
)
@pytest.mark.parametrize("argument", ["bias", "noise"])
def test_a_negative_scale_is_refused(name, argument):
    with pytest.raises(ValueError, match=rf"{argument}: expected a number in \[0, 1e\+30\]"):
        TASKS[name](np.random.default_rng(0), 1, **{argument: -1.0})


def test_the_average_is_of_the_last_two_pulses():
    inputs, targets = tasks.pulse_average(np.random.default_rng(6), 30, n_time=40)
    height, is_pulse = inputs[..., 0], inputs[..., 1]
    assert set(np.unique(is_pulse)) == {0.0, 1.0}
    assert not height[is_pulse == 0].any(), "no pulse, no height"
    for trial in range(30):
        for t in range(1, 40):
            last = height[trial, : t + 1][is_pulse[trial, : t + 1] == 1][-2:]
            np.testing.assert_allclose(targets[trial, t, 0], last.mean(), atol=1e-6)


def test_pulses_come_as_often_as_asked():
    inputs, _ = tasks.pulse_average(np.random.default_rng(7), 500, pulse_probability=0.2)
    later = inputs[:, 2:, 1]
    assert abs(later.mean() - 0.2) < 4 * np.sqrt(0.2 * 0.8 / later.size)
    with pytest.raises(ValueError, match=r"pulse_probability: expected a number in \[0, 1\]"):
        tasks.pulse_average(np.random.default_rng(0), 1, pulse_probability=2.0)


def test_the_heading_is_the_first_one_turned_by_the_velocity():
    inputs, targets = tasks.ring_integration(np.random.default_rng(8), 40)
    np.testing.assert_allclose(np.linalg.norm(targets, axis=2), 1.0, atol=1e-6)
    np.testing.assert_array_equal(inputs[:, 0, 1:], targets[:, 0])
    assert not inputs[:, 1:, 1:].any(), "the cue is shown once"
    first = np.arctan2(targets[:, 0, 1], targets[:, 0, 0])
    heading = first[:, None] + np.cumsum(inputs[..., 0].astype(float), axis=1)
    np.testing.assert_allclose(targets[..., 0], np.cos(heading), atol=1e-5)
    np.testing.assert_allclose(targets[..., 1], np.sin(heading), atol=1e-5)


def test_the_velocity_lasts_and_its_scale_differs_from_trial_to_trial():
    inputs, _ = tasks.ring_integration(
        np.random.default_rng(9), 400, n_time=200, speed=0.2, correlation=0.8
    )
    velocity = inputs[:, 1:, 0]
    now, next_ = velocity[:, :-1].ravel(), velocity[:, 1:].ravel()
    assert np.corrcoef(now, next_)[0, 1] == pytest.approx(0.8, abs=0.02)
    scales = velocity.std(axis=1)
    assert scales.min() < 0.02 and 0.3 < scales.max() < 0.55
    assert scales.mean() == pytest.approx(0.2, abs=0.03)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"speed": -0.1}, r"speed: expected a number in \[0, 1e\+30\], received -0.1"),
        ({"correlation": 1.0}, r"correlation: expected a number in \[0, 1\), received 1.0"),
    ],
)
def test_a_velocity_that_cannot_be_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        tasks.ring_integration(np.random.default_rng(0), 1, **options)
