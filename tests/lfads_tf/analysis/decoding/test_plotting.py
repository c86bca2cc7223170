"""Figures of decoding and separation show the numbers of their results."""

import matplotlib

matplotlib.use("Agg")

import numpy as np
import pytest
from matplotlib import pyplot

from lfads_tf.analysis import (
    OverDimensions,
    Separation,
    plot_decoded,
    plot_over_dimensions,
    plot_separation,
)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    pyplot.close("all")


def over(scale=1.0):
    r_squared = scale * np.array([[0.2, 0.4], [0.7, 0.8], [0.8, 0.9]])
    return OverDimensions(np.array([1, 5, 40]), r_squared, r_squared)


def apart(n_bins=8, seed=0):
    conditions = np.arange(12) % 4
    told = conditions[:, None].repeat(n_bins, 1)
    told[:, :3] = np.random.default_rng(seed).integers(0, 4, (12, 3))
    return Separation(np.arange(4), conditions, told, 0.25)


def line(ax, label):
    (found,) = [one for one in ax.get_lines() if one.get_label() == label]
    return np.asarray(found.get_xdata(), float), np.asarray(found.get_ydata(), float)


def test_over_dimensions():
    fig, ax = plot_over_dimensions(
        {"factors": over(), "smoothed": over(0.5)}, levels={"Wiener": 0.6}
    )
    x, y = line(ax, "factors")
    np.testing.assert_array_equal(x, [1, 5, 40])
    np.testing.assert_allclose(y, [0.3, 0.75, 0.85])
    assert (line(ax, "Wiener")[1] == 0.6).all()
    assert [t.get_text() for t in ax.get_xticklabels()] == ["1", "2", "5", "10", "20"]
    assert [t.get_text() for t in ax.get_legend().get_texts()] == [
        "factors",
        "smoothed",
        "Wiener",
    ]
    fig.canvas.draw()


def test_separation():
    result = apart()
    fig, ax = plot_separation(
        {"factors": result}, bin_width=0.1, start=-0.3, event=0.0, event_name="go"
    )
    x, y = line(ax, "factors")
    np.testing.assert_allclose(x, -0.25 + 0.1 * np.arange(8))
    np.testing.assert_array_equal(y, result.accuracy)
    assert (line(ax, "chance")[1] == 0.25).all()
    assert [text.get_text() for text in ax.texts] == ["go"]
    assert ax.get_ylabel() == "accuracy (4 conditions)"
    fig.canvas.draw()


def test_decoded():
    truth = np.random.default_rng(0).normal(size=(5, 10, 3))
    fig, axes = plot_decoded(
        truth,
        {"LFADS": truth + 1.0},
        bin_width=0.05,
        trials=[4, 1],
        dimensions=[2],
        names=["x", "y", "grip (N)"],
    )
    assert axes.shape == (1, 2) and axes[0, 0].get_ylabel() == "grip (N)"
    np.testing.assert_array_equal(line(axes[0, 1], "measured")[1], truth[1, :, 2])
    np.testing.assert_array_equal(line(axes[0, 0], "LFADS")[1], truth[4, :, 2] + 1)
    fig.canvas.draw()


def test_axes_that_are_given():
    figure, axes = pyplot.subplots(1, 4)
    assert plot_over_dimensions({"a": over()}, ax=axes[0]) == (figure, axes[0])
    same, ax = plot_separation({"a": apart()}, bin_width=0.1, ax=axes[1])
    assert same is figure and ax is axes[1]
    truth = np.zeros((2, 10, 1))
    same, grid = plot_decoded(truth, {"a": truth}, bin_width=0.1, axes=axes[2:])
    assert same is figure and grid.shape == (1, 2)


def test_wrong_arguments():
    with pytest.raises(TypeError, match="results: expected OverDimensions by name, received"):
        plot_over_dimensions(over())
    with pytest.raises(TypeError, match="received Separation for 'a'"):
        plot_over_dimensions({"a": apart()})
    with pytest.raises(ValueError, match="results: expected 1 to 7, received 0"):
        plot_separation({}, bin_width=0.1)
    with pytest.raises(ValueError, match=r"the same number of bins in all, received \[8, 9\]"):
        plot_separation({"a": apart(), "b": apart(9)}, bin_width=0.1)
    truth = np.zeros((2, 10, 1))
    with pytest.raises(ValueError, match=r"predictions: expected shape \(2, 10, 1\).* for 'a'"):
        plot_decoded(truth, {"a": truth[1:]}, bin_width=0.1)
    with pytest.raises(ValueError, match="names: expected 1, one a dimension"):
        plot_decoded(truth, {"a": truth}, bin_width=0.1, names=["x", "y"])
    for wrong in (truth.astype(str), truth + 1j, truth.astype("M8[D]")):
        with pytest.raises(TypeError, match="predictions: expected an array of real"):
            plot_decoded(truth, {"a": wrong}, bin_width=0.1)


def test_what_is_masked_is_not_drawn():
    truth = np.zeros((2, 10, 1))
    masked = np.ma.masked_array(truth + 1, mask=np.arange(10)[:, None] + truth < 3)
    _, axes = plot_decoded(truth, {"a": masked}, bin_width=0.1)
    drawn = next(line for line in axes[0, 0].lines if line.get_label() == "a")
    assert np.isnan(drawn.get_ydata()).tolist() == [True] * 3 + [False] * 7
