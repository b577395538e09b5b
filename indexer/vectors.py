"""Vectors on disk: the home of faiss. Passages, sentences and questions by number, and the passages nearest to a query.

Few passages are compared one by one. Of many, faiss first picks several times as many as are wanted by 4-bit product
quantisation (André, Kermarrec and Le Scouarnec, 2015), held in the processor's registers; those are compared exactly.
Of very many, only those in the cells nearest to the query are looked at (Jégou, Douze and Schmid, 2011): as many cells
as the index's own passages need to find their neighbours.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from indexer.ahead import made_ahead
from indexer.blocks import Block, Moved
from indexer.disk import as_os_errors
from indexer.errors import IndexBroken
from indexer.matrices import new_matrix
from indexer.rows import RowReader, RowWriter

PASSAGES_FILE = "passages.npy"
SENTENCES_FILE = "sentences.npy"
QUESTIONS_FILE = "questions.npy"
NEAREST_FILE = "passages.faiss"
CODES_FILE = "codes.npy"

# Up to here a comparison of all takes less than 1 ms; beyond, picking first is faster.
EXACT_UP_TO = 8_000
# Up to here a look at all quantised passages takes less than 4 ms.
WHOLE_UP_TO = 200_000
ENOUGH_RECALL = 0.985
_AS_GOOD = 0.002
# As many times more as are wanted are picked to be compared exactly: cells miss some, codes alone fewer.
_PICKED = 3
_PICKED_IN_CELLS = 5
_CELL_SIZE = 1_000
_SAMPLE = 100
_NEIGHBOURS = 100
_TRAINED_ON = 100_000
_FEW_NEW = 0.25
_BATCH = 20_000


@dataclass(frozen=True, slots=True)
class Engine:
    """How the nearest passages are found: `exact`, `pq` (all, quantised) or `ivf-pq` (those in the cells near by).

    `recall_at_100`: the share of the 100 nearest that it picks, over some of the index's own passages. It is measured
    when the quantiser is trained, which is used again while few passages are new: `added` came since then.
    """

    name: str
    recall_at_100: float
    added: int


class VectorWriter:
    """Takes vectors in the order of the catalog's passages, sentences and questions, a batch at a time."""

    def __init__(self, folder: Path, *, dimension: int, passages: int, sentences: int, questions: int) -> None:
        self._folder = folder
        self._dimension = dimension
        self._count = passages
        self._taken: list[Moved] = []
        self._passages = RowWriter(folder / PASSAGES_FILE, passages, dimension)
        self._sentences = RowWriter(folder / SENTENCES_FILE, sentences, dimension)
        self._questions = RowWriter(folder / QUESTIONS_FILE, questions, dimension)

    def put(
        self,
        passages: NDArray[np.int64],
        vectors: NDArray[np.float32],
        sentences: NDArray[np.int64],
        sentence_vectors: NDArray[np.float32],
    ) -> None:
        """Vectors of passages and of sentences by their numbers, each of shape (n, dimension)."""
        self._passages.put(passages, vectors)
        self._sentences.put(sentences, sentence_vectors)

    def put_questions(self, questions: NDArray[np.int64], vectors: NDArray[np.float32]) -> None:
        """Questions: shape (n, dimension)."""
        self._questions.put(questions, vectors)

    def take(self, block: Block, kept: VectorReader) -> None:
        """All vectors of a block, out of the earlier generation."""
        self._taken.append(block.passages)
        self._passages.take(block.passages, kept.passages)
        self._sentences.take(block.sentences, kept.sentences)
        self._questions.take(block.questions, kept.questions)

    def flush(self) -> None:
        """Has what was put on disk."""
        for written in (self._passages, self._sentences, self._questions):
            written.flush()

    def close(self, kept: VectorReader | None = None, engine: Engine | None = None) -> Engine:
        """Builds the engine out of what was written.

        Args:
            kept: the earlier generation, whose quantiser and recall hold while most passages are taken over out of it.
            engine: what its engine is.

        Raises:
            IndexBroken: fewer vectors came than were announced.
        """
        for written in (self._passages, self._sentences, self._questions):
            written.close()
        # What is searched is what was written, so that vectors kept from an earlier generation give the same index.
        rows = RowReader(self._folder / PASSAGES_FILE)
        index = _engine(self._dimension, self._count)
        name = _NAMES[type(index)]
        probe = _Probe(rows.vectors(_spread(self._count, _SAMPLE)))
        added = self._count - sum(run.count for run in self._taken) + (engine.added if engine else 0)
        is_quantised = isinstance(index, faiss.IndexPQFastScan)
        if is_quantised and kept and engine and engine.name == name and added <= self._count * _FEW_NEW:
            index = self._quantised(kept.quantiser(), rows, kept.codes(), probe)
            built = Engine(name, engine.recall_at_100, added)
        else:
            index = self._filled(index, rows, probe)
            built = Engine(name, round(_probe_enough(index, probe), 4), 0)
        with as_os_errors(self._folder / NEAREST_FILE, RuntimeError):
            faiss.write_index(index, str(self._folder / NEAREST_FILE))
        return built

    def _filled(self, index: Any, rows: RowReader, probe: _Probe) -> Any:
        """A trained engine with all rows in it, which the probe has seen too."""
        if not index.is_trained:
            # Several threads wait for each other in faiss's small steps, many times as long as one takes for all.
            faiss.omp_set_num_threads(1)
            index.train(rows.vectors(_spread(self._count, _TRAINED_ON)))
        faiss.omp_set_num_threads(len(os.sched_getaffinity(0)))
        if isinstance(index, faiss.IndexPQFastScan):
            return self._quantised(index.pq, rows, None, probe)
        for numbers, batch in made_ahead(rows.vectors, _pairs(np.arange(self._count))):
            index.add(batch)
            probe.see(numbers, batch)
        return index

    def _quantised(self, quantiser: Any, rows: RowReader, kept: NDArray[np.uint8] | None, probe: _Probe) -> Any:
        """The engine over codes. They are kept beside it, so that those of passages that stay can be taken over."""
        shape = (self._count, quantiser.code_size)
        codes = new_matrix(self._folder / CODES_FILE, np.uint8, shape)
        new = np.ones(self._count, dtype=np.bool_)
        for run in self._taken if kept is not None else ():
            assert kept is not None
            codes[run.target] = kept[run.source]
            new[run.target] = False
        for numbers, batch in made_ahead(rows.vectors, _pairs(np.flatnonzero(new))):
            codes[numbers] = quantiser.compute_codes(batch)
            probe.see(numbers, batch)
        flat = faiss.IndexPQ(self._dimension, self._dimension // 2, 4, faiss.METRIC_INNER_PRODUCT)
        flat.pq, flat.is_trained, flat.ntotal = quantiser, True, self._count
        faiss.copy_array_to_vector(codes.ravel(), flat.codes)
        codes.flush()
        return faiss.IndexPQFastScan(flat)


def _pairs(numbers: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    for start in range(0, len(numbers), _BATCH):
        yield numbers[start : start + _BATCH], numbers[start : start + _BATCH]


_NAMES = {
    faiss.IndexScalarQuantizer: "exact",
    faiss.IndexPQFastScan: "pq",
    faiss.IndexIVFPQFastScan: "ivf-pq",
}


def _engine(dimension: int, count: int) -> Any:
    if count <= EXACT_UP_TO or dimension % 2:
        return faiss.IndexScalarQuantizer(dimension, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
    # Two values to 4 bits: a quarter of the passage's own row.
    if count <= WHOLE_UP_TO:
        return faiss.IndexPQFastScan(dimension, dimension // 2, 4, faiss.METRIC_INNER_PRODUCT)
    return faiss.index_factory(
        dimension, f"IVF{count // _CELL_SIZE},PQ{dimension // 2}x4fs", faiss.METRIC_INNER_PRODUCT
    )


class _Probe:
    """Some of the index's own passages, and the nearest to each by comparing all one by one."""

    def __init__(self, asked: NDArray[np.float32]) -> None:
        self.asked = asked
        self.nearest = np.zeros((len(asked), 0), dtype=np.int64)
        self._cosines = np.zeros((len(asked), 0), dtype=np.float32)

    def see(self, numbers: NDArray[np.int64], rows: NDArray[np.float32]) -> None:
        """More passages."""
        cosines = np.concatenate([self._cosines, self.asked @ rows.T], axis=1)
        nearest = np.concatenate([self.nearest, np.broadcast_to(numbers, (len(self.asked), len(numbers)))], axis=1)
        if cosines.shape[1] > _NEIGHBOURS:
            first = np.argpartition(-cosines, _NEIGHBOURS - 1, axis=1)[:, :_NEIGHBOURS]
            cosines, nearest = np.take_along_axis(cosines, first, axis=1), np.take_along_axis(nearest, first, axis=1)
        self._cosines, self.nearest = cosines, nearest

    def recall(self, index: Any) -> float:
        """The share of them that an engine picks."""
        found = index.search(self.asked, min(index.ntotal, _picked(index) * _NEIGHBOURS))[1]
        shares = [np.isin(right, picked).mean() for right, picked in zip(self.nearest, found, strict=True)]
        return float(np.mean(shares))


def _picked(index: Any) -> int:
    return _PICKED_IN_CELLS if isinstance(index, faiss.IndexIVF) else _PICKED


def _probe_enough(index: Any, probe: _Probe) -> float:
    """Sets how many cells are looked at to the fewest that find enough, or as good as all that can be found.

    Returns:
        The recall.
    """
    if not isinstance(index, faiss.IndexIVF):
        return probe.recall(index)
    recalls: dict[int, float] = {}
    index.nprobe = max(1, index.nlist // 64)
    while True:
        recalls[index.nprobe] = probe.recall(index)
        if recalls[index.nprobe] >= ENOUGH_RECALL or index.nprobe == index.nlist:
            break
        index.nprobe = min(index.nlist, index.nprobe * 2)
    enough = min(ENOUGH_RECALL, max(recalls.values()) - _AS_GOOD)
    index.nprobe = min(cells for cells, recall in recalls.items() if recall >= enough)
    return recalls[index.nprobe]


def _spread(count: int, wanted: int) -> NDArray[np.int64]:
    """Numbers from 0 to `count`, evenly spread."""
    return np.linspace(0, max(count - 1, 0), min(count, wanted)).astype(np.int64)


class VectorReader:
    """Vectors by nearness and by number. Safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        """Opens what a `VectorWriter` wrote.

        Raises:
            IndexBroken: a file is missing or cannot be read, naming it.
        """
        self._folder = folder
        path = folder / NEAREST_FILE
        try:
            self._index: Any = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
        except RuntimeError as error:
            raise IndexBroken(f"{path}: faiss cannot read it. Run `onrecord index` again.") from error
        self.passages = RowReader(folder / PASSAGES_FILE)
        self.sentences = RowReader(folder / SENTENCES_FILE)
        self.questions = RowReader(folder / QUESTIONS_FILE)

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def quantiser(self) -> Any:
        """What vectors are quantised with, where the engine is `pq`."""
        return self._index.pq

    def codes(self) -> NDArray[np.uint8]:
        """The quantised vectors, where the engine is `pq`."""
        codes: NDArray[np.uint8] = np.load(self._folder / CODES_FILE, mmap_mode="r", allow_pickle=False)
        return codes

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
        wanted = min(limit * _picked(self._index), count)
        if allowed is not None and count <= max(wanted, EXACT_UP_TO // 4):
            return np.flatnonzero(allowed)
        if wanted == 0:
            return np.zeros(0, dtype=np.int64)
        if not isinstance(self._index, faiss.IndexPQFastScan):
            return self._search(query, wanted, self._parameters(allowed, count))
        # This engine knows no filter: it is asked for more until enough of them are allowed.
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

    def _parameters(self, allowed: NDArray[np.bool_] | None, count: int) -> Any:
        if allowed is None:
            return None
        selector = faiss.IDSelectorBitmap(np.packbits(allowed, bitorder="little"))
        if isinstance(self._index, faiss.IndexIVF):
            # How many cells are enough was measured without a filter; one that leaves little is worth all of them.
            few = count * 2 < len(self)
            return faiss.SearchParametersIVF(sel=selector, nprobe=self._index.nlist if few else self._index.nprobe)
        return faiss.SearchParameters(sel=selector)
