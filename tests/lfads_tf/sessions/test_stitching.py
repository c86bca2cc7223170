"""Models stitched over sessions: padding, principal components regression, new sessions."""

import re

import numpy as np
import pytest
import tensorflow as tf

from lfads_tf import LFADS, LFADSConfig, Session, load_model
from lfads_tf.analysis import r_squared
from lfads_tf.data.synthetic import lorenz_days
from lfads_tf.layers import readin
from lfads_tf.sessions import initial_weights
from lfads_tf.training import batches, noise_and_masks, steps
from lfads_tf.training.objective import loss_parts
from lfads_tf.training.trial_arrays import as_arrays, trial_weights

pytestmark = pytest.mark.slow

SMALL = dict(
    encoder_units=6,
    n_initial_conditions=4,
    generator_units=8,
    n_factors=3,
    controller_encoder_units=5,
    controller_units=4,
    warm_up_steps=4,
)
N_BINS, N_CONDITIONS = 10, 4


def session(name, n_neurons, n_trials=16, seed=0, **changes):
    """Neurons that follow two latents, which are the same in every session."""
    rng = np.random.default_rng([seed, n_neurons])
    conditions = np.arange(n_trials) % N_CONDITIONS
    time = np.arange(N_BINS)[None, :, None]
    angle = 2 * np.pi * conditions[:, None, None] / N_CONDITIONS
    latents = np.concatenate([np.sin(0.4 * time + angle), np.cos(0.3 * time + angle)], axis=2)
    rates = np.exp(latents @ rng.normal(scale=0.7, size=(2, n_neurons)) - 0.3)
    fields = {"conditions": conditions, **changes}
    return Session(rng.poisson(rates).astype("float32"), 0.02, name, **fields)


def days(**changes):
    return [session("monday", 5, **changes), session("tuesday", 7, 12), session("friday", 4)]


def stitched(sessions=None, compiled=False, **changes):
    model = LFADS(LFADSConfig.for_data(sessions or days(), **{**SMALL, **changes}))
    model.compile(jit_compile=compiled)
    return model


def fitted(**changes):
    sessions = days()
    model = stitched(sessions, **changes)
    model.fit(sessions, epochs=3, batch_size=15, verbose=0)
    return model, sessions


def infer(model, of):
    return model.infer(of, n_samples=3)


def assert_same(one, other):
    for name, a, b in zip(one._fields, one, other, strict=True):
        np.testing.assert_array_equal(a, b, err_msg=name)


# The mathematics.


def loss_and_gradients(network, batch, drawn, scalars):
    with tf.GradientTape() as tape:
        parts = loss_parts(network, batch, drawn, scalars, tf.constant(1.0))
        loss = parts["nll"] + parts["kl_initial_condition"] + parts["kl_inferred_inputs"]
    variables = network.trainable_variables
    gradients = tape.gradient(loss, variables, unconnected_gradients="zero")
    # Keras numbers the layers of each model anew.
    paths = [re.sub(r"_gru(_\d+)?/", "_gru/", v.path) for v in variables]
    return loss, dict(zip(paths, gradients, strict=True))


