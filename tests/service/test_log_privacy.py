"""What a service writes to its log: no query, no draft, no words of a transcript, no key, also when something fails."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest

from service.keys import Scope, add_key
from service.tracebacks import Formatter, without_values
from tests.conftest import ROOT

MARK = "xylophonic"
# A service in which answers fail, and say in their errors what was asked.
_BROKEN = """
import asyncio
from service import answers, verifying, mcp_tools
from service.cli import main
def fails(*arguments, **more):
    try:
        raise KeyError(str(arguments))
    except KeyError as error:
        raise ValueError(f"{arguments} {more}") from error
answers.searches = verifying.verified_body = mcp_tools._found = fails
main()
"""


def test_neither_what_is_asked_nor_a_key_comes_into_the_log(
    seeds_index: Path, offline: dict[str, str], tmp_path: Path
) -> None:
    key = add_key(tmp_path / "keys.json", "reader", Scope.READ, 6000)
    options: list[str | Path] = [
        "serve",
        "--index",
        seeds_index,
        "--port",
        "0",
        "--workers",
        "1",
        "--keys",
        tmp_path / "keys.json",
    ]
    with (
        (tmp_path / "log.txt").open("w", encoding="utf-8") as stderr,
        subprocess.Popen(
            [sys.executable, "-c", _BROKEN, *options],
            env=offline,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        ) as process,
        ExitStack() as ending,
    ):
        assert process.stdout is not None
        ending.callback(process.terminate)
        address = process.stdout.readline().split()[-1]
        headers = {"authorization": f"Bearer {key}", "x-note": MARK, "accept": "application/json, text/event-stream"}
        with httpx2.Client(base_url=address, headers=headers, trust_env=False, timeout=60) as client:
            asked = {"query": f"who pays the {MARK} bill?"}
            call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "search", "arguments": asked}}
            statuses = [
                client.get("/v1/search", params=asked).status_code,
                client.post("/v1/search", json=asked).status_code,
                client.post("/v1/verify", json={"text": f"“The {MARK} nurse pays,” said Ilse Brandvold."}).status_code,
                client.get("/v1/quotes", params=asked).status_code,
                client.get(f"/v1/episodes/{MARK}").status_code,
                client.post("/v1/search", content=f"{{{MARK}").status_code,
                client.get("/v1/search", headers={"authorization": f"Bearer onrecord_{MARK}"}).status_code,
                client.get(f"/{MARK}", headers={"host": f"{MARK}.example"}).status_code,
            ]
            assert statuses == [500, 500, 500, 200, 404, 422, 401, 421]
            assert client.post("/mcp", json={**call, "params": {"name": MARK, "arguments": asked}}).status_code == 200
            assert "defect" in client.post("/mcp", json=call, headers={"x-request-id": "an-agents-own"}).text
            failed = client.get("/v1/search", params=asked, headers={"x-request-id": "the-one-that-failed"})
            assert (failed.status_code, failed.headers["x-request-id"]) == (500, "the-one-that-failed")
            assert failed.json()["request_id"] == "the-one-that-failed"
    written = (tmp_path / "log.txt").read_text(encoding="utf-8")
    assert MARK not in written
    assert key not in written
    assert written.count("builtins.ValueError, whose message is not logged") >= 4
    assert re.search(r'File ".*http\.py", line \d+, in search', written)
    told = [line for line in written.splitlines() if "the-one-that-failed" in line]
    assert re.search(r"GET /v1/search 500, [\d.]+ ms, \d+ bytes, \S+ \[the-one-that-failed\]$", told[0])
    assert re.search(r"ERROR Exception in ASGI application.*\[the-one-that-failed\]", "".join(told[1:]))
    assert re.search(r"ERROR .*\[an-agents-own\]", written)


def test_a_traceback_tells_where_and_of_which_class_for_every_error_that_led_to_it() -> None:
    def full() -> None:
        raise OSError(28, MARK, f"{MARK}.txt")

    def fails() -> None:
        try:
            full()
        except OSError as error:
            raise ExceptionGroup(MARK, [ValueError(MARK), KeyError(MARK)]) from error

    with pytest.raises(ExceptionGroup) as caught:
        fails()
    caught.value.__context__ = caught.value
    told = without_values(caught.value)
    assert MARK not in told
    assert "in fails" in told
    for name in ("builtins.OSError (errno 28)", "builtins.ExceptionGroup", "builtins.ValueError", "builtins.KeyError"):
        assert f"{name}, whose message is not logged" in told
    record = logging.LogRecord("x", logging.ERROR, "x", 1, "It failed.", None, (type(caught.value), caught.value, None))
    assert MARK not in Formatter().format(record)
