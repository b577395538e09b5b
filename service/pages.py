"""The pages for people: search, and the reader that every hit links to. Server-rendered; no script is needed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Query, Request
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates
from pydantic import Field

from indexer.clock import clock
from service import answers, schemas
from service.archive import Archive
from service.search import Prepared
from service.workers import Workers

_HERE = Path(__file__).parent
_POLICY = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"


class PageQuery(schemas.SearchParameters):
    """The search page's address: the parameters of a search, and a query that may be missing."""

    query: str = Field("", max_length=schemas.MAX_QUERY_LENGTH)


def install(app: FastAPI, workers: Workers) -> None:
    """Adds the pages to an app."""
    templates = Jinja2Templates(_HERE / "templates")
    templates.env.filters["clock"] = clock
    app.mount("/static", StaticFiles(directory=_HERE / "static"), name="static")

    def page(request: Request, name: str, archive: Archive, content: dict[str, Any]) -> HTMLResponse:
        response = templates.TemplateResponse(request, name, {"index": answers.index_info(archive), **content})
        response.headers["Content-Security-Policy"] = _POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    @app.get("/", include_in_schema=False)
    async def search_page(request: Request, parameters: Annotated[PageQuery, Query()]) -> HTMLResponse:
        started = time.perf_counter()

        def work(prepared: Sequence[Prepared], archive: Archive) -> HTMLResponse:
            found = answers.answer_prepared(prepared, parameters, archive, started)
            content = {"query": parameters.query, "found": found[0] if found else None}
            return page(request, "search.html", archive, content)

        queries = [parameters.query] if parameters.query.strip() else []
        return await workers.search(answers.searches(queries, parameters), work)

    @app.get("/episodes/{episode_id}", include_in_schema=False)
    async def reader_page(request: Request, episode_id: str) -> HTMLResponse:
        def work(archive: Archive) -> HTMLResponse:
            row = answers.find_episode(episode_id, archive)
            if row is None:
                raise HTTPException(
                    HTTPStatus.NOT_FOUND, f"No episode has the id {episode_id!r}; /v1/episodes lists them."
                )
            content = {"episode": answers.episode_detail(row, archive), "turns": answers.transcript(row, archive).turns}
            return page(request, "episode.html", archive, content)

        return await workers.run(work)
