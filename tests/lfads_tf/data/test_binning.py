"""Spikes land in their bins, and chopping and merging lose nothing."""

import numpy as np
import pytest
from each import each

from lfads_tf import bin_spikes, chop, merge, rebin, segment


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("width", [0.001, 0.02, 0.05])
def test_binning_is_a_histogram(seed, width):
    rng = np.random.default_rng(seed)
    times = [rng.uniform(-1.0, 4.0, size=n) for n in (0, 1, 500)]
    counts = bin_spikes(times, width, start=0.5, stop=3.0)
    edges = 0.5 + width * np.arange(round(2.5 / width) + 1)
    assert counts.shape == (len(edges) - 1, 3) and counts.dtype == np.float32
    for neuron, t in enumerate(times):
        np.testing.assert_array_equal(counts[:, neuron], np.histogram(t, edges)[0])


@pytest.mark.parametrize("start", [0.0, -0.5, 1234.5])
@pytest.mark.parametrize("width", [0.1, 0.01, 0.001, 1 / 3])
def test_a_spike_on_an_edge_belongs_to_the_bin_that_begins_there(start, width):
    # However the edge was arrived at: 0.1 * 3 > 0.3 in floating point.
    n = 300
    multiplied = start + width * np.arange(n)
    added = start + np.cumsum(np.full(n, width)) - width
    typed = np.round(multiplied, 9)
    for edges in (multiplied, added, typed):
        counts = bin_spikes([edges], width, start, start + n * width)
        np.testing.assert_array_equal(counts, np.ones((n, 1)))


def test_edges_of_a_tenth_of_a_second():
    assert 0.1 * 3 > 0.3
    counts = bin_spikes([[0.1 * 3, 0.3, 0.29999]], 0.1, 0.0, 0.5)
    assert counts[:, 0].tolist() == [0, 0, 1, 2, 0]
    np.testing.assert_array_equal(
        bin_spikes([[0.1 * 3]], 0.1, 0.0, 0.5)[:, 0],
        np.histogram([0.1 * 3], 0.1 * np.arange(6))[0],
    )


def test_the_last_edge_and_what_lies_outside_are_left_out():
    counts = bin_spikes([[-1e-3, 0.0, 0.999, 1.0, 2.0]], 0.5, 0.0, 1.0)
    assert counts[:, 0].tolist() == [1, 1]


def test_the_number_of_bins_is_rounded():
    assert len(bin_spikes([[]], 0.1, 0.0, 0.3)) == 3  # 0.3 / 0.1 < 3
    assert len(bin_spikes([[]], 0.02, 0.0, 1.013)) == 51


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[0.1]], 0.0, 0.0, 1.0), "bin_width: expected a positive number"),
        (([[0.1]], 0.1, 1.0, 1.0), "stop: expected a time at least one bin of 0.1 s after"),
        (([[0.1]], 0.1, 0.0, np.inf), "stop: expected a finite number of seconds"),
        (([[0.1], [np.nan]], 0.1, 0.0, 1.0), "spike_times: .* NaN or infinity for neuron 1"),
        (([[[0.1, 0.2]] * 2], 0.1, 0.0, 1.0), r"spike_times: .* shape \(2, 2\) for neuron 0"),
    ],
)
def test_times_that_cannot_be_binned_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        bin_spikes(*arguments)


def test_the_event_lies_in_the_same_bin_of_every_trial():
    recording = np.zeros((200, 1))
    events = np.array([0.5, 0.7 - 1e-12, 1.234, 3.0])
    recording[[50, 70, 123, 300 - 200]] = 1.0  # the last: outside the recording
    trials = segment(recording, events[:3], 0.1, 0.2, 0.01, 0.0)
    assert trials.shape == (3, 30, 1)
    assert np.all(trials[:, 10, 0] == 1) and trials.sum() == 3
    shifted = segment(recording, events[:3] + 7.5, 0.1, 0.2, 0.01, start=7.5)
    np.testing.assert_array_equal(shifted, trials)


def test_segments_of_binned_spikes_hold_the_spikes_around_the_events():
    rng = np.random.default_rng(0)
    spikes = np.sort(rng.uniform(0, 60, size=2000))
    events = np.round(rng.uniform(1, 58, size=20), 2)
    trials = segment(bin_spikes([spikes], 0.02, 0.0, 60.0), events, 0.5, 1.2, 0.02, 0.0)
    for trial, event in zip(trials, events, strict=True):
        left = 0.02 * np.floor(event / 0.02 + 1e-6) - 0.5
        np.testing.assert_array_equal(trial, bin_spikes([spikes], 0.02, left, left + 1.7))


