"""A configuration refuses what cannot be, by name, before anything is built."""

import dataclasses
import json
import re
import zipfile

import numpy as np
import pytest
from each import each

from lfads_tf import LFADS, Session, load_model
from lfads_tf.config import LFADSConfig

BASE = {"n_neurons": 30, "n_bins": 50, "bin_width": 0.01}
NAMES = [field.name for field in dataclasses.fields(LFADSConfig)]
KINDS = {field.name: str(field.type) for field in dataclasses.fields(LFADSConfig)}
NUMBERS = [name for name in NAMES if KINDS[name].startswith(("int", "float"))]
INTEGERS = [name for name in NUMBERS if KINDS[name].startswith("int")]

COUNTS = [
    "n_neurons",
    "n_bins",
    "n_encode_neurons",
    "n_encode_bins",
    "encoder_units",
    "n_initial_conditions",
    "generator_units",
    "n_factors",
    "controller_encoder_units",
    "controller_units",
]
POSITIVE = [
    "bin_width",
    "state_clip",
    "initial_condition_prior_variance",
    "input_prior_time_constant",
    "input_prior_noise_variance",
    "learning_rate",
    "gradient_clip",
]
SHARES = ["dropout", "coordinated_dropout", "sample_validation"]
TOO_LARGE = {
    "n_encode_neurons": 31,
    "n_encode_bins": 51,
    "initial_condition_bins": 50,
    "spike_jitter": 50,
    "temporal_shift": 50.0,
    "seed": 2**31,
    **dict.fromkeys(SHARES, 1.0),
}


def make(**changes):
    return LFADSConfig(**{**BASE, **changes})


@each(name=NUMBERS)
def test_a_negative_number_is_refused_by_name(name):
    with pytest.raises(ValueError, match=rf"^{name}: expected .*received -1"):
        make(**{name: -1})


@each(name=COUNTS + POSITIVE)
def test_zero_is_refused_where_it_makes_no_sense(name):
    with pytest.raises(ValueError, match=rf"^{name}: expected .*received 0"):
        make(**{name: 0})


@each(name=sorted(set(NUMBERS) - {*COUNTS, *POSITIVE}))
def test_zero_switches_the_others_off(name):
    assert getattr(make(**{name: 0}), name) == 0


@each(name=TOO_LARGE)
def test_a_number_that_is_too_large_is_refused_by_name(name):
    with pytest.raises(ValueError, match=rf"^{name}: expected .*received {TOO_LARGE[name]}"):
        make(**{name: TOO_LARGE[name]})


@pytest.mark.parametrize("moves", [{"spike_jitter": 2}, {"temporal_shift": 1.0}])
def test_samples_cannot_be_left_out_of_data_that_move(moves):
    """A spike of a sample that is left out would move into one that is fitted."""
    (name,) = moves
    with pytest.raises(ValueError, match=rf"^sample_validation: .*{name}=0.* received 0.2"):
        make(sample_validation=0.2, **moves)
    make(**moves)
    make(sample_validation=0.2)


def test_coordinated_dropout_that_hides_nothing_is_refused():
    """Masks are drawn from 16 bits; the likelihood is that of what they hide."""
    with pytest.raises(
        ValueError, match=r"^coordinated_dropout: expected 0 or .*received 5e-06"
    ):
        make(coordinated_dropout=5e-6)
    make(coordinated_dropout=2**-16)


@each(name=NUMBERS, value=[float("nan"), float("inf"), -float("inf"), np.nan])
def test_what_is_not_finite_is_refused_by_name(name, value):
    with pytest.raises(
        ValueError, match=rf"^{name}: expected a .*number.*received -?(nan|inf)"
    ):
        make(**{name: value})


@each(name=NUMBERS, value=["3", True, np.True_, [3], 1j, object()])
def test_what_is_no_number_is_refused_by_name(name, value):
    with pytest.raises(TypeError, match=rf"^{name}: expected a .*number.*, received"):
        make(**{name: value})


