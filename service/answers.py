"""What was found, in the words of the contract: hits, passages, episodes and speakers as JSON models."""

from __future__ import annotations

import re
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from indexer.catalog import EpisodeRow, StoredPassage, Voice
from indexer.drafts import Draft, draft_of_text
from indexer.types import Turn
from service import schemas
from service.archive import Archive
from service.exchange import Exchange, Place
from service.facets import Facet
from service.filters import Filters
from service.provenance import Times, episode_ref, match_of, passage_fields, questions_of, speaker_ref
from service.quotations import Quotation, Reading, read_quotations
from service.search import Hit, Hits, Prepared, Search, prepare, search_prepared
from service.verify import verify
from service.whereabouts import Status

# Enough of those that hold somebody's name to see whether it is a word as well.
_PASSAGES_OF_A_NAME = 100
# The share of its mentions in which a name may be written small and still be no word of the language.
_SELDOM = 0.2


def answer(
    queries: Sequence[str], parameters: schemas.SearchParameters, archive: Archive
) -> list[schemas.SearchResponse]:
    """Searches and describes what was found, one response per query."""
    started = time.perf_counter()
    return answer_prepared(prepare(searches(queries, parameters), archive), parameters, archive, started)


def answer_prepared(
    prepared: Sequence[Prepared], parameters: schemas.SearchParameters, archive: Archive, started: float
) -> list[schemas.SearchResponse]:
    """The same for queries that are prepared. `started`: when they came, on the clock of `time.perf_counter`."""
    found = [search_prepared(one, archive) for one in prepared]
    described = [_hits(hits.hits, parameters.context, archive) for hits in found]
    took_ms = round((time.perf_counter() - started) * 1000, 2)
    return [
        _response(one.request.query, hits, results, took_ms, archive)
        for one, hits, results in zip(prepared, found, described, strict=True)
    ]


def searches(queries: Sequence[str], parameters: schemas.SearchParameters) -> list[Search]:
    """What is asked, as the search takes it."""
    return [_request(query, parameters) for query in queries]


def index_info(archive: Archive) -> schemas.IndexInfo:
    manifest = archive.generation.manifest
    return schemas.IndexInfo(
        generation=manifest.id,
        model=manifest.model["name"],
        episodes=manifest.counts["episodes"],
        passages=manifest.counts["passages"],
    )


def passage(stored: StoredPassage, archive: Archive) -> schemas.Passage:
    """A passage with all its provenance."""
    return passages([stored], archive)[0]


def find_episode(episode_id: str, archive: Archive) -> EpisodeRow | None:
    number = archive.episode_numbers.get(episode_id)
    return None if number is None else archive.catalog.episodes[number]


def episode_list(archive: Archive, limit: int, offset: int) -> schemas.EpisodeList:
    rows = archive.catalog.episodes
    return schemas.EpisodeList(
        episodes=[
            schemas.EpisodeSummary(
                **episode_ref(row).model_dump(),
                speakers=[speaker_ref(voice) for voice in archive.voices_of[row.number] if voice.name],
                turns=row.turns,
                words=row.words,
            )
            for row in rows[offset : offset + limit]
        ],
        total=len(rows),
    )


def episode_detail(row: EpisodeRow, archive: Archive) -> schemas.EpisodeDetail:
    turns = archive.catalog.turns(row.number)
    return schemas.EpisodeDetail(
        **episode_ref(row).model_dump(),
        format=row.format,
        speakers=[
            schemas.EpisodeSpeaker(
                name=voice.name,
                role=voice.role,
                confidence=voice.confidence,
                aliases=list(voice.aliases),
                description=voice.description,
            )
            for voice in archive.voices_of[row.number]
            if voice.name
        ],
        sections=list(dict.fromkeys(turn.section for _, _, turn in turns if turn.section)),
        turns=row.turns,
        words=row.words,
        passages=int((archive.columns.episode == row.number).sum()),
    )


