"""Clients that hold connections and give little for them: slow, silent, and such as never read."""

from __future__ import annotations

import asyncio
import resource
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

_EVERY_S = 0.5


async def slow_head(host: str, port: int, _: str) -> None:
    """A head, one byte at a time."""
    await _drop_by_drop(host, port, b"GET /livez HTTP/1.1\r\n", b"x-header: " + b"y" * 10_000)


async def slow_body(host: str, port: int, _: str) -> None:
    """A body, one byte at a time."""
    head = (
        b"POST /v1/search HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 9999\r\n\r\n"
    )
    await _drop_by_drop(host, port, head, b'{"query": "' + b"y" * 10_000)


async def half_open(host: str, port: int, _: str) -> None:
    """Half a request, and then nothing: as where the other side has gone and nobody said so."""
    async with _connected(host, port) as writer:
        writer.write(b"GET /v1/search?query=who HTTP/1.1\r\nhost: local")
        await asyncio.Event().wait()


async def silent(host: str, port: int, _: str) -> None:
    """A connection, and nothing at all."""
    async with _connected(host, port):
        await asyncio.Event().wait()


async def never_reads(host: str, port: int, long_path: str) -> None:
    """Asks for much, again and again, and fetches none of it."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    made.setblocking(False)
    await asyncio.get_running_loop().sock_connect(made, (host, port))
    try:
        await asyncio.get_running_loop().sock_sendall(
            made, f"GET {long_path} HTTP/1.1\r\nhost: x\r\n\r\n".encode() * 100
        )
        await asyncio.Event().wait()
    finally:
        made.close()


KINDS: dict[str, Callable[[str, int, str], Awaitable[None]]] = {
    "heads drop by drop": slow_head,
    "bodies drop by drop": slow_body,
    "half a request": half_open,
    "never read": never_reads,
    "silent": silent,
}


async def _drop_by_drop(host: str, port: int, at_once: bytes, slowly: bytes) -> None:
    async with _connected(host, port) as writer:
        writer.write(at_once)
        for byte in slowly:
            writer.write(bytes([byte]))
            await asyncio.sleep(_EVERY_S)


@asynccontextmanager
async def _connected(host: str, port: int) -> AsyncIterator[asyncio.StreamWriter]:
    _, writer = await asyncio.open_connection(host, port)
    try:
        yield writer
    finally:
        writer.close()


@asynccontextmanager
async def clients(host: str, port: int, long_path: str, counts: dict[str, int]) -> AsyncIterator[None]:
    """So many clients of each kind at once until the block ends; who is turned away comes again."""
    _allow_files(sum(counts.values()) + 200)

    async def held(kind: str) -> None:
        while True:
            try:
                await KINDS[kind](host, port, long_path)
            except OSError:
                await asyncio.sleep(_EVERY_S)

    tasks = [asyncio.create_task(held(kind)) for kind, count in counts.items() for _ in range(count)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _allow_files(count: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(count, hard), hard))
