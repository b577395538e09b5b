"""A context in the words of the contract: packed, described, written in its format, and counted."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from service import schemas
from service.answers import index_info, search_for
from service.archive import Archive
from service.context import Block, pack
from service.context_formats import PREAMBLE, Described, blocks_of, prompt, prompt_block, read_by_model
from service.provenance import episode_ref, recording_link, speaker_ref
from service.search import Hits, Prepared, Search, prepare, search_prepared
from service.tokens import token_counter

# An exchange takes more tokens than these: as many hits can be used as the budget holds of them.
_SMALLEST = 50
_MOST_HITS = 200
_BETWEEN = 2


def context(body: schemas.ContextQuery, archive: Archive) -> schemas.ContextResponse:
    """The exchanges that answer a question best, packed into a budget of tokens."""
    started = time.perf_counter()
    return context_prepared(prepare([context_search(body)], archive)[0], body, archive, started)


def context_search(body: schemas.ContextQuery) -> Search:
    """What is asked, as the search takes it."""
    return replace(search_for(body.query, body), limit=min(_MOST_HITS, 5 + body.max_tokens // _SMALLEST))


@dataclass(frozen=True, slots=True)
class Packed:
    """Blocks with where they come from, in order. `tokens`: of all that a model reads of them."""

    described: tuple[Described, ...]
    tokens: int
    tokenizer: str
    notes: tuple[str, ...]


def context_prepared(
    prepared: Prepared, body: schemas.ContextQuery, archive: Archive, started: float
) -> schemas.ContextResponse:
    """The same for a query that is prepared. `started`: when it came, on the clock of `time.perf_counter`."""
    packed = pack_prepared(prepared, body, archive)
    is_text = body.format is schemas.ContextFormat.TEXT
    text = prompt(packed.described) if is_text else None
    blocks = blocks_of(body.format, body.query, packed.described, archive.catalog)
    return schemas.ContextResponse(
        query=body.query,
        took_ms=round((time.perf_counter() - started) * 1000, 2),
        format=body.format,
        index=index_info(archive),
        tokens=packed.tokens,
        max_tokens=body.max_tokens,
        tokenizer=packed.tokenizer,
        notes=list(packed.notes),
        text=text,
        blocks=blocks,
        sources=[source for _, source in packed.described],
    )


def pack_prepared(prepared: Prepared, body: schemas.ContextQuery, archive: Archive) -> Packed:
    """The blocks in the order asked for, numbered from 1. Together they never exceed the budget."""
    hits = search_prepared(prepared, archive)
    counter = token_counter(archive.embedder)
    is_text = body.format is schemas.ContextFormat.TEXT

    def cost(block: Block) -> int:
        described = (block, _described(block, len(hits.hits), archive))
        read = prompt_block(*described) if is_text else read_by_model(body.format, [described])
        return counter.count(read) + _BETWEEN

    room = body.max_tokens - (counter.count(PREAMBLE) + _BETWEEN if is_text else 0)
    while True:
        blocks = _in_order(pack(hits.hits, room, counter.count, cost, body.kind, archive), body, archive)
        described = tuple((block, _described(block, number, archive)) for number, block in enumerate(blocks, 1))
        tokens = counter.count(read_by_model(body.format, described)) if described else 0
        if tokens <= body.max_tokens:
            return Packed(described, tokens, counter.name, (*hits.notes, *_notes(hits, described, body)))
        room -= tokens - body.max_tokens


def _in_order(blocks: Sequence[Block], body: schemas.ContextQuery, archive: Archive) -> list[Block]:
    if body.order is schemas.ContextOrder.RELEVANCE:
        return list(blocks)

    def when(block: Block) -> tuple[bool, str, int, int]:
        row = archive.catalog.episodes[block.hits[0].stored.episode]
        return row.date is None, row.date or "", row.number, block.answer[0].turn

    return sorted(blocks, key=when)


def _described(block: Block, number: int, archive: Archive) -> schemas.Source:
    """Where a block comes from."""
    stored = block.hits[0].stored
    row = archive.catalog.episodes[stored.episode]
    passage = stored.passage
    return schemas.Source(
        number=number,
        id=passage.id,
        passages=[hit.stored.passage.id for hit in block.hits],
        score=round(block.hits[0].score, 4),
        speaker=speaker_ref(archive.catalog.voices[stored.voice]),
        episode=episode_ref(row),
        section=passage.section,
        turn=passage.turn,
        start_s=passage.start_s,
        time=passage.time,
        link=f"/episodes/{row.id}#t{passage.turn}",
        deep_link=recording_link(row, passage.start_s),
        trimmed=block.is_trimmed,
    )


def _notes(hits: Hits, described: Sequence[Described], body: schemas.ContextQuery) -> list[str]:
    if hits.hits and not described:
        return [f"max_tokens: {body.max_tokens} do not hold one sentence with its question and its source; give more."]
    return []
