"""The tools for agents: what each is for, what it takes, and how it answers. Nothing here knows the protocol.

An answer is written twice, as text and as structured content, for hosts read one or the other. Both together stay under
20,000 tokens: what does not fit is left out whole, and the answer says how to go on.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel

from indexer.catalog import EpisodeRow, StoredPassage
from indexer.clock import clock
from indexer.errors import OnRecordError
from indexer.types import Role
from service import answers, schemas
from service import mcp_schemas as models
from service.archive import Archive
from service.bounds import fitting, json_tokens
from service.context_answers import context_prepared, context_search
from service.excerpts import Excerpt, Part, Reader, sentences_around
from service.exchange import exchange_of
from service.filters import Filters, episodes_called, listed, unknown_names
from service.provenance import recording_link
from service.quote_answers import quote_search, quotes_prepared
from service.search import MAX_OFFSET, Prepared, Search

MOST_TOKENS = 20_000
# One of the two copies, with room for what encloses them.
_BUDGET = 8_500
# Of one entry's words; longer ones are shown in part, as whole sentences, so that one entry always fits.
_LONGEST_PASSAGE = 1_200
_LONGEST_QUESTION = 300
_TEN = schemas.SearchParameters.model_validate({"limit": 10})
# Of a turn, beside its words: with a label, and as an object with its place.
_LABEL_TOKENS = 8
_TURN_TOKENS = 80
_NOT_NAMED = "Not named"
# What next_id looks like: an episode's id, and the code point to go on from.
_PART = re.compile(r"(.+)@(\d{1,9})")

INSTRUCTIONS = """\
On Record holds transcripts of expert interviews and searches them by meaning. Every text it returns stands in the \
transcript word for word, at the place stated and said by the speaker stated.

- To find what somebody said or who says what: search_passages (with filters), or search and then fetch.
- To find sentences to quote, with citations: find_quotes. To gather material for an answer in one call: get_context.
- To read more around a place, before you rely on a passage: get_excerpt.
- Whose interviews there are: list_speakers and list_episodes.
- Before you hand over a text with quotations: verify_quotes, and mend every one that is not "verified" or "edited".

Quote only words that stand in a text field, unchanged, and name the speaker, the episode and the time as "cite" has \
them, with "url" as the link. What is in "question" was said by the interviewer, not by the expert. If nothing fits, \
say so: do not fill the gap from memory. char_start and char_end count in the episode's one canonical text."""


class WrongInput(OnRecordError):  # noqa: N818  the name says what is the matter
    """What was asked cannot be answered; the message says what to change."""


