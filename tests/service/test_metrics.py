"""What the service counts of itself: all its processes together, whichever is asked, and nothing that anybody sent."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from service.metrics import Metrics
from service.workers import MAX_INSIDE
from tests.conftest import serving
from tests.service.exposition import scraped, value
from tests.service.test_processes import wait_until, workers_of

ASKED = {"query": "who pays when the machine is wrong?"}
MARK = "xylophonic"
SEARCH = {"endpoint": "/v1/search", "method": "GET", "status": "200"}


@pytest.fixture(scope="module")
def counting(
    seeds_index: Path, offline: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, int]]:
    """The address of a service of two workers that nobody else asks, and the process that looks after them."""
    folder = tmp_path_factory.mktemp("counting")
    environment = {**offline, "TMPDIR": str(folder)}
    with serving(seeds_index, environment, folder / "log.txt") as (address, process):
        wait_until(lambda: value(scraped(address), "onrecord_workers_ready") == 2)
        yield address, process.pid
    assert [path.name for path in folder.iterdir()] == ["log.txt"]


def get(address: str, path: str, **parameters: str) -> int:
    """By a connection of its own, which either worker may take."""
    return httpx2.get(f"{address}{path}", params=parameters, trust_env=False, timeout=120).status_code


def test_requests_are_counted_over_all_workers_by_the_template_of_their_path(counting: tuple[str, int]) -> None:
    address, _ = counting
    before = value(scraped(address), "onrecord_requests_total", **SEARCH)
    for number in range(24):
        assert get(address, "/v1/search", **ASKED) == 200
        assert get(address, f"/v1/episodes/{MARK}-{number}") == 404
        assert get(address, f"/{MARK}/{number}") == 404
    assert httpx2.head(f"{address}/v1/speakers", trust_env=False, timeout=120).status_code == 200
    assert httpx2.request("LOCK", f"{address}/v1/search", trust_env=False, timeout=120).status_code == 405
    assert get(address, "/static/icon.svg") == 200
    for _ in range(6):
        found = scraped(address)
        assert value(found, "onrecord_requests_total", **SEARCH) == before + 24
        assert value(found, "onrecord_request_duration_seconds_count", endpoint="/v1/search") >= before + 24
        assert value(found, "onrecord_requests_total", endpoint="/v1/episodes/{episode_id}", status="404") == 24
        assert value(found, "onrecord_requests_total", endpoint="none", status="404") == 24
        assert value(found, "onrecord_requests_total", endpoint="/v1/speakers", method="HEAD") == 1
        assert value(found, "onrecord_requests_total", endpoint="/v1/search", method="other", status="405") == 1
        assert value(found, "onrecord_requests_total", endpoint="/static", status="200") == 1
        assert value(found, "onrecord_requests_in_flight") == 1  # this one
        assert value(found, "onrecord_queries_pending_limit") == 2 * MAX_INSIDE
        assert value(found, "onrecord_embedding_batch_queries_sum") >= 24
        assert not any(MARK in text for sample in found for text in sample.labels.values())


def test_what_answers_and_what_it_takes_of_the_machine_is_told(counting: tuple[str, int]) -> None:
    address, _ = counting
    index = httpx2.get(f"{address}/readyz", trust_env=False, timeout=120).json()["index"]
    found = scraped(address)
    assert value(found, "onrecord_generation_info", generation=index["generation"], model=index["model"]) == 1
    assert value(found, "onrecord_passages") == index["passages"]
    assert value(found, "onrecord_episodes") == index["episodes"]
    assert value(found, "process_cpu_seconds_total") > 0
    assert value(found, "process_resident_memory_bytes") > value(found, "onrecord_anonymous_memory_bytes") > 50_000_000
    assert value(found, "process_open_fds") > 20
    names = ("onrecord_generation_created_timestamp_seconds", "process_start_time_seconds")
    made, started = (value(found, name) for name in names)
    assert 0 < started - made < 86_400


def test_what_a_worker_counted_stays_when_it_dies_and_what_it_was_doing_does_not(counting: tuple[str, int]) -> None:
    address, parent = counting
    assert get(address, "/v1/search", **ASKED) == 200
    place = urlsplit(address)
    with socket.create_connection((place.hostname, place.port), timeout=60) as connection:
        connection.sendall(b"POST /v1/search HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{")
        wait_until(lambda: value(scraped(address), "onrecord_requests_in_flight") == 2)
        before = scraped(address)
        for worker in workers_of(parent):
            os.kill(worker, signal.SIGKILL)
    wait_until(lambda: _restarts_seen(address) == 2)
    wait_until(lambda: value(scraped(address), "onrecord_workers_ready") == 2)
    after = scraped(address)
    assert value(after, "onrecord_workers") == 2
    assert value(after, "onrecord_requests_in_flight") == 1
    assert value(after, "onrecord_requests_total", **SEARCH) == value(before, "onrecord_requests_total", **SEARCH)
    assert value(after, "process_cpu_seconds_total") > value(before, "process_cpu_seconds_total")
    assert get(address, "/v1/search", **ASKED) == 200
    total = value(before, "onrecord_requests_total", **SEARCH) + 1
    assert value(scraped(address), "onrecord_requests_total", **SEARCH) == total


def test_a_connection_too_many_is_counted_as_a_refusal() -> None:
    metrics = Metrics()
    metrics.refused_connection(HTTPStatus.SERVICE_UNAVAILABLE)
    metrics.refused_connection(HTTPStatus.BAD_REQUEST)
    told = metrics.exposition(None).decode()
    assert 'onrecord_refused_total{reason="connections"} 1.0' in told
    assert told.count('onrecord_requests_total{endpoint="none",method="other",status="') == 2
    assert "onrecord_generation_info" not in told


def _restarts_seen(address: str) -> float:
    """None is seen while no worker listens."""
    try:
        return value(scraped(address), "onrecord_worker_restarts_total")
    except httpx2.TransportError:
        return 0.0
