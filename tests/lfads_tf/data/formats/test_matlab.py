"""Files of MATLAB mean what MATLAB shows: axes, text, cells, structures, labels."""

import itertools

import h5py
import numpy as np
import pytest
import scipy.io
from matlab import cells, save

from lfads_tf import Session, bin_spikes
from lfads_tf.data.formats import hdf5, matlab

RNG = np.random.default_rng(0)
N = 20
SPIKES = RNG.poisson(0.5, (N, 10, 6)).astype(float)
LABELS = RNG.integers(1, 5, N).astype(float)
WORDS = [["left", "right", "up", "down"][int(label) - 1] for label in LABELS]
TBN = {"axes": ("trials", "bins", "neurons")}
VERSIONS = pytest.mark.parametrize("version", ["7", "7.3"])


@pytest.fixture(params=["7", "7.3"])
def load(tmp_path, request):
    """Save variables as MATLAB does, and load them as a session."""

    def save_and_load(variables, **options):
        path = tmp_path / "monday.mat"
        save(path, request.param, **variables)
        return Session.load(path, **{"bin_width": 0.02, **options})

    return save_and_load


# Variables as they are.


@VERSIONS
def test_every_kind_of_variable(tmp_path, version):
    path = tmp_path / "x.mat"
    save(
        path,
        version,
        counts=np.arange(24, dtype=np.int16).reshape(2, 3, 4),
        row=np.array([[1.0, 2.0, 3.0]]),
        mask=np.array([[True], [False]]),
        word="gauche à droite",
        words=("left ", "right"),
        nothing=np.zeros((0, 3)),
        silent="",
        mixed=cells(["up", np.array([[1.0, 2.0]]), np.zeros((0, 0)), cells(["in"])]),
        table=cells(list(map(float, range(6))), (2, 3)),
        day={"name": "monday", "trials": {"n": np.array([[4.0]])}},
        trials=[{"x": np.ones((2, i + 1)), "side": "LR"[i % 2]} for i in range(3)],
        one=[{"x": np.ones((2, 1))}],
    )
    found = matlab.read(path)
    np.testing.assert_array_equal(found["counts"], np.arange(24).reshape(2, 3, 4))
    assert found["counts"].dtype == np.int16
    assert found["row"].shape == (1, 3)
    assert found["mask"].tolist() == [[1], [0]]
    assert (found["word"], found["silent"]) == ("gauche à droite", "")
    assert found["words"].tolist() == ["left ", "right"]
    assert found["nothing"].shape == (0, 3)
    assert found["mixed"].shape == (1, 4)
    word, numbers, nothing, inner = found["mixed"].ravel()
    assert (word, numbers.tolist(), nothing.size, inner[0, 0]) == ("up", [[1.0, 2.0]], 0, "in")
    assert [float(x.item()) for x in found["table"][1]] == [1.0, 3.0, 5.0]
    assert found["day"]["name"] == "monday"
    assert found["day"]["trials"]["n"].item() == 4.0
    assert [x.shape for x in found["trials"]["x"].ravel()] == [(2, 1), (2, 2), (2, 3)]
    assert found["trials"]["side"].ravel().tolist() == ["L", "R", "L"]
    assert matlab.read(path, group="day/trials")["n"].item() == 4.0
    with pytest.raises(ValueError, match="group: expected a structure .* received 'day/night'"):
        matlab.read(path, group="day/night")
    with pytest.raises(ValueError, match="group: expected a structure .* received 'counts'"):
        matlab.read(path, group="counts")


