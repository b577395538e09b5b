"""One measurement in a process of its own; prints JSON.

python -m tests.benchmarks.alone encode GENERATION     SentenceTransformer.encode over some of its passages
python -m tests.benchmarks.alone encode-queries        the same of one query after the other
python -m tests.benchmarks.alone ask INDEX             our search in process
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from embeddings.model_files import DEFAULT_MODEL, locate_model
from tests.benchmarks.load import questions_of

QUESTIONS = Path("seeds/questions.jsonl")
PASSAGES = 400


def encode(folder: Path) -> dict[str, Any]:
    """Every so-manyth passage with its header, as the indexer embeds it."""
    from indexer.catalog import CatalogReader

    stored = [one.passage for one in CatalogReader(folder).all_passages()]
    texts = [passage.header + passage.text for passage in stored[:: max(1, len(stored) // PASSAGES)]]
    model = _model()
    model.encode(texts[:8])
    started = time.perf_counter()
    model.encode(texts)
    return {"passages_per_second": len(texts) / (time.perf_counter() - started)}


def encode_queries() -> dict[str, Any]:
    model = _model()
    return {"seconds": _each(model.encode)}


def ask(index: Path) -> dict[str, Any]:
    from service.answers import answer
    from service.archive import open_archive
    from service.schemas import SearchQuery

    archive = open_archive(index)
    return {
        "seconds": _each(lambda question: answer([question], SearchQuery.model_validate({"query": question}), archive))
    }


def _each(work: Callable[[str], object]) -> Sequence[float]:
    """Seconds of each question, after some that are not counted."""
    questions = questions_of(QUESTIONS)
    for question in questions[:10]:
        work(question)
    took = []
    for question in questions * 2:
        started = time.perf_counter()
        work(question)
        took.append(time.perf_counter() - started)
    return took


def _model() -> Any:
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(locate_model(DEFAULT_MODEL).path), device="cpu")


if __name__ == "__main__":
    verb, *rest = sys.argv[1:]
    print(json.dumps({"encode": encode, "ask": ask}[verb](Path(rest[0])) if rest else encode_queries()))
