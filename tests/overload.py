"""More than a service can answer, and clients that hold it up: what is refused, and how soon it is well again.

    python -m tests.overload [--seconds S] [--slow N] [--idle N]

Measures how many requests a second `onrecord serve` with two processes answers over the sample interviews, then offers
four times as many: each must be answered with 200, or with 503 and `Retry-After`; after the end it must answer as
quickly as before within seconds. Then, while hundreds of clients are slow (tests/loading/slow.py), or never read, and
thousands are silent, others ask: none of them may fail.

Prints what was measured. Exits with 1 where an answer was another, a connection failed, an answer of 200 took over
`MOST_S`, or the recovery more than `RECOVERED_S`. The clients share the machine's cores with the service.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import httpx2

from service.connections import SILENT_S
from tests.benchmarks.load import questions_of
from tests.benchmarks.servers import milliseconds
from tests.conftest import COMMAND, SEEDS, serving
from tests.loading.raw import Reply, ask, closed_loop, open_loop, request
from tests.loading.slow import KINDS, clients

TIMES = 4
MOST_S = 15.0
RECOVERED_S = 10.0
_CLIENTS = 8
# Of one request: so that the service is busy long before the clients, which share its cores, are.
_QUERIES = 4
_PROBES = 10


@dataclass(slots=True)
class Found:
    """What was measured. `alone_s`: the median time of an answer with one client."""

    capacity: float = 0.0
    alone_s: float = 0.0
    offered: Sequence[Reply] = ()
    recovered_s: float = 0.0
    quiet: Sequence[Reply] = ()
    beside_slow: Sequence[Reply] = ()
    wrong: list[str] = field(default_factory=list)


async def overload(host: str, port: int, seconds: float) -> Found:
    """Measures, offers too much, and waits until it is well again."""
    found = Found()
    queries = questions_of(SEEDS / "questions.jsonl")[:_QUERIES]
    body = json.dumps({"query": queries, "limit": 5}).encode()
    one = partial(ask, host, port, request("POST", "/v1/search", body))
    await closed_loop(2, seconds / 4, one)  # until both processes have answered some
    alone = await closed_loop(1, seconds / 2, one)
    found.alone_s = median(reply.took_s for reply in alone)
    measured = await closed_loop(_CLIENTS, seconds, one)
    found.capacity = len(measured) / seconds
    found.offered = await open_loop(TIMES * found.capacity, seconds, one)
    over = time.perf_counter()
    probes: list[Reply] = []
    while time.perf_counter() - over < 6 * RECOVERED_S:
        probes.append(await one())
        last = [reply.took_s if reply.status == HTTPStatus.OK else float("inf") for reply in probes[-_PROBES:]]
        if len(last) == _PROBES and median(last) <= 2 * found.alone_s:
            break
    found.recovered_s = time.perf_counter() - over
    found.wrong += [str(reply) for reply in (*alone, *measured) if reply.status != HTTPStatus.OK]
    found.wrong += [str(reply) for reply in found.offered if not _is_answer_or_refusal(reply)]
    return found


async def beside_slow_clients(host: str, port: int, seconds: float, counts: dict[str, int]) -> Found:
    """How others are answered while some clients are slow, beside how they are when it is quiet."""
    found = Found()
    question = request("GET", "/v1/search?query=who+pays+when+the+machine+is+wrong")
    one = partial(ask, host, port, question)
    episode = httpx2.get(f"http://{host}:{port}/v1/episodes", trust_env=False).json()["episodes"][0]["id"]
    found.quiet = await closed_loop(4, seconds, one)
    async with clients(host, port, f"/v1/episodes/{episode}/transcript", counts):
        await asyncio.sleep(1.5 * SILENT_S)  # until they are there
        found.beside_slow = await closed_loop(4, seconds, one)
    found.wrong += [str(reply) for reply in (*found.quiet, *found.beside_slow) if reply.status != HTTPStatus.OK]
    return found


def _is_answer_or_refusal(reply: Reply) -> bool:
    if reply.status == HTTPStatus.SERVICE_UNAVAILABLE:
        return reply.retry_after is not None and reply.retry_after.isdigit() and int(reply.retry_after) > 0
    return reply.status == HTTPStatus.OK


def _times(replies: Sequence[Reply], status: int) -> str:
    took_s = [reply.took_s for reply in replies if reply.status == status]
    if not took_s:
        return "none"
    return "p50 {:.0f}, p95 {:.0f}, p99 {:.0f} ms".format(*milliseconds(took_s))


def _print_overload(found: Found) -> None:
    statuses = Counter(reply.status for reply in found.offered)
    print(
        f"capacity: {found.capacity:.1f} requests of {_QUERIES} queries a second; alone, one takes "
        f"{found.alone_s * 1000:.0f} ms\n"
        f"{TIMES} times as many: {len(found.offered):,} requests, "
        f"{', '.join(f'{count:,} of {status}' for status, count in sorted(statuses.items()))}\n"
        f"  200: {_times(found.offered, HTTPStatus.OK)}; 503: {_times(found.offered, HTTPStatus.SERVICE_UNAVAILABLE)}\n"
        f"as quick as before (twice the median at most) after {found.recovered_s:.1f} s"
    )


async def measure(address: str, seconds: float, counts: dict[str, int]) -> list[str]:
    """Measures both, prints it, and returns what was wrong."""
    place = urlsplit(address)
    assert place.hostname
    assert place.port
    found = await overload(place.hostname, place.port, seconds)
    _print_overload(found)
    wrong = found.wrong
    if any(reply.took_s > MOST_S for reply in found.offered if reply.status == HTTPStatus.OK):
        wrong.append(f"an answer took over {MOST_S:.0f} s")
    if found.recovered_s > RECOVERED_S:
        wrong.append(f"recovered after {found.recovered_s:.1f} s alone")
    for kind, count in counts.items():
        found = await beside_slow_clients(place.hostname, place.port, seconds, {kind: count})
        print(
            f"{count:5,} clients, {kind}: others {_times(found.beside_slow, HTTPStatus.OK)} "
            f"(quiet: {_times(found.quiet, HTTPStatus.OK)}), {len(found.wrong)} failures"
        )
        wrong += found.wrong
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--slow", type=int, default=200)
    parser.add_argument("--idle", type=int, default=2000)
    arguments = parser.parse_args()
    counts = dict.fromkeys(KINDS, arguments.slow)
    # What these ask for has to be made: more at once would be too much for the service, and not slow.
    counts |= {"never read": max(1, arguments.slow // 10), "silent": arguments.idle}
    with TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run([COMMAND, "index", SEEDS, "--out", folder / "index"], check=True, capture_output=True)
        with serving(folder / "index", os.environ, folder / "log.txt") as (address, _):
            wrong = asyncio.run(measure(address, arguments.seconds, counts))
    for entry, times in Counter(wrong).most_common(20):
        print(f"WRONG, {times} times: {entry}", file=sys.stderr)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
