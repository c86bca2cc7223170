"""Figures show what they say: the right data, names, units and order."""

import types

import matplotlib

matplotlib.use("Agg")

import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.colors import to_hex, to_rgb

from lfads_tf import plotting
from lfads_tf.analysis import coherence, cross_correlation, r_squared, smooth_gaussian
from lfads_tf.plotting import style

N_TRIALS, N_BINS, N_NEURONS, WIDTH = 12, 40, 9, 0.02


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    pyplot.close("all")


def rates_and_spikes(seed=0):
    rng = np.random.default_rng(seed)
    t = np.arange(N_BINS) * WIDTH
    phase = rng.uniform(0, 2 * np.pi, (N_TRIALS, 1, N_NEURONS))
    wave = np.sin(2 * np.pi * 2 * t[None, :, None] + phase)
    rates = 30.0 + np.linspace(5, 25, N_NEURONS) * wave
    return rates, rng.poisson(rates * WIDTH).astype(np.float32)


def session(**changes):
    rates, spikes = rates_and_spikes()
    fields = {
        "spikes": spikes,
        "bin_width": WIDTH,
        "true_rates": rates,
        "conditions": np.arange(N_TRIALS) % 3,
    }
    return types.SimpleNamespace(**(fields | changes))


def line(ax, label):
    found = [one for one in ax.get_lines() if one.get_label() == label]
    assert len(found) == 1, [one.get_label() for one in ax.get_lines()]
    return np.asarray(found[0].get_xdata(), float), np.asarray(found[0].get_ydata(), float)


def legend_texts(fig, ax=None):
    legends = fig.legends if ax is None else [ax.get_legend()]
    return [text.get_text() for legend in legends for text in legend.get_texts()]


def drawable(fig):
    """The figure draws; if it was made here, no name or legend lies over another panel."""
    fig.canvas.draw()
    if fig.get_layout_engine() is None:
        return
    shown = [ax for ax in fig.axes if ax.get_visible()]
    for ax in shown:
        for text in (ax.title, ax.xaxis.label, ax.yaxis.label):
            box = text.get_window_extent()
            for other in shown:
                over = other is not ax and text.get_text() and box.overlaps(other.bbox)
                assert not over, (text.get_text(), other.get_title())
    for legend in fig.legends:
        assert not any(legend.get_window_extent().overlaps(ax.bbox) for ax in shown)


class TestFieldPotential:
    """Rates that follow the field potential by 0.02 s, a quarter of their period."""

    def signals(self, n_neurons=None):
        rng = np.random.default_rng(0)
        phase = rng.uniform(0, 2 * np.pi, (30, 1))
        t = np.arange(100) * 0.01
        x, y = (np.cos(2 * np.pi * 12.5 * (t - lag) + phase) for lag in (0.0, 0.02))
        y = 10 + y + 0.5 * rng.normal(size=y.shape)
        if n_neurons:
            y = y[..., None] + rng.normal(size=(*y.shape, n_neurons))
        return y, x

    @pytest.mark.parametrize("n_neurons", [None, 4])
    def test_the_correlation_stands_over_the_band_of_the_shuffles(self, n_neurons):
        found = cross_correlation(*self.signals(n_neurons), 0.01, max_lag=0.05)
        fig, ax = found.plot(level=0.9)
        name = f"mean of {n_neurons} neurons" if n_neurons else "rates"
        assert legend_texts(fig, ax) == ["90% of shuffled trials", name]
        lags, values = line(ax, name)
        np.testing.assert_allclose(lags, np.arange(-5, 6) * 0.01, atol=1e-12)
        means = found.correlation.mean(axis=1) if n_neurons else found.correlation
        np.testing.assert_allclose(values, means)
        assert lags[values.argmax()] == pytest.approx(0.02)
        shuffled = found.shuffled.mean(axis=2) if n_neurons else found.shuffled
        low, high = np.quantile(shuffled, [0.05, 0.95], axis=0)
        edge = ax.collections[0].get_paths()[0].get_extents()
        assert (edge.y0, edge.y1) == pytest.approx((low.min(), high.max()))
        assert len(ax.get_lines()) == 3 + (n_neurons or 0)
        drawable(fig)

    @pytest.mark.parametrize("n_neurons", [None, 4])
    def test_coherence_and_its_phase_where_it_is_above_chance(self, n_neurons):
        found = coherence(*self.signals(n_neurons), 0.01)
        fig, axes = found.plot(level=0.99)
        name = f"mean of {n_neurons} neurons" if n_neurons else "rates"
        assert legend_texts(fig, axes[0]) == [name, "chance (99%)"]
        frequencies, values = line(axes[0], name)
        assert frequencies[values.argmax()] == pytest.approx(12.5, abs=0.51)
        _, chance = line(axes[0], "chance (99%)")
        assert set(chance) == {found.chance(0.99)}
        dots = [d for d in axes[1].get_lines() if d.get_marker() == "."]
        assert len(dots) == (n_neurons or 1)
        shown = ~np.isnan(np.asarray(dots[0].get_ydata(), float))
        of_first = found.coherence[:, 0] if n_neurons else found.coherence
        np.testing.assert_array_equal(shown, of_first > found.chance(0.99))
        at = int(np.argmin(np.abs(frequencies - 12.0)))
        assert dots[0].get_ydata()[at] == pytest.approx(np.pi / 2, abs=0.2)
        drawable(fig)

    def test_into_given_axes(self):
        fig, given = pyplot.subplots(1, 2)
        y, x = self.signals()
        found = cross_correlation(y, x, 0.01, max_lag=0.1, n_shuffles=9)
        assert found.plot(ax=given[0]) == (fig, given[0])
        also = coherence(y, x, 0.01)
        _, axes = also.plot(with_phase=False, axes=given[1])
        assert axes.tolist() == [given[1]]
        with pytest.raises(ValueError, match="axes: expected 2 axes"):
            also.plot(axes=given[1])
        with pytest.raises(ValueError, match="level: expected above 0 and below 1"):
            found.plot(level=95, ax=given[0])


