"""Trials are refused when wrong, and met in an order that a seed decides."""

import numpy as np
import pytest
import tensorflow as tf

from lfads_tf import Session
from lfads_tf.config import LFADSConfig
from lfads_tf.training import batches
from lfads_tf.training.trial_arrays import arrays_of_session, as_arrays

SIZES = {"n_neurons": 4, "n_bins": 6, "bin_width": 0.02}
N_TRIALS = 11


def config(**changes):
    return LFADSConfig(**{**SIZES, **changes})


def spikes(n_trials=N_TRIALS, n_bins=6, n_neurons=4, seed=0):
    rng = np.random.default_rng(seed)
    return rng.poisson(1.0, (n_trials, n_bins, n_neurons)).astype("float32")


# --- arrays ------------------------------------------------------------------------------


def test_spikes_come_through_as_they_are():
    given = spikes()
    given[2, 4:] = np.nan  # a shorter trial
    arrays = as_arrays(given.astype("float64"), config())
    np.testing.assert_array_equal(arrays["spikes_btn"], given)
    assert arrays["spikes_btn"].dtype == np.float32
    assert arrays["external_bte"].shape == (N_TRIALS, 6, 0)
    assert arrays.keys() == {"spikes_btn", "external_bte"}


def test_a_session_gives_the_same_as_its_arrays():
    external = np.random.default_rng(1).normal(size=(N_TRIALS, 6, 2))
    session = Session.from_arrays(spikes(), 0.02, external_inputs=external)
    settings = config(n_external_inputs=2)
    of_session = as_arrays(session, settings)
    of_pair = as_arrays((spikes(), external), settings)
    for name, array in of_pair.items():
        np.testing.assert_array_equal(of_session[name], array)


def test_bins_of_another_width_are_refused():
    session = Session.from_arrays(spikes(), 0.01)
    with pytest.raises(ValueError, match=r"^x: expected bins of 0.02 s.*received.*0.01 s"):
        as_arrays(session, config())


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ({"n_encode_neurons": 3}, r"3 of 4 neurons \(n_encode_neurons\).*encodes 4"),
        ({"n_encode_bins": 5}, r"5 of 6 bins \(n_encode_bins\).*encodes 6"),
    ],
)
def test_a_session_that_holds_out_more_than_the_model_is_refused(split, message):
    """A model that encodes all would be told what the session keeps for the test."""
    session = Session.from_arrays(spikes(), 0.02, **split)
    with pytest.raises(ValueError, match=f"^x: .*{message}"):
        as_arrays(session, config())
    as_arrays(session, config(**split))
    as_arrays(Session.from_arrays(spikes(), 0.02), config(**split))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (spikes()[0], r"shape \(n_trials, n_bins, n_neurons\), received shape \(6, 4\)"),
        (spikes(n_bins=7), "6 bins and 4 neurons.*received 7 bins and 4 neurons"),
        (spikes(n_neurons=5), "6 bins and 4 neurons.*received 6 bins and 5 neurons"),
        (spikes(n_trials=0), "at least one trial, received none"),
        (np.full((2, 6, 4), np.nan), "observed samples, received NaN only"),
        (spikes() - 5, "at least 0 .*poisson.*received a least value of -5"),
        (spikes() + 0.25, "whole numbers of spikes .*received .*.25 among others"),
        (np.full((2, 6, 4), np.inf), "finite data, received infinity"),
    ],
)
def test_wrong_spikes_are_refused(given, message):
    with pytest.raises(ValueError, match=f"^data: expected .*{message}"):
        as_arrays(given, config(), name="data")


def test_other_observations_take_other_data():
    data = spikes() + 0.25
    for name in ("gamma", "zero_inflated_gamma", "gaussian"):
        as_arrays(data, config(observation=name))
    as_arrays(-data, config(observation="gaussian"))
    with pytest.raises(ValueError, match=r"^x: expected data of at least 0 .*'gamma'"):
        as_arrays(-data, config(observation="gamma"))


def test_events_below_the_gamma_location_are_refused():
    """The gamma part has no density there, and a stand-in for it would reward them."""
    events = spikes()
    events[0, 0] = [0.05, 0.1, 0.0, np.nan]
    settings = config(observation="zero_inflated_gamma", gamma_location=0.1)
    message = "zeros and events above 0.1 .*gamma_location.*received 2 .*least of them 0.05"
    with pytest.raises(ValueError, match=f"^data: expected {message}"):
        as_arrays(events, settings, name="data")
    as_arrays(events, settings.replace(gamma_location=0.04))
    as_arrays(events, config(observation="gamma"))