def test_objects_are_refused_by_name_where_they_are_asked_for(tmp_path):
    path = tmp_path / "x.mat"
    save(path, "7.3", spikes=SPIKES, condition=LABELS[None])
    with h5py.File(path, "a") as file:
        for kind in ("string", "table", "datetime", "categorical"):
            item = file.create_dataset(f"a_{kind}", data=np.zeros((1, 6), np.uint32))
            item.attrs["MATLAB_class"] = np.bytes_(kind)
            item.attrs["MATLAB_object_decode"] = np.int32(3)
    assert len(Session.load(path, bin_width=0.02, **TBN)) == N  # Others than these do no harm.
    with h5py.File(path, "a") as file:
        del file["condition"]
        file["condition"] = file["a_string"]
    with pytest.raises(
        ValueError, match="received condition of MATLAB's class 'string'.*cellstr"
    ):
        Session.load(path, bin_width=0.02)


def test_a_variable_without_its_class_is_refused(tmp_path):
    path = tmp_path / "x.mat"
    save(path, "7.3", spikes=SPIKES)
    with h5py.File(path, "a") as file:
        del file["spikes"].attrs["MATLAB_class"]
    with pytest.raises(ValueError, match="MATLAB_class of spikes"):
        Session.load(path, bin_width=0.02)


def test_cells_that_hold_each_other_are_refused(tmp_path):
    path = tmp_path / "x.mat"
    save(path, "7.3", loop=cells(["x"]))
    with h5py.File(path, "a") as file:
        file["loop"][0, 0] = file["loop"].ref
    with pytest.raises(ValueError, match="cells in each other, received more in loop"):
        matlab.read(path)


def test_damage_is_named(tmp_path):
    path = tmp_path / "x.mat"
    for version in ("7", "7.3"):
        save(path, version, spikes=SPIKES)
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(ValueError, match="path: .*x.mat'"):
            Session.load(path, bin_width=0.02)
    with pytest.raises(FileNotFoundError, match="path: expected a file"):
        matlab.read(tmp_path / "none.mat")
    path.write_bytes(b"nothing of MATLAB's")
    with pytest.raises(ValueError, match="path: expected a file of MATLAB's"):
        matlab.read(path)


# Trials, their axes and their lengths.


@pytest.mark.parametrize("dtype", [float, np.int16, np.uint8, np.float32])
def test_trials_bins_neurons(load, dtype):
    session = load(
        {"spikes": SPIKES.astype(dtype), "dt": np.array([[0.02]])}, bin_width=None, **TBN
    )
    np.testing.assert_array_equal(session.spikes, SPIKES)
    assert (session.name, session.bin_width) == ("monday", 0.02)


def test_logical_spikes_and_trials_padded_with_nan(load):
    np.testing.assert_array_equal(load({"spikes": SPIKES > 0}, **TBN).spikes, SPIKES > 0)
    padded = SPIKES.copy()
    padded[3, 7:] = np.nan
    assert load({"spikes": padded}, **TBN).lengths[3] == 7


@pytest.mark.parametrize(
    "axes",
    [
        ("neurons", "bins", "trials"),
        ("trials", "neurons", "bins"),
        ("bins", "neurons", "trials"),
    ],
)
def test_axes_in_the_order_that_the_user_gives(load, axes):
    order = [("trials", "bins", "neurons").index(axis) for axis in axes]
    hand = RNG.normal(size=(N, 10, 2)).astype(np.float32)
    variables = {
        "spikes": SPIKES.transpose(order),
        "behavior": hand.transpose(order),
        "conditions": LABELS[:, None],
    }
    session = load(variables, axes=axes)
    np.testing.assert_array_equal(session.spikes, SPIKES)
    np.testing.assert_array_equal(session.behavior, hand)
    with pytest.raises(ValueError, match="axes: expected the order of the axes|behavior"):
        load(variables)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_axes_that_nothing_tells_are_refused(load, order):
    """Labels tell the axis of trials; only what has bins as well tells the other two."""
    spikes, hand = SPIKES.transpose(order), np.ones((N, 10, 2)).transpose(order)
    beside = {"conditions": LABELS[None]}
    for given in ({"spikes": spikes}, {"spikes": spikes, **beside}):
        with pytest.raises(ValueError, match=r"axes: expected the order of the axes of spikes"):
            load(given)
    told = tuple(("trials", "bins", "neurons")[i] for i in order)
    np.testing.assert_array_equal(load({"spikes": spikes}, axes=told).spikes, SPIKES)
    if order == (0, 1, 2):
        session = load({"spikes": spikes, **beside, "behavior": hand})
        np.testing.assert_array_equal(session.spikes, SPIKES)
    else:
        with pytest.raises(ValueError, match="axes: expected the order of the axes of spikes"):
            load({"spikes": spikes, **beside, "behavior": hand})


