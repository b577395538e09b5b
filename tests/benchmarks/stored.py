"""A search through Milvus beside the same one on disk: the same answers, and what each takes.

    python -m tests.benchmarks.stored TRANSCRIPTS… [--questions FILE]

TRANSCRIPTS are indexed into build/bench/stored, unless they are there, and put into a `milvus-lite server` that this
starts. Milvus Lite is a slow stand-in for a cluster: what a search takes is divided into what Milvus took and the rest,
which is ours. The two take turns, question by question; the rows that a search needs are fetched anew for each, as for
a question that is like none before it.
"""

from __future__ import annotations

import argparse
import gc
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

import numpy as np

from indexer.generations import current_generation
from indexer.milvus import Milvus
from indexer.milvus_reader import PassageRows
from indexer.milvus_writer import publish_to
from service.archive import Archive
from service.places import LocalIndex, StoredIndex
from service.search import Search, prepare, search_prepared
from tests.benchmarks.speed import CACHE, COMMAND, QUESTIONS, row, say, times
from tests.indexer.making import no_progress
from tests.store.server import Server

_ASKED = ("get", "everywhere", "nearest", "with_words")
_WARM = 5


class Clocked:
    """How long some request to Milvus was under way since it was last asked; two at once count once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way = 0
        self._since = 0.0
        self._seconds = 0.0
        self._requests = 0

    def around(self, work: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **kwargs: Any) -> Any:
            with self._lock:
                self._requests += 1
                self._under_way += 1
                if self._under_way == 1:
                    self._since = time.perf_counter()
            try:
                return work(*args, **kwargs)
            finally:
                with self._lock:
                    self._under_way -= 1
                    if self._under_way == 0:
                        self._seconds += time.perf_counter() - self._since

        return timed

    def taken(self) -> tuple[float, int]:
        with self._lock:
            found = self._seconds, self._requests
            self._seconds, self._requests = 0.0, 0
            return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("transcripts", type=Path, nargs="+")
    parser.add_argument("--questions", type=Path, default=QUESTIONS)
    arguments = parser.parse_args()
    index = CACHE / "stored"
    subprocess.run([COMMAND, "index", *arguments.transcripts, "--out", index], check=False, stdout=sys.stderr)
    questions = [json.loads(line)["query"] for line in arguments.questions.read_text(encoding="utf-8").splitlines()]
    with TemporaryDirectory() as folder:
        server = Server(Path(folder))
        server.start()
        try:
            print_stored(index, server.connected("interviews"), questions)
            size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
            passages = current_generation(index).manifest.counts["passages"]
            row("Milvus Lite on disk", f"{size / passages:.0f} bytes/passage")
        finally:
            server.kill()


def print_stored(index: Path, store: Milvus, questions: Sequence[str]) -> None:
    local = LocalIndex(index).open()
    say(f"{len(local.catalog.episodes)} episodes, {local.passages} passages, {len(questions)} questions")
    patient = Milvus(store.address, patience_s=120.0)
    started = time.perf_counter()
    publish_to(patient, current_generation(index), no_progress)
    row("writing to the store", f"{local.passages / (time.perf_counter() - started):.0f} passages/s")
    stored = StoredIndex(patient).open(embedder=local.embedder)
    started = time.perf_counter()
    publish_to(patient, current_generation(index), no_progress)
    row("writing the same again", f"{time.perf_counter() - started:.1f} s")
    # As the service does when it has opened an archive.
    gc.collect()
    gc.freeze()
    clock = Clocked()
    wrapped = {name: mock.patch.object(Milvus, name, clock.around(getattr(Milvus, name))) for name in _ASKED}
    for patch in wrapped.values():
        patch.start()
    on_disk, through, of_milvus, requests, same, first = [], [], [], [], [], []
    for question in [*questions[:_WARM], *questions]:
        [prepared] = prepare([Search(question)], local)
        seconds, expected = _timed(lambda prepared=prepared: search_prepared(prepared, local))  # type: ignore[misc]
        on_disk.append(seconds)
        _forget(stored)
        clock.taken()
        seconds, found = _timed(lambda prepared=prepared: search_prepared(prepared, stored))  # type: ignore[misc]
        through.append(seconds)
        taken, asked = clock.taken()
        of_milvus.append(taken)
        requests.append(asked)
        ids = [[hit.stored.passage.id for hit in hits.hits] for hits in (expected, found)]
        same.append(len(set(ids[0]) & set(ids[1])) / max(1, len(ids[0])))
        first.append(ids[0][:1] == ids[1][:1])
    for patch in wrapped.values():
        patch.stop()
    ours = [whole - taken for whole, taken in zip(through, of_milvus, strict=True)]
    row("the same ten", f"{np.mean(same[_WARM:]):.4f}", f"the same first one {np.mean(first[_WARM:]):.4f}")
    row("a search on disk: p50 / p95 / p99", times(on_disk[_WARM:]))
    row("a search through Milvus: p50 / p95 / p99", times(through[_WARM:]))
    row("  of it Milvus, and the way there", times(of_milvus[_WARM:]), f"{np.mean(requests[_WARM:]):.1f} requests")
    row("  of it ours", times(ours[_WARM:]), "embedding the query, which both need, apart")


def _forget(archive: Archive) -> None:
    """The rows that earlier questions fetched."""
    rows: PassageRows = archive.catalog._rows  # type: ignore[attr-defined]
    rows._kept = {}


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    found = work()
    return time.perf_counter() - started, found


if __name__ == "__main__":
    main()
