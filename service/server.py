"""The running server: a socket, uvicorn, and a line that says where to look."""

from __future__ import annotations

import socket

import typer
import uvicorn

from indexer.errors import ArchiveError
from service.archive import Archive
from service.http import create_app

# Longer than the longest query that is refused by name, so that the refusal can be a problem document.
MAX_REQUEST_LINE_BYTES = 2_097_152


def run(archive: Archive, *, host: str, port: int) -> None:
    """Serves until it is told to stop.

    Raises:
        ArchiveError: the address cannot be listened on.
    """
    config = uvicorn.Config(
        create_app(archive),
        log_level="warning",
        http="h11",
        h11_max_incomplete_event_size=MAX_REQUEST_LINE_BYTES,
    )
    listener = _listen(host, port)
    bound = listener.getsockname()[1]
    address = f"http://{f'[{host}]' if ':' in host else host}:{bound}"
    counts = archive.generation.manifest.counts
    typer.echo(f"On Record: {counts['episodes']} episodes, {counts['passages']} passages at {address}")
    typer.echo(f"Try: curl -s '{address}/v1/search?query=who+is+to+blame+when+it+goes+wrong&limit=1'")
    uvicorn.Server(config).run(sockets=[listener])


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