@pytest.mark.parametrize("observation", ["poisson", "gaussian", "gamma"])
def test_padding_has_no_influence(observation):
    """The gradients of a mixed batch are the sums of those of each session alone."""
    x = [
        Session(s.spikes + 0.5 if observation == "gamma" else s.spikes, 0.02, s.name)
        for s in days()
    ]
    config = LFADSConfig.for_data(x, **SMALL, observation=observation, n_inferred_inputs=1)
    network = LFADS(config).network
    scalars = {name: tf.constant(getattr(config, name)) for name in steps.SCALARS}

    def arrays_of(sessions):
        arrays = as_arrays(sessions, config)
        arrays["weight_b"] = np.ones(len(arrays["session_b"]), np.float32)
        return {name: tf.constant(array) for name, array in arrays.items()}

    whole = arrays_of(x)
    n_trials = len(whole["session_b"])
    drawn = noise_and_masks.draw(tf.constant([0, 1]), config, n_trials, training=True)
    loss, gradients = loss_and_gradients(network, whole, drawn, scalars)

    total, sums, first = 0.0, {}, 0
    for i, one in enumerate(x):
        # A network of this session alone, of its own size: nothing is padded.
        alone = LFADS(
            LFADSConfig.for_data(
                [one],
                **{
                    **SMALL,
                    "observation": observation,
                    "n_inferred_inputs": 1,
                    "n_read_in": config.n_read_in,
                    "n_factors": 3,
                },
            )
        )
        for a, b in zip(network.shared_layers(), alone.network.shared_layers(), strict=True):
            b.set_weights(a.get_weights())
        alone.network.sessions.assign(one.name, network.sessions.of(one.name))
        rows = slice(first, first + one.n_trials)
        first += one.n_trials
        part = {name: array[rows] for name, array in whole.items()}
        part["spikes_btn"] = part["spikes_btn"][..., : one.n_neurons]
        part["session_b"] = 0 * part["session_b"]
        own = {}
        for name, array in drawn.items():
            index = [slice(None)] * len(array.shape)
            index[noise_and_masks.trial_axis(name)] = rows
            if name.endswith("_btn"):
                index[-1] = slice(0, one.n_neurons)
            own[name] = array[tuple(index)]
        value, parts = loss_and_gradients(alone.network, part, own, scalars)
        total += value
        for path, gradient in parts.items():
            path = path.replace("kernel_0", f"kernel_{i}").replace("bias_0", f"bias_{i}")
            sums[path] = sums.get(path, 0.0) + gradient
    np.testing.assert_allclose(loss, total, rtol=1e-5)
    assert gradients.keys() == sums.keys()
    for path, gradient in gradients.items():
        size = np.abs(sums[path]).max()
        np.testing.assert_allclose(gradient, sums[path], atol=2e-5 * size, err_msg=path)


def test_the_weights_of_rows_are_those_of_their_sessions_exactly():
    layer = stitched(observation="gaussian").network.sessions
    rows = layer.rows(tf.constant([2, 0, 1]))
    for i, name in enumerate(("friday", "monday", "tuesday")):
        own, n = layer.of(name), layer.of(name).in_kernel.shape[0]
        np.testing.assert_array_equal(rows.in_kernel[i, :n], own.in_kernel)
        np.testing.assert_array_equal(rows.in_kernel[i, n:], 0.0)
        blocks = tf.reshape(rows.out_kernel[i], (3, 2, 7))
        np.testing.assert_array_equal(
            blocks[..., :n], tf.reshape(own.out_kernel, (3, 2, n)), err_msg=name
        )
        np.testing.assert_array_equal(blocks[..., n:], 0.0)


def test_one_session_stitched_is_the_model_of_a_single_session():
    """With an identity for its read-in it sees, computes and learns the same."""
    one = session("monday", 7)
    single = LFADS(LFADSConfig.for_data(one, **SMALL))
    model = stitched([one], n_read_in=7)
    for a, b in zip(single.network.shared_layers(), model.network.shared_layers(), strict=True):
        b.set_weights(a.get_weights())
    initial_weights.start(single.network, {"spikes_btn": one.spikes}, one)
    kernel, bias = single.network.read_out_kernel, single.network.read_out_bias
    weights = readin.SessionWeights(np.eye(7), np.zeros(7), kernel, bias)
    model.network.sessions.assign("monday", weights)
    single.compile(jit_compile=False)
    np.testing.assert_allclose(
        infer(model, one).rates, infer(single, one).rates, rtol=1e-5, atol=1e-6
    )
    ours, theirs = (m.evaluate(one, verbose=0, return_dict=True) for m in (model, single))
    assert ours == pytest.approx(theirs, rel=1e-5)


def test_the_read_out_starts_at_the_mean_rates():
    model, x = stitched(), days()
    initial_weights.start(model.network, as_arrays(x, model.config), x)
    for one in x:
        bias = np.exp(model.network.sessions.of(one.name).out_bias)
        np.testing.assert_allclose(bias, one.spikes.mean((0, 1)), rtol=1e-5)


def test_shared_components_of_noiseless_rates_give_the_log_rates_back():
    """Read-ins of all sessions lead to the same; read-outs make rates of the components."""
    rng = np.random.default_rng(0)
    latents = rng.normal(size=(6, 20, 2))
    linear = [latents @ rng.normal(size=(2, n)) + rng.normal(size=n) for n in (5, 8, 3)]
    starts = initial_weights.start_by_pcr(
        linear, [np.arange(6)] * 3, (5, 8, 3), 2, 3, log_link=False
    )
    seen = [x @ s.in_kernel + s.in_bias for x, s in zip(linear, starts, strict=True)]
    # The penalty takes its small share of each.
    for other in seen[1:]:
        np.testing.assert_allclose(other, seen[0], atol=0.05)
    assert np.mean(np.square(seen)) == pytest.approx(1.0, rel=1e-6)
    assert starts[0].modulation.shape == (3, 5)
    np.testing.assert_array_equal(starts[0].modulation[2], 0.0)  # no component behind it


