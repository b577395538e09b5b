"""A server under measurement: started, timed to its first answer, loaded by clients, weighed, and stopped."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import numpy as np

PORT = 8391


@dataclass(frozen=True, slots=True)
class Load:
    """What some clients saw: the seconds of every answer, in how many seconds, and how many were no 200."""

    clients: int
    seconds: tuple[float, ...]
    elapsed: float
    failed: int

    @property
    def answers(self) -> int:
        return len(self.seconds)

    @property
    def per_second(self) -> float:
        return self.answers / self.elapsed

    def __add__(self, other: Load) -> Load:
        """Both, one after the other."""
        seconds, elapsed = self.seconds + other.seconds, self.elapsed + other.elapsed
        return Load(self.clients, seconds, elapsed, self.failed + other.failed)


@dataclass(frozen=True, slots=True)
class Running:
    """`address`: all of it before the query. `cold_s`: from the start of the process to the first answer."""

    pid: int
    address: str
    cold_s: float

    def load(self, clients: int, seconds: float, questions: Path) -> Load:
        command = [sys.executable, "-m", "tests.benchmarks.load", self.address, str(clients), str(seconds)]
        done = subprocess.run([*command, str(questions)], check=True, capture_output=True, text=True)
        found = json.loads(done.stdout)
        return Load(clients, tuple(found["seconds"]), found["elapsed"], found["failed"])

    def megabytes(self, name: str) -> float:
        """`RssAnon` or `VmRSS` of the process and of those that it started, together."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text(encoding="utf-8").split()
        return sum(_megabytes(process, name) for process in (str(self.pid), *children))


@contextmanager
def running(
    command: Sequence[str | Path], path: str, environment: Mapping[str, str] | None = None, port: int = PORT
) -> Iterator[Running]:
    """A server, told to listen on a port, which answers `path` with a query put behind it."""
    address = f"http://127.0.0.1:{port}{path}"
    started = time.perf_counter()
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, env={**os.environ, **(environment or {})}, stdout=quiet, stderr=quiet) as process:
        try:
            while not _answers(f"{address}who"):
                if process.poll() is not None:
                    raise RuntimeError(f"{command[0]} ended with {process.returncode} before it answered.")
                time.sleep(0.01)
            yield Running(process.pid, address, time.perf_counter() - started)
        finally:
            process.terminate()


def _megabytes(process: str, name: str) -> float:
    lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:"))


def milliseconds(seconds: Sequence[float]) -> tuple[float, float, float]:
    """p50, p95 and p99."""
    p50, p95, p99 = np.percentile(np.array(seconds) * 1000, [50, 95, 99])
    return float(p50), float(p95), float(p99)


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError as error:
        if error.code != HTTPStatus.SERVICE_UNAVAILABLE:
            raise
        return False
    except (urllib.error.URLError, ConnectionError):
        return False
