"""Does the known answer of each task appear among the fixed points of a trained network?

    python benchmarks/known_answers.py [TASK ...] [--seeds 0 1 2]

Prints for each task and seed the time of training, the error on new trials, and what was
found at each constant input: the points, the modes that last, and what the answer names.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from fixedpoint_tf import FixedPointFinder, FixedPoints, trajectories
from fixedpoint_tf.sensitivity import sensitivity
from fixedpoint_tf.tasks import TASKS, train_task

N_TRIALS = 128
NOISE = 0.1


class Trained:
    """A trained network, its states on new trials, and its readout."""

    def __init__(self, name: str, seed: int):
        self.task = TASKS[name]
        wall, cpu = time.perf_counter(), time.process_time()
        self.model = train_task(self.task, seed=seed)
        self.seconds = time.perf_counter() - wall, time.process_time() - cpu
        self.error = self.task.error(self.model, seed=1000 + seed)
        self.finder = FixedPointFinder(self.model, verbose=False, random_seed=seed)
        self.inputs, _ = self.task(np.random.default_rng(2000 + seed), N_TRIALS)
        self.states = trajectories.run(self.finder.system, self.inputs)
        weights, bias = (np.asarray(w) for w in self.model.get_layer("readout").get_weights())
        self.read = lambda x: x[..., : len(weights)] @ weights + bias

    def trials_of(self, constant: np.ndarray) -> np.ndarray:
        """The states on the trials at this condition: of the context, of the frequency."""
        n_static = {"context_dependent_integration": slice(2, 4), "sine_waves": slice(0, 1)}
        columns = n_static.get(self.task.name)
        if columns is None:
            return self.states
        far = np.abs(self.inputs[:, 0, columns] - constant[columns]).max(axis=1)
        return self.states[far <= max(0.05, far.min())]

    def find(self, constant: np.ndarray, n_inits: int = 512) -> FixedPoints:
        starts = self.finder.sample_states(self.trials_of(constant), n_inits, noise_scale=NOISE)
        return self.finder.find_fixed_points(starts, constant[None])[0]

    def hold(self, constant: np.ndarray, n_steps: int) -> np.ndarray:
        """From the ends of the trials on at the constant input, ``(n, n_steps, n_states)``."""
        ends = self.trials_of(constant)[:, -1]
        inputs = np.broadcast_to(constant, (len(ends), n_steps, len(constant)))
        return trajectories.run(self.finder.system, inputs, ends)

    def lasting(self, constant: np.ndarray, n_modes: int = 4) -> str:
        """The largest eigenvalues on the manifold that the states relax to."""
        on = self.hold(constant, 10)[:64, -1]
        jacobians = self.finder.system.jacobian(on, constant[None]).numpy()
        sizes = np.sort(np.abs(np.linalg.eigvals(jacobians)), axis=1)[:, ::-1][:, :n_modes]
        return " ".join(
            f"{m:.3f}±{s:.3f}" for m, s in zip(sizes.mean(0), sizes.std(0), strict=True)
        )

    def drift(self, constant: np.ndarray, n_steps: int) -> np.ndarray:
        """How far the readout moves in so many steps, beside how far it is spread."""
        read = self.read(self.hold(constant, n_steps + 5))
        moved = np.sqrt(((read[:, -1] - read[:, 4]) ** 2).sum(-1).mean())
        return moved / np.sqrt(read[:, 4].var(axis=0).sum())


def sine(net: Trained, constant: np.ndarray, label: str) -> str:
    target = float(label.split()[0])
    points = net.find(constant, 256).fixed
    centre = net.trials_of(constant)[:, 50:].mean(axis=(0, 1))
    points = points[np.argsort(np.linalg.norm(points.xstar - centre, axis=1))]
    turning = [
        f"{f[0]:.4f} (|λ| {abs(v[0]):.3f}, {k} unstable, at {d:.2f})"
        for f, v, k, d in zip(
            points.frequencies(),
            points.eigval_J_xstar,
            points.n_unstable,
            np.linalg.norm(points.xstar - centre, axis=1),
            strict=True,
        )
        if f[0] > 0 and k >= 2
    ]
    run = trajectories.run(net.finder.system, np.tile(constant, (1, 3000, 1)))
    wave = net.read(run)[0, 1000:, 0]
    up = np.flatnonzero((wave[1:] > 0) & (wave[:-1] <= 0))
    turns = (len(up) - 1) / (up[-1] - up[0]) if len(up) > 1 else np.nan
    size = np.ptp(wave) / 2
    return (
        f"turning at {'; '.join(turning[:3]) or 'none'}; target {target:.4f}; after 1000 steps "
        f"a cycle of {turns:.4f}, amplitude {size:.2f}"
    )


def filter_response(net: Trained, constant: np.ndarray, label: str) -> str:
    points = net.find(constant)
    J, B = points.J_xstar[0], points.dFdu[0]
    weights = np.asarray(net.model.get_layer("readout").get_weights()[0]).T
    response = [(weights @ np.linalg.matrix_power(J, t) @ B).item() for t in range(4)]
    return f"{points}; response to a pulse {np.round(response, 3)}, wanted [0.5 0.5 0 0]"


def manifold(net: Trained, constant: np.ndarray, label: str) -> str:
    points = net.find(constant)
    read = net.read(points.xstar)
    text = f"{points}; modes {net.lasting(constant)}; "
    if net.task.n_outputs == 2:
        radius = np.linalg.norm(read, axis=1)
        angle = np.sort(np.arctan2(read[:, 1], read[:, 0])[np.abs(radius - 1) < 0.2])
        gap = np.diff(np.r_[angle, angle[0] + 2 * np.pi]).max() if len(angle) else np.nan
        text += f"{len(angle)} points at a radius of 1, widest gap {np.degrees(gap):.0f}°; "
    elif net.task.n_outputs == 1:
        text += f"readout {np.round(np.sort(read[:, 0]), 2)[:12]}; "
    drift = [f"{net.drift(constant, n):.2f}" for n in (25, 100)]
    text += f"readout drifts by {drift} of its spread in 25, 100 steps"
    if net.task.name == "context_dependent_integration":
        ends = net.hold(constant, 10)[:64, -1]
        inputs = np.tile(constant, (len(ends), 1))
        on = FixedPoints(xstar=ends, inputs=inputs)
        answer = sensitivity(net.finder.system, on)
        angle = np.median(answer.input_angle[:, 0, :2], axis=0)
        effect = np.median(np.abs(answer.input_effect[:, 0, :2]), axis=0)
        text += f"; selection vector to the streams {angle.round(0)}°, "
        text += f"effects {effect.round(3)}"
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tasks", nargs="*", default=sorted(TASKS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    args = parser.parse_args()
    looks = {"sine_waves": sine, "two_point_average": filter_response}
    for name in args.tasks:
        for seed in args.seeds:
            net = Trained(name, seed)
            wall, cpu = net.seconds
            usable = "usable" if net.error <= net.task.usable_error else "NOT usable"
            print(
                f"{name} seed {seed}: trained in {wall:.0f} s ({cpu:.0f} s of processors), "
                f"error {net.error:.2g} ({usable})"
            )
            for condition in net.task.conditions:
                constant = np.array(condition.inputs)
                look = looks.get(name, manifold)
                print(
                    f"  {condition.label}: {look(net, constant, condition.label)}", flush=True
                )


if __name__ == "__main__":
    main()