def test_weights_of_sessions():
    x = days()
    assert trial_weights("trials", x) is None
    each = trial_weights("sessions", x)
    groups = np.split(each, [16, 28])
    np.testing.assert_allclose([g.sum() for g in groups], 44 / 3, rtol=1e-6)
    by_name = trial_weights({"monday": 1.0, "tuesday": 2.0, "friday": 3.0}, x)
    sums = [g.sum() for g in np.split(by_name, [16, 28])]
    np.testing.assert_allclose(np.array(sums) / sums[0], [1, 2, 3], rtol=1e-6)


def test_a_session_of_twice_the_weight_counts_as_its_trials_twice():
    model, (monday, tuesday, _) = stitched(coordinated_dropout=0.0, dropout=0.0), days()
    single = {s.name: model.evaluate(s, verbose=0, return_dict=True) for s in (monday, tuesday)}
    sizes = {"monday": 16 * 5.0, "tuesday": 12 * 7.0}
    weights = {"monday": 1.0, "tuesday": 2.0}
    both = model.evaluate(
        [monday, tuesday], session_weights=weights, verbose=0, return_dict=True
    )
    # A session weighs as a whole, each of its trials by its share.
    share = {n: weights[n] * sizes[n] / s for n, s in (("monday", 16), ("tuesday", 12))}
    name = "kl_initial_condition"  # the likelihood rests on samples of posteriors
    mean = sum(share[n] * single[n][name] for n in share) / sum(share.values())
    assert both[name] == pytest.approx(mean, rel=1e-5)


# The model as a user meets it.


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"read_in_start": "random"},
        {"read_in_trained": False},
        {"n_inferred_inputs": 1, "sample_validation": 0.2},
        {"observation": "gaussian"},
    ],
    ids=["pcr", "random", "frozen read-in", "inputs", "gaussian"],
)
def test_a_stitched_model_learns_and_comes_back_identical_from_a_file(changes, tmp_path):
    x = days()
    model = stitched(x, coordinated_dropout=0.0, **changes)
    history = model.fit(
        x, validation_data=x, epochs=12, batch_size=15, session_weights="sessions", verbose=0
    ).history
    assert np.mean(history["nll"][-3:]) < np.mean(history["nll"][:3])
    model.save(tmp_path / "model.keras")
    again = load_model(tmp_path / "model.keras")
    assert again.config == model.config
    for one in x:
        assert infer(model, one).rates.shape == one.spikes.shape
        assert_same(infer(model, one), infer(again, one))
    one = model.fit(x, epochs=1, verbose=0).history["loss"]
    assert again.fit(x, epochs=1, verbose=0).history["loss"] == one


def test_frozen_read_ins_stay_where_they_began():
    model, x = fitted(read_in_trained=False)
    begun = stitched(read_in_trained=False)
    begun.fit(x, epochs=0, verbose=0)
    for one in x:
        a, b = (m.network.sessions.of(one.name) for m in (model, begun))
        np.testing.assert_array_equal(a.in_kernel, b.in_kernel)
        assert np.abs(np.subtract(a.out_kernel, b.out_kernel)).max() > 0


def test_a_run_that_was_broken_off_goes_on(tmp_path):
    x = days()

    def run(folder, epochs, **options):
        model = stitched(x)
        callbacks = model.default_callbacks(tmp_path / folder, save_every=0.0, **options)
        model.fit(
            x, validation_data=x, epochs=epochs, batch_size=15, callbacks=callbacks, verbose=0
        )
        return model

    whole = run("a", 6)
    run("b", 3)
    resumed = run("b", 6, resume=True)
    for a, b in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_new_session_leaves_what_is_said_of_the_old_ones_as_it_was(tmp_path):
    model, x = fitted(coordinated_dropout=0.0)
    before = [infer(model, one) for one in x]
    new = session("saturday", 9)  # more neurons than any other
    more = model.add_session(new, reference_sessions=x)
    assert more.config.session_names[-1] == "saturday"
    begun = np.array(more.network.sessions.of("saturday").out_kernel)
    # Evaluation meets the same noise each time, which a few epochs' own losses do not.
    nll = [more.evaluate(new, verbose=0, return_dict=True)["nll"]]
    more.fit(new, validation_data=new, epochs=40, verbose=0)
    nll.append(more.evaluate(new, verbose=0, return_dict=True)["nll"])
    assert nll[1] < nll[0]
    assert np.abs(more.network.sessions.of("saturday").out_kernel - begun).max() > 0
    more.save(tmp_path / "more.keras")
    for one, old in zip(x, before, strict=True):
        assert_same(infer(more, one), old)
        assert_same(infer(load_model(tmp_path / "more.keras"), one), old)
        assert_same(infer(model, one), old)
    assert infer(more, new).rates.shape == new.spikes.shape


