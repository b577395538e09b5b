"""The service as several processes: they share the work, are replaced when they die, and none outlives its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx2
import pytest

from tests.conftest import COMMAND, serving
from tests.service.exposition import scraped, value

ASKED = {"query": "who pays when the machine is wrong?"}


def workers_of(parent: int) -> set[int]:
    """The processes that a process has started and that have not ended."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="utf-8").split()
    return {int(child) for child in children if is_running(int(child))}


def is_running(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def wait_until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def answers(address: str) -> bool:
    return httpx2.get(f"{address}/v1/search", params=ASKED, trust_env=False).status_code == 200


def test_workers_answer_and_one_that_is_killed_is_replaced(
    seeds_index: Path, offline: Mapping[str, str], tmp_path: Path
) -> None:
    log = tmp_path / "log.txt"
    with serving(seeds_index, offline, log, workers=3) as (address, process):
        wait_until(lambda: len(workers_of(process.pid)) == 3)
        before = workers_of(process.pid)
        killed = max(before)
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: len(workers_of(process.pid) - {killed}) == 3)
        assert before - {killed} <= workers_of(process.pid)
        assert all(answers(address) for _ in range(10))
        process.terminate()
        assert process.wait(timeout=30) == 0
        assert not any(map(is_running, before))
    assert f"Worker {killed} ended (-9); another one takes its place." in log.read_text(encoding="utf-8")


def test_workers_end_with_a_parent_that_was_killed(
    seeds_index: Path, offline: Mapping[str, str], tmp_path: Path
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    environment = {**offline, "TMPDIR": str(temporary)}
    with serving(seeds_index, environment, tmp_path / "log.txt") as (address, process):
        wait_until(lambda: value(scraped(address), "onrecord_workers_ready") == 2)
        workers = workers_of(process.pid)
        process.kill()
        wait_until(lambda: not any(map(is_running, workers)))
        with pytest.raises(httpx2.ConnectError):
            answers(address)
    assert list(temporary.iterdir()) == []


def test_what_keeps_workers_from_their_work_is_told_once(offline: Mapping[str, str], tmp_path: Path) -> None:
    done = subprocess.run(
        [COMMAND, "serve", "--index", tmp_path / "none", "--port", "0", "--workers", "3"],
        env=offline,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stderr.count("no index there") == 1


def test_all_workers_serve_what_is_published(seeds_index: Path, offline: Mapping[str, str], tmp_path: Path) -> None:
    index, talks = tmp_path / "index", tmp_path / "talks"
    talks.mkdir()
    (talks / "a.md").write_text("**Lena Ortiz:** Who pays?\n\n**Omar Haddad:** The nurse pays, every time, I said.\n")
    environment = {**offline, "ONRECORD_INDEX": str(index)}

    def publish() -> None:
        subprocess.run([COMMAND, "index", talks, "--out", index], env=environment, check=True, capture_output=True)

    publish()
    with serving(index, offline, tmp_path / "log.txt") as (address, process):
        wait_until(lambda: len(workers_of(process.pid)) == 2)
        (talks / "b.md").write_text("**Iris Vale:** Why wires?\n\n**Piet Marsh:** Since wires are what we had there.\n")
        publish()

        def episodes() -> set[int]:
            found = [httpx2.get(f"{address}/v1/episodes", trust_env=False).json()["total"] for _ in range(20)]
            return set(found)

        wait_until(lambda: episodes() == {2})
