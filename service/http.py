"""The HTTP interface, version 1: routes, and nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Query, Response
from pydantic import BaseModel

from indexer.catalog import EpisodeRow, StoredPassage
from service import answers, pages, problems, schemas
from service.archive import Archive
from service.live import LiveArchive
from service.quotations import Quotation
from service.search import Prepared
from service.workers import Workers

_NOT_NOW: dict[int | str, dict[str, Any]] = {
    503: {"model": schemas.Problem, "description": "Too much at once, or not open yet; `Retry-After` says when to ask."}
}
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    422: {"model": schemas.Problem, "description": "What to change, one entry per parameter."},
    **_NOT_NOW,
}
_NOT_FOUND: dict[int | str, dict[str, Any]] = {
    404: {"model": schemas.Problem, "description": "No such id."},
    **_PROBLEMS,
}

Page = Annotated[schemas.PageParameters, Query()]


def create_app(live: LiveArchive) -> FastAPI:
    """The service over the archive that is live. Every request is answered from one generation."""
    app = FastAPI(
        title="On Record",
        version="1",
        summary="The exact words, who said them, in which episode, and where.",
        description="Every `char_start` and `char_end` counts code points of the episode's one canonical text, "
        "which `/v1/episodes/{id}/transcript` serves: `text[char_start:char_end]` is the passage, exactly.",
    )
    workers = Workers(live)
    problems.install(app)
    pages.install(app, workers)

    async def answered(work: Callable[[Archive], BaseModel]) -> Response:
        return await workers.run(lambda archive: _json(work(archive)))

    async def found(queries: Sequence[str], parameters: schemas.SearchParameters, *, many: bool) -> Response:
        started = time.perf_counter()

        def work(prepared: Sequence[Prepared], archive: Archive) -> Response:
            responses = answers.answer_prepared(prepared, parameters, archive, started)
            return _json(schemas.SearchResponses(searches=responses) if many else responses[0])

        return await workers.search(answers.searches(queries, parameters), work)

    @app.get("/v1/search", tags=["search"], response_model=schemas.SearchResponse, responses=_PROBLEMS)
    async def search(parameters: Annotated[schemas.SearchQuery, Query()]) -> Response:
        """The passages that answer a question best."""
        return await found([parameters.query], parameters, many=False)

    @app.post(
        "/v1/search",
        tags=["search"],
        response_model=schemas.SearchResponse | schemas.SearchResponses,
        responses={**_PROBLEMS, 413: {"model": schemas.Problem}},
    )
    async def search_json(body: schemas.SearchBody) -> Response:
        """The same, as JSON. A list of queries gives `searches`, in its order."""
        if isinstance(body.query, str):
            return await found([body.query], body, many=False)
        return await found(body.query, body, many=True)

    @app.post(
        "/v1/verify",
        tags=["quotes"],
        response_model=schemas.VerifyResponse,
        responses={**_PROBLEMS, 413: {"model": schemas.Problem}},
    )
    async def verify(body: schemas.VerifyBody) -> Response:
        """Every quotation of a draft: was it said so, and by whom the draft says?"""
        return await answered(
            lambda archive: answers.verified(_quotations(body, archive), archive, in_draft=body.text is not None)
        )

    @app.get("/v1/episodes", tags=["archive"], response_model=schemas.EpisodeList, responses=_PROBLEMS)
    async def episodes(page: Page) -> Response:
        """The episodes, in the order of their sources."""
        return await answered(lambda archive: answers.episode_list(archive, page.limit, page.offset))

    @app.get("/v1/episodes/{episode_id}", tags=["archive"], response_model=schemas.EpisodeDetail, responses=_NOT_FOUND)
    async def episode(episode_id: str) -> Response:
        """One episode: who speaks, and in which sections."""
        return await answered(lambda archive: answers.episode_detail(_episode(episode_id, archive), archive))

    @app.get(
        "/v1/episodes/{episode_id}/transcript",
        tags=["archive"],
        response_model=schemas.Transcript,
        responses=_NOT_FOUND,
    )
    async def transcript(episode_id: str) -> Response:
        """The canonical text, which all offsets count in, and its turns."""
        return await answered(lambda archive: answers.transcript(_episode(episode_id, archive), archive))

    @app.get("/v1/passages/{passage_id}", tags=["archive"], response_model=schemas.Passage, responses=_NOT_FOUND)
    async def passage(passage_id: str) -> Response:
        """One passage by its id, which stays the same when the archive is indexed again."""
        return await answered(lambda archive: answers.passage(_passage(passage_id, archive), archive))

    @app.get(
        "/v1/passages/{passage_id}/exchange", tags=["archive"], response_model=schemas.Exchange, responses=_NOT_FOUND
    )
    async def exchange(passage_id: str) -> Response:
        """The question that a passage replies to, with the whole answer."""
        return await answered(lambda archive: answers.exchange(_passage(passage_id, archive), archive))

    @app.get("/v1/speakers", tags=["archive"], response_model=schemas.SpeakerList, responses=_PROBLEMS)
    async def speakers(page: Page) -> Response:
        """Everybody who is named, those with most passages first."""
        return await answered(lambda archive: answers.speaker_list(archive, page.limit, page.offset))

    @app.get("/livez", tags=["operation"])
    async def livez() -> schemas.Health:
        """The process answers."""
        return schemas.Health(status="ok")

    @app.get("/readyz", tags=["operation"], responses=_NOT_NOW)
    async def readyz() -> schemas.Readiness:
        """An index is open and warm, and this one. `notes` says why a newer one is not served."""
        with live.taken() as archive:
            return schemas.Readiness(status="ok", index=answers.index_info(archive), notes=live.notes)

    return app


def _quotations(body: schemas.VerifyBody, archive: Archive) -> list[Quotation]:
    found = answers.quotations_in(body, archive)
    if len(found) > schemas.MAX_QUOTES:
        raise HTTPException(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            f"text: it holds {len(found)} quotations; {schemas.MAX_QUOTES} are checked at once. Send it in parts.",
        )
    return found


def _json(content: BaseModel) -> Response:
    """Serialised here, on the thread that made it; what is returned as a model is checked and converted once more."""
    return Response(content.model_dump_json(), media_type="application/json")


def _episode(episode_id: str, archive: Archive) -> EpisodeRow:
    row = answers.find_episode(episode_id, archive)
    if row is None:
        raise HTTPException(HTTPStatus.NOT_FOUND, f"No episode has the id {episode_id!r}; /v1/episodes lists them.")
    return row


def _passage(passage_id: str, archive: Archive) -> StoredPassage:
    found = archive.catalog.passages_by_id([passage_id])
    if not found:
        raise HTTPException(HTTPStatus.NOT_FOUND, f"No passage has the id {passage_id!r}; take one from a search.")
    return found[0]