def test_a_new_session_can_train_what_is_shared():
    model, x = fitted()
    more = model.add_session(session("saturday", 6), freeze_shared=False)
    before = infer(more, x[0]).rates
    np.testing.assert_array_equal(before, infer(model, x[0]).rates)
    old = np.array(more.network.sessions.of("monday").out_kernel)
    more.fit(session("saturday", 6), epochs=1, verbose=0)
    assert np.abs(infer(more, x[0]).rates - before).max() > 0
    np.testing.assert_array_equal(more.network.sessions.of("monday").out_kernel, old)


def test_a_model_of_one_session_takes_in_a_day_of_other_neurons():
    """What it says of the new rates follows them, and of its own day it says the same."""
    days = lorenz_days(2, n_trials=60, n_neurons=12, n_bins=40, n_conditions=6, seed=1)
    first, new = days
    model = LFADS(LFADSConfig.for_data(first, **{**SMALL, "generator_units": 24}))
    model.compile(jit_compile=False)
    model.fit(first, epochs=150, batch_size=20, verbose=0)
    assert model.config.n_read_in == 0
    before = infer(model, first)
    more = model.add_session(new, reference_sessions=first)
    assert more.config.session_names == ("day 0", "day 1")
    assert more.config.n_read_in == first.n_neurons
    assert_same(infer(more, first), before)
    seen = [r_squared(s.true_rates, m.infer(s).rates) for m, s in ((model, first), (more, new))]
    assert seen[1] > 0.5 * seen[0] > 0.25  # the mean rate of each neuron has 0
    nll = [more.evaluate(new, verbose=0, return_dict=True)["nll"]]
    more.fit(new, epochs=20, batch_size=20, verbose=0)
    nll.append(more.evaluate(new, verbose=0, return_dict=True)["nll"])
    assert nll[1] < nll[0]
    assert_same(infer(more, first), before)


@pytest.mark.parametrize("changes", [{}, {"observation": "gaussian", "n_inferred_inputs": 1}])
def test_what_a_model_of_one_session_says_stays_when_another_is_added(changes, tmp_path):
    monday, tuesday, _ = days(n_encode_neurons=4)
    model = LFADS(LFADSConfig.for_data(monday, **{**SMALL, **changes}))
    model.compile(jit_compile=False)
    model.fit(monday, epochs=2, verbose=0)
    more = model.add_session(tuesday)  # read-in and read-out begin at random
    more.fit(tuesday, epochs=1, verbose=0)
    both = more.fit([monday, tuesday], epochs=1, verbose=0).history
    assert np.isfinite(both["loss"]).all()
    assert_same(infer(more, monday), infer(model, monday))
    more.save(tmp_path / "more.keras")
    again = load_model(tmp_path / "more.keras")
    assert_same(infer(again, tuesday), infer(more, tuesday))
    third = again.add_session(session("friday", 4))
    assert_same(infer(third, monday), infer(model, monday))


def test_regression_begins_where_sessions_agree():
    x = [session("monday", 12, 64), session("tuesday", 15, 64)]
    agreed = {}
    for start in ("random", "pcr"):
        model = stitched(x, read_in_start=start, n_read_in=2)
        model.fit(x, epochs=0, verbose=0)
        agreed[start] = model.session_agreement(x, n_samples=2).read_in.shared
    assert agreed["pcr"] > 0.9 > agreed["random"]


def test_samples_of_no_neuron_reach_neither_rates_nor_batches():
    x = days()
    config = LFADSConfig.for_data(x, **SMALL)
    arrays = as_arrays(x, config)
    assert np.isnan(arrays["spikes_btn"][:16, :, 5:]).all()
    data, _ = batches.batches(arrays, 15)
    assert all(batch["session_b"].shape == (15,) for batch in data)


