"""One measurement in a process of its own, which keeps ready for the next one; prints JSON.

python -m tests.benchmarks.alone encode INDEX          SentenceTransformer.encode over some of its passages
python -m tests.benchmarks.alone encode-queries        the same of one query after the other
python -m tests.benchmarks.alone ask INDEX             our search in process

Each measures anew at every line of its input, and prints a list of seconds: of each passage or query.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from embeddings.model_files import DEFAULT_MODEL, locate_model
from tests.benchmarks.load import questions_of

QUESTIONS = Path("seeds/questions.jsonl")
PASSAGES = 256


def encode(index: Path) -> None:
    """Every so-manyth passage with its header, as the indexer embeds it."""
    from indexer.catalog import CatalogReader
    from indexer.generations import current_generation

    stored = [one.passage for one in CatalogReader(current_generation(index).folder).all_passages()]
    texts = [passage.header + passage.text for passage in stored[:: max(1, len(stored) // PASSAGES)]]
    model = _model()
    for _ in sys.stdin:
        model.encode(texts[:8])
        started = time.perf_counter()
        model.encode(texts)
        print(json.dumps([(time.perf_counter() - started) / len(texts)]), flush=True)


def encode_queries() -> None:
    _at_every_line(_model().encode)


def ask(index: Path) -> None:
    from service.answers import answer
    from service.archive import open_archive
    from service.schemas import SearchQuery

    archive = open_archive(index)
    _at_every_line(lambda question: answer([question], SearchQuery.model_validate({"query": question}), archive))


def _at_every_line(work: Callable[[str], object]) -> None:
    """Prints the seconds of each question, after some that are not counted."""
    questions = questions_of(QUESTIONS)
    for _ in sys.stdin:
        for question in questions[:10]:
            work(question)
        took = []
        for question in questions:
            started = time.perf_counter()
            work(question)
            took.append(time.perf_counter() - started)
        print(json.dumps(took), flush=True)


def _model() -> Any:
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(locate_model(DEFAULT_MODEL).path), device="cpu")


if __name__ == "__main__":
    verb, *rest = sys.argv[1:]
    if verb == "encode":
        encode(Path(rest[0]))
    elif verb == "ask":
        ask(Path(rest[0]))
    else:
        encode_queries()
