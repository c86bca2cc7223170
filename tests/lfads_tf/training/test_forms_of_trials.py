"""Trials in every form that they are given in: each gets the checks that a session gets."""

import numpy as np
import pytest
import tensorflow as tf
from each import each

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


@pytest.mark.parametrize("question", ASKS)
@each(form=FORMS, wrong=WRONG)
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


@pytest.mark.parametrize("kind", [list, "pair", "objects"])
def test_trials_of_unequal_length_are_padded_as_a_session_pads_them(model, kind):
    trials = [trial[: 6 - i % 3] for i, trial in enumerate(spikes())]
    trials[1] = np.ma.masked_array(trials[1], mask=np.arange(3) == 1 + np.zeros((5, 1)))
    session = Session.from_arrays(trials, 0.02)
    given = (trials, None) if kind == "pair" else trials
    if kind == "objects":
        given = np.empty(len(trials), object)
        given[:] = trials
    np.testing.assert_array_equal(
        as_arrays(given, model.config)["spikes_btn"], session.spikes, strict=True
    )
    expected = model.evaluate(session, verbose=0)
    assert model.evaluate(given, verbose=0) == expected
    two = model.infer(given[:2] if kind is list else given, n_samples=0)
    assert np.isfinite(two.rates).all()
    model.fit(given, validation_data=given, verbose=0)
    with pytest.raises(ValueError, match="^x: expected one array of shape .n_bins, 3."):
        model.fit([trials[0], trials[1][:, :2], trials[2]])


def test_external_inputs_of_unequal_length_are_padded_too():
    trials = [trial[: 6 - i % 3] for i, trial in enumerate(spikes())]
    inputs = [np.ones((len(trial), 2)) for trial in trials]
    config = LFADSConfig(n_neurons=3, n_bins=6, bin_width=0.02, n_external_inputs=2)
    found = as_arrays((trials, inputs), config)["external_bte"]
    session = Session.from_arrays(trials, 0.02, external_inputs=inputs)
    np.testing.assert_array_equal(found, session.external_inputs)
    with pytest.raises(ValueError, match="^x, external inputs: expected trials of as many"):
        as_arrays((trials, inputs[::-1]), config)


def counted(n, value=1.0):
    """Batches of a generator, which does not say how many there are."""

    def some():
        for i in range(n):
            yield spikes()[:1] * (1.0 if i < n - 1 else value)

    return tf.data.Dataset.from_generator(
        some, output_signature=tf.TensorSpec((1, *SHAPE[1:]), tf.float32)
    )


@pytest.mark.parametrize("ask", ["fit", "validation_data", "evaluate", "predict", "infer"])
def test_batches_of_unknown_number_are_spoken_of(model, ask, caplog, monkeypatch):
    from lfads_tf.training import callbacks

    monkeypatch.setattr(callbacks, "_MANY", 3)

    def run(data, **how):
        caplog.clear()
        if ask == "validation_data":
            model.fit(spikes(), validation_data=data, epochs=1, verbose=0)
        else:
            how |= {} if ask == "infer" else {"verbose": 0}
            getattr(model, ask)(data, **how)
        return [r.getMessage() for r in caplog.records if "no end in sight" in r.message]

    name = {"validation_data": ask, "infer": "data"}.get(ask, "x")
    first, second = run(counted(31))
    assert first.startswith(f"{name}: 3 batches have been read") and " 30 batches" in second
    assert run(counted(2)) == []
    assert run(tf.data.Dataset.from_tensor_slices(np.ones((9, *SHAPE[1:]))).batch(1)) == []
    if ask != "infer" and ask != "validation_data":
        limit = "steps_per_epoch" if ask == "fit" else "steps"
        assert run(counted(31), **{limit: 9}) == []


@pytest.mark.parametrize("ask", ["fit", "evaluate"])
def test_counts_out_of_reach_in_a_later_batch_are_said_once(model, ask):
    with pytest.warns(UserWarning, match="x: the observation model .* reaches rates") as told:
        getattr(model, ask)(counted(3, 1e5), verbose=0)
    assert len([w for w in told if "reaches rates" in str(w.message)]) == 1