def test_held_out_neurons_of_each_session_are_not_seen():
    x = days(n_encode_neurons=3)
    model = stitched(x)
    assert model.config.session_encode_neurons == (3, 7, 4)
    model.fit(x, epochs=1, verbose=0)
    changed = x[0].spikes.copy()
    changed[..., 3:] += 1
    other = Session(changed, 0.02, "monday")
    np.testing.assert_array_equal(infer(model, other).rates, infer(model, x[0]).rates)


@pytest.mark.parametrize("changes", [{}, {"observation": "gaussian", "n_inferred_inputs": 1}])
def test_states_of_the_generator_have_the_factors_and_rates_of_their_session(changes):
    model, x = fitted(**changes)
    for one in x:
        of = model.infer(one, n_samples=0)
        factors = model.factors_of(of.generator_states)
        rates = model.rates_of(of.generator_states, one.name)
        np.testing.assert_array_equal(factors, of.factors)
        # Exponentials of another number of rows may differ in the last digit.
        np.testing.assert_allclose(rates, of.rates, rtol=3e-7, atol=3e-7)
        assert rates.shape == one.spikes.shape
        np.testing.assert_array_equal(model.rates_of(of.generator_states, one), rates)
        first = model.rates_of(of.generator_states[0, 0], one.name)
        np.testing.assert_allclose(first, rates[0, 0], rtol=3e-7, atol=3e-7)


def test_the_generator_of_a_stitched_model_rolls_on_as_it_was_inferred():
    """It is one for all sessions: each starts from states of its own."""
    model, x = fitted()
    for one in x:
        of = model.infer(one, n_samples=0)
        states = of.generator_initial_states
        for t in range(N_BINS):
            states, _ = model.generator(tf.zeros((len(one), 0)), [tf.constant(states)])
            np.testing.assert_allclose(states, of.generator_states[:, t], rtol=1e-5, atol=1e-6)


def test_rates_of_states_need_a_session_that_the_model_knows():
    model, states = stitched(), np.zeros((2, 8))
    with pytest.raises(ValueError, match="session: .*'monday', 'tuesday', 'friday'.*none"):
        model.rates_of(states)
    with pytest.raises(ValueError, match="session: .*knows .'monday', 'tue.*received 'sunday'"):
        model.rates_of(states, "sunday")
    single = LFADS(LFADSConfig.for_data(days()[1], **SMALL))
    with pytest.raises(ValueError, match="a single session, received 'monday'"):
        single.rates_of(states, "monday")


# What is refused.


def test_sessions_that_do_not_go_together_are_named():
    monday, tuesday, friday = days()

    def like(name, spikes=None, width=0.02, conditions=friday.conditions):
        return Session(
            friday.spikes if spikes is None else spikes, width, name, None, None, conditions
        )

    for sessions, message in [
        ([monday, tuesday, like("monday")], "different names, received 'monday' twice"),
        (
            [monday, like("wide", width=0.05)],
            "bins of 0.02 s, as in 'monday'.*0.05 s in 'wide'",
        ),
        ([monday, like("short", friday.spikes[:, :9])], "10 bins in a trial.*9 in 'short'"),
        ([], "at least one session"),
    ]:
        with pytest.raises(ValueError, match=message):
            LFADSConfig.for_data(sessions, **SMALL)
    with pytest.raises(
        TypeError, match="Session or a list of them, received a list of ndarray"
    ):
        LFADSConfig.for_data([monday.spikes], **SMALL)

    for bad, message in [
        (like("bare", conditions=None), "the condition of each trial.*none in 'bare'"),
        (
            like("few", conditions=friday.conditions % 3),
            "received 'few' without condition 3 of 'monday'",
        ),
    ]:
        model = stitched([monday, bad])
        with pytest.raises(ValueError, match=message):
            model.fit([monday, bad], verbose=0)
        with pytest.raises(ValueError, match=message):
            model.session_agreement([monday, bad])


def test_a_session_that_cannot_be_is_named_where_it_is_made():
    """Among many that are read in a loop, say."""
    spikes = session("monday", 5).spikes
    behavior = np.zeros((16, N_BINS + 2, 3))
    for make in (Session, Session.from_arrays):
        with pytest.raises(
            ValueError, match="^session 'monday': behavior: expected shape.*received .16, 12, 3"
        ):
            make(spikes, 0.02, name="monday", behavior=behavior)
    with pytest.raises(ValueError, match="^session 'monday': behavior: "):
        Session.from_arrays(list(spikes), 0.02, name="monday", behavior=list(behavior))
    with pytest.raises(ValueError, match="^behavior: "):  # of a session without a name
        Session(spikes, 0.02, behavior=behavior)


