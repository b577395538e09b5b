"""Quotes in the words of the contract: their provenance, and a citation ready to be pasted."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

from service import schemas
from service.answers import index_info, search_for
from service.archive import Archive
from service.citations import Style, cite
from service.provenance import Times, episode_ref, questions_of, speaker_ref
from service.quotes import Quote, Stretch, quotes_of
from service.search import Prepared, Search, prepare, search_prepared
from service.stretches import cited_words

_DIVIDED = "part of a sentence"


def quotes(body: schemas.QuotesQuery, archive: Archive) -> schemas.QuotesResponse:
    """The sentences that answer a question best, each with its citation."""
    started = time.perf_counter()
    return quotes_prepared(prepare([quote_search(body)], archive)[0], body, archive, started)


def quote_search(body: schemas.QuotesQuery) -> Search:
    """What is asked, as the search takes it."""
    return replace(search_for(body.query, body), limit=body.limit, group_by=body.diverse)


def quotes_prepared(
    prepared: Prepared, body: schemas.QuotesQuery, archive: Archive, started: float
) -> schemas.QuotesResponse:
    """The same for a query that is prepared. `started`: when it came, on the clock of `time.perf_counter`."""
    hits = search_prepared(prepared, archive)
    found = quotes_of(hits.hits, prepared.vector, archive)
    results = described(found, body.style, archive)
    return schemas.QuotesResponse(
        query=body.query,
        took_ms=round((time.perf_counter() - started) * 1000, 2),
        style=body.style,
        index=index_info(archive),
        notes=list(hits.notes),
        results=results,
    )


def described(found: Sequence[Quote], style: Style, archive: Archive) -> list[schemas.FoundQuote]:
    """Quotes with their provenance, in their order."""
    questions = questions_of([quote.hit.stored for quote in found], archive)
    times = Times(archive)
    today = datetime.now(UTC).date()
    return [_described(quote, questions.get(quote.hit.stored.number), style, times, today, archive) for quote in found]


def _described(
    quote: Quote,
    question: schemas.Question | None,
    style: Style,
    times: Times,
    today: date,
    archive: Archive,
) -> schemas.FoundQuote:
    stored, words = quote.hit.stored, quote.words
    passage = stored.passage
    row = archive.catalog.episodes[stored.episode]
    voice = archive.catalog.voices[stored.voice]
    cited = cited_words(voice, row, words.text, words.start, words.end, times, today, archive)
    return schemas.FoundQuote(
        rank=quote.hit.rank,
        score=round(quote.hit.score, 4),
        text=words.text,
        speaker=speaker_ref(voice),
        question=question,
        episode=episode_ref(row),
        section=passage.section,
        kind=passage.kind,
        turn=passage.turn,
        char_start=words.start,
        char_end=words.end,
        start_s=cited.start_s,
        time=cited.time,
        flags=[*passage.flags, *([_DIVIDED] if quote.divided else [])],
        before=_sentence(quote.before),
        after=_sentence(quote.after),
        passage=passage.id,
        link=f"/episodes/{row.id}#t{passage.turn}",
        deep_link=cited.deep_link,
        citation=cite(cited, style),
    )


def _sentence(words: Stretch | None) -> schemas.Sentence | None:
    return schemas.Sentence(text=words.text, char_start=words.start, char_end=words.end) if words else None
