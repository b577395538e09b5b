"""The outermost layer of the service: it names, counts and logs every request, whatever answers it."""

from __future__ import annotations

import logging
import time
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service import request_id
from service.live import LiveArchive
from service.metrics import METHODS, NO_ENDPOINT, Metrics
from service.stopping import Stopping

log = logging.getLogger("onrecord.access")


class Watching:
    """ASGI middleware. Paths and queries hold what people ask, so only the templates of paths are told."""

    def __init__(self, app: ASGIApp, metrics: Metrics, live: LiveArchive, stopping: Stopping) -> None:
        self._app = app
        self._metrics = metrics
        self._live = live
        self._stopping = stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        named = request_id.begin(scope["headers"])
        seen = _Answer()

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen.status = message["status"]
                message["headers"] = [*message.get("headers", ()), (request_id.NAME, named.encode("ascii"))]
                if self._stopping.is_asked:
                    MutableHeaders(scope=message)["Connection"] = "close"
            elif message["type"] == "http.response.body":
                seen.size += len(message.get("body", b""))
            await send(message)

        self._metrics.in_flight.inc()
        try:
            await self._app(scope, receive, sent)
        finally:
            self._metrics.in_flight.dec()
            self._tell(scope, seen, time.perf_counter() - started)

    def _tell(self, scope: Scope, seen: _Answer, seconds: float) -> None:
        endpoint = template_of(scope)
        method = scope["method"] if scope["method"] in METHODS else "other"
        self._metrics.answered(endpoint, method, seen.status, seconds)
        tell_request(method, endpoint, seen.status, seconds, seen.size, self._live.generation)


class _Answer:
    """What was seen of an answer: its status, None before there is one, and the bytes of its body."""

    __slots__ = ("size", "status")

    def __init__(self) -> None:
        self.status: int | None = None
        self.size = 0


def template_of(scope: Scope) -> str:
    """The path of the route that answered, with names for what varies in it; for files, that of their folder."""
    route = scope.get("route")
    return str(route.path if route is not None else scope.get("root_path") or NO_ENDPOINT)


def tell_request(
    method: str, endpoint: str, status: int | None, seconds: float, size: int, generation: str | None
) -> None:
    """One line of the log. `generation`: the one that was live when the answer was done."""
    fields: dict[str, Any] = {
        "method": method,
        "route": endpoint,
        "status": status,
        "duration_ms": round(1000 * seconds, 2),
        "bytes": size,
        "generation": generation,
    }
    log.info(
        "%s %s %s, %.1f ms, %d bytes, %s",
        method,
        endpoint,
        status,
        1000 * seconds,
        size,
        generation,
        extra={"fields": fields},
    )
