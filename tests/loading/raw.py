"""Requests that each have a connection of their own, many at once on one event loop, with as little work as can be."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

# A client that got nothing for so long counts as one that was kept out.
PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Reply:
    """`status`: 0 where there was no answer, and `error` says why."""

    status: int
    retry_after: str | None
    took_s: float
    error: str = ""


def request(method: str, path: str, body: bytes = b"") -> bytes:
    """A whole request, after which the server closes."""
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def ask(host: str, port: int, asked: bytes) -> Reply:
    """One request, from connecting to the last byte."""
    started = time.perf_counter()
    try:
        async with asyncio.timeout(PATIENCE_S):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(asked)
                answer = await reader.read(-1)
            finally:
                writer.close()
    except (OSError, TimeoutError) as error:
        return Reply(0, None, time.perf_counter() - started, repr(error))
    took_s = time.perf_counter() - started
    head = answer.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    if not head[0].startswith("HTTP/1.1 "):
        return Reply(0, None, took_s, f"no answer: {answer[:100]!r}")
    fields = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
    return Reply(int(head[0].split()[1]), fields.get("retry-after"), took_s)


async def closed_loop(clients: int, seconds: float, one: Callable[[], Awaitable[Reply]]) -> list[Reply]:
    """Each client asks as soon as it is answered."""
    end = time.perf_counter() + seconds

    async def client() -> list[Reply]:
        mine: list[Reply] = []
        while time.perf_counter() < end:
            mine.append(await one())
        return mine

    return [reply for mine in await asyncio.gather(*(client() for _ in range(clients))) for reply in mine]


async def open_loop(per_second: float, seconds: float, one: Callable[[], Awaitable[Reply]]) -> Sequence[Reply]:
    """Asks at a steady rate, however long the answers take."""
    started = time.perf_counter()
    asked = []
    for number in range(int(per_second * seconds)):
        await asyncio.sleep(max(0.0, started + number / per_second - time.perf_counter()))
        asked.append(asyncio.ensure_future(one()))
    return await asyncio.gather(*asked)
