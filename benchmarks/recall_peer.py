"""Searches a network of ``recall.py`` with FPF-Torch (Golub & Sussillo 2018), default options.

    PYTHON benchmarks/recall_peer.py NETWORK.npz RESULT.npz CHECKOUT

PYTHON has torch, and needs no TensorFlow. One thread.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time

import numpy as np
import torch


class Network(torch.nn.Module):
    """An update written out in torch, with the interface of ``torch.nn.RNN``."""

    batch_first = True

    def __init__(self, kind: str, arrays: dict[str, np.ndarray]):
        super().__init__()
        self.kind = kind
        self.w = torch.nn.ParameterDict(
            {
                name: torch.nn.Parameter(torch.tensor(np.asarray(array, np.float32)))
                for name, array in arrays.items()
            }
        )
        if "matrix" in arrays:
            back = np.linalg.inv(arrays["matrix"])
            self.w["back"] = torch.nn.Parameter(torch.tensor(back.astype(np.float32)))

    def forward(self, inputs: torch.Tensor, h: torch.Tensor):
        x = h[0]
        if "matrix" in self.w:
            x = self.update(x @ self.w["back"].T) @ self.w["matrix"].T
        else:
            x = self.update(x)
        return x[:, None], x[None]

    def update(self, x: torch.Tensor) -> torch.Tensor:
        w = self.w
        if self.kind == "tanh":
            return torch.tanh(x @ w["recurrent"] + w["bias"])
        if self.kind == "relu":
            return torch.relu(x @ w["recurrent"] + w["bias"])
        if self.kind == "five":
            gain, at = w["gain"], w["at"]
            return 0.5 * (torch.tanh(gain * (x - at)) + torch.tanh(gain * (x + at)))
        if self.kind == "gru":
            by_input, by_state = w["bias"]
            z, r, p = (x @ w["recurrent"] + by_state).chunk(3, dim=1)
            bz, br, bh = by_input.chunk(3)
            z, r = torch.sigmoid(z + bz), torch.sigmoid(r + br)
            return z * x + (1.0 - z) * torch.tanh(bh + r * p)
        if self.kind == "gru_before":
            wz, wr, wh = w["recurrent"].chunk(3, dim=1)
            bz, br, bh = w["bias"].chunk(3)
            z, r = torch.sigmoid(x @ wz + bz), torch.sigmoid(x @ wr + br)
            return z * x + (1.0 - z) * torch.tanh(bh + (r * x) @ wh)
        if self.kind == "lstm":
            h, c = x.chunk(2, dim=1)
            i, f, g, o = (h @ w["recurrent"] + w["bias"]).chunk(4, dim=1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            return torch.cat([torch.sigmoid(o) * torch.tanh(c), c], dim=1)
        raise ValueError(f"no network of kind {self.kind!r}")


def main() -> None:
    network_path, result_path, checkout = sys.argv[1:]
    sys.path.insert(0, checkout)
    from FixedPointFinderTorch import FixedPointFinderTorch

    with np.load(network_path, allow_pickle=False) as file:
        data = {name: file[name] for name in file.files}
    x0, image = data.pop("x0").astype(np.float32), data.pop("image")
    rnn = Network(str(data.pop("kind")), data)
    torch.set_num_threads(1)
    inputs = np.zeros((1, 1), np.float32)
    with torch.no_grad():
        theirs = rnn(torch.tensor(np.zeros((8, 1, 1))), torch.tensor(x0[:8])[None])[1][0]
    if not np.allclose(theirs.numpy(), image, atol=1e-4):
        raise RuntimeError("the torch network and that of NumPy are not the same")
    begin = time.process_time()
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        unique, _ = FixedPointFinderTorch(rnn, verbose=False).find_fixed_points(x0, inputs)
    np.savez(result_path, seconds=time.process_time() - begin, xstar=unique.xstar)


if __name__ == "__main__":
    main()
