"""Files with a right checksum and numbers that no call of ours returns are refused by name."""

import dataclasses

import numpy as np
import pytest
from hostile_files import BESIDE, points, result, results

from fixedpoint_tf import FixedPoints, analysis

for _name in analysis.__all__:
    getattr(analysis, _name)

#: Fields without a range, of numbers that may be anything.
FREE = (
    "xstar inputs final direction eigenvalues s bifurcation_s bifurcation_inputs settled "
    "bifurcation_states bifurcation_eigenvalues selection_vectors mode_vectors input_vectors "
    "input_effect readout_effect time_constants initial_growth values coordinate drift "
    "drift_between open_lower open_upper points multipliers lyapunov total"
).split()
FLAGS = (
    "certified is_attractor agree is_slow_state is_exact family_closes on_kink is_new".split()
)
SCALARS = "n_distinct safety confidence n_steps n_starts n_arrived dt min_time_constant".split()
SCALARS += "n_slow_points n_left_out n_repeated n_not_slow n_drawn n_turning".split()


def refused(answer, field, path):
    answer.save(path)
    with pytest.raises(ValueError, match=rf"{path.name}.*\b{field}: expected"):
        type(answer).load(path)


@pytest.mark.parametrize("kind", BESIDE)
def test_numbers_out_of_range_are_refused_by_file_and_dataset(kind, tmp_path):
    whole = result(results()[kind])
    for name, value in vars(whole).items():
        number = isinstance(value, np.ndarray) and value.dtype.kind in "iuf"
        if (
            name in FREE
            or name in FLAGS
            or name == "lengths"
            or not (number or name in SCALARS)
        ):
            continue
        value = np.asarray(value) * 0 - 9 if number else -9
        refused(dataclasses.replace(whole, **{name: value}), name, tmp_path / f"{name}.h5")


@pytest.mark.parametrize(
    ("kind", "names"),
    {
        "Connections": "source target",
        "Certificates": "same_as n_distinct",
        "Attractors": "condition n_members",
        "Coverage": "condition member",
        "Completeness": "input_number open_input",
        "Branches": "branch_of_point bifurcation_places",
        "Cycles": "cycle_of_start",
    }.items(),
)
def test_rows_that_there_are_not(kind, names, tmp_path):
    whole = result(results()[kind])
    for name in names.split():
        value = getattr(whole, name) + 1000
        refused(dataclasses.replace(whole, **{name: value}), name, tmp_path / f"{name}.h5")


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        ("Certificates", "method", "foo"),
        ("Certificates", "precision", "foo"),
        ("Certificates", "safety", float("nan")),
        ("Coverage", "of", "foo"),
        ("Sensitivity", "time", "foo"),
        ("LinearError", "time", "foo"),
        ("Attractors", "time_unit", "foo"),
        ("IndexSum", "total", np.array([77, 1])),
    ],
)
def test_words_and_sums_that_cannot_be(kind, name, value, tmp_path):
    whole = dataclasses.replace(result(results()[kind]), **{name: value})
    refused(whole, name, tmp_path / "a.h5")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("xstar", np.full((2, 3), np.nan)),
        ("inputs", np.full((2, 1), np.nan)),
        ("qstar", [-1.0, 0.0]),
        ("n_iters", [-5, 1]),
        ("n_at_bound", [0, 4]),
    ],
)
def test_fixed_points_that_cannot_be(name, value, tmp_path):
    refused(dataclasses.replace(points(), **{name: value}), name, tmp_path / "a.h5")


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        ("Certificates", "certified", np.array([1.0, 0.0])),
        ("Certificates", "codes", ["certified", "supported"]),  # of a sampled system
        ("Certificates", "codes", ["supported", "singular"]),
        ("Certificates", "existence_radius", np.array([1.0, np.nan])),
        ("Certificates", "uniqueness_radius", np.array([1.0, 0.5])),
        ("Certificates", "same_as", np.array([1, 1])),
        ("Certificates", "same_as", np.array([0, -1])),
        ("Certificates", "n_distinct", 0),
        ("Completeness", "codes", ["complete", "complete"]),
        ("Completeness", "n_open", np.array([1, 1])),
        ("Completeness", "open_input", np.array([0, 1])),
        ("Completeness", "open_upper", np.zeros((2, 2))),
        ("Completeness", "known_row", np.array([-1, 1])),
        ("Basins", "target", np.array([0, 7])),
        ("Basins", "counts", np.array([2, 0])),
        ("Basins", "fraction", np.array([0.5, 0.6])),
        ("Basins", "lower", np.array([0.1, 0.6])),
        ("Basins", "upper", np.array([0.9, 0.4])),
        ("Attractors", "n_members", np.array([2, 1])),
        ("Attractors", "agree", np.array([False, True])),
        ("Coverage", "counts", np.array([2, 1])),
        ("Coverage", "n_points", np.array([1, 2])),
        ("Coverage", "n_once", np.array([1, 0])),
        ("Coverage", "n_starts", np.array([1, 7])),
        ("Deflated", "n_arrived", 5),
        ("IndexSum", "n_undetermined", np.array([0, 2])),
        ("IndexSum", "total", np.array([1, 0])),
    ],
)
def test_numbers_that_contradict_each_other(kind, name, value, tmp_path):
    whole = result(results()[kind])
    whole.save(tmp_path / "whole.h5")
    type(whole).load(tmp_path / "whole.h5")
    dataclasses.replace(whole, **{name: value}).save(tmp_path / "a.h5")
    with pytest.raises(ValueError, match=r"a\.h5.*\bexpected"):
        type(whole).load(tmp_path / "a.h5")


