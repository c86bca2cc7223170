"""Files that are there whole or not at all."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import secrets
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from fixedpoint_tf._utils.checks import check_path, check_switch

__all__ = ["existing", "file_names", "remove_leftovers", "writing"]

#: Seconds without a byte written after which a temporary file is nobody's any more.
_ABANDONED = 24 * 3600.0


@contextlib.contextmanager
def writing(
    path: str | os.PathLike[str], *, overwrite: bool = False, make_folder: bool = True
) -> Iterator[Path]:
    """Yield a temporary name beside ``path`` to write to, and move it there at the end.

    What was written is on the disk before it is moved. If anything fails on the way, what
    was at ``path`` stays, and the half-written file goes. One that a killed process left is
    removed by the next that writes to ``path``, once nobody wrote to it for a day: until then
    it may be another's that is being written.

    Args:
        path: path of the file; a link stays a link, and its target is replaced.
        overwrite: whether a file may be there already.
        make_folder: whether its folder is made if need be.

    Raises:
        FileExistsError: a file is there and ``overwrite`` is false.
        FileNotFoundError: the folder does not exist and ``make_folder`` is false.
        ArgumentTypeError: no path, or ``overwrite`` that is neither True nor False.
        ValueError: a folder, device or pipe is there.
        OSError: the disk is full, or must not be written to.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with writing(Path(folder, "a.txt")) as temporary:
        ...         _ = temporary.write_text("all of it")
        ...     Path(folder, "a.txt").read_text()
        'all of it'
    """
    check_path(path)
    check_switch(overwrite, "overwrite")
    target = Path(os.path.realpath(path))
    if target.is_symlink():
        raise ValueError(
            f"path: expected a file, received {os.fspath(path)!r}, a link that leads to itself."
        )
    if target.exists():
        _check_is_file(path)
    if target.exists() and not overwrite:
        raise FileExistsError(
            f"path: expected a new file, received {os.fspath(path)!r}, which exists. Pass "
            "overwrite=True to replace it."
        )
    if make_folder:
        target.parent.mkdir(parents=True, exist_ok=True)
    elif not target.parent.is_dir():
        raise FileNotFoundError(
            f"path: expected a file in an existing folder, received {os.fspath(path)!r}, "
            f"and {str(target.parent)!r} is not a folder."
        )
    # The ending stays: Keras and matplotlib choose the format by it.
    temporary = target.with_name(f".{target.stem[:40]}.{secrets.token_hex(6)}{target.suffix}")
    try:
        yield temporary
        _flush(temporary)
        os.replace(temporary, target)
        with contextlib.suppress(OSError):  # as of another's that we may not remove
            remove_leftovers(target.parent, [target.name], min_age=_ABANDONED)
        if os.name == "posix":  # elsewhere a folder cannot be flushed
            _flush(target.parent)
    except OSError as error:
        if error.errno is not None and str(error.filename) in ("None", str(temporary)):
            error.filename = os.fspath(path)  # the system does not say of which file it speaks
        raise
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    """Wait until the disk has a file, or the names in a folder."""
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_leftovers(
    folder: str | os.PathLike[str], names: Iterable[str], *, min_age: float | None = None
) -> None:
    """Remove what :func:`writing` left of files in a folder when it was killed.

    Args:
        folder: to which no other process writes now, if there is no age.
        names: names of the files.
        min_age: only those to which nobody wrote for so many seconds; None: all.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name in ("state.h5", ".state.0123456789ab.h5", ".mine.h5"):
        ...         Path(folder, name).touch()
        ...     remove_leftovers(folder, ["state.h5"])
        ...     sorted(os.listdir(folder))
        ['.mine.h5', 'state.h5']
    """
    for path in map(Path, names):
        pattern = re.compile(
            rf"\.{re.escape(path.stem[:40])}\.[0-9a-f]{{12}}{re.escape(path.suffix)}"
        )
        for entry in list(os.scandir(folder)):
            if pattern.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                age = time.time() - entry.stat(follow_symlinks=False).st_mtime
                if min_age is None or age > min_age:
                    os.unlink(entry.path)


def file_names(texts: Iterable[str], taken: Iterable[str] = ()) -> list[str]:
    """Return texts as names of files or folders, which lead to no other folder.

    Args:
        texts: of any letters.
        taken: names that stand already.

    Returns:
        Names that differ from each other and from those, on any system.

    Example:
        >>> file_names(["monday", "../../etc/x", "..", "a/b", "A:b"])
        ['monday', '_.._etc_x', '_', 'a_b', 'A_b 2']
    """
    names: list[str] = []
    folded = {name.casefold() for name in taken}
    for text in texts:
        plain = re.sub(r"[^\w .+=@-]", "_", text).lstrip(" .")[:100].rstrip(" .") or "_"
        numbers = (plain if i == 1 else f"{plain} {i}" for i in itertools.count(1))
        name = next(name for name in numbers if name.casefold() not in folded)
        names.append(name)
        folded.add(name.casefold())
    return names


def existing(path: str | os.PathLike[str]) -> str | os.PathLike[str]:
    """Return the path of a file to be read, or an error that says which one is missing.

    Example:
        >>> try:
        ...     existing("nothing.h5")
        ... except FileNotFoundError as error:
        ...     print(error)
        path: expected a file, received 'nothing.h5', where there is none.
    """
    check_path(path)
    if not Path(path).exists():
        raise FileNotFoundError(
            f"path: expected a file, received {os.fspath(path)!r}, where there is none."
        )
    _check_is_file(path)
    return path


def _check_is_file(path: str | os.PathLike[str]) -> None:
    """Refuse what is no regular file."""
    if not Path(path).is_file():
        raise ValueError(
            f"path: expected a file, received {os.fspath(path)!r}, which is a "
            f"{'folder' if Path(path).is_dir() else 'device or pipe'}."
        )
