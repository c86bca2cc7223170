"""The benchmark's files: names, units and places of what is in them."""

import warnings

import h5py
import numpy as np
import pytest

from lfads_tf import Session
from lfads_tf.data.formats import nlb


def arrays(split="train", n_trials=3, hidden=False, seed=0):
    rng = np.random.default_rng(seed)
    shapes = {
        "heldin": (n_trials, 7, 5),
        "heldout": (n_trials, 7, 2),
        "heldin_forward": (n_trials, 3, 5),
        "heldout_forward": (n_trials, 3, 2),
    }
    shown = ["heldin"] if hidden else list(shapes)
    return {f"{split}_spikes_{k}": rng.poisson(1.0, shapes[k]).astype("float32") for k in shown}


def test_group_names_are_those_of_the_benchmark():
    assert nlb.group_name("mc_maze", 0.005) == "mc_maze"
    assert nlb.group_name("mc_maze_small", 0.02) == "mc_maze_small_20"
    assert nlb.group_name("dmfc_rsg", 0.05) == "dmfc_rsg_50"


class TestSession:
    def test_held_in_before_held_out_and_the_trial_before_what_is_forward(self):
        given = arrays()
        session = nlb.session(given, 0.02)
        assert session.spikes.shape == (3, 10, 7)
        assert (session.n_encode_neurons, session.n_encode_bins) == (5, 7)
        for block, part in {
            "heldin": session.spikes[:, :7, :5],
            "heldout": session.spikes[:, :7, 5:],
            "heldin_forward": session.spikes[:, 7:, :5],
            "heldout_forward": session.spikes[:, 7:, 5:],
        }.items():
            np.testing.assert_array_equal(part, given[f"train_spikes_{block}"])

    def test_and_back(self):
        given = arrays("eval")
        given["eval_behavior"] = np.ones((3, 7, 2), "float32")
        back = nlb.spikes_of(nlb.session(given, 0.02, split="eval"), "eval")
        assert sorted(back) == sorted(given)
        for name in given:
            np.testing.assert_array_equal(back[name], given[name])

    def test_hidden_neurons_are_not_among_the_spikes(self):
        session = nlb.session(arrays("eval", hidden=True), 0.02, split="eval")
        assert session.spikes.shape == (3, 7, 5)
        assert session.n_encode_neurons is None and session.n_encode_bins is None

    def test_behaviour_one_value_a_bin_or_none(self):
        given = arrays() | {"train_behavior": np.ones((3, 7, 2))}
        behavior = nlb.session(given, 0.02).behavior
        assert (behavior[:, :7] == 1).all() and np.isnan(behavior[:, 7:]).all()
        given["train_behavior"] = np.ones((3, 5))  # of a trial, as dmfc_rsg has it
        assert nlb.session(given, 0.02).behavior is None

    def test_what_does_not_fit(self):
        given = arrays() | {"train_spikes_heldout": np.ones((2, 7, 2))}
        with pytest.raises(
            ValueError, match=r"train_spikes_heldout of shape \(3, 7, 2\), .* \(2, 7, 2\)"
        ):
            nlb.session(given, 0.02)
        with pytest.raises(
            KeyError, match="expected eval_spikes_heldin, received train_spikes"
        ):
            nlb.session(arrays(), 0.02, split="eval")
        with pytest.raises(
            ValueError, match=r"split: expected one of \['train', 'eval'\], received 'val'"
        ):
            nlb.session(arrays(), 0.02, split="val")


class TestPredictions:
    def data(self):
        return nlb.session(arrays(), 0.02)

    def test_are_in_spikes_per_bin_under_the_names_of_the_benchmark(self):
        train = np.arange(210.0).reshape(3, 10, 7)
        evaluated = train[:2] + 1000
        written = nlb.predictions(train, evaluated, self.data())
        assert sorted(written) == sorted(
            f"{split}_rates_{block}{forward}"
            for split in ("train", "eval")
            for block in ("heldin", "heldout")
            for forward in ("", "_forward")
        )
        np.testing.assert_allclose(written["train_rates_heldin"], 0.02 * train[:, :7, :5])
        np.testing.assert_allclose(
            written["eval_rates_heldout_forward"], 0.02 * evaluated[:, 7:, 5:]
        )
        short = nlb.predictions(train, evaluated, self.data(), forward=False)
        assert not any(name.endswith("forward") for name in short) and len(short) == 4

    def test_what_does_not_fit(self):
        rates = np.ones((3, 10, 7))
        with pytest.raises(ValueError, match="eval_rates: expected 10 bins and 7 neurons"):
            nlb.predictions(rates, rates[..., 1:], self.data())
        with pytest.raises(ValueError, match="train_rates: expected rates of at least 0"):
            nlb.predictions(-rates, rates, self.data())


