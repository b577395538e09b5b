"""The HTTP interface, version 1: routes, and nothing else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel
from starlette.routing import Route
from starlette.types import ASGIApp

from indexer.errors import NotNow
from indexer.retired import Retired
from service import answers, asking, exporting, openapi, problems, quoting, schemas, verifying
from service.access import Access, is_known
from service.archive import Archive
from service.browser_headers import BrowserHeaders
from service.by_id import exchange_by_id, passage_by_id
from service.callers import Callers
from service.contracts import dify, openai_store
from service.keys import Keyring
from service.language_model import LanguageModel
from service.live import LiveArchive
from service.mcp_endpoint import McpEndpoint
from service.metrics import MEDIA_TYPE, Metrics
from service.problems import NOT_FOUND, NOT_NOW, OF_BODY, OF_PARAMETERS
from service.responses import episode_or_404, json_response
from service.search import Prepared
from service.stopping import Stopping
from service.stretches import NotAStretchError, cited_stretch
from service.watching import Watching
from service.web import archive as web_archive
from service.web import basket as web_basket
from service.web import experts as web_experts
from service.web import reader as web_reader
from service.web import reference as web_reference
from service.web import search as web_search
from service.web import verify as web_verify
from service.web.layout import Layout
from service.workers import Workers

_NEVER_HAD: dict[int | str, dict[str, Any]] = {
    **NOT_FOUND,
    404: {"model": schemas.Problem, "description": "An id that this index never had."},
}
Page = Annotated[schemas.PageParameters, Query()]


class _Service(FastAPI):
    """Its outermost layer is around Starlette's own, so that it is around the answer to a defect too."""

    keyed = False
    watched_by: Callable[[ASGIApp], ASGIApp]

    def build_middleware_stack(self) -> ASGIApp:
        return self.watched_by(BrowserHeaders(super().build_middleware_stack(), keyed=self.keyed))

    def openapi(self) -> dict[str, Any]:
        is_new = self.openapi_schema is None
        description = super().openapi()
        if is_new:
            openapi.complete(description)
        return description


