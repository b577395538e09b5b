"""One connection of a client: how much it may send, how slowly, and how many there may be at once.

uvicorn closes a connection that is idle between two requests. What it has no limit for is here: a head or a body that
comes drop by drop, an answer that is never fetched, and heads and connections without end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from service import request_id

MAX_HEAD_BYTES = 2_097_152
MAX_HEADERS = 100
# Of one process. A process has 1024 files at once on most systems, its index among them.
MAX_CONNECTIONS = 512
# What was silent for so long may be closed for another one's sake: not before its first request can be here.
SILENT_S = 1.0
HEAD_S = 20.0
# A body has this long, and a second more for each so many bytes of it that have come.
BODY_S = 20.0
BODY_BYTES_A_SECOND = 16_384
# An answer of which so long nothing was fetched is given up.
FETCHED_WITHIN_S = 30.0
_LONGEST_PATH = 65_000


class _TooManyHeadersError(Exception):
    pass


class Protocol(HttpToolsProtocol):
    """HTTP/1.1 with a request line that may be too long for its parser, but not without end."""

    _head_bytes = 0
    _body_bytes = 0
    _in_head = True
    _in_request = False
    _heard_at = 0.0
    _begun: Sequence[RequestResponseCycle] = ()
    _timer: asyncio.TimerHandle | None = None
    _fetching: asyncio.TimerHandle | None = None

    def __init__(self, *args: Any, on_refused: Callable[[HTTPStatus], None] | None = None, **kwargs: Any) -> None:
        """
        Args:
            on_refused: is told the status of what is answered outside of the app.
        """
        super().__init__(*args, **kwargs)
        self._on_refused = on_refused

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._heard_at = self.loop.time()
        if len(self.connections) > MAX_CONNECTIONS and not self._takes_a_place():
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, "Too many connections at once. Ask again in a moment.")
        else:
            self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        self._stop_watching()
        super().connection_lost(exc)
        # uvicorn tells the last of several requests that were sent at once; the others would be answered to nobody.
        self.pipeline.clear()
        for cycle in self._begun:
            cycle.disconnected = True
            cycle.message_event.set()

    def data_received(self, data: bytes) -> None:
        self._heard_at = self.loop.time()
        if self._in_head and self._timer is None:
            self._wait_for_head()
        super().data_received(data)
        if self._in_request and self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
                self._refuse(HTTPStatus.BAD_REQUEST, "The request line and the headers are too long.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_request = True

    def on_header(self, name: bytes, value: bytes) -> None:
        if len(self.headers) >= MAX_HEADERS:
            raise _TooManyHeadersError
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._wait_for_body()
        # The parser counts an address in 16 bits. A longer query still comes to the app, which refuses it by name.
        path, _, query = self.url.partition(b"?")
        self.url = path[:_LONGEST_PATH]
        super().on_headers_complete()
        self._begun = [cycle for cycle in (*self._begun, self.cycle) if not cycle.response_complete]
        self.scope["query_string"] = query

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._stop_waiting()
        self._in_head, self._in_request = True, False
        self._head_bytes = self._body_bytes = 0

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop_watching()

    def send_400_response(self, msg: str) -> None:
        """Of a request that cannot be parsed, whatever stopped the parser."""
        if len(self.headers or ()) >= MAX_HEADERS:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"More than {MAX_HEADERS} headers.")
        else:
            self._refuse(HTTPStatus.BAD_REQUEST, msg)

    def _takes_a_place(self) -> bool:
        """Closes the longest silent of the connections that ask nothing: they may not keep others out."""
        others = (other for other in self.connections if isinstance(other, Protocol) and other is not self)
        idle = [other for other in others if other.is_idle]
        if not idle:
            return False
        min(idle, key=lambda other: other._heard_at).transport.close()
        return True

    @property
    def is_idle(self) -> bool:
        """Whether nothing is asked, and was not a moment ago: no request has begun, or the last one is answered."""
        answered = self.cycle is None or self.cycle.response_complete
        asks = not answered or self._in_request or self.transport.is_closing()
        return not asks and self.loop.time() - self._heard_at >= SILENT_S

    def _refuse(self, status: HTTPStatus, reason: str) -> None:
        """Answers outside of the app, which has not seen the request, or not all of it; and closes."""
        self._stop_waiting()
        named = request_id.begin(())
        if self._on_refused:
            self._on_refused(status)
        retry = "retry-after: 1\r\n" if status is HTTPStatus.SERVICE_UNAVAILABLE else ""
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\n{retry}connection: close\r\nx-request-id: {named}\r\n"
            f"content-type: text/plain; charset=utf-8\r\nx-content-type-options: nosniff\r\n"
            f"content-length: {len(reason)}\r\n\r\n"
        )
        self.transport.write(f"{head}{reason}".encode("ascii"))
        self.transport.close()

    def _wait_for_head(self) -> None:
        self._stop_waiting()
        self._timer = self.loop.call_later(HEAD_S, self._head_is_late)

    def _head_is_late(self) -> None:
        if self._head_bytes:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, f"The request line and the headers took over {HEAD_S:.0f} s.")
        else:
            self.transport.close()  # a connection that a browser made ahead is no request to be answered

    def _wait_for_body(self) -> None:
        self._stop_waiting()
        self._timer = self.loop.call_later(BODY_S, self._body_is_late, self.loop.time(), BODY_S)

    def _body_is_late(self, since: float, given: float) -> None:
        more = BODY_S + self._body_bytes / BODY_BYTES_A_SECOND - given
        if self.flow.read_paused:
            more = max(more, BODY_S)  # it is not the client who is late
        if more <= 0:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, "The body came too slowly.")
        else:
            self._timer = self.loop.call_later(more, self._body_is_late, since, given + more)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _watch(self, left: int) -> None:
        self._stop_watching()
        self._fetching = self.loop.call_later(FETCHED_WITHIN_S, self._watched, left)

    def _watched(self, left: int) -> None:
        now_left = self.transport.get_write_buffer_size()
        if now_left >= left:
            self.transport.abort()
        else:
            self._watch(now_left)

    def _stop_watching(self) -> None:
        if self._fetching is not None:
            self._fetching.cancel()
            self._fetching = None
