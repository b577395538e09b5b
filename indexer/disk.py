"""What a disk refuses, as one error that names the folder, says what is the matter, and what to do.

The homes of the libraries that write raise what a library says as an `OSError`; the indexer turns every `OSError` of a
run into an `IndexNotWritten`.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from indexer.errors import IndexNotWritten

_FULL = (errno.ENOSPC, errno.EDQUOT)
# Some libraries say only that a write failed. Where less than this is free, it is the room that was missing.
_NO_ROOM_BYTES = 1_000_000
_MB = 1_000_000


def as_os_error(path: Path, error: Exception, code: int | None = None) -> OSError:
    """What a library says of a file that it could not write, as the operating system says it.

    Args:
        code: of `errno`, where the library tells.
    """
    return OSError(code or _code(path, error), str(error), str(path))


@contextmanager
def as_os_errors(path: Path, kind: type[Exception]) -> Iterator[None]:
    """Raises a library's errors of writing a file as `as_os_error` has them."""
    try:
        yield
    except kind as error:
        raise as_os_error(path, error) from error


def is_full(error: OSError, place: Path) -> bool:
    """Whether what could not be written below `place` had no room."""
    return _code(place, error) in _FULL


def not_written(index: Path, error: OSError, *, begun: Path | None = None, live: Path | None = None) -> IndexNotWritten:
    """What to tell the user of a run that the disk of an index stopped.

    Args:
        begun: the folder that the run was writing.
        live: the folder of the live generation.
    """
    stays = f"Generation {live.name} is live." if live else "Nothing is live there yet."
    code = _code(index, error)
    if code in _FULL:
        return IndexNotWritten(f"{index}: no space is left on its disk. {_room(index, begun, live)} {stays}")
    if code == errno.EROFS:
        return IndexNotWritten(
            f"{index}: it is on a read-only file system. Make that writable, or choose another --out. {stays}"
        )
    why = error.strerror or str(error)
    if code in (errno.EACCES, errno.EPERM):
        return IndexNotWritten(
            f"{error.filename or index}: cannot be written ({why}). Give this user the right to write there, or choose "
            f"another --out. {stays}"
        )
    return IndexNotWritten(
        f"{index}: its disk failed ({why}: {error.filename or 'no file is named'}). Check the disk and run this again, "
        f"or choose another --out. {stays}"
    )


def _room(index: Path, begun: Path | None, live: Path | None) -> str:
    """What was needed, in numbers, and the remedy."""
    sizes = []
    if begun:
        sizes.append(f"the new generation had reached {_size(begun) / _MB:,.1f} MB")
    if live:
        sizes.append(f"the live one, beside which it is written, takes {_size(live) / _MB:,.1f} MB")
    sizes.append(f"{_free(index) / _MB:,.1f} MB were free")
    told = ", ".join(sizes)
    return f"{told[0].upper()}{told[1:]}. Free space there or choose another --out, and run this again."


def _code(place: Path, error: Exception) -> int:
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    is_told = os.strerror(errno.ENOSPC) in str(error)
    return errno.ENOSPC if is_told or _free(place) < _NO_ROOM_BYTES else errno.EIO


def _free(place: Path) -> int:
    there = next((folder for folder in (place, *place.parents) if folder.exists()), Path("/"))
    return shutil.disk_usage(there).free


def _size(folder: Path) -> int:
    """What a folder's files take on the disk, in bytes."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent, name)
            total += path.stat().st_blocks * 512 if path.exists() else 0
    return total
