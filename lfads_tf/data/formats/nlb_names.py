"""Names of the Neural Latents Benchmark: its data sets, and the arrays of its files.

A file may hold further arrays, and a data set may have any name. One that is nearly the
benchmark's is a misspelling, which would leave out what it names.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Any

from fixedpoint_tf._utils.checks import check_text, shown

__all__ = ["ARRAYS", "DATASETS", "check_array_names", "check_dataset"]

DATASETS = (
    "area2_bump",
    "dmfc_rsg",
    "mc_maze",
    "mc_maze_large",
    "mc_maze_medium",
    "mc_maze_small",
    "mc_rtt",
)
ARRAYS = (
    *(
        f"{split}_{kind}_{block}"
        for split in ("train", "eval")
        for kind in ("spikes", "rates")
        for block in ("heldin", "heldout", "heldin_forward", "heldout_forward")
    ),
    *(
        f"{split}_{kind}"
        for split in ("train", "eval")
        for kind in ("behavior", "cond_idx", "jitter", "decode_mask")
    ),
    "psth",
)
_ALIKE = 0.85  # share of letters in common, by difflib, from which two names are one misspelt


def check_dataset(name: Any, argument: str = "dataset") -> None:
    """Refuse a misspelt name of a data set, with or without a bin width in ms at its end.

    Args:
        name: what was passed.
        argument: its name.

    Raises:
        TypeError: no text.
        ValueError: empty, or nearly the benchmark's.

    Example:
        >>> check_dataset("mc_maze"), check_dataset("our_monkey")
        (None, None)
        >>> check_dataset("MC_Maze")
        Traceback (most recent call last):
        ...
        ValueError: dataset: expected area2_bump, ..., received 'MC_Maze'. Is it mc_maze?
    """
    check_text(name, argument)
    if not name:
        raise ValueError(f"{argument}: expected a name, received ''.")
    ending = re.search(r"_\d+$", name) if argument == "group" else None
    meant = _meant(name[: ending.start()] if ending else name, DATASETS)
    added = set(_words(name)).difference(_words(meant)) if meant else set()
    is_longer = meant and set(_words(meant)) < set(_words(name))
    if meant and not (is_longer and any(map(str.isalpha, added))):
        raise ValueError(
            f"{argument}: expected {', '.join(DATASETS)}, or another name of one's own, "
            f"received {shown(name)}. Is it {meant}?"
        )


def check_array_names(names: Iterable[str], argument: str) -> None:
    """Refuse misspelt names of arrays, which would be left out in silence.

    Args:
        names: names of arrays; names unlike the benchmark's are allowed.
        argument: that holds them.

    Raises:
        ValueError: nearly the benchmark's.

    Example:
        >>> check_array_names(["eval_spikes_heldout", "my_notes"], "targets")
        >>> check_array_names(["eval_behaviour"], "targets")
        Traceback (most recent call last):
        ...
        ValueError: targets: expected names such as eval_behavior, received ...
    """
    for name in names:
        meant = _meant(name, ARRAYS) if isinstance(name, str) else None
        if meant:
            raise ValueError(
                f"{argument}: expected names such as {meant}, received {shown(name)}. Known "
                f"are {', '.join(ARRAYS)}."
            )


def _meant(name: str, known: tuple[str, ...]) -> str | None:
    """Return the known name that a misspelt one resembles, None for a known name."""
    if name in known:
        return None
    alike = {one: _likeness(name, one) for one in known}
    best = max(alike, key=lambda one: alike[one])
    return best if alike[best] >= _ALIKE else None


def _words(name: str) -> list[str]:
    """Return the words of a name in the order of the alphabet, in small letters."""
    return sorted(re.findall(r"[a-z]+|\d+", name.lower()))


def _likeness(one: str, other: str) -> float:
    """Return the share of letters in common, in their order or that of the words."""
    pairs = (one, other), ("".join(_words(one)), "".join(_words(other)))
    return max(difflib.SequenceMatcher(None, *pair).ratio() for pair in pairs)