def transcript(row: EpisodeRow, archive: Archive) -> schemas.Transcript:
    return schemas.Transcript(
        id=row.id,
        text=archive.catalog.text(row.number),
        turns=[_turn(start, end, turn) for start, end, turn in archive.catalog.turns(row.number)],
    )


def exchange(found: Exchange, row: EpisodeRow, passage_id: str | None, status: Status) -> schemas.Exchange:
    """The question that a passage replies to, and the whole answer."""
    return schemas.Exchange(
        status=status,
        passage=passage_id,
        episode=episode_ref(row),
        question=_numbered(found.question) if found.question else None,
        answer=[_numbered(place) for place in found.answer],
    )


def _numbered(place: Place) -> schemas.ExchangeTurn:
    number, start, end, turn = place
    return schemas.ExchangeTurn(turn=number, **_turn(start, end, turn).model_dump())


def _turn(start: int, end: int, turn: Turn) -> schemas.TranscriptTurn:
    return schemas.TranscriptTurn(
        speaker=turn.speaker,
        text=turn.text,
        start_s=turn.start_s,
        end_s=turn.end_s,
        section=turn.section,
        kind=turn.kind,
        flags=list(turn.flags),
        char_start=start,
        char_end=end,
    )


def speaker_list(archive: Archive, limit: int, offset: int) -> schemas.SpeakerList:
    """Everybody who is named, those with most passages first."""
    passages = archive.passages_by_voice()
    voices: dict[str, list[Voice]] = defaultdict(list)
    for voice in archive.catalog.voices:
        if voice.name:
            voices[voice.name].append(voice)
    speakers = [
        schemas.SpeakerSummary(
            name=name,
            roles=dict(Counter(voice.role for voice in theirs)),
            episodes=len(theirs),
            passages=sum(int(passages[voice.number]) for voice in theirs),
            aliases=sorted({alias for voice in theirs for alias in voice.aliases}),
        )
        for name, theirs in voices.items()
    ]
    speakers.sort(key=lambda speaker: (-speaker.passages, speaker.name))
    return schemas.SpeakerList(speakers=speakers[offset : offset + limit], total=len(speakers))


def _request(query: str, parameters: schemas.SearchParameters) -> Search:
    return replace(
        search_for(query, parameters),
        limit=parameters.limit,
        offset=parameters.offset,
        group_by=parameters.group_by,
        per_episode=parameters.per_episode,
        facets=parameters.facets,
    )


def search_for(query: str, parameters: schemas.FilterParameters) -> Search:
    """What is asked, as the search takes it, but for how many hits and of whom."""
    return Search(
        query=query,
        filters=Filters(
            speaker=parameters.speaker,
            role=parameters.role,
            episode=parameters.episode,
            show=parameters.show,
            section=parameters.section,
            language=parameters.language,
            date_from=parameters.date_from,
            date_to=parameters.date_to,
            kinds=tuple(parameters.kind),
        ),
        mode=parameters.mode,
        min_score=parameters.min_score,
        rerank=parameters.rerank,
    )


def _response(
    query: str, hits: Hits, results: list[schemas.Hit], took_ms: float, archive: Archive
) -> schemas.SearchResponse:
    return schemas.SearchResponse(
        query=query,
        took_ms=took_ms,
        total=hits.total,
        as_of=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        index=index_info(archive),
        experts_total=hits.experts,
        hidden=dict(hits.hidden),
        facets=_facets(hits),
        notes=list(hits.notes),
        results=results,
    )


def _facets(hits: Hits) -> dict[Facet, list[schemas.FacetCount]] | None:
    if hits.facets is None:
        return None
    return {
        facet: [schemas.FacetCount(value=entry.value, label=entry.label, count=entry.count) for entry in counts]
        for facet, counts in hits.facets.items()
    }


def _hits(hits: Sequence[Hit], context: int, archive: Archive) -> list[schemas.Hit]:
    questions = questions_of([hit.stored for hit in hits], archive)
    return [_hit(hit, questions.get(hit.stored.number), context, archive) for hit in hits]


