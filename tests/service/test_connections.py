"""Clients that are slow, silent or greedy, over real sockets. The limits are the service's own, made short."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
import uvicorn

from service import connections
from service.connections import MAX_HEADERS, Protocol

SHORT_S = 0.5
LONG = b"x" * 32_000_000


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Reads the whole body and answers its length; `/long` with much, `/early` without having read it."""
    size, more = 0, scope["path"] != "/early"
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size += len(message["body"])
        more = message["more_body"]
    body = LONG if scope["path"] == "/long" else str(size).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


Connect = Callable[[], socket.socket]


def _run_and_close(runner: asyncio.Runner, work: Coroutine[Any, Any, None]) -> None:
    with runner:
        runner.run(work)


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Iterator[Connect]:
    for name in ("HEAD_S", "BODY_S", "FETCHED_WITHIN_S"):
        monkeypatch.setattr(connections, name, SHORT_S)
    monkeypatch.setattr(connections, "MAX_CONNECTIONS", 8)
    config = uvicorn.Config(app, http=Protocol, ws="none", lifespan="off", log_config=None, access_log=False)
    server = uvicorn.Server(config)
    opened: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        # The loop that the service runs on is less patient with connections that are gone than Python's own.
        serve = server.serve(sockets=[listener])
        runner = asyncio.Runner(loop_factory=config.get_loop_factory())
        thread = threading.Thread(target=lambda: _run_and_close(runner, serve))
        thread.start()

        def connection() -> socket.socket:
            made = socket.create_connection(listener.getsockname(), timeout=60)
            opened.append(made)
            return made

        yield connection
        for made in opened:
            made.close()
        server.should_exit = True
        thread.join(timeout=60)
    assert not thread.is_alive()


def _head(path: str = "/", **headers: str) -> bytes:
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"POST {path} HTTP/1.1\r\nhost: x\r\n{lines}\r\n".encode()


def _answer(connection: socket.socket) -> tuple[int, bytes]:
    response = http.client.HTTPResponse(connection, method="POST")
    response.begin()
    return response.status, response.read()


def _rest(connection: socket.socket) -> bytes:
    """Everything until the server closes."""
    received = b""
    while piece := connection.recv(65_536):
        received += piece
    return received


def test_a_head_that_never_ends_is_given_up(connect: Connect) -> None:
    connection = connect()
    connection.sendall(b"GET / HTTP/1.1\r\nhost: x\r\nx-drop: ")
    assert _rest(connection).startswith(b"HTTP/1.1 408 Request Timeout\r\n")


def test_a_head_that_comes_drop_by_drop_is_given_up(connect: Connect) -> None:
    connection = connect()
    connection.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n")
    for number in range(MAX_HEADERS - 10):
        connection.sendall(f"x-{number}: y\r\n".encode())
        if select.select([connection], [], [], SHORT_S / 10)[0]:
            break
    assert _rest(connection).startswith(b"HTTP/1.1 408 Request Timeout\r\n")


def test_a_connection_that_says_nothing_is_closed_without_an_answer(connect: Connect) -> None:
    assert _rest(connect()) == b""


def test_a_second_request_has_its_own_time(connect: Connect) -> None:
    connection = connect()
    for _ in range(3):
        connection.sendall(_head(content_length="2"))
        time.sleep(SHORT_S * 0.6)
        connection.sendall(b"ok")
        assert _answer(connection) == (200, b"2")
    connection.sendall(b"GET / HT")
    assert _rest(connection).startswith(b"HTTP/1.1 408 ")


def test_a_body_that_stops_is_given_up_and_a_slow_one_that_goes_on_is_not(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = connect()
    stopped.sendall(_head(content_length="1000") + b"x" * 999)
    assert _rest(stopped).startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    monkeypatch.setattr(connections, "BODY_BYTES_A_SECOND", 10)
    slow = connect()
    slow.sendall(_head(content_length="200"))
    for _ in range(20):
        time.sleep(SHORT_S / 5)
        slow.sendall(b"x" * 10)
    assert _answer(slow) == (200, b"200")


def test_a_body_that_nobody_waits_for_any_more_is_given_up(connect: Connect) -> None:
    connection = connect()
    connection.sendall(_head("/early", content_length="1000") + b"x")
    assert b"HTTP/1.1 200 OK" in _rest(connection)


def test_an_answer_that_is_not_fetched_is_given_up(connect: Connect) -> None:
    connection = connect()
    connection.sendall(_head("/long", content_length="0"))
    time.sleep(4 * SHORT_S)
    received = 0
    with contextlib.suppress(ConnectionResetError):
        while piece := connection.recv(1_000_000):
            received += len(piece)
    assert 0 < received < len(LONG)


def test_an_answer_that_is_fetched_slowly_is_sent_whole(connect: Connect) -> None:
    connection = connect()
    connection.sendall(_head("/long", content_length="0"))
    received = 0
    while received < len(LONG):
        received += len(connection.recv(4_000_000))
        time.sleep(SHORT_S / 8)
    assert received >= len(LONG)


@pytest.mark.parametrize(("count", "status"), [(MAX_HEADERS - 2, b"200 OK"), (MAX_HEADERS + 1, b"431 ")])
def test_headers_are_limited_in_number(count: int, status: bytes, connect: Connect) -> None:
    connection = connect()
    connection.sendall(b"POST / HTTP/1.1\r\nhost: x\r\n" + b"a: b\r\n" * count + b"content-length: 0\r\n\r\n")
    assert connection.recv(1000).startswith(b"HTTP/1.1 " + status)


def test_over_the_limit_a_connection_is_told_to_come_again_and_the_others_stay(connect: Connect) -> None:
    held = [connect() for _ in range(8)]
    for connection in held:
        connection.sendall(_head(content_length="1"))
    answer = _rest(connect())
    assert answer.startswith(b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\n")
    for connection in held:
        connection.sendall(b"x")
        assert _answer(connection) == (200, b"1")
    held.pop().close()
    again = connect()
    again.sendall(_head(content_length="0"))
    assert _answer(again) == (200, b"0")


def test_those_that_say_nothing_keep_nobody_out(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_S", 60)
    monkeypatch.setattr(connections, "SILENT_S", 0)
    silent = [connect() for _ in range(8)]
    silent[0].sendall(_head(content_length="0"))
    assert _answer(silent[0]) == (200, b"0")
    for _ in range(20):
        asking = connect()
        asking.sendall(_head(content_length="0"))
        assert _answer(asking) == (200, b"0")
    assert _rest(silent[1]) == b""


def test_who_leaves_before_all_was_answered_is_answered_no_more(
    connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(10):
        connection = connect()
        connection.sendall(_head("/long", content_length="0") * 20)
        connection.recv(1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # leaves by a reset
        connection.close()
    other = connect()
    other.sendall(_head(content_length="0"))
    assert _answer(other) == (200, b"0")
    assert not caplog.records


@pytest.mark.parametrize(
    "request_",
    [
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
        b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding : chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\na: b\rc: d\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_what_two_servers_could_read_differently_is_refused(request_: bytes, connect: Connect) -> None:
    connection = connect()
    connection.sendall(request_)
    assert _rest(connection).startswith(b"HTTP/1.1 400 Bad Request\r\n")
