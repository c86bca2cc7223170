"""Times FPF-Torch (Golub & Sussillo 2018) on one network, in a process of its own.

    PYTHON benchmarks/measure_peer.py NETWORK.npz RESULT.npz CHECKOUT

PYTHON has torch, and needs no TensorFlow. FPF's default options, all cores.
"""

from __future__ import annotations

import os
import sys
import time

import numpy as np
import torch
from networks import Network


def make_rnn(network: Network) -> torch.nn.Module:
    """Return the torch layer of a network, from weights in the layout of Keras."""
    kernel, recurrent, bias = network.weights
    n_inputs, n_units = kernel.shape[0], recurrent.shape[0]
    if network.kind == "gru":
        rnn = torch.nn.GRU(n_inputs, n_units, batch_first=True)
        # Keras orders the gates z, r, h; torch r, z, n.
        order = np.concatenate([np.arange(n_units) + n_units * k for k in (1, 0, 2)])
        input_bias, recurrent_bias = bias
    elif network.kind == "tanh":
        rnn = torch.nn.RNN(n_inputs, n_units, batch_first=True)
        order = np.arange(n_units)
        input_bias, recurrent_bias = bias, np.zeros_like(bias)
    else:
        raise ValueError(f"FPF-Torch does not take a network of kind {network.kind!r}.")
    with torch.no_grad():
        rnn.weight_ih_l0.copy_(torch.tensor(kernel.T[order]))
        rnn.weight_hh_l0.copy_(torch.tensor(recurrent.T[order]))
        rnn.bias_ih_l0.copy_(torch.tensor(input_bias[order]))
        rnn.bias_hh_l0.copy_(torch.tensor(recurrent_bias[order]))
    return rnn


def check_same_network(network: Network, rnn: torch.nn.Module) -> None:
    """Check that the layer computes what the judge computes."""
    x = network.x0[:8].astype(np.float32)
    u = torch.tensor(np.repeat(network.inputs, len(x), axis=0).astype(np.float32))
    with torch.no_grad():
        theirs = rnn(u[:, None, :], torch.tensor(x)[None])[1][0].numpy()
    if not np.allclose(theirs, network.judge().step(x.astype(np.float64)), atol=1e-5):
        raise RuntimeError("the torch layer and the judge do not compute the same network")


def main() -> None:
    network_path, result_path, checkout = sys.argv[1:]
    sys.path.insert(0, checkout)
    from FixedPointFinderTorch import FixedPointFinderTorch

    network = Network.load(network_path)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    torch.set_num_threads(cores or os.cpu_count() or 1)
    rnn = make_rnn(network)
    check_same_network(network, rnn)
    x0 = network.x0.astype(np.float32)
    inputs = network.inputs.astype(np.float32)
    begin = time.perf_counter()
    unique, _ = FixedPointFinderTorch(rnn, verbose=False).find_fixed_points(x0, inputs)
    seconds = time.perf_counter() - begin
    np.savez(
        result_path,
        seconds=seconds,
        xstar=unique.xstar,
        version=f"torch {torch.__version__}, {torch.get_num_threads()} threads",
    )


if __name__ == "__main__":
    main()
