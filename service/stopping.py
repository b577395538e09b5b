"""How a process of the service ends: it is told to, takes no new connection, answers what was asked, and is gone.

SIGTERM and SIGINT tell it. What came before the signal is answered, also what the kernel had not yet handed over. A
connection that is idle stays open for a moment longer, since a request may be on its way; what is still being answered
after the time for it is cut off. Where a process has a parent, that one cuts it off at a second signal.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import select
import signal
import socket
import sys
from collections.abc import Generator
from typing import NoReturn

import uvicorn

from service.processes import SIGNALS

# So long a connection without a request stays open after the signal: one may be on its way.
IDLE_S = 0.5
# Passes of the event loop in which it takes every connection that the kernel held when the signal came.
_PASSES = 5

log = logging.getLogger("onrecord.service")


class Stopping:
    """Whether this process is to end. Belongs to one event loop's thread."""

    def __init__(self) -> None:
        self._asked = asyncio.Event()

    @property
    def is_asked(self) -> bool:
        return self._asked.is_set()

    def ask(self) -> None:
        self._asked.set()

    async def wait(self) -> None:
        """Until it is asked to end."""
        await self._asked.wait()

    def ask_by_signals(self, *, alone: bool) -> None:
        """Lets signals ask.

        Args:
            alone: whether no parent passes signals on. Then a second one ends the process at once; else there is only
                the parent's, for a terminal sends SIGINT, and some supervisors SIGTERM, to the workers as well.
        """
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.add_signal_handler(number, self._signalled, alone)
        if not alone:
            loop.remove_signal_handler(signal.SIGINT)
            signal.signal(signal.SIGINT, signal.SIG_IGN)

    def _signalled(self, alone: bool) -> None:
        if self.is_asked and alone:
            log.warning("Told to stop a second time: what is being answered is cut off.")
            end_now()
        self.ask()


class Server(uvicorn.Server):
    """uvicorn's server, whose signals are `Stopping`'s. `was_cut`: the time was over before all was answered."""

    was_cut = False

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield

    async def close(self, listener: socket.socket) -> None:
        """Takes the connections that are waiting and no more; lets the idle ones go; then uvicorn's own end begins."""
        passes = 0
        while not self.started:
            await asyncio.sleep(0.01)
        while passes < _PASSES or (passes < 10 * _PASSES and _has_more(listener)):
            await asyncio.sleep(0)
            passes += 1
        for server in self.servers:
            server.close()
        listener.close()
        await asyncio.sleep(IDLE_S)
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """uvicorn's, which waits for what is being answered as long as it was told."""
        await super().shutdown(sockets)
        if self.server_state.tasks:
            self.was_cut = True
            await asyncio.sleep(0.1)  # so that the log can tell of them


def end_now(code: int = 0) -> NoReturn:
    """Ends the process whatever its threads are doing."""
    sys.stdout.flush()
    logging.shutdown()
    os._exit(code)


def _has_more(listener: socket.socket) -> bool:
    waiting = select.poll()
    waiting.register(listener, select.POLLIN)
    return bool(waiting.poll(0))