class TestFiles:
    def test_as_the_benchmark_reads_them(self, tmp_path):
        path = tmp_path / "submission.h5"
        one = nlb.predictions(
            np.ones((3, 10, 7)), np.ones((2, 10, 7)), TestPredictions().data()
        )
        nlb.write(path, one, group="mc_maze_20")
        nlb.write(path, {"eval_rates_heldin": np.zeros((1, 2, 3))}, group="mc_rtt")
        with h5py.File(path) as file:
            assert sorted(file) == ["mc_maze_20", "mc_rtt"]
            assert file["mc_maze_20"]["eval_rates_heldout"].shape == (2, 7, 2)
            np.testing.assert_allclose(file["mc_maze_20/train_rates_heldin"][()], 0.02)

    def test_everything_comes_back(self, tmp_path):
        path = tmp_path / "target.h5"
        target = {
            "psth": np.ones((2, 5, 3)),
            "eval_cond_idx": [np.array([0, 2, 3]), np.array([1])],
            "eval_jitter": np.array([0, 1, -1, 0]),
        }
        nlb.write(path, target, group="area2_bump_20")
        back = nlb.read(path, group="area2_bump_20")
        assert [rows.tolist() for rows in back["eval_cond_idx"]] == [[0, 2, 3], [1]]
        np.testing.assert_array_equal(back["psth"], target["psth"])
        np.testing.assert_array_equal(back["eval_jitter"], target["eval_jitter"])
        assert list(tmp_path.iterdir()) == [path]

    def test_input_files_have_their_arrays_at_the_top(self, tmp_path):
        path = tmp_path / "train.h5"
        nlb.write(path, arrays())
        session = nlb.session(nlb.read(path), 0.02)
        np.testing.assert_array_equal(session.spikes, nlb.session(arrays(), 0.02).spikes)
        assert isinstance(session, Session)

    def test_nothing_is_replaced_unasked(self, tmp_path):
        path = tmp_path / "submission.h5"
        nlb.write(path, {"eval_rates_heldin": np.zeros((1, 2, 3))}, group="mc_rtt")
        with pytest.raises(FileExistsError, match="group: expected a new one, .*'mc_rtt'"):
            nlb.write(path, {"eval_rates_heldin": np.ones((1, 2, 3))}, group="mc_rtt")
        assert (nlb.read(path, group="mc_rtt")["eval_rates_heldin"] == 0).all()
        nlb.write(path, {"a": np.ones(2)}, group="mc_rtt", overwrite=True)
        assert list(nlb.read(path, group="mc_rtt")) == ["a"]
        with pytest.raises(FileExistsError, match="path: expected a new file"):
            nlb.write(path, {"a": np.ones(2)})

    def test_a_group_that_is_not_there(self, tmp_path):
        path = tmp_path / "submission.h5"
        nlb.write(path, {"a": np.ones(2)}, group="mc_rtt")
        with pytest.raises(KeyError, match="of the groups .*mc_rtt.*, received 'mc_maze'"):
            nlb.read(path, group="mc_maze")
        with pytest.raises(KeyError, match="received arrays at the top"):
            nlb.read(path)


@pytest.mark.parametrize("nested", [False, True])
def test_what_is_masked_is_written_as_nan(tmp_path, nested):
    masked = np.ma.masked_array(np.full((3, 4, 2), 777), mask=np.zeros((3, 4, 2), bool))
    masked[:2] = 1
    masked[2] = np.ma.masked
    given = [list(trial) for trial in masked] if nested else masked
    nlb.write(tmp_path / "a.h5", {"train_spikes_heldin": given})
    back = nlb.read(tmp_path / "a.h5")["train_spikes_heldin"]
    assert (back[:2] == 1).all() and np.isnan(back[2]).all()


def test_masked_indices_are_refused(tmp_path):
    rows = [np.ma.masked_array([1, 999], mask=[False, True]), np.array([2])]
    with pytest.raises(ValueError, match=r"arrays\['eval_cond_idx'\]: expected whole finite"):
        nlb.write(tmp_path / "a.h5", {"eval_cond_idx": rows})


def test_rates_in_spikes_per_bin_are_noticed():
    session = nlb.session(arrays(), 0.02)
    rates = np.full(session.spikes.shape, 1.0)
    with pytest.warns(UserWarning, match="train_rates: rates mean 1, like the spikes per bin"):
        nlb.predictions(rates, 50 * rates, session)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nlb.predictions(50 * rates, 50 * rates[:2], session)


def test_misspelt_names_are_refused_where_files_are_made_and_read(tmp_path):
    given = arrays()
    given["train_spikes_held_out"] = given.pop("train_spikes_heldout")
    with pytest.raises(ValueError, match="arrays: expected names such as train_spikes_heldout"):
        nlb.session(given, 0.02)
    with pytest.raises(ValueError, match="arrays: expected names such as train_spikes_heldout"):
        nlb.write(tmp_path / "a.h5", given)
    with pytest.raises(ValueError, match=r"dataset: expected area2_bump, .*Is it mc_rtt\?"):
        nlb.group_name("mc_rt", 0.02)
    with pytest.raises(ValueError, match=r"group: expected area2_bump, .*Is it mc_maze\?"):
        nlb.write(tmp_path / "a.h5", arrays(), group="mc_mase_20")
    assert not (tmp_path / "a.h5").exists()