@dataclass(frozen=True, slots=True)
class Links:
    """Addresses of places in episodes: of the reader below `base`, or without one, of the recording."""

    base: str | None

    def to(self, row: EpisodeRow, turn: int, start_s: float | None = None) -> str:
        if self.base is not None:
            return f"{self.base}/episodes/{quote(row.id)}#t{turn}"
        return recording_link(row, start_s) or row.url or f"onrecord://episodes/{quote(row.id)}#t{turn}"


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool. `searches`: what it searches for, whose queries are embedded with those of other requests."""

    name: str
    title: str
    description: str
    arguments: type[BaseModel]
    answer_model: type[BaseModel]
    answer: Callable[[Any, Sequence[Prepared], Archive, Links], BaseModel]
    searches: Callable[[Any], list[Search]] = lambda _: []


def _find(
    _: models.SearchArguments, prepared: Sequence[Prepared], archive: Archive, links: Links
) -> models.SearchResults:
    hits = answers.answer_prepared(prepared, _TEN, archive, time.perf_counter())[0].results
    found = [_found(hit, archive, links) for hit in hits]
    return models.SearchResults(results=found[: fitting(found, _BUDGET)])


def _found(hit: schemas.Hit, archive: Archive, links: Links) -> models.Found:
    row = _row(hit.episode.id, archive)
    said, _, _ = _sentences(hit.quote.text, 0, _LONGEST_QUESTION)
    title = f"{hit.speaker.name or _NOT_NAMED}: “{said}” ({row.title})"
    return models.Found(id=hit.id, title=title, url=links.to(row, hit.turn, hit.start_s))


def _fetch(asked: models.FetchArguments, _: Sequence[Prepared], archive: Archive, links: Links) -> models.Fetched:
    stored = archive.catalog.passages_by_id([asked.id])
    if stored:
        return _fetch_passage(stored[0], archive, links)
    part = _PART.fullmatch(asked.id)
    row = answers.find_episode(part[1] if part else asked.id, archive)
    if row is None:
        raise WrongInput(
            f"id: no passage or episode has the id {asked.id!r}. Take one from search, search_passages or "
            "list_episodes."
        )
    return _fetch_episode(asked.id, row, int(part[2]) if part else 0, archive, links)


def _fetch_passage(stored: StoredPassage, archive: Archive, links: Links) -> models.Fetched:
    """The exchange in which a passage stands; `metadata` has the passage itself."""
    passage, row = stored.passage, archive.catalog.episodes[stored.episode]
    found = exchange_of(stored, archive)
    numbers = [place[0] for place in (found.question, *found.answer) if place is not None]
    words, start, end = _sentences(passage.text, 0, _LONGEST_PASSAGE)
    metadata = {
        "passage": words,
        "speaker": passage.speaker,
        "role": str(archive.catalog.voices[stored.voice].role),
        "section": passage.section,
        "turn": passage.turn,
        "char_start": passage.char_start + start,
        "char_end": passage.char_start + end,
        "time": _clock(passage.start_s),
        "cite": _cite(passage.speaker, row, passage.start_s),
        **_about(row),
    }
    excerpt = Reader(row, archive, turn_tokens=_LABEL_TOKENS).around(
        passage.char_start,
        before=max(0, passage.turn - min(numbers)),
        after=max(0, max(numbers) - passage.turn),
        budget=_BUDGET - 2 * _LONGEST_PASSAGE,
    )
    return models.Fetched(
        id=passage.id,
        title=f"{passage.speaker or _NOT_NAMED}, {row.title}",
        text=_labelled(excerpt),
        url=links.to(row, passage.turn, passage.start_s),
        metadata=_stated(metadata),
    )


def _fetch_episode(asked_id: str, row: EpisodeRow, char: int, archive: Archive, links: Links) -> models.Fetched:
    """What is said in an episode from a place on, as much as fits."""
    reader = Reader(row, archive, turn_tokens=_LABEL_TOKENS)
    if char >= reader.length:
        raise WrongInput(f"id: the episode {row.id!r} has {reader.length} characters; nothing begins at {char}.")
    excerpt = reader.onward(char, budget=_BUDGET - _LONGEST_PASSAGE)
    end = excerpt.parts[-1].char_end
    whole = char == 0 and excerpt.later is None
    metadata = {
        "char_start": excerpt.parts[0].char_start,
        "char_end": end,
        "characters": reader.length,
        "next_id": f"{row.id}@{reader.place_of(excerpt.later)}" if excerpt.later else None,
        "speakers": ", ".join(_names(archive)[row.number][:20]),
        "words": row.words,
        **_about(row),
    }
    part = "" if whole else f" (characters {char:,} to {end:,} of {reader.length:,})"
    return models.Fetched(
        id=asked_id,
        title=f"{row.title}{part}",
        text=_labelled(excerpt),
        url=links.to(row, excerpt.parts[0].number, excerpt.parts[0].start_s),
        metadata=_stated(metadata),
    )


def _passages(
    asked: models.PassagesArguments, prepared: Sequence[Prepared], archive: Archive, links: Links
) -> models.FoundPassages:
    _refuse_unknown(prepared, archive)
    response = answers.answer_prepared(prepared, asked, archive, time.perf_counter())[0]
    asked_of = _questions([hit.id for hit in response.results], archive)
    found = [_found_passage(hit, asked_of.get(hit.id), archive, links) for hit in response.results]
    notes = response.notes
    if found and json_tokens(found[0]) > _BUDGET:
        found[0] = found[0].model_copy(update={"before": [], "after": []})
        notes = [*notes, "What stands beside the first passage is too long to be shown; read it with get_excerpt."]
    shown = found[: fitting(found, _BUDGET)]
    left = min(response.total, MAX_OFFSET + 1) > asked.offset + len(shown)
    return models.FoundPassages(
        total=response.total,
        experts_total=response.experts_total,
        hidden=response.hidden,
        notes=notes,
        results=shown,
        next_offset=asked.offset + len(shown) if shown and left else None,
    )


def _refuse_unknown(prepared: Sequence[Prepared], archive: Archive) -> None:
    if unknown := [note for one in prepared for note in unknown_names(one.request.filters, archive)]:
        raise WrongInput(" ".join(unknown))


def _questions(passages: Sequence[str], archive: Archive) -> dict[str, str]:
    """What was asked, by the passages' ids: the last sentences of the interviewer's turn."""
    stored = archive.catalog.passages_by_id(passages)
    number_of = {one.passage.id: int(archive.columns.question[one.number]) for one in stored}
    numbers = sorted({number for number in number_of.values() if number >= 0})
    texts = dict(zip(numbers, (text for _, text in archive.catalog.questions(numbers)), strict=True))
    return {key: texts[number] for key, number in number_of.items() if number in texts}


def _found_passage(hit: schemas.Hit, asked: str | None, archive: Archive, links: Links) -> models.FoundPassage:
    text, start, end = _sentences(hit.text, hit.quote.char_start - hit.char_start, _LONGEST_PASSAGE)
    words, left, right = _sentences(hit.quote.text, 0, _LONGEST_PASSAGE)
    place = _cited(hit, hit.speaker, hit.char_start + start, hit.char_start + end, archive, links)
    return models.FoundPassage(
        **place,
        id=hit.id,
        rank=hit.rank,
        score=hit.score,
        text=text,
        quote=models.BestQuote(
            text=words, char_start=hit.quote.char_start + left, char_end=hit.quote.char_start + right
        ),
        question=_asked(hit.question, asked),
        section=hit.section,
        kind=hit.kind,
        time_source=hit.time,
        flags=hit.flags,
        also_at=[f"{other.episode} c{other.char_start}" for other in hit.also_at[:5]],
        before=[_beside(passage) for passage in hit.before],
        after=[_beside(passage) for passage in hit.after],
    )


def _asked(question: schemas.Question | None, text: str | None) -> models.Asked | None:
    if question is None or not text:
        return None
    spoken = _sentences(text, len(text), _LONGEST_QUESTION)[0]
    return models.Asked(speaker=question.speaker, text=spoken, turn=question.turn)


def _beside(passage: schemas.Passage) -> models.Beside:
    text, start, end = _sentences(passage.text, 0, _LONGEST_PASSAGE)
    return models.Beside(
        speaker=passage.speaker.name,
        text=text,
        char_start=passage.char_start + start,
        char_end=passage.char_start + end,
    )


def _quotes(
    asked: models.QuotesArguments, prepared: Sequence[Prepared], archive: Archive, links: Links
) -> models.FoundQuotes:
    _refuse_unknown(prepared, archive)
    response = quotes_prepared(prepared[0], asked, archive, time.perf_counter())
    asked_of = _questions([quote.passage for quote in response.results], archive)
    found = [_found_quote(quote, asked_of.get(quote.passage), archive, links) for quote in response.results]
    shown = found[: fitting(found, _BUDGET)]
    notes = response.notes
    if len(shown) < len(found):
        notes = [*notes, f"Only the first {len(shown)} of {len(found)} fit. Narrow the search to see others."]
    return models.FoundQuotes(notes=notes, results=shown)


def _found_quote(quote: schemas.FoundQuote, asked: str | None, archive: Archive, links: Links) -> models.FoundQuote:
    text, start, end = _sentences(quote.text, 0, _LONGEST_PASSAGE)
    return models.FoundQuote(
        **_cited(quote, quote.speaker, quote.char_start + start, quote.char_start + end, archive, links),
        passage=quote.passage,
        rank=quote.rank,
        score=quote.score,
        text=text,
        before=_sentence(quote.before, last=True),
        after=_sentence(quote.after, last=False),
        question=_asked(quote.question, asked),
        citation=quote.citation,
        flags=quote.flags,
    )


def _sentence(beside: schemas.Sentence | None, *, last: bool) -> str | None:
    if beside is None:
        return None
    return _sentences(beside.text, len(beside.text) if last else 0, _LONGEST_QUESTION)[0]


def _context(
    asked: models.ContextArguments, prepared: Sequence[Prepared], archive: Archive, links: Links
) -> models.Context:
    """The budget counts what a model reads; the answer must fit as JSON, with its sources, too."""
    _refuse_unknown(prepared, archive)
    max_tokens = asked.max_tokens
    while True:
        packed = context_prepared(prepared[0], _context_query(asked, max_tokens), archive, time.perf_counter())
        answer = models.Context(
            text=packed.text or "",
            tokens=packed.tokens,
            tokenizer=packed.tokenizer,
            notes=list(packed.notes),
            sources=[_source(source, archive, links) for source in packed.sources],
        )
        if max_tokens < asked.max_tokens:
            answer.notes.append(f"max_tokens: more than {max_tokens} do not fit into one answer; ask more narrowly.")
        if json_tokens(answer) <= _BUDGET or not packed.sources:
            return answer
        max_tokens = max_tokens * 3 // 4


def _context_query(asked: models.ContextArguments, max_tokens: int) -> schemas.ContextQuery:
    return schemas.ContextQuery.model_validate({**asked.model_dump(), "max_tokens": max_tokens})


def _source(source: schemas.Source, archive: Archive, links: Links) -> models.ContextSource:
    [stored] = archive.catalog.passages_by_id([source.id])
    start, end = stored.passage.char_start, stored.passage.char_end
    return models.ContextSource(
        **_cited(source, source.speaker, start, end, archive, links),
        number=source.number,
        id=source.id,
        trimmed=source.trimmed,
    )


def _verify(
    asked: models.VerifyArguments, _: Sequence[Prepared], archive: Archive, links: Links
) -> models.VerifiedQuotes:
    quotations = answers.quotations_in(asked, archive)
    if not quotations:
        raise WrongInput(
            "There is nothing to check: give quotes, or a text that has quotations of three words or more between "
            "quotation marks or in block quotes."
        )
    if len(quotations) > schemas.MAX_QUOTES:
        raise WrongInput(
            f"text: it holds {len(quotations)} quotations; {schemas.MAX_QUOTES} are checked at once. Send it in parts."
        )
    if asked.offset >= len(quotations):
        raise WrongInput(f"offset: there are {len(quotations)} quotations.")
    response = answers.verified(quotations, archive, in_draft=False)
    checked = [_verified(result, archive, links) for result in response.results[asked.offset :]]
    shown = checked[: fitting(checked, _BUDGET)]
    end = asked.offset + len(shown)
    return models.VerifiedQuotes(
        summary=response.summary,
        total=len(quotations),
        results=shown,
        next_offset=end if end < len(quotations) else None,
    )


def _verified(result: schemas.VerifiedQuote, archive: Archive, links: Links) -> models.VerifiedQuote:
    diff = [change for change in result.diff if change.quoted != change.said]
    checked = models.VerifiedQuote(
        quote=result.quote,
        attributed_to=result.attributed_to,
        verdict=result.verdict,
        said=_said(result.match, archive, links) if result.match else None,
        diff=diff,
        nearest=_said(result.nearest, archive, links) if result.nearest else None,
    )
    if json_tokens(checked) <= 4 * _LONGEST_PASSAGE:
        return checked
    # The caller has these words; what was said is what they need.
    return checked.model_copy(update={"quote": f"{result.quote[:200]} […]", "diff": []})


def _said(place: schemas.Match | schemas.Passage, archive: Archive, links: Links) -> models.Said:
    text, start, end = _sentences(place.text, 0, _LONGEST_PASSAGE)
    cited = _cited(place, place.speaker, place.char_start + start, place.char_start + end, archive, links)
    return models.Said(**cited, text=text)


def _excerpt(
    asked: models.ExcerptArguments, _: Sequence[Prepared], archive: Archive, links: Links
) -> models.ExcerptAnswer:
    row = _episode(asked.episode, archive)
    reader = Reader(row, archive, turn_tokens=_TURN_TOKENS)
    excerpt = reader.around(
        reader.place_of(asked.at),
        before=asked.before,
        after=asked.after,
        budget=_BUDGET - _LONGEST_PASSAGE,
        begin_there=asked.before == 0,
        end_there=asked.after == 0 < asked.before,
    )
    if not excerpt.parts:
        raise WrongInput(f"episode: nothing is said in {row.id!r}.")
    first = excerpt.parts[0]
    roles = {voice.name: voice.role for voice in archive.voices_of[row.number]}
    return models.ExcerptAnswer(
        episode=_episode_about(row, links),
        turns=[_excerpt_turn(part, roles) for part in excerpt.parts],
        url=links.to(row, first.number, first.start_s),
        cite=_cite(None, row, first.start_s),
        earlier=excerpt.earlier,
        later=excerpt.later,
    )


def _excerpt_turn(part: Part, roles: dict[str | None, Role]) -> models.ExcerptTurn:
    return models.ExcerptTurn(
        turn=part.number,
        speaker=part.turn.speaker,
        role=roles.get(part.turn.speaker, Role.UNKNOWN),
        text=part.text,
        char_start=part.char_start,
        char_end=part.char_end,
        time=_clock(part.start_s),
        section=part.turn.section,
        kind=part.turn.kind,
        whole=part.whole,
    )


def _speakers(asked: models.SpeakersArguments, _: Sequence[Prepared], archive: Archive, __: Links) -> models.Speakers:
    everybody = answers.speaker_list(archive, len(archive.catalog.voices), 0).speakers
    wanted = (asked.matching or "").casefold().strip()
    fit = [one for one in everybody if any(wanted in name.casefold() for name in (one.name, *one.aliases))]
    near = archive.people.near(asked.matching) if asked.matching and not fit else []
    entries = [
        models.SpeakerAbout(
            name=one.name, roles=one.roles, episodes=one.episodes, passages=one.passages, aliases=one.aliases[:10]
        )
        for one in fit[asked.offset : asked.offset + asked.limit]
    ]
    shown = entries[: fitting(entries, _BUDGET)]
    return models.Speakers(
        speakers=shown,
        total=len(fit),
        notes=[f"Nobody's name has {asked.matching!r} in it; near to it: {listed(near)}."] if near else [],
        next_offset=_next_offset(asked.offset, shown, len(fit)),
    )


def _episodes(
    asked: models.EpisodesArguments, _: Sequence[Prepared], archive: Archive, links: Links
) -> models.Episodes:
    voices = _names(archive)
    words = (asked.matching or "").casefold().split()
    fit = [
        row
        for row in archive.catalog.episodes
        if all(
            word in " ".join(filter(None, (row.title, row.show, row.source, row.date, *voices[row.number]))).casefold()
            for word in words
        )
    ]
    entries = [
        models.EpisodeEntry(
            **_episode_about(row, links).model_dump(),
            language=row.language,
            speakers=voices[row.number][:10],
            turns=row.turns,
            words=row.words,
        )
        for row in fit[asked.offset : asked.offset + asked.limit]
    ]
    shown = entries[: fitting(entries, _BUDGET)]
    return models.Episodes(episodes=shown, total=len(fit), next_offset=_next_offset(asked.offset, shown, len(fit)))


def _next_offset(offset: int, shown: Sequence[BaseModel], total: int) -> int | None:
    end = offset + len(shown)
    return end if shown and end < total else None


def _row(episode_id: str, archive: Archive) -> EpisodeRow:
    row = answers.find_episode(episode_id, archive)
    assert row is not None  # it was read from the same archive
    return row


def _episode(wanted: str, archive: Archive) -> EpisodeRow:
    found = [row for row in archive.catalog.episodes if row.id == wanted] or episodes_called(wanted, archive)
    if not found:
        raise WrongInput(f"{' '.join(unknown_names(Filters(episode=wanted), archive))} list_episodes has them all.")
    if len(found) > 1:
        raise WrongInput(f"episode: {wanted!r} may be {listed([row.id for row in found])}; give the id.")
    return found[0]


def _episode_about(row: EpisodeRow, links: Links) -> models.EpisodeAbout:
    return models.EpisodeAbout(
        id=row.id, title=row.title, show=row.show, date=row.date, source=row.source, url=links.to(row, 0)
    )


def _about(row: EpisodeRow) -> dict[str, str | None]:
    return {"episode_id": row.id, "episode": row.title, "show": row.show, "date": row.date, "source": row.source}


def _names(archive: Archive) -> dict[int, list[str]]:
    """Who speaks in each episode, as `Ilse Brandvold (guest)`, by the episode's number."""
    return {
        number: [f"{voice.name} ({voice.role})" for voice in voices if voice.name]
        for number, voices in archive.voices_of.items()
    }


