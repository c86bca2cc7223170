"""Agreement of sessions where it is known."""

import numpy as np
import pytest

from lfads_tf.sessions.agreement import agreement


def test_agreement_of_known_averages():
    latents = np.random.default_rng(0).normal(size=(6, 20, 3))
    one = latents - latents.mean(axis=(0, 1))
    found = agreement({"a": one, "b": one, "c": -one})
    np.testing.assert_allclose(found.pairs, [[1, 1, -1], [1, 1, -1], [-1, -1, 1]], atol=1e-12)
    assert found.shared == pytest.approx(1 / 9)  # their mean is a third of each
    assert "| a | 1.000 | 1.000 | -1.000 |" in str(found)
