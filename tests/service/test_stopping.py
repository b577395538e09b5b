"""How the service ends and begins: what was asked is answered, nothing new is taken, and readiness tells the truth."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.conftest import ROOT, serving
from tests.service.exposition import scraped, value
from tests.service.language_model_server import Script, language_model_server
from tests.service.test_processes import is_running, wait_until, workers_of

ASKED = {"query": "who pays when the machine is wrong?"}


class Slow:
    """A language model that answers as soon as it may, so that a stream is open for as long as a test wants."""

    def __init__(self) -> None:
        self.asked, self.may_answer = threading.Event(), threading.Event()

    def answer(self, _: Mapping[str, object]) -> str:
        self.asked.set()
        assert self.may_answer.wait(timeout=120)
        return "Nobody pays."


@pytest.fixture
def slow() -> Iterator[tuple[Slow, dict[str, str]]]:
    """The model, and the environment of a service that asks it."""
    model = Slow()
    with language_model_server(Script(model.answer)) as url:
        yield model, {"ONRECORD_LLM_URL": url, "ONRECORD_LLM_MODEL": "parrot"}
        model.may_answer.set()


@pytest.fixture
def online(offline: Mapping[str, str]) -> dict[str, str]:
    """An environment that lets connections be made, to a language model."""
    return {**os.environ, "ONRECORD_CACHE": offline["ONRECORD_CACHE"]}


def ask(address: str) -> str:
    """The whole stream of an answer, as far as it comes."""
    received = ""
    with (
        httpx2.Client(trust_env=False, timeout=120) as client,
        client.stream("POST", f"{address}/v1/ask", json=ASKED) as answer,
        contextlib.suppress(httpx2.RemoteProtocolError),
    ):
        assert answer.status_code == 200
        for piece in answer.iter_text():
            received += piece
    return received


def is_refused(address: str) -> bool:
    place = urlsplit(address)
    try:
        socket.create_connection((place.hostname, place.port), timeout=60).close()
    except ConnectionError:
        return True
    return False


@pytest.mark.parametrize("workers", [2])
def test_a_stream_is_finished_and_no_new_connection_taken(
    workers: int, slow: tuple[Slow, dict[str, str]], seeds_index: Path, online: Mapping[str, str], tmp_path: Path
) -> None:
    model, environment = slow
    number = signal.SIGINT if workers == 1 else signal.SIGTERM
    with (
        serving(seeds_index, {**online, **environment}, tmp_path / "log.txt", workers=workers) as (address, process),
        ThreadPoolExecutor(1) as pool,
    ):
        if workers > 1:
            wait_until(lambda: value(scraped(address), "onrecord_workers_ready") == workers)
        stream = pool.submit(ask, address)
        assert model.asked.wait(timeout=60)
        process.send_signal(number)
        wait_until(lambda: is_refused(address))
        assert process.poll() is None
        model.may_answer.set()
        assert "event: answer" in stream.result()
        assert process.wait(timeout=60) == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_no_request_that_was_sent_before_the_signal_fails(
    workers: int, seeds_index: Path, offline: Mapping[str, str], tmp_path: Path
) -> None:
    body = json.dumps({"query": ["who pays?", "why wires?"]}).encode()
    request = (
        f"POST /v1/search HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    ).encode() + body
    with (
        serving(seeds_index, offline, tmp_path / "log.txt", workers=workers) as (address, process),
        contextlib.ExitStack() as open_,
    ):
        place = urlsplit(address)

        def connections(count: int) -> list[socket.socket]:
            made = ((place.hostname, place.port) for _ in range(count))
            return [open_.enter_context(socket.create_connection(to, timeout=120)) for to in made]

        kept = connections(10)
        for connection in kept:  # asked once, and kept for more
            connection.sendall(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n")
            assert _answer(connection) == (200, b'{"status":"ok"}')
        asking = [*kept, *connections(30)]
        for connection in asking:
            connection.sendall(request)
        process.terminate()
        for status, content in map(_answer, asking):
            assert status == 200
            assert len(json.loads(content)["searches"]) == 2
        assert process.wait(timeout=60) == 0
    assert "rror" not in (tmp_path / "log.txt").read_text(encoding="utf-8")


def test_what_takes_longer_than_it_may_is_cut_off_and_the_exit_code_is_zero(
    slow: tuple[Slow, dict[str, str]], seeds_index: Path, online: Mapping[str, str], tmp_path: Path
) -> None:
    model, environment = slow
    environment = {**online, **environment, "ONRECORD_STOP_WITHIN": "1"}
    with (
        _run("main()", seeds_index, environment, "--workers", "2") as (address, process),
        ThreadPoolExecutor(1) as pool,
    ):
        stream = pool.submit(ask, address)
        assert model.asked.wait(timeout=60)
        process.terminate()
        assert process.wait(timeout=60) == 0
        assert "event: sources" in stream.result()
        assert "event: answer" not in stream.result()


def test_a_second_signal_ends_it_at_once(
    slow: tuple[Slow, dict[str, str]], seeds_index: Path, online: Mapping[str, str]
) -> None:
    model, environment = slow
    environment = {**online, **environment, "ONRECORD_STOP_WITHIN": "3600"}
    with (
        _run("main()", seeds_index, environment, "--workers", "2") as (address, process),
        ThreadPoolExecutor(1) as pool,
    ):
        stream = pool.submit(ask, address)
        assert model.asked.wait(timeout=60)
        children = workers_of(process.pid)
        process.terminate()
        wait_until(lambda: is_refused(address))
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0
        assert not any(map(is_running, children))
        assert "event: answer" not in stream.result()


def test_readyz_says_that_it_stops_and_a_second_signal_to_one_that_is_alone_ends_it_too(
    seeds_index: Path, offline: Mapping[str, str]
) -> None:
    program = "from service import stopping; stopping.IDLE_S = 3600; main()"
    with (
        _run(program, seeds_index, offline, "--workers", "1") as (address, process),
        httpx2.Client(base_url=address, trust_env=False, timeout=120) as client,
    ):
        assert client.get("/readyz").status_code == 200
        process.terminate()
        found = client.get("/readyz")
        while found.status_code == 200:
            found = client.get("/readyz")
        assert (found.status_code, found.json()["detail"]) == (503, "The service is stopping.")
        assert found.headers["connection"] == "close"
        process.terminate()
        assert process.wait(timeout=60) == 0


def test_who_is_told_to_stop_while_the_archive_is_being_opened_waits_for_nothing(
    seeds_index: Path, offline: Mapping[str, str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    program = "import time\nfrom service import live\nlive._warm = lambda first: time.sleep(3600)\nmain()"
    with _started(program, seeds_index, offline, "--workers", "2", "--port", str(port)) as process:
        wait_until(lambda: not is_refused(f"http://127.0.0.1:{port}"))
        wait_until(
            lambda: httpx2.get(f"http://127.0.0.1:{port}/livez", trust_env=False, timeout=120).status_code == 200
        )
        process.terminate()
        assert process.wait(timeout=60) == 0


def test_each_worker_listens_only_when_it_is_warm(
    seeds_index: Path, offline: Mapping[str, str], tmp_path: Path
) -> None:
    # The first to open its archive waits for a file, the second for another.
    program = f"""