def test_windows_that_leave_the_recording():
    recording = np.arange(10, dtype=np.uint8)[:, None]
    events = [0.0, 0.5, np.nan, 0.9]
    with pytest.raises(
        ValueError, match="recording of 0 to 1 s, received 3 of 4 events .*: events 0, 2, 3"
    ):
        segment(recording, events, 0.1, 0.2, 0.1, 0.0)
    with pytest.warns(UserWarning, match="events 0, 2, 3. They are left out"):
        kept = segment(recording, events, 0.1, 0.2, 0.1, 0.0, outside="drop")
    assert kept[..., 0].tolist() == [[4, 5, 6]] and kept.dtype == np.uint8
    filled = segment(recording, events, 0.1, 0.2, 0.1, 0.0, outside="nan")
    np.testing.assert_array_equal(
        filled[..., 0], [[np.nan, 0, 1], [4, 5, 6], [np.nan] * 3, [8, 9, np.nan]]
    )
    assert recording.ravel().tolist() == list(range(10))


def test_the_clock_of_the_recording_must_be_told():
    """A recording seldom begins at 0, and trials cut on another clock look like trials too."""
    with pytest.raises(TypeError, match="start"):
        segment(np.ones((10, 1)), [0.5], 0.1, 0.2, 0.1)


def test_the_first_and_the_last_window_that_fit_are_kept():
    recording = np.arange(10.0)
    trials = segment(recording, [0.1, 0.8], 0.1, 0.2, 0.1, 0.0)
    np.testing.assert_array_equal(trials, [[0, 1, 2], [7, 8, 9]])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"before": 0.25}, r"before: expected a whole number of bins of 0.1 s.*\(2.5 bins\)"),
        ({"after": 0.0, "before": 0.0}, "before, after: expected a window of at least one"),
        (
            {"outside": "wrap"},
            r"outside: expected one of \['error', 'drop', 'nan'\], received 'wrap'",
        ),
        ({"event_times": [[0.5]]}, r"event_times: .* \(n_events,\), received \(1, 1\)"),
        ({"bin_width": -0.1}, "bin_width: expected"),
    ],
)
def test_windows_that_make_no_sense_are_refused(arguments, message):
    good = {"event_times": [0.5], "before": 0.1, "after": 0.2, "bin_width": 0.1, "start": 0.0}
    with pytest.raises(ValueError, match=message):
        segment(np.ones((10, 1)), **{**good, **arguments})


@each(seed=range(40))
def test_merging_what_was_chopped_gives_it_back_exactly(seed):
    rng = np.random.default_rng(seed)
    n_bins, window = rng.integers(1, 200), rng.integers(1, 60)
    overlap = rng.integers(0, window)
    shape = (n_bins, *rng.integers(1, 4, size=rng.integers(0, 3)))
    x = rng.normal(size=shape).astype(rng.choice([np.float32, np.float64]))
    x[rng.random(shape) < 0.1] = np.nan
    before = x.copy()
    windows = chop(x, window, overlap)
    assert windows.shape[1:] == (window, *shape[1:])
    merged = merge(windows, overlap, n_bins)
    assert merged.dtype == x.dtype
    np.testing.assert_array_equal(merged, x)
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("n_bins", [1, 9, 10, 11, 25, 26])
def test_there_are_no_more_windows_than_needed(n_bins):
    windows = chop(np.ones(n_bins), window=10, overlap=5)
    assert np.isfinite(windows).sum(axis=1).min() > (0 if len(windows) == 1 else 5)
    covered = 10 + 5 * (len(windows) - 1)
    assert covered >= n_bins and (len(windows) == 1 or covered - 5 < n_bins)


def test_a_cross_fade_is_smooth_and_its_weights_sum_to_one():
    windows = np.zeros((3, 40))
    windows[1] = 1.0
    weight = merge(windows, overlap=20)
    assert np.all((weight >= 0) & (weight <= 1))
    assert np.max(np.abs(np.diff(weight))) < 0.5 * np.pi / 21 + 1e-9, "no jump"
    other = np.ones((3, 40))
    other[1] = 0.0
    np.testing.assert_allclose(weight + merge(other, overlap=20), 1.0, rtol=0, atol=1e-15)


def test_a_window_that_is_unknown_leaves_the_weight_to_the_other():
    windows = np.array([[1.0, 1.0, np.nan], [2.0, 2.0, 2.0]])
    np.testing.assert_array_equal(merge(windows, overlap=2), [1, 1 + 0.25, 2, 2])


