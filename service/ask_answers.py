"""Answers in the words of the contract: quotes of several people, or what a language model wrote, checked."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from service import schemas
from service.answers import index_info, search_for
from service.archive import Archive
from service.ask import INSTRUCTIONS, Span, check_answer
from service.citations import Style
from service.context_answers import Packed, context_search, pack_prepared
from service.context_formats import prompt
from service.language_model import Conversation, LanguageModel
from service.passage_citations import Citation
from service.provenance import Times, match_of
from service.quote_answers import described
from service.quotes import quotes_of
from service.search import GroupBy, Prepared, Search, prepare, search_prepared
from service.verify import Verdict


def answered(
    body: schemas.AskBody, model: LanguageModel | None, archive: Archive, show: Callable[[str], None] | None = None
) -> schemas.AskResponse:
    """An answer to a question.

    Args:
        model: writes it; without one it is made of quotes.
        show: is given each piece of it as soon as it is there.

    Raises:
        LanguageModelError: the model's server does not answer as it should.
    """
    started = time.perf_counter()
    if model is None:
        response = extractive(prepare([extractive_search(body)], archive)[0], body, archive, started)
        if show:
            show(response.answer)
        return response
    asked = context_body(body)
    packed = pack_prepared(prepare([context_search(asked)], archive)[0], asked, archive)

    async def written() -> str:
        pieces = []
        async for piece in model.stream(conversation(body.query, packed)):
            pieces.append(piece)
            if show:
                show(piece)
        return "".join(pieces)

    return generated(asyncio.run(written()), model.name, body, packed, archive, started)


def extractive_search(body: schemas.AskBody) -> Search:
    """What is asked where the answer is made of quotes."""
    return replace(search_for(body.query, body), limit=body.limit, group_by=GroupBy.SPEAKER)


def extractive(prepared: Prepared, body: schemas.AskBody, archive: Archive, started: float) -> schemas.AskResponse:
    """The best quote of each of several people, a paragraph each."""
    hits = search_prepared(prepared, archive)
    quotes = described(quotes_of(hits.hits, prepared.vector, archive), Style.MARKDOWN, archive)
    answer = ""
    spans: list[schemas.AnswerSpan] = []
    for number, quote in enumerate(quotes, 1):
        answer += "\n\n" if answer else ""
        answer += f"{quote.speaker.name or 'Not named'} ({quote.speaker.role}): "
        quoted = f"“{quote.text}”"
        spans += [_quoted(quote, quoted, len(answer)), _cited(number, len(answer) + len(quoted) + 2)]
        answer += f"{quoted} [{number}]"
    sources = list(map(_source, quotes))
    mode = schemas.AnswerMode.EXTRACTIVE
    return _response(body, mode, None, answer, spans, hits.notes, sources, archive, started)


def context_body(body: schemas.AskBody) -> schemas.ContextQuery:
    """What a language model is given to answer a question."""
    shared = {"query", "max_tokens", *schemas.FilterParameters.model_fields}
    return schemas.ContextQuery.model_validate(body.model_dump(include=shared))


def conversation(query: str, packed: Packed) -> Conversation:
    """What a language model is asked."""
    excerpts = prompt(packed.described) or "Nothing was found in the archive."
    return Conversation(INSTRUCTIONS, f"{excerpts}\n\nQuestion: {query}")


def generated(
    answer: str, model: str, body: schemas.AskBody, packed: Packed, archive: Archive, started: float
) -> schemas.AskResponse:
    """What a language model answered, with every quotation and citation checked."""
    times = Times(archive)
    sources = [source for _, source in packed.described]
    spans = [
        _checked(span, answer, sources, times, archive)
        for span in check_answer(answer, [source.passages for source in sources], archive)
    ]
    return _response(body, schemas.AnswerMode.GENERATED, model, answer, spans, packed.notes, sources, archive, started)


def _response(
    body: schemas.AskBody,
    mode: schemas.AnswerMode,
    model: str | None,
    answer: str,
    spans: list[schemas.AnswerSpan],
    notes: Sequence[str],
    sources: list[schemas.Source],
    archive: Archive,
    started: float,
) -> schemas.AskResponse:
    return schemas.AskResponse(
        query=body.query,
        took_ms=round((time.perf_counter() - started) * 1000, 2),
        mode=mode,
        model=model,
        index=index_info(archive),
        notes=list(notes),
        answer=answer,
        spans=spans,
        summary=Counter(span.status for span in spans),
        sources=sources,
    )


def _checked(
    span: Span, answer: str, sources: Sequence[schemas.Source], times: Times, archive: Archive
) -> schemas.AnswerSpan:
    found = span.found
    shared: dict[str, Any] = {
        "start": span.start,
        "end": span.end,
        "text": answer[span.start : span.end],
        "status": schemas.SpanStatus.UNVERIFIED if span.reason else schemas.SpanStatus.VERIFIED,
        "reason": span.reason,
    }
    if isinstance(found, Citation):
        return schemas.AnswerSpan(**shared, kind=schemas.SpanKind.CITATION, source=_number_of(found, sources))
    return schemas.AnswerSpan(
        **shared,
        kind=schemas.SpanKind.QUOTATION,
        verdict=found.verdict,
        attributed_to=found.quotation.attributed_to,
        match=match_of(found.match, times, archive) if found.match else None,
        diff=[schemas.Change(quoted=change.quoted, said=change.said) for change in found.diff],
    )


def _number_of(citation: Citation, sources: Sequence[schemas.Source]) -> int | None:
    """The number that is cited, or that of the source whose passage is."""
    if citation.number is not None:
        return citation.number
    passage = citation.passage.passage.id if citation.passage else None
    return next((source.number for source in sources if passage in source.passages), None)


def _quoted(quote: schemas.FoundQuote, quoted: str, start: int) -> schemas.AnswerSpan:
    """A quote is its slice of the transcript, so that there is nothing to be checked."""
    return schemas.AnswerSpan(
        kind=schemas.SpanKind.QUOTATION,
        start=start,
        end=start + len(quoted),
        text=quoted,
        status=schemas.SpanStatus.VERIFIED,
        verdict=Verdict.VERIFIED,
        attributed_to=quote.speaker.name,
        match=schemas.Match(**{name: getattr(quote, name) for name in schemas.Match.model_fields}),
    )


def _cited(number: int, start: int) -> schemas.AnswerSpan:
    return schemas.AnswerSpan(
        kind=schemas.SpanKind.CITATION,
        start=start,
        end=start + len(str(number)),
        text=str(number),
        status=schemas.SpanStatus.VERIFIED,
        source=number,
    )


def _source(quote: schemas.FoundQuote) -> schemas.Source:
    shared = schemas.Source.model_fields.keys() & schemas.FoundQuote.model_fields.keys()
    return schemas.Source(
        **{name: getattr(quote, name) for name in shared},
        number=quote.rank,
        id=quote.passage,
        passages=[quote.passage],
        trimmed=True,
    )
