"""A public recording to learn on: motor cortex during isometric wrist force, two days."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from scipy.io import loadmat

from lfads_tf.data.session import Session

__all__ = ["isometric_wrist"]

#: Environment variable with the folder of the files.
FOLDER = "ISOMETRIC_WRIST_DATA"
SOURCE = "https://github.com/SachsLab/IntracranialNeurophysDL/tree/master/data/ADAN"
_FILES = {"day0": "Day0.mat", "day16": "Day16.mat"}
_BIN_WIDTH = 0.05  # s, as the recording is binned
_REWARDED = ord("R")


def isometric_wrist(
    day: str,
    folder: str | os.PathLike[str] | None = None,
    *,
    bins_before: int = 10,
    bins_after: int = 24,
    keep_silent: bool = False,
) -> Session:
    """Load spikes and wrist force of a monkey that pushes towards one of eight targets.

    Threshold crossings of 96 electrodes in primary motor cortex, in bins of 50 ms, and the
    isometric force of the wrist (Farshchian, Gallego, Miller, Solla, Cohen & Bengio 2019,
    ICLR). ``day0`` has 296 rewarded trials, ``day16``, two weeks later, has 224 and two
    silent electrodes, which are left out by default. In the file of ``day16`` the two columns
    of force stand in the other order; here both days have x, then y.

    Args:
        day: ``"day0"`` or ``"day16"``.
        folder: of ``Day0.mat`` and ``Day16.mat``; by default the environment variable
            ``ISOMETRIC_WRIST_DATA`` names it.
        bins_before: bins of a trial before the go cue.
        bins_after: bins from the go cue on.
        keep_silent: keep electrodes without a spike too, so that neuron ``i`` of both days is
            the same electrode.

    Returns:
        The rewarded trials, aligned to the go cue, with the force as ``behavior``
        ``(n_trials, n_bins, 2)`` in arbitrary units and the target, 1 to 8, as condition.

    Raises:
        ValueError: another day.
        FileNotFoundError: the file is not there; the message says where it can be had.

    Example:
        >>> try:
        ...     session = isometric_wrist("day0", "nowhere")
        ... except FileNotFoundError as error:
        ...     print(str(error)[:33])
        folder: expected Day0.mat in 'now
    """
    if day not in _FILES:
        raise ValueError(f"day: expected one of {list(_FILES)}, received {day!r}.")
    path = Path(folder if folder is not None else os.environ.get(FOLDER, "")) / _FILES[day]
    if not path.is_file():
        raise FileNotFoundError(
            f"folder: expected {path.name} in {os.fspath(path.parent)!r}, which has none. It "
            f"can be had from {SOURCE}; pass the folder, or name it in the environment "
            f"variable {FOLDER}."
        )
    data = loadmat(path, squeeze_me=True, struct_as_record=False)["binnedData"]
    labels = [str(label) for label in data.trialtablelabels]
    result, go, target = (
        data.trialtable[:, labels.index(name)]
        for name in ("Result(R,A,I,orN)", "go/catch", "tgt_id")
    )
    first = np.searchsorted(data.timeframe, go) - bins_before
    whole = (first >= 0) & (first + bins_before + bins_after <= len(data.timeframe))
    kept = (result == _REWARDED) & whole
    rows = first[kept, None] + np.arange(bins_before + bins_after)
    counts = np.rint(data.spikeratedata * _BIN_WIDTH).astype(np.float32)
    heard = counts.any(axis=0) | keep_silent
    force = data.forcedatabin if day == "day0" else data.forcedatabin[:, ::-1]
    return Session(
        counts[rows][..., heard],
        _BIN_WIDTH,
        day,
        conditions=target[kept].astype(int),
        behavior=force[rows],
    )