def test_axes_that_labels_contradict_are_refused(load):
    turned = {"spikes": SPIKES.transpose(2, 1, 0), "conditions": LABELS[:, None]}
    with pytest.raises(ValueError, match=r"axes: .* \(6, 10, 20\), since there are 20 labels"):
        load(turned)
    square = {"spikes": np.ones((N, 10, N)), "conditions": LABELS[:, None]}
    with pytest.raises(ValueError, match="axes: .* 20 labels"):
        load(square)
    assert len(load(square, axes=("trials", "bins", "neurons"))) == N
    with pytest.raises(ValueError, match="axes: expected 'trials', 'bins', 'neurons' in"):
        load(square, axes=("trials", "time", "neurons"))


def test_a_last_axis_of_one_is_dropped_by_matlab(load):
    one = SPIKES[..., :1]
    with pytest.raises(ValueError, match=r"axes: expected their order, .* \(20, 10\)"):
        load({"spikes": one[..., 0]})
    session = load({"spikes": one[..., 0]}, axes=("trials", "bins", "neurons"))
    np.testing.assert_array_equal(session.spikes, one)
    hand = RNG.normal(size=(N, 10))
    session = load({"spikes": SPIKES, "behavior": hand}, **TBN)
    np.testing.assert_array_equal(session.behavior[..., 0], hand.astype(np.float32))


LENGTHS = [10, 7, 10, 4]


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("column", [False, True])
def test_a_cell_for_each_trial(load, turned, column):
    trials = [SPIKES[i, :n] for i, n in enumerate(LENGTHS)]
    hand = [np.full((n, 2), float(n)) for n in LENGTHS]

    def made(items):
        return cells([x.T if turned else x for x in items], (-1, 1) if column else None)

    session = load({"spikes": made(trials), "behavior": made(hand)})
    assert session.lengths.tolist() == LENGTHS
    for i, trial in enumerate(trials):
        np.testing.assert_array_equal(session.spikes[i, : len(trial)], trial)
        assert (session.behavior[i, : len(trial)] == len(trial)).all()
    with pytest.raises(ValueError, match="trials of behavior of as many bins"):
        load({"spikes": made(trials), "behavior": made(hand[::-1])})


def test_an_array_of_structures_with_a_trial_each(load):
    trials = [{"spikes": SPIKES[i, :n], "condition": WORDS[i]} for i, n in enumerate(LENGTHS)]
    session = load(
        {"trials": trials, "bin_width": np.array([[0.01]])}, group="trials", bin_width=None
    )
    assert session.lengths.tolist() == LENGTHS
    assert session.conditions.tolist() == WORDS[:4]
    assert (session.bin_width, session.name) == (0.01, "monday/trials")


def test_cells_of_one_size_need_the_order_of_axes(load):
    made = {"spikes": cells([SPIKES[i].T for i in range(4)])}
    with pytest.raises(
        ValueError, match=r"axes: .* trials in spikes are all of shape \(6, 10\)"
    ):
        load(made)
    session = load(made, axes=("trials", "neurons", "bins"))
    np.testing.assert_array_equal(session.spikes, SPIKES[:4])