def test_sessions_that_were_given_no_names_are_told_how_to_get_them():
    spikes = session("monday", 5).spikes
    with pytest.raises(ValueError, match="received 'session' twice.*name="):
        LFADSConfig.for_data([Session(spikes, 0.02), Session(spikes, 0.02)], **SMALL)


def test_a_model_of_a_single_session_says_that_it_is_one():
    monday, tuesday, _ = days()
    single = LFADS(LFADSConfig.for_data(monday, **SMALL))
    single.compile(jit_compile=False)
    for ask in (single.fit, single.evaluate, single.infer):
        with pytest.raises(
            TypeError, match="model is one of a single session.*sessions 'monday', 'tuesday'"
        ):
            ask([monday, tuesday])
    single.fit([monday], verbose=0)  # a list of its one session is as good as the session
    np.testing.assert_array_equal(infer(single, [monday]).rates, infer(single, monday).rates)
    with pytest.raises(TypeError, match="one Session, .*a list of 'monday', 'tuesday'"):
        stitched().infer([monday, tuesday])
    with pytest.raises(TypeError, match="a Session .*or a list of them, received dict"):
        LFADSConfig.for_data({"monday": monday})


def test_what_a_stitched_model_cannot_take_is_refused():
    model, (monday, tuesday, friday) = stitched(), days()
    unknown = session("sunday", 5)
    for ask in (model.fit, model.infer, model.evaluate, model.session_agreement):
        with pytest.raises(ValueError, match="knows .'monday', 'tuesday', 'friday'.*'sunday'"):
            ask(unknown)
        with pytest.raises(TypeError, match="expected (one|a) Session.*ndarray"):
            ask(monday.spikes)
    with pytest.raises(ValueError, match="session 'monday': expected 10 bins and 5 neurons"):
        model.infer(Session(friday.spikes, 0.02, "monday"))
    with pytest.raises(ValueError, match="all sessions.*training begins.*none of 'friday'"):
        model.fit([monday, tuesday], verbose=0)
    with pytest.raises(ValueError, match="session_weights: expected 'trials' or 'sessions'"):
        model.fit([monday, tuesday, friday], session_weights="neurons", verbose=0)
    with pytest.raises(ValueError, match="weight for each of.*received weights for 'monday'"):
        model.fit([monday, tuesday, friday], session_weights={"monday": 1.0}, verbose=0)
    with pytest.raises(ValueError, match="of another name.*received 'monday'"):
        model.add_session(monday)
    with pytest.raises(TypeError, match="freeze_shared: expected True or False"):
        model.add_session(unknown, freeze_shared="thawed")
    with pytest.raises(TypeError, match="stitched over sessions, received a tf.data.Dataset"):
        model.fit(tf.data.Dataset.from_tensor_slices(monday.spikes).batch(4))
    single = LFADS(LFADSConfig.for_data(monday, **SMALL))
    with pytest.raises(TypeError, match="received a model of a single session"):
        single.session_agreement(monday)
    single.compile(jit_compile=False)
    with pytest.raises(ValueError, match="expected 'trials' for a model of a single session"):
        single.fit(monday, session_weights="sessions")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"session_names": ("a", "a")}, "session_names: expected names of sessions, each once"),
        ({"session_neurons": (3,)}, "session_neurons: .* each of 2 sessions"),
        ({"session_neurons": (3, 4)}, "n_neurons: expected that of the largest session .4."),
        ({"frozen_sessions": ("c",)}, "frozen_sessions: expected some of 'a', 'b'.*'c'"),
        ({"read_in_start": "ica"}, r"read_in_start: expected one of \['pcr', 'random'\]"),
        ({"read_in_trained": False}, "read_in_trained: expected True where .* at random"),
        ({"session_encode_neurons": (3, 9)}, "session_encode_neurons: expected from 1 to all"),
    ],
)
def test_configurations_that_cannot_be_are_refused(changes, message):
    good = dict(session_names=("a", "b"), session_neurons=(3, 5), n_read_in=2, n_factors=2)
    LFADSConfig(5, N_BINS, 0.02, **good)
    with pytest.raises(ValueError, match=message):
        LFADSConfig(5, N_BINS, 0.02, **{**good, **changes})
