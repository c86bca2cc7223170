"""The network that the tasks train."""

import numpy as np
import pytest

from fixedpoint_tf.tasks import recurrent_network, train
from fixedpoint_tf.tasks.networks import CELLS

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("cell", sorted(CELLS))
def test_every_cell_maps_inputs_to_outputs_at_every_step(cell):
    model = recurrent_network(2, 3, units=5, cell=cell, rng=np.random.default_rng(0))
    outputs = model.predict(np.zeros((4, 7, 2), "float32"), verbose=0)
    assert outputs.shape == (4, 7, 3)
    assert isinstance(model.get_layer("rnn"), CELLS[cell])


def test_weights_come_from_the_generator():
    first, again, other = (
        recurrent_network(2, 1, units=4, rng=np.random.default_rng(seed)).get_weights()
        for seed in (0, 0, 1)
    )
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(first[0], other[0])


def test_an_unknown_cell_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"cell: expected one of \['gru', 'lstm', 'tanh'\]"):
        recurrent_network(1, 1, units=2, cell="relu", rng=np.random.default_rng(0))


def test_training_fits_what_a_recurrent_network_can():
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((64, 10, 1)).astype("float32")
    targets = np.roll(inputs, 1, axis=1)
    targets[:, 0] = 0.0
    model = recurrent_network(1, 1, units=8, rng=rng)
    loss = train(model, inputs, targets, epochs=60, batch_size=32)["loss"]
    assert len(loss) == 60
    assert loss[-1] < 0.1 * loss[0], "a memory of one step"
