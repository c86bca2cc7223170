"""The loss is the negative evidence lower bound, exactly where that is known."""

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from layers import randomize

from lfads_tf.config import LFADSConfig
from lfads_tf.layers.network import Network
from lfads_tf.training import objective

N_TRIALS, N_BINS, N_NEURONS = 5, 4, 3
# A Gaussian mean of a polynomial of degree 5 or less is exact at these points.
POINTS, POINT_WEIGHTS = np.array([0.0, 3**0.5, -(3**0.5)]), np.array([2 / 3, 1 / 6, 1 / 6])
SCALARS = {
    "coordinated_dropout": tf.constant(0.0),
    "kl_initial_condition_weight": tf.constant(1.0),
    "kl_inferred_inputs_weight": tf.constant(1.0),
    "l2_generator_weight": tf.constant(0.0),
    "l2_controller_weight": tf.constant(0.0),
    "l2_encoders_weight": tf.constant(0.0),
}


def make_network(**changes):
    sizes = {
        "n_neurons": N_NEURONS,
        "n_bins": N_BINS,
        "bin_width": 0.02,
        "encoder_units": 3,
        "n_initial_conditions": 2,
        "generator_units": 4,
        "n_factors": 2,
        "controller_encoder_units": 3,
        "controller_units": 3,
        "dropout": 0.0,
        "coordinated_dropout": 0.0,
    }
    network = Network(LFADSConfig(**{**sizes, **changes}))
    randomize(network, scale=0.4)
    return network


def make_batch(data, **more):
    n_trials, n_bins, _ = data.shape
    return {
        "spikes_btn": tf.constant(data, tf.float32),
        "external_bte": tf.zeros((n_trials, n_bins, 0)),
        "weight_b": tf.ones((n_trials,)),
        **{name: tf.constant(array, tf.float32) for name, array in more.items()},
    }


def parts_of(network, batch, noise, scalars=SCALARS, n_samples=None):
    if n_samples is None:
        n_samples = tf.reduce_sum(objective.observed_samples(batch))
    parts = objective.loss_parts(network, batch, noise, scalars, n_samples)
    return {name: float(value) for name, value in parts.items()}


def poisson_data(n_trials=N_TRIALS, seed=0):
    rng = np.random.default_rng(seed)
    return rng.poisson(1.0, (n_trials, N_BINS, N_NEURONS)).astype("float32")


def initial_noise(n_trials=N_TRIALS, size=2, seed=1):
    rng = np.random.default_rng(seed)
    return {"initial_bi": tf.constant(rng.normal(size=(n_trials, size)), tf.float32)}


# --- a model whose likelihood is known: x = (a z + b) c + d + noise, z ~ N(mu, kappa) ----


class LinearGaussian:
    """A network whose generator keeps its state, so that the data are linear in z."""

    kappa, mu = 0.5, 0.3

    def __init__(self):
        self.network = make_network(
            observation="gaussian",
            n_initial_conditions=1,
            generator_units=2,
            n_factors=1,
            initial_condition_prior_variance=self.kappa,
            state_clip=1e3,
        )
        rng = np.random.default_rng(7)
        decoder = self.network.decoder
        decoder.generator.recurrent_kernel.assign(np.zeros((2, 6)))
        # An update gate that is fully open: the next state is this one.
        decoder.generator.bias.assign([50.0, 50.0, 0.0, 0.0, 0.0, 0.0])
        decoder.initial_kernel.assign([[0.8, -0.6]])
        decoder.initial_bias.assign([0.1, 0.2])
        decoder.factor_kernel.assign([[3.0], [-4.0]])  # of norm 1: 0.6, -0.8
        self.slope, self.offset = 0.8 * 0.6 + 0.6 * 0.8, 0.1 * 0.6 - 0.2 * 0.8
        self.c, self.d = rng.normal(size=N_NEURONS), rng.normal(size=N_NEURONS)
        self.variance = rng.uniform(0.3, 1.0, N_NEURONS)
        kernel = np.concatenate([self.c, np.zeros(N_NEURONS)])[None]
        self.network.read_out_kernel.assign(kernel)
        bias = np.concatenate([self.d, np.log(self.variance - 1e-6)])
        self.network.read_out_bias.assign(bias)
        self.network.initial_condition_prior.mean.assign([self.mu])
        self.loading = np.tile(self.slope * self.c, N_BINS)  # of z on all samples of a trial
        self.centre = np.tile(self.offset * self.c + self.d, N_BINS)
        self.noise = np.tile(self.variance, N_BINS)

    def data(self, seed=0):
        rng = np.random.default_rng(seed)
        z = self.mu + np.sqrt(self.kappa) * rng.normal(size=(N_TRIALS, 1))
        x = self.centre + z * self.loading
        x = x + np.sqrt(self.noise) * rng.normal(size=x.shape)
        return x.reshape(N_TRIALS, N_BINS, N_NEURONS)

    def log_evidence(self, data):
        """Of each trial, of its observed samples."""
        values = []
        for x in data.reshape(len(data), -1):
            seen = np.isfinite(x)
            covariance = self.kappa * np.outer(self.loading, self.loading) + np.diag(self.noise)
            joint = scipy.stats.multivariate_normal(
                (self.centre + self.mu * self.loading)[seen], covariance[np.ix_(seen, seen)]
            )
            values.append(joint.logpdf(x[seen]))
        return np.array(values)

    def exact_posterior(self, data):
        """Mean and standard deviation of z in each trial."""
        means, sds = [], []
        for x in data.reshape(len(data), -1):
            seen = np.isfinite(x)
            loading, noise = self.loading[seen], self.noise[seen]
            precision = 1 / self.kappa + np.sum(loading**2 / noise)
            pull = self.mu / self.kappa
            pull += np.sum(loading * (x - self.centre)[seen] / noise)
            means.append(pull / precision)
            sds.append(precision**-0.5)
        return np.array(means), np.array(sds)

    def mean_parts(self, batch):
        """The parts of the loss, their mean over the posterior taken exactly."""
        n_trials = len(batch["weight_b"])
        at_points = [
            parts_of(self.network, batch, {"initial_bi": tf.fill((n_trials, 1), float(point))})
            for point in POINTS
        ]
        return {
            name: sum(w * p[name] for w, p in zip(POINT_WEIGHTS, at_points, strict=True))
            for name in objective.PARTS
        }