class TestTrials:
    def test_rows_and_columns(self):
        data = session()
        inferred = types.SimpleNamespace(rates=data.true_rates + 3.0)
        fig, axes = plotting.plot_trials(data, inferred, trials=[2, 7], neurons=[4, 0, 8])
        assert axes.shape == (4 + 3, 2)
        assert [ax.get_title() for ax in axes[0]] == [
            "trial 2, condition 2",
            "trial 7, condition 1",
        ]
        labels = [ax.get_ylabel().split("\n")[0] for ax in axes[:, 0]]
        images, traces = labels[:4], labels[4:]
        assert images == ["spikes", "smoothed", "LFADS", "true"]
        assert traces == ["neuron 4", "neuron 0", "neuron 8"]
        assert {ax.get_xlabel() for ax in axes[-1]} == {"time (s)"}
        assert legend_texts(fig) == ["smoothed", "LFADS", "true", "spike counts"]
        drawable(fig)

    def test_images_and_traces_are_the_data(self):
        data = session()
        inferred = data.true_rates[..., ::-1] + 3.0
        _, axes = plotting.plot_trials(
            data, inferred, trials=[2, 7], neurons=[4], smoothing_sd=0.06, start=-0.3
        )
        smoothed = smooth_gaussian(data.spikes, WIDTH, 0.06)
        images = [axes[row, 1].get_images()[0].get_array().filled(np.nan) for row in range(4)]
        order = [int(np.argmin(np.abs(inferred[7].T - row).sum(axis=1))) for row in images[2]]
        assert sorted(order) == list(range(N_NEURONS))
        for image, array in zip(
            images, (data.spikes, smoothed, inferred, data.true_rates), strict=True
        ):
            np.testing.assert_allclose(image, array[7].T[order], rtol=1e-6)
        # The row that the image names 4 is that of neuron 4.
        (tick,), (text,) = axes[2, 0].get_yticks(), axes[2, 0].get_yticklabels()
        assert (order[int(tick)], text.get_text()) == (4, "4")
        expected_time = -0.3 + (np.arange(N_BINS) + 0.5) * WIDTH
        for name, array in (
            ("smoothed", smoothed),
            ("LFADS", inferred),
            ("true", data.true_rates),
        ):
            time, values = line(axes[4, 1], name)
            np.testing.assert_allclose(time, expected_time)
            np.testing.assert_allclose(values, array[7, :, 4], rtol=1e-6)
        left, right = axes[2, 1].get_images()[0].get_extent()[:2]
        assert (left, right) == pytest.approx((-0.3, -0.3 + N_BINS * WIDTH))

    def test_all_rates_share_one_scale_of_colours(self):
        data = session()
        _, axes = plotting.plot_trials(data, data.true_rates * 2)
        limits = {ax.get_images()[0].get_clim() for ax in axes[1:4].ravel()}
        assert len(limits) == 1
        assert limits.pop()[0] == 0.0

    def test_neurons_that_vary_together_are_neighbours(self):
        rng = np.random.default_rng(0)
        common = rng.normal(size=(N_TRIALS, N_BINS, 1))
        sign = np.where(np.arange(N_NEURONS) % 2, 1.0, -1.0)
        rates = 20 + sign * common + 0.1 * rng.normal(size=(N_TRIALS, N_BINS, N_NEURONS))
        _, axes = plotting.plot_trials(np.ones_like(rates), rates, bin_width=WIDTH, trials=[0])
        image = axes[2, 0].get_images()[0].get_array()
        signs = [np.sign(np.corrcoef(row, common[0, :, 0])[0, 1]) for row in image]
        assert np.count_nonzero(np.diff(signs)) == 1

    def test_counts_alone_without_truth(self):
        rates, spikes = rates_and_spikes()
        fig, axes = plotting.plot_trials(spikes, rates, bin_width=WIDTH)
        assert axes.shape == (3 + 3, 3)
        assert [ax.get_title() for ax in axes[0]] == ["trial 0", "trial 6", "trial 11"]
        assert legend_texts(fig) == ["smoothed", "LFADS", "spike counts"]

    def test_what_was_not_observed_is_not_drawn_as_data(self):
        data = session()
        data.spikes[3, 25:] = np.nan
        data.spikes[5] = np.nan
        fig, axes = plotting.plot_trials(data, data.true_rates, trials=[3, 5], neurons=[1])
        for row in (0, 1):
            masked = np.ma.getmaskarray(axes[row, 0].get_images()[0].get_array())
            assert masked[:, 25:].all()
            assert not masked[:, :25].any()
        assert np.isnan(line(axes[-1, 0], "smoothed")[1][25:]).all()
        drawable(fig)

    def test_given_axes(self):
        rates, spikes = rates_and_spikes()
        _, given = pyplot.subplots(4, 2)
        fig, axes = plotting.plot_trials(
            spikes, rates, bin_width=WIDTH, trials=[0, 1], neurons=[2], axes=given
        )
        assert axes[0, 0] is given[0, 0]
        assert fig is given[0, 0].figure
        assert not fig.legends
        drawable(fig)

    def test_wrong_arguments(self):
        rates, spikes = rates_and_spikes()
        with pytest.raises(ValueError, match="bin_width: expected the width .* received none"):
            plotting.plot_trials(spikes, rates)
        with pytest.raises(
            ValueError, match=r"inferred: expected rates of shape \(12, 40, 9\)"
        ):
            plotting.plot_trials(spikes, rates[:5], bin_width=WIDTH)
        with pytest.raises(ValueError, match=r"true_rates: expected rates of shape"):
            plotting.plot_trials(spikes, rates, bin_width=WIDTH, true_rates=rates[:, 1:])
        with pytest.raises(
            ValueError, match="trials: expected numbers from 0 to 11, received 12"
        ):
            plotting.plot_trials(spikes, rates, bin_width=WIDTH, trials=[0, 12])
        with pytest.raises(ValueError, match="neurons: expected numbers from 0 to 8, .* -1"):
            plotting.plot_trials(spikes, rates, bin_width=WIDTH, neurons=-1)
        with pytest.raises(ValueError, match="neurons: expected whole numbers"):
            plotting.plot_trials(spikes, rates, bin_width=WIDTH, neurons=[0.5])
        with pytest.raises(
            ValueError, match=r"inferred: expected rates .* received a NoneType"
        ):
            plotting.plot_trials(spikes, None, bin_width=WIDTH)
        with pytest.raises(ValueError, match=r"axes: expected 18 axes \(6 rows of 3\), .* 1\."):
            plotting.plot_trials(spikes, rates, bin_width=WIDTH, axes=pyplot.subplots()[1])


