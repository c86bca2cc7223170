import numpy as np
from problems import distance_to_roots, double_wells, points, problem

from fixedpoint_tf.search.solvers import adam


def descend(max_iters=3000, **options):
    system = double_wells(2)
    end = points(system, 100)
    adam.solve(
        problem(system),
        end,
        np.arange(100),
        dtype="float64",
        max_iters=max_iters,
        tol_q=1e-16,
        tol_dq=1e-20,
        options=adam.AdamOptions(**options),
    )
    return end


def test_most_points_arrive_at_a_root_and_each_stops_on_its_own():
    end = descend()
    arrived = end.q < 1e-16
    assert arrived.mean() > 0.8
    assert distance_to_roots(end.x[arrived]).max() < 1e-6
    assert len(np.unique(end.n_iters[arrived])) > 10


def test_speed_belongs_to_the_final_state():
    end = descend(max_iters=37)
    r = np.tanh(2 * end.x) - end.x
    np.testing.assert_allclose(end.q, 0.5 * np.sum(r**2, axis=1), rtol=1e-10)
    assert end.n_iters.max() == 37
