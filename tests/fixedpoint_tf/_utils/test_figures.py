"""One style of figures: frames, panels, legends and files."""

import matplotlib

matplotlib.use("Agg")

import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.image import imread

from fixedpoint_tf._utils import figures


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    pyplot.close("all")


def sides(ax):
    return {name for name, spine in ax.spines.items() if spine.get_visible()}


def test_flat_axes_have_two_sides():
    _, own = figures.new_axes()
    _, given = figures.new_axes(ax=pyplot.subplots()[1])
    _, grid = figures.panels(None, 2, 2, size=(1.0, 1.0))
    for ax in (own, given, *grid.ravel()):
        assert sides(ax) == {"left", "bottom"}


def test_axes_must_be_of_a_figure_and_of_the_dimension():
    with pytest.raises(ValueError, match="ax: expected axes that belong to a figure, rec.* 3"):
        figures.new_axes(ax=3)
    with pytest.raises(ValueError, match="ax: expected 3d axes, received rectilinear axes"):
        figures.new_axes(ax=pyplot.subplots()[1], projection="3d")
    with pytest.raises(ValueError, match=r"axes: expected 4 axes \(2 rows of 2\), received 3"):
        figures.panels(pyplot.subplots(1, 3)[1], 2, 2, size=(1.0, 1.0))


def test_panels_that_are_not_needed_are_hidden():
    _, grid = figures.panel_rows(None, 5, size=(1.0, 1.0), most_columns=3)
    assert [ax.get_visible() for ax in grid.ravel()] == [True] * 5 + [False]


@pytest.mark.parametrize(
    "names", [["a"], ["a", "b", "c", "d"], ["a long name"] * 9, ["x" * 60] * 2]
)
def test_a_legend_stands_over_the_axes_and_inside_the_figure(names):
    figure, ax = figures.new_axes(size=(5.0, 4.0))
    for name in names:
        ax.plot([0, 1], label=name)
    figures.legend_above(ax, title="kind")
    figure.draw_without_rendering()
    box = ax.get_legend().get_window_extent()
    assert not box.overlaps(ax.bbox)
    assert box.x0 >= 0 and box.x1 <= figure.bbox.width


def test_a_legend_over_panels_is_that_of_the_first():
    figure, grid = figures.panels(None, 1, 2, size=(2.0, 2.0))
    figures.legend_above_panels(figure, grid, own=True)
    assert figure.legends == []
    grid[0, 0].plot([0, 1], label="rates")
    figures.legend_above_panels(figure, grid, own=True)
    figures.legend_above_panels(figure, grid, own=False)
    for legend in (figure.legends[0], grid[0, 0].get_legend()):
        assert [text.get_text() for text in legend.get_texts()] == ["rates"]


def test_files_are_sharp(tmp_path):
    figure, ax = figures.new_axes(size=(3.0, 2.0))
    ax.plot(np.arange(3))
    figures.save_figure(figure, tmp_path / "line.png")
    height, width = imread(tmp_path / "line.png").shape[:2]
    assert 550 < width < 700 and 350 < height < 500


def test_a_range_of_no_width_gets_one():
    assert figures.padded(np.array([2.0, 2.0]), 0.1) == (1.0, 3.0)
    assert figures.padded(np.array([0.0, 10.0]), 0.1) == (-1.0, 11.0)
