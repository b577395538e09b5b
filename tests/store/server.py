"""A Milvus for tests: `milvus-lite server`, a process of its own, on the loopback."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from indexer.errors import NotNow
from indexer.milvus import Milvus, StoreAddress

COMMAND = Path(sys.executable).with_name("milvus-lite")
_UP_WITHIN_S = 60.0


class Server:
    """One that can be killed and started again with what it holds."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        if not COMMAND.exists():
            pytest.fail("milvus-lite is not installed: `make .venv/installed-dev` installs it")
        command: list[str | Path] = [COMMAND, "server", "--data-dir", self._folder / "data", "--host", "127.0.0.1"]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen([*command, "--port", str(self.port)], stdout=log, stderr=log)
        end = time.monotonic() + _UP_WITHIN_S
        while True:
            try:
                self.connected("any").collections()
            except NotNow:
                if self._process.poll() is not None or time.monotonic() > end:
                    raise
                time.sleep(0.1)
            else:
                return

    def kill(self) -> None:
        """As a machine that fails: nothing is told, nothing is flushed."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def address(self, name: str) -> str:
        return f"milvus://127.0.0.1:{self.port}/{name}"

    def connected(self, name: str) -> Milvus:
        return Milvus(StoreAddress("127.0.0.1", self.port, name))


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
