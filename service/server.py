"""The running server: a socket, uvicorn, and a line that says where to look."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

import typer
import uvicorn

from indexer.errors import ArchiveError
from service.archive import Archive
from service.connections import Protocol
from service.live import LiveArchive
from service.logs import LogFormat, formatter
from service.metrics import NO_ENDPOINT, Metrics, shared_metrics
from service.places import IndexPlace
from service.processes import Care, Worker, run_workers
from service.stopping import IDLE_S, Server, Stopping, end_now
from service.tracebacks import log_of_loop, log_to_standard_error
from service.watching import tell_request

if TYPE_CHECKING:
    from starlette.types import ASGIApp

# What a worker needs to end beside the time for its answers, before its parent kills it.
TO_END_S = 5.0
# With the usual 128, those that come in a burst would try again a second later.
_WAITING_CONNECTIONS = 1024


@dataclass(frozen=True, slots=True)
class Service:
    """What is served where.

    `first`: opens the index; not called when the address is taken. `create_app`: what answers from an archive; called
    in each process. `workers`: how many processes answer. `stop_within_s`: for what is being answered when the service
    is told to stop.
    """

    index: IndexPlace
    first: Callable[[], Archive]
    create_app: Callable[[LiveArchive, Metrics, Stopping], ASGIApp]
    host: str
    port: int
    workers: int
    stop_within_s: int
    log_format: LogFormat


def run(service: Service) -> None:
    """Serves until it is told to stop; what was asked before that is answered.

    Raises:
        ArchiveError: the address cannot be listened on.
        OnRecordError, EmbeddingError: the index cannot be opened.
    """
    listener = _listen(service.host, service.port)
    log_to_standard_error(logging.INFO, formatter(service.log_format))
    with nullcontext(Metrics()) if service.workers == 1 else shared_metrics() as metrics:
        if service.workers == 1:
            _work(service, listener, metrics, Worker(lambda: None, None, 0))
        else:
            care = Care(metrics.replaced, listener.close, IDLE_S + service.stop_within_s + TO_END_S)
            run_workers(service.workers, partial(_work, service, listener, metrics), care)


def _work(service: Service, listener: socket.socket, metrics: Metrics, worker: Worker) -> None:
    """One process of the service; the one that is waited for speaks for all."""
    metrics.work_as(worker.place, worker.parent)
    live, stopping = LiveArchive(service.index, service.first, metrics), Stopping()

    def refused(status: HTTPStatus) -> None:
        metrics.refused_connection(status)
        tell_request("other", NO_ENDPOINT, status.value, 0.0, 0, live.generation)

    config = uvicorn.Config(
        service.create_app(live, metrics, stopping),
        log_config=None,
        log_level="warning",
        access_log=False,
        http=cast(Any, partial(Protocol, on_refused=refused)),
        ws="none",
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=service.stop_within_s,
    )
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.get_loop().set_exception_handler(log_of_loop)
        runner.run(_Process(service, listener, metrics, worker, live, stopping).serve(Server(config)))


@dataclass(frozen=True, slots=True)
class _Process:
    service: Service
    listener: socket.socket
    metrics: Metrics
    worker: Worker
    live: LiveArchive
    stopping: Stopping

    async def serve(self, server: Server) -> None:
        """The first worker listens from the start, so that /livez answers; others once their archive is open."""
        self.stopping.ask_by_signals(alone=self.worker.parent is None)
        orphaned = asyncio.create_task(self._stop_without_parent())
        ending = asyncio.create_task(self.stopping.wait())
        opening = asyncio.create_task(self.live.ready())
        if self.worker.ready is None:
            await self._opened(opening, ending)
        serving = asyncio.create_task(server.serve(sockets=[self.listener]))
        try:
            archive = await self._opened(opening, ending)
            self.metrics.ready.set(1)
            if self.worker.ready:
                _announce(archive, self.service.host, self.listener.getsockname()[1])
                self.worker.ready()
            following = asyncio.create_task(self.live.follow())
            await asyncio.wait((ending, serving), return_when=asyncio.FIRST_COMPLETED)
            self.metrics.ready.set(0)
            if not serving.done():
                await server.close(self.listener)
            await serving
            if self.worker.parent not in (None, os.getppid()):
                self.metrics.remove()
            if server.was_cut:
                end_now()
            following.cancel()
            orphaned.cancel()
        finally:
            server.should_exit = True
            await serving

    async def _opened(self, opening: asyncio.Task[Archive], ending: asyncio.Task[None]) -> Archive:
        """The archive; who is told to stop before it is open waits for nothing."""
        await asyncio.wait((opening, ending), return_when=asyncio.FIRST_COMPLETED)
        if not opening.done():
            end_now()
        return opening.result()

    async def _stop_without_parent(self) -> None:
        """A parent that is gone can neither stop this process nor replace it, which would keep the port taken."""
        while self.worker.parent in (None, os.getppid()):
            await asyncio.sleep(1)
        self.stopping.ask()


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
