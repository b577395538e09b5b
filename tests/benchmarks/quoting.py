"""Quotes and contexts on labelled questions about real interviews: `make bench-quotes` prints the tables.

How often a quote carries the answer, and in how many words, beside the best sentence alone, two and three sentences
around it, and the whole passage. How often a context of some thousand tokens holds the answer, beside passages put one
after the other until the budget is full. And the promise: every text of every answer is its slice of the transcript.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

from embeddings.model_files import DEFAULT_MODEL, locate_model
from embeddings.runtimes import open_embedder
from service import schemas
from service.answers import answer
from service.archive import Archive
from service.ask_answers import answered
from service.context_answers import context as packed_context
from service.context_answers import context_search, pack_prepared
from service.context_formats import prompt
from service.evaluate import Question, read_questions
from service.progress import progress_bars
from service.quote_answers import quotes as found_quotes
from service.quotes import quotes_of
from service.search import Hit, Search, prepare, search_prepared
from service.tokens import token_counter
from tests.benchmarks.quality import CACHE, NEEDED, SPLITS, archive_of
from tests.service.verbatim import check_verbatim

BUDGETS = (1000, 2000, 4000)
_TOP = 10

Row = tuple[Question, Hit]


def main(arguments: Sequence[str]) -> int:
    """Prints the tables. Returns the exit code: 1 without the data."""
    data = Path(arguments[0] if arguments else "../shared/data")
    if missing := [name for name in NEEDED if not (data / name).exists()]:
        print(f"error: {data}: no {', '.join(missing)} there. Give the data folder: DATA=…", file=sys.stderr)
        return 1
    questions = read_questions(data / "questions" / "dev.jsonl")
    with progress_bars() as progress:
        embedder = open_embedder(locate_model(DEFAULT_MODEL))
        archive = archive_of([data / "practicalai", data / "seeds"], CACHE / "archive", embedder, progress)
    print(f"{archive.passages} passages, {len(questions)} questions, halves: {' and '.join(SPLITS)}")
    print_quotes(questions, archive)
    print_contexts(questions, archive)
    print_verbatim(questions, archive)
    return 0


def print_quotes(questions: Sequence[Question], archive: Archive) -> None:
    """Where the answer is in one of the first passages: the share of quotes that hold it, and how long they are."""
    found: list[tuple[Question, Hit, str]] = []
    for question, prepared in zip(questions, prepare([Search(q.query) for q in questions], archive), strict=True):
        hits = search_prepared(prepared, archive).hits[:_TOP]
        right = next((hit for hit in hits if _holds(hit.stored.passage.text, question)), None)
        if right:
            found.append((question, right, quotes_of([right], prepared.vector, archive)[0].words.text))
    rows: Mapping[str, Callable[[Hit, str], str]] = {
        "the best sentence": lambda hit, _: _around(hit, 1, 0),
        "two, with the one before": lambda hit, _: _around(hit, 2, 1),
        "two, with the one after": lambda hit, _: _around(hit, 2, 0),
        "three around it": lambda hit, _: _around(hit, 3, 1),
        "the whole passage": lambda hit, _: hit.stored.passage.text,
        "ours": lambda _, quote: quote,
    }
    print(f"\n{'quote':<26}" + "".join(f"{split:>10}: holds  words" for split in SPLITS))
    for name, text_of in rows.items():
        print(f"{name:<26}", end="")
        for split in SPLITS:
            texts = [(question, text_of(hit, quote)) for question, hit, quote in found if question.split == split]
            share = statistics.mean(_holds(text, question) for question, text in texts)
            print(f"{share:>17.3f}{statistics.mean(len(text.split()) for _, text in texts):>7.1f}", end="")
        print(flush=True)


def print_contexts(questions: Sequence[Question], archive: Archive) -> None:
    """The share of questions whose answer is in a context of so many tokens."""
    count = token_counter(archive.embedder).count
    print(f"\n{'context':<26}" + "".join(f"{f'{split}, {budget}':>14}" for split in SPLITS for budget in BUDGETS))
    shares: dict[str, list[float]] = {"passages one after another": [], "ours": []}
    spent = []
    for split in SPLITS:
        asked = [question for question in questions if question.split == split]
        for budget in BUDGETS:
            bodies = [schemas.ContextQuery.model_validate({"query": q.query, "max_tokens": budget}) for q in asked]
            prepared = prepare([context_search(body) for body in bodies], archive)
            plain = [_plain(search_prepared(one, archive).hits, budget, count) for one in prepared]
            started = time.perf_counter()
            ours = [
                prompt(pack_prepared(one, body, archive).described) for one, body in zip(prepared, bodies, strict=True)
            ]
            spent.append(1000 * (time.perf_counter() - started) / len(asked))
            assert all(count(text) <= budget for text in ours)
            for texts, name in ((plain, "passages one after another"), (ours, "ours")):
                shares[name].append(statistics.mean(_holds(t, q) for t, q in zip(texts, asked, strict=True)))
    for name, values in shares.items():
        print(f"{name:<26}" + "".join(f"{value:>14.3f}" for value in values))
    print(f"{'ms to search and pack':<26}" + "".join(f"{value:>14.1f}" for value in spent), flush=True)


def print_verbatim(questions: Sequence[Question], archive: Archive) -> None:
    """Every text that states where it stands, of every kind of answer, compared with the transcript."""
    numbers = {row.id: row.number for row in archive.catalog.episodes}

    @cache
    def transcript(episode: str) -> str:
        return archive.catalog.text(numbers[episode])

    counts = dict.fromkeys(("search", "quotes", "context", "ask"), 0)
    for question in questions:
        stated = {"query": question.query}
        found = answer(
            [question.query], schemas.SearchQuery.model_validate({**stated, "limit": 50, "context": 2}), archive
        )
        for name, response in (
            ("search", found[0]),
            ("quotes", found_quotes(schemas.QuotesQuery.model_validate({**stated, "limit": 50}), archive)),
            (
                "context",
                packed_context(
                    schemas.ContextQuery.model_validate({**stated, "max_tokens": 8000, "format": "json"}), archive
                ),
            ),
            ("ask", answered(schemas.AskBody.model_validate(stated), None, archive)),
        ):
            counts[name] += check_verbatim(response.model_dump(mode="json"), transcript)
    held = ", ".join(f"{count:,} of {name}" for name, count in counts.items())
    print(f"\nverbatim: every one of {sum(counts.values()):,} texts is its slice of the transcript ({held})")


def _holds(text: str, question: Question) -> bool:
    flat = " ".join(text.split())
    return any(anchor in flat for anchor in question.anchors)


def _around(hit: Hit, size: int, before: int) -> str:
    """The best sentence with those around it, inside the passage."""
    passage = hit.stored.passage
    first = max(0, min(passage.sentences.index(hit.quote) - before, len(passage.sentences) - size))
    start, end = passage.sentences[first][0], passage.sentences[first : first + size][-1][1]
    return passage.text[start - passage.char_start : end - passage.char_start]


def _plain(hits: Sequence[Hit], budget: int, count: Callable[[str], int]) -> str:
    """Passages one after the other, without names and questions, until the budget is full."""
    text = ""
    for hit in hits:
        longer = f"{text}\n\n{hit.stored.passage.text}" if text else hit.stored.passage.text
        if count(longer) > budget:
            break
        text = longer
    return text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