@VERSIONS
def test_times_of_spikes_are_refused_and_can_be_counted(tmp_path, version):
    path = tmp_path / "x.mat"
    times = [[[0.01, 0.31], [0.02]], [[], [0.15, 0.16, 0.35]]]  # two neurons, two trials
    made = np.empty((2, 2), dtype=object)
    for i, j in np.ndindex(2, 2):
        made[i, j] = np.array([times[i][j]]) if times[i][j] else np.zeros((0, 0))
    save(path, version, spikes=made, first=made[:, :1])
    with pytest.raises(
        ValueError, match="spikes as one array, or .*matlab.read and counted by"
    ):
        Session.load(path, bin_width=0.1)
    found = matlab.read(path)["spikes"]
    counts = [bin_spikes(list(found[:, trial]), 0.1, 0.0, 0.4) for trial in (0, 1)]
    session = Session(np.stack(counts), 0.1)
    np.testing.assert_array_equal(session.spikes[:, :, 0], [[1, 0, 0, 1], [1, 0, 0, 0]])
    np.testing.assert_array_equal(session.spikes[:, :, 1], [[0, 0, 0, 0], [0, 2, 0, 1]])
    save(path, version, spikes=made[:, :1])
    with pytest.raises(ValueError, match="axes: .* a vector for each trial"):
        Session.load(path, bin_width=0.1)


def test_a_structure_in_place_of_numbers_is_said(load):
    with pytest.raises(ValueError, match="numbers in spikes, received a structure.*group="):
        load({"spikes": {"counts": SPIKES}})
    with pytest.raises(ValueError, match="keys of a layout we know.*holds: counts"):
        load({"counts": SPIKES})


# Labels.


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (LABELS[None], LABELS),
        (LABELS[:, None], LABELS),
        (LABELS[:, None].astype(np.int32), LABELS),
        (LABELS[None] > 2, LABELS > 2),
        (cells(WORDS), WORDS),
        (cells(WORDS, (-1, 1)), WORDS),
        (cells([cells([word]) for word in WORDS]), WORDS),
        (cells(LABELS.tolist()), LABELS),
        (cells([np.array([[label > 2]]) for label in LABELS]), LABELS > 2),
        (tuple(word.ljust(6) for word in WORDS), WORDS),
        (tuple(word.rjust(6) for word in WORDS), WORDS),
        ("".join(word[0] for word in WORDS), [word[0] for word in WORDS]),
        (tuple(word[0] for word in WORDS), [word[0] for word in WORDS]),
        (np.eye(5)[LABELS.astype(int)], LABELS),
        (np.eye(5)[LABELS.astype(int)].astype(bool), LABELS),
        (np.arange(1.0, N + 1)[None], np.arange(1, N + 1)),
        (np.arange(0.0, N)[None], np.arange(N)),
        (cells([np.flatnonzero(LABELS == k)[None] + 1.0 for k in (1, 2, 3, 4)]), LABELS - 1),
    ],
)
def test_labels_in_any_shape(load, labels, expected):
    found = load({"spikes": SPIKES, "condition": labels}, **TBN).conditions
    np.testing.assert_array_equal(found, np.asarray(expected))


def test_empty_cells_and_nan_are_no_condition(load):
    some = [*WORDS[:3], "", np.zeros((0, 0)), *WORDS[5:]]
    found = load({"spikes": SPIKES, "condition": cells(some)}, **TBN).conditions
    assert found.tolist() == [*WORDS[:3], "", "", *WORDS[5:]]
    numbers = LABELS.copy()
    numbers[:2] = np.nan
    session = load({"spikes": SPIKES, "condition": numbers[None]}, **TBN)
    np.testing.assert_array_equal(session.conditions, numbers)
    assert f"{len(set(numbers[2:]))} conditions" in repr(session)


@pytest.mark.parametrize(
    "labels",
    [
        LABELS[None, :-1],
        cells(WORDS[:-1]),
        "left",
        np.ones((N, 2)),
        {"left": LABELS[None]},
        cells([np.flatnonzero(LABELS == k)[None] + 1.0 for k in (1, 2, 3)]),
        cells([np.array([[1.0, 2.0]])] * N),
        cells([*WORDS[:-1], 1.0]),
    ],
)
def test_what_are_no_labels_is_refused_by_name(load, labels):
    with pytest.raises((TypeError, ValueError), match="path: .*condition"):
        load({"spikes": SPIKES, "condition": labels}, **TBN)