def evidence():
    """Fixed points with their Jacobians, of which all else follows."""
    jacobians = np.array([[[0.5, 1.0], [0.0, 0.9]], [[2.0, 0.0], [0.0, 0.3]]])
    return FixedPoints(
        xstar=np.ones((2, 2)),
        F_xstar=np.ones((2, 2)),
        qstar=np.zeros(2),
        J_xstar=jacobians,
        status=[0, 0],
        state_names=(("h", 2),),
    ).decompose_jacobians()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("is_stable", [True, True]),
        ("is_stable", [False, False]),
        ("qstar", [0.0, 1e-4]),
        ("F_xstar", [[1.0, 1.0], [1.0, 1.1]]),
        ("eigval_J_xstar", [[0.9, 0.5], [2.0, 0.7]]),
        ("J_xstar", np.ones((2, 2, 2))),
    ],
)
def test_evidence_that_contradicts_other_evidence(name, value, tmp_path):
    points = evidence()
    points.save(tmp_path / "whole.h5")
    assert FixedPoints.load(tmp_path / "whole.h5").is_stable.tolist() == [True, False]
    dataclasses.replace(points, **{name: value}).save(tmp_path / "a.h5")
    with pytest.raises(
        ValueError, match=r"a\.h5.*\b(is_stable|qstar|eigval_J_xstar): expected"
    ):
        FixedPoints.load(tmp_path / "a.h5")


def test_stability_on_a_kink_is_what_its_growth_says(tmp_path):
    points = dataclasses.replace(evidence(), growth_at_kink=[np.nan, 0.7], is_stable=None)
    assert points.is_stable.tolist() == [True, True]
    points.save(tmp_path / "a.h5")
    assert FixedPoints.load(tmp_path / "a.h5").is_stable.tolist() == [True, True]


def test_projected_evidence_is_read(tmp_path):
    points = evidence().transform(np.eye(2)[:, :1])
    points.save(tmp_path / "a.h5")
    assert FixedPoints.load(tmp_path / "a.h5").n == 2


def test_sums_of_indices_within_fixed_points(tmp_path):
    index = dataclasses.replace(points().index, total=np.array([77, 1]))
    refused(dataclasses.replace(points(), index=index), "total", tmp_path / "a.h5")
    answer = result(results()["Deflated"])
    spoilt = dataclasses.replace(answer, points=dataclasses.replace(points(), index=index))
    refused(spoilt, "total", tmp_path / "b.h5")


def test_points_that_ran_away_and_other_coordinates_are_read(tmp_path):
    away = dataclasses.replace(points(), xstar=[[0.0] * 3, [np.nan] * 3], n_at_bound=[3, 0])
    away.save(tmp_path / "a.h5")
    assert FixedPoints.load(tmp_path / "a.h5").n == 2
    away.transform(np.eye(3)[:, :1]).save(tmp_path / "b.h5")
    assert FixedPoints.load(tmp_path / "b.h5").n_at_bound.tolist() == [3, 0]


def test_each_name_of_a_state_stands_once():
    with pytest.raises(ValueError, match="state_names: expected each name once"):
        FixedPoints(xstar=np.zeros((1, 2)), state_names=[("h", 1), ("h", 1)])
