r"""Linear dynamics near a point: eigenvalues, eigenvectors, time scales and stability.

Near a fixed point :math:`x^*` of :math:`x_{t+1} = F(x_t, u)`,

.. math:: x_{t+1} - x^* \approx J \, (x_t - x^*), \qquad J = \partial F / \partial x,

so that each eigenvalue :math:`\lambda` of ``J`` is one mode, which shrinks where
:math:`|\lambda| < 1` and turns by the angle of :math:`\lambda` at each step. For a
continuous-time system :math:`dx/dt = g(x, u)` a mode shrinks where its real part is
negative, and its imaginary part is its angular frequency (Strogatz 2014, chapters 5, 6).

All functions take and return arrays in float64; none of them needs TensorFlow.
"""

from fixedpoint_tf.linearization.decomposition import decompose, right_eigenvectors
from fixedpoint_tf.linearization.stability import (
    STABILITY_TOL,
    Stability,
    classify,
    frequencies,
    growth,
    is_stable,
    n_unstable,
    time_constants,
)
from fixedpoint_tf.linearization.trajectories import linear_trajectories

__all__ = [
    "STABILITY_TOL",
    "Stability",
    "classify",
    "decompose",
    "frequencies",
    "growth",
    "is_stable",
    "linear_trajectories",
    "n_unstable",
    "right_eigenvectors",
    "time_constants",
]
