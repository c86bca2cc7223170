"""Networks trained on the tasks: what every training promises, and known answers."""

import dataclasses

import keras
import numpy as np
import pytest

from fixedpoint_tf import FixedPointFinder, as_system
from fixedpoint_tf.tasks import (
    TASKS,
    Recipe,
    Task,
    recurrent_network,
    task_named,
    train_flip_flop,
    train_task,
)

pytestmark = pytest.mark.slow


def same(first, second):
    pairs = zip(first.get_weights(), second.get_weights(), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


def test_every_task_is_complete():
    for name, task in TASKS.items():
        assert task.name == name
        inputs, targets = task(np.random.default_rng(0), 2)
        assert (inputs.shape[2], targets.shape[2]) == (task.n_inputs, task.n_outputs), name
        for condition in task.conditions:
            assert len(condition.inputs) == task.n_inputs, name
        assert task.known_answer in repr(task)
        assert task.reference


def test_the_conditions_are_inputs_that_the_trials_hold():
    inputs, _ = TASKS["sine_waves"](np.random.default_rng(0), 2000)
    for condition in TASKS["sine_waves"].conditions:
        assert np.abs(inputs[:, 0, 0] - condition.inputs[0]).min() < 1e-6
    inputs, _ = TASKS["context_dependent_integration"](np.random.default_rng(0), 50)
    for condition in TASKS["context_dependent_integration"].conditions:
        assert (inputs[:, 0, 2:] == condition.inputs[2:]).all(axis=1).any()


def test_the_same_seed_gives_the_same_network():
    options = {"epochs": 1, "n_trials": 4, "units": 3}
    first, again, other = (
        train_task("ring_integration", seed=seed, **options) for seed in (0, 0, 1)
    )
    assert same(first, again)
    assert not same(first, other)
    assert isinstance(first.get_layer("rnn"), keras.layers.GRU), "the task's own cell"


def test_the_flip_flop_is_that_of_train_flip_flop():
    options = {"epochs": 2, "n_trials": 16, "units": 4, "seed": 3}
    assert same(train_task("flip_flop", **options), train_flip_flop(**options))


def test_cell_and_callbacks_are_the_users():
    epochs = []
    report = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: epochs.append(epoch)
    )
    model = train_task("two_point_average", "lstm", 3, epochs=3, n_trials=4, callbacks=[report])
    assert isinstance(model.get_layer("rnn"), keras.layers.LSTM)
    assert epochs == [0, 1, 2]


def test_the_curriculum_counts_its_epochs_once_and_spares_the_activity():
    epochs = []
    report = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: epochs.append(epoch)
    )
    task = TASKS["white_noise_integration"]
    recipe = Recipe(64, 10, lengths=(4, 9, 16), learning_rate=1e-2)
    plain = dataclasses.replace(task, recipe=recipe)
    quiet = dataclasses.replace(task, recipe=dataclasses.replace(recipe, activity_penalty=10.0))
    inputs, _ = task(np.random.default_rng(9), 32)
    sizes = [
        np.square(as_system(train_task(t, units=8, callbacks=[report])).simulate(inputs)).mean()
        for t in (plain, quiet)
    ]
    assert epochs == [*range(10), *range(10)]
    assert sizes[1] < 0.5 * sizes[0]


def test_the_weight_penalty_shrinks_the_weights_and_goes_with_the_training():
    task = TASKS["binary_decision"]
    recipe = Recipe(64, 20, learning_rate=1e-2)
    plain, light = (
        train_task(
            dataclasses.replace(task, recipe=dataclasses.replace(recipe, weight_penalty=by)),
            units=8,
        )
        for by in (0.0, 0.1)
    )
    sizes = [sum(np.square(w).sum() for w in m.get_weights()) for m in (plain, light)]
    assert sizes[1] < 0.5 * sizes[0]
    assert not light.losses, "who trains on has no penalty that was not asked for"


def test_noise_is_added_in_training_alone_and_repeats_with_the_seed(tmp_path):
    task = TASKS["white_noise_integration"]
    noisy = dataclasses.replace(task, recipe=Recipe(16, 2, input_noise=0.5))
    quiet = dataclasses.replace(task, recipe=Recipe(16, 2))
    first, again, without = (train_task(t, units=3) for t in (noisy, noisy, quiet))
    assert same(first, again)
    assert not same(first, without)
    inputs, _ = task(np.random.default_rng(1), 4)
    outputs = first.predict(inputs, verbose=0)
    np.testing.assert_allclose(first(inputs, training=True), outputs, atol=1e-6)
    first.save(tmp_path / "model.keras")
    back = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(back.predict(inputs, verbose=0), outputs, atol=1e-6)


