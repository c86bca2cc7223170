"""An answer is what it was after saving and loading, or says why it cannot be read."""

import dataclasses

import h5py
import numpy as np
import pytest

from fixedpoint_tf import analysis
from fixedpoint_tf._utils.checksums import write_checksum
from fixedpoint_tf._utils.results import Result
from fixedpoint_tf.fixed_points.points import FixedPoints


@dataclasses.dataclass(frozen=True, eq=False)
class Answer(Result):
    radius: np.ndarray
    left_out: np.ndarray | None
    norm: str
    counts: dict


@dataclasses.dataclass(frozen=True, eq=False)
class Other(Result):
    radius: np.ndarray


def test_comes_back_as_it_was(tmp_path):
    answer = Answer(np.array([0.5, np.inf]), None, "euclidean", {"a": 1, "b": [True, 2.5]})
    answer.save(tmp_path / "a.h5")
    back = Answer.load(tmp_path / "a.h5")
    assert back.radius.tolist() == [0.5, np.inf]
    assert (back.left_out, back.norm, back.counts) == (None, answer.norm, answer.counts)


def test_a_file_is_replaced_unless_it_must_not_be(tmp_path):
    Other(np.zeros(1)).save(tmp_path / "a.h5")
    Other(np.ones(1)).save(tmp_path / "a.h5")
    with pytest.raises(FileExistsError, match="path: expected a new file, received .*a.h5"):
        Other(np.zeros(1)).save(tmp_path / "a.h5", overwrite=False)
    assert Other.load(tmp_path / "a.h5").radius.tolist() == [1.0]


def test_a_set_of_points_comes_back_as_what_it_is_made_of(tmp_path):
    points = FixedPoints(xstar=[[0.0], [1.0]], status=[0, 1], state_names=(("h", 1),))
    Answer(np.zeros(1), points, "euclidean", {"a": 1}).save(tmp_path / "a.h5")
    back = Answer.load(tmp_path / "a.h5")
    assert (back.norm, back.counts) == ("euclidean", {"a": 1})
    again = FixedPoints(**back.left_out)
    assert repr(again) == repr(points) and again.xstar.tolist() == points.xstar.tolist()
    assert again.state_names == points.state_names and again.inputs is None


def test_another_answer_is_not_taken_for_this_one(tmp_path):
    Other(np.zeros(1)).save(tmp_path / "other.h5")
    with pytest.raises(ValueError, match=r"fixedpoint_tf\.Answer.*fixedpoint_tf\.Other"):
        Answer.load(tmp_path / "other.h5")


def test_a_file_without_a_field_is_damaged(tmp_path):
    Answer(np.zeros(1), None, "euclidean", {}).save(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        del file["radius"]
    write_checksum(tmp_path / "a.h5")
    with pytest.raises(ValueError, match=r"path: expected .* damaged .*radius"):
        Answer.load(tmp_path / "a.h5")


def test_every_result_prints_and_draws_itself_by_one_base():
    results = [getattr(analysis, name) for name in analysis.__all__]
    results = [one for one in results if isinstance(one, type) and issubclass(one, Result)]
    assert len(results) == 13
    for one in [*results, FixedPoints]:
        assert issubclass(one, Result), one
        assert {"plot", "__repr__"} <= vars(one).keys(), one
        assert not {"save", "load"} & vars(one).keys(), one


def test_what_cannot_be_saved_leaves_no_file(tmp_path):
    with pytest.raises(TypeError):
        Answer(np.zeros(1), None, "euclidean", {"a": object()}).save(tmp_path / "a.h5")
    assert list(tmp_path.iterdir()) == []
