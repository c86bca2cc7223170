"""Words for what became of something are enums that print as words and stay in files."""

import json
import pickle

import numpy as np
import pytest

from fixedpoint_tf import Status, analysis
from fixedpoint_tf._utils.enums import TextIntEnum, TextStrEnum

NUMBERS = (Status, analysis.RunOutcome)
WORDS = (
    analysis.BifurcationType,
    analysis.BranchEnd,
    analysis.CertificateCode,
    analysis.GroupType,
    analysis.StartOutcome,
)
NAMES = {
    Status: "FIXED_POINT SLOW_POINT NOT_CONVERGED DIVERGED OUTLIER NOT_SLOW",
    analysis.RunOutcome: "FIXED_POINT OTHER_REST CYCLE MOVING DIVERGED NOT_RUN BOUNDARY",
}


@pytest.mark.parametrize("vocabulary", NUMBERS + WORDS)
def test_every_member_has_a_meaning_of_its_own(vocabulary):
    texts = [member.text for member in vocabulary]
    assert all(texts) and len(set(texts)) == len(texts)


@pytest.mark.parametrize("vocabulary", NUMBERS)
def test_numbers_in_files_keep_their_meaning(vocabulary):
    assert [member.name for member in vocabulary] == NAMES[vocabulary].split()
    assert [int(member) for member in vocabulary] == list(range(len(vocabulary)))
    assert issubclass(vocabulary, TextIntEnum)


@pytest.mark.parametrize("vocabulary", WORDS)
def test_a_word_is_itself_wherever_strings_are(vocabulary):
    assert issubclass(vocabulary, TextStrEnum)
    for member in vocabulary:
        word = member.value
        assert member == word and hash(member) == hash(word) and {word: 1}[member] == 1
        assert f"{member}" == str(member) == word and f"{member:>30}" == f"{word:>30}"
        assert "%s" % member == word and repr(member) == repr(word)  # noqa: UP031
        assert vocabulary(word) is vocabulary(np.str_(word)) is member
        assert json.loads(json.dumps([member])) == [word]
        assert pickle.loads(pickle.dumps(member)) is member
        assert (np.array([member, "other"]) == member).tolist() == [True, False]
        assert (np.array([member, "other"], dtype=object) == word).tolist() == [True, False]


def test_words_in_files_keep_their_meaning():
    assert {member.name: member.value for member in analysis.BranchEnd} == {
        "END_OF_PATH": "end of path",
        "CLOSED_LOOP": "closed loop",
        "LEFT_BOUNDS": "left the bounds",
        "MOST_POINTS": "most points",
        "STEP_TOO_SMALL": "step too small",
        "BORDER_BRANCH_POINT": "border branch point",
        "JUMP": "jump of the system",
        "INTERRUPTED": "interrupted",
    }
    assert {member.value for member in analysis.BifurcationType} == {
        "saddle-node",
        "branch point",
        "period doubling",
        "Neimark-Sacker",
        "Hopf",
        "multiple bifurcation",
        "border-collision fold",
        "border collision",
        "border branch point",
        "continuum",
    }
    assert {member.value for member in analysis.StartOutcome} == {
        "fixed point",
        "cycle",
        "invariant curve",
        "quasiperiodic",
        "chaotic",
        "diverged",
        "not settled",
        "not reached",
    }
    assert [member.value for member in analysis.CertificateCode] == [
        "certified",
        "supported",
        "slow_point",
        "residual",
        "singular",
        "kink",
        "border",
        "not_finite",
        "interrupted",
    ]
    groups = "point line ring plane cycle unclear"
    assert [member.value for member in analysis.GroupType] == groups.split()
