"""What it costs to add one episode to many, while the archive is served and asked.

    python -m tests.benchmarks.adding TRANSCRIPTS [--episodes N]

The archive is made of TRANSCRIPTS: as they are, then again with the words of every sentence in another order, until
there are enough. Its first index is filled with random vectors under the name of the real model, which saves much time
and changes no figure here; the episode is added by the command, with the real model.
"""

from __future__ import annotations

import argparse
import random
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from threading import Thread

import httpx2
import numpy as np

from embeddings.base import PassageInput, PassageVectors, Vectors, unit
from embeddings.model_files import DEFAULT_MODEL, locate_model
from embeddings.runtimes import open_embedder
from indexer.build import build_index
from indexer.generations import current_generation
from indexer.passages import Chunking
from tests.benchmarks.servers import PORT, Load, running
from tests.benchmarks.speed import CACHE, COMMAND, QUESTIONS, row, say, times

_LABEL = re.compile(r"(\*\*[^*]+:\*\* )?(.*)", re.DOTALL)
_CLIENTS = 8


class RandomVectors:
    """The model's tokenizer, and vectors of no meaning."""

    def __init__(self) -> None:
        self._model = open_embedder(locate_model(DEFAULT_MODEL))
        self._chance = np.random.default_rng(1)
        self.fingerprint = self._model.fingerprint
        self.passage_overhead = self._model.passage_overhead
        self.count_tokens = self._model.count_tokens

    def warm_up(self) -> None:
        """There is nothing to warm."""

    def warm_up_passages(self) -> None:
        """There is nothing to warm."""

    def embed_queries(self, queries: Sequence[str]) -> Vectors:
        return unit(self._chance.standard_normal((len(queries), self.fingerprint.dimension), dtype=np.float32))

    def embed_passages(self, passages: Sequence[PassageInput]) -> list[PassageVectors]:
        return [PassageVectors(self.embed_queries([""])[0], self.embed_queries([""] * len(p.spans))) for p in passages]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("transcripts", type=Path)
    parser.add_argument("--episodes", type=int, default=2000)
    arguments = parser.parse_args()
    folder, index = CACHE / f"many-{arguments.episodes}", CACHE / f"many-{arguments.episodes}-index"
    files = sorted(path for path in arguments.transcripts.rglob("*.md"))
    added = folder / "added.md"
    if not folder.exists():
        write_archive(files, folder, arguments.episodes)
    if added.exists():
        added.unlink()
    bring_up_to_date(folder, index)
    before = current_generation(index).manifest
    say(f"{before.counts['episodes']} episodes, {before.counts['passages']} passages")
    added.write_text(_other_words(files[0].read_text(encoding="utf-8"), random.Random(0)), encoding="utf-8")
    command: list[str | Path] = [COMMAND, "serve", "--index", index, "--port", str(PORT)]
    with running(command, "/v1/search?limit=10&query=") as server:
        alone = server.load(_CLIENTS, 5.0, QUESTIONS)
        row(f"requests/s at {_CLIENTS} clients, nothing else going on", f"{alone.per_second:.0f}")
    row("one episode added, nothing else going on", f"{_timed_index(folder, index):.2f} s")
    added.unlink()
    row("the same removed again", f"{_timed_index(folder, index):.2f} s")
    added.write_text(_other_words(files[0].read_text(encoding="utf-8"), random.Random(0)), encoding="utf-8")
    with running(command, "/v1/search?limit=10&query=") as server:
        found: list[Load] = []
        load = Thread(target=lambda: found.append(server.load(_CLIENTS, 20.0, QUESTIONS)))
        load.start()
        time.sleep(2)
        seconds = _timed_index(folder, index)
        seen = _seconds_until_served(current_generation(index).manifest.id)
        load.join()
        row(f"one episode added, {_CLIENTS} clients asking", f"{seconds:.2f} s", f"served {seen:.2f} s later")
        row("  requests that failed meanwhile", f"{found[0].failed} of {found[0].answers}")
        row("  p50 / p95 / p99 meanwhile", times(found[0].seconds))
        row("  anonymous memory of the server afterwards", f"{server.megabytes('RssAnon'):.0f} MB")


def write_archive(files: Sequence[Path], folder: Path, episodes: int) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for copy in count():
        for path in files:
            number = copy * len(files) + files.index(path)
            if number >= episodes:
                return
            text = path.read_text(encoding="utf-8")
            content = _other_words(text, random.Random(number)) if copy else text
            (folder / f"{copy}-{path.name}").write_text(content, encoding="utf-8")


def bring_up_to_date(folder: Path, index: Path) -> None:
    embedder = RandomVectors()
    build_index(
        [folder],
        index,
        model=embedder.fingerprint,
        load_embedder=lambda: embedder,
        chunking=Chunking(),
        strict=False,
        progress=lambda *_: None,
    )


def _other_words(text: str, chance: random.Random) -> str:
    """Every paragraph with its words in another order, under the same label."""
    return "\n\n".join(_shuffled(paragraph, chance) for paragraph in text.split("\n\n"))


def _shuffled(paragraph: str, chance: random.Random) -> str:
    found = _LABEL.fullmatch(paragraph)
    assert found is not None
    sentences = found[2].split(". ")
    mixed = []
    for sentence in sentences:
        words = sentence.split()
        chance.shuffle(words)
        mixed.append(" ".join(words))
    return (found[1] or "") + ". ".join(mixed)


def _timed_index(folder: Path, index: Path) -> float:
    started = time.perf_counter()
    done = subprocess.run([COMMAND, "index", folder, "--out", index], check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return time.perf_counter() - started


def _seconds_until_served(generation: str) -> float:
    started = time.perf_counter()
    while True:
        found = httpx2.get(f"http://127.0.0.1:{PORT}/readyz", trust_env=False).json()
        if found["index"]["generation"] == generation:
            return time.perf_counter() - started
        time.sleep(0.02)


if __name__ == "__main__":
    main()
