"""Who is in the archive, and a page for each: in which interviews, and what they said about something."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated, Any

import numpy as np
from fastapi import FastAPI, HTTPException, Query, Request
from fastapi.responses import HTMLResponse
from numpy.typing import NDArray
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from indexer.catalog import EpisodeRow, Voice
from indexer.names import name_key
from indexer.types import Role
from service import answers, schemas
from service.archive import Archive
from service.search import Prepared
from service.stretches import stretch_link
from service.web.layout import Layout

PAGE = 100
_HITS = 20
_MOST_FOUND = 100


class Order(StrEnum):
    PASSAGES = "passages"
    NAME = "name"


def _any(value: object) -> object:
    """What a form sends where no role is chosen."""
    return None if value in ("", "all") else value


class ListQuery(BaseModel):
    """The list's address. What others add to it is not looked at."""

    model_config = ConfigDict(extra="ignore")

    name: str = Field("", max_length=200)
    role: Annotated[Role | None, BeforeValidator(_any)] = None
    order: Order = Order.PASSAGES
    offset: int = Field(0, ge=0)


class ExpertQuery(BaseModel):
    """The address of one person's page."""

    model_config = ConfigDict(extra="ignore")

    query: str = Field("", max_length=schemas.MAX_QUERY_LENGTH)
    limit: int = Field(_HITS, ge=1, le=_MOST_FOUND)


@dataclass(frozen=True, slots=True)
class Expert:
    """Somebody who is named, over all interviews. `descriptions`: what transcripts say of the person."""

    name: str
    voices: Sequence[Voice]
    roles: Mapping[Role, int]
    passages: int
    aliases: Sequence[str]
    descriptions: Sequence[str]


@dataclass(frozen=True, slots=True)
class Appearance:
    """One interview that somebody speaks in. `others`: whom else it names."""

    episode: EpisodeRow
    role: Role
    passages: int
    others: Sequence[str]


def install(app: FastAPI, layout: Layout) -> None:
    """Adds the pages to an app."""

    @app.get("/speakers", include_in_schema=False)
    async def experts_page(request: Request, parameters: Annotated[ListQuery, Query()]) -> HTMLResponse:
        def content(archive: Archive) -> Mapping[str, Any]:
            everybody = experts(archive)
            found = [expert for expert in everybody if _is_asked_for(expert, parameters)]
            if parameters.order is Order.NAME:
                found.sort(key=lambda expert: name_key(expert.name))
            return {
                "page": "speakers",
                "everybody": len(everybody),
                "found": len(found),
                "experts": found[parameters.offset : parameters.offset + PAGE],
                "asked": parameters,
                "size": PAGE,
                "roles": [role for role in Role if any(role in expert.roles for expert in everybody)],
            }

        return await layout.page(request, "experts.html", content)

    @app.get("/speakers/{name:path}", include_in_schema=False)
    async def expert_page(request: Request, name: str, parameters: Annotated[ExpertQuery, Query()]) -> HTMLResponse:
        asked = schemas.SearchParameters.model_validate({"speaker": name, "limit": parameters.limit})
        queries = [parameters.query] if parameters.query.strip() else []
        started = time.perf_counter()

        def content(prepared: Sequence[Prepared], archive: Archive) -> Mapping[str, Any]:
            expert = _expert_or_404(name, archive)
            found = answers.answer_prepared(prepared, asked, archive, started)
            return {
                "page": "speakers",
                "expert": expert,
                "appearances": _appearances(expert, archive),
                "query": parameters.query,
                "found": found[0] if found else None,
                "more": min(parameters.limit + _HITS, _MOST_FOUND),
                "limit": parameters.limit,
                "at": lambda hit: stretch_link(hit.episode.id, hit.quote.char_start, hit.quote.char_end),
            }

        return await layout.page_of_search(request, "expert.html", answers.searches(queries, asked), content)


def experts(archive: Archive) -> list[Expert]:
    """Everybody whose name is known, those with most passages first. "Speaker 1" is nobody: it may be many people."""
    passages = archive.passages_by_voice()
    voices: dict[str, list[Voice]] = {}
    for voice in archive.catalog.voices:
        if voice.name and not voice.anonymous:
            voices.setdefault(voice.name, []).append(voice)
    found = [_expert(name, theirs, passages) for name, theirs in voices.items()]
    return sorted(found, key=lambda expert: (-expert.passages, expert.name))


def _expert(name: str, voices: Sequence[Voice], passages: NDArray[np.int64]) -> Expert:
    return Expert(
        name=name,
        voices=voices,
        roles=dict(Counter(Role(voice.role) for voice in voices).most_common()),
        passages=sum(int(passages[voice.number]) for voice in voices),
        aliases=_different(name, (alias for voice in voices for alias in voice.aliases)),
        descriptions=_different(name, (voice.description for voice in voices if voice.description)),
    )


def _different(name: str, spellings: Iterable[str]) -> list[str]:
    """What is not the name itself in other capitals, each once."""
    found = {name_key(spelling): spelling for spelling in spellings}
    return sorted(spelling for key, spelling in found.items() if key != name_key(name))


def _is_asked_for(expert: Expert, parameters: ListQuery) -> bool:
    if parameters.role is not None and parameters.role not in expert.roles:
        return False
    wanted = name_key(parameters.name)
    return not wanted or any(wanted in name_key(name) for name in (expert.name, *expert.aliases))


def _expert_or_404(name: str, archive: Archive) -> Expert:
    called = {name} if name in archive.people.names else set(archive.people.called(name))
    found = next((expert for expert in experts(archive) if called == {expert.name}), None)
    if found is None:
        raise HTTPException(HTTPStatus.NOT_FOUND, f"Nobody is called {name!r} here; /speakers lists everybody.")
    return found


def _appearances(expert: Expert, archive: Archive) -> list[Appearance]:
    """The newest first, those without a date last."""
    passages = archive.passages_by_voice()
    found = [
        Appearance(
            episode=archive.catalog.episodes[voice.episode],
            role=Role(voice.role),
            passages=int(passages[voice.number]),
            others=[
                other.name
                for other in archive.voices_of[voice.episode]
                if other.name and not other.anonymous and other.name != expert.name
            ],
        )
        for voice in expert.voices
    ]
    found.sort(key=lambda appearance: appearance.episode.title)
    return sorted(found, key=lambda appearance: appearance.episode.date or "", reverse=True)
