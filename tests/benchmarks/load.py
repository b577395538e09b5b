"""Clients that ask a server one question after the other, in a process of their own.

    python -m tests.benchmarks.load ADDRESS CLIENTS SECONDS QUESTIONS

ADDRESS is all of it before the query, `http://127.0.0.1:8000/v1/search?limit=10&query=`. QUESTIONS are those of a file
for `onrecord eval`. Each client keeps its connection. Prints the seconds of every answer, and how many were no 200, as
JSON.
"""

from __future__ import annotations

import http.client
import json
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote, urlsplit


def questions_of(path: Path) -> list[str]:
    return [json.loads(line)["query"] for line in path.read_text(encoding="utf-8").splitlines()]


def _ask(address: str, questions: Sequence[str], first: int, end: float) -> tuple[list[float], int]:
    """The seconds of each answer that came before the end, and the number of failures."""
    place = urlsplit(address)
    connection = http.client.HTTPConnection(place.netloc, timeout=300)
    took, failed, turn = [], 0, first
    while (started := time.perf_counter()) < end:
        connection.request("GET", f"{place.path}?{place.query}{quote(questions[turn % len(questions)])}")
        answer = connection.getresponse()
        answer.read()
        took.append(time.perf_counter() - started)
        failed += answer.status != 200
        turn += 1
    return took, failed


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