@pytest.fixture(scope="module")
def linear():
    return LinearGaussian()


@pytest.mark.parametrize("missing", [False, True])
def test_the_loss_is_the_exact_lower_bound(linear, missing):
    """ELBO = log p(x) - KL(q(z) || p(z | x)), whatever the encoder says of z."""
    data = linear.data()
    if missing:
        data[1, 2:] = np.nan
        data[3, 0, 1] = np.nan
    parts = linear.mean_parts(make_batch(data))
    filled = np.nan_to_num(data).astype("float32")
    encoded = linear.network.encode(tf.constant(filled), linear.network.session_weights({}))
    q = scipy.stats.norm(encoded.mean[:, 0], encoded.sd[:, 0])
    mean, sd = linear.exact_posterior(data)
    kl = np.log(sd / q.std()) + (q.var() + (q.mean() - mean) ** 2) / (2 * sd**2) - 0.5
    assert np.all(kl > 0.01)
    elbo = np.sum(linear.log_evidence(data) - kl) / np.isfinite(data).sum()
    loss = objective.weighted(parts, SCALARS, 1.0)
    assert float(loss) == pytest.approx(-elbo, rel=1e-5)


def test_with_the_exact_posterior_the_loss_is_the_evidence(linear):
    data = np.repeat(linear.data()[:1], N_TRIALS, axis=0)  # one posterior fits all trials
    mean, sd = linear.exact_posterior(data)
    encoder = linear.network.initial_condition_encoder
    before = encoder.kernel.numpy(), encoder.bias.numpy()
    encoder.kernel.assign(np.zeros(encoder.kernel.shape))
    floor = linear.network.config.variance_floor
    encoder.bias.assign([mean[0], np.log(sd[0] ** 2 - floor)])
    parts = linear.mean_parts(make_batch(data))
    encoder.kernel.assign(before[0])
    encoder.bias.assign(before[1])
    evidence = np.mean(linear.log_evidence(data)) / (N_BINS * N_NEURONS)
    assert float(objective.weighted(parts, SCALARS, 1.0)) == pytest.approx(-evidence, rel=1e-5)


# --- what is counted ---------------------------------------------------------------------


def test_padding_and_what_was_not_observed_count_for_nothing():
    network, data = make_network(), poisson_data()
    noise = initial_noise()
    few = parts_of(network, make_batch(data[:3]), {"initial_bi": noise["initial_bi"][:3]})
    padded = make_batch(data)
    padded["weight_b"] = tf.constant([1.0, 1.0, 1.0, 0.0, 0.0])
    for name, value in parts_of(network, padded, noise).items():
        assert value == pytest.approx(few[name], rel=1e-6), name
    unseen = data.copy()
    unseen[:, 2, 1] = np.nan
    expected = unseen.copy()
    expected[:, 2, 1] = 0  # what the encoder is given
    decoded_alike = parts_of(network, make_batch(expected), noise, n_samples=1.0)
    got = parts_of(network, make_batch(unseen), noise, n_samples=1.0)
    assert got["kl_initial_condition"] == pytest.approx(decoded_alike["kl_initial_condition"])
    assert got["nll"] < decoded_alike["nll"]