@each(name=sorted(set(NUMBERS) - {"n_encode_neurons", "n_encode_bins"}))
def test_none_is_refused_where_there_is_no_default_from_the_data(name):
    with pytest.raises(TypeError, match=rf"^{name}: expected .*received None"):
        make(**{name: None})


@each(name=INTEGERS)
def test_a_fraction_is_refused_where_things_are_counted(name):
    with pytest.raises(TypeError, match=rf"^{name}: expected a whole number .*received 2.5"):
        make(**{name: 2.5})


@each(name=["observation", "input_prior"], value=["binomial", "", None, 3])
def test_an_unknown_name_is_refused_with_those_there_are(name, value):
    pattern = rf"^{name}: expected one of .*gaussian.*received {re.escape(repr(value))}"
    with pytest.raises(ValueError, match=pattern):
        make(**{name: value})


def test_the_lag_must_leave_the_controller_something_to_see():
    make(n_inferred_inputs=1, controller_lag=49)
    with pytest.raises(ValueError, match=r"controller_lag: .*sees \(50\), received 50"):
        make(n_inferred_inputs=1, controller_lag=50)
    with pytest.raises(ValueError, match=r"controller_lag: .*sees \(5\), received 5"):
        make(n_inferred_inputs=1, controller_lag=5, n_encode_bins=25, initial_condition_bins=20)
    make(controller_lag=50)  # without controller there is no lag
    assert make(n_bins=1).controller_lag == 1


def test_the_first_bins_cannot_be_all_that_is_encoded():
    make(initial_condition_bins=24, n_encode_bins=25)
    with pytest.raises(ValueError, match=r"initial_condition_bins: .*\(25\), received 25"):
        make(initial_condition_bins=25, n_encode_bins=25)


@pytest.mark.parametrize("kind", [np.int64, np.int32, np.uint8, np.float64, np.float32, float])
def test_numbers_of_numpy_are_kept_as_plain_ones(kind):
    config = make(
        n_factors=kind(3), n_encode_bins=kind(20), dropout=kind(0), state_clip=kind(4)
    )
    assert config == make(n_factors=3, n_encode_bins=20, dropout=0.0, state_clip=4.0)
    for name in NUMBERS:
        value = getattr(config, name)
        expected = int if name in INTEGERS else float
        assert value is None or type(value) is expected, name


def test_dictionary_and_json_give_the_same_configuration():
    config = make(
        n_encode_neurons=np.int64(20),
        observation="gamma",
        seed=3,
        learning_rate=np.float32(0.5),
    )
    assert LFADSConfig.from_dict(config.to_dict()) == config
    assert LFADSConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    assert list(config.to_dict()) == NAMES


def test_configurations_and_models_saved_under_old_names_load(tmp_path):
    config = make(n_inferred_inputs=1, kl_inferred_inputs_weight=0.2, l2_generator_weight=0.1)
    old = {name.removesuffix("_weight"): value for name, value in config.to_dict().items()}
    old["smallest_event"] = old.pop("gamma_location")
    assert LFADSConfig.from_dict(old) == config

    LFADS(config).save(tmp_path / "new.keras")
    with zipfile.ZipFile(tmp_path / "new.keras") as new:
        with zipfile.ZipFile(tmp_path / "old.keras", "w") as file:
            for name in new.namelist():
                content = new.read(name)
                if name == "config.json":
                    content = content.replace(b'_weight"', b'"')
                    content = content.replace(b"gamma_location", b"smallest_event")
                    assert b'kl_inferred_inputs"' in content
                file.writestr(name, content)
    assert load_model(tmp_path / "old.keras").config == config


def test_a_dictionary_with_an_unknown_name_is_refused():
    with pytest.raises(TypeError, match="n_latents"):
        LFADSConfig.from_dict({**make().to_dict(), "n_latents": 3})


