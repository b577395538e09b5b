"""What the tests share: a clean environment, the command itself, and the sample interviews indexed and served by it."""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Protocol

import httpx2
import pytest

ROOT = Path(__file__).parent.parent
SEEDS = ROOT / "seeds"
COMMAND = Path(sys.executable).with_name("onrecord")
# Python runs this before anything else: whoever opens a connection ends the process, and a test with it.
_GUARD = """
import os, socket
def refuse(*arguments, **_):
    os.write(2, f"a connection was opened: {arguments}".encode())
    os._exit(97)
socket.socket.connect = socket.socket.connect_ex = socket.socket.sendto = refuse
socket.getaddrinfo = socket.gethostbyname = refuse
"""
_ADDRESS = re.compile(r" at (http://\S+)$")


class Onrecord(Protocol):
    """Runs the command to its end."""

    def __call__(self, *arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]: ...


# These take longest. They begin first, so that no process is left with one of them at the end.
_LONGEST = (
    "test_mcp.py",
    "test_upkeep.py",
    "test_frame.py",
    "test_stopping.py",
    "test_fuzz_http.py",
    "test_loading.py",
    "test_precisions.py",
    "test_whereabouts.py",
    "test_generations.py",
    "test_drafts.py",
    "test_serving.py",
    "test_processes.py",
    "test_soundness.py",
    "test_crash.py",
    "test_evaluate_compare.py",
    "test_reader.py",
    "test_cli.py",
    "test_metrics.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {name: place for place, name in enumerate(_LONGEST)}
    items.sort(key=lambda item: places.get(item.path.name, len(places)))


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the run, for all processes that share its tests."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session", autouse=True)
def environment(shared: Path) -> Iterator[None]:
    """No setting of this machine's user reaches a test, and compiled models are kept for the run alone."""
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ:
            if name.startswith("ONRECORD_") or name in ("FORCE_COLOR", "PY_COLORS", "GITHUB_ACTIONS"):
                patch.delenv(name)
        patch.setenv("ONRECORD_CACHE", str(shared / "cache"))
        patch.setenv("NO_COLOR", "1")
        patch.setenv("COLUMNS", "200")
        yield


@pytest.fixture(scope="session")
def offline(environment: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a process that must not call anybody, with a home that is empty at first."""
    guard = tmp_path_factory.mktemp("guard")
    (guard / "sitecustomize.py").write_text(_GUARD, encoding="utf-8")
    path = os.pathsep.join([str(guard), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path, "HOME": str(tmp_path_factory.mktemp("home"))}


@pytest.fixture(scope="session")
def onrecord(offline: dict[str, str]) -> Onrecord:
    """The installed command, as a process of its own, without a network."""

    def run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [COMMAND, *arguments],
            env={**offline, **environment},
            cwd=ROOT,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=300,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def seeds_index(onrecord: Onrecord, shared: Path) -> Path:
    """The sample interviews, indexed with the default model by the command. Not to be written to."""
    index = shared / "seeds" / "index"
    with (shared / "seeds.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not index.exists():
            done = onrecord("index", SEEDS, "--out", index)
            assert done.returncode == 0, done.stderr
    return index


@contextmanager
def serving(
    index: Path, environment: Mapping[str, str], log: Path, *, workers: int = 2
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """`onrecord serve` on a free port of the loopback, ready to answer: its address, and its process."""
    command: list[str | Path] = [COMMAND, "serve", "--index", index, "--port", "0", "--workers", str(workers)]
    with (
        log.open("w", encoding="utf-8") as stderr,
        subprocess.Popen(
            command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=stderr, encoding="utf-8"
        ) as process,
    ):
        assert process.stdout is not None
        found = _ADDRESS.search(process.stdout.readline().strip())
        if found is None:
            process.terminate()
            pytest.fail(f"the server printed no address: {log.read_text(encoding='utf-8')}")
        try:
            yield found[1], process
        finally:
            process.terminate()
            process.wait(timeout=30)
    assert "Traceback" not in log.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def server(seeds_index: Path, offline: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of `onrecord serve` over the sample interviews."""
    with serving(seeds_index, offline, tmp_path_factory.mktemp("server") / "stderr.txt") as (address, _):
        yield address


@pytest.fixture(scope="session")
def client(server: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=server, trust_env=False, timeout=60) as client:
        yield client


@pytest.fixture(scope="session")
def transcript(client: httpx2.Client) -> Callable[[str], str]:
    """The canonical text of a sample interview, as it is served, by the episode's id."""

    @cache
    def text(episode: str) -> str:
        found: str = client.get(f"/v1/episodes/{episode}/transcript").json()["text"]
        return found

    return text