def test_parts_of_shards_add_up():
    network, data, noise = make_network(n_inferred_inputs=2), poisson_data(), initial_noise()
    rng = np.random.default_rng(2)
    inputs = tf.constant(rng.normal(size=(N_BINS, N_TRIALS, 2)), tf.float32)
    n_samples = float(data.size)

    def of(first, last):
        shard_noise = {
            "initial_bi": noise["initial_bi"][first:last],
            "inputs_tbu": inputs[:, first:last],
        }
        return parts_of(network, make_batch(data[first:last]), shard_noise, n_samples=n_samples)

    whole, left, right = of(0, 5), of(0, 2), of(2, 5)
    assert whole["kl_inferred_inputs"] > 0
    for name in ("nll", "kl_initial_condition", "kl_inferred_inputs"):
        assert left[name] + right[name] == pytest.approx(whole[name], rel=1e-5)


def test_size_of_the_loss_does_not_depend_on_the_number_of_trials():
    network, data, noise = make_network(), poisson_data(), initial_noise()
    once = parts_of(network, make_batch(data), noise)
    twice = parts_of(
        network,
        make_batch(np.concatenate([data, data])),
        {"initial_bi": tf.concat([noise["initial_bi"]] * 2, 0)},
    )
    for name, value in once.items():
        assert twice[name] == pytest.approx(value, rel=1e-5), name


def bits(mask):
    """Random bits of which any rate between 0 and 1 makes this mask."""
    return tf.constant(np.where(mask, 65535, 0), tf.uint16)


def blind(network):
    """The encoders' weights for the data at zero: what is shown changes nothing."""
    for cell in (
        network.initial_condition_encoder.gru.forward_cell,
        network.initial_condition_encoder.gru.backward_cell,
    ):
        cell.kernel.assign(np.zeros(cell.kernel.shape))
    return network


def test_coordinated_dropout_counts_hidden_samples_for_all():
    """A mask and its opposite, at a rate of one half, count every sample once on average."""
    network, data, noise = blind(make_network()), poisson_data(), initial_noise()
    batch = make_batch(data)
    shown = np.random.default_rng(3).choice([0.0, 1.0], data.shape).astype("float32")
    scalars = {**SCALARS, "coordinated_dropout": tf.constant(0.5)}
    halves = [
        parts_of(network, batch, {**noise, "cd_mask_btn": bits(mask)}, scalars)["nll"]
        for mask in (shown, 1 - shown)
    ]
    assert np.mean(halves) == pytest.approx(parts_of(network, batch, noise)["nll"], rel=1e-6)


def test_a_rate_of_coordinated_dropout_that_was_set_to_zero_counts_all():
    network, batch, noise = make_network(), make_batch(poisson_data()), initial_noise()
    everything = {**noise, "cd_mask_btn": bits(np.ones(batch["spikes_btn"].shape))}
    got = parts_of(network, batch, everything, SCALARS)
    assert got == pytest.approx(parts_of(network, batch, noise), rel=1e-6)


def slope_at_data(network, batch, noise, scalars, part):
    with tf.GradientTape() as tape:
        tape.watch(batch["spikes_btn"])
        parts = objective.loss_parts(network, batch, noise, scalars, 1.0)
    return tape.gradient(parts[part], batch["spikes_btn"]).numpy()


def test_the_encoder_does_not_see_what_is_hidden_or_left_out():
    network, data, noise = make_network(), poisson_data(), initial_noise()
    rng = np.random.default_rng(4)
    shown = rng.choice([0.0, 1.0], data.shape).astype("float32")
    fitted = rng.choice([0.0, 1.0], data.shape).astype("float32")
    scalars = {**SCALARS, "coordinated_dropout": tf.constant(0.5)}
    batch = make_batch(data, train_mask_btn=fitted)
    noise = {**noise, "cd_mask_btn": bits(shown)}
    slope = slope_at_data(network, batch, noise, scalars, "kl_initial_condition")
    np.testing.assert_array_equal(slope != 0, shown * fitted > 0)


def test_what_the_encoder_sees_keeps_its_mean():
    """The gradient at what is shown is scaled up by one over the share that is shown."""
    network, data, noise = make_network(sample_validation=0.2), poisson_data(), initial_noise()
    whole = np.ones(data.shape, "float32")
    scalars = {**SCALARS, "coordinated_dropout": tf.constant(0.5)}
    x = {}

    def remember(x_btn, session, masks=None):
        x["given"] = x_btn.numpy()
        return type(network).encode(network, x_btn, session, masks)

    network.encode = remember
    shown = {**noise, "cd_mask_btn": bits(whole)}
    parts_of(network, make_batch(data, train_mask_btn=whole), shown, scalars)
    np.testing.assert_allclose(x["given"], data / 0.8 / 0.5, rtol=1e-6)