def test_only_the_last_step_of_a_decision_counts():
    task = TASKS["binary_decision"]
    weights = task.weights(2, 5)
    np.testing.assert_array_equal(weights, [[0, 0, 0, 0, 5]] * 2)
    assert TASKS["flip_flop"].weights(2, 5) is None

    def half_at_the_end(rng, n_trials):
        targets = np.zeros((n_trials, 5, 1), np.float32)
        targets[:, -1] = 2.0
        return np.ones((n_trials, 5, 1), np.float32), targets

    ones = keras.Sequential([keras.Input((None, 1)), keras.layers.Rescaling(1.0)])
    assert dataclasses.replace(task, generator=half_at_the_end).error(ones) == 0.25
    whole = dataclasses.replace(task, generator=half_at_the_end, last_step_only=False)
    assert whole.error(ones) == pytest.approx(5 / 4)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("flipflop",), ValueError, r"task: expected one of \['binary_decision', .*'flipflop'"),
        ((3,), TypeError, "task: expected a Task or the name of one, received int"),
        (("flip_flop", "relu"), ValueError, "cell: expected one of"),
        (
            ("flip_flop", "tanh", 0),
            ValueError,
            "units: expected a whole number of at least 1, received 0",
        ),
    ],
)
def test_bad_arguments_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        train_task(*arguments)
    with pytest.raises(
        ValueError, match="epochs: expected a whole number of at least 1, received 0"
    ):
        train_task("flip_flop", epochs=0)


def test_recurrent_gain_scales_the_first_weights():
    whole, half = (
        recurrent_network(1, 1, 6, recurrent_gain=gain, rng=np.random.default_rng(0))
        for gain in (1.0, 0.5)
    )
    recurrent = half.get_layer("rnn").get_weights()[1]
    np.testing.assert_allclose(recurrent @ recurrent.T, 0.25 * np.eye(6), atol=1e-6)
    np.testing.assert_allclose(
        whole.get_layer("rnn").get_weights()[1], 2 * recurrent, rtol=1e-5
    )


def studied(name, seed=0):
    """A trained network, its error, and its points at the first condition."""
    task: Task = task_named(name)
    model = train_task(task, seed=seed)
    finder = FixedPointFinder(model, verbose=False)
    inputs, _ = task(np.random.default_rng(seed + 1), 64)
    starts = finder.sample_states(finder.simulate(inputs), 128, noise_scale=0.1)
    points, _ = finder.find_fixed_points(starts, [task.conditions[0].inputs])
    assert task.error(model, seed=seed + 1) <= task.usable_error
    return model, points


def test_the_moving_average_is_the_linearisation_at_one_stable_point():
    model, points = studied("two_point_average")
    assert len(points) == len(points.stable) == 1
    weights = model.get_layer("readout").get_weights()[0].T
    J, B = points.J_xstar[0], points.dFdu[0]
    response = [(weights @ np.linalg.matrix_power(J, t) @ B).item() for t in range(4)]
    np.testing.assert_allclose(response, [0.5, 0.5, 0.0, 0.0], atol=0.03)


def test_the_integrator_has_a_line_with_one_mode_that_lasts():
    model, points = studied("white_noise_integration")
    sizes = np.abs(points.eigval_J_xstar)
    np.testing.assert_allclose(sizes[:, 0], 1.0, atol=0.05)
    assert sizes[:, 1].max() < 0.9
    # The points lie along the mode that lasts, and the readout tells them apart.
    along = points.xstar - points.xstar.mean(axis=0)
    assert np.linalg.svd(along, compute_uv=False)[:2] @ [0, 1] < 0.2 * np.linalg.norm(along)
    read = points.xstar @ model.get_layer("readout").get_weights()[0]
    assert np.ptp(read) > 0.5


def test_trials_whose_last_step_counts_are_not_cut_short():
    recipe = dataclasses.replace(TASKS["binary_decision"].recipe, lengths=(10, 25))
    with pytest.raises(ValueError, match="recipe: expected no lengths"):
        dataclasses.replace(TASKS["binary_decision"], recipe=recipe)
