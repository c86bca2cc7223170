"""Several recordings of one system."""

import numpy as np
import pytest

from lfads_tf.data.synthetic import lorenz_days


def test_days_share_the_system_and_nothing_else():
    one, other = lorenz_days(2, n_trials=10, n_neurons=6, n_conditions=5, seed=1)
    assert (one.name, other.name) == ("day 0", "day 1")
    np.testing.assert_array_equal(one.conditions, other.conditions)
    for condition in range(5):  # the same trajectory on both days
        first, second = (day.behavior[day.conditions == condition] for day in (one, other))
        np.testing.assert_allclose(first - second[:1], 0.0, atol=1e-12)
    assert not np.array_equal(one.spikes, other.spikes)
    assert not np.allclose(one.true_rates[0], other.true_rates[0])


def test_bad_numbers_are_refused():
    with pytest.raises(ValueError, match="n_days"):
        lorenz_days(0)
