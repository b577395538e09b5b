"""The pages for people: search, and the reader that every hit links to. Server-rendered; no script is needed."""

from __future__ import annotations

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

_HERE = Path(__file__).parent
_POLICY = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"


class PageQuery(schemas.SearchParameters):
    """The search page's address: the parameters of a search, and a query that may be missing."""

    query: str = Field("", max_length=schemas.MAX_QUERY_LENGTH)


def install(app: FastAPI, archive: Archive) -> None:
    """Adds the pages to an app."""
    templates = Jinja2Templates(_HERE / "templates")
    templates.env.filters["clock"] = clock
    app.mount("/static", StaticFiles(directory=_HERE / "static"), name="static")

    def page(request: Request, name: str, content: dict[str, Any]) -> HTMLResponse:
        response = templates.TemplateResponse(request, name, {"index": answers.index_info(archive), **content})
        response.headers["Content-Security-Policy"] = _POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    @app.get("/", include_in_schema=False)
    def search_page(request: Request, parameters: Annotated[PageQuery, Query()]) -> HTMLResponse:
        found = None
        if parameters.query.strip():
            found = answers.answer([parameters.query], parameters, archive)[0]
        return page(request, "search.html", {"query": parameters.query, "found": found})

    @app.get("/episodes/{episode_id}", include_in_schema=False)
    def reader_page(request: Request, episode_id: str) -> HTMLResponse:
        row = answers.find_episode(episode_id, archive)
        if row is None:
            raise HTTPException(HTTPStatus.NOT_FOUND, f"No episode has the id {episode_id!r}; /v1/episodes lists them.")
        content = {"episode": answers.episode_detail(row, archive), "turns": answers.transcript(row, archive).turns}
        return page(request, "episode.html", content)