# Layouts of other programs, saved by MATLAB.


@VERSIONS
def test_splits_and_their_order(tmp_path, version):
    path = tmp_path / "x.mat"
    order = RNG.permutation(N)
    variables = {
        "train_data": SPIKES[order[:16]],
        "valid_data": SPIKES[order[16:]],
        "train_inds": order[None, :16] + 1.0,
        "valid_inds": order[None, 16:] + 1.0,
        "train_conditions": cells([WORDS[i] for i in order[:16]]),
        "valid_conditions": cells([WORDS[i] for i in order[16:]]),
    }
    save(path, version, **variables)
    assert hdf5.has_splits(path)
    for split in ("all", "train"):
        with pytest.raises(
            ValueError, match=r"axes of train_data \(16, 10, 6\), since .* 16 l"
        ):
            Session.load(path, split=split, bin_width=0.02)
    session = Session.load(path, bin_width=0.02, **TBN)
    np.testing.assert_array_equal(session.spikes, SPIKES)
    assert session.conditions.tolist() == WORDS
    assert len(Session.load(path, split="valid", bin_width=0.02, **TBN)) == 4


def test_axes_of_an_hdf5_file_of_another_program(tmp_path):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:  # h5write of MATLAB, or of R: reversed, and not told
        file["spikes"] = SPIKES.transpose(2, 1, 0)
    session = Session.load(path, bin_width=0.02, axes=("neurons", "bins", "trials"))
    np.testing.assert_array_equal(session.spikes, SPIKES)


def test_objects_in_files_before_73_are_said(tmp_path, monkeypatch, caplog):
    from scipy.io import matlab as scipy_matlab

    path = tmp_path / "x.mat"
    save(path, "7", spikes=SPIKES)
    made = np.empty(1, [(key, object) for key in ("s0", "s1", "s2", "arr")])
    made[0] = (b"condition", b"MCOS", b"string", np.zeros((6, 1), np.uint32))
    told = {"spikes": SPIKES, "None": scipy_matlab.MatlabOpaque(made)}  # as SciPy names it
    monkeypatch.setattr("scipy.io.loadmat", lambda *args, **kwargs: told)
    with pytest.raises(ValueError, match="received condition of MATLAB's class 'string'"):
        Session.load(path, bin_width=0.02)
    assert "among them condition of class string" in caplog.text


@pytest.mark.parametrize("turned", [False, True])
def test_what_stands_beside_has_the_bins_of_the_spikes(load, turned):
    """Of one channel, in rows or columns; also where trials are alike in length."""
    for lengths, options in (
        (LENGTHS, {}),
        ([10] * 4, {"axes": ("trials", "bins", "neurons")}),
    ):
        trials = [
            {
                "spikes": SPIKES[i, :n],
                "behavior": np.arange(n)[:, None] * 1.0,
                "external_inputs": np.ones((n, 1)),
            }
            for i, n in enumerate(lengths)
        ]
        if turned:
            trials = [
                {**t, "behavior": t["behavior"].T, "external_inputs": np.ones((1, n))}
                for t, n in zip(trials, lengths, strict=True)
            ]
        session = load({"trials": trials}, group="trials", **options)
        for i, n in enumerate(lengths):
            np.testing.assert_array_equal(session.behavior[i, :n, 0], np.arange(n))
            np.testing.assert_array_equal(session.external_inputs[i, :, 0], np.arange(10) < n)


def test_sparse_matrices_are_filled_up(tmp_path):
    from scipy.sparse import csc_matrix

    path, dense = tmp_path / "x.mat", SPIKES[0].copy()
    save(path, "7", spikes=csc_matrix(dense))
    np.testing.assert_array_equal(matlab.read(path)["spikes"], dense)
    made = csc_matrix(dense)
    save(path, "7.3", other=dense)
    with h5py.File(path, "a") as file:
        group = file.create_group("spikes")
        group.attrs["MATLAB_class"] = np.bytes_("double")
        group.attrs["MATLAB_sparse"] = np.uint64(len(dense))
        group["data"], group["ir"], group["jc"] = made.data, made.indices, made.indptr
    np.testing.assert_array_equal(matlab.read(path)["spikes"], dense)