def test_chop_fills_as_asked():
    assert chop(np.ones((3, 1)), 2, 0, fill=0.0)[1, 1, 0] == 0.0


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (chop, (np.ones((0, 2)), 3, 1), "continuous: expected .* at least one bin"),
        (chop, (np.ones(5), 0, 0), "window: expected a whole number of at least 1, received 0"),
        (chop, (np.ones(5), 3, 3), "overlap: expected a whole number from 0 to 2, received 3"),
        (
            chop,
            (np.ones(5), 3, -1),
            "overlap: expected a whole number from 0 to 2, received -1",
        ),
        (merge, (np.ones(5), 1), r"windows: expected shape \(n_windows, window, ...\)"),
        (
            merge,
            (np.ones((2, 3)), 3),
            "overlap: expected a whole number from 0 to 2, received 3",
        ),
        (merge, (np.ones((2, 3)), 1, 9), "n_bins: .* chop into 2 windows of 3 .* received 9"),
        (rebin, (np.ones((10, 2)), 3), "factor: expected .* divides 10 bins, received 3"),
        (rebin, (np.ones(10), 2), "spikes: expected shape"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(function, arguments, message):
    with pytest.raises(ValueError, match=message):
        function(*arguments)


def test_rebinning_keeps_every_spike_and_does_not_overflow():
    counts = np.full((2, 12, 3), 200, np.uint8)
    wide = rebin(counts, 4)
    assert wide.shape == (2, 3, 3) and np.all(wide == 800)


@pytest.mark.parametrize("seed", range(3))
def test_rebinning_is_binning_wider(seed):
    times = [np.random.default_rng(seed).uniform(0, 6, size=300)]
    np.testing.assert_array_equal(
        rebin(bin_spikes(times, 0.01, 0.0, 6.0), 5), bin_spikes(times, 0.05, 0.0, 6.0)
    )


def test_a_wide_bin_is_observed_only_if_all_of_it_was():
    narrow = np.array([[1.0], [np.nan], [2.0], [3.0]])
    np.testing.assert_array_equal(rebin(narrow, 2), [[np.nan], [5.0]])


def test_spikes_in_milliseconds_are_warned_of():
    with pytest.warns(UserWarning, match="none of the 2 spikes lies within 0 to 1 s"):
        assert not bin_spikes([[100.0, 900.0], []], 0.02, 0.0, 1.0).any()


def test_a_mapping_of_neurons_is_refused():
    with pytest.raises(TypeError, match=r"spike_times: .* mapping with keys \['a'\]"):
        bin_spikes({"a": [0.1]}, 0.02, 0.0, 1.0)


@pytest.mark.parametrize("edge", [None, True, "0", float("nan")])
def test_edges_of_the_bins_are_numbers(edge):
    with pytest.raises(ValueError, match="start: expected a finite number of seconds"):
        bin_spikes([[0.1]], 0.1, edge, 1.0)


# Units, and what MATLAB and NumPy hand over.


def poisson_times(rate, duration, n_neurons, unit=1.0, seed=0):
    """Times of Poisson neurons, where a second is ``unit``."""
    rng = np.random.default_rng(seed)
    numbers = rng.poisson(rate * duration, n_neurons)
    return [np.sort(rng.uniform(0, unit * duration, n)) for n in numbers]


@pytest.mark.parametrize(("unit", "name"), [(1e3, "ms"), (1e6, "µs"), (3e4, "samples")])
@pytest.mark.parametrize("rate", [0.3, 8.0, 60.0])
@pytest.mark.parametrize("window", [(0.0, 600.0), (0.5, 40.0)])
def test_times_in_another_unit_are_noticed(unit, name, rate, window):
    times = poisson_times(rate, 600.0, 5, unit)
    with pytest.warns(UserWarning, match="spike_times: .* Are they in seconds"):
        bin_spikes(times, 0.02, *window)


@pytest.mark.parametrize("rate", [0.2, 8.0, 100.0])
@pytest.mark.parametrize("window", [(0.0, 3600.0), (0.0, 2.0), (1.5, 3.5), (1800.0, 1802.0)])
def test_times_in_seconds_are_not_doubted(rate, window, recwarn):
    times = poisson_times(rate, 3600.0, 20)
    bin_spikes(times, 0.02, *window)
    assert not recwarn.list


def test_a_window_or_a_width_in_ms_is_noticed():
    times = poisson_times(8.0, 60.0, 3)
    with pytest.warns(UserWarning, match="start and stop seem to be in another unit"):
        bin_spikes(times, 0.02, 0.0, 60e3)
    with pytest.warns(
        UserWarning, match="bin_width: 20 is taken in seconds; for bins of 20 ms"
    ):
        bin_spikes(times, 20, 0.0, 60.0)
    recording = bin_spikes(times, 0.02, 0.0, 60.0)
    with pytest.warns(UserWarning, match="event_times: no window of 2 events meets the record"):
        segment(recording, [70e3, 80e3], 0.1, 0.1, 0.02, 0.0, outside="nan")


def test_rows_columns_and_empty_matrices_of_times():
    times = [
        np.array([[0.01, 0.3]]),
        np.array([[0.01], [0.3]]),
        np.zeros((0, 0)),
        np.zeros((1, 0)),
    ]
    counts = bin_spikes(times, 0.1, 0.0, 0.4)
    np.testing.assert_array_equal(counts.T, [[1, 0, 0, 1]] * 2 + [[0] * 4] * 2)
    with pytest.raises(ValueError, match=r"received one column \(3, 1\). For a single neuron"):
        bin_spikes(np.array([[0.1], [0.2], [0.3]]), 0.1, 0.0, 0.4)


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        (["0.1", "0.2"], TypeError),
        (np.array(["2020-01-01"], "M8[s]"), TypeError),
        ([0.1 + 1j], TypeError),
        ([None], TypeError),
        (np.ma.masked_array([0.1, 0.2], mask=[True, False]), ValueError),
    ],
)
def test_times_that_are_no_times_are_refused(wrong, error):
    with pytest.raises(error, match="spike_times.*: expected"):
        bin_spikes([[0.1], wrong], 0.1, 0.0, 0.4)


