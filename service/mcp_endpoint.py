"""`/mcp`: the MCP server, which is loaded when the first one asks. Who may ask was told before: see `access`."""

from __future__ import annotations

import asyncio
import contextvars
from contextlib import AbstractAsyncContextManager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from service.problems import problem
from service.workers import Workers

if TYPE_CHECKING:
    from service.mcp_server import Handle


class McpEndpoint:
    """An ASGI application for one path of one event loop."""

    def __init__(self, workers: Workers, public_url: str | None) -> None:
        """
        Args:
            public_url: the address that others reach the service by, through a proxy or a tunnel.
        """
        self._workers = workers
        self._public_url = public_url.rstrip("/") if public_url else None
        self._loading: asyncio.Task[Handle] | None = None
        self._running: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = _refusal(Request(scope))
        answer = refusal or await self._handle()
        await answer(scope, receive, send)

    async def _handle(self) -> Handle:
        """What answers; those who ask first load it together, beside whatever else is being answered."""
        if self._loading is None:
            self._loading = asyncio.create_task(self._load(), context=contextvars.Context())  # no one request's
        return await asyncio.shield(self._loading)

    async def _load(self) -> Handle:
        handle, running = await asyncio.to_thread(self._build)
        started = asyncio.Event()

        async def run() -> None:
            async with running:
                started.set()
                await asyncio.Event().wait()

        # The service runs without ASGI's lifespan; this task ends with its event loop.
        self._running = asyncio.create_task(run())
        await started.wait()
        return handle

    def _build(self) -> tuple[Handle, AbstractAsyncContextManager[None]]:
        from service.mcp_server import build, over_http  # noqa: PLC0415  most of a second, for those who want it
        from service.mcp_tools import Links  # noqa: PLC0415

        def links_of(request: Any) -> Links:
            return Links(self._public_url or str(request.base_url).rstrip("/"))

        return over_http(build(self._workers, links_of))


def _refusal(request: Request) -> Response | None:
    if request.method != "POST":
        detail = "MCP is asked by POST here; there are no sessions and no streams to open. See the README."
        refusal = problem(request, HTTPStatus.METHOD_NOT_ALLOWED, detail)
        refusal.headers["Allow"] = "POST"
        return refusal
    return None