def test_replace_checks_again_and_changes_nothing_else():
    config = make(n_factors=10)
    other = config.replace(dropout=0.2, seed=4)
    assert (other.n_factors, other.dropout, other.seed) == (10, 0.2, 4)
    assert config == make(n_factors=10)
    with pytest.raises(ValueError, match="^dropout: "):
        config.replace(dropout=1.5)
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.dropout = 0.5
    assert {config: 1}[make(n_factors=10)] == 1


def test_it_prints_what_differs_from_the_defaults_and_can_be_read_back():
    config = make(n_inferred_inputs=2, dropout=0.1, observation="gaussian")
    assert repr(config) == (
        "LFADSConfig(n_neurons=30, n_bins=50, bin_width=0.01, n_inferred_inputs=2, "
        "observation='gaussian')"
    )
    assert eval(repr(config)) == config


def test_sizes_of_what_is_encoded():
    config = make(n_encode_neurons=20, n_encode_bins=40, n_inferred_inputs=1)
    assert (config.encoded_neurons, config.encoded_bins, config.has_controller) == (
        20,
        40,
        True,
    )
    config = make()
    assert (config.encoded_neurons, config.encoded_bins, config.has_controller) == (
        30,
        50,
        False,
    )


def test_every_attribute_is_explained():
    for name in NAMES:
        assert re.search(rf"\b{name}\b", LFADSConfig.__doc__), name


def test_weights_of_lfads_torch():
    """Its loss is mean NLL + scale * mean KL of a trial; ours divides the KL by the samples."""
    config = make(n_neurons=182, n_bins=45)
    nll, kl = 1234.5, 67.8  # of one trial, summed
    theirs = nll / (45 * 182) + 1e-7 * kl
    ours = (nll + config.kl_weight_from_lfads_torch(1e-7) * kl) / (45 * 182)
    assert ours == pytest.approx(theirs, rel=1e-12)
    # With coordinated dropout the likelihood pulls 0.3 times as hard as the mean NLL would.
    theirs = 0.3 * nll / (45 * 182) + 1e-7 * kl
    ours = (nll + config.kl_weight_from_lfads_torch(1e-7, cd_rate=0.3) * kl) / (45 * 182)
    assert ours == pytest.approx(theirs / 0.3, rel=1e-12)


def session(n_neurons=50, **changes):
    return Session.from_arrays(np.ones((4, 20, n_neurons)), np.float32(0.02), **changes)


def test_for_data_fills_in_the_sizes():
    config = LFADSConfig.for_data(
        session(
            n_neurons=8,
            n_encode_neurons=6,
            n_encode_bins=15,
            external_inputs=np.zeros((4, 20, 3)),
        )
    )
    assert (config.n_neurons, config.n_bins, config.n_external_inputs) == (8, 20, 3)
    assert (config.n_encode_neurons, config.n_encode_bins) == (6, 15)
    assert config.n_factors == 8  # not more than neurons
    assert LFADSConfig.for_data(session()).n_factors == 40


def test_for_data_lets_the_user_decide_otherwise():
    config = LFADSConfig.for_data(session(), n_factors=3, n_bins=10)
    assert (config.n_factors, config.n_bins) == (3, 10)
    with pytest.raises(TypeError, match=r"^n_latents: expected attributes .*n_factors"):
        LFADSConfig.for_data(session(), n_latents=3)
    with pytest.raises(ValueError, match="^n_factors: "):
        LFADSConfig.for_data(session(), n_factors=0)


def test_a_name_that_is_nearly_right_is_suggested():
    session = Session.from_arrays(np.ones((2, 3, 4), np.int64), 0.02)
    with pytest.raises(TypeError, match=r"n_factor: .* Did you mean n_factors\?"):
        LFADSConfig.for_data(session, n_factor=3)
    with pytest.raises(TypeError, match="session: expected a Session"):
        LFADSConfig.for_data(np.ones((2, 3, 4)))