def _hit(hit: Hit, question: schemas.Question | None, context: int, archive: Archive) -> schemas.Hit:
    content = hit.stored.passage
    start, end = hit.quote
    before, after = _neighbours(hit.stored, context, archive)
    return schemas.Hit(
        **passage_fields(hit.stored, question, archive),
        rank=hit.rank,
        score=round(hit.score, 4),
        signals={name: round(value, 4) for name, value in hit.signals.items()},
        quote=schemas.Quote(
            text=content.text[start - content.char_start : end - content.char_start],
            char_start=start,
            char_end=end,
        ),
        also_at=[_place(stored, archive) for stored in hit.also_at],
        before=passages(before, archive),
        after=passages(after, archive),
    )


def passages(passages: Sequence[StoredPassage], archive: Archive) -> list[schemas.Passage]:
    questions = questions_of(passages, archive)
    return [schemas.Passage(**passage_fields(stored, questions.get(stored.number), archive)) for stored in passages]


def _place(stored: StoredPassage, archive: Archive) -> schemas.Place:
    row = archive.catalog.episodes[stored.episode]
    content = stored.passage
    return schemas.Place(
        passage=content.id,
        episode=row.id,
        kind=content.kind,
        turn=content.turn,
        char_start=content.char_start,
        char_end=content.char_end,
        link=f"/episodes/{row.id}#t{content.turn}",
    )


def _neighbours(
    stored: StoredPassage, context: int, archive: Archive
) -> tuple[list[StoredPassage], list[StoredPassage]]:
    """Up to `context` passages of the same episode before and after one."""
    episode = archive.columns.episode

    def within(numbers: range) -> list[int]:
        return [n for n in numbers if 0 <= n < archive.passages and episode[n] == stored.episode]

    before = within(range(stored.number - context, stored.number))
    after = within(range(stored.number + 1, stored.number + 1 + context))
    return archive.catalog.passages(before), archive.catalog.passages(after)


def verified(quotations: Sequence[Quotation], archive: Archive, *, in_draft: bool) -> schemas.VerifyResponse:
    """Each quotation checked, in the order given."""
    checked = verify(quotations, archive)
    times = Times(archive)
    return schemas.VerifyResponse(
        index=index_info(archive),
        results=[
            schemas.VerifiedQuote(
                quote=entry.quotation.text,
                attributed_to=entry.quotation.attributed_to,
                start=entry.quotation.start if in_draft else None,
                end=entry.quotation.end if in_draft else None,
                verdict=entry.verdict,
                match=match_of(entry.match, times, archive) if entry.match else None,
                diff=[schemas.Change(quoted=change.quoted, said=change.said) for change in entry.diff],
                nearest=passage(entry.nearest, archive) if entry.nearest else None,
            )
            for entry in checked
        ],
        summary=Counter(entry.verdict for entry in checked),
        draft=None,
        notes=[],
    )


def quotations_in(body: schemas.VerifyBody, archive: Archive) -> list[Quotation]:
    """What a request asks to check; places count in the text as it was sent, whatever its format."""
    if body.text is not None:
        return reading_of(draft_of_text(body.text), archive).quotations
    return [Quotation(quote.text, 0, 0, quote.speaker) for quote in body.quotes or ()]


def reading_of(draft: Draft, archive: Archive) -> Reading:
    """The quotations of a draft; what bears the title of an episode or a show of the archive is none."""
    titles = {title for row in archive.catalog.episodes for title in (row.title, row.show) if title}
    return read_quotations(draft, archive.people.names, titles, lambda name: _is_word(name, archive))


def _is_word(name: str, archive: Archive) -> bool:
    """Whether somebody's first or family name is said without a capital letter too, and not just once in a while."""
    if not archive.lexical.terms(name):
        return True
    said = re.compile(rf"(?<![\w.@]){re.escape(name)}(?![\w@])", re.IGNORECASE)
    passages = archive.lexical.holding_phrase(name, _PASSAGES_OF_A_NAME)
    heard = [word for text in archive.catalog.texts(passages) for word in said.findall(text)]
    return sum(map(str.islower, heard)) > _SELDOM * len(heard)
