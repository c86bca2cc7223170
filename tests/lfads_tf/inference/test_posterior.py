"""What inference says of a trial agrees with the generator and with the samples behind it."""

import h5py
import numpy as np
import pytest
import tensorflow as tf

from fixedpoint_tf._utils.checksums import write_checksum
from lfads_tf import LFADS, Inferred, LFADSConfig

N_TRIALS, N_BINS, N_NEURONS = 8, 10, 6


def small_model(**changes):
    sizes = {"n_neurons": N_NEURONS, "n_bins": N_BINS, "bin_width": 0.02}
    units = {
        "generator_units": 9,
        "n_factors": 3,
        "encoder_units": 5,
        "n_initial_conditions": 4,
    }
    more = {"controller_units": 5, "controller_encoder_units": 5}
    model = LFADS(LFADSConfig(**{**sizes, **units, **more, **changes}))
    model.compile(jit_compile=False)  # XLA takes longer to compile than these to run
    return model


def spikes(n_trials=N_TRIALS):
    return np.random.default_rng(0).poisson(0.7, (n_trials, N_BINS, N_NEURONS))


def test_the_generator_rolls_on_from_the_initial_states():
    model = small_model()
    inferred = model.infer(spikes(), n_samples=0)
    states = inferred.generator_initial_states
    assert states.shape == (N_TRIALS, 9)
    for t in range(N_BINS):
        states, _ = model.generator(tf.zeros((N_TRIALS, 0)), [tf.constant(states)])
        np.testing.assert_allclose(
            states, inferred.generator_states[:, t], rtol=1e-4, atol=1e-6
        )


@pytest.mark.parametrize("observation", ["poisson", "gaussian"])
def test_factors_and_rates_of_states_are_those_inferred(observation):
    model = small_model(observation=observation, n_inferred_inputs=1)
    at_mean = model.infer(spikes(), n_samples=0)
    factors = model.factors_of(at_mean.generator_states)
    np.testing.assert_allclose(factors, at_mean.factors, rtol=1e-5, atol=1e-6)
    rates = model.rates_of(at_mean.generator_states)
    np.testing.assert_allclose(rates, at_mean.rates, rtol=1e-4, atol=1e-6)
    # Factors are linear in the state, and so are their averages over samples.
    sampled = model.infer(spikes(), n_samples=20)
    np.testing.assert_allclose(
        model.factors_of(sampled.generator_states), sampled.factors, rtol=1e-4, atol=1e-6
    )


def test_states_of_any_number_of_axes_have_factors_and_rates():
    model = small_model()
    states = np.random.default_rng(0).normal(size=(4, 3, 2, 9))
    factors, rates = model.factors_of(states), model.rates_of(states)
    assert factors.shape == (4, 3, 2, 3) and rates.shape == (4, 3, 2, N_NEURONS)
    # Products of one row and of many are summed in another order: by kernels, n eps of the
    # sum of sizes, twice; of a rate, relative to it, what its logarithm has.
    rounding = 2 * 9 * np.finfo(np.float32).eps
    sizes = np.abs(states[1, 2, 1]) @ np.abs(model.factors_of(np.eye(9)))
    log_sizes = 2 * sizes @ np.abs(model.network.read_out_kernel.numpy())
    log_sizes += np.abs(model.network.read_out_bias.numpy()) + 1.0
    alone, rate = model.factors_of(states[1, 2, 1]), model.rates_of(states[1, 2, 1])
    assert np.all(np.abs(alone - factors[1, 2, 1]) <= rounding * sizes)
    assert np.all(np.abs(rate / rates[1, 2, 1] - 1.0) <= rounding * log_sizes)
    for ask in (model.factors_of, model.rates_of):
        with pytest.raises(ValueError, match=r"states: expected .*\(..., 9\), rec.*\(4, 3\)"):
            ask(np.zeros((4, 3)))
        with pytest.raises(TypeError, match="states: expected an array of real numbers"):
            ask([["a"]])


def test_initial_states_are_averaged_over_samples_as_the_rest_is():
    """They are linear in the initial condition, whose samples scatter about its mean."""
    model, n_samples = small_model(), 400
    sampled = model.infer(spikes(), n_samples=n_samples)
    at_mean = model.infer(spikes(), n_samples=0)
    kernel = np.asarray(model.network.decoder.initial_kernel)
    sd = np.sqrt(np.square(sampled.initial_condition_sd) @ np.square(kernel))
    error = sampled.generator_initial_states - at_mean.generator_initial_states
    assert (abs(error) < 5 * sd / np.sqrt(n_samples)).all()
    assert (error != 0).any()