@pytest.mark.parametrize(
    ("external", "n_external", "message"),
    [
        (None, 2, r"external inputs of shape \(11, 6, 2\) beside the spikes.*received none"),
        (np.zeros((11, 6, 2)), 0, "the model has none.*n_inferred_inputs"),
        (np.zeros((11, 6, 3)), 2, r"shape \(11, 6, 2\), received \(11, 6, 3\)"),
        (np.zeros((10, 6, 2)), 2, r"shape \(11, 6, 2\), received \(10, 6, 2\)"),
        (np.full((11, 6, 2), np.nan), 2, "finite external inputs, received NaN"),
    ],
)
def test_wrong_external_inputs_are_refused(external, n_external, message):
    with pytest.raises(ValueError, match=f"^x: .*{message}"):
        as_arrays((spikes(), external), config(n_external_inputs=n_external))


def test_more_than_spikes_and_external_inputs_is_refused():
    three = (spikes(), np.zeros((N_TRIALS, 6, 0)), np.ones(N_TRIALS))
    with pytest.raises(ValueError, match=r"^x: expected .*external_inputs\), received 3 parts"):
        as_arrays(three, config())
    data = tf.data.Dataset.from_tensor_slices(three).batch(4)
    with pytest.raises(ValueError, match=r"^x: expected .*external_inputs\), received 3 parts"):
        batches.padded_batches(data, config())


def test_data_of_the_encoded_part_alone():
    settings = config(n_encode_neurons=3, n_encode_bins=5)
    part = spikes()[:, :5, :3]
    arrays = arrays_of_session(part, settings)[1]
    np.testing.assert_array_equal(arrays["spikes_btn"][:, :5, :3], part)
    assert np.isnan(arrays["spikes_btn"]).sum() == N_TRIALS * (6 * 4 - 5 * 3)
    with pytest.raises(ValueError, match="^x: expected 6 bins and 4 neurons"):
        as_arrays(part, settings)


def test_sample_validation_leaves_out_the_same_samples_each_time():
    settings = config(sample_validation=0.2, n_encode_neurons=3, seed=5)
    data = spikes(n_trials=2000)
    first, second = (
        as_arrays(data, settings, training=True)["train_mask_btn"] for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)
    assert first.shape == (2000, 6, 3) and set(np.unique(first)) == {0.0, 1.0}
    assert abs(first.mean() - 0.8) < 4 * np.sqrt(0.16 / first.size)
    other = as_arrays(data, settings.replace(seed=6), training=True)
    assert not np.array_equal(first, other["train_mask_btn"])
    assert "train_mask_btn" not in as_arrays(data, settings)
    assert "train_mask_btn" not in as_arrays(data, config(), training=True)


# --- batches -----------------------------------------------------------------------------


