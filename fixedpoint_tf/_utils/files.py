"""Files that are there whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

__all__ = ["existing", "writing"]


@contextlib.contextmanager
def writing(
    path: str | os.PathLike[str], *, overwrite: bool = False, make_folder: bool = True
) -> Iterator[Path]:
    """Yield a temporary name beside ``path`` to write to, and move it there at the end.

    If anything fails on the way, what was at ``path`` stays, and the half-written file goes.

    Args:
        path: of the file.
        overwrite: whether a file may be there already.
        make_folder: whether its folder is made if need be.

    Raises:
        FileExistsError: a file is there and ``overwrite`` is false.
        FileNotFoundError: the folder does not exist and ``make_folder`` is false.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with writing(Path(folder, "a.txt")) as temporary:
        ...         _ = temporary.write_text("all of it")
        ...     Path(folder, "a.txt").read_text()
        'all of it'
    """
    target = Path(os.path.realpath(path))  # a link stays a link: its target is replaced
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
    temporary = target.with_name(f".{target.stem}.{secrets.token_hex(6)}{target.suffix}")
    try:
        yield temporary
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def existing(path: str | os.PathLike[str]) -> str | os.PathLike[str]:
    """Return the path of a file to be read, or an error that says which one is missing.

    Example:
        >>> try:
        ...     existing("nothing.h5")
        ... except FileNotFoundError as error:
        ...     print(error)
        path: expected a file, received 'nothing.h5', where there is none.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(
            f"path: expected a file, received {os.fspath(path)!r}, where there is none."
        )
    return path