@pytest.mark.parametrize("n_inferred_inputs", [0, 1])
@pytest.mark.parametrize("n_samples", [3, 70])  # one group of samples, and several
def test_the_spread_of_the_rates_is_that_over_samples(n_samples, n_inferred_inputs):
    model = small_model(n_inferred_inputs=n_inferred_inputs)
    size, group = 64, min(n_samples, 8)
    n_groups = -(-n_samples // group)
    given = spikes(size).astype("float32")
    inferred = model.infer(given, n_samples=n_samples, seed=5)
    noise = {
        "initial_kgbi": (n_groups, group, size, 4),
        "inputs_kgtbu": (n_groups, group, N_BINS, size, n_inferred_inputs),
    }
    chunk = {"spikes_btn": tf.constant(given), "external_bte": tf.zeros((size, N_BINS, 0))}
    for i, (name, shape) in enumerate(noise.items()):
        chunk[name] = tf.random.stateless_normal(shape, [5, i])
    one_hot = np.eye(n_samples, n_groups * group, dtype="float32")
    one_hot = one_hot.reshape(n_samples, n_groups, group)
    session = model.network.session_weights({})
    samples = [model.posterior(chunk, tf.constant(one), session)[0] for one in one_hot]
    np.testing.assert_allclose(inferred.rates, np.mean(samples, axis=0), rtol=1e-5)
    np.testing.assert_allclose(inferred.rates_sd, np.std(samples, axis=0), rtol=1e-3)
    assert (inferred.rates_sd > 0).all()


def test_without_samples_nothing_spreads():
    assert (small_model().infer(spikes(), n_samples=0).rates_sd == 0).all()


PER_TRIAL = (
    "initial_condition_mean",
    "initial_condition_sd",
    "generator_initial_states",
)


def test_everything_inferred_comes_back_from_a_file(tmp_path):
    inferred = small_model(n_inferred_inputs=1).infer(spikes(), n_samples=2)
    inferred.save(tmp_path / "inferred.h5")
    again = Inferred.load(tmp_path / "inferred.h5")
    assert {"rates_sd", "generator_initial_states"} <= set(again._fields)
    for name, one, other in zip(again._fields, inferred, again, strict=True):
        assert one.dtype == np.float32 and len(one) == N_TRIALS
        np.testing.assert_array_equal(one, other, err_msg=name)


def test_a_file_of_an_older_release_and_one_that_lacks_an_array(tmp_path):
    numbers = range(len(Inferred._fields))
    arrays = dict(zip(Inferred._fields, np.float32(numbers)[:, None, None, None], strict=True))
    for name in PER_TRIAL:
        arrays[name] = arrays[name][:, 0]
    with h5py.File(tmp_path / "older.h5", "w") as file:  # which has no checksum
        for name, array in arrays.items():
            file[name] = array
    with pytest.raises(ValueError, match="older.h5.* in layout 1, which is no longer read"):
        Inferred.load(tmp_path / "older.h5")
    Inferred(**arrays).save(tmp_path / "new.h5")
    again = Inferred.load(tmp_path / "new.h5")
    assert [array.item() for array in again] == list(numbers)
    with h5py.File(tmp_path / "new.h5", "a") as file:
        del file["rates_sd"]
    write_checksum(tmp_path / "new.h5")
    with pytest.raises(ValueError, match="new.h5.*dataset 'rates_sd': missing"):
        Inferred.load(tmp_path / "new.h5")


def test_an_inferred_file_is_replaced_unless_told_not_to_and_ends_as_hdf5_does(
    tmp_path,
):
    inferred = of_shapes()
    inferred.save(tmp_path / "new" / "a.h5")
    with pytest.raises(FileExistsError, match="path: expected a new file"):
        inferred.save(tmp_path / "new" / "a.h5", overwrite=False)
    inferred._replace(rates=inferred.rates + 1.0).save(tmp_path / "new" / "a.h5")
    assert (Inferred.load(tmp_path / "new" / "a.h5").rates == 1.0).all()
    with pytest.raises(ValueError, match=r"path: expected a name that ends in \.h5.*a.npz"):
        inferred.save(tmp_path / "a.npz")


def of_shapes(**changes):
    """Zeros in the shapes of what is inferred of 2 trials of 5 bins."""
    shapes = {name: (2, 3) if name in PER_TRIAL else (2, 5, 3) for name in Inferred._fields}
    return Inferred(
        **{k: np.zeros(shape, np.float32) for k, shape in (shapes | changes).items()}
    )


def test_what_is_inferred_is_saved_from_lists_and_only_in_shapes_that_fit(tmp_path):
    path = tmp_path / "a.h5"
    lists = Inferred(*[array.tolist() for array in of_shapes()])
    lists.save(path)
    assert Inferred.load(path).rates.dtype == np.float32
    masked = np.ma.masked_array(np.full((2, 5, 3), 777.0), mask=np.zeros((2, 5, 3), bool))
    masked[1] = np.ma.masked
    of_shapes()._replace(factors=masked).save(path)
    assert np.isnan(Inferred.load(path).factors[1]).all()
    for name, shape in {
        "initial_condition_mean": (2, 5, 3),
        "initial_condition_sd": (2, 4),
        "generator_initial_states": (2,),
        "rates_sd": (2, 5, 4),
        "factors": (3, 5, 3),
    }.items():
        with pytest.raises(ValueError, match=f"{name}.*: expected shape"):
            of_shapes(**{name: shape}).save(path)
    with pytest.raises(TypeError, match="factors: expected an array of real numbers"):
        of_shapes()._replace(factors="text").save(path)


def test_trials_of_many_sizes_make_no_warning_of_retracing(caplog):
    model = small_model()
    trials = np.concatenate([spikes()] * 3)
    for n_trials in (1, 5, 20):
        for n_samples in (0, 2, 5):
            model.infer(trials[:n_trials], n_samples=n_samples)
    assert "retracing" not in caplog.text
