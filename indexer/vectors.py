"""Vectors on disk: the home of faiss, and of the memory-mapped sentence vectors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from indexer.errors import IndexBroken

PASSAGES_FILE = "passages.faiss"
SENTENCES_FILE = "sentences.npy"
QUESTIONS_FILE = "questions.npy"


class VectorWriter:
    """Takes vectors in the order of the catalog's passages, sentences and questions, a batch at a time."""

    def __init__(self, folder: Path, *, dimension: int, sentences: int, questions: int) -> None:
        self._path = folder / PASSAGES_FILE
        self._index: Any = faiss.IndexFlatIP(dimension)
        self._sentences = _Rows(folder / SENTENCES_FILE, sentences, dimension)
        self._questions = _Rows(folder / QUESTIONS_FILE, questions, dimension)

    def add(self, passages: NDArray[np.float32], sentences: NDArray[np.float32]) -> None:
        """Passages: shape (n, dimension). Sentences: those of the same n passages, in order."""
        self._index.add(np.ascontiguousarray(passages))
        self._sentences.append(sentences)

    def add_questions(self, questions: NDArray[np.float32]) -> None:
        """Questions: shape (n, dimension)."""
        self._questions.append(questions)

    def close(self) -> None:
        self._sentences.close()
        self._questions.close()
        faiss.write_index(self._index, str(self._path))


class _Rows:
    """A float16 matrix on disk, written row by row."""

    def __init__(self, path: Path, rows: int, dimension: int) -> None:
        # An empty array cannot be mapped; one spare row can.
        shape = (max(rows, 1), dimension)
        self._matrix = np.lib.format.open_memmap(path, mode="w+", dtype=np.float16, shape=shape)
        self._expected = rows
        self._written = 0

    def append(self, rows: NDArray[np.float32]) -> None:
        self._matrix[self._written : self._written + len(rows)] = rows
        self._written += len(rows)

    def close(self) -> None:
        if self._written != self._expected:
            raise IndexBroken(f"{self._written} vectors were written, not {self._expected}.")
        self._matrix.flush()


class VectorReader:
    """Vectors by nearness and by number. Safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        """Opens what a `VectorWriter` wrote.

        Raises:
            IndexBroken: a file is missing or cannot be read, naming it.
        """
        path = folder / PASSAGES_FILE
        try:
            self._index: Any = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
        except RuntimeError as error:
            raise IndexBroken(f"{path}: faiss cannot read it. Run `onrecord index` again.") from error
        self.sentences = _mapped(folder / SENTENCES_FILE)
        self.questions = _mapped(folder / QUESTIONS_FILE)

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def nearest(
        self, query: NDArray[np.float32], limit: int, allowed: NDArray[np.bool_] | None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The `limit` passages nearest to a query of shape (dimension,): numbers and cosines, best first.

        Args:
            allowed: which passages may be found, of shape (passages,); None is all of them.
        """
        limit = min(limit, len(self) if allowed is None else int(allowed.sum()))
        if limit == 0:
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32)
        parameters = None
        if allowed is not None:
            bitmap = np.packbits(allowed, bitorder="little")
            selector = faiss.IDSelectorBitmap(bitmap)
            parameters = faiss.SearchParameters(sel=selector)
        scores, numbers = self._index.search(query[np.newaxis], limit, params=parameters)
        return numbers[0], scores[0]

    def passages(self, numbers: NDArray[np.int64]) -> NDArray[np.float32]:
        """Vectors of passages, shape (len(numbers), dimension)."""
        if len(numbers) == 0:
            return np.zeros((0, self._index.d), dtype=np.float32)
        rows: NDArray[np.float32] = self._index.reconstruct_batch(np.ascontiguousarray(numbers))
        return rows


def _mapped(path: Path) -> NDArray[np.float16]:
    try:
        matrix: NDArray[np.float16] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise IndexBroken(f"{path}: cannot be read ({error}). Run `onrecord index` again.") from error
    return matrix
