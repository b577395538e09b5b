"""Vectors on disk: the home of faiss. Passages, sentences and questions by number, and the passages nearest to a query.

Few passages are compared one by one. Of many, faiss first picks several times as many as are wanted by 4-bit product
quantisation (André, Kermarrec and Le Scouarnec, 2015), held in the processor's registers; those are compared exactly.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from indexer.errors import IndexBroken
from indexer.rows import RowReader, RowWriter

PASSAGES_FILE = "passages.npy"
SENTENCES_FILE = "sentences.npy"
QUESTIONS_FILE = "questions.npy"
NEAREST_FILE = "passages.faiss"

# Up to here a comparison of all takes less than 1 ms; beyond, picking first is faster and misses nothing that matters.
EXACT_UP_TO = 8_000
_PICKED = 4
_TRAINED_ON = 100_000
_BATCH = 50_000


class VectorWriter:
    """Takes vectors in the order of the catalog's passages, sentences and questions, a batch at a time."""

    def __init__(self, folder: Path, *, dimension: int, passages: int, sentences: int, questions: int) -> None:
        self._folder = folder
        self._dimension = dimension
        self._count = passages
        self._passages = RowWriter(folder / PASSAGES_FILE, passages, dimension)
        self._sentences = RowWriter(folder / SENTENCES_FILE, sentences, dimension)
        self._questions = RowWriter(folder / QUESTIONS_FILE, questions, dimension)

    def add(self, passages: NDArray[np.float32], sentences: NDArray[np.float32]) -> None:
        """Passages: shape (n, dimension). Sentences: those of the same n passages, in order."""
        self._passages.append(passages)
        self._sentences.append(sentences)

    def add_questions(self, questions: NDArray[np.float32]) -> None:
        """Questions: shape (n, dimension)."""
        self._questions.append(questions)

    def close(self) -> None:
        """
        Raises:
            IndexBroken: fewer vectors came than were announced.
        """
        for written in (self._passages, self._sentences, self._questions):
            written.close()
        index = _engine(self._dimension, self._count)
        # What is searched is what was written, so that vectors kept from an earlier generation give the same index.
        rows = RowReader(self._folder / PASSAGES_FILE)
        if not index.is_trained:
            chosen = np.linspace(0, self._count - 1, min(self._count, _TRAINED_ON)).astype(np.int64)
            index.train(rows.vectors(chosen))
        for start in range(0, self._count, _BATCH):
            index.add(rows.vectors(np.arange(start, min(self._count, start + _BATCH))))
        faiss.write_index(index, str(self._folder / NEAREST_FILE))


def _engine(dimension: int, count: int) -> Any:
    if count <= EXACT_UP_TO or dimension % 2:
        return faiss.IndexScalarQuantizer(dimension, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
    # Two values to 4 bits: a twelfth of the passage's own row.
    return faiss.IndexPQFastScan(dimension, dimension // 2, 4, faiss.METRIC_INNER_PRODUCT)


class VectorReader:
    """Vectors by nearness and by number. Safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        """Opens what a `VectorWriter` wrote.

        Raises:
            IndexBroken: a file is missing or cannot be read, naming it.
        """
        path = folder / NEAREST_FILE
        try:
            self._index: Any = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
        except RuntimeError as error:
            raise IndexBroken(f"{path}: faiss cannot read it. Run `onrecord index` again.") from error
        self._exact = not isinstance(self._index, faiss.IndexPQFastScan)
        self.passages = RowReader(folder / PASSAGES_FILE)
        self.sentences = RowReader(folder / SENTENCES_FILE)
        self.questions = RowReader(folder / QUESTIONS_FILE)

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def nearest(self, query: NDArray[np.float32], limit: int, allowed: NDArray[np.bool_] | None) -> NDArray[np.int64]:
        """The numbers of the `limit` passages nearest to a query of shape (dimension,), best first.

        Args:
            allowed: which passages may be found, of shape (passages,); None is all of them.
        """
        candidates = self._candidates(query, limit, allowed)
        cosines = self.passages.cosines(candidates, query)
        order = np.lexsort((candidates, -cosines))[:limit]
        found: NDArray[np.int64] = candidates[order]
        return found

    def _candidates(
        self, query: NDArray[np.float32], limit: int, allowed: NDArray[np.bool_] | None
    ) -> NDArray[np.int64]:
        count = len(self) if allowed is None else int(np.count_nonzero(allowed))
        wanted = min(limit * _PICKED, count)
        if allowed is not None and count <= max(wanted, EXACT_UP_TO // 4):
            return np.flatnonzero(allowed)
        if wanted == 0:
            return np.zeros(0, dtype=np.int64)
        if self._exact:
            return self._search(query, wanted, _selecting(allowed))
        # The engine knows no filter: it is asked for more until enough of them are allowed.
        depth = wanted
        while True:
            depth = min(len(self), depth * len(self) // count + 1)
            found = self._search(query, depth, None)
            inside = found if allowed is None else found[allowed[found]]
            if len(inside) >= wanted or depth == len(self):
                return inside[:wanted]
            depth *= 2

    def _search(self, query: NDArray[np.float32], limit: int, parameters: Any) -> NDArray[np.int64]:
        # One query is too little work to share; several come on several threads, and each thread has its own setting.
        faiss.omp_set_num_threads(1)
        numbers: NDArray[np.int64] = self._index.search(query[np.newaxis], limit, params=parameters)[1][0]
        return numbers[numbers >= 0]


def _selecting(allowed: NDArray[np.bool_] | None) -> Any:
    if allowed is None:
        return None
    return faiss.SearchParameters(sel=faiss.IDSelectorBitmap(np.packbits(allowed, bitorder="little")))