def test_what_is_masked_is_not_observed():
    masked = np.ma.masked_array(np.arange(6)[:, None], mask=np.arange(6)[:, None] == 2)
    np.testing.assert_array_equal(rebin(masked, 2)[:, 0], [1, np.nan, 9])
    np.testing.assert_array_equal(chop(masked, 3, 0)[..., 0], [[0, 1, np.nan], [3, 4, 5]])
    np.testing.assert_array_equal(
        segment(masked, [0.2], 0.1, 0.2, 0.1, 0.0)[0, :, 0], [1, np.nan, 3]
    )


def test_times_and_window_in_ms_are_noticed():
    times = poisson_times(8.0, 60.0, 3, 1e3)
    with pytest.warns(UserWarning, match="neurons would fire 0.00.* Are they in seconds"):
        bin_spikes(times, 1.0 - 1e-9, 0.0, 60e3)


def test_counts_in_place_of_times_are_noticed():
    trains = np.random.default_rng(0).integers(0, 2, (3, 1000))
    with pytest.warns(UserWarning, match="3000 spikes came at 6 different times, as counts in"):
        bin_spikes(list(trains), 0.02, 0.0, 20.0)
    with pytest.raises(TypeError, match="spike_times of neuron 0: expected times .* flags"):
        bin_spikes(list(trains > 0), 0.02, 0.0, 20.0)


def test_flags_are_no_event_times():
    for flags in ([True, False], np.array([True, False])):
        with pytest.raises(TypeError, match="event_times: expected times .* received flags"):
            segment(np.ones((100, 3)), flags, 0.0, 0.1, 0.1, 0.0)


@pytest.mark.parametrize("outside", ["error", "drop", "nan"])
def test_a_window_longer_than_the_recording_is_named(outside):
    recording = np.ones((100, 3))
    for before, after, name in ((200.0, 0.1, "before"), (0.1, 400.0, "after")):
        with pytest.raises(ValueError, match=f"^(before, )?(after|{name}): expected a window"):
            segment(recording, [5.0], before, after, 0.1, 0.0, outside=outside)
    if outside == "nan":  # much of a window may lie outside
        assert segment(recording, [5.0], 20.0, 0.1, 0.1, 0.0, outside=outside).shape[1] == 201


def test_half_precision_holds_no_sums():
    counts = np.full((4, 2), 40_000, np.float16)
    assert rebin(counts, 2).tolist() == [[80_000.0] * 2] * 2
    assert rebin(np.ones((4096, 1), np.float16), 4096).item() == 4096
    assert rebin(counts.astype(np.float64), 2).dtype == np.float64


def test_a_matrix_filled_up_with_zeros_is_noticed():
    with pytest.warns(UserWarning, match="spike_times: rows of the matrix end in 0"):
        bin_spikes(np.array([[0.1, 0.2, 0, 0], [0.3, 0.4, 0.5, 0]]), 0.1, 0.0, 1.0)
    bin_spikes(np.array([[0.0, 0.1, 0.2], [0.0, 0.3, 0.5]]), 0.1, 0.0, 1.0)


def test_events_without_a_time_are_told_from_windows_that_leave_the_recording():
    message = (
        r"2 of 3 events .*: events 1, 2\. Pass .* Of these, events 1 have no time \(NaN\)\."
    )
    with pytest.raises(ValueError, match=message):
        segment(np.zeros((100, 2)), [0.5, np.nan, 7.0], 0.1, 0.1, 0.01, 0.0)