def create_app(
    live: LiveArchive,
    model: LanguageModel | None = None,
    public_url: str | None = None,
    keyring: Keyring | None = None,
    metrics: Metrics | None = None,
    stopping: Stopping | None = None,
) -> FastAPI:
    """The service over the archive that is live. Every request is answered from one generation.

    Args:
        model: writes the answers of `/v1/ask`.
        public_url: the address that others reach it by, if that is another than it listens on.
        keyring: the keys of those who may ask; without it everybody may who reaches it.
        metrics: what it counts of itself, if others count in the same place.
        stopping: whether it is about to end.
    """
    metrics, stopping = metrics or Metrics(), stopping or Stopping()
    app = _Service(
        title="On Record",
        version="1",
        summary="The exact words, who said them, in which episode, and where.",
        description="Every `char_start` and `char_end` counts code points of the episode's one canonical text, "
        "which `/v1/episodes/{id}/transcript` serves: `text[char_start:char_end]` is the passage, exactly.\n\n"
        "What is no whole HTTP request, or comes too slowly, is refused before a path is looked at, in plain text: "
        "400, 408, 431; and 503 where too many are connected.",
        docs_url=None,
        redoc_url=None,
    )
    workers = Workers(live, metrics)
    layout = Layout(app, workers)
    problems.install(app, layout.problem, {openai_store.PATH: openai_store.refusal, dify.PATH: dify.refusal})
    app.keyed = keyring is not None
    app.watched_by = lambda inner: Watching(inner, metrics, live, stopping)
    app.add_middleware(Access, callers=Callers(public_url), keyring=keyring)
    for page in (web_search, web_reader, web_experts, web_archive, web_verify, web_basket, web_reference):
        page.install(app, layout)
    for endpoint in (quoting, verifying, exporting, openai_store, dify):
        endpoint.install(app, workers)
    asking.install(app, workers, model)
    app.router.routes.append(Route("/mcp", McpEndpoint(workers, public_url)))

    async def answered(work: Callable[[Archive], BaseModel]) -> Response:
        return await workers.run(lambda archive: json_response(work(archive)))

    async def found(queries: Sequence[str], parameters: schemas.SearchParameters, *, many: bool) -> Response:
        started = time.perf_counter()

        def work(prepared: Sequence[Prepared], archive: Archive) -> Response:
            responses = answers.answer_prepared(prepared, parameters, archive, started)
            return json_response(schemas.SearchResponses(searches=responses) if many else responses[0])

        return await workers.search(answers.searches(queries, parameters), work)

    @app.get("/v1/search", tags=["search"], response_model=schemas.SearchResponse, responses=OF_PARAMETERS)
    async def search(parameters: Annotated[schemas.SearchQuery, Query()]) -> Response:
        """The passages that answer a question best."""
        return await found([parameters.query], parameters, many=False)

    @app.post(
        "/v1/search",
        tags=["search"],
        response_model=schemas.SearchResponse | schemas.SearchResponses,
        responses=OF_BODY,
    )
    async def search_json(body: schemas.SearchBody) -> Response:
        """The same, as JSON. A list of queries gives `searches`, in its order."""
        if isinstance(body.query, str):
            return await found([body.query], body, many=False)
        return await found(body.query, body, many=True)

    @app.get("/v1/episodes", tags=["archive"], response_model=schemas.EpisodeList, responses=OF_PARAMETERS)
    async def episodes(page: Page) -> Response:
        """The episodes, in the order of their sources."""
        return await answered(lambda archive: answers.episode_list(archive, page.limit, page.offset))

    @app.get(
        "/v1/episodes/{episode_id}",
        tags=["archive"],
        response_model=schemas.EpisodeDetail,
        responses=NOT_FOUND,
    )
    async def episode(episode_id: str) -> Response:
        """One episode: who speaks, and in which sections."""
        return await answered(lambda archive: answers.episode_detail(episode_or_404(episode_id, archive), archive))

    @app.get(
        "/v1/episodes/{episode_id}/transcript",
        tags=["archive"],
        response_model=schemas.Transcript,
        responses=NOT_FOUND,
    )
    async def transcript(episode_id: str) -> Response:
        """The canonical text, which all offsets count in, and its turns."""
        return await answered(lambda archive: answers.transcript(episode_or_404(episode_id, archive), archive))

    @app.get(
        "/v1/episodes/{episode_id}/citation",
        tags=["quotes"],
        response_model=schemas.CitedStretch,
        responses=NOT_FOUND,
    )
    async def citation(episode_id: str, parameters: Annotated[schemas.CitationQuery, Query()]) -> Response:
        """Any stretch of a transcript, word for word, with its citation."""
        return await answered(lambda archive: _cited(episode_id, parameters, archive))

    @app.get(
        "/v1/passages/{passage_id}",
        tags=["archive"],
        response_model=schemas.CurrentPassage | schemas.RetiredPassage,
        responses=_NEVER_HAD,
    )
    async def passage(passage_id: str) -> Response:
        """One passage by its id, or where its words are now.

        An id that this index ever served is answered with 200 and a `status`: `current` is the passage; `moved`,
        `edited` and `gone` say what it was and where it is now. `gone` is an answer too, and no error: what is gone
        may come back under the same id, and what is said of it has the same form as the rest.
        """
        return await answered(lambda archive: _passage(passage_id, archive))

    @app.get(
        "/v1/passages/{passage_id}/exchange",
        tags=["archive"],
        response_model=schemas.Exchange,
        responses={**_NEVER_HAD, 410: {"model": schemas.Problem, "description": "The passage's words are gone."}},
    )
    async def exchange(passage_id: str) -> Response:
        """The question that a passage replies to, with the whole answer, where its words are now."""
        return await answered(lambda archive: _exchange(passage_id, archive))

    @app.get("/v1/speakers", tags=["archive"], response_model=schemas.SpeakerList, responses=OF_PARAMETERS)
    async def speakers(page: Page) -> Response:
        """Everybody who is named, those with most passages first."""
        return await answered(lambda archive: answers.speaker_list(archive, page.limit, page.offset))

    @app.get("/livez", tags=["operation"])
    async def livez() -> schemas.Health:
        """The process answers."""
        return schemas.Health(status="ok")

    @app.get("/readyz", tags=["operation"], responses=NOT_NOW)
    async def readyz(request: Request) -> schemas.Readiness:
        """An index is open and warm, and this one. `notes` says why a newer one is not served.

        Where the service has keys, all but `status` is for those who send one.
        """
        if stopping.is_asked:
            raise NotNow("The service is stopping.")
        with live.taken() as archive:
            if not is_known(request):
                return schemas.Readiness(status="ok", index=None, notes=[])
            return schemas.Readiness(status="ok", index=answers.index_info(archive), notes=live.notes)

    @app.get("/metrics", tags=["operation"], response_class=PlainTextResponse)
    async def metrics_() -> Response:
        """What the service counts of itself, in Prometheus' text format: the sum over all its processes."""
        with ExitStack() as until_written:
            archive = until_written.enter_context(live.taken()) if live.generation else None
            return Response(await asyncio.to_thread(metrics.exposition, archive), media_type=MEDIA_TYPE)

    return app


def _cited(episode_id: str, parameters: schemas.CitationQuery, archive: Archive) -> schemas.CitedStretch:
    row = episode_or_404(episode_id, archive)
    try:
        return cited_stretch(row, parameters.char_start, parameters.char_end, parameters.style, archive)
    except NotAStretchError as error:
        entry = {"loc": ("query", error.parameter), "msg": str(error), "type": "no_stretch"}
        raise RequestValidationError([entry]) from error


def _passage(passage_id: str, archive: Archive) -> schemas.CurrentPassage | schemas.RetiredPassage:
    found = passage_by_id(passage_id, archive)
    if found is None:
        raise _never_had(passage_id)
    return found


def _exchange(passage_id: str, archive: Archive) -> schemas.Exchange:
    found = exchange_by_id(passage_id, archive)
    if found is None:
        raise _never_had(passage_id)
    if isinstance(found, Retired):
        raise HTTPException(
            HTTPStatus.GONE,
            f"The words of passage {passage_id!r} are gone; generation {found.generation} was the last that held "
            f"them. /v1/passages/{passage_id} says what is remembered of them.",
        )
    return found


def _never_had(passage_id: str) -> HTTPException:
    return HTTPException(HTTPStatus.NOT_FOUND, f"No passage has or had the id {passage_id!r}; take one from a search.")
