"""Many networks, one table."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fixedpoint_tf import FinderConfig
from fixedpoint_tf.analysis import Comparison, compare_networks
from fixedpoint_tf.analysis.certificates.proofs import Prover
from fixedpoint_tf.search import results
from fixedpoint_tf.search.search import Search

pytestmark = pytest.mark.slow

STATES = np.linspace(-1.0, 1.0, 21)[:, None]


def tanh_unit(gain):
    """x' = tanh(gain x): one fixed point up to a gain of 1, three beyond."""
    cell = keras.layers.SimpleRNNCell(1)
    cell.build((None, 1))
    cell.set_weights([np.zeros((1, 1)), np.full((1, 1), gain), np.zeros(1)])
    return cell


def test_the_pitchfork_of_a_tanh_unit():
    gains = (0.5, 0.9, 1.5, 2.0)
    table, points = compare_networks(
        {f"gain {g}": tanh_unit(g) for g in gains}, STATES, [[0.0]]
    )
    assert table.labels == ["gain 0.5", "gain 0.9", "gain 1.5", "gain 2.0"]
    assert table["fixed"].tolist() == [1, 1, 3, 3]
    assert table["stable"].tolist() == [1, 1, 2, 2]
    assert table["proved"].tolist() == [1, 1, 3, 3]
    assert table["supported"].tolist() == [0, 0, 0, 0]
    np.testing.assert_allclose(table["fastest growth"], gains, atol=1e-9)
    np.testing.assert_allclose(table["longest decay"][:2], -1 / np.log(gains[:2]), rtol=1e-6)
    assert [p.fixed.n for p in points] == [1, 1, 3, 3]


def test_a_saved_network_is_read_from_its_file(tmp_path):
    model = keras.Sequential([keras.Input((None, 1)), keras.layers.RNN(tanh_unit(2.0))])
    model.save(tmp_path / "epoch_1.keras")
    table, _ = compare_networks([tmp_path / "epoch_1.keras"], STATES, [[0.0]])
    assert table["fixed"].tolist() == [3]


def test_states_may_depend_on_the_network_and_measures_may_be_added():
    seen = []

    def states(finder):
        seen.append(finder.system.n_states)
        return STATES

    measures = {"largest": lambda finder, unique, all_points: np.abs(unique.xstar).max()}
    table, _ = compare_networks([tanh_unit(2.0)], states, [[0.0]], measures=measures)
    assert seen == [1]
    x = table["largest"][0]
    assert abs(x - np.tanh(2.0 * x)) < 1e-9


def test_what_fails_for_one_network_stops_no_other():
    def largest(finder, unique, all_points):
        raise ValueError("no such number")

    networks = {"good": tanh_unit(2.0), "bad": "no network", "good too": tanh_unit(0.5)}
    table, points = compare_networks(networks, STATES, [[0.0]], measures={"largest": largest})
    assert table["fixed"][[0, 2]].tolist() == [3, 1]
    assert np.isnan(table["fixed"][1])
    assert points[1] is None
    assert table.reasons[0] == "largest: ValueError: no such number"
    assert "no network" in table.reasons[1]
    assert "| bad | - |" in table.to_markdown()
    assert "3 failed" in repr(table)


@pytest.mark.parametrize(
    "error",
    [
        AttributeError("no such part"),
        KeyError("weights"),
        tf.errors.InvalidArgumentError(None, None, "shapes do not agree"),
        RuntimeError("out of luck"),
    ],
)
def test_any_error_of_a_measure_or_a_search_is_said_in_its_row(error):
    def failing(*_):
        raise error

    networks = {"a": tanh_unit(2.0), "b": tanh_unit(0.5)}
    table, _ = compare_networks(networks, STATES, [[0.0]], measures={"mine": failing})
    assert table["fixed"].tolist() == [3, 1] and np.isnan(table["mine"]).all()
    assert table.reasons[0].startswith(f"mine: {type(error).__name__}: ")
    table, points = compare_networks(networks, failing, [[0.0]])
    assert points == [None, None] and type(error).__name__ in table.reasons[1]


def test_the_keyboard_ends_it_and_what_is_done_is_returned():
    def measure(finder, unique, all_points):
        if unique.fixed.n == 1:
            raise KeyboardInterrupt
        return 1.0

    networks = [tanh_unit(2.0), tanh_unit(0.5), tanh_unit(2.0)]
    table, points = compare_networks(networks, STATES, [[0.0]], measures={"m": measure})
    assert (len(table), len(points), table.interrupted) == (1, 1, True)


@pytest.mark.parametrize(
    ("part", "name"),
    [(Search, "run"), (results, "linearize_ends"), (Prover, "prove")],
)
def test_an_interruption_inside_a_search_or_a_proof_ends_it_too(monkeypatch, part, name):
    whole, calls = getattr(part, name), []

    def stop_at_the_second(*arguments):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return whole(*arguments)

    monkeypatch.setattr(part, name, stop_at_the_second)
    table, points = compare_networks([tanh_unit(2.0)] * 3, STATES, [[0.0]])
    assert (len(table), len(points), table.interrupted) == (1, 1, True)
    assert table["proved"].tolist() == [3]


def test_options_of_the_search_and_of_the_networks_arrive(capfd):
    functions = {
        f"gain {gain}": lambda h, u, gain=gain: tf.tanh(gain * h + u) for gain in (0.5, 2.0)
    }
    config = FinderConfig(do_compute_jacobians=False, verbose=True)
    table, points = compare_networks(
        functions, STATES, [[0.0]], config=config, n_states=1, n_inputs=1, bounds=(-1, 1)
    )
    assert table["fixed"].tolist() == [1, 3]
    assert np.isnan(table["fastest growth"]).all() and points[0].J_xstar is None
    assert capfd.readouterr().err == "", "a bar is shown over the networks alone, if at all"


def test_no_network_is_refused():
    with pytest.raises(ValueError, match="networks: expected at least one network"):
        compare_networks([], STATES, [[0.0]])


def test_saves_itself(tmp_path):
    table, _ = compare_networks({"a": tanh_unit(2.0)}, STATES, [[0.0]])
    table.save(tmp_path / "table.h5")
    back = Comparison.load(tmp_path / "table.h5")
    assert (back.labels, back.measures) == (table.labels, table.measures)
    np.testing.assert_array_equal(back.values, table.values)


def test_an_unknown_measure_is_named():
    table, _ = compare_networks({"a": tanh_unit(2.0)}, STATES, [[0.0]])
    with pytest.raises(KeyError, match="expected one of"):
        table["beauty"]
    with pytest.raises(ValueError, match="beauty"):
        table.plot(["beauty"])


def test_counts_are_drawn_on_whole_numbers():
    from matplotlib import pyplot

    values = np.array([[0.0, 0.5], [0.0, 1.5]])
    table = Comparison(["a", "b"], ["slow", "growth"], values, np.ones(2), ["", ""], False)
    figure, axes = table.plot()
    figure.draw_without_rendering()
    low, high = axes[0].get_ylim()
    assert [tick for tick in axes[0].get_yticks() if low <= tick <= high] == [0.0]
    assert [ax.get_ylabel() for ax in axes] == ["slow", "growth"]
    boxes = [ax.yaxis.label.get_window_extent() for ax in axes]
    assert not boxes[0].overlaps(boxes[1])
    pyplot.close(figure)