def _cited(
    place: schemas.Passage | schemas.Match | schemas.FoundQuote | schemas.Source,
    speaker: schemas.SpeakerRef,
    start: int,
    end: int,
    archive: Archive,
    links: Links,
) -> dict[str, Any]:
    """The fields of `models.Cited`."""
    row = _row(place.episode.id, archive)
    return {
        "speaker": speaker.name,
        "role": speaker.role,
        "episode": row.id,
        "turn": place.turn,
        "char_start": start,
        "char_end": end,
        "time": _clock(place.start_s),
        "url": links.to(row, place.turn, place.start_s),
        "cite": _cite(speaker.name, row, place.start_s),
    }


def _cite(speaker: str | None, row: EpisodeRow, start_s: float | None) -> str:
    return ", ".join(filter(None, (speaker, f"“{row.title}”", row.show, row.date, _clock(start_s))))


def _clock(start_s: float | None) -> str | None:
    return None if start_s is None else clock(start_s)


def _sentences(text: str, char: int, budget: int) -> tuple[str, int, int]:
    """Whole sentences around a place in a text, and where in it they begin and end."""
    start, end = sentences_around(text, char, budget)
    return text[start:end], start, end


def _labelled(excerpt: Excerpt) -> str:
    return "\n\n".join(f"{part.turn.speaker or _NOT_NAMED}: {part.text}" for part in excerpt.parts)


