"""Public example recording: motor cortex during isometric wrist force, two days."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from scipy.io import loadmat

from fixedpoint_tf._utils.checks import check_choice, check_path, check_switch, check_whole
from lfads_tf.data.session import Session

__all__ = ["fetch_isometric_wrist"]

#: Environment variable with a folder that has the files: nothing is downloaded then.
FOLDER = "ISOMETRIC_WRIST_DATA"
#: Environment variable with the folder of downloads; else that of the system's caches.
CACHE = "FIXEDPOINT_TF_CACHE"
SOURCE = (
    "https://raw.githubusercontent.com/SachsLab/IntracranialNeurophysDL/"
    "a96475070972d8fcbb28897ad6661942838ad0ab/data/ADAN/"
)
_FILES = {"day0": "Day0.mat", "day16": "Day16.mat"}
_SHA256 = {
    "Day0.mat": "9f90f64a285ba277721204d2b9e6b90fac61fb2dd30a17152b5e6a48a9749b4b",
    "Day16.mat": "dd8a99aa30b3fdf051b3912b34fe8353fa07079d1e3de9dd63919337123fe3ad",
}
_BIN_WIDTH = 0.05  # s, as the recording is binned
_MOST_BINS = 1_000_000  # more than a recording has
_REWARDED = ord("R")


def fetch_isometric_wrist(
    day: str,
    folder: str | os.PathLike[str] | None = None,
    *,
    bins_before: int = 10,
    bins_after: int = 24,
    keep_silent: bool = False,
    verbose: bool = True,
) -> Session:
    """Load spikes and wrist force of a monkey that pushes towards one of eight targets.

    Threshold crossings of 96 electrodes in primary motor cortex, in bins of 50 ms, and the
    isometric force of the wrist (Farshchian, Gallego, Miller, Solla, Cohen & Bengio 2019,
    ICLR). ``day0`` has 296 rewarded trials, ``day16``, two weeks later, has 224 and two
    silent electrodes, which are left out by default. In the file of ``day16`` the two columns
    of force stand in the other order; here both days have x, then y.

    The first call downloads the file, 3 MB, from the repository of a workshop on
    electrophysiology (SachsLab/IntracranialNeurophysDL, MIT licence) with the library
    ``pooch``, the extra ``data``, and checks its SHA-256; later calls read the copy. The
    environment variable ``FIXEDPOINT_TF_CACHE`` names another folder for copies.

    Args:
        day: ``"day0"`` or ``"day16"``.
        folder: that has ``Day0.mat`` and ``Day16.mat``, from which nothing is downloaded; by
            default the one that the environment variable ``ISOMETRIC_WRIST_DATA`` names.
        bins_before: bins of a trial before the go cue.
        bins_after: bins from the go cue on.
        keep_silent: keep electrodes without a spike too, so that neuron ``i`` of both days is
            the same electrode.
        verbose: show the progress of a download.

    Returns:
        The rewarded trials, aligned to the go cue, with the force as ``behavior``
        ``(n_trials, n_bins, 2)`` in arbitrary units and the target, 1 to 8, as condition.

    Raises:
        TypeError: a number of bins that is not an integer, or a flag that is not a boolean.
        ValueError: another day, no bins, or no trial whose bins all lie in the recording.
        FileNotFoundError: the folder has no such file.
        ConnectionError: the download failed, or what arrived is another file.
        ImportError: ``pooch`` is not installed.

    Example:
        >>> try:
        ...     session = fetch_isometric_wrist("day0", "nowhere")
        ... except FileNotFoundError as error:
        ...     print(str(error)[:33])
        folder: expected Day0.mat in 'now
    """
    name = _FILES[check_choice(day, "day", list(_FILES))]
    check_path(folder, "folder", none=True)
    bins_before = check_whole(bins_before, "bins_before", 0, _MOST_BINS)
    bins_after = check_whole(bins_after, "bins_after", 0, _MOST_BINS)
    check_switch(keep_silent, "keep_silent")
    check_switch(verbose, "verbose")
    if bins_before + bins_after == 0:
        raise ValueError("bins_after: expected at least 1 beside bins_before=0, received 0.")
    given = folder if folder is not None else os.environ.get(FOLDER)
    path = _downloaded(name, verbose) if given is None else Path(given) / name
    if not path.is_file():
        raise FileNotFoundError(
            f"folder: expected {name} in {os.fspath(path.parent)!r}, received a folder without "
            "it. Without a folder the file is downloaded."
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
    if not kept.any():
        raise ValueError(
            f"bins_after: expected bins that lie within the recording of {len(data.timeframe)} "
            f"bins, received {bins_before} before and {bins_after} after the go cues, which no "
            "rewarded trial has."
        )
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


def _downloaded(name: str, verbose: bool) -> Path:
    """Return the path of a cached file of the recording, downloaded if missing."""
    try:
        import pooch
    except ImportError as error:
        raise ImportError(
            'pooch, which downloads files, is missing: pip install "fixedpoint-tf[data]", or '
            f"download {SOURCE}{name} yourself, and pass its folder."
        ) from error
    files = pooch.create(
        pooch.os_cache("fixedpoint-tf"), base_url=SOURCE, registry=_SHA256, env=CACHE
    )
    try:
        return Path(files.fetch(name, progressbar=verbose))
    except (OSError, ValueError) as error:  # no connection; another checksum
        what = (
            f"a file of SHA-256 {_SHA256[name]}"
            if isinstance(error, ValueError)
            else "an answer from the network"
        )
        raise ConnectionError(
            f"{name}: expected {what}, received {type(error).__name__} ({error}). Download "
            f"{SOURCE}{name} yourself, and pass its folder, as folder= or in the environment "
            f"variable {FOLDER}."
        ) from error
