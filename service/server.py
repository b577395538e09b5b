"""The running server: a socket, uvicorn, and a line that says where to look."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path

import typer
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from indexer.errors import ArchiveError
from service.archive import Archive
from service.live import LiveArchive
from service.processes import Worker, run_workers

MAX_HEAD_BYTES = 2_097_152
_LONGEST_PATH = 65_000


def run(index: Path, first: Callable[[], Archive], *, host: str, port: int, workers: int) -> None:
    """Serves until it is told to stop; what was asked before that is answered.

    Args:
        first: opens the index; not called when the address is taken.
        workers: how many processes answer.

    Raises:
        ArchiveError: the address cannot be listened on.
        OnRecordError, EmbeddingError: the index cannot be opened.
    """
    listener = _listen(host, port)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    if workers == 1:
        _work(index, first, listener, host, Worker(lambda: None, None))
    else:
        run_workers(workers, partial(_work, index, first, listener, host))


def _work(index: Path, first: Callable[[], Archive], listener: socket.socket, host: str, worker: Worker) -> None:
    """One process of the service; the one that is waited for speaks for all."""
    live = LiveArchive(index, first)
    from service.http import create_app  # noqa: PLC0415  half a second, while the archive is opened

    config = uvicorn.Config(create_app(live), log_level="warning", http=Protocol, lifespan="off")
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(_serve(uvicorn.Server(config), live, listener, host, worker))


async def _serve(server: uvicorn.Server, live: LiveArchive, listener: socket.socket, host: str, worker: Worker) -> None:
    """The first worker listens from the start, so that /livez answers; others once their archive is open."""
    opening = asyncio.create_task(live.ready())
    if worker.ready is None:
        await opening
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    orphaned = asyncio.create_task(_stop_with(worker.parent, server))
    try:
        archive = await opening
        if worker.ready:
            _announce(archive, host, listener.getsockname()[1])
            worker.ready()
        following = asyncio.create_task(live.follow())
        await serving
        following.cancel()
        orphaned.cancel()
    finally:
        server.should_exit = True
        await serving


async def _stop_with(parent: int | None, server: uvicorn.Server) -> None:
    """A parent that is gone can neither stop this process nor replace it, which would keep the port taken."""
    while parent in (None, os.getppid()):
        await asyncio.sleep(1)
    server.should_exit = True


def _announce(archive: Archive, host: str, port: int) -> None:
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    counts = archive.generation.manifest.counts
    typer.echo(f"On Record: {counts['episodes']} episodes, {counts['passages']} passages at {address}")
    typer.echo(f"Try: curl -s '{address}/v1/search?query=who+is+to+blame+when+it+goes+wrong&limit=1'")


class Protocol(HttpToolsProtocol):
    """HTTP/1.1 with a request line that may be too long for its parser, but not without end."""

    _head_bytes = 0
    _in_head = True

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
                self.send_400_response("The request line and the headers are too long.")

    def on_headers_complete(self) -> None:
        self._in_head = False
        # The parser counts an address in 16 bits. A longer query still comes to the app, which refuses it by name.
        path, _, query = self.url.partition(b"?")
        self.url = path[:_LONGEST_PATH]
        super().on_headers_complete()
        self.scope["query_string"] = query

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._in_head = True
        self._head_bytes = 0


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen()
    except OSError as error:
        listener.close()
        raise ArchiveError(
            f"{host}:{port}: cannot be listened on ({error.strerror}). Choose another --host or --port."
        ) from error
    return listener