def _stated(metadata: dict[str, str | int | None]) -> dict[str, str | int | float]:
    return {key: value for key, value in metadata.items() if value is not None}


TOOLS: tuple[Tool, ...] = (
    Tool(
        name="search",
        title="Search the interviews",
        description=(
            "Find passages of expert interviews that answer a question in plain language. Returns up to ten results, "
            "best first, each with an id for fetch, a title (who said it, the best sentence word for word, the "
            'episode) and a url to cite. The query may filter too: speaker:"Full Name", show:"…", after:2024-01-31, '
            'before:…, and a "quoted phrase" must occur. For more filters and the whole passages in one call use '
            "search_passages."
        ),
        arguments=models.SearchArguments,
        answer_model=models.SearchResults,
        answer=_find,
        searches=lambda asked: answers.searches([asked.query], _TEN),
    ),
    Tool(
        name="fetch",
        title="Read a passage or an episode",
        description=(
            "Read what an id from search stands for. A passage comes with the question that it answers and the whole "
            "answer: text holds the turns word for word, each after its speaker's name; metadata.passage holds the "
            "passage itself, metadata.cite how to cite it. An episode's id gives its transcript from the beginning; "
            "where that is too long, metadata.next_id is the id of the next part."
        ),
        arguments=models.FetchArguments,
        answer_model=models.Fetched,
        answer=_fetch,
    ),
    Tool(
        name="search_passages",
        title="Search with filters",
        description=(
            "Find passages of expert interviews by meaning and words, with exact filters (speaker, role, episode, "
            "show, section, language, dates, segment kind). Returns each passage verbatim with its best sentence "
            "(quote), the interviewer's question, speaker, time, offsets, url and cite. Use it to answer a question, "
            "to find out what one person thinks (speaker), or who says what about a subject (group_by=speaker). "
            "Ask in a full sentence; role=guest leaves the interviewers out. notes say how the query was understood."
        ),
        arguments=models.PassagesArguments,
        answer_model=models.FoundPassages,
        answer=_passages,
        searches=lambda asked: answers.searches([asked.query], asked),
    ),
    Tool(
        name="find_quotes",
        title="Find sentences to quote",
        description=(
            "Find sentences to quote for a piece of writing: for each passage that answers the query, the one to three "
            "whole sentences that carry the point, verbatim, with the sentences before and after, the speaker, a link, "
            "and a citation ready to be pasted (style: markdown, chicago, apa, mla, bibtex, csl-json). diverse=speaker "
            "gives one quote of each person. Filters as in search_passages; role=guest leaves the interviewers out."
        ),
        arguments=models.QuotesArguments,
        answer_model=models.FoundQuotes,
        answer=_quotes,
        searches=lambda asked: [quote_search(asked)],
    ),
    Tool(
        name="get_context",
        title="Gather a context",
        description=(
            "Gather what the interviews say about a question as one text within a budget of tokens: numbered "
            "exchanges, each with its question and answer verbatim, and the sources by number. Use it to ground an "
            "answer to a broad question in one call; cite the sources by their cite and url. Filters as in "
            "search_passages."
        ),
        arguments=models.ContextArguments,
        answer_model=models.Context,
        answer=_context,
        searches=lambda asked: [context_search(_context_query(asked, asked.max_tokens))],
    ),
    Tool(
        name="verify_quotes",
        title="Check quotations",
        description=(
            "Check quotations against the transcripts: give a draft (text) or a list (quotes, each with the speaker "
            "it is given to). Each gets a verdict: verified (word for word), edited (fair trims), altered (diff says "
            "which words were changed), misattributed (said.speaker said it) or not_found (nearest is what comes "
            "nearest). Use it before you hand over any text that quotes, and correct it by said.text."
        ),
        arguments=models.VerifyArguments,
        answer_model=models.VerifiedQuotes,
        answer=_verify,
    ),
    Tool(
        name="get_excerpt",
        title="Read around a place",
        description=(
            "Read an interview around a place, word for word: the turn at a time (12:31), a turn number (t25) or a "
            "character (c10293, from any char_start), with the turns before and after it, their speakers, times and "
            "offsets. Use it to see what was meant before you quote, and to read on (earlier, later)."
        ),
        arguments=models.ExcerptArguments,
        answer_model=models.ExcerptAnswer,
        answer=_excerpt,
    ),
    Tool(
        name="list_speakers",
        title="List the speakers",
        description=(
            "Everybody who speaks in the interviews, those with most passages first: name, roles, how many episodes, "
            "aliases. Use it to find the exact name for the speaker filter; matching narrows the list."
        ),
        arguments=models.SpeakersArguments,
        answer_model=models.Speakers,
        answer=_speakers,
    ),
    Tool(
        name="list_episodes",
        title="List the episodes",
        description=(
            "The interviews in the archive: id, title, show, date, speakers, length. Use it to see what there is, and "
            "to find the id for the episode filter, fetch or get_excerpt; matching narrows the list."
        ),
        arguments=models.EpisodesArguments,
        answer_model=models.Episodes,
        answer=_episodes,
    ),
)
