"""What all pages share: templates, the frame around them, and what browsers are told to refuse."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, HTMLResponse
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates

from indexer.clock import clock
from service import answers
from service.archive import Archive
from service.search import Prepared, Search
from service.workers import Workers

_HERE = Path(__file__).parent
_POLICY = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
}


class Layout:
    """Renders pages. Work on the archive is done on the threads of the workers."""

    def __init__(self, app: FastAPI, workers: Workers) -> None:
        self._templates = Jinja2Templates(_HERE / "templates")
        self._templates.env.filters["clock"] = clock
        self._workers = workers
        app.mount("/static", StaticFiles(directory=_HERE / "static"), name="static")
        app.add_api_route("/favicon.ico", self._icon, include_in_schema=False)

    async def _icon(self) -> FileResponse:
        """Browsers ask for it beside what is no page of ours, such as an answer opened as JSON."""
        return FileResponse(_HERE / "static" / "icon.svg")

    async def page(self, request: Request, name: str, content: Callable[[Archive], Mapping[str, Any]]) -> HTMLResponse:
        """A template filled with what a function makes of the archive."""
        return await self._workers.run(lambda archive: self._rendered(request, name, archive, content(archive)))

    async def page_of_search(
        self,
        request: Request,
        name: str,
        searches: Sequence[Search],
        content: Callable[[Sequence[Prepared], Archive], Mapping[str, Any]],
    ) -> HTMLResponse:
        """The same for a page that holds searches."""
        return await self._workers.search(
            searches, lambda prepared, archive: self._rendered(request, name, archive, content(prepared, archive))
        )

    def problem(self, request: Request, status: int, detail: str) -> HTMLResponse:
        """What is wrong with an address that was opened in a browser; needs no archive."""
        filled = {"status": status, "title": HTTPStatus(status).phrase, "detail": detail}
        return self.fixed(request, "problem.html", filled, status)

    def fixed(
        self, request: Request, name: str, content: Mapping[str, Any], status: int = HTTPStatus.OK
    ) -> HTMLResponse:
        """A page that needs no archive."""
        return self._templates.TemplateResponse(request, name, dict(content), status_code=status, headers=_POLICY)

    def _rendered(self, request: Request, name: str, archive: Archive, content: Mapping[str, Any]) -> HTMLResponse:
        filled = {"index": answers.index_info(archive), **content}
        return self._templates.TemplateResponse(request, name, filled, headers=_POLICY)
