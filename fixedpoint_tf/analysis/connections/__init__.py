r"""Connections from saddles along their unstable directions to other states.

Near a saddle states leave along the unstable eigenvectors of dF/dx. A saddle with one
unstable direction has two ways out, and so joins two attractors: it is the threshold
between them. These connections are the state-transition graph of the network's memories
(heteroclinic connections; Strogatz 2014; Sussillo & Barak 2013).
"""

from fixedpoint_tf.analysis.connections.finding import find_connections
from fixedpoint_tf.analysis.connections.result import Connections, Transitions
from fixedpoint_tf.analysis.convergence import check_runs

__all__ = ["Connections", "Transitions", "check_runs", "find_connections"]