def test_samples_left_out_are_measured_and_not_fitted():
    network, data, noise = blind(make_network()), poisson_data(), initial_noise()
    data[0, 1] = np.nan
    fitted = np.random.default_rng(5).choice([0.0, 1.0], data.shape).astype("float32")
    n = float(np.isfinite(data).sum())
    every = parts_of(network, make_batch(data), noise, n_samples=n)
    some = parts_of(network, make_batch(data, train_mask_btn=fitted), noise, n_samples=n)
    assert n * some["nll"] + some["left_out"] == pytest.approx(n * every["nll"], rel=1e-5)
    assert 0 < some["left_out"] < n * every["nll"]
    observed = objective.observed_samples(make_batch(data, train_mask_btn=fitted)).numpy()
    np.testing.assert_array_equal(observed, np.isfinite(data) * fitted)


def test_held_out_neurons_and_bins_are_always_counted_and_never_seen():
    network = make_network(n_encode_neurons=2, n_encode_bins=3)
    data, noise = poisson_data(), initial_noise()
    hidden = np.zeros((N_TRIALS, 3, 2), "float32")
    scalars = {**SCALARS, "coordinated_dropout": tf.constant(0.5)}
    batch = make_batch(data)
    nothing_shown = {**noise, "cd_mask_btn": bits(hidden)}
    all_shown = {**noise, "cd_mask_btn": bits(1 - hidden)}
    slope = slope_at_data(network, batch, all_shown, scalars, "kl_initial_condition")
    inside = np.zeros(data.shape, bool)
    inside[:, :3, :2] = True
    np.testing.assert_array_equal(slope != 0, inside)
    blind(network)
    every = parts_of(network, batch, noise)["nll"]
    outside = parts_of(network, batch, all_shown, scalars)["nll"]
    doubled = parts_of(network, batch, nothing_shown, scalars)["nll"]
    assert 0 < outside < every
    assert doubled == pytest.approx(2 * every - outside, rel=1e-5)


# --- weights -----------------------------------------------------------------------------


def test_ramp():
    assert [float(objective.warmup(step, 4)) for step in range(6)] == [0, 0.25, 0.5, 0.75, 1, 1]
    assert float(objective.warmup(tf.constant(3, tf.int64), 4)) == 0.75
    assert float(objective.warmup(tf.constant(0, tf.int64), 0)) == 1.0


def test_l2_is_half_the_mean_square_of_each_kernel():
    rng = np.random.default_rng(6)
    kernels = [rng.normal(size=(n, 3 * n)).astype("float32") for n in (3, 5)]
    weights = [0.7, 2.0]
    expected = sum(w * np.mean(k**2) / 2 for w, k in zip(weights, kernels, strict=True))
    got = objective.l2_penalty([tf.constant(k) for k in kernels], weights)
    assert float(got) == pytest.approx(expected, rel=1e-6)
    assert float(objective.l2_penalty([], [])) == 0.0
    with pytest.raises(ValueError):
        objective.l2_penalty([tf.ones((2, 6))], [])


@pytest.mark.parametrize("n_inferred", [0, 2])
def test_l2_is_on_the_recurrent_kernels_alone(n_inferred):
    network, data = make_network(n_inferred_inputs=n_inferred), poisson_data()
    noise = initial_noise()
    if n_inferred:
        noise["inputs_tbu"] = tf.zeros((N_BINS, N_TRIALS, n_inferred))
    names = {"l2_generator_weight": 0.5, "l2_controller_weight": 0.7, "l2_encoders_weight": 1.1}
    scalars = {**SCALARS, **{name: tf.constant(value) for name, value in names.items()}}
    cells = [(network.decoder.generator, 0.5)]
    encoders = [network.initial_condition_encoder]
    if n_inferred:
        cells.append((network.decoder.controller, 0.7))
        encoders.append(network.controller_encoder)
    for encoder in encoders:
        cells += [(encoder.gru.forward_cell, 1.1), (encoder.gru.backward_cell, 1.1)]
    expected = sum(w * np.mean(np.square(c.recurrent_kernel.numpy())) / 2 for c, w in cells)
    got = parts_of(network, make_batch(data), noise, scalars)["l2"]
    assert got == pytest.approx(expected, rel=1e-5)


def test_the_loss_weighs_its_parts():
    parts = {"nll": 1.0, "kl_initial_condition": 0.1, "kl_inferred_inputs": 0.2, "l2": 0.05}
    scalars = {"kl_initial_condition_weight": 2.0, "kl_inferred_inputs_weight": 3.0}
    assert objective.weighted(parts, scalars, 0.0) == 1.0
    assert objective.weighted(parts, scalars, 1.0) == pytest.approx(1 + 0.05 + 0.2 + 0.6)
    assert objective.weighted(parts, scalars, 0.5) == pytest.approx(1 + 0.425)
