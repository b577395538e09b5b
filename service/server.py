"""The running server: a socket, uvicorn, and a line that says where to look."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer
import uvicorn

from indexer.errors import ArchiveError
from service.archive import Archive
from service.connections import Protocol
from service.live import LiveArchive
from service.processes import Worker, run_workers
from service.tracebacks import log_of_loop, log_to_standard_error

if TYPE_CHECKING:
    from starlette.types import ASGIApp


# With the usual 128, those that come in a burst would try again a second later.
_WAITING_CONNECTIONS = 1024


def run(
    index: Path,
    first: Callable[[], Archive],
    create_app: Callable[[LiveArchive], ASGIApp],
    *,
    host: str,
    port: int,
    workers: int,
) -> None:
    """Serves until it is told to stop; what was asked before that is answered.

    Args:
        first: opens the index; not called when the address is taken.
        create_app: what answers from an archive; called in each process.
        workers: how many processes answer.

    Raises:
        ArchiveError: the address cannot be listened on.
        OnRecordError, EmbeddingError: the index cannot be opened.
    """
    listener = _listen(host, port)
    log_to_standard_error(logging.INFO)
    if workers == 1:
        _work(index, first, listener, host, create_app, Worker(lambda: None, None))
    else:
        run_workers(workers, partial(_work, index, first, listener, host, create_app))


def _work(
    index: Path,
    first: Callable[[], Archive],
    listener: socket.socket,
    host: str,
    create_app: Callable[[LiveArchive], ASGIApp],
    worker: Worker,
) -> None:
    """One process of the service; the one that is waited for speaks for all."""
    live = LiveArchive(index, first)
    config = uvicorn.Config(
        create_app(live),
        log_config=None,
        log_level="warning",
        access_log=False,
        http=Protocol,
        ws="none",
        lifespan="off",
        server_header=False,
    )
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.get_loop().set_exception_handler(log_of_loop)
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


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_WAITING_CONNECTIONS)
    except OSError as error:
        listener.close()
        raise ArchiveError(
            f"{host}:{port}: cannot be listened on ({error.strerror}). Choose another --host or --port."
        ) from error
    return listener
