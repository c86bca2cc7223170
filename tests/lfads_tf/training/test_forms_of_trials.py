"""Trials in every form that they are given in: each gets the checks that a session gets."""

import numpy as np
import pytest
import tensorflow as tf

from lfads_tf import LFADS, LFADSConfig, Session
from lfads_tf.training.trial_arrays import as_arrays, trial_weights

SHAPE = (4, 6, 3)
SIZES = {"encoder_units": 2, "n_initial_conditions": 2, "generator_units": 3, "n_factors": 2}


def spikes():
    return np.random.default_rng(0).poisson(1.0, SHAPE).astype(np.float32)


@pytest.fixture(scope="module")
def model():
    model = LFADS(LFADSConfig.for_data(Session(spikes(), 0.02), **SIZES))
    model.compile(jit_compile=False)
    return model


def put(value):
    changed = spikes()
    changed[1, 2, 0] = value
    return changed


WRONG = {
    "infinity": put(np.inf),
    "negative": put(-1.0),
    "fraction": put(0.5),
    "nothing observed": np.full(SHAPE, np.nan, np.float32),
    "text": np.full(SHAPE, "1"),
    "complex": spikes() + 0j,
    "bytes": np.full(SHAPE, b"1"),
    "no trials": spikes()[:0],
    "one axis less": spikes()[0],
    "one axis more": spikes()[None],
    "other bins": spikes()[:, 1:],
    "other neurons": spikes()[..., 1:],
    "swapped axes": spikes().transpose(0, 2, 1),
}
FORMS = {
    "array": lambda array: array,
    "nested lists": lambda array: array.tolist(),
    "list of arrays": list,
    "tensor": tf.constant,
    "pair": lambda array: (array, None),
    "masked": lambda array: np.ma.masked_array(array, np.zeros(array.shape, bool)),
    "tf.data": lambda array: tf.data.Dataset.from_tensors(array),
}
ASKS = {
    "fit": "x",
    "validate": "validation_data",
    "evaluate": "x",
    "predict": "x",
    "infer": "data",
    "train_on_batch": "x",
    "test_on_batch": "x",
    "predict_on_batch": "x",
    "call": "inputs",
}


def ask(model, question, given):
    if question == "validate":
        return model.fit(spikes(), validation_data=given, verbose=0)
    return getattr(model, question)(given)


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("question", ASKS)
def test_what_is_wrong_is_refused_in_every_form(model, question, form, wrong):
    of_one_batch = question.endswith("on_batch") or question == "call"
    if form == "tf.data" and (of_one_batch or wrong == "nothing observed"):
        return  # see below, and test_given_data.py
    step = int(model.step)
    before = [np.array(weight) for weight in model.weights]
    given = FORMS[form](WRONG[wrong])
    with pytest.raises((TypeError, ValueError), match=rf"^{ASKS[question]}\b.*: expected"):
        ask(model, question, given)
    assert int(model.step) == step
    after = [np.array(weight) for weight in model.weights]
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize(
    "question", ["train_on_batch", "test_on_batch", "predict_on_batch", "call"]
)
def test_a_pipeline_is_no_batch(model, question):
    name = ASKS[question]
    with pytest.raises(TypeError, match=rf"^{name}: expected .*, received a tf.data.Dataset"):
        ask(model, question, tf.data.Dataset.from_tensors(spikes()))


@pytest.mark.parametrize(
    "form",
    [
        lambda array: Session(array, 0.02),
        lambda array: [Session(array, 0.02)],
        np.ndarray.tolist,
        list,
        tf.constant,
        tf.Variable,
        lambda array: (array, None),
        lambda array: array.astype(object),
        lambda array: array.astype(np.float16),
        lambda array: np.asfortranarray(array),
        lambda array: np.ma.masked_array(np.nan_to_num(array, nan=7.0), np.isnan(array)),
        lambda array: [
            np.ma.masked_array(np.nan_to_num(one, nan=7.0), np.isnan(one)) for one in array
        ],
    ],
)
def test_trials_are_the_same_in_every_form(model, form):
    array = put(np.nan)
    found = as_arrays(form(array), model.config)
    np.testing.assert_array_equal(found["spikes_btn"], array)


def test_counts_out_of_reach_are_said_of_a_pipeline_too(model):
    pipeline = tf.data.Dataset.from_tensors(put(1e6))
    with pytest.warns(UserWarning, match="x: the observation model .* reaches rates"):
        model.evaluate(pipeline, verbose=0)


@pytest.mark.parametrize("external", ["abc", 3.0, object(), np.full((4, 6, 0), "x")])
def test_what_is_no_array_is_refused_beside_the_spikes(model, external):
    with pytest.raises((TypeError, ValueError), match="^x, external inputs|^x: expected no"):
        model.evaluate((spikes(), external), verbose=0)


@pytest.mark.parametrize("scale", [1e308, 5e-324])
def test_weights_of_sessions_of_any_size_are_shares(scale):
    days = [Session(np.ones((2, 6, n)), 0.02, f"day{n}") for n in (3, 4)]
    each = trial_weights({"day3": scale, "day4": scale}, days)
    np.testing.assert_array_equal(each, np.ones(4))


def test_an_argument_that_evaluate_has_not_is_named(model):
    with pytest.raises(TypeError, match="^batchsize: expected no argument"):
        model.evaluate(spikes(), batchsize=3)


def test_what_is_under_a_mask_is_encoded_nowhere(model):
    mask = np.zeros(SHAPE, bool)
    mask[2, :, 1] = mask[0, 4:] = True
    given = np.ma.masked_array(np.where(mask, 777, spikes()), mask=mask)
    expected = model(np.where(mask, np.nan, spikes()), training=False)
    for form in (given, (given, None), [given, None], {"inputs": given}):
        found = model(**form) if isinstance(form, dict) else model(form, training=False)
        for name, array in expected.items():
            np.testing.assert_array_equal(found[name], array)
