"""The reader: a whole transcript, with a quote or what was found in it marked."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field

from indexer.catalog import EpisodeRow
from service import answers, schemas
from service.archive import Archive
from service.citations import Style
from service.responses import episode_or_404
from service.search import Prepared, Search
from service.web.inside import Inside, Place, Span
from service.web.layout import Layout

_HITS = 10


class By(StrEnum):
    """How an episode is searched: for what a question means, or for words as they are spelled."""

    MEANING = "meaning"
    WORDS = "words"


class InsideQuery(BaseModel):
    """What is looked for in an episode. What others add to an address, as mail programs do, is not looked at."""

    model_config = ConfigDict(extra="ignore")

    query: str = Field("", max_length=schemas.MAX_QUERY_LENGTH)
    by: By = By.MEANING


class ReaderQuery(InsideQuery):
    """The reader's address. `from` and `to`: a quote to mark, in code points of the canonical text."""

    start: int | None = Field(None, alias="from", ge=0)
    end: int | None = Field(None, alias="to", ge=0)


@dataclass(frozen=True, slots=True)
class Found:
    """What a search inside an episode found. `notes`: what the asker should know."""

    query: str
    by: By
    places: Sequence[Place]
    notes: Sequence[str]


def install(app: FastAPI, layout: Layout) -> None:
    """Adds the page to an app."""

    @app.get("/episodes/{episode_id}", include_in_schema=False)
    async def reader_page(
        request: Request, episode_id: str, parameters: Annotated[ReaderQuery, Query()]
    ) -> HTMLResponse:
        def content(prepared: Sequence[Prepared], archive: Archive) -> Mapping[str, Any]:
            row = episode_or_404(episode_id, archive)
            inside = Inside(row, archive)
            found = _found(parameters, prepared, inside, archive)
            quote = _quote(parameters, inside)
            hits = [Span(place.start, place.end) for place in found.places] if found else []
            return {
                **_about(row, archive),
                "sections": inside.sections(quote, hits),
                "found": found,
                "query": parameters.query,
                "by": parameters.by,
                "quote_is_lost": quote is None and parameters.start is not None,
                "styles": list(Style),
            }

        return await layout.page_of_search(request, "episode.html", _searches(episode_id, parameters), content)

    @app.get("/episodes/{episode_id}/hits", include_in_schema=False)
    async def hits_fragment(
        request: Request, episode_id: str, parameters: Annotated[InsideQuery, Query()]
    ) -> HTMLResponse:
        """The list alone, which the page's script puts in its place."""

        def content(prepared: Sequence[Prepared], archive: Archive) -> Mapping[str, Any]:
            inside = Inside(episode_or_404(episode_id, archive), archive)
            return {"found": _found(parameters, prepared, inside, archive)}

        return await layout.page_of_search(request, "episode_hits.html", _searches(episode_id, parameters), content)


def _about(row: EpisodeRow, archive: Archive) -> dict[str, Any]:
    anonymous = {voice.name for voice in archive.voices_of[row.number] if voice.anonymous}
    return {"episode": answers.episode_detail(row, archive), "anonymous": anonymous, "same_as": row.duplicate_of}


def _searches(episode_id: str, parameters: InsideQuery) -> list[Search]:
    if parameters.by is not By.MEANING or not parameters.query.strip():
        return []
    return answers.searches([parameters.query], _parameters(episode_id))


def _parameters(episode_id: str) -> schemas.SearchParameters:
    return schemas.SearchParameters.model_validate({"episode": episode_id, "limit": _HITS})


def _found(parameters: InsideQuery, prepared: Sequence[Prepared], inside: Inside, archive: Archive) -> Found | None:
    """Nothing where nothing is looked for."""
    if not parameters.query.strip():
        return None
    if parameters.by is By.WORDS:
        return Found(parameters.query, parameters.by, inside.words(parameters.query), ())
    [response] = answers.answer_prepared(prepared, _parameters(inside.episode), archive, time.perf_counter())
    places = [inside.place(Span(hit.quote.char_start, hit.quote.char_end)) for hit in response.results]
    return Found(parameters.query, parameters.by, places, response.notes)


def _quote(parameters: ReaderQuery, inside: Inside) -> Span | None:
    """The quote that an address names, if the transcript has words there."""
    if parameters.start is None or parameters.end is None:
        return None
    if not parameters.start < parameters.end <= inside.length:
        return None
    return Span(parameters.start, parameters.end)
