"""Many vectors in one file, 8 bits a value, memory-mapped: read by number without loading the rest.

A row is its vector divided by its own largest value, in steps of 1/127 of it, and that value as a float32 behind. A
cosine with a unit vector is off by 0.0003 in the mean; what is read back and written again stays the same.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexer.blocks import Moved
from indexer.errors import IndexBroken
from indexer.matrices import new_matrix

_STEPS = 127
SCALE_BYTES = 4


class RowWriter:
    """Writes a matrix whose size is known, some rows at a time, at any place."""

    def __init__(self, path: Path, rows: int, dimension: int) -> None:
        # An empty array cannot be mapped; one spare row can.
        shape = (max(rows, 1), dimension + SCALE_BYTES)
        self._matrix = new_matrix(path, np.int8, shape)
        self._expected = rows
        self._written = 0

    def put(self, places: NDArray[np.int64], rows: NDArray[np.float32]) -> None:
        """Rows of shape (len(places), dimension)."""
        self._matrix[places] = rounded(rows)
        self._written += len(rows)

    def take(self, rows: Moved, reader: RowReader) -> None:
        """Rows out of another file, as they are."""
        self._matrix[rows.target] = reader.stored(rows.source)
        self._written += rows.count

    def flush(self) -> None:
        """Has what was written on disk."""
        self._matrix.flush()

    def close(self) -> None:
        """
        Raises:
            IndexBroken: fewer rows came than were announced.
        """
        if self._written != self._expected:
            raise IndexBroken(f"{self._written} vectors were written, not {self._expected}.")
        self.flush()


class RowReader:
    """Vectors by number. Safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        """Opens what a `RowWriter` wrote.

        Raises:
            IndexBroken: it is missing or cannot be read, naming it.
        """
        try:
            self._matrix: NDArray[np.int8] = np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
        except (OSError, ValueError, EOFError) as error:
            raise IndexBroken(f"{path}: cannot be read ({error}). Run `onrecord index` again.") from error

    def __len__(self) -> int:
        return len(self._matrix)

    def vectors(self, numbers: NDArray[np.int64]) -> NDArray[np.float32]:
        """Shape (len(numbers), dimension)."""
        return restored(self._matrix[numbers])

    def cosines(self, numbers: NDArray[np.int64], vector: NDArray[np.float32]) -> NDArray[np.float32]:
        """Of each row with a unit vector of shape (dimension,)."""
        values, scales = _parts(self._matrix[numbers])
        return (values @ vector) * scales

    def stored(self, rows: slice) -> NDArray[np.int8]:
        """Consecutive rows as they are in the file."""
        return self._matrix[rows]


def rounded(vectors: NDArray[np.float32]) -> NDArray[np.int8]:
    """Vectors of shape (n, dimension) as they are kept, of shape (n, dimension + SCALE_BYTES)."""
    scales = np.abs(vectors).max(axis=1, keepdims=True, initial=0).astype(np.float32) / np.float32(_STEPS)
    scales[scales == 0] = 1
    return np.concatenate([np.rint(vectors / scales).astype(np.int8), scales.view(np.int8)], axis=1)


def restored(rows: NDArray[np.int8]) -> NDArray[np.float32]:
    """The reverse, but for what was rounded away."""
    values, scales = _parts(rows)
    return values * scales[:, np.newaxis]


def _parts(rows: NDArray[np.int8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    scales = np.ascontiguousarray(rows[:, -SCALE_BYTES:]).view(np.float32)[:, 0]
    return rows[:, :-SCALE_BYTES].astype(np.float32), scales