@pytest.mark.parametrize("n_trials", [1, 2, 7, 64, 65, 237, 1000])
@pytest.mark.parametrize("batch_size", [1, 3, 64, 300])
def test_batches_are_alike_and_hold_every_trial(n_trials, batch_size):
    n_batches, n_each = batches.batch_shape(n_trials, batch_size)
    assert n_each <= batch_size
    assert 0 <= n_batches * n_each - n_trials < n_batches  # less than one of padding a batch
    assert n_batches == -(-n_trials // batch_size)


def numbered(n_trials=N_TRIALS):
    """Arrays in which every trial carries its number."""
    number = np.arange(n_trials, dtype="float32")[:, None, None]
    return {
        "spikes_btn": number * np.ones((1, 6, 4), "float32"),
        "external_bte": -number * np.ones((1, 6, 2), "float32"),
    }


def numbers(batch):
    """The trials of a batch in order, after a look at whether its arrays agree."""
    trial = batch["spikes_btn"][:, 0, 0].numpy()
    weight = batch["weight_b"].numpy()
    np.testing.assert_array_equal(batch["external_bte"][:, 0, 0], -trial)
    assert set(np.unique(weight)) <= {0.0, 1.0}
    return trial[weight > 0].astype(int).tolist()


def epochs(n_epochs, **options):
    """The trials of each batch of each epoch."""
    data, n_batches = batches.batches(numbered(), 4, **options)
    met = [numbers(batch) for batch in data.take(n_epochs * n_batches)]
    return [met[i * n_batches : (i + 1) * n_batches] for i in range(n_epochs)]


def test_without_seed_the_trials_come_as_they_stand_and_once():
    data, n_batches = batches.batches(numbered(), 4)
    met = [numbers(batch) for batch in data]
    assert (n_batches, len(met)) == (3, 3)
    assert sum(met, []) == list(range(N_TRIALS))


def test_all_batches_have_one_shape_and_padding_has_no_weight():
    data, _ = batches.batches(numbered(), 4, seed=1)
    shapes = {tuple(batch["spikes_btn"].shape) for batch in data.take(12)}
    assert shapes == {(4, 6, 4)}
    for batch in data.take(12):
        assert np.isfinite(batch["spikes_btn"]).all()
    for name, spec in data.element_spec.items():
        assert spec.shape[0] == 4, name  # known before running: one compilation
    weights = [float(tf.reduce_sum(batch["weight_b"])) for batch in data.take(3)]
    assert sum(weights) == N_TRIALS


def test_each_epoch_meets_every_trial_once_in_an_order_of_its_own():
    met = epochs(4, seed=1)
    orders = [sum(epoch, []) for epoch in met]
    assert all(sorted(order) == list(range(N_TRIALS)) for order in orders)
    assert len({tuple(order) for order in orders}) == 4


def test_the_seed_decides_the_order():
    assert epochs(3, seed=1) == epochs(3, seed=1)
    assert epochs(3, seed=1) != epochs(3, seed=2)


def test_training_that_begins_again_meets_the_same_batches():
    assert epochs(2, seed=1, first_epoch=3) == epochs(5, seed=1)[3:]


def test_every_trial_is_as_often_in_each_place():
    """An order that favoured some trials would show as a trial that is rarely first."""
    data, n_batches = batches.batches(numbered(5), 5, seed=0)
    first = [numbers(batch)[0] for batch in data.take(1000 * n_batches)]
    counts = np.bincount(first, minlength=5)
    assert abs(counts - 200).max() < 4.5 * np.sqrt(1000 * 0.2 * 0.8)


# --- batches of a user -------------------------------------------------------------------


def test_a_users_batch_is_completed():
    batch = batches.checked_batch(spikes().astype("int32"), config())
    assert batch["spikes_btn"].dtype == tf.float32
    assert batch["external_bte"].shape == (N_TRIALS, 6, 0)
    np.testing.assert_array_equal(batch["weight_b"], np.ones(N_TRIALS))
    external = np.ones((N_TRIALS, 6, 2))
    for pair in ((spikes(), external), [spikes(), external]):
        batch = batches.checked_batch(pair, config(n_external_inputs=2))
        np.testing.assert_array_equal(batch["external_bte"], external)
        assert batch["external_bte"].dtype == tf.float32


def test_own_batches_pass_as_they_are():
    data, _ = batches.batches(numbered(), 4)
    given = next(iter(data))
    batch = batches.checked_batch(given, config(n_external_inputs=2))
    assert batch.keys() == given.keys()
    for name, array in given.items():
        np.testing.assert_array_equal(batch[name], array)


@pytest.mark.parametrize(
    ("given", "n_external", "message"),
    [
        (spikes(n_bins=7), 0, r"\(n_trials, 6, 4\), received \(11, 7, 4\)"),
        (spikes()[0], 0, r"\(n_trials, 6, 4\), received \(6, 4\)"),
        (spikes(), 2, "n_external_inputs=2, received spikes only"),
    ],
)
def test_a_users_wrong_batch_is_refused(given, n_external, message):
    with pytest.raises(ValueError, match=f"^x: expected batches .*{message}"):
        batches.checked_batch(given, config(n_external_inputs=n_external))


def test_a_users_small_last_batch_is_filled_up():
    data = tf.data.Dataset.from_tensor_slices(spikes()).batch(4)
    filled = list(batches.padded_batches(data, config()))
    assert [tuple(batch["spikes_btn"].shape) for batch in filled] == [(4, 6, 4)] * 3
    together = np.concatenate([batch["spikes_btn"] for batch in filled])
    weights = np.concatenate([batch["weight_b"] for batch in filled])
    np.testing.assert_array_equal(together[weights > 0], spikes())
    np.testing.assert_array_equal(weights, [1] * 11 + [0])


def changed(index, value):
    given = spikes()
    given[index] = value
    return given


@pytest.mark.parametrize(
    ("given", "external", "changes", "message"),
    [
        (changed((9, 0, 0), np.inf), None, {}, "finite data"),
        (changed((9, 0, 0), -1.0), None, {}, "data of at least 0"),
        (changed((9, 0, 0), 0.5), None, {}, "whole numbers of spikes"),
        (
            changed((9, 0, 0), 0.05),
            None,
            {"observation": "zero_inflated_gamma"},
            "zeros and events above 0.1",
        ),
        (spikes(), changed((9, 0, 0), np.nan), {"n_external_inputs": 4}, "finite external"),
    ],
)
def test_a_users_bad_numbers_are_refused_in_whatever_batch(given, external, changes, message):
    parts = given if external is None else (given, external)
    data = tf.data.Dataset.from_tensor_slices(parts).batch(4)
    filled = batches.padded_batches(data, config(**changes))
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"x: expected {message}"):
        list(filled)