class TestFactors:
    def factors(self):
        rng = np.random.default_rng(0)
        scale = np.array([1.0, 5.0, 0.1, 3.0])
        return rng.normal(size=(N_TRIALS, N_BINS, 4)) * scale

    def test_sorted_by_variance_with_the_mean_of_each_condition(self):
        factors, conditions = self.factors(), np.array(["left", "right", "up"] * 4)
        fig, axes = plotting.plot_factors(
            types.SimpleNamespace(factors=factors), conditions, bin_width=WIDTH, n_factors=3
        )
        assert [ax.get_title().split(" (")[0] for ax in axes] == [
            "factor 1",
            "factor 3",
            "factor 0",
        ]
        share = factors.var(axis=(0, 1)) / factors.var(axis=(0, 1)).sum()
        assert axes[0].get_title() == f"factor 1 ({share[1]:.0%})"
        for name in ("left", "right", "up"):
            _, values = line(axes[1], name)
            expected = factors[conditions == name, :, 3].mean(axis=0)
            np.testing.assert_allclose(values, expected)
        assert legend_texts(fig) == ["left", "right", "up"]
        assert axes[0].get_ylabel() == "factor (a.u.)"
        assert axes[0].get_xlabel() == "time (s)"
        drawable(fig)

    def test_number_of_single_trials(self):
        factors = self.factors()
        conditions = np.arange(N_TRIALS) % 2
        for n, expected in ((0, 2), (2, 2 + 4), (100, 2 + N_TRIALS)):
            _, axes = plotting.plot_factors(
                factors, conditions, bin_width=WIDTH, n_single_trials=n
            )
            assert len(axes[0].get_lines()) == expected

    def test_without_conditions(self):
        factors = self.factors()
        fig, axes = plotting.plot_factors(factors, bin_width=WIDTH)
        assert len(axes) == 4
        _, values = line(axes[0], "mean over trials")
        np.testing.assert_allclose(values, factors[..., 1].mean(axis=0))
        assert legend_texts(fig) == ["single trials", "mean over trials"]

    def test_many_conditions_have_as_many_colours(self):
        key = style.condition_key(np.arange(20), 20)
        assert len({tuple(color) for _, color, _ in key}) == 20
        few = style.condition_key(np.arange(7), 7)
        assert len({color for _, color, _ in few}) == 7

    def test_cyclic_conditions_have_the_colours_of_a_circle(self):
        """Each is next to its neighbours, the last to the first too, and no two are alike."""
        for n in (8, 12, 16):
            colors = plotting.condition_colors(np.arange(n), cyclic=True)
            rgb = np.array([to_rgb(color) for color in colors.values()])
            apart = np.linalg.norm(rgb[:, None] - rgb, axis=-1)
            beside = apart[np.arange(n), (np.arange(n) + 1) % n]
            opposite = apart[np.arange(n), (np.arange(n) + n // 2) % n]
            assert beside.mean() < 0.5 * opposite.mean()
            assert apart[~np.eye(n, dtype=bool)].min() > 0.1
        factors, kinds = self.factors(), np.arange(N_TRIALS) % 4
        _, axes = plotting.plot_factors(
            factors, kinds, bin_width=WIDTH, n_single_trials=0, cyclic=True
        )
        drawn = [to_hex(one.get_color()) for one in axes[0].get_lines()]
        assert drawn == list(plotting.condition_colors(kinds, cyclic=True).values())
        with pytest.raises(TypeError, match="cyclic: expected True or False, received 'no'"):
            plotting.plot_factors(factors, kinds, bin_width=WIDTH, cyclic="no")

    @pytest.mark.parametrize(
        "names",
        [
            ["45 deg", "90 deg", "135 deg", "315 deg"],
            ["-90", "-45", "0", "45", "180"],
            ["target 2", "target 10"],
            ["2024-01-31", "2024-02-01", "2024-11-02"],
            ["down", "left", "up"],
        ],
    )
    def test_numbers_in_the_names_of_conditions_are_in_order(self, names):
        rng = np.random.default_rng(0)
        shuffled = rng.permutation(np.repeat(names, 3))
        assert list(plotting.condition_colors(shuffled)) == names

    def test_given_axes(self):
        _, given = pyplot.subplots(2, 2)
        fig, axes = plotting.plot_factors(
            self.factors(), np.arange(N_TRIALS) % 2, bin_width=WIDTH, axes=given
        )
        assert list(axes) == list(given.ravel())
        assert legend_texts(fig, given[0, 0]) == ["0", "1"]
        drawable(fig)

    def test_wrong_arguments(self):
        factors = self.factors()
        with pytest.raises(ValueError, match="conditions: expected one for each of 12 trials"):
            plotting.plot_factors(factors, np.zeros(11), bin_width=WIDTH)
        with pytest.raises(
            ValueError, match=r"inferred: expected factors of shape .* \(40, 4\)"
        ):
            plotting.plot_factors(factors[0], bin_width=WIDTH)
        with pytest.raises(ValueError, match="n_factors: expected .* at least 1"):
            plotting.plot_factors(factors, bin_width=WIDTH, n_factors=0)
        with pytest.raises(ValueError, match="bin_width: expected a positive number"):
            plotting.plot_factors(factors, bin_width=0)


class TestInitialConditions:
    def test_points_keep_distances_and_labels_say_variance(self):
        rng = np.random.default_rng(0)
        plane = rng.normal(size=(50, 2)) * [3.0, 1.0]
        basis = np.linalg.qr(rng.normal(size=(6, 6)))[0][:2]
        means = plane @ basis + 5.0
        fig, ax = plotting.plot_initial_conditions(
            types.SimpleNamespace(initial_condition_mean=means)
        )
        points = np.stack(line(ax, "trials"), axis=1)

        def distances(x):
            return np.linalg.norm(x[:, None] - x[None], axis=-1)

        np.testing.assert_allclose(distances(points), distances(plane), atol=1e-9)
        share = points.var(axis=0) / plane.var(axis=0).sum()
        assert share.sum() == pytest.approx(1.0)
        assert ax.get_xlabel() == f"PC 1 ({share[0]:.0%})"
        assert ax.get_ylabel() == f"PC 2 ({share[1]:.0%})"
        drawable(fig)

    def test_conditions(self):
        rng = np.random.default_rng(0)
        conditions = np.arange(30) % 3
        means = rng.normal(size=(30, 4)) + 10 * np.eye(3, 4)[conditions]
        fig, ax = plotting.plot_initial_conditions(means, conditions)
        assert legend_texts(fig, ax) == ["0", "1", "2"]
        lines = ax.get_lines()
        assert [len(one.get_xdata()) for one in lines] == [10, 10, 10]
        assert len({one.get_marker() for one in lines}) == 3
        assert len({one.get_color() for one in lines}) == 3
        centres = np.array([[np.mean(x) for x in one.get_data()] for one in lines])
        assert min(np.linalg.norm(np.diff(centres, axis=0), axis=1)) > 5
        drawable(fig)

    def test_other_components(self):
        means = np.random.default_rng(0).normal(size=(50, 4)) * [4.0, 2.0, 1.0, 0.1]
        _, ax = plotting.plot_initial_conditions(means, components=(2, 3))
        assert ax.get_xlabel().startswith("PC 2")
        assert np.std(ax.get_lines()[0].get_xdata()) == pytest.approx(2.0, rel=0.2)

    @pytest.mark.parametrize("shape", [(50, 1), (1, 4)])
    def test_one_dimension_or_one_trial(self, shape):
        fig, ax = plotting.plot_initial_conditions(np.random.default_rng(0).normal(size=shape))
        assert len(ax.get_lines()[0].get_xdata()) == shape[0]
        assert ax.get_ylabel() == "PC 2 (0%)"
        drawable(fig)

    def test_given_axes(self):
        _, given = pyplot.subplots()
        fig, ax = plotting.plot_initial_conditions(np.eye(3), ax=given)
        assert ax is given
        assert fig is given.figure

    def test_wrong_arguments(self):
        means = np.random.default_rng(0).normal(size=(50, 4))
        for wrong in ((0, 1), (1.5, 2), (1,)):
            with pytest.raises(ValueError, match="components: expected two whole numbers"):
                plotting.plot_initial_conditions(means, components=wrong)
        with pytest.raises(ValueError, match="components: expected numbers up to 4"):
            plotting.plot_initial_conditions(means, components=(1, 5))
        with pytest.raises(ValueError, match="ax: expected axes of matplotlib"):
            plotting.plot_initial_conditions(means, ax=3)


class TestInferredInputs:
    def pulses(self, events):
        mean = np.zeros((len(events), N_BINS, 2), np.float32)
        mean[np.arange(len(events)), events, 0] = 1.0
        return mean

    def test_average_over_trials(self):
        rng = np.random.default_rng(0)
        mean, conditions = rng.normal(size=(N_TRIALS, N_BINS, 2)), np.arange(N_TRIALS) % 2
        fig, axes = plotting.plot_inferred_inputs(
            types.SimpleNamespace(inferred_input_mean=mean),
            bin_width=WIDTH,
            conditions=conditions,
            event_bins=10,
            start=-0.2,
        )
        assert axes.shape == (2, 1)
        for condition in (0, 1):
            time, values = line(axes[1, 0], str(condition))
            expected = mean[conditions == condition, :, 1].mean(axis=0)
            np.testing.assert_allclose(values, expected)
        np.testing.assert_allclose(time, -0.2 + (np.arange(N_BINS) + 0.5) * WIDTH)
        assert axes[1, 0].get_xlabel() == "time (s)"
        vertical = [x.get_xdata()[0] for x in axes[0, 0].get_lines() if len(x.get_xdata()) == 2]
        assert pytest.approx(-0.2 + 10.5 * WIDTH) in vertical
        band = axes[0, 0].collections[0].get_paths()[0].vertices[:, 1]
        first = mean[conditions == 0, :, 0]
        highest = (first.mean(axis=0) + first.std(axis=0)).max()
        assert band.max() == pytest.approx(highest)
        assert legend_texts(fig) == ["0", "1"]
        drawable(fig)

    def test_events_at_different_times_are_aligned(self):
        events = np.arange(8, 32)
        _, axes = plotting.plot_inferred_inputs(
            self.pulses(events), bin_width=WIDTH, event_bins=events
        )
        pulse = axes[0, 0].get_lines()[0]
        time, values = np.asarray(pulse.get_xdata()), np.asarray(pulse.get_ydata())
        at = int(np.argmin(np.abs(time)))
        assert time[at] == pytest.approx(0.0)
        assert values[at] == 1.0
        assert np.delete(values, at).max() == 0.0
        assert axes[1, 0].get_xlabel() == "time from event (s)"
        # At least half of the trials reach each time drawn.
        lags = np.round(time / WIDTH).astype(int)
        reach = [np.mean((events + lag >= 0) & (events + lag < N_BINS)) for lag in lags]
        assert min(reach) >= 0.5

    def test_trials_without_an_event_are_left_out_of_the_aligned_mean(self):
        events = np.array([10, 20, 30, 25])
        mean = self.pulses(events)
        mean[3] = 100.0
        _, axes = plotting.plot_inferred_inputs(
            mean, bin_width=WIDTH, event_bins=[10, 20, 30, np.nan]
        )
        assert np.max(axes[0, 0].get_lines()[0].get_ydata()) == 1.0

    def test_single_trials_with_the_posteriors_deviation(self):
        events = np.arange(8, 32)
        mean = self.pulses(events)
        inferred = types.SimpleNamespace(
            inferred_input_mean=mean, inferred_input_sd=np.full_like(mean, 0.25)
        )
        fig, axes = plotting.plot_inferred_inputs(
            inferred, bin_width=WIDTH, event_bins=events, trials=[3, 5, 9]
        )
        assert axes.shape == (2, 3)
        assert [ax.get_title() for ax in axes[0]] == ["trial 3", "trial 5", "trial 9"]
        for ax, trial in zip(axes[0], (3, 5, 9), strict=True):
            np.testing.assert_allclose(ax.get_lines()[0].get_ydata(), mean[trial, :, 0])
            mark = ax.get_lines()[1].get_xdata()[0]
            assert mark == pytest.approx((events[trial] + 0.5) * WIDTH)
            band = ax.collections[0].get_paths()[0].vertices[:, 1]
            assert (band.min(), band.max()) == pytest.approx((-0.25, 1.25))
        drawable(fig)

    def test_many_conditions_have_no_bands(self):
        mean = np.random.default_rng(0).normal(size=(N_TRIALS, N_BINS, 1))
        _, axes = plotting.plot_inferred_inputs(
            mean, bin_width=WIDTH, conditions=np.arange(N_TRIALS) % 4
        )
        assert not axes[0, 0].collections
        assert "s.d." not in axes[0, 0].get_ylabel()

    def test_wrong_arguments(self):
        mean = np.zeros((N_TRIALS, N_BINS, 2))
        with pytest.raises(ValueError, match="inferred: .* the model has no controller"):
            plotting.plot_inferred_inputs(mean[..., :0], bin_width=WIDTH)
        with pytest.raises(
            ValueError, match="event_bins: expected numbers from 0 to 39, .* 40"
        ):
            plotting.plot_inferred_inputs(mean, bin_width=WIDTH, event_bins=40)
        with pytest.raises(
            ValueError, match="event_bins: expected one number, or one for each"
        ):
            plotting.plot_inferred_inputs(mean, bin_width=WIDTH, event_bins=[1, 2])
        with pytest.raises(ValueError, match="trials: expected numbers from 0 to 11"):
            plotting.plot_inferred_inputs(mean, bin_width=WIDTH, trials=[12])
        with pytest.raises(ValueError, match="conditions: expected none beside trials"):
            plotting.plot_inferred_inputs(
                mean, bin_width=WIDTH, trials=[1], conditions=np.zeros(N_TRIALS)
            )


class TestHistory:
    def history(self, n=60):
        epochs = np.arange(n)
        nll = 0.1 + 5.0 * np.exp(-epochs) + 0.05 * np.exp(-epochs / 20)
        return {
            "loss": list(nll + 0.01),
            "nll": list(nll),
            "val_nll": list(nll + 0.01),
            "val_nll_smoothed": list(nll + 0.01 + 1e-4 * np.maximum(0, epochs - 40)),
            "kl_initial_condition": list(0.02 * np.exp(-epochs / 30)),
            "kl_inferred_inputs": [0.0] * n,
            "l2": list(np.full(n, 0.001)),
            "warm_up": list(np.minimum(1, epochs / 20)),
            "learning_rate": list(0.004 * 0.9 ** (epochs // 10)),
        }

    def test_a_panel_for_each_part_that_is_there(self):
        fig, axes = plotting.plot_history(self.history())
        assert [ax.get_title() for ax in axes] == [
            "negative log-likelihood",
            "loss",
            "KL of initial conditions",
            "L2 penalty",
            "warm-up",
            "learning rate",
        ]
        assert axes[5].get_yscale() == "log"
        assert {ax.get_ylabel() for ax in axes[:4]} == {"nats/sample"}
        limits = {ax.get_xlim() for ax in axes}
        assert len(limits) == 1
        drawable(fig)

    def test_lines_are_the_columns(self):
        history = self.history()
        _, axes = plotting.plot_history(types.SimpleNamespace(history=history))
        for name, label in (
            ("nll", "training"),
            ("val_nll", "validation trials"),
            ("val_nll_smoothed", "validation, smoothed"),
        ):
            epochs, values = line(axes[0], label)
            np.testing.assert_array_equal(epochs, np.arange(1, 61))
            np.testing.assert_array_equal(values, history[name])

    def test_best_epoch_is_marked(self):
        history = self.history()
        fig, axes = plotting.plot_history(history)
        best = int(np.argmin(history["val_nll_smoothed"])) + 1
        assert f"best (epoch {best})" in legend_texts(fig)
        for ax in axes:
            assert any(list(one.get_xdata()) == [best, best] for one in ax.get_lines())

    def test_the_first_steps_do_not_flatten_the_rest(self):
        _, axes = plotting.plot_history(self.history(200))
        low, high = axes[0].get_ylim()
        assert low < 0.1
        assert high < 0.3

    def test_epochs_without_validation(self):
        history = {"nll": [3.0, 2.0, 1.0, 0.5], "val_nll": [None, 2.5, None, 0.9]}
        fig, axes = plotting.plot_history(history)
        epochs, values = line(axes[0], "validation trials")
        np.testing.assert_array_equal(epochs, [2, 4])
        np.testing.assert_array_equal(values, [2.5, 0.9])
        drawable(fig)

    def test_one_epoch(self):
        fig, axes = plotting.plot_history({"nll": [1.0], "learning_rate": [0.01]})
        assert len(axes) == 2
        drawable(fig)

    def test_wrong_arguments(self):
        with pytest.raises(
            TypeError, match="history: expected what fit returned.* received int"
        ):
            plotting.plot_history(3)
        with pytest.raises(
            ValueError, match="history: expected at least one .* received accur"
        ):
            plotting.plot_history({"accuracy": [1.0]})
        with pytest.raises(ValueError, match="one length, received nll: 2, loss: 1"):
            plotting.plot_history({"nll": [1.0, 2.0], "loss": [1.0]})


class TestRatesAgainstTruth:
    def estimate(self):
        true, spikes = rates_and_spikes()
        noise = np.random.default_rng(1).normal(size=true.shape)
        return true, true + np.linspace(0.5, 8.0, N_NEURONS) * noise, spikes

    def test_traces_histogram_and_score(self):
        true, rates, spikes = self.estimate()
        smoothed = smooth_gaussian(spikes, WIDTH, 0.05)
        fig, axes = plotting.plot_rates_against_truth(
            types.SimpleNamespace(rates=rates),
            true,
            bin_width=WIDTH,
            smoothed=smoothed,
            trials=[1, 2],
            neurons=[5, 6],
        )
        assert len(axes) == 4 + 2
        for ax, (neuron, trial) in zip(axes, [(5, 1), (5, 2), (6, 1), (6, 2)], strict=False):
            for name, array in (("LFADS", rates), ("smoothed", smoothed), ("true", true)):
                np.testing.assert_allclose(line(ax, name)[1], array[trial, :, neuron])
            # Neither the truth nor the estimate leaves the panel.
            assert ax.get_ylim()[1] >= max(
                true[trial, :, neuron].max(), rates[trial, :, neuron].max()
            )
        score = r_squared(true, rates)
        assert axes[4].get_title() == f"LFADS: R² = {score:.2f}\n(mean over neurons)"
        score = r_squared(true, smoothed)
        assert axes[5].get_title().startswith(f"smoothed: R² = {score:.2f}\n")
        assert axes[4].get_xlabel() == "true rate (spikes/s)"
        assert legend_texts(fig) == ["smoothed", "LFADS", "true"]
        drawable(fig)

    def test_a_good_a_typical_and_a_bad_neuron(self):
        true, rates, _ = self.estimate()
        each = r_squared(true, rates, average=None)
        _, axes = plotting.plot_rates_against_truth(rates, true, bin_width=WIDTH, trials=[0])
        shown = [int(ax.get_ylabel().split()[1]) for ax in axes[:3]]
        order = np.argsort(each)
        assert shown == [order[7], order[4], order[1]]
        assert axes[0].get_ylabel().endswith(f"R² = {each[order[7]]:.2f}")

    def test_every_sample_is_counted_where_rates_span_decades(self):
        rng = np.random.default_rng(0)
        true = np.exp(2.0 * rng.normal(size=(10, 30, 4)))
        rates = true * np.exp(rng.normal(size=true.shape))
        rates[0, 0] = 0.0
        _, axes = plotting.plot_rates_against_truth(
            rates, true, bin_width=WIDTH, average="pooled"
        )
        assert axes[-1].get_xscale() == "log"
        counts = axes[-1].collections[0].get_array()
        assert counts.sum() == true.size
        assert "pooled over neurons" in axes[-1].get_title()

    def test_unknown_truth_is_left_out(self):
        true, rates, _ = self.estimate()
        score = r_squared(true[:, :30], rates[:, :30])
        true[:, 30:] = np.nan
        rates[:, 35:] = np.nan
        fig, axes = plotting.plot_rates_against_truth(rates, true, bin_width=WIDTH)
        assert axes[-1].get_title().startswith(f"LFADS: R² = {score:.2f}")
        drawable(fig)

    def test_given_axes(self):
        true, rates, _ = self.estimate()
        _, given = pyplot.subplots(1, 3)
        fig, axes = plotting.plot_rates_against_truth(
            rates, true, bin_width=WIDTH, trials=[0], neurons=[1, 2], axes=given
        )
        assert list(axes) == list(given)
        drawable(fig)

    def test_wrong_arguments(self):
        true, rates, _ = self.estimate()
        with pytest.raises(
            ValueError, match=r"rates: expected shape \(12, 40, 9\), as true_rates'"
        ):
            plotting.plot_rates_against_truth(rates[:3], true, bin_width=WIDTH)
        with pytest.raises(ValueError, match="smoothed: expected shape"):
            plotting.plot_rates_against_truth(rates, true, bin_width=WIDTH, smoothed=true[:2])
        with pytest.raises(ValueError, match="neurons: expected numbers from 0 to 8"):
            plotting.plot_rates_against_truth(rates, true, bin_width=WIDTH, neurons=[9])
        with pytest.raises(ValueError, match="average: expected 'neurons' or 'pooled'"):
            plotting.plot_rates_against_truth(rates, true, bin_width=WIDTH, average=None)
        with pytest.raises(ValueError, match="true_rates: expected known rates"):
            plotting.plot_rates_against_truth(
                rates, np.full_like(true, np.nan), bin_width=WIDTH
            )


def test_many_conditions_are_not_all_listed():
    rng = np.random.default_rng(0)
    factors, means = rng.normal(size=(60, 10, 3)), rng.normal(size=(60, 4))
    conditions = np.repeat(np.arange(30), 2)
    figure, axes = plotting.plot_factors(factors, conditions, bin_width=0.01)
    assert len(figure.legends[0].get_texts()) < 10
    assert "6 of 30 conditions" in figure.legends[0].get_title().get_text()
    _, ax = plotting.plot_initial_conditions(means, conditions)
    assert ax.get_legend() is None
    assert "30 conditions" in ax.get_title()


def test_a_width_of_bins_that_contradicts_the_sessions_is_refused():
    rates = np.full((6, 8, 5), 20.0)
    session = types.SimpleNamespace(spikes=np.ones((6, 8, 5)), bin_width=0.02, true_rates=None)
    with pytest.raises(ValueError, match="bin_width: expected 0.02 s, the session's, or none"):
        plotting.plot_trials(session, rates, bin_width=0.05)
