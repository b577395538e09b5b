"""New matrices on disk, mapped to be written a part at a time."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


def new_matrix(path: Path, dtype: DTypeLike, shape: tuple[int, ...]) -> Any:
    """A `numpy.memmap` of zeros over a new .npy file whose room on the disk is taken at once.

    A page of a mapping that finds no room when it is written ends the process, with no error to catch.

    Raises:
        OSError: the disk has no room for all of it, or cannot be written.
    """
    mapped: NDArray[Any] = np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape)
    with path.open("r+b") as file:
        os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return mapped
