"""The field's own tasks: what the papers found in networks that were trained on them."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import numpy as np
from answers import Fact
from scipy.stats import spearmanr

from fixedpoint_tf import FixedPointFinder, FixedPoints
from fixedpoint_tf.tasks import TASKS, train_task

N_TRIALS = 128
SLOW = 50.0  # steps: twice as long as a trial of the integrators


def chance(n: int) -> float:
    """Return the typical angle of two random directions of n dimensions from 90 degrees."""
    return float(np.degrees(np.arcsin(1.0 / np.sqrt(n))))


class Trained:
    """A trained network, its states on new trials, and its readout."""

    def __init__(self, name: str, seed: int):
        self.task = TASKS[name]
        begin = time.perf_counter()
        self.model = train_task(self.task, seed=seed)
        self.seconds = time.perf_counter() - begin
        self.error = self.task.error(self.model, seed=1000 + seed)
        self.finder = FixedPointFinder(self.model, verbose=False, random_seed=seed)
        self.inputs, _ = self.task(np.random.default_rng(2000 + seed), N_TRIALS)
        self.states = self.finder.simulate(self.inputs)
        weights, bias = (np.asarray(w) for w in self.model.get_layer("readout").get_weights())
        self.weights = weights
        self.read = lambda x: x[..., : len(weights)] @ weights + bias

    def fact(self, known: str, found: str, agrees: bool) -> Fact:
        return Fact(self.task.name, known, found, bool(agrees), self.seconds)

    def usable(self) -> Fact:
        limit = self.task.usable_error
        found = f"{self.error:.2g} after {self.seconds:.0f} s of training"
        return self.fact(f"error on new trials < {limit:g}", found, self.error < limit)

    def search(
        self, constant: np.ndarray, states: np.ndarray | None = None, n: int = 512, noise=0.1
    ) -> tuple[FixedPoints, FixedPoints]:
        states = self.states if states is None else states
        starts = self.finder.sample_states(states, n, noise_scale=noise)
        return self.finder.find_fixed_points(starts, constant[None])

    def manifold(self, constant: np.ndarray, states: np.ndarray | None = None) -> FixedPoints:
        """Return the states to which the trials converge at a constant input."""
        states = self.states if states is None else states
        return self.finder.sample_slow_states(states, constant)


def flip_flop(seed: int) -> list[Fact]:
    net = Trained("flip_flop", seed)
    unique, all_points = net.search(np.zeros(3), n=1024, noise=0.5)
    certificates = net.finder.certify(unique)
    coverage = net.finder.estimate_coverage(all_points)
    graph = net.finder.find_connections(unique).transition_graph()
    counts = np.bincount(unique.fixed.n_unstable, minlength=4)[:4]
    bits = np.sign(net.read(unique.xstar)).astype(int)
    flips = np.abs(bits[graph.edges[:, 0]] - bits[graph.edges[:, 1]]).sum(axis=1) // 2
    edges = {tuple(edge) for edge in graph.edges.tolist()}
    between = np.linalg.norm(
        unique.xstar[graph.saddles] - unique.xstar[graph.edges].mean(axis=1), axis=1
    ) / np.linalg.norm(np.diff(unique.xstar[graph.edges], axis=1)[:, 0], axis=1)
    return [
        net.usable(),
        net.fact(
            "8 memories, 12 saddles of index 1, 6 of index 2, 1 of index 3",
            f"{counts[0]}, {counts[1]}, {counts[2]}, {counts[3]}",
            counts.tolist() == [8, 12, 6, 1],
        ),
        net.fact(
            "each saddle of index 1 between two memories that differ in one bit",
            f"{(flips == 1).sum()} of {counts[1]}, off the midpoint by at most "
            f"{between.max(initial=0):.2f} of the distance",
            len(flips) == counts[1] and (flips == 1).all() and (between < 0.5).all(),
        ),
        net.fact(
            "they join the memories as the 12 edges of a cube",
            f"{len(edges)} pairs",
            len(edges) == 12 and (flips == 1).all(),
        ),
        net.fact(
            "all are true fixed points",
            f"{certificates.certified.sum()} of {unique.n} certified",
            certificates.certified.all(),
        ),
        net.fact(
            "next to nothing is missing",
            f"one more start meets a new point with a chance of {coverage.missing[0]:.2g}, "
            f"at most {coverage.missing_upper[0]:.2g}",
            coverage.missing[0] < 0.01,
        ),
    ]


def sine_waves(seed: int) -> list[Fact]:
    net = Trained("sine_waves", seed)
    facts = [net.usable()]
    for condition in net.task.conditions:
        constant, target = np.array(condition.inputs), float(condition.label.split()[0])
        far = np.abs(net.inputs[:, 0, 0] - constant[0])
        states = net.states[far <= max(0.05, far.min())]
        points = net.search(constant, states, 256)[0].fixed
        turns = (np.abs(points.eigval_J_xstar) > 1.0) & (points.frequencies() > 0.0)
        found = points.frequencies()[turns]
        nearest = found[np.abs(found - target).argmin()] if len(found) else np.nan
        off = abs(nearest / target - 1)
        facts.append(
            net.fact(
                f"{condition.label}: a turning unstable pair within 10% of it",
                f"{points.n} fixed, with {turns.sum() // 2} such pairs, at {nearest:.4f} "
                f"({100 * off:.0f}% off)",
                off < 0.1,
            )
        )
        cycles = net.finder.find_cycles(states[:8], constant[None], max_period=0)
        stable = cycles.is_stable if cycles.n else np.zeros(0, bool)
        rates = 1.0 / cycles.period[stable]
        rate = rates[np.abs(rates - target).argmin()] if len(rates) else np.nan
        off = abs(rate / target - 1)
        facts.append(
            net.fact(
                f"{condition.label}: a stable cycle of that frequency",
                f"{stable.sum()} stable, of {rate:.4f} cycles a step ({100 * off:.1f}% off)",
                off < 0.05,
            )
        )
    return facts


def pulse_average(seed: int) -> list[Fact]:
    net = Trained("pulse_average", seed)
    zero = np.zeros(net.task.n_inputs)
    points = net.manifold(zero)
    # The two pulses of a trial come within 30 steps of each other.
    largest = net.finder.classify_attractors(points, min_time_constant=30.0)[0]
    return [
        net.usable(),
        net.fact(
            "a plane of slow points",
            f"{largest!r}",
            largest.group_type == "plane" and len(largest) > 0.8 * points.n,
        ),
        net.fact(
            "two modes that last",
            f"{largest.dimension_spectral} slow modes, {largest.dimension_local} dimensions",
            largest.dimension_spectral == largest.dimension_local == 2,
        ),
    ]


def line(
    net: Trained, constant: np.ndarray, states: np.ndarray, label: str
) -> tuple[list[Fact], FixedPoints]:
    """Find a line attractor, in the order of the readout, of small drift within a trial."""
    points = net.manifold(constant, states)
    groups = net.finder.classify_attractors(points, min_time_constant=SLOW)
    of = groups[0]
    read = net.read(points.xstar[of.members])[:, 0]
    known = np.isfinite(of.coordinate)
    r = rank = np.nan
    if known.sum() > 2:
        r = np.corrcoef(of.coordinate[known], read[known])[0, 1]
        rank = spearmanr(of.coordinate[known], read[known]).statistic
    n_time = net.inputs.shape[1]
    share = of.largest_drift * n_time / of.length
    facts = [
        net.fact(
            f"{label}a line attractor",
            f"{of!r}",
            of.group_type == "line" and len(of) > 0.8 * points.n,
        ),
        net.fact(
            f"{label}order along it is that of the readout, |r| > 0.99",
            f"{abs(r):.4f} of the length along it, {abs(rank):.4f} of the rank",
            abs(r) > 0.99,
        ),
        net.fact(
            f"{label}drift is slow against a trial of {n_time} steps",
            f"at most {100 * share:.1f}% of its length in a trial",
            share < 0.2,
        ),
    ]
    return facts, points[of.members]


def integrator(name: str, seed: int) -> list[Fact]:
    net = Trained(name, seed)
    zero = np.zeros(net.task.n_inputs)
    facts, points = line(net, zero, net.states, "")
    answer = net.finder.analyze_sensitivity(points)
    angle = np.median(answer.input_angle[:, 0, 0])
    others = np.median(answer.input_angle[:, 1:, 0])
    spread = chance(points.n_states)
    return [
        net.usable(),
        *facts,
        net.fact(
            "the input is read by the mode along the line",
            f"{angle:.0f} degrees from its selection vector (other modes: {others:.0f}; "
            f"chance: 90 ± {spread:.0f})",
            angle < 90 - 3 * spread and angle < others,
        ),
    ]


def context_dependent_integration(seed: int) -> list[Fact]:
    net = Trained("context_dependent_integration", seed)
    facts = [net.usable()]
    for i, condition in enumerate(net.task.conditions):
        constant = np.array(condition.inputs)
        states = net.states[net.inputs[:, 0, 2 + i] == 1.0]
        of_line, points = line(net, constant, states, f"{condition.label}: ")
        facts += of_line
        answer = net.finder.analyze_sensitivity(points)
        angle = np.median(answer.input_angle[:, 0, :2], axis=0)
        effect = np.median(np.abs(answer.input_effect[:, 0, :2]), axis=0)
        spread = chance(points.n_states)
        facts.append(
            net.fact(
                f"{condition.label}: the selection vector lines up with its stream and is near "
                "orthogonal to the other",
                f"{angle[i]:.0f} and {angle[1 - i]:.0f} degrees (chance: 90 ± {spread:.0f}); "
                f"effects {effect[i]:.3f} and {effect[1 - i]:.3f}",
                angle[i] < 90 - 3 * spread
                and angle[1 - i] > 90 - spread
                and effect[i] > 5 * effect[1 - i],
            )
        )
    return facts


def ring_integration(seed: int) -> list[Fact]:
    net = Trained("ring_integration", seed)
    points = net.manifold(np.zeros(net.task.n_inputs))
    # States come back to the ring in some fifty steps: what lasts must last longer.
    of = net.finder.classify_attractors(points, min_time_constant=100.0)[0]
    read = net.read(points.xstar[of.members])
    turned = np.unwrap(np.arctan2(read[:, 1], read[:, 0]))
    around = abs(turned[-1] - turned[0]) / (2 * np.pi)
    return [
        net.usable(),
        net.fact(
            "a closed ring", f"{of!r}", of.group_type == "ring" and len(of) > 0.8 * points.n
        ),
        net.fact(
            "one near-unit direction along it",
            f"{of.dimension_spectral}",
            of.dimension_spectral == 1,
        ),
        net.fact(
            "once around it is once around all headings",
            f"{around:.2f} turns",
            0.9 < around <= 1.0,
        ),
    ]


PARTS: dict[str, Callable[[int], list[Fact]]] = {
    "flip_flop": flip_flop,
    "sine_waves": sine_waves,
    "pulse_average": pulse_average,
    "white_noise_integration": partial(integrator, "white_noise_integration"),
    "binary_decision": partial(integrator, "binary_decision"),
    "context_dependent_integration": context_dependent_integration,
    "ring_integration": ring_integration,
}
