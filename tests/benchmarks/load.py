"""Clients that ask a server one question after the other, in a process of their own.

    python -m tests.benchmarks.load ADDRESS CLIENTS SECONDS QUESTIONS

ADDRESS is all of it before the query, `http://127.0.0.1:8000/v1/search?limit=10&query=`. QUESTIONS are those of a file
for `onrecord eval`. Each client keeps its connection. Prints the seconds of every answer, and how many were no 200, as
JSON.
"""

from __future__ import annotations

import json
import re
import socket
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import SplitResult, quote, urlsplit

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)


def questions_of(path: Path) -> list[str]:
    return [json.loads(line)["query"] for line in path.read_text(encoding="utf-8").splitlines()]


def _ask(address: str, questions: Sequence[str], first: int, end: float) -> tuple[list[float], int]:
    """The seconds of each answer that came before the end, and the number of failures."""
    place = urlsplit(address)
    requests = [_request(place, question) for question in questions]
    took, failed, turn = [], 0, first
    with socket.create_connection((place.hostname, place.port), timeout=300) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while (started := time.perf_counter()) < end:
            connection.sendall(requests[turn % len(requests)])
            is_found = _answered(connection).startswith(b"HTTP/1.1 200 ")
            took.append(time.perf_counter() - started)
            failed += not is_found
            turn += 1
    return took, failed


def _request(place: SplitResult, question: str) -> bytes:
    return f"GET {place.path}?{place.query}{quote(question)} HTTP/1.1\r\nHost: {place.netloc}\r\n\r\n".encode("ascii")


def _answered(connection: socket.socket) -> bytes:
    """A whole answer. Python's own client takes longer to read its head than a server to write it."""
    answer = bytearray()
    while (head := answer.find(b"\r\n\r\n")) < 0:
        answer += _received(connection)
    length = _LENGTH.search(answer, 0, head + 2)
    if length is None:
        raise ValueError(f"no Content-Length in {bytes(answer[:head])!r}")
    while len(answer) < head + 4 + int(length[1]):
        answer += _received(connection)
    return bytes(answer)


def _received(connection: socket.socket) -> bytes:
    received = connection.recv(1 << 20)
    if not received:
        raise ConnectionError("The server closed the connection.")
    return received


def main() -> None:
    address, clients, seconds, questions = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4])
    asked = questions_of(questions)
    started = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        tasks = [pool.submit(_ask, address, asked, client * 17, started + seconds) for client in range(clients)]
        found = [task.result() for task in tasks]
    elapsed = time.perf_counter() - started
    took = [one for mine, _ in found for one in mine]
    print(json.dumps({"seconds": took, "failed": sum(failed for _, failed in found), "elapsed": elapsed}))


if __name__ == "__main__":
    main()
