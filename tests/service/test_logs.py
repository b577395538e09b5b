"""The log as JSON: a line for each request, which holds what is needed to find it and nothing that was asked."""

from __future__ import annotations

import json
import logging
import re
import socket
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import httpx2

from service import request_id
from service.logs import LogFormat, formatter
from tests.conftest import serving
from tests.service.test_processes import workers_of

MARK = "xylophonic"


def test_each_request_is_one_line_of_json(seeds_index: Path, offline: Mapping[str, str], tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    with serving(seeds_index, {**offline, "ONRECORD_LOG_FORMAT": "json"}, log) as (address, process):
        with httpx2.Client(base_url=address, trust_env=False, timeout=60) as client:
            generation = client.get("/readyz", headers={"x-request-id": "a"}).json()["index"]["generation"]
            found = client.get("/v1/search", params={"query": MARK}, headers={"x-request-id": "b"})
            client.get(f"/v1/episodes/{MARK}", headers={"x-request-id": "c", "accept": "text/html"})
            client.get(f"/{MARK}", headers={"x-request-id": "d"})
            client.post("/v1/ask", json={"query": MARK, "stream": True}, headers={"x-request-id": "e"})
        place = urlsplit(address)
        with socket.create_connection((place.hostname, place.port), timeout=60) as connection:
            connection.sendall(b"NO REQUEST\r\n\r\n")
            assert b" 400 " in connection.makefile("rb").readline()
        workers = workers_of(process.pid)
    written = log.read_text(encoding="utf-8")
    assert MARK not in written
    lines = {line["request_id"]: line for line in map(json.loads, written.splitlines()) if "route" in line}
    told = [(lines[name]["method"], lines[name]["route"], lines[name]["status"]) for name in "abcde"]
    assert told == [
        ("GET", "/readyz", 200),
        ("GET", "/v1/search", 200),
        ("GET", "/v1/episodes/{episode_id}", 404),
        ("GET", "none", 404),
        ("POST", "/v1/ask", 200),
    ]
    assert len(lines) == 6
    assert [line["status"] for name, line in lines.items() if name not in "abcde"] == [400]
    assert lines["b"]["bytes"] == len(found.content)
    assert lines["b"]["duration_ms"] > 0
    for line in lines.values():
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", line["time"])
        assert (line["level"], line["generation"]) == ("INFO", generation)
        assert line["worker"] in workers


def test_a_line_about_no_request_has_no_id_and_one_about_a_failure_no_message() -> None:
    for form in LogFormat:
        failure = (ValueError, ValueError(MARK), None)
        record = logging.LogRecord("x", logging.ERROR, "x", 1, "It failed.\n", None, failure)
        before = formatter(form).format(record)
        named = request_id.begin([(b"x-request-id", b"desk-7")])
        after = formatter(form).format(record)
        assert named == "desk-7"
        assert "desk-7" not in before
        assert "desk-7" in after
        assert "builtins.ValueError, whose message is not logged" in after
        assert MARK not in after
        request_id._current.set(None)