import os, time
from service import live
warm = live._warm
def waits(first):
    try:
        os.close(os.open({str(tmp_path / "began")!r}, os.O_CREAT | os.O_EXCL))
        until = {str(tmp_path / "one")!r}
    except FileExistsError:
        until = {str(tmp_path / "two")!r}
    while not os.path.exists(until):
        time.sleep(0.05)
    return warm(first)
live._warm = waits
main()
"""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    with _started(program, seeds_index, offline, "--workers", "2", "--port", str(port)) as process:
        wait_until(lambda: not is_refused(address))
        assert httpx2.get(f"{address}/livez", trust_env=False, timeout=120).status_code == 200
        found = httpx2.get(f"{address}/readyz", trust_env=False, timeout=120)
        assert (found.status_code, found.headers["retry-after"]) == (503, "1")
        assert value(scraped(address), "onrecord_workers_ready") == 0
        (tmp_path / "one").touch()
        wait_until(lambda: len(workers_of(process.pid)) == 2)
        for _ in range(20):
            assert httpx2.get(f"{address}/readyz", trust_env=False, timeout=120).status_code == 200
        assert value(scraped(address), "onrecord_workers_ready") == 1
        (tmp_path / "two").touch()
        wait_until(lambda: value(scraped(address), "onrecord_workers_ready") == 2)
        process.terminate()
        assert process.wait(timeout=60) == 0


def _answer(connection: socket.socket) -> tuple[int, bytes]:
    response = http.client.HTTPResponse(connection)
    response.begin()
    return response.status, response.read()


@contextlib.contextmanager
def _run(
    program: str, index: Path, environment: Mapping[str, str], *options: str
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A service as a program of a test begins it, once it is ready: its address, and its process."""
    with _started(program, index, environment, *options, "--port", "0") as process:
        assert process.stdout is not None
        yield process.stdout.readline().split()[-1], process


@contextlib.contextmanager
def _started(
    program: str, index: Path, environment: Mapping[str, str], *options: str
) -> Iterator[subprocess.Popen[str]]:
    command: list[str | Path] = [sys.executable, "-c", f"from service.cli import main\n{program}", "serve"]
    with subprocess.Popen(
        [*command, "--index", index, *options],
        env={**environment},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