def test_structures_that_can_be_read_are_named(load):
    with pytest.raises(ValueError, match=r"group=\.\.\.: days/monday\."):
        load({"days": {"monday": {"spikes": SPIKES}, "n": np.ones((1, 1))}})


def test_labels_contradict_an_hdf5_file_too(tmp_path):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file["spikes"], file["conditions"] = SPIKES.transpose(2, 1, 0), LABELS
    with pytest.raises(ValueError, match=r"axes: .* \('neurons', 'bins', 'trials'\)"):
        Session.load(path, bin_width=0.02)
    session = Session.load(path, bin_width=0.02, axes=("neurons", "bins", "trials"))
    np.testing.assert_array_equal(session.spikes, SPIKES)
    session.save(tmp_path / "ours.h5")
    with pytest.raises(ValueError, match="axes: expected none, since .*ours.h5' is our own"):
        Session.load(tmp_path / "ours.h5", axes=("neurons", "bins", "trials"))


def test_a_cell_without_counts_is_named(load):
    with pytest.raises(
        ValueError, match=r"counts in each cell of spikes, received none in \[1\]"
    ):
        load({"spikes": cells([SPIKES[0], np.zeros((0, 0)), SPIKES[1, :4]])})


def test_a_cell_for_each_neuron(load):
    made = {"spikes": cells([SPIKES[..., i] for i in range(6)])}
    with pytest.raises(ValueError, match="axes: .* are all of shape"):
        load(made)
    session = load(made, axes=("neurons", "trials", "bins"))
    np.testing.assert_array_equal(session.spikes, SPIKES)
    made["spikes"][0, 0] = SPIKES[:5, :, 0]
    with pytest.raises(ValueError, match="matrices of one shape in spikes"):
        load(made, axes=("neurons", "trials", "bins"))


def test_cells_of_splits_have_the_lengths_of_their_spikes(load):
    """External inputs that end before the spikes would be 0 where they are not known."""

    def splits(shorter):
        variables = {}
        for split, lengths in (("train", LENGTHS), ("valid", [10, 6])):
            given = [n - shorter * (n == 6) for n in lengths]
            variables[f"{split}_data"] = cells([SPIKES[i, :n] for i, n in enumerate(lengths)])
            variables[f"{split}_ext_input"] = cells([np.ones((n, 2)) for n in given])
        return variables

    session = load(splits(0))
    assert session.lengths.tolist() == [*LENGTHS, 10, 6]
    with pytest.raises(ValueError, match=r"valid_ext_input of as many bins .* \(10, 6\), rec"):
        load(splits(1))


def test_external_inputs_in_cells_cover_an_array_of_spikes(load):
    inputs = [np.ones((n, 2)) for n in [10] * (N - 1) + [7]]
    with pytest.raises(ValueError, match="external_inputs of as many bins as the spikes have"):
        load({"spikes": SPIKES, "external_inputs": cells(inputs)}, **TBN)


@pytest.mark.parametrize("shape", [(0, 0), (1, 0)])
def test_labels_that_are_empty_are_none(load, shape):
    for empty in (np.zeros(shape), cells([], shape)):
        assert load({"spikes": SPIKES, "conditions": empty}, **TBN).conditions is None


def test_a_file_of_matlab_4_is_named(tmp_path):
    path = tmp_path / "old.mat"
    scipy.io.savemat(path, {"spikes": np.ones((4, 5))}, format="4")
    with pytest.raises(ValueError, match=r"path: .*old\.mat' of MATLAB 4\. Load it there"):
        Session.load(path, bin_width=0.02)
