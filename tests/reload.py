"""Requests across many generations: none fails, and each is answered from one generation alone.

    python -m tests.reload [--requests N] [--swaps N] [--clients N]

An archive goes from state to state (an episode changed, one added or removed; tests/changing_archive.py), each
published while clients ask `onrecord serve`. What an answer holds must be of the state that the generation it names was
made of; an answer that names none must be of one state. 10,000 requests across 20 swaps by default.

Prints what was found, and exits with 1 where something was wrong.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from threading import Event
from typing import Any

from embeddings.base import Embedder
from embeddings.model_files import DEFAULT_MODEL, locate_model
from embeddings.runtimes import open_embedder
from indexer.build import build_index
from indexer.generations import current_generation
from indexer.passages import Chunking
from tests.changing_archive import COMMON_WORD, STATES, read_whole, write_state
from tests.conftest import serving
from tests.indexer.making import no_progress
from tests.loading.client import Client, WrongAnswerError

# A worker looks for a new generation twice a second; this long, whatever else keeps the machine busy.
_TAKEN_UP_WITHIN_S = 120.0
_QUERY = f"{COMMON_WORD} chapter"


class Reloading:
    """What the clients saw so far. `seen`: the generation that an answer named, None where none, and what it held."""

    def __init__(self, address: str) -> None:
        self._address = address
        self.enough = Event()
        self.answers: Counter[str] = Counter()
        self.seen: set[tuple[str | None, frozenset[str]]] = set()
        self.errors: list[str] = []

    def ask(self, seed: int) -> None:
        """Asks until it is enough."""
        client, chance = Client(self._address), Random(seed)
        while not self.enough.is_set():
            kind = chance.choice(list(_KINDS))
            try:
                named = _KINDS[kind](client)
            except (WrongAnswerError, KeyError, TypeError) as error:
                self.errors.append(f"{kind}: {error!r}")
                continue
            self.answers[kind] += 1
            self.seen.update(named)
        client.close()

    def has_answered(self, requests: int) -> bool:
        return self.answers.total() >= requests

    def has_seen(self, name: str) -> bool:
        return name in self.generations()

    def generations(self) -> set[str]:
        return {name for name, _ in self.seen.copy() if name}


_Seen = list[tuple[str | None, frozenset[str]]]


def _texts(found: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]) -> _Seen:
    return [(found["index"]["generation"], frozenset(entry["text"] for entry in entries))]


def _search(client: Client) -> _Seen:
    found = client.get("/v1/search", query=_QUERY, limit=100).json()
    return _texts(found, found["results"])


def _searches(client: Client) -> _Seen:
    """Several queries of one request: what they found together is of one generation."""
    answer = client.post("/v1/search", {"query": [_QUERY, "harbours", "what has chapter as it?"], "limit": 50})
    searches = answer.json()["searches"]
    if len({one["index"]["generation"] for one in searches}) != 1:
        raise WrongAnswerError(f"{answer.asked}: of several generations")
    return _texts(searches[0], [hit for one in searches for hit in one["results"]])


def _context(client: Client) -> _Seen:
    found = client.post("/v1/context", {"query": _QUERY, "format": "json", "max_tokens": 4000}).json()
    return _texts(found, [turn for block in found["blocks"] for turn in block["answer"]])


def _asked(client: Client) -> _Seen:
    found = client.post("/v1/ask", {"query": _QUERY}).json()
    return _texts(found, [span["match"] for span in found["spans"] if span["kind"] == "quotation"])


def _transcript(client: Client) -> _Seen:
    """Of the episode that tells the state: a page of the list first, for its id, which may be gone since."""
    [log] = [one["id"] for one in client.get("/v1/episodes").json()["episodes"] if one["title"].endswith("log")]
    return [(None, frozenset(turn["text"] for turn in client.get(f"/v1/episodes/{log}/transcript").json()["turns"]))]


_KINDS: Mapping[str, Callable[[Client], _Seen]] = {
    "search": _search,
    "several searches": _searches,
    "context": _context,
    "ask": _asked,
    "transcript": _transcript,
}


def _published(talks: Path, index: Path, state: int, embedder: Embedder) -> tuple[str, str]:
    """The name of a new generation, and all of its words."""
    write_state(talks, state)
    build_index(
        [talks],
        index,
        model=embedder.fingerprint,
        load_embedder=lambda: embedder,
        chunking=Chunking(),
        strict=False,
        progress=no_progress,
    )
    generation = current_generation(index)
    return generation.manifest.id, "\n".join([*read_whole(generation), *_transcripts(talks)])


def _transcripts(talks: Path) -> list[str]:
    return [path.read_text(encoding="utf-8") for path in sorted(talks.glob("*.md"))]


def reload(requests: int, swaps: int, clients: int, folder: Path, environment: Mapping[str, str]) -> list[str]:
    """Runs it, prints what was found, and returns what was wrong."""
    embedder = open_embedder(locate_model(DEFAULT_MODEL))
    talks, index = folder / "talks", folder / "index"
    words = dict([_published(talks, index, 0, embedder)])
    with serving(index, environment, folder / "log.txt") as (address, _), ThreadPoolExecutor(clients) as pool:
        reloading = Reloading(address)
        done = [pool.submit(reloading.ask, number) for number in range(clients)]
        try:
            for swap in range(1, swaps + 1):
                _wait(partial(reloading.has_answered, swap * requests // (swaps + 1)), reloading)
                name, said = _published(talks, index, swap % STATES, embedder)
                words[name] = said
                _wait(partial(reloading.has_seen, name), reloading)
            _wait(partial(reloading.has_answered, requests), reloading)
        finally:
            reloading.enough.set()
        for one in done:
            one.result()
    wrong = reloading.errors + [str(entry) for entry in reloading.seen if not _is_of_one(*entry, words)]
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(reloading.answers.items()))
    print(
        f"{reloading.answers.total():,} requests of {clients} clients across {swaps} swaps ({kinds}); "
        f"{len(reloading.generations())} of {len(words)} generations answered from; {len(wrong)} wrong"
    )
    return wrong


def _wait(holds: Callable[[], bool], reloading: Reloading) -> None:
    end = time.monotonic() + _TAKEN_UP_WITHIN_S
    while not holds():
        if time.monotonic() > end or len(reloading.errors) > 100:
            raise TimeoutError(f"{reloading.answers.total()} answers; wrong: {reloading.errors[:5]}")
        time.sleep(0.01)


def _is_of_one(name: str | None, texts: frozenset[str], words: Mapping[str, str]) -> bool:
    """Whether all texts stand in the generation that was named, and some do; or in one, where none was."""
    generations = [words.get(name, "")] if name else words.values()
    return bool(texts) and any(all(text in said for text in texts) for said in generations)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--swaps", type=int, default=20)
    parser.add_argument("--clients", type=int, default=8)
    arguments = parser.parse_args()
    with TemporaryDirectory() as name:
        wrong = reload(arguments.requests, arguments.swaps, arguments.clients, Path(name), os.environ)
    for entry in wrong[:20]:
        print(f"WRONG: {entry[:600]}", file=sys.stderr)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
