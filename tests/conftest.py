"""What the tests share: a clean environment, the command itself, and the sample interviews indexed and served by it."""

from __future__ import annotations

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


@pytest.fixture(scope="session", autouse=True)
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No setting of this machine's user reaches a test, and compiled models are kept for the session alone."""
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ:
            if name.startswith("ONRECORD_") or name in ("FORCE_COLOR", "PY_COLORS", "GITHUB_ACTIONS"):
                patch.delenv(name)
        patch.setenv("ONRECORD_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("NO_COLOR", "1")
        patch.setenv("COLUMNS", "200")
        yield


@pytest.fixture(scope="session")
def offline(environment: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a process that must not call anybody, with a home and a cache that are empty at first."""
    guard = tmp_path_factory.mktemp("guard")
    (guard / "sitecustomize.py").write_text(_GUARD, encoding="utf-8")
    path = os.pathsep.join([str(guard), *filter(None, [os.environ.get("PYTHONPATH")])])
    home, cache = (str(tmp_path_factory.mktemp(name)) for name in ("home", "cache"))
    return {**os.environ, "PYTHONPATH": path, "HOME": home, "ONRECORD_CACHE": cache}


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
def seeds_index(onrecord: Onrecord, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample interviews, indexed with the default model by the command."""
    index = tmp_path_factory.mktemp("seeds") / "index"
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
