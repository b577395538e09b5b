"""What was found, in the words of the contract: hits, passages, episodes and speakers as JSON models."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from indexer.catalog import EpisodeRow, StoredPassage, Voice
from indexer.links import deep_link
from indexer.times import Timeline
from indexer.types import Role, Turn
from service import schemas
from service.archive import Archive
from service.exchange import Place, exchange_of
from service.filters import Filters
from service.quotations import Quotation, find_quotations
from service.search import Hit, Hits, Prepared, Search, prepare, search_prepared
from service.verify import Match, verify


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
    return _passages([stored], archive)[0]


def find_episode(episode_id: str, archive: Archive) -> EpisodeRow | None:
    return next((row for row in archive.catalog.episodes if row.id == episode_id), None)


def episode_list(archive: Archive, limit: int, offset: int) -> schemas.EpisodeList:
    rows = archive.catalog.episodes
    voices = _voices_by_episode(archive)
    return schemas.EpisodeList(
        episodes=[
            schemas.EpisodeSummary(
                **_episode_ref(row).model_dump(),
                speakers=[_speaker(voice) for voice in voices[row.number] if voice.name],
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
        **_episode_ref(row).model_dump(),
        format=row.format,
        speakers=[
            schemas.EpisodeSpeaker(
                name=voice.name,
                role=voice.role,
                confidence=voice.confidence,
                aliases=list(voice.aliases),
                description=voice.description,
            )
            for voice in _voices_by_episode(archive)[row.number]
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


def exchange(stored: StoredPassage, archive: Archive) -> schemas.Exchange:
    """The question that a passage replies to, and the whole answer."""
    found = exchange_of(stored, archive)
    return schemas.Exchange(
        passage=stored.passage.id,
        episode=_episode_ref(archive.catalog.episodes[stored.episode]),
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
    passages = Counter(archive.columns.voice.tolist())
    voices: dict[str, list[Voice]] = defaultdict(list)
    for voice in archive.catalog.voices:
        if voice.name:
            voices[voice.name].append(voice)
    speakers = [
        schemas.SpeakerSummary(
            name=name,
            roles=dict(Counter(voice.role for voice in theirs)),
            episodes=len(theirs),
            passages=sum(passages[voice.number] for voice in theirs),
            aliases=sorted({alias for voice in theirs for alias in voice.aliases}),
        )
        for name, theirs in voices.items()
    ]
    speakers.sort(key=lambda speaker: (-speaker.passages, speaker.name))
    return schemas.SpeakerList(speakers=speakers[offset : offset + limit], total=len(speakers))


def _request(query: str, parameters: schemas.SearchParameters) -> Search:
    return Search(
        query=query,
        limit=parameters.limit,
        offset=parameters.offset,
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
        group_by=parameters.group_by,
        per_episode=parameters.per_episode,
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
        notes=list(hits.notes),
        results=results,
    )


def _hits(hits: Sequence[Hit], context: int, archive: Archive) -> list[schemas.Hit]:
    questions = _questions([hit.stored for hit in hits], archive)
    return [_hit(hit, questions.get(hit.stored.number), context, archive) for hit in hits]


def _hit(hit: Hit, question: schemas.Question | None, context: int, archive: Archive) -> schemas.Hit:
    content = hit.stored.passage
    start, end = hit.quote
    before, after = _neighbours(hit.stored, context, archive)
    return schemas.Hit(
        **_provenance(hit.stored, question, archive),
        rank=hit.rank,
        score=round(hit.score, 4),
        signals={name: round(value, 4) for name, value in hit.signals.items()},
        quote=schemas.Quote(
            text=content.text[start - content.char_start : end - content.char_start],
            char_start=start,
            char_end=end,
        ),
        also_at=[_place(stored, archive) for stored in hit.also_at],
        before=_passages(before, archive),
        after=_passages(after, archive),
    )


def _passages(passages: Sequence[StoredPassage], archive: Archive) -> list[schemas.Passage]:
    questions = _questions(passages, archive)
    return [schemas.Passage(**_provenance(stored, questions.get(stored.number), archive)) for stored in passages]


def _provenance(stored: StoredPassage, question: schemas.Question | None, archive: Archive) -> dict[str, Any]:
    """What a passage and a hit both say."""
    row = archive.catalog.episodes[stored.episode]
    content = stored.passage
    return {
        "id": content.id,
        "text": content.text,
        "speaker": _speaker(archive.catalog.voices[stored.voice]),
        "question": question,
        "episode": _episode_ref(row),
        "section": content.section,
        "kind": content.kind,
        "turn": content.turn,
        "char_start": content.char_start,
        "char_end": content.char_end,
        "start_s": content.start_s,
        "end_s": content.end_s,
        "time": content.time,
        "flags": list(content.flags),
        "link": f"/episodes/{row.id}#t{content.turn}",
        "deep_link": _deep_link(row, content.start_s),
    }


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


def _questions(passages: Sequence[StoredPassage], archive: Archive) -> dict[int, schemas.Question]:
    """What some passages reply to, by their numbers."""
    asked = [stored.number for stored in passages if stored.passage.question_turn is not None]
    found = archive.catalog.questions_of(asked) if asked else {}
    return {
        number: schemas.Question(speaker=speaker, text=text, turn=turn)
        for number, (turn, speaker, text) in found.items()
    }


def _speaker(voice: Voice) -> schemas.SpeakerRef:
    return schemas.SpeakerRef(name=voice.name, role=Role(voice.role))


def _deep_link(row: EpisodeRow, start_s: float | None) -> str | None:
    if row.link_template is None or start_s is None:
        return None
    return deep_link(row.link_template, row.url, start_s)


def _episode_ref(row: EpisodeRow) -> schemas.EpisodeRef:
    return schemas.EpisodeRef(
        id=row.id,
        title=row.title,
        show=row.show,
        date=row.date,
        language=row.language,
        url=row.url,
        source=row.source,
    )


def _voices_by_episode(archive: Archive) -> dict[int, list[Voice]]:
    voices: dict[int, list[Voice]] = defaultdict(list)
    for voice in archive.catalog.voices:
        voices[voice.episode].append(voice)
    return voices


def verified(quotations: Sequence[Quotation], archive: Archive, *, in_draft: bool) -> schemas.VerifyResponse:
    """Each quotation checked, in the order given."""
    checked = verify(quotations, archive)
    matches = _matches([entry.match for entry in checked if entry.match], archive)
    return schemas.VerifyResponse(
        index=index_info(archive),
        results=[
            schemas.VerifiedQuote(
                quote=entry.quotation.text,
                attributed_to=entry.quotation.attributed_to,
                start=entry.quotation.start if in_draft else None,
                end=entry.quotation.end if in_draft else None,
                verdict=entry.verdict,
                match=matches[entry.match] if entry.match else None,
                diff=[schemas.Change(quoted=change.quoted, said=change.said) for change in entry.diff],
                nearest=passage(entry.nearest, archive) if entry.nearest else None,
            )
            for entry in checked
        ],
        summary=Counter(entry.verdict for entry in checked),
    )


def quotations_in(body: schemas.VerifyBody, archive: Archive) -> list[Quotation]:
    """What a request asks to check."""
    if body.text is not None:
        return find_quotations(body.text, archive.people.names)
    return [Quotation(quote.text, 0, 0, quote.speaker) for quote in body.quotes or ()]


def _matches(found: Sequence[Match], archive: Archive) -> dict[Match, schemas.Match]:
    """Matches with their provenance; the times and voices of each episode are read once."""
    roles = {(voice.episode, voice.name): voice.role for voice in archive.catalog.voices}
    described: dict[Match, schemas.Match] = {}
    for episode in {match.episode for match in found}:
        timeline = Timeline([(start, turn) for start, _, turn in archive.catalog.turns(episode)])
        for match in (match for match in found if match.episode == episode):
            described[match] = _match(match, timeline, roles[episode, match.speaker], archive)
    return described


def _match(found: Match, timeline: Timeline, role: Role, archive: Archive) -> schemas.Match:
    row = archive.catalog.episodes[found.episode]
    start_s, time_source = timeline.at(found.char_start)
    return schemas.Match(
        text=found.text,
        speaker=schemas.SpeakerRef(name=found.speaker, role=role),
        episode=_episode_ref(row),
        turn=found.turn,
        char_start=found.char_start,
        char_end=found.char_end,
        start_s=start_s,
        time=time_source,
        link=f"/episodes/{row.id}#t{found.turn}",
        deep_link=_deep_link(row, start_s),
    )
